"""Samples cut into the windows that a model takes: which belong together, and what is in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples
from convscope.kinds.contract.windows import Windows, WindowSteps
from convscope.types import Array
from convscope.workflows.model_inputs.encoder import Encoder


@dataclass(frozen=True, eq=False)
class CutSamples:
    """Samples of all splits as windows.

    Args:
        windows: Of each split.
        belongs: The sample of each window, counted through all splits, shape (windows,).
        firsts: Where the windows of each sample begin, and where the last ones end, shape (samples + 1,).
        steps: How they were cut.
    """

    windows: tuple[Windows, ...]
    belongs: npt.NDArray[np.int64]
    firsts: npt.NDArray[np.int64]
    steps: WindowSteps

    def labels(
        self, unknown: npt.NDArray[np.int64], own: Sequence[Sequence[Any]], class_names: Sequence[str]
    ) -> npt.NDArray[np.int64]:
        """What is in each window.

        Args:
            unknown: A number for each sample where nothing is known.
            own: The labels of the samples of the first splits, or of all.
            class_names: What labels mean.
        """
        pairs = zip(self.windows, own, strict=False)
        known = [self.steps.labels(windows, labels, class_names) for windows, labels in pairs]
        return np.concatenate([*known, unknown[self.belongs][sum(map(len, known)) :]])


def windows_of(samples: Sequence[Samples], encoder: Encoder) -> CutSamples | None:
    """The windows of samples; None where a model takes samples as they are encoded."""
    cuts = [cut for cut in map(encoder.cut, samples) if cut is not None]
    if not cuts or encoder.recipe.windows is None:
        return None
    starts = np.cumsum([0, *map(len, samples)])
    belongs = np.concatenate([cut.belongs + at for cut, at in zip(cuts, starts[:-1], strict=True)])
    firsts = np.searchsorted(belongs, np.arange(starts[-1] + 1))
    return CutSamples(tuple(cuts), belongs, firsts, encoder.recipe.windows)


class JoinedRows:
    """Values of samples from those of their inputs: the mean or the maximum over the inputs of each.

    Args:
        counts: How many inputs each sample has, at least 1, shape (samples,).
        largest: Whether the maximum is taken.
    """

    def __init__(self, counts: npt.NDArray[np.int64], largest: bool) -> None:
        self._counts, self._largest = counts, largest
        self._rows = np.repeat(np.arange(len(counts)), counts)
        self._total: Array | None = None
        self._done = 0

    def add(self, values: Array) -> None:
        """Takes the values of the next inputs, shape (inputs, ...)."""
        rows = self._rows[self._done : self._done + len(values)]
        self._done += len(values)
        if self._total is None:
            start = -np.inf if self._largest else 0.0
            self._total = np.full((len(self._counts), *values.shape[1:]), start, np.float32)
        join = np.maximum if self._largest else np.add
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        together = join.reduceat(values, starts, axis=0)
        self._total[rows[starts]] = join(self._total[rows[starts]], together)

    def values(self) -> Array:
        """The values of the samples, shape (samples, ...), float32."""
        assert self._total is not None
        if self._largest:
            return self._total
        counts = self._counts.reshape(-1, *[1] * (self._total.ndim - 1))
        return np.asarray(self._total / counts, np.float32)
