"""Attribution by changing the input and watching the score; works for any model, differentiable or not.

occlusion   how much the score falls with a window covered, averaged over the windows that hold a position
rise        1 / (n p) sum over masks M of S(x * M) M,  each position visible with probability p
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from convscope.errors import UsageError
from convscope.scope.attribution.programs import Gradients, Scores, batches
from convscope.scope.attribution.query import AttributionQuery, AttributionValues
from convscope.scope.attribution.resize import resized
from convscope.types import Array

Slices = tuple[slice, ...]

MOST_NODES = 256
"""Nodes of a graph that are covered one after another; of more those of the largest gradient times input."""


def occlusion(
    query: AttributionQuery,
    *,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    baseline: float | Array | None = None,
) -> AttributionValues:
    """Covers one window after another (Zeiler and Fergus 2014). Takes token ids too.

    Args:
        query: What is asked.
        window: Length of the window, one or one per axis of positions; by default an eighth of the input, of
            token ids a sixteenth, of the nodes of a graph a single one.
        stride: Positions between neighboring windows; by default half the window, of volumes the window. The
            last window along an axis ends with the input.
        baseline: What covers: a number, or an array of the shape of one sample; by default 0, and for token
            ids 1, which stands for an unknown word. Padding, id 0, stays what it is.

    Raises:
        UsageError: A window that does not fit, a stride that leaves gaps, or a baseline of another shape.
    """
    parts = max(query.positions) if query.gathered else 16 if query.ids else 8
    sizes = _per_axis("window", window, [max(1, n // parts) for n in query.positions])
    part = 2 if len(sizes) < 3 else 1  # of volumes there would be eight times as many windows
    strides = _per_axis("stride", stride, [max(1, n // part) for n in sizes])
    for length, size, step in zip(query.positions, sizes, strides, strict=True):
        if not 1 <= size <= length or not 1 <= step <= size:
            raise UsageError(
                f"window must lie within the {length} positions of its axis, and stride within the window. "
                f"Received: window={size}, stride={step}."
            )
    usual = float(query.ids and not query.gathered)  # a node whose number is 0 is none
    cover = query.baseline(usual if baseline is None else baseline)
    windows, left = _windows(query, sizes, strides)
    scores = Scores(query, query.samples * len(windows))
    whole = np.concatenate([scores(query.x[rows], rows) for rows in batches(query.samples, scores.size)])
    falls = np.zeros((query.samples, *query.positions), "float32")
    for pairs in batches(query.samples * len(windows), scores.size):
        rows, places = pairs // len(windows), [windows[i] for i in pairs % len(windows)]
        covered = _covered(query, rows, places, cover)
        for row, place, score in zip(rows, places, scores(covered, rows), strict=True):
            falls[row][place] += whole[row] - score
    details: dict[str, float | str] = {
        **({} if query.gathered else {"windows": float(len(windows))}),
        "window": " x ".join(map(str, sizes)),
        "stride": " x ".join(map(str, strides)),
    }
    if left:
        details["covered"] = f"the {len(windows)} of {len(windows) + left:,} of largest gradient times input"
    return AttributionValues(falls / _covers(query, windows), True, details=[details] * query.samples)


def _covers(query: AttributionQuery, windows: Sequence[Slices]) -> Array:
    """How many windows cover each position, 1 where none does."""
    times = np.zeros(query.positions, "float32")
    for place in windows:
        times[place] += 1
    return np.asarray(np.maximum(times, 1))


def _windows(
    query: AttributionQuery, sizes: Sequence[int], strides: Sequence[int]
) -> tuple[list[Slices], int]:
    """Where windows lie, of nodes where anything is, which padding has not; and how many are left out."""
    windows = [
        tuple(slice(first, first + size) for first, size in zip(corner, sizes, strict=True))
        for corner in product(*map(_starts, query.positions, sizes, strides))
    ]
    if not query.gathered:
        return windows, 0
    held = [place for place in windows if np.any(query.x[:, place[0]])] or windows
    if len(held) <= MOST_NODES:
        return held, 0
    strength = np.zeros(query.positions[0])
    gradients = Gradients(query, None, query.samples)
    for rows in batches(query.samples, query.batch_size):
        found = query.channels_last(gradients(rows)[0] * query.x[rows], None)
        strength = np.maximum(strength, np.abs(found.sum(axis=-1)).max(axis=0))
    order = np.argsort([-strength[place[0]].max() for place in held], kind="stable")[:MOST_NODES]
    return [held[at] for at in np.sort(order).tolist()], len(held) - MOST_NODES


def _covered(query: AttributionQuery, rows: np.ndarray, places: Sequence[Slices], cover: np.ndarray) -> Array:
    """Samples with a window of each covered; ids that are padding stay."""
    covered: Array = query.x[rows]
    for one, place in zip(covered, places, strict=True):
        where = query.in_sample(place)
        one[where] = np.where(one[where] == 0, 0, cover[where]) if query.ids else cover[where]
    return covered


def rise(
    query: AttributionQuery,
    *,
    masks: int = 1000,
    visible: float = 0.5,
    cells: int | Sequence[int] | None = None,
) -> AttributionValues:
    """Random masks, coarse grids that are enlarged and shifted (Petsiuk et al. 2018).

    Token ids that are not visible become 1, an unknown word; their masks are not smooth.

    Args:
        query: What is asked.
        masks: How many; the same for all samples. The error falls with their square root.
        visible: Probability that a cell of the grid is visible.
        cells: Cells of the grid, one number or one per axis of positions; by default 7, of token
            ids half as many as there are positions.

    Raises:
        UsageError: An option out of range.
    """
    if masks < 1 or not 0 < visible < 1:
        raise UsageError(
            f"masks must be at least 1 and visible between 0 and 1. Received: masks={masks}, "
            f"visible={visible}."
        )
    usual = [max(7, n // 2) if query.ids else 7 for n in query.positions]
    grid = _per_axis("cells", cells, [min(*pair) for pair in zip(usual, query.positions, strict=True)])
    if not all(1 <= n <= length for n, length in zip(grid, query.positions, strict=True)):
        raise UsageError(
            f"cells must lie between 1 and the input's positions {query.positions}. Received: cells={cells}."
        )
    scores = Scores(query, query.samples * masks)
    total = np.zeros((query.samples, *query.positions), "float64")
    drawn = drawn_masks(query.positions, grid, visible, query.seed, smooth=not query.ids)
    for some in batches(masks, scores.size):
        chunk = np.stack([next(drawn) for _ in some])
        shaped = query.shaped_as_input(chunk)
        for row in range(query.samples):
            one = query.x[row]
            shown = np.where((one == 0) | (shaped > 0), one, 1) if query.ids else one * shaped
            values = scores(shown, np.full(len(chunk), row))
            total[row] += np.tensordot(values, chunk, axes=1)
    details: dict[str, float | str] = {
        "masks": float(masks),
        "visible": float(visible),
        "cells": " x ".join(map(str, grid)),
    }
    values = (total / (masks * visible)).astype("float32")
    return AttributionValues(values, bool(values.min() < 0), details=[details] * query.samples)


def drawn_masks(
    lengths: Sequence[int], cells: Sequence[int], visible: float, seed: int, *, smooth: bool = True
) -> Iterator[np.ndarray]:
    """Endless masks in [0, 1] of the shape `lengths`: grids enlarged beyond it, cut out at a random place.

    Between the cells they change gradually, or from one position to the next if not `smooth`.
    """
    rng = np.random.default_rng(seed)
    steps = [-(-length // n) for length, n in zip(lengths, cells, strict=True)]
    while True:
        grid = (rng.random(tuple(cells)) < visible).astype("float32")
        large = _enlarged(grid, steps, smooth, rng)
        shifts = [int(rng.integers(step)) for step in steps]
        yield large[
            tuple(slice(shift, shift + length) for shift, length in zip(shifts, lengths, strict=True))
        ]


def _enlarged(grid: np.ndarray, steps: Sequence[int], smooth: bool, rng: np.random.Generator) -> np.ndarray:
    """The grid in one more cell than it has, each `steps` positions long."""
    if smooth:
        lengths = [(n + 1) * step for n, step in zip(grid.shape, steps, strict=True)]
        return np.asarray(resized(grid[None], lengths, "centers")[0])
    for axis, step in enumerate(steps):
        more = np.take(grid, rng.integers(grid.shape[axis], size=1), axis)
        grid = np.repeat(np.concatenate([grid, more], axis), step, axis)
    return grid


def _per_axis(name: str, given: int | Sequence[int] | None, default: Sequence[int]) -> tuple[int, ...]:
    if given is None:
        return tuple(default)
    numbers = (given,) * len(default) if isinstance(given, int) else tuple(given)
    if len(numbers) != len(default):
        raise UsageError(
            f"{name} must be one number, or one for each of {len(default)} axes. Received: {name}={given}."
        )
    return numbers


def _starts(length: int, size: int, stride: int) -> list[int]:
    """Where windows begin, so that every position is covered."""
    return sorted({*range(0, length - size, stride), length - size})
