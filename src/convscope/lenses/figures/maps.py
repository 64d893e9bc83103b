"""Feature maps of one input, layer by layer, and of several inputs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.blocks import BAR_ROOM, place_block, write_missing
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, HEADING, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import TIMES, Numbers, find_theme, shape_text
from convscope.lenses.views.sample import Sample, place_picture
from convscope.lenses.views.series_maps import LABEL, Placing, place_series_block
from convscope.lenses.views.signals import place_signal, timeline_of
from convscope.lenses.views.text_maps import over_tokens, place_text_block
from convscope.lenses.views.tokens import PADDING, lay_out, place_tokens

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.scope.geometry.geometry import Geometry

INPUT = 196
BESIDE = INPUT + 28  # where the maps begin beside the input
STRIPS = INNER - LABEL - BAR_ROOM
SCALES = ("layer", "map")
ORDERS = ("strongest", "index")


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """What one layer made of one input.

    Args:
        path: The layer's path in the model.
        text: One line that explains the layer.
        maps: (rows, columns, channels), (length, channels), (depth, rows, columns, channels) or (channels,).
        receptive_field: Input positions per spatial axis that one position depends on; None: not known. An
            entry that is None: the whole axis.
        stride: Input positions between neighbours per spatial axis; None: not known.
        over: Of a model of two texts, which one the positions lie along: 0 the first, 1 its target.
        placing: Where in a series the positions are; None: not known, or no series.
    """

    path: str
    text: str
    maps: Numbers
    receptive_field: tuple[int | None, ...] | None = None
    stride: tuple[float | None, ...] | None = None
    over: int = 0
    placing: Placing | None = None

    @classmethod
    def of(cls, path: str, text: str, maps: Numbers, geometry: Geometry, over: int = 0) -> LayerMaps:
        """From one sample's output of a layer and its geometry, wherever the channels are.

        Args:
            path: The layer's path.
            text: One line that explains the layer.
            maps: The output without the batch axis.
            geometry: Of the output.
            over: Which of two texts its positions lie along.
        """
        last = np.moveaxis(maps, geometry.channel_axis - 1, -1) if np.ndim(maps) else np.reshape(maps, 1)
        placing = Placing.of(geometry)
        return cls(path, text, last, geometry.receptive_field, geometry.stride, over, placing)

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
        """(channels, ...) as shown: of volumes the middle slice, of a single position just (channels,)."""
        maps = np.asarray(self.maps)
        if maps.size == self.channels:
            return maps.reshape(self.channels)
        if maps.ndim == 4:
            maps = maps[maps.shape[0] // 2]
        return np.moveaxis(maps, -1, 0)

    def values_of(self, sample: Sample) -> Numbers:
        """What strength is judged by, channels last: of a text only what stands at its tokens."""
        if sample.tokens is None or np.ndim(self.maps) != 2:
            return self.maps
        return over_tokens(sample, self.maps, self.over, self.stride).T

    @property
    def note(self) -> str:
        """What is shown of each map, where that is not all of it."""
        if np.ndim(self.maps) < 4 or self.planes.ndim < 3:
            return ""
        depth = np.shape(self.maps)[0]
        return f"middle slice of each volume, {depth // 2} of 0 to {depth - 1}"

    @property
    def geometry(self) -> str:
        """Its shape, receptive field and stride in words."""
        parts = [shape_text(np.shape(self.maps))]
        if self.receptive_field is not None and any(size != 0 for size in self.receptive_field):
            field = tuple("all" if size is None else f"{size:,}" for size in self.receptive_field)
            whole = set(field) <= {"all"}
            sizes = f" {TIMES} ".join(field)
            parts.append("depends on the whole input" if whole else f"receptive field {sizes}")
        if self.stride and None not in self.stride:
            parts.append(f"stride {shape_text(self.stride)}")
        return "  ·  ".join(parts)


def strength(maps: Numbers) -> Numbers:
    """How strong each channel is: the mean of the absolute values that are finite, shape (channels,)."""
    flat = np.abs(np.asarray(maps, np.float64).reshape(-1, np.shape(maps)[-1]))
    finite = np.isfinite(flat)
    return np.asarray(np.where(finite, flat, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1))


def chosen_channels(maps: Numbers, channels: int | Sequence[int], order: str) -> list[int]:
    """The channels to show: as named, or the strongest or the first so many.

    Raises:
        UsageError: For a channel that is not there, no channel, or an unknown order.
    """
    there = int(np.shape(maps)[-1])
    if order not in ORDERS:
        raise UsageError(f"No order is named '{order}'.", f"Take {' or '.join(ORDERS)}.")
    if not isinstance(channels, int):
        wrong = [each for each in channels if not 0 <= each < there]
        if wrong or not channels:
            raise UsageError(
                f"There is no channel {wrong[0]}." if wrong else "No channel is chosen.",
                f"The channels are 0 to {there - 1}.",
            )
        return [int(each) for each in channels]
    if channels < 1:
        raise UsageError(f"The number of channels must be at least 1, not {channels}.")
    ranked = np.argsort(-strength(maps), kind="stable") if order == "strongest" else np.arange(there)
    return [int(each) for each in ranked[:channels]]


def draw_maps(
    sample: Sample,
    layers: Sequence[LayerMaps],
    *,
    channels: int | Sequence[int] = 16,
    scale: str = "layer",
    order: str = "strongest",
    theme: str = "light",
    title: str = "Feature maps",
) -> Figure:
    """Draws what each layer makes of one input, one block below the other; the figure grows with them.

    Every block has the layer's path, its shape, receptive field and stride, its explanation, the input with
    the receptive field of the middle position outlined, and the maps, each with the number of its channel.

    Args:
        sample: The input.
        layers: The maps, from early to late layers.
        channels: How many maps per layer, or which.
        scale: `layer`: one colour scale for the shown maps of a layer, with a bar; `map`: one for each map.
        order: `strongest`: by the mean of absolute values, falling; `index`: the first ones.
        theme: `light` or `dark`.
        title: The heading.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: For unknown names, no layers, channels that are not there, or a picture too tall to draw.
    """
    if scale not in SCALES:
        raise UsageError(f"No scale is named '{scale}'.", f"Take {' or '.join(SCALES)}.")
    if not layers:
        raise UsageError("There is no layer to draw.", "Give at least one layer's maps.")
    chosen = [chosen_channels(each.values_of(sample), channels, order) for each in layers]
    sheet = Sheet(find_theme(theme))
    y = _write_head(sheet, sample, title, any(each.planes.ndim >= 2 for each in layers))
    for layer, numbers in zip(layers, chosen, strict=True):
        y = _draw_layer(sheet, y, sample, layer, numbers, scale, order)
    return sheet.finish(y + MARGIN // 2)


def _write_head(sheet: Sheet, sample: Sample, title: str, strips: bool) -> int:
    """Title, what is known about the input, and the input where no layer shows it."""
    y: float = sheet.title(title)
    line = "  ·  ".join(part for part in (sample.name, sample.caption, sample.note) if part)
    y = sheet.paragraph(MARGIN, y, line, INNER, lines=2, colour=sheet.theme.muted)
    if sample.tokens is not None:
        y = y if strips else _write_texts(sheet, y, sample)
    elif sample.rank == 1 and not strips:
        y = place_signal(sheet, timeline_of(sample, MARGIN + LABEL, STRIPS), int(y) - 8, sample).bottom + 60
    return int(y)


def _write_texts(sheet: Sheet, y: float, sample: Sample) -> float:
    """The text, and a second one below it, each in at most two rows."""
    for over in (0, 1) if sample.target is not None else (0,):
        lines = lay_out(sample.row(over) or (), INNER, most=2)
        for row in lines.rows:
            y += place_tokens(sheet, (MARGIN, int(y) - 22), row) - 4
        if lines.left_out:
            said = f"and {lines.left_out:,} more tokens"
            sheet.text(MARGIN + PADDING, y - 2, said, size=SMALL, colour=sheet.theme.muted)
            y += line_height(SMALL)
    return y + 6


def _draw_layer(
    sheet: Sheet, y: int, sample: Sample, layer: LayerMaps, numbers: list[int], scale: str, order: str
) -> int:
    """Draws the block of one layer from y on; returns where the next one starts."""
    sheet.check(y)
    y = _write_layer(sheet, y, layer)
    beside = sample.rank in (2, 3)
    left = MARGIN + BESIDE if beside else MARGIN + LABEL
    room = MARGIN + INNER - left
    if sample.tokens is not None and layer.planes.ndim == 2:
        left, room = MARGIN, INNER
        values = layer.values_of(sample).T
        options: dict[str, Any] = {"over": layer.over, "scale": scale, "name": layer.path}
        block = place_text_block(sheet, (left, y, room), sample, values, numbers, **options)
    elif sample.rank == 1 and layer.planes.ndim >= 2:
        left, room = MARGIN, INNER
        stride = layer.stride[0] if layer.stride else None
        known: dict[str, Any] = {"placing": layer.placing, "stride": stride}
        named: dict[str, Any] = {"scale": scale, "name": layer.path}
        block = place_series_block(sheet, (left, y, room), sample, layer.planes, numbers, **known, **named)
    else:
        block = place_block(sheet, (left, y, room), layer.planes, numbers, scale=scale, name=layer.path)
    muted = sheet.theme.muted
    notes = "; ".join(note for note in (_which(layer, numbers, order), *block.notes, layer.note) if note)
    below = block.bottom + line_height(SMALL)
    below = sheet.paragraph(left, below, notes, room, size=SMALL, colour=muted)
    below = write_missing(sheet, left, below, layer.maps, room)
    if beside:
        window = _window(sample, layer)
        _, high = place_picture(sheet, sample, (MARGIN, block.top, INPUT, INPUT), window)
        beneath = block.top + high + line_height(SMALL)
        said, colour = _seen(sample, window), sheet.theme.second if window else muted
        sheet.text(MARGIN, beneath, said, size=SMALL, colour=colour, width=INPUT + 20)
        below = max(below, beneath + line_height(SMALL))
    return int(below) + 14


def _write_layer(sheet: Sheet, y: int, layer: LayerMaps) -> int:
    """Writes path, geometry and explanation; returns where the maps may start."""
    muted = sheet.theme.muted
    sheet.line([MARGIN, MARGIN + INNER], [y, y], colour=sheet.theme.rule, width=0.6)
    y += int(line_height(HEADING)) + 6
    room = INNER - width_of(layer.geometry, SMALL) - 30
    sheet.text(MARGIN, y, layer.path, size=HEADING, bold=True, width=room)
    sheet.text(MARGIN + INNER, y, layer.geometry, size=SMALL, colour=muted, across="right")
    y += int(line_height(BODY)) + 4
    return int(sheet.paragraph(MARGIN, y, layer.text, INNER, lines=3)) - 14


def _which(layer: LayerMaps, numbers: list[int], order: str) -> str:
    by = "by mean absolute value, strongest first" if order == "strongest" else "in their order"
    if len(numbers) == layer.channels:
        return f"all {layer.channels:,} channels {by}" if layer.channels > 1 else "the only channel"
    if order == "strongest":
        return f"the {len(numbers):,} strongest of {layer.channels:,} channels {by}"
    return f"{len(numbers):,} of {layer.channels:,} channels {by}"


def _window(sample: Sample, layer: LayerMaps) -> tuple[tuple[float, float], ...] | None:
    """The rows and columns of the input that a position in the middle depends on; None: not known."""
    if layer.receptive_field is None or len(layer.receptive_field) != sample.rank:
        return None
    sizes = np.shape(sample.values)[:-1]
    fields = [
        size if field is None else min(field, size)
        for field, size in zip(layer.receptive_field, sizes, strict=True)
    ]
    return tuple(
        ((size - field) // 2, (size - field) // 2 + field) for size, field in zip(sizes, fields, strict=True)
    )[-2:]


def _seen(sample: Sample, window: tuple[tuple[float, float], ...] | None) -> str:
    """What stands below the input beside the maps."""
    if window is None:
        return "input"
    sizes = np.shape(sample.values)[-3:-1]
    whole = all(end - start == size for (start, end), size in zip(window, sizes, strict=True))
    return "sees the whole input" if whole else "one receptive field"
