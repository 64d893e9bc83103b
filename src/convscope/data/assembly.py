"""From what a layout's reader found to splits: class names, checks, missing splits, duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from convscope.data.scan import Digests, Encoded, check_mostly_readable, scan
from convscope.data.sources import ImageSource
from convscope.data.splits import Split, Splits
from convscope.data.stratify import carve
from convscope.errors import DataError
from convscope.kinds import SPLITS, Progress, Skipped, SplitName

FRACTION = 0.1
"""Share of each class that a split gets which the data does not have."""

SPLIT_ALIASES: dict[str, SplitName] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev", "publictest"), "validation"),
    **dict.fromkeys(("test", "testing", "privatetest"), "test"),
}
"""Names under which a split is found, in lower case."""

TRAIN = SPLITS.index("train")
UNKNOWN = -1


@dataclass(frozen=True)
class Found:
    """What a layout's reader found, in an order that depends on the data alone.

    Args:
        where: The path that was read, for messages.
        layout: One line that says which layout was recognized and by what.
        source: The readable pictures.
        labels: The class name of each picture.
        splits: The split of each picture; None for all of them where the data has no splits.
        digests: A hash of each picture's content, shape (pictures,).
        decisions: What the reader decided, one line each.
        skipped: What the reader left out.
    """

    where: str
    layout: str
    source: ImageSource
    labels: Sequence[str]
    splits: Sequence[SplitName | None]
    digests: Digests
    decisions: Sequence[str] = field(default=())
    skipped: Sequence[Skipped] = field(default=())


def scan_to_found(
    source: Encoded,
    *,
    where: str,
    layout: str,
    labels: Sequence[str],
    splits: Sequence[SplitName | None],
    skipped: Sequence[Skipped],
    progress: Progress,
) -> Found:
    """Scans encoded pictures and keeps the readable ones with their labels and splits.

    Args:
        source: Pictures of unknown size.
        where: The path that was read, for messages.
        layout: One line that says which layout was recognized and by what.
        labels: The class name of each.
        splits: The split of each, or None for all.
        skipped: What was left out before.
        progress: Told how many pictures were scanned.

    Returns:
        The readable pictures.

    Raises:
        DataError: More than half of the pictures are not readable.
    """
    scanned = scan(source, progress)
    check_mostly_readable(where, len(scanned.kept), scanned.skipped)
    rows = scanned.kept.tolist()
    return Found(
        where=where,
        layout=layout,
        source=scanned.source,
        labels=[labels[row] for row in rows],
        splits=[splits[row] for row in rows],
        digests=scanned.digests,
        skipped=(*skipped, *scanned.skipped),
    )


def assemble(found: Found, seed: int) -> Splits:
    """Makes splits of what a reader found.

    Args:
        found: Pictures, class names and splits.
        seed: Draws the splits that the data does not have.

    Returns:
        Train, validation and test, with every decision and warning.

    Raises:
        DataError: There are fewer than two classes, a class has one picture, a class is missing in train, no
            picture is in train, or only some pictures have a split.
    """
    class_names = _class_names(found)
    number_of = {name: number for number, name in enumerate(class_names)}
    labels = np.fromiter((number_of[name] for name in found.labels), np.int64, len(found.labels))
    given = np.fromiter(
        (UNKNOWN if name is None else SPLITS.index(name) for name in found.splits), np.int8, len(found.splits)
    )
    groups = np.unique(found.digests, return_inverse=True)[1].astype(np.int64)
    _check_classes(found.where, class_names, labels, given)
    codes, decisions = _complete(class_names, labels, groups, given, seed)
    train, validation, test = (_part(found.source, labels, codes == code) for code in range(len(SPLITS)))
    return Splits(
        train,
        validation,
        test,
        class_names=class_names,
        layout=found.layout,
        fingerprint=_fingerprint(found),
        decisions=(*found.decisions, *decisions),
        warnings=tuple(_duplicates(labels, groups, codes)),
        skipped=tuple(found.skipped),
    )


def _class_names(found: Found) -> tuple[str, ...]:
    names = set(found.labels)
    for name in names:
        if not name.isprintable() or not name.strip():
            raise DataError(f"{found.where}: class name {name!r} cannot be printed, expected printable text")
    if len(names) < 2:
        raise DataError(
            f"{found.where}: expected at least two classes, received {', '.join(sorted(names)) or 'none'}",
            hint="Point to the folder or file that holds all classes.",
        )
    numeric = all(name.isascii() and name.isdigit() for name in names)
    return tuple(sorted(names, key=(lambda name: (int(name), name)) if numeric else None))


def _check_classes(
    where: str, class_names: tuple[str, ...], labels: npt.NDArray[np.int64], given: npt.NDArray[np.int8]
) -> None:
    if np.any(given == UNKNOWN) and np.any(given != UNKNOWN):
        without = int(np.sum(given == UNKNOWN))
        raise DataError(
            f"{where}: {without} of {len(given)} pictures have no split, expected all or none",
            hint="Give every picture a split, or leave the split out for all.",
        )
    if not np.any((given == TRAIN) | (given == UNKNOWN)):
        found = ", ".join(SPLITS[code] for code in np.unique(given))
        raise DataError(f"{where}: expected a train split, received only {found}")
    totals = np.bincount(labels, minlength=len(class_names))
    single = [name for name, total in zip(class_names, totals, strict=True) if total == 1]
    if single:
        raise DataError(
            f"{where}: expected at least two pictures per class, received one of {_some(single)}",
            hint="Add pictures or remove the class: one picture cannot be learned from and judged by.",
        )
    trained = np.bincount(labels[(given == TRAIN) | (given == UNKNOWN)], minlength=len(class_names))
    missing = [name for name, total in zip(class_names, trained, strict=True) if total == 0]
    if missing:
        others = ", ".join(SPLITS[code] for code in np.unique(given[labels == class_names.index(missing[0])]))
        raise DataError(
            f"{where}: class {_some(missing)} is not in train, only in {others}",
            hint="Add pictures of it to train or remove the class; look for a spelling that differs.",
        )


def _complete(
    class_names: tuple[str, ...],
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    given: npt.NDArray[np.int8],
    seed: int,
) -> tuple[npt.NDArray[np.int8], list[str]]:
    """Fills in the splits that are missing; returns the codes and what was decided."""
    wanted: dict[SplitName, float] = {
        name: FRACTION for name in ("test", "validation") if not np.any(given == SPLITS.index(name))
    }
    codes = np.where(given == UNKNOWN, TRAIN, given).astype(np.int8)
    pool = np.flatnonzero(codes == TRAIN)
    if wanted:
        codes[pool] = carve(labels[pool], groups[pool], wanted, seed)
    decisions = []
    for name in wanted:
        chosen = labels[codes == SPLITS.index(name)]
        decisions.append(
            f"{name}: {len(chosen)} of {len(pool)} pictures, because the data has no {name} split; drawn with"
            f" seed {seed}, stratified by class, identical pictures kept on one side"
        )
        counts = np.bincount(chosen, minlength=len(class_names))
        missing = [class_names[number] for number in np.flatnonzero(counts == 0)]
        if missing:
            decisions.append(f"{name}: no picture of {_some(missing)}, which has too few")
    return codes, decisions


def _part(source: ImageSource, labels: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> Split:
    indices = np.flatnonzero(chosen).astype(np.int64)
    return Split(source.take(indices), labels[indices])


def _duplicates(
    labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], codes: npt.NDArray[np.int8]
) -> list[str]:
    """Warnings about identical pictures that make results look better or labels that cannot be right."""
    warnings = []
    trained = np.zeros(int(groups.max()) + 1, bool)
    trained[groups[codes == TRAIN]] = True
    for name in ("validation", "test"):
        count = int(np.sum(trained[groups[codes == SPLITS.index(name)]]))
        if count:
            warnings.append(f"{count} {name} pictures are identical to a train picture")
    pairs = np.unique(np.stack([groups, labels]), axis=1)
    conflicts = int(np.sum(np.bincount(pairs[0]) > 1))
    if conflicts:
        warnings.append(f"{conflicts} groups of identical pictures carry different labels")
    return warnings


def _fingerprint(found: Found) -> str:
    total = sha256()
    rows = zip(found.labels, found.splits, found.digests, strict=True)
    for index, (label, split, digest) in enumerate(rows):
        total.update(f"{found.source.key(index)}\0{label}\0{split}\0".encode())
        total.update(digest.tobytes())
    return total.hexdigest()


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
