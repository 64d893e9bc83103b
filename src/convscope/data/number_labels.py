"""Samples with a number each in place of a class: read, checked, and divided as samples with classes are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found, assemble, only_labeled
from convscope.data.columns import is_label_name
from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Split, Splits
from convscope.errors import DataError
from convscope.types import SPLITS, SplitName

STRATA = 4
"""Parts of equal size by value, of which each drawn split gets its share."""
MOST_NUMBERED = 40
"""Different whole numbers at most that are classes where the name of their column tells neither."""
_NUMBERED = re.compile(r"(?:.*[_ .-])?(?:id|idx|index|no|nr|num|number|code|type|kind|group)s?|.*Id", re.I)
FEWEST = 8
"""Samples with a number at least, so that each split has some."""


def assemble_numbers(found: Found, seed: int | None, group: str | None = None) -> Splits:
    """Makes splits of samples with a number each.

    Args:
        found: What a reader found; labels are numbers as text, None where there is none.
        seed: As `assemble`.
        group: As `assemble`.

    Returns:
        Splits whose labels are numbers, shape (samples,), float64, without class names. What reading settled
        has `center` and `spread` besides: mean and standard deviation of the train split.

    Raises:
        DataError: As `assemble`; or a label is no finite number, there are too few, or all are the same.
    """
    found = only_labeled(found)
    numbers = np.array([_number(found, row, label) for row, label in enumerate(found.labels)], np.float64)
    if seed is not None:
        _check(found, numbers)
    drawn = seed is not None and not any(found.splits)
    strata = _strata(numbers) if drawn else ["number"] * len(numbers)
    if not drawn and seed is not None:
        strata = _halves(found)
    named = replace(found, labels=strata, strata="quarter of the numbers", warnings=())
    splits = assemble(named, seed, group)
    return _with_numbers(splits, numbers, found)


def is_number(label: str) -> bool:
    """Whether a label is a finite number.

    Example:
        >>> is_number("1.5"), is_number("high"), is_number("nan")
        (True, False, False)
    """
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False


def holds_numbers_to_predict(snapshot: DataSnapshot, file: Path, name: str) -> bool:
    """Whether a column of a table holds numbers to predict, by its first rows and, in doubt, by all of them.

    Among a few rows each of many numbered classes stands once, as each of many numbers does.

    Args:
        snapshot: What is seen of the data.
        file: The table.
        name: The column of the labels.
    """
    head = snapshot.table(file)
    first = () if head is None or name not in head.first else head.column(head.first.index(name))
    if not all(is_number(value) for value in first if value):
        return False
    values = [value for value in snapshot.values(file, name) or first if value]
    if are_numbers_to_predict(values):
        return True
    many = len(set(values)) > MOST_NUMBERED and all(map(is_number, values))
    return many and not is_label_name(name) and _NUMBERED.fullmatch(name) is None


def are_numbers_to_predict(labels: Sequence[str]) -> bool:
    """Whether labels are numbers to predict, not classes: many different ones, most of them with decimals.

    Args:
        labels: Of all samples: a few of them say little about whole numbers.

    Example:
        >>> are_numbers_to_predict(["0.25", "1.5", "3.75", "2.5", "8.1"] * 2)
        True
        >>> are_numbers_to_predict(["1.0", "2.0"] * 5), are_numbers_to_predict(["1", "7", "3", "4", "2"])
        (False, False)
    """
    numbers = [float(label) for label in labels if is_number(label)]
    if len(numbers) < len(labels) or len(set(numbers)) < 5:
        return False
    return 2 * sum(not number.is_integer() for number in numbers) > len(numbers) or (
        len(numbers) >= 12 and len(set(numbers)) > 0.75 * len(numbers)
    )


def _number(found: Found, row: int, label: object) -> float:
    if not is_number(str(label)):
        raise DataError(
            f"{found.source.name(row)}: expected a number to predict, received {str(label)[:40]!r}",
            hint="Labels that are words are classes: choose a recipe of classification with --recipe.",
        )
    return float(str(label))


def _check(found: Found, numbers: npt.NDArray[np.float64]) -> None:
    many = found.nouns[1]
    if len(numbers) < FEWEST:
        raise DataError(f"{found.where}: expected at least {FEWEST} {many}, received {len(numbers)}")
    if np.all(numbers == numbers[0]):
        raise DataError(
            f"{found.where}: expected different numbers to predict, received {numbers[0]:g} alone",
            hint="Check which column holds the labels: --label-column.",
        )


def _strata(numbers: npt.NDArray[np.float64]) -> list[str]:
    """The part of equal size that each number is in; at least two in each."""
    parts = min(STRATA, len(numbers) // 2)
    ranks = np.argsort(np.argsort(numbers, kind="stable"), kind="stable")
    return [f"quarter {rank * parts // len(numbers) + 1}" for rank in ranks.tolist()]


def _halves(found: Found) -> list[str]:
    """Any two names, each twice in train, where splits are given and nothing is stratified."""
    train = [row for row, split in enumerate(found.splits) if split == "train"]
    halves = ["first"] * len(found.splits)
    for row in train[len(train) // 2 :]:
        halves[row] = "second"
    return halves


def _with_numbers(splits: Splits, numbers: npt.NDArray[np.float64], found: Found) -> Splits:
    assert splits.pool is not None
    codes = splits.pool.codes

    def of(name: SplitName) -> Split:
        return Split(splits[name].samples, numbers[codes == SPLITS.index(name)])

    train = of("train")
    validation = train if splits.validation is splits.train else of("validation")
    known = train.labels if len(train) else numbers
    digest = sha256(splits.fingerprint.encode() + numbers.tobytes()).hexdigest()
    settled = {"center": float(known.mean()), "spread": float(known.std()) or 1.0}
    return replace(
        splits,
        train=train,
        validation=validation,
        test=of("test"),
        class_names=(),
        fingerprint=digest,
        warnings=(*found.warnings, *(line for line in splits.warnings if "different labels" not in line)),
        decisions=(*splits.decisions, _range(known)),
        reading={**splits.reading, **settled},
        pool=replace(splits.pool, labels=numbers),
    )


def _range(numbers: Sequence[float] | npt.NDArray[np.float64]) -> str:
    values = np.asarray(numbers, np.float64)
    return (
        f"numbers to predict: from {values.min():.6g} to {values.max():.6g} in train,"
        f" mean {values.mean():.6g}, deviation {values.std():.6g}"
    )
