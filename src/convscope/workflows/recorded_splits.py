"""Which sample a training had in which split: written with the run, and found again in the data later."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convscope.data.splits import Pool, Split, Splits
from convscope.errors import DataError, RunError
from convscope.files import written_whole
from convscope.run import Run
from convscope.types import SPLITS

FILE = "splits.csv"
TEST = SPLITS.index("test")


@dataclass(frozen=True)
class Judged:
    """The samples that are judged.

    Args:
        split: The samples with their labels.
        class_names: What the labels index.
        notes: What the user should know, one line each.
    """

    split: Split
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def write_splits(path: Path, splits: Splits) -> None:
    """Writes one CSV line per sample: name, class name where it has one, split, and digest of the content.

    A reader makes the splits that the data lacks; this file says which sample went where. Samples of
    train that are those of validation too, or of all splits, are listed once.
    """
    with written_whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "label", "split", "digest"))
        for code, name in enumerate(SPLITS):
            split = splits[name]
            if name != "train" and split is splits.train:
                continue
            single = np.issubdtype(split.labels.dtype, np.integer)
            digests = _digests(splits.pool, code) or [""] * len(split)
            for i, (label, digest) in enumerate(zip(split.labels, digests, strict=True)):
                said = splits.class_names[label] if single else ""
                writer.writerow((split.samples.name(i), said, name, digest))


def recorded_test(run: Run, splits: Splits, path: Path) -> Judged:
    """The samples that a run has in its test split, found again in the data as it is now.

    Samples are known by their content, so that rows or files that were added, removed or renamed move none
    from train to test; by their names where the run or the reader has no digests.

    Args:
        run: The run.
        splits: All that is in the data now.
        path: The data, for messages.

    Raises:
        DataError: None of the test samples is there.
        RunError: The run does not say which they were, and the data has changed.
    """
    same = run.record()["data"]["fingerprint"] == splits.fingerprint
    recorded = recorded_rows(run)
    pool = splits.pool
    if pool is not None and _have_digests(recorded):
        return _by_digest(run, recorded, splits, pool, path)
    if same:
        return Judged(splits.test, splits.class_names)
    if not recorded:
        raise RunError(
            f"The data at {path} has changed since {run.folder} was trained, and the run has no {FILE}.",
            "Restore the data.",
        )
    return _by_name(run, recorded, splits, path)


def knows_contents(run: Run) -> bool:
    """Whether a run can find its samples by their content, however the data is divided when it is read.

    Raises:
        RunError: As `recorded_rows`.
    """
    return _have_digests(recorded_rows(run))


def _have_digests(recorded: Sequence[dict[str, str]]) -> bool:
    return bool(recorded) and all(row.get("digest") for row in recorded)


def _by_digest(
    run: Run, recorded: Sequence[dict[str, str]], splits: Splits, pool: Pool, path: Path
) -> Judged:
    of_digest: dict[str, set[str]] = {}
    for row in recorded:
        of_digest.setdefault(row["digest"], set()).add(row["split"])
    keys = [bytes(digest).hex() for digest in pool.digests]
    tested = {digest for digest, names in of_digest.items() if "test" in names}
    chosen = [
        i
        for i, key in enumerate(keys)
        if key in tested and (of_digest[key] == {"test"} or pool.codes[i] == TEST)
    ]
    new, gone = sum(key not in of_digest for key in keys), len(tested - set(keys))
    rows = np.array(chosen, np.int64)
    split = pool.some(rows)
    return Judged(split, splits.class_names, _notes(run, len(chosen), new, gone, path))


def _by_name(run: Run, recorded: Sequence[dict[str, str]], splits: Splits, path: Path) -> Judged:
    known = {row["name"] for row in recorded}
    tested = {row["name"] for row in recorded if row["split"] == "test"}
    names = splits.test.names()
    rows = np.array([i for i, name in enumerate(names) if name in tested], np.int64)
    new = sum(name not in known for split in SPLITS for name in splits[split].names())
    split = splits.test.some(rows)
    return Judged(split, splits.class_names, _notes(run, len(rows), new, len(tested) - len(rows), path))


def _notes(run: Run, judged: int, new: int, gone: int, path: Path) -> tuple[str, ...]:
    if not judged:
        raise DataError(
            f"{path}: expected the test samples of {run.folder}, received none of them",
            hint="If the data was moved, give its place: --data PATH. Other data is judged as a whole:"
            f" convscope evaluate {run.folder} {path}",
        )
    lines = []
    if gone:
        lines.append(f"{gone} of the {judged + gone} test samples are no longer in {path}, or have changed")
    if new:
        lines.append(f"{new} samples in {path} are new since the training, and are not judged")
    return tuple(lines)


def recorded_rows(run: Run) -> list[dict[str, str]]:
    """What `splits.csv` says of each sample: its name, label, split and digest; none where it is missing.

    Raises:
        RunError: It cannot be read, or a row has no name or another split than there are.
    """
    path = run.folder / FILE
    if not path.exists():
        return []
    hint = "Restore it from a copy, or train again."
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path} is damaged: {error}.", hint) from error
    for number, row in enumerate(rows, start=2):
        if not row.get("name") or row.get("split") not in SPLITS:
            raise RunError(f"{path} is damaged: expected a name and a split in row {number}.", hint)
    return rows


def _digests(pool: Pool | None, code: int) -> list[str]:
    if pool is None:
        return []
    return [bytes(pool.digests[row]).hex() for row in np.flatnonzero(pool.codes == code)]
