"""The maps that one layer made of one input, and where their positions lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.lenses.sheet.theme import TIMES, Numbers, count, shape_text

if TYPE_CHECKING:
    from convscope.scope.geometry.receptive_field import Geometry


@dataclass(frozen=True, eq=False)
class Placing:
    """Where the positions of a map lie along the only axis of an input.

    Args:
        centers: The middle of what each depends on, as a position in the input, as if it had no ends.
        windows: What each depends on, cut at the ends of the input: the first position and the one behind
            the last, (positions, 2).
    """

    centers: Numbers
    windows: npt.NDArray[np.int64]

    @classmethod
    def of(cls, geometry: Geometry) -> Placing | None:
        """From the geometry of an output; None where its positions do not lie along a single axis."""
        if not geometry.known or len(geometry.dependencies) != 1:
            return None
        reach = geometry.dependencies[0]
        if reach.axis is None or reach.whole:
            return None
        positions = geometry.shape[reach.axis - 1]
        if positions is None or _axis_without_channels(reach.axis, geometry.channel_axis) != 0:
            return None
        ends = np.array([reach.interval(place) for place in range(positions)], np.int64).reshape(-1, 2)
        limits = reach.spans if reach.spans is not None else ends.T
        windows = np.stack([limits[0], limits[1] + 1], axis=1)
        windows[windows[:, 0] >= windows[:, 1]] = 0
        return cls(ends.mean(axis=1), windows)


def _axis_without_channels(axis: int, channel_axis: int) -> int:
    """The number of an axis among the positions alone."""
    return axis - 1 - (axis > channel_axis)


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """What one layer made of one input.

    Args:
        path: The layer's path in the model.
        text: One line that explains the layer.
        maps: (positions..., channels).
        receptive_field: Input positions per spatial axis that one position depends on; None: not known. An
            entry that is None: the whole axis.
        stride: Input positions between neighbors per spatial axis; None: not known.
        over: Of a model with several inputs, the number of the one that the positions lie along.
        placing: Where the positions lie along an input with a single axis; None: not known, or several axes.
        hops: How many edges away from each node of a graph lie others that it depends on.
    """

    path: str
    text: str
    maps: Numbers
    receptive_field: tuple[int | None, ...] | None = None
    stride: tuple[float | None, ...] | None = None
    over: int = 0
    placing: Placing | None = None
    hops: int = 0

    @classmethod
    def of(cls, path: str, text: str, maps: Numbers, geometry: Geometry, over: int = 0) -> LayerMaps:
        """From one sample's output of a layer and its geometry, wherever the channels are.

        Args:
            path: The layer's path.
            text: One line that explains the layer.
            maps: The output without the batch axis.
            geometry: Of the output.
            over: The number of the input that its positions lie along.
        """
        last = np.moveaxis(maps, geometry.channel_axis - 1, -1) if np.ndim(maps) else np.reshape(maps, 1)
        placing = Placing.of(geometry)
        return cls(path, text, last, geometry.receptive_field, geometry.stride, over, placing, geometry.hops)

    def __post_init__(self) -> None:
        if not 1 <= np.ndim(self.maps) <= 4 or 0 in np.shape(self.maps):
            raise UsageError(
                f"The maps of '{self.path}' have shape {np.shape(self.maps)}, not 1 to 4 axes, none empty.",
                "Give the maps of one input, without the batch axis and with the channel axis last.",
            )

    @property
    def channels(self) -> int:
        """How many maps there are."""
        return int(np.shape(self.maps)[-1])

    @property
    def planes(self) -> Numbers:
        """(channels, ...) as drawn: the middle slice of a volume, (channels,) of a vector."""
        maps = np.asarray(self.maps)
        if maps.size == self.channels:
            return maps.reshape(self.channels)
        if maps.ndim == 4:
            maps = maps[maps.shape[0] // 2]
        return np.moveaxis(maps, -1, 0)

    @property
    def note(self) -> str:
        """What `planes` leaves out; empty where that is nothing."""
        if np.ndim(self.maps) < 4 or self.planes.ndim < 3:
            return ""
        depth = np.shape(self.maps)[0]
        return f"middle slice of each volume, {depth // 2} of 0 to {depth - 1}"

    def geometry(self, node: str = "node", hop: str = "hop") -> str:
        """Its shape, receptive field and stride in words; where values belong to nodes, hops apart."""
        parts = [shape_text(np.shape(self.maps))]
        if self.hops:
            said = f"each {node} depends on {node}s up to {count(self.hops, hop)} away"
            return "  ·  ".join([*parts, said])
        if self.receptive_field is not None and any(size != 0 for size in self.receptive_field):
            field = tuple("all" if size is None else f"{size:,}" for size in self.receptive_field)
            whole = set(field) <= {"all"}
            sizes = f" {TIMES} ".join(field)
            parts.append("depends on the whole input" if whole else f"receptive field {sizes}")
        if self.stride and None not in self.stride:
            parts.append(f"stride {shape_text(self.stride)} in the input")
        return "  ·  ".join(parts)
