"""From what a layout's reader found to splits: class names, checks, missing splits, duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from convscope.data.digests import Digests
from convscope.data.splits import Samples, Splits, also_in_train, divided
from convscope.data.stratify import FRACTION, carve, missing_splits, split_codes
from convscope.errors import DataError
from convscope.types import SPLITS, Skipped, SplitName

TRAIN = SPLITS.index("train")


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
        labels: The class name of each sample.
        splits: The split of each sample; None for all of them where the data has no splits.
        digests: A hash of each sample's content, shape (samples,).
        near: Equal where samples are so alike that they must stay on one side of a drawn split, shape
            (samples,); the digests where it is None.
        stratified: Whether a drawn split gets its share of each class; not where what stays together has
            samples of many classes.
        nouns: What one sample and many are called in messages.
        alike: What samples have in common that stay on one side.
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
    labels: Sequence[str]
    splits: Sequence[SplitName | None]
    digests: Digests
    near: Digests | npt.NDArray[np.str_] | None = None
    stratified: bool = True
    nouns: tuple[str, str] = ("sample", "samples")
    alike: str = "identical samples"
    fewest: int = 0
    decisions: Sequence[str] = field(default=())
    warnings: Sequence[str] = field(default=())
    skipped: Sequence[Skipped] = field(default=())
    reading: Mapping[str, Any] = field(default_factory=dict)


def assemble(found: Found, seed: int) -> Splits:
    """Makes splits of what a reader found.

    Args:
        found: Samples, class names and splits.
        seed: Draws the splits that the data does not have.

    Returns:
        Train, validation and test, with every decision and warning.

    Raises:
        DataError: There are fewer than two classes, a class has one sample, a class is missing in train, no
            sample is in train, or only some samples have a split.
    """
    class_names = _class_names(found)
    number_of = {name: number for number, name in enumerate(class_names)}
    labels = np.fromiter((number_of[name] for name in found.labels), np.int64, len(found.labels))
    given = split_codes(found.where, found.splits, found.nouns)
    groups = np.unique(found.digests, return_inverse=True)[1].astype(np.int64)
    near = groups if found.near is None else np.unique(found.near, return_inverse=True)[1].astype(np.int64)
    _check_classes(found, class_names, labels, given)
    codes, decisions = _complete(found, class_names, labels, near, given, seed)
    train, validation, test = divided(found.source, labels, codes)
    if not len(validation):
        validation = train
        if not any(line.startswith("validation: the train") for line in decisions):
            many = found.nouns[1]
            decisions.append(f"validation: the train {many} themselves, because there are no others")
    return Splits(
        train,
        validation,
        test,
        class_names=class_names,
        layout=found.layout,
        fingerprint=content_fingerprint(found),
        decisions=(*found.decisions, *decisions),
        warnings=(*found.warnings, *duplicate_warnings(found.nouns, labels, groups, codes)),
        skipped=tuple(found.skipped),
        reading=found.reading,
    )


def _class_names(found: Found) -> tuple[str, ...]:
    names = set(found.labels)
    for name in names:
        if not name.isprintable() or not name.strip():
            raise DataError(f"{found.where}: expected printable class names, received {name!r}")
    if len(names) < 2:
        raise DataError(
            f"{found.where}: expected at least two classes, received {', '.join(sorted(names)) or 'none'}",
            hint="Give the folder or file with all classes.",
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
    groups: npt.NDArray[np.int64],
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
        codes[pool] = carve(by_class, groups[pool], wanted, seed)
    for name in wanted:
        chosen = labels[codes == SPLITS.index(name)]
        evenly = " stratified by class," if found.stratified else ""
        decisions.append(
            f"{name}: {len(chosen)} of {len(pool)} {many}, because the data has no {name} split; drawn with"
            f" seed {seed},{evenly} {found.alike} kept in one split"
        )
        counts = np.bincount(chosen, minlength=len(class_names))
        missing = [class_names[number] for number in np.flatnonzero(counts == 0)]
        if missing:
            decisions.append(f"{name}: no {one} of {_some(missing)}, which has too few")
    return codes, decisions


def duplicate_warnings(
    nouns: tuple[str, str],
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int8],
) -> list[str]:
    """Warnings about identical samples that make results look better or labels that cannot be right.

    Args:
        nouns: What one sample and many are called.
        labels: Shape (samples,); samples of one label have one number.
        groups: Shape (samples,); identical samples have one number.
        codes: Index into `SPLITS` for every sample, shape (samples,).
    """
    one, many = nouns
    warnings = []
    trained = np.zeros(int(groups.max()) + 1, bool)
    trained[groups[codes == TRAIN]] = True
    for name in ("validation", "test"):
        count = int(np.sum(trained[groups[codes == SPLITS.index(name)]]))
        if count:
            warnings.append(also_in_train(count, name, one, many))
    pairs = np.unique(np.stack([groups, labels]), axis=1)
    conflicts = int(np.sum(np.bincount(pairs[0]) > 1))
    if conflicts:
        noun, verb = ("group", "carries") if conflicts == 1 else ("groups", "carry")
        warnings.append(f"{conflicts} {noun} of identical {many} {verb} different labels")
    return warnings


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
