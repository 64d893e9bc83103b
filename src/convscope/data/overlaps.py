"""Warnings about samples that are in train and in another split: identical, nearly so, or of one group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convscope.data.groups import Numbers
from convscope.data.splits import also_in_train
from convscope.types import SPLITS

TRAIN = SPLITS.index("train")


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


def near_warnings(
    nouns: tuple[str, str], same: Numbers, near: Numbers, codes: npt.NDArray[np.int8]
) -> list[str]:
    """A hint where samples of another split nearly are samples of train.

    Args:
        nouns: What one sample and many are called.
        same: Identical samples have one number, shape (samples,).
        near: Samples that are nearly the same have one number, shape (samples,).
        codes: Index into `SPLITS` for every sample, shape (samples,).
    """
    one, many = nouns
    trained = codes == TRAIN
    close = np.isin(near, near[trained]) & ~np.isin(same, same[trained])
    counts = {name: int(np.sum(close & (codes == SPLITS.index(name)))) for name in ("validation", "test")}
    return [
        f"{count} {name} {one if count == 1 else many} nearly {'is' if count == 1 else 'are'} a train {one};"
        " results for new ones will be lower"
        for name, count in counts.items()
        if count
    ]


def divided_groups(
    groups: Sequence[str | None], numbers: Numbers, codes: npt.NDArray[np.int8], nouns: tuple[str, str]
) -> list[str]:
    """Warns of groups with samples in train and in another split, which make that split look easier.

    Args:
        groups: The name of each sample's group.
        numbers: The same as numbers.
        codes: Index into `SPLITS` for every sample.
        nouns: What one sample and many are called.
    """
    trained = set(numbers[codes == TRAIN].tolist())
    lines = []
    for name in ("validation", "test"):
        rows = [row for row in np.flatnonzero(codes == SPLITS.index(name)) if numbers[row] in trained]
        both = sorted({str(groups[row]) for row in rows if groups[row] is not None})
        if both:
            shown = ", ".join(f"'{group}'" for group in both[:3])
            noun = "group has" if len(both) == 1 else "groups have"
            more = "" if len(both) <= 3 else " and more"
            lines.append(
                f"{len(both)} {noun} {nouns[1]} in train and in {name} ({shown}{more}); results for groups"
                " that are new will be lower"
            )
    return lines
