"""Where the positions of a layer's output lie in the model's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convscope.errors import UsageError
from convscope.scope.geometry.axis_dependency import AxisDependency
from convscope.scope.graph.graph import Shape


@dataclass(frozen=True)
class Geometry:
    """Where the positions of a layer's output lie in the model's input.

    Args:
        shape: Of the output, without the batch axis.
        channel_axis: Which axis holds the channels, counted with the batch axis.
        channels: Its length.
        known: Whether the receptive field is known.
        receptive_field: Input positions that one output position depends on, per spatial axis of the input,
            in pixels (steps, voxels), not cut at the input's ends. An entry is None where the whole axis is
            seen and its length is not known, or the nodes some `hops` away; all is None if unknown.
        stride: Input positions between neighboring output positions, per spatial axis of the input; None
            where the output has no position along it.
        everything: Whether each output depends on the whole input.
        dependencies: How the output depends on each spatial axis of the input.
    """

    shape: Shape
    channel_axis: int
    channels: int | None
    known: bool
    receptive_field: tuple[int | None, ...] | None
    stride: tuple[float | None, ...] | None
    everything: bool
    dependencies: tuple[AxisDependency, ...] = ()

    @property
    def hops(self) -> int:
        """How many edges away from a node lie others that its value depends on; 0 where there are none."""
        return max((each.hops for each in self.dependencies if not each.whole), default=0)

    def window(self, position: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """The part of the input that one position of the output can depend on.

        Args:
            position: Index into each axis of the output, without batch; channels may be left out.

        Returns:
            (first, behind the last) per spatial axis of the input, cut at the input's ends.

        Raises:
            UsageError: The receptive field is unknown, or the input's length.
        """
        if not self.known:
            raise UsageError("The receptive field of this layer is unknown.")
        windows = []
        for dependency in self.dependencies:
            index = 0 if dependency.axis is None or dependency.whole else position[dependency.axis - 1]
            first, behind = dependency.window(index)
            if behind is None:
                raise UsageError("The size of the input is unknown.", "Give a model with a fixed input size.")
            windows.append((first, behind))
        if any(first == behind for first, behind in windows):
            return tuple((0, 0) for _ in windows)  # a border, which depends on nothing
        return tuple(windows)
