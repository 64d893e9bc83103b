"""Samples with their labels in train, validation and test splits, whatever the kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.types import SPLITS, Skipped, SplitName

Rows = npt.NDArray[np.int64]
"""Numbers of samples, or of the groups that samples are of, shape (samples,)."""


class Samples(Protocol):
    """Raw samples that can be loaded one at a time; nothing is held in memory unless the source is."""

    def __len__(self) -> int:
        """The number of samples."""

    def load(self, index: int) -> Any:
        """Loads one raw sample; safe to call from several threads at once."""

    def name(self, index: int) -> str:
        """The file (or `file#row`) that the sample came from."""

    def take(self, indices: npt.NDArray[np.int64]) -> Samples:
        """Some of the samples, in that order."""


@dataclass(frozen=True)
class LeftOut:
    """What a reader of samples without labels left out, and what the user should know.

    Args:
        skipped: What was found and is no readable sample.
        warnings: One line each.
    """

    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Split:
    """Samples and labels of one split.

    Args:
        samples: The raw samples.
        labels: Index into the class names, shape (samples,), int64, -1 where a label is not known; of tasks
            other than classification an object array, such as tags, transcripts or remaining lives.
        groups: Samples with the same number belong together, such as those of a patient, shape (samples,);
            None where each stands alone.
    """

    samples: Samples
    labels: npt.NDArray[Any]
    groups: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def names(self) -> Sequence[str]:
        """Where each sample came from."""
        return [self.samples.name(i) for i in range(len(self))]

    def some(self, rows: Rows) -> Split:
        """Only these samples, in this order."""
        return Split(self.samples.take(rows), self.labels[rows], _some(self.groups, rows))


@dataclass(frozen=True)
class Pool:
    """All samples of a data set in one order, so that they can be divided in another way.

    Args:
        samples: The raw samples.
        labels: As of `Split`.
        digests: A hash of each sample's content, shape (samples,).
        together: Samples with the same number stay in one split, shape (samples,), int64.
        codes: Index into `SPLITS` for every sample, as they are divided, shape (samples,), int8.
        given: The splits that the data itself has, without those that were drawn.
        classes: Number of each sample's class, by which drawn splits are stratified, shape (samples,), int64.
        folds: Of each sample, as the data itself divides them, from 0, shape (samples,), int64; None where it
            does not.
        belonging: As `groups` of `Split`.
    """

    samples: Samples
    labels: npt.NDArray[Any]
    digests: npt.NDArray[Any]
    together: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int8]
    given: frozenset[SplitName]
    classes: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64] | None = None
    belonging: npt.NDArray[np.int64] | None = None

    def some(self, rows: Rows) -> Split:
        """Some of the samples, in that order."""
        return Split(self.samples, self.labels, self.belonging).some(rows)


@dataclass(frozen=True)
class Splits:
    """All that a reader found.

    Args:
        train: The samples to learn from.
        validation: The samples to choose the best weights by.
        test: The samples to evaluate on.
        class_names: Sorted names; a label is an index into them.
        layout: One line that says which layout was recognized and by what.
        fingerprint: SHA-256 (hex) over names, labels and contents.
        decisions: Every automatic decision with its reason, one line each.
        warnings: What the user should know, one line each.
        skipped: What was left out.
        reading: Options of the recipe that reading settled by looking at the whole data, such as the form of
            its times; a run keeps them, so that other files are read likewise.
        no_test: Why no test split could be drawn; empty where there is one.
        pool: All samples before they were divided; None where the reader does not keep them.
        others: Samples of no split or without a label that belong to the same data, such as nodes of a graph;
            features are extracted of them too.
    """

    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    layout: str
    fingerprint: str
    decisions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = field(default=())
    reading: Mapping[str, Any] = field(default_factory=dict)
    no_test: str = ""
    pool: Pool | None = None
    others: Samples | None = None

    def __getitem__(self, name: SplitName) -> Split:
        split: Split = getattr(self, name)
        return split

    def counts(self) -> dict[SplitName, dict[str, int]]:
        """The number of samples per split and class name."""
        return {
            name: {
                class_name: int(np.sum(self[name].labels == index))
                for index, class_name in enumerate(self.class_names)
            }
            for name in SPLITS
        }


def divided(
    samples: Samples, labels: npt.NDArray[Any], codes: npt.NDArray[np.int8], groups: Rows | None
) -> tuple[Split, Split, Split]:
    """Train, validation and test of samples with an index into `SPLITS` and a group each, (samples,)."""
    rows = [np.flatnonzero(codes == code).astype(np.int64) for code in range(len(SPLITS))]
    whole = Split(samples, labels, groups)
    train, validation, test = (whole.some(chosen) for chosen in rows)
    return train, validation, test


def _some(groups: Rows | None, rows: Rows) -> Rows | None:
    return None if groups is None else groups[rows]


def as_labels(values: Sequence[object]) -> npt.NDArray[np.object_]:
    """Labels that are no numbers, one object for each sample, shape (samples,)."""
    return np.fromiter(values, object, len(values))


def also_in_train(count: int, split: str, one: str, many: str) -> str:
    """Warns of samples that make a split look easier than it is.

    Example:
        >>> also_in_train(1, "test", "text", "texts")
        '1 test text is identical to a train text'
    """
    what = f"{split} {one} is" if count == 1 else f"{split} {many} are"
    return f"{count} {what} identical to a train {one}"
