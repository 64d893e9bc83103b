"""Samples with a class at each position: masks, what they hold, and how they are divided into splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.object_labels import assemble_objects
from convscope.data.splits import Split, Splits
from convscope.errors import DataError
from convscope.types import SplitName

VOID = 255
"""What stands in a mask where no class is known; such positions are neither learned from nor judged."""
MOST_CLASSES = 255
"""Classes of one data set at most."""
BACKGROUND = "background"
"""Name of the class that is what the others are not."""
_SHOWN = 12

Classes = npt.NDArray[np.uint8]
"""The class of each position, `VOID` where none is known."""


@dataclass(frozen=True, eq=False)
class Mask:
    """The class of each position of one sample, read when it is needed.

    Args:
        read: Gives the classes on the grid of the sample, shape (positions...), uint8.
        counts: Positions of each class, shape (classes,), int64.
        void: Positions without a known class.
    """

    read: Callable[[], Classes]
    counts: npt.NDArray[np.int64]
    void: int = 0

    def load(self) -> Classes:
        """The class of each position, shape (positions...), uint8; `VOID` where none is known."""
        return self.read()

    def renamed(self, numbers: npt.NDArray[np.int64], classes: int) -> Mask:
        """The same mask with other numbers for its classes.

        Args:
            numbers: The new number of each class, shape (classes,).
            classes: How many there are then.
        """
        table = np.full(256, VOID, np.uint8)
        table[: len(numbers)] = numbers
        counts = np.zeros(classes, np.int64)
        np.add.at(counts, numbers, self.counts)
        return Mask(lambda: np.asarray(table[self.read()]), counts, self.void)


def count_classes(values: Classes, classes: int) -> tuple[npt.NDArray[np.int64], int]:
    """Positions of each class, and positions without a known one."""
    counts = np.zeros(256, np.int64)
    for part in np.atleast_2d(
        values
    ):  # numbers of all positions at once would take eight times the memory of a mask
        counts += np.bincount(part.ravel(), minlength=256)
    return counts[:classes].astype(np.int64), int(counts[VOID])


def object_classes(class_names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Numbers of the classes that are no background; of all where nothing else is there.

    Example:
        >>> object_classes(("background", "liver", "tumor")).tolist()
        [1, 2]
    """
    others = [k for k, name in enumerate(class_names) if name.lower() != BACKGROUND]
    return np.array(others or range(len(class_names)), np.int64)


def counts_of(masks: Sequence[Mask], classes: int) -> npt.NDArray[np.int64]:
    """Positions of each class in each mask, shape (masks, classes), int64."""
    return np.array([mask.counts for mask in masks], np.int64).reshape(len(masks), classes)


def assemble_masks(
    found: Found,
    masks: Sequence[Mask | None],
    class_names: Sequence[str],
    seed: int | None,
    group: str | None = None,
) -> Splits:
    """Makes splits of samples with a mask each.

    A sample without a mask, and one whose mask knows no class at any position, is left out and counted.

    Args:
        found: What a reader found; its labels are not looked at.
        masks: Of each sample; None where there is none.
        class_names: What the numbers in masks mean.
        seed: As `assemble`.
        group: As `assemble`.

    Returns:
        Splits whose labels are masks, and whose class names are in the order of the numbers.

    Raises:
        DataError: No sample has a mask, there are fewer than two or too many classes, none of the train
            samples has a class, or as `assemble`.
    """
    informative, warnings = _informative(found, masks, class_names)
    rows = np.flatnonzero(informative).astype(np.int64)
    kept = [mask for mask, good in zip(masks, informative, strict=True) if good and mask is not None]
    some = _taken(found, rows, warnings)
    splits = assemble_objects(some, kept, seed, group)
    if not len(splits.validation) and seed is not None and len(splits.train):
        splits = replace(
            splits,
            validation=splits.train,
            decisions=(*splits.decisions, "validation: the train samples themselves; there are no others"),
        )
    digest = sha256(f"{splits.fingerprint}\0{list(class_names)}".encode()).hexdigest()
    return replace(
        splits,
        class_names=tuple(class_names),
        fingerprint=digest,
        decisions=(*splits.decisions, _shares(kept, class_names)),
        warnings=(*splits.warnings, *_missing(splits, class_names, judged=seed is None)),
    )


