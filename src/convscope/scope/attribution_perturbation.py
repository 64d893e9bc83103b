"""Attribution by changing the input and watching the score; works for any model, differentiable or not.

occlusion   how much the score falls with a window covered, averaged over the windows that hold a position
rise        1 / (n p) sum over masks M of S(x * M) M,  each position visible with probability p
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from convscope.errors import UsageError
from convscope.scope.attribution_programs import Scores, batches
from convscope.scope.attribution_question import Found, Question
from convscope.scope.attribution_resize import resized

Slices = tuple[slice, ...]


def occlusion(
    question: Question,
    *,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    baseline: Any = 0.0,
) -> Found:
    """Covers one window after another (Zeiler and Fergus 2014). Takes token ids too.

    Args:
        question: What is asked.
        window: Length of the window, one or one per axis of positions; by default an eighth of the input.
        stride: Positions between neighbouring windows; by default half the window. The last window along an
            axis ends with the input.
        baseline: What covers: a number, or an array of the shape of one sample; for token ids that of the
            padding.

    Raises:
        UsageError: A window that does not fit, a stride that leaves gaps, or a baseline of another shape.
    """
    sizes = _per_axis("window", window, [max(1, n // 8) for n in question.positions])
    strides = _per_axis("stride", stride, [max(1, n // 2) for n in sizes])
    for length, size, step in zip(question.positions, sizes, strides, strict=True):
        if not 1 <= size <= length or not 1 <= step <= size:
            raise UsageError(
                f"A window lies within the {length} positions of its axis, and its stride within the window. "
                f"Received: window={size}, stride={step}."
            )
    cover = question.baseline(baseline)
    windows = [
        tuple(slice(first, first + size) for first, size in zip(corner, sizes, strict=True))
        for corner in product(*map(_starts, question.positions, sizes, strides))
    ]
    scores = Scores(question, question.samples * len(windows))
    whole = np.concatenate(
        [scores(question.x[rows], rows) for rows in batches(question.samples, scores.size)]
    )
    falls = np.zeros((question.samples, *question.positions), "float32")
    times = np.zeros(question.positions, "float32")
    for place in windows:
        times[place] += 1
    for pairs in batches(question.samples * len(windows), scores.size):
        rows, places = pairs // len(windows), [windows[i] for i in pairs % len(windows)]
        covered = question.x[rows]
        for one, place in zip(covered, places, strict=True):
            where = question.in_sample(place)
            one[where] = cover[where]
        for row, place, score in zip(rows, places, scores(covered, rows), strict=True):
            falls[row][place] += whole[row] - score
    details: dict[str, float | str] = {
        "windows": float(len(windows)),
        "window": " x ".join(map(str, sizes)),
        "stride": " x ".join(map(str, strides)),
    }
    return Found(falls / times, True, details=[details] * question.samples)


def rise(
    question: Question,
    *,
    masks: int = 1000,
    visible: float = 0.5,
    cells: int | Sequence[int] | None = None,
) -> Found:
    """Random masks, coarse grids that are enlarged and shifted (Petsiuk et al. 2018).

    Args:
        question: What is asked.
        masks: How many; the same for all samples. The error falls with their square root.
        visible: Probability that a cell of the grid is visible.
        cells: Cells of the grid, one number or one per axis of positions; by default 7.

    Raises:
        UsageError: An option out of range, or an input of whole numbers.
    """
    question.need_numbers("rise")
    if masks < 1 or not 0 < visible < 1:
        raise UsageError(
            f"masks is at least 1, and visible between 0 and 1. Received: masks={masks}, visible={visible}."
        )
    grid = _per_axis("cells", cells, [min(7, length) for length in question.positions])
    if not all(1 <= n <= length for n, length in zip(grid, question.positions, strict=True)):
        raise UsageError(
            f"cells lie between 1 and the input's positions {question.positions}. Received: cells={cells}."
        )
    scores = Scores(question, question.samples * masks)
    total = np.zeros((question.samples, *question.positions), "float64")
    drawn = drawn_masks(question.positions, grid, visible, question.seed)
    for some in batches(masks, scores.size):
        chunk = np.stack([next(drawn) for _ in some])
        shaped = question.shaped_as_input(chunk)
        for row in range(question.samples):
            values = scores(question.x[row] * shaped, np.full(len(chunk), row))
            total[row] += np.tensordot(values, chunk, axes=1)
    details: dict[str, float | str] = {
        "masks": float(masks),
        "visible": float(visible),
        "cells": " x ".join(map(str, grid)),
    }
    values = (total / (masks * visible)).astype("float32")
    return Found(values, bool(values.min() < 0), details=[details] * question.samples)


def drawn_masks(
    lengths: Sequence[int], cells: Sequence[int], visible: float, seed: int
) -> Iterator[np.ndarray]:
    """Endless masks in [0, 1] of the shape `lengths`: grids enlarged beyond it, cut out at a random place."""
    rng = np.random.default_rng(seed)
    steps = [-(-length // n) for length, n in zip(lengths, cells, strict=True)]
    while True:
        grid = (rng.random(tuple(cells)) < visible).astype("float32")
        large = resized(grid[None], [(n + 1) * step for n, step in zip(cells, steps, strict=True)], "centers")
        shifts = [int(rng.integers(step)) for step in steps]
        yield large[0][
            tuple(slice(shift, shift + length) for shift, length in zip(shifts, lengths, strict=True))
        ]


def _per_axis(name: str, given: int | Sequence[int] | None, default: Sequence[int]) -> tuple[int, ...]:
    if given is None:
        return tuple(default)
    numbers = (given,) * len(default) if isinstance(given, int) else tuple(given)
    if len(numbers) != len(default):
        raise UsageError(
            f"{name} is one number, or one for each of {len(default)} axes. Received: {name}={given}."
        )
    return numbers


def _starts(length: int, size: int, stride: int) -> list[int]:
    """Where windows begin, so that every position is covered."""
    return sorted({*range(0, length - size, stride), length - size})
