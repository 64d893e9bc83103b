"""Pairs of a sentence and its translation, and the splits that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import FRACTION
from convscope.data.lines import ControlCharacters
from convscope.data.splits import Split, Splits, also_in_train
from convscope.data.stratify import carve
from convscope.errors import DataError
from convscope.kinds.text.readers.sources import Texts
from convscope.types import SPLITS, Progress, Skipped, SplitName

FEWEST = 3
"""Different sources without which no split can be drawn."""

_SAID_EVERY = 5000


@dataclass
class Pairs:
    """Pairs in the order in which they were read; those with an empty side are left out.

    Args:
        root: The folder that was read.
        progress: Told how many pairs were read.
        controls: Control characters that were replaced.
    """

    root: str
    progress: Progress
    controls: ControlCharacters = field(default_factory=ControlCharacters)
    keys: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    empty: int = 0

    def add(self, key: str, source: str, target: str, split: SplitName | None) -> None:
        """Takes one pair, or lists it as skipped.

        Args:
            key: `file#line` of the pair, relative to the root.
            source: The sentence.
            target: Its translation.
            split: Where it belongs; None where the data has no splits.
        """
        source, target = source.strip(), target.strip()
        if not source or not target:
            self.empty += 1
            side = "source" if not source else "target"
            self.skipped.append(Skipped(f"{self.root}/{key}", f"the {side} is empty"))
            return
        self.keys.append(key)
        self.sources.append(source)
        self.targets.append(target)
        self.splits.append(split)
        if len(self.keys) % _SAID_EVERY == 0:
            self.progress(len(self.keys), None, "reading pairs")


def split_pairs(pairs: Pairs, where: str, layout: str, decisions: Sequence[str], seed: int) -> Splits:
    """Makes splits of pairs; those that the data does not have are drawn from train.

    Args:
        pairs: All that was read.
        where: The path, for messages.
        layout: One line that says which layout was recognized and by what.
        decisions: What the reader decided.
        seed: Draws the splits that the data does not have.

    Raises:
        DataError: There is no pair, none of train, or too few to draw from; or only some pairs have a split.
    """
    if not pairs.keys:
        raise DataError(
            f"{where}: expected pairs of a sentence and its translation, received none"
            + (f", {pairs.empty} with an empty side" if pairs.empty else "")
        )
    named = [split is not None for split in pairs.splits]
    if any(named) and not all(named):
        raise DataError(
            f"{where}: {named.count(False)} of {len(named)} pairs have no split, expected all or none",
            hint="Give every pair a split, or leave the split out for all.",
        )
    codes = np.array([SPLITS.index(split or "train") for split in pairs.splits], np.int8)
    if not np.any(codes == SPLITS.index("train")):
        found = ", ".join(SPLITS[code] for code in np.unique(codes))
        raise DataError(f"{where}: expected a train split, received only {found}")
    codes, drawn = _complete(pairs, where, codes, seed)
    warnings = [*pairs.controls.warnings, *_duplicates(pairs, codes)]
    if pairs.empty:
        warnings.append(f"{pairs.empty} pairs with an empty side were left out")
    source = Texts(pairs.root, pairs.keys, pairs.sources)
    targets = np.empty(len(pairs.targets), object)
    targets[:] = pairs.targets
    train, validation, test = (_part(source, targets, codes == code) for code in range(len(SPLITS)))
    return Splits(
        train,
        validation,
        test,
        class_names=(),
        layout=layout,
        fingerprint=_fingerprint(pairs),
        decisions=(*decisions, *drawn),
        warnings=tuple(warnings),
        skipped=tuple(pairs.skipped),
    )


def _part(source: Texts, targets: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]) -> Split:
    rows = np.flatnonzero(chosen).astype(np.int64)
    return Split(source.take(rows), targets[rows])


def _complete(
    pairs: Pairs, where: str, codes: npt.NDArray[np.int8], seed: int
) -> tuple[npt.NDArray[np.int8], list[str]]:
    """Draws the splits that are missing; pairs of one source stay together."""
    wanted: dict[SplitName, float] = {
        name: FRACTION for name in ("test", "validation") if not np.any(codes == SPLITS.index(name))
    }
    if not wanted:
        return codes, []
    pool = np.flatnonzero(codes == SPLITS.index("train"))
    groups = np.unique([pairs.sources[i] for i in pool], return_inverse=True)[1].astype(np.int64)
    different = int(groups.max()) + 1
    if different < FEWEST:
        raise DataError(
            f"{where}: expected at least {FEWEST} different sentences to draw {' and '.join(wanted)} from,"
            f" received {different}",
            hint="Add pairs, or give files for validation and test.",
        )
    codes = codes.copy()
    codes[pool] = carve(np.zeros(len(pool), np.int64), groups, wanted, seed)
    return codes, [
        f"{name}: {int(np.sum(codes == SPLITS.index(name)))} of {len(pool)} pairs, because the data has no"
        f" {name} split; drawn with seed {seed}, pairs of one source kept in one split"
        for name in wanted
    ]


def _duplicates(pairs: Pairs, codes: npt.NDArray[np.int8]) -> list[str]:
    train = SPLITS.index("train")
    trained = {source for source, code in zip(pairs.sources, codes, strict=True) if code == train}
    warnings = []
    for name in ("validation", "test"):
        code_of_split = SPLITS.index(name)
        both = zip(pairs.sources, codes, strict=True)
        count = sum(code == code_of_split and source in trained for source, code in both)
        if count:
            warnings.append(also_in_train(count, name, "source", "sources"))
    return warnings


def _fingerprint(pairs: Pairs) -> str:
    total = sha256()
    for row in zip(pairs.keys, pairs.splits, pairs.sources, pairs.targets, strict=True):
        total.update("\0".join(map(str, row)).encode() + b"\0")
    return total.hexdigest()