def _informative(
    found: Found, masks: Sequence[Mask | None], class_names: Sequence[str]
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Which samples have a mask that says something, shape (samples,), and what is said of the others.

    Raises:
        DataError: None has, or there are too few or too many classes.
    """
    known = np.array([mask is not None for mask in masks], bool)
    informative = np.array([mask is not None and bool(mask.counts.any()) for mask in masks], bool)
    if not informative.any():
        raise DataError(
            f"{found.where}: expected {found.nouns[1]} with a mask each, received {len(masks)} without",
            hint="Give masks that are called as their samples, in a folder beside them.",
        )
    if not 2 <= len(class_names) <= MOST_CLASSES:
        raise DataError(
            f"{found.where}: expected 2 to {MOST_CLASSES} classes in masks, received"
            f" {len(class_names)}: {', '.join(class_names[:_SHOWN])}",
            hint="A mask has a number or a color for each class, that of the background among them.",
        )
    return informative, _left_out(found.nouns[1], known, informative)


def presence(split: Split, class_names: Sequence[str]) -> dict[str, int]:
    """In how many samples each class is."""
    there = (counts_of(split.labels.tolist(), len(class_names)) > 0).sum(axis=0)
    return dict(zip(class_names, there.tolist(), strict=True))


def align_masks(split: Split, found: Sequence[str], known: Sequence[str]) -> Split:
    """The split with masks that index the class names of a model, which has all that were found."""
    if list(found) == list(known):
        return split
    numbers = np.array([list(known).index(name) for name in found], np.int64)
    labels = np.empty(len(split), object)
    labels[:] = [mask.renamed(numbers, len(known)) for mask in split.labels]
    return Split(split.samples, labels, split.groups)


def _taken(found: Found, rows: npt.NDArray[np.int64], warnings: Sequence[str]) -> Found:
    """What was found, with some of the samples alone."""
    near = None if found.near is None else found.near[rows]
    return replace(
        found,
        source=found.source.take(rows),
        labels=[None] * len(rows),
        splits=[found.splits[row] for row in rows],
        digests=found.digests[rows],
        near=near,
        groups=None if found.groups is None else [found.groups[row] for row in rows],
        folds=None if found.folds is None else found.folds[rows],
        warnings=(*found.warnings, *warnings),
    )


def _left_out(many: str, known: npt.NDArray[np.bool_], informative: npt.NDArray[np.bool_]) -> list[str]:
    lines = []
    if not known.all():
        lines.append(f"{int(np.sum(~known))} of {len(known)} {many} have no mask and are left out")
    empty = int(np.sum(known & ~informative))
    if empty:
        lines.append(f"{empty} {many} have masks that are void everywhere, and are left out")
    return lines


def _shares(masks: Sequence[Mask], class_names: Sequence[str]) -> str:
    """How much of the masks each class is."""
    totals = counts_of(masks, len(class_names)).sum(axis=0)
    void = sum(mask.void for mask in masks)
    whole = max(int(totals.sum()) + void, 1)
    named = [f"{name} {total / whole:.2%}" for name, total in zip(class_names, totals, strict=True)]
    more = [f"and {len(named) - _SHOWN} more"] if len(named) > _SHOWN else []
    said = [f"void {void / whole:.2%}, which is neither learned nor judged"] if void else []
    return f"classes: {', '.join([*named[:_SHOWN], *more, *said])}"


def _missing(splits: Splits, class_names: Sequence[str], *, judged: bool) -> list[str]:
    names: tuple[SplitName, ...] = ("test",) if judged else ("train", "test")
    lines = []
    for name in names:
        if not len(splits[name]):
            continue
        absent = [each for each, count in presence(splits[name], class_names).items() if not count]
        if absent:
            lines.append(f"no {name} sample has {', '.join(absent[:_SHOWN])}")
    return lines
