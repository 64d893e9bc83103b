"""Which positions of an axis another axis depends on, exactly, for convolutions, pooling and resizing.

The positions that output position p depends on are enclosed by an interval [low(p), high(p)] of the input's
axis. It is followed in two ways. Without bounds, as if the input went on for ever: both ends are kept for one
period of positions, after which they repeat, shifted: low(p + period) = low(p) + advance. That covers strides
(period 1), up-sampling and transposed convolution (period more than 1) and any chain of them, and gives the
receptive field and the stride. And with bounds, where the lengths of the axes are known: position by
position, so that padding at each layer, cropping and rows that pooling drops are all accounted for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import gcd, lcm

import numpy as np
import numpy.typing as npt

Spans = npt.NDArray[np.int64]
"""First and last input position of each output position, shape (2, length); first above last if none."""
Taps = Callable[[npt.NDArray[np.int64]], list[npt.NDArray[np.int64]]]
"""From output positions to the positions in front that each depends on, one array per tap; -1 for none."""

NONE = -1
_FAR = 2**40
EMPTY = (_FAR, -_FAR)


@dataclass(frozen=True)
class AxisDependency:
    """How one axis of a tensor depends on one axis of the model's input.

    Args:
        axis: The tensor's axis whose positions these are; None where positions along it are gone or lie
            scattered over other axes.
        lows: First input position of each output position within one period, as if there were no bounds.
        highs: Last input position of each.
        advance: How far the interval moves in one period.
        bounds: First and last input position that is seen from anywhere; last is None if the axis' length is
            not known.
        spans: The intervals of all output positions within the bounds; None if a length is not known.
        mixed: Whether positions along the input axis lie on the tensor's last axis, with channels.
        whole: Whether each position depends on all within the bounds.
        hops: How many edges away from those positions lie others that each depends on too, where positions
            are the nodes of a graph.
    """

    axis: int | None
    lows: tuple[int, ...]
    highs: tuple[int, ...]
    advance: int
    bounds: tuple[int, int | None]
    spans: Spans | None = field(default=None, compare=False)
    mixed: bool = False
    whole: bool = False
    hops: int = 0

    @property
    def period(self) -> int:
        """Output positions after which the pattern repeats."""
        return len(self.lows)

    @property
    def stride(self) -> Fraction | None:
        """Input positions between neighbors, on average; None without positions."""
        return None if self.axis is None or self.whole else Fraction(self.advance, self.period)

    @property
    def size(self) -> int | None:
        """The most input positions that one output position depends on, not cut at the input's ends.

        None where that is all of an axis of unknown length, or the neighborhood of a node.
        """
        if self.hops and not self.whole:
            return None
        if self.whole:
            return None if self.bounds[1] is None else max(self.bounds[1] - self.bounds[0] + 1, 0)
        return max(0, *(high - low + 1 for low, high in zip(self.lows, self.highs, strict=True)))

    def interval(self, position: int) -> tuple[int, int]:
        """First and last input position of an output position, as if there were no bounds."""
        turns, place = divmod(position, self.period)
        if self.lows[place] > self.highs[place]:
            return EMPTY
        return self.lows[place] + turns * self.advance, self.highs[place] + turns * self.advance

    def window(self, position: int) -> tuple[int, int | None]:
        """First input position that an output position depends on, and the one behind the last."""
        first, last = self.bounds
        if self.whole or self.axis is None:
            return first, None if last is None else last + 1
        if self.spans is None:
            return self.interval(position)[0], None
        low, high = (int(end) for end in self.spans[:, position])
        return (low, high + 1) if low <= high else (0, 0)


def identity(axis: int, length: int | None) -> AxisDependency:
    """An input axis as it depends on itself."""
    spans = None if length is None else np.stack([np.arange(length)] * 2)
    return AxisDependency(axis, (0,), (0,), 1, (0, None if length is None else length - 1), spans)


def everything(dependency: AxisDependency, axis: int | None = None) -> AxisDependency:
    """Each position depends on all that was seen."""
    return AxisDependency(axis, (0,), (0,), 0, dependency.bounds, whole=True)


def scattered(dependency: AxisDependency, *, mixed: bool) -> AxisDependency:
    """The same intervals, whose positions no longer lie along one axis."""
    return replace(dependency, axis=None, mixed=mixed)


def moved(dependency: AxisDependency, axis: int) -> AxisDependency:
    """The same positions along another axis of the tensor."""
    return replace(dependency, axis=axis)


def slid(
    dependency: AxisDependency, length: int | None, size: int, stride: int, dilation: int, before: int
) -> AxisDependency:
    """After a kernel or pool has slid along the axis.

    Output position q depends on positions q * stride - before + k * dilation, k = 0 .. size - 1.

    Args:
        dependency: What each position in front of it depends on.
        length: Positions behind it.
        size: Taps of the kernel.
        stride: Positions between neighboring windows.
        dilation: Positions between neighboring taps.
        before: Padding in front of the first position; negative where positions are cut off.
    """
    period = dependency.period // gcd(dependency.period, stride)
    advance = dependency.advance * stride * period // dependency.period

    def taps(q: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        return [q * stride - before + k * dilation for k in range(size)]

    return _behind(dependency, period, advance, length, taps)


def spread(
    dependency: AxisDependency, length: int | None, size: int, stride: int, dilation: int, before: int
) -> AxisDependency:
    """After a transposed convolution: output q depends on p where q = p * stride - before + k * dilation."""

    def taps(q: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        shifted = [q + before - k * dilation for k in range(size)]
        return [np.where(each % stride == 0, each // stride, NONE * _FAR) for each in shifted]

    return _behind(dependency, stride * dependency.period, dependency.advance, length, taps)


def stretched(
    dependency: AxisDependency, length: int | None, factor: int, *, between: bool = False
) -> AxisDependency:
    """After up-sampling by a whole factor: each position repeated, or interpolated between two."""

    def taps(q: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        if not between:
            return [q // factor]
        twice = 2 * q + 1 - factor  # position times 2 * factor, half-pixel centers
        return [twice // (2 * factor), -(-twice // (2 * factor))]

    return _behind(dependency, factor * dependency.period, dependency.advance, length, taps)


def united(dependencies: Sequence[AxisDependency]) -> AxisDependency | None:
    """What depends on several tensors at once, position by position; None where their steps differ."""
    lasts = [dependency.bounds[1] for dependency in dependencies]
    last = None if None in lasts else max(last for last in lasts if last is not None)
    bounds = (min(dependency.bounds[0] for dependency in dependencies), last)
    if any(dependency.whole for dependency in dependencies):
        axes = {dependency.axis for dependency in dependencies}
        return AxisDependency(axes.pop() if len(axes) == 1 else None, (0,), (0,), 0, bounds, whole=True)
    first = dependencies[0]
    if (
        len(
            {
                (dependency.axis, Fraction(dependency.advance, dependency.period))
                for dependency in dependencies
            }
        )
        > 1
    ):
        return None
    period = lcm(*(dependency.period for dependency in dependencies))
    rows = [[dependency.interval(q) for dependency in dependencies] for q in range(period)]
    known = [dependency.spans for dependency in dependencies if dependency.spans is not None]
    spans = None
    if len(known) == len(dependencies) and len({each.shape for each in known}) == 1:
        spans = np.stack([np.min([low for low, _ in known], 0), np.max([high for _, high in known], 0)])
    return AxisDependency(
        first.axis,
        tuple(min(low for low, _ in row) for row in rows),
        tuple(max(high for _, high in row) for row in rows),
        first.advance * period // first.period,
        bounds,
        spans,
        mixed=any(dependency.mixed for dependency in dependencies),
        hops=max(dependency.hops for dependency in dependencies),
    )


def _behind(
    dependency: AxisDependency, period: int, advance: int, length: int | None, taps: Taps
) -> AxisDependency:
    """The dependency of a window whose taps lie on the positions of another."""
    lows, highs = [], []
    for q in range(period):
        places = [int(tap[0]) for tap in taps(np.array([q]))]
        spans = [dependency.interval(place) for place in places if place > NONE * _FAR]
        lows.append(min((low for low, _ in spans), default=EMPTY[0]))
        highs.append(max((high for _, high in spans), default=EMPTY[1]))
    bounded = _bounded(dependency, length, taps)
    made = replace(
        dependency, lows=tuple(lows), highs=tuple(highs), advance=advance, spans=bounded, axis=dependency.axis
    )
    if bounded is None or not np.any(filled := bounded[0] <= bounded[1]):
        return made
    return replace(made, bounds=(int(bounded[0][filled].min()), int(bounded[1][filled].max())))


def _bounded(dependency: AxisDependency, length: int | None, taps: Taps) -> Spans | None:
    """The intervals of all positions, from taps that lie on positions there are."""
    if length is None or dependency.spans is None:
        return None
    spans = np.tile(np.array([[EMPTY[0]], [EMPTY[1]]], np.int64), (1, length))
    for tap in taps(np.arange(length)):
        there = (tap >= 0) & (tap < dependency.spans.shape[1])
        spans[0, there] = np.minimum(spans[0, there], dependency.spans[0, tap[there]])
        spans[1, there] = np.maximum(spans[1, there], dependency.spans[1, tap[there]])
    return spans
