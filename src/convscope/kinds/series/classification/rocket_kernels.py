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
    """Compiles a function; sums may be taken in any order and products added at once, as vectors do it."""
    with compiled_cache() as there:
        made = njit(nogil=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy", cache=there)
        return cast(F, made(function))


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
    start: int,
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
        start: Where the features begin in `out`.
        out: Is filled, shape (samples, features); thresholds, or four times as many, are of these kernels.
    """
    samples, width, length = series.shape
    whole = np.empty((width, length), np.float32)
    threes = np.empty((WEIGHTS, width, length), np.float32)
    places = np.arange(length).astype(np.float32)
    each = 4 if four else 1
    for i in range(samples):
        at = 0
        for stage in range(len(dilations)):
            _shifted(series[i], dilations[stage], whole, threes)
            end = at + KERNELS * counts[stage]
            kernels = offsets[stage * KERNELS : (stage + 1) * KERNELS + 1]
            margins = MIDDLE * dilations[stage] * np.array([firsts[stage], 1 - firsts[stage]])
            found = out[i, start + each * at : start + each * end]
            _pooled(whole, threes, places, margins, kernels, variables, thresholds[at:end], four, found)
            at = end


@_compiled
def _pooled(
    whole: Floats,
    threes: Floats,
    places: Floats,
    margins: Ints,
    offsets: Ints,
    variables: Ints,
    thresholds: Floats,
    four: bool,
    out: Floats,
) -> None:
    """The features of one stage of one sample; margins are those of even and of odd kernels."""
    width, length = whole.shape
    count = len(thresholds) // KERNELS
    pair, kernel_map = np.empty(length, np.float32), np.empty(length, np.float32)
    kernel = 0
    for a in range(WEIGHTS):
        for b in range(a + 1, WEIGHTS):
            if width == 1:
                _sum_of_three(whole[0], threes[a, 0], threes[b, 0], pair)
            for c in range(b + 1, WEIGHTS):
                if width == 1:
                    _sum_of_two(pair, threes[c, 0], kernel_map)
                else:
                    looked_at = variables[offsets[kernel] : offsets[kernel + 1]]
                    _sum_of_variables(whole, threes, a, b, c, looked_at, kernel_map)
                margin = margins[kernel % 2]
                seen = kernel_map[margin : length - margin]
                bounds = thresholds[kernel * count : (kernel + 1) * count]
                if four:
                    _statistics(seen, places, bounds, out[4 * kernel * count : 4 * (kernel + 1) * count])
                else:
                    _proportions(seen, bounds, out[kernel * count : (kernel + 1) * count])
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
def _statistics(seen: Floats, places: Floats, thresholds: Floats, out: Floats) -> None:
    """Proportion, mean value, mean position and longest run of what is above each threshold."""
    one, zero = np.float32(1), np.float32(0)
    for q in range(len(thresholds)):
        bound = thresholds[q]
        count, total, place = zero, zero, zero
        for t in range(len(seen)):
            z = seen[t] - bound
            above = z > zero
            count += one if above else zero
            total += z if above else zero
            place += places[t] if above else zero
        out[4 * q] = count / np.float32(len(seen))
        out[4 * q + 1] = total / count if count > zero else zero
        out[4 * q + 2] = place / count if count > zero else -one
    _longest_runs(seen, thresholds, out)


@_compiled
def _longest_runs(seen: Floats, thresholds: Floats, out: Floats) -> None:
    """The fourth statistic; a run waits for the position before, so that four thresholds go side by side."""
    last = len(thresholds) - 1
    for q in range(0, len(thresholds), 4):
        b0, b1 = thresholds[q], thresholds[min(q + 1, last)]
        b2, b3 = thresholds[min(q + 2, last)], thresholds[min(q + 3, last)]
        r0 = r1 = r2 = r3 = 0
        m0 = m1 = m2 = m3 = 0
        for t in range(len(seen)):
            value = seen[t]
            r0 = (r0 + 1) * int(value > b0)
            r1 = (r1 + 1) * int(value > b1)
            r2 = (r2 + 1) * int(value > b2)
            r3 = (r3 + 1) * int(value > b3)
            m0, m1, m2, m3 = max(m0, r0), max(m1, r1), max(m2, r2), max(m3, r3)
        out[4 * q + 3] = m0
        out[4 * min(q + 1, last) + 3] = m1
        out[4 * min(q + 2, last) + 3] = m2
        out[4 * min(q + 3, last) + 3] = m3


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
    extremes, free = np.empty((2, length), np.float32), np.empty(length, np.float32)
    for i in range(samples):
        padded[:, margin : margin + length] = series[i]
        for group in range(channels // GROUP):
            maps[:] = 0
            for k in range(GROUP):
                for v in range(width):
                    weights = kernels[:, v, group * GROUP + k]
                    if weights.any():
                        _correlated(padded[v], weights, dilation, maps[k])
            _extremes(maps, extremes[0], extremes[1])
            at = start + group * GROUP
            _counted(maps, extremes, alike, free, out[i, at : at + GROUP], out[i, at + channels :])


@_compiled
def _correlated(padded: Floats, weights: Floats, dilation: int, out: Floats) -> None:
    """Adds the map of one kernel over one variable."""
    w0, w1, w2, w3, w4 = weights[0], weights[1], weights[2], weights[3], weights[4]
    w5, w6, w7, w8 = weights[5], weights[6], weights[7], weights[8]
    d, n = dilation, len(out)
    p0, p1, p2 = padded[:n], padded[d : d + n], padded[2 * d : 2 * d + n]
    p3, p4, p5 = padded[3 * d : 3 * d + n], padded[4 * d : 4 * d + n], padded[5 * d : 5 * d + n]
    p6, p7, p8 = padded[6 * d : 6 * d + n], padded[7 * d : 7 * d + n], padded[8 * d : 8 * d + n]
    for t in range(n):
        near = w0 * p0[t] + w1 * p1[t] + w2 * p2[t] + w3 * p3[t]
        far = w5 * p5[t] + w6 * p6[t] + w7 * p7[t] + w8 * p8[t]
        out[t] += near + w4 * p4[t] + far


@_compiled
def _extremes(maps: Floats, largest: Floats, smallest: Floats) -> None:
    """The largest and the smallest of a group at each position."""
    for t in range(len(largest)):
        high = low = maps[0, t]
        for k in range(1, GROUP):
            value = maps[k, t]
            high = value if value > high else high
            low = value if value < low else low
        largest[t], smallest[t] = high, low


@_compiled
def _counted(maps: Floats, extremes: Floats, alike: float, free: Floats, soft: Floats, hard: Floats) -> None:
    """Gives each position to the first kernel that is as large as the largest, and as small as the smallest.

    What is free is 1 where a position has not been given away, else 0.
    """
    zero, one, tolerance = np.float32(0), np.float32(1), np.float32(alike)
    largest, smallest = extremes[0], extremes[1]
    free[:] = one
    for k in range(GROUP):
        row, total = maps[k], zero
        for t in range(len(free)):
            wins = free[t] if row[t] >= largest[t] - tolerance else zero
            total += wins * largest[t]
            free[t] -= wins
        soft[k] = total
    free[:] = one
    for k in range(GROUP):
        row, total = maps[k], zero
        for t in range(len(free)):
            wins = free[t] if row[t] <= smallest[t] + tolerance else zero
            total += wins
            free[t] -= wins
        hard[k] = total


@_compiled
def drawn_samples(seed: int, count: int, samples: int) -> Ints:
    """So many samples, by numbers of a Mersenne Twister that is seeded so; shape (count,)."""
    np.random.seed(seed)
    drawn = np.empty(count, np.int64)
    for i in range(count):
        drawn[i] = np.random.randint(samples)
    return drawn


@_compiled
def _heavy(kernel: int) -> tuple[int, int, int]:
    """The places of the heavy weights of a kernel."""
    number = 0
    for a in range(WEIGHTS):
        for b in range(a + 1, WEIGHTS):
            for c in range(b + 1, WEIGHTS):
                if number == kernel:
                    return a, b, c
                number += 1
    return 0, 1, 2


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
        stage = place // KERNELS
        _shifted(series[drawn[place]], dilations[stage], whole, threes)
        a, b, c = _heavy(place % KERNELS)
        looked_at = variables[offsets[place] : offsets[place + 1]]
        _sum_of_variables(whole, threes, a, b, c, looked_at, kernel_map)
        kernel_map.sort()
        for at in range(starts[place], starts[place] + counts[stage]):
            rank = np.float64(quantiles[at]) * (length - 1)
            below = int(rank)
            share = rank - below
            above = min(below + 1, length - 1)
            out[at] = kernel_map[below] * (1 - share) + kernel_map[above] * share
