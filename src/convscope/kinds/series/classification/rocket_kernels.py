"""Compiled loops over series: the 84 kernels of MiniRocket, their pooling, and Hydra's competing kernels.

Numba compiles them on first use, for some seconds, and keeps what it compiled in the cache folder of the
user; see `compiled_cache`. They release the interpreter's lock, so that threads run them side by side. The
numbers are those of the layers `ProportionsAbove`, `StatisticsAbove` and `CompetitionCounts` behind their
convolutions, up to the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from convscope.kinds.series.classification.compiled_cache import compiled_cache

F = TypeVar("F", bound=Callable[..., object])
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

WEIGHTS, KERNELS, MIDDLE = 9, 84, 4
"""Weights of a kernel, kernels, and the weight in the middle."""
GROUP = 8
"""Kernels that compete."""


def _compiled(function: F) -> F:
    """Compiles a function; sums may be taken in any order, as vectors take them."""
    with compiled_cache() as there:
        return cast(F, njit(nogil=True, fastmath={"reassoc"}, error_model="numpy", cache=there)(function))


@_compiled
def pooled_kernels(
    series: Floats,
    dilations: Ints,
    counts: Ints,
    firsts: Ints,
    offsets: Ints,
    variables: Ints,
    thresholds: Floats,
    four: bool,
    out: Floats,
) -> None:
    """Proportions above thresholds, or four statistics of what is above, of the maps of the 84 kernels.

    Args:
        series: Shape (samples, variables, positions).
        dilations: Of each stage.
        counts: Thresholds of each kernel of a stage.
        firsts: Of each stage, 0 where its first kernel looks at all positions, 1 where it is the second.
        offsets: Where the variables of each kernel begin in `variables`, shape (stages * 84 + 1,).
        variables: Those that each kernel looks at.
        thresholds: Stage by stage, of each stage kernel by kernel.
        four: Whether there are four statistics for each threshold, or the proportion alone.
        out: Is filled, shape (samples, thresholds) or (samples, thresholds * 4).
    """
    samples, width, length = series.shape
    whole = np.empty((width, length), np.float32)
    threes = np.empty((WEIGHTS, width, length), np.float32)
    pair = np.empty(length, np.float32)
    kernel_map = np.empty(length, np.float32)
    for i in range(samples):
        at = 0
        for stage in range(len(dilations)):
            dilation, count = dilations[stage], counts[stage]
            margin = MIDDLE * dilation
            _shifted(series[i], dilation, whole, threes)
            kernel = 0
            for a in range(WEIGHTS):
                for b in range(a + 1, WEIGHTS):
                    if width == 1:
                        _sum_of_three(whole[0], threes[a, 0], threes[b, 0], pair)
                    for c in range(b + 1, WEIGHTS):
                        if width == 1:
                            _sum_of_two(pair, threes[c, 0], kernel_map)
                        else:
                            place = stage * KERNELS + kernel
                            looked_at = variables[offsets[place] : offsets[place + 1]]
                            _sum_of_variables(whole, threes, a, b, c, looked_at, kernel_map)
                        if (kernel + firsts[stage]) % 2 == 0:
                            seen = kernel_map
                        else:
                            seen = kernel_map[margin : length - margin]
                        if four:
                            _statistics(seen, thresholds[at : at + count], out[i, 4 * at : 4 * (at + count)])
                        else:
                            _proportions(seen, thresholds[at : at + count], out[i, at : at + count])
                        at += count
                        kernel += 1


@_compiled
def _shifted(series: Floats, dilation: int, whole: Floats, threes: Floats) -> None:
    """Minus the sum of nine shifted copies, and three times each copy, with zeros beyond the ends."""
    width, length = series.shape
    whole[:] = 0
    for j in range(WEIGHTS):
        shift = (j - MIDDLE) * dilation
        low, high = max(0, -shift), min(length, length - shift)
        for v in range(width):
            copy = threes[j, v]
            copy[:low] = 0
            copy[high:] = 0
            for t in range(low, high):
                value = series[v, t + shift]
                copy[t] = np.float32(3) * value
                whole[v, t] -= value


@_compiled
def _sum_of_three(one: Floats, two: Floats, three: Floats, out: Floats) -> None:
    for t in range(len(out)):
        out[t] = one[t] + two[t] + three[t]


@_compiled
def _sum_of_two(one: Floats, two: Floats, out: Floats) -> None:
    for t in range(len(out)):
        out[t] = one[t] + two[t]


@_compiled
def _sum_of_variables(
    whole: Floats, threes: Floats, a: int, b: int, c: int, looked_at: Ints, out: Floats
) -> None:
    """The map of the kernel whose weights a, b and c are heavy, over some variables."""
    out[:] = 0
    for v in looked_at:
        one, two, three, four = whole[v], threes[a, v], threes[b, v], threes[c, v]
        for t in range(len(out)):
            out[t] += one[t] + two[t] + three[t] + four[t]


@_compiled
def _proportions(seen: Floats, thresholds: Floats, out: Floats) -> None:
    """How much of a map is above each threshold; four at a time, so that the map is read less often."""
    one, zero = np.float32(1), np.float32(0)
    length = np.float32(len(seen))
    q = 0
    while q + 4 <= len(thresholds):
        n0 = n1 = n2 = n3 = zero
        b0, b1, b2, b3 = thresholds[q], thresholds[q + 1], thresholds[q + 2], thresholds[q + 3]
        for t in range(len(seen)):
            value = seen[t]
            n0 += one if value > b0 else zero
            n1 += one if value > b1 else zero
            n2 += one if value > b2 else zero
            n3 += one if value > b3 else zero
        out[q], out[q + 1], out[q + 2], out[q + 3] = n0 / length, n1 / length, n2 / length, n3 / length
        q += 4
    while q < len(thresholds):
        n0, b0 = zero, thresholds[q]
        for t in range(len(seen)):
            n0 += one if seen[t] > b0 else zero
        out[q] = n0 / length
        q += 1


@_compiled
def _statistics(seen: Floats, thresholds: Floats, out: Floats) -> None:
    """Proportion, mean value, mean position and longest run of what is above each threshold."""
    one, zero = np.float32(1), np.float32(0)
    length = len(seen)
    for q in range(len(thresholds)):
        bound = thresholds[q]
        count, total, places = zero, zero, zero
        for t in range(length):
            z = seen[t] - bound
            above = z > zero
            count += one if above else zero
            total += z if above else zero
            places += np.float32(t) if above else zero
        run, longest = 0, 0
        for t in range(length):
            run = run + 1 if seen[t] - bound > zero else 0
            longest = max(longest, run)
        out[4 * q] = count / np.float32(length)
        out[4 * q + 1] = total / count if count > zero else zero
        out[4 * q + 2] = places / count if count > zero else -one
        out[4 * q + 3] = longest


@_compiled
def competition_counts(
    series: Floats, kernels: Floats, dilation: int, alike: float, start: int, out: Floats
) -> None:
    """Soft and hard counts of competing kernels at one dilation.

    Args:
        series: Shape (samples, variables, positions).
        kernels: Shape (9, variables, groups * 8).
        dilation: Positions between two weights.
        alike: By so much a value may miss the largest and count as it.
        start: Where the counts begin in `out`.
        out: Is filled, shape (samples, features).
    """
    samples, width, length = series.shape
    channels = kernels.shape[2]
    margin = MIDDLE * dilation
    padded = np.zeros((width, length + 2 * margin), np.float32)
    maps = np.empty((GROUP, length), np.float32)
    largest, smallest = np.empty(length, np.float32), np.empty(length, np.float32)
    tolerance = np.float32(alike)
    for i in range(samples):
        padded[:, margin : margin + length] = series[i]
        for group in range(channels // GROUP):
            maps[:] = 0
            for k in range(GROUP):
                for v in range(width):
                    _correlated(padded[v], kernels[:, v, group * GROUP + k], dilation, maps[k])
            largest[:] = maps[0]
            smallest[:] = maps[0]
            for k in range(1, GROUP):
                for t in range(length):
                    largest[t] = max(largest[t], maps[k, t])
                    smallest[t] = min(smallest[t], maps[k, t])
            at = start + group * GROUP
            _counted(maps, largest, smallest, tolerance, out[i, at : at + GROUP], out[i, at + channels :])


@_compiled
def _correlated(padded: Floats, weights: Floats, dilation: int, out: Floats) -> None:
    """Adds the map of one kernel over one variable."""
    w0, w1, w2, w3, w4 = weights[0], weights[1], weights[2], weights[3], weights[4]
    w5, w6, w7, w8 = weights[5], weights[6], weights[7], weights[8]
    if w0 == 0 and w4 == 0 and w8 == 0 and not weights.any():
        return
    d = dilation
    for t in range(len(out)):
        near = w0 * padded[t] + w1 * padded[t + d] + w2 * padded[t + 2 * d] + w3 * padded[t + 3 * d]
        far = w5 * padded[t + 5 * d] + w6 * padded[t + 6 * d] + w7 * padded[t + 7 * d]
        out[t] += near + w4 * padded[t + 4 * d] + far + w8 * padded[t + 8 * d]


@_compiled
def _counted(
    maps: Floats, largest: Floats, smallest: Floats, alike: float, soft: Floats, hard: Floats
) -> None:
    """Gives each position to the first kernel that is as large as the largest, and as small as the smallest.

    A position that has been given away is marked by bounds that no value reaches.
    """
    zero, one = np.float32(0), np.float32(1)
    for k in range(GROUP):
        row = maps[k]
        total, count = zero, zero
        for t in range(len(row)):
            wins = row[t] >= largest[t] - alike
            total += largest[t] if wins else zero
            largest[t] = np.float32(np.inf) if wins else largest[t]
        for t in range(len(row)):
            wins = row[t] <= smallest[t] + alike
            count += one if wins else zero
            smallest[t] = np.float32(-np.inf) if wins else smallest[t]
        soft[k], hard[k] = total, count


@_compiled
def drawn_samples(seed: int, count: int, samples: int) -> Ints:
    """So many samples, by numbers of a Mersenne Twister that is seeded so; shape (count,)."""
    np.random.seed(seed)
    drawn = np.empty(count, np.int64)
    for i in range(count):
        drawn[i] = np.random.randint(samples)
    return drawn


@_compiled
def map_quantiles(
    series: Floats,
    drawn: Ints,
    first: int,
    last: int,
    dilations: Ints,
    counts: Ints,
    offsets: Ints,
    variables: Ints,
    quantiles: Floats,
    starts: Ints,
    out: Floats,
) -> None:
    """Thresholds of some kernels: quantiles of the map of one sample each.

    Args:
        series: Shape (samples, variables, positions).
        drawn: The sample of each kernel, shape (stages * 84,).
        first: The first of these kernels.
        last: Behind the last of them.
        dilations: Of each stage.
        counts: Thresholds of each kernel of a stage.
        offsets: As in `pooled_kernels`.
        variables: As in `pooled_kernels`.
        quantiles: Of each threshold, from 0 to 1.
        starts: Where the thresholds of each kernel begin.
        out: Is filled, shape (thresholds,).
    """
    _, width, length = series.shape
    whole = np.empty((width, length), np.float32)
    threes = np.empty((WEIGHTS, width, length), np.float32)
    kernel_map = np.empty(length, np.float32)
    for place in range(first, last):
        stage, kernel = place // KERNELS, 0
        _shifted(series[drawn[place]], dilations[stage], whole, threes)
        for a in range(WEIGHTS):
            for b in range(a + 1, WEIGHTS):
                for c in range(b + 1, WEIGHTS):
                    if kernel == place % KERNELS:
                        looked_at = variables[offsets[place] : offsets[place + 1]]
                        _sum_of_variables(whole, threes, a, b, c, looked_at, kernel_map)
                    kernel += 1
        kernel_map.sort()
        for at in range(starts[place], starts[place] + counts[stage]):
            rank = np.float64(quantiles[at]) * (length - 1)
            below = int(rank)
            share = rank - below
            above = min(below + 1, length - 1)
            out[at] = kernel_map[below] * (1 - share) + kernel_map[above] * share
