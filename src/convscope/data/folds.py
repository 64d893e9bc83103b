"""Cross-validation: the samples are divided into folds, each of which is the test split once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Pool, Splits, divided
from convscope.data.stratify import FRACTION, Codes, carve_groups, fold_of_each
from convscope.errors import DataError, UsageError
from convscope.types import SPLITS

FEWEST, MOST = 2, 100
"""Folds at least and at most."""


@dataclass(frozen=True)
class Fold:
    """One of the folds that a data set is divided into.

    Args:
        number: From 1.
        of: How many there are.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"fold {self.number} of {self.of}"

    def to_json(self) -> dict[str, int]:
        """Plain values by name."""
        return {"number": self.number, "of": self.of}


def check_folds(folds: int) -> None:
    """Refuses a number of folds that cannot work.

    Raises:
        UsageError: It is out of range.
    """
    if not FEWEST <= folds <= MOST:
        raise UsageError(f"folds must be in [{FEWEST}, {MOST}]. Received: folds={folds}.")


def take_fold(where: str, splits: Splits, fold: Fold, seed: int) -> Splits:
    """The splits of one fold: it is the test split, and validation is drawn from the others.

    Folds are those of the data, where it has as many; else they have the same share of each class, and what
    stays together, such as a group, is in one. A test split that the data itself has takes no part.

    Args:
        where: The path that was read, for messages.
        splits: Of the whole data.
        fold: Which one.
        seed: Divides the samples.

    Raises:
        UsageError: The reader of this data does not keep its samples together.
        DataError: There are fewer groups of samples than folds.
    """
    pool = splits.pool
    if pool is None:
        raise UsageError("This recipe does not support --folds.", "Train with the splits of the data.")
    kept = pool.codes != SPLITS.index("test") if "test" in pool.given else np.ones(len(pool.codes), bool)
    rows = np.flatnonzero(kept)
    folds, how = _folds_of(where, pool, rows, fold.of, seed)
    tested = folds == fold.number - 1
    codes = _codes(pool, rows, tested, seed)
    parts = list(divided(pool.samples, pool.labels, codes, pool.belonging))
    aside = "" if kept.all() else f"; the {int(np.sum(~kept))} samples of the test split take no part"
    said = f"{fold}: tested on {int(tested.sum())} of {len(rows)} samples, {how}{aside}"
    if not len(parts[1]):
        parts[1] = parts[0]
        said += "; validation: the train samples themselves, because there are no others"
    # What was drawn for the whole data does not hold here.
    drawn = tuple(f"{name}: " for name in SPLITS if name not in pool.given)
    return replace(
        splits,
        train=parts[0],
        validation=parts[1],
        test=parts[2],
        decisions=(*(line for line in splits.decisions if not line.startswith(drawn)), said),
        pool=replace(pool, codes=codes),
        no_test="",
    )


def _folds_of(
    where: str, pool: Pool, rows: npt.NDArray[np.int64], count: int, seed: int
) -> tuple[npt.NDArray[np.int64], str]:
    """The fold of each of some rows, and in words who divided them."""
    different = len(np.unique(pool.together[rows]))
    if different < count:
        raise DataError(
            f"{where}: expected at least {count} samples or groups to divide into {count} folds,"
            f" received {different}",
            hint="Use fewer folds.",
        )
    if pool.folds is not None and len(np.unique(pool.folds)) == count:
        return pool.folds[rows], "as the data divides them"
    drawn = fold_of_each(pool.classes[rows], pool.together[rows], count, seed)
    return drawn, f"drawn with seed {seed}"


def _codes(pool: Pool, rows: npt.NDArray[np.int64], tested: npt.NDArray[np.bool_], seed: int) -> Codes:
    """The split of each sample: of some rows those of the fold are test; -1 for samples that take no part."""
    codes = np.full(len(pool.codes), -1, np.int8)
    codes[rows] = SPLITS.index("test")
    others = rows[~tested]
    codes[others] = carve_groups(pool.classes[others], pool.together[others], {"validation": FRACTION}, seed)
    return codes
