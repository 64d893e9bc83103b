"""From what a layout's reader found to splits: class names, checks, missing splits, duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from convscope.data.digests import Digests
from convscope.data.groups import (
    Numbers,
    group_numbers,
    joined,
    same_numbers,
    too_few,
)
from convscope.data.labels import doubtful_classes, labeled
from convscope.data.overlaps import divided_groups, duplicate_warnings, near_warnings
from convscope.data.persons import with_groups
from convscope.data.splits import Pool, Samples, Splits, divided
from convscope.data.stratify import FRACTION, Codes, carve, carve_groups, missing_splits, split_codes
from convscope.errors import DataError
from convscope.types import SPLITS, Skipped, SplitName

TRAIN = SPLITS.index("train")
FEW_TO_JUDGE = 20
"""Test samples without which a figure says little."""


class Source(Samples, Protocol):
    """Samples that are still called the same when their folder moves."""

    def key(self, index: int) -> str:
        """The name below the folder that was read."""

    def take(self, indices: npt.NDArray[np.int64]) -> Self:
        """Some of the samples, in that order."""


@dataclass(frozen=True)
class Found:
    """What a layout's reader found, in an order that depends on the data alone.

    Args:
        where: The path that was read, for messages.
        layout: One line that says which layout was recognized and by what.
        source: The readable samples.
        labels: The class name of each sample; None where there is none, so that the sample is left out.
        splits: The split of each sample; None for all of them where the data has no splits.
        digests: A hash of each sample's content, shape (samples,).
        near: Equal where samples are so alike that they must stay on one side of a drawn split, shape
            (samples,); the digests where it is None.
        stratified: Whether a drawn split gets its share of each class; not where what stays together has
            samples of many classes.
        strata: What the labels are of which a drawn split gets its share of each, in one word or several.
        nouns: What one sample and many are called in messages.
        alike: What samples have in common that stay on one side.
        groups: The name of the group of each sample, such as the speaker; None for a sample that is of none,
            or instead of all of them. Samples of one group stay on one side of a drawn split.
        grouped_by: What names the groups, such as "column 'speaker'".
        folds: Fold of each sample, as the data itself divides them, from 0, shape (samples,), int64; None
            where it does not.
        fewest: Samples that a drawn validation split has at least; where it would have fewer, none is drawn,
            and the train split is the validation split too.
        decisions: What the reader decided, one line each.
        warnings: What the reader wants to be known, one line each.
        skipped: What the reader left out.
        reading: As `Splits.reading`.
    """

    where: str
    layout: str
    source: Source
    labels: Sequence[str | None]
    splits: Sequence[SplitName | None]
    digests: Digests
    near: Digests | npt.NDArray[np.str_] | None = None
    groups: Sequence[str | None] | None = None
    grouped_by: str = ""
    folds: npt.NDArray[np.int64] | None = None
    stratified: bool = True
    strata: str = "class"
    nouns: tuple[str, str] = ("sample", "samples")
    alike: str = "identical samples"
    fewest: int = 0
    decisions: Sequence[str] = field(default=())
    warnings: Sequence[str] = field(default=())
    skipped: Sequence[Skipped] = field(default=())
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def near_digests(self) -> Digests | npt.NDArray[np.str_]:
        """`near`, or the digests where it is None."""
        return self.digests if self.near is None else self.near


def assemble(found: Found, seed: int | None, group: str | None = None) -> Splits:
    """Makes splits of what a reader found.

    Args:
        found: Samples, class names and splits.
        seed: Draws the splits that the data does not have. None where a model that exists is to judge the
            samples: nothing is drawn, and they are of the test split unless the data names another.
        group: What the user gave as `--group`: the name of the column that `found.groups` are from, or, where
            those are None, a regular expression of the samples' paths.

    Returns:
        Train, validation and test, with every decision and warning.

    Raises:
        DataError: No sample has a label, there are fewer than two classes, a class has one sample or none in
            train, no sample is in train, or only some samples have a split.
    """
    judged, found = seed is None, only_labeled(found)
    found = found if judged else with_groups(found, group)
    names = list(map(str, found.labels))
    class_names = _class_names(found, names, fewest=1 if judged else 2)
    number_of = {name: number for number, name in enumerate(class_names)}
    labels = np.array([number_of[name] for name in names], np.int64)
    given = split_codes(found.where, found.splits, found.nouns, judged=judged)
    same, near = (same_numbers(each) for each in (found.digests, found.near_digests))
    drawing, codes, decisions = Drawing(near, alike=found.alike), given, list[str]()
    if seed is not None:
        _check_classes(found, class_names, labels, given)
        drawing = drawing_of(found, near, given, asked=group is not None)
        codes, decisions = _complete(found, class_names, labels, drawing, given, seed)
    together = belonging(found, near, group)
    train, validation, test = divided(found.source, labels, codes, together)
    if not len(validation) and not judged:
        validation = train
        if not any(line.startswith("validation: the train") for line in decisions):
            decisions.append(f"validation: the train {found.nouns[1]}, because there are no others")
    doubts = () if judged or found.strata != "class" else doubtful_classes(class_names)
    return Splits(
        *(train, validation, test),
        class_names=class_names,
        layout=found.layout,
        fingerprint=content_fingerprint(found),
        decisions=(*found.decisions, *drawing.decisions, *decisions),
        warnings=(*drawing.warnings, *doubts, *_warned(found, labels, (same, near), codes)),
        skipped=tuple(found.skipped),
        reading=found.reading,
        no_test="" if len(test) else _no_test(found, drawing),
        pool=pool_of(found, labels, drawing, codes, given, together),
    )


def belonging(found: Found, near: Numbers, group: str | None) -> Numbers:
    """Samples that are alike or of one group, by which metrics are resampled, shape (samples,)."""
    try:
        groups = with_groups(found, group).groups
    except DataError:  # other data, whose paths do not name the groups
        groups = None
    return near if groups is None else joined(group_numbers(groups), near)


def pool_of(
    found: Found, labels: npt.NDArray[Any], drawing: Drawing, codes: Codes, given: Codes, together: Numbers
) -> Pool:
    """All samples together, from which folds are drawn; `given` has the splits of the data alone."""
    return Pool(
        found.source,
        labels,
        found.digests,
        drawing.together,
        codes,
        frozenset(SPLITS[code] for code in np.unique(given)) if any(found.splits) else frozenset(),
        labels if found.stratified else np.zeros(len(labels), np.int64),
        found.folds,
        together,
    )


def only_labeled(found: Found) -> Found:
    """What was found without the samples that have no label; the warnings say how many.

    Raises:
        DataError: No sample has a label.
    """
    known, lines = labeled(found.where, found.labels, found.splits, found.nouns)
    if not lines:
        return found
    rows = np.flatnonzero(known)
    return replace(
        found,
        source=found.source.take(rows.astype(np.int64)),
        labels=[found.labels[row] for row in rows],
        splits=[found.splits[row] for row in rows],
        digests=found.digests[rows],
        near=None if found.near is None else found.near[rows],
        groups=None if found.groups is None else [found.groups[row] for row in rows],
        folds=None if found.folds is None else found.folds[rows],
        warnings=(*found.warnings, *lines),
    )


@dataclass(frozen=True)
class Drawing:
    """How splits are drawn: what stays together, and whether that has samples of many classes."""

    together: Numbers
    mixed: bool = False
    alike: str = ""
    decisions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def drawing_of(found: Found, near: Numbers, given: npt.NDArray[np.int8], *, asked: bool) -> Drawing:
    """What stays in one split: samples that are alike, and those of one group.

    Args:
        found: What a reader found.
        near: Samples that are alike have one number, shape (samples,).
        given: The split of each sample, as the data has it.
        asked: Whether the user asked for groups.

    Raises:
        DataError: The user did, and there are too few.
    """
    if found.groups is None:
        return Drawing(near, alike=found.alike)
    numbers = group_numbers(found.groups)
    wanted = missing_splits(given)
    many = found.nouns[1]
    both, apart = joined(numbers, near), tuple(divided_groups(found.groups, numbers, given, found.nouns))
    if not wanted:  # folds keep groups together all the same
        return Drawing(both, mixed=True, alike=found.alike, warnings=apart)
    pool = given == TRAIN
    problem = too_few(numbers[pool], wanted, asked)
    if problem and asked:
        raise DataError(
            f"{found.where}: expected groups to draw {' and '.join(wanted)} from, received {problem}",
            hint="Choose other groups, or give the splits in the data.",
        )
    if problem:
        return Drawing(
            near,
            alike=found.alike,
            warnings=(f"groups: {found.grouped_by} has {problem}; {many} of one are in several splits",),
        )
    chained = too_few(both[pool], wanted, asked) is not None
    named = len({name for name in found.groups if name is not None})
    without = sum(name is None for name in found.groups)
    alone = f"; {without} {many} are of none" if without else ""
    return Drawing(
        numbers if chained else both,
        mixed=True,
        alike=f"{many} of one group" if chained else f"{many} of one group and {found.alike}",
        decisions=(f"groups: {named}, by {found.grouped_by}{alone}; a group stays in one split",),
        warnings=apart,
    )


def _no_test(found: Found, drawing: Drawing) -> str:
    different, many = len(np.unique(drawing.together)), found.nouns[1]
    verb = "is" if different == 1 else "are"
    return (
        f"{drawing.alike} stay in one split, and of the {len(found.labels)} {many} only {different} {verb}"
        " different"
    )


def _warned(
    found: Found, labels: npt.NDArray[np.int64], alike: tuple[Numbers, Numbers], codes: npt.NDArray[np.int8]
) -> list[str]:
    """Those of the reader, about samples in several splits, and about labels that cannot be right."""
    same, near = alike
    warnings = [*found.warnings, *duplicate_warnings(found.nouns, labels, same, codes)]
    if found.near is not None:
        warnings += near_warnings(found.nouns, same, near, codes)
    return warnings


def _class_names(found: Found, labels: Sequence[str], fewest: int = 2) -> tuple[str, ...]:
    names = set(labels)
    for name in names:
        if not name.isprintable() or not name.strip():
            raise DataError(f"{found.where}: expected printable class names, received {name!r}")
    if len(names) < fewest:
        raise DataError(
            f"{found.where}: expected at least two classes, received {', '.join(sorted(names)) or 'none'}",
            hint="Give the folder or file with all classes; where the names of files say them, the folder of"
            " these files alone, or --label-pattern.",
        )
    numeric = all(name.isascii() and name.isdigit() for name in names)
    return tuple(sorted(names, key=(lambda name: (int(name), name)) if numeric else None))


def _check_classes(
    found: Found, class_names: tuple[str, ...], labels: npt.NDArray[np.int64], given: npt.NDArray[np.int8]
) -> None:
    where, (one, many) = found.where, found.nouns
    totals = np.bincount(labels, minlength=len(class_names))
    single = [name for name, total in zip(class_names, totals, strict=True) if total == 1]
    if single:
        raise DataError(
            f"{where}: expected at least two {many} per class, received one of {_some(single)}",
            hint=f"Add {many} or remove the class: one {one} cannot be in both train and test.",
        )
    trained = np.bincount(labels[given == TRAIN], minlength=len(class_names))
    missing = [name for name, total in zip(class_names, trained, strict=True) if total == 0]
    if missing:
        others = ", ".join(SPLITS[code] for code in np.unique(given[labels == class_names.index(missing[0])]))
        raise DataError(
            f"{where}: class {_some(missing)} is not in train, only in {others}",
            hint=f"Add {many} of it to train or remove the class; look for different spellings.",
        )


def _complete(
    found: Found,
    class_names: tuple[str, ...],
    labels: npt.NDArray[np.int64],
    drawing: Drawing,
    given: npt.NDArray[np.int8],
    seed: int,
) -> tuple[npt.NDArray[np.int8], list[str]]:
    """Fills in the splits that are missing; returns the codes and what was decided."""
    one, many = found.nouns
    wanted = missing_splits(given)
    codes = given.copy()
    pool = np.flatnonzero(codes == TRAIN)
    decisions = []
    few = round(len(pool) * FRACTION) < found.fewest
    if few and wanted.pop("validation", 0):
        decisions.append(
            f"validation: the train {many} themselves, because a tenth of {len(pool)} {many} is too few to"
            " choose the best epoch by"
        )
    if wanted:
        by_class = labels[pool] if found.stratified else np.zeros(len(pool), np.int64)
        draw = carve_groups if drawing.mixed else carve
        codes[pool] = draw(by_class, drawing.together[pool], wanted, seed)
    for name in wanted:
        chosen = labels[codes == SPLITS.index(name)]
        if not len(chosen):
            continue
        evenly = f" stratified by {found.strata}," if found.stratified else ""
        decisions.append(
            f"{name}: {len(chosen)} of {len(pool)} {many}, because the data has no {name} split; drawn with"
            f" seed {seed},{evenly} {drawing.alike} kept in one split"
        )
        if name == "test" and len(chosen) < FEW_TO_JUDGE:
            decisions.append(
                f"test: each of so few {many} is {100 / len(chosen):.3g} % of what metrics are measured on;"
                f" `--folds 5` tests on all {many} in turn"
            )
        counts = np.bincount(chosen, minlength=len(class_names))
        missing = [class_names[number] for number in np.flatnonzero(counts == 0)]
        if missing:
            decisions.append(f"{name}: no {one} of {_some(missing)}, which has too few")
    return codes, decisions


def content_fingerprint(found: Found) -> str:
    """SHA-256 (hex) over names, labels, splits and contents of all samples."""
    total = sha256()
    rows = zip(found.labels, found.splits, found.digests, strict=True)
    for index, (label, split, digest) in enumerate(rows):
        total.update(f"{found.source.key(index)}\0{label}\0{split}\0".encode())
        total.update(digest.tobytes())
    return total.hexdigest()


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def check_mostly_readable(where: str, readable: int, skipped: list[Skipped], what: str) -> None:
    """Stops where nothing is readable or more than half is not.

    Args:
        where: The file or folder that was read.
        readable: How many samples were readable.
        skipped: Those that were not.
        what: What they are.

    Raises:
        DataError: With the first reasons.
    """
    if readable and len(skipped) <= readable:
        return
    examples = "; ".join(f"{bad.path}: {bad.reason}" for bad in skipped[:3])
    found = f"{len(skipped)} of {readable + len(skipped)} {what} are not readable"
    raise DataError(
        f"{where}: {found if skipped else f'there are no {what}'}, expected at least half to be readable"
        + (f" ({examples})" if examples else ""),
        hint="Check the path, and that the files were copied completely.",
    )
