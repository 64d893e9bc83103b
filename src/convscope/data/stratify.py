"""Splits that the data does not have: stratified, drawn from the seed, identical samples together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.types import SPLITS, SplitName

FRACTION = 0.1
"""Share of the samples, or of each class, that a split gets which the data does not have."""

Codes = npt.NDArray[np.int8]
"""Index into `SPLITS` for every sample, shape (samples,)."""
Shares = npt.NDArray[np.float64]
"""A number for every class, shape (classes,)."""


def split_codes(
    where: str, splits: Sequence[SplitName | None], nouns: tuple[str, str], *, judged: bool = False
) -> Codes:
    """The split of every sample; train where the data has no splits.

    Args:
        where: The path that was read, for messages.
        splits: The split of each sample; None for all of them where the data has no splits.
        nouns: What one sample and many are called.
        judged: Whether the samples are not to be trained on but judged: all of them are test samples where
            the data does not name a test split.

    Raises:
        DataError: Only some samples have a split, or none is in train.
    """
    one, many = nouns
    without = sum(split is None for split in splits)
    if 0 < without < len(splits):
        raise DataError(
            f"{where}: {without} of {len(splits)} {many} have no split, expected all or none",
            hint=f"Give every {one} a split, or leave the split out for all.",
        )
    codes = np.array([SPLITS.index(split or "train") for split in splits], np.int8)
    if judged:
        return codes if "test" in splits else np.full_like(codes, SPLITS.index("test"))
    if not np.any(codes == SPLITS.index("train")):
        others = ", ".join(SPLITS[code] for code in np.unique(codes))
        raise DataError(
            f"{where}: expected a train split, received only {others}",
            hint="To train on it all the same, rename it, or give the path of the folder or file in it.",
        )
    return codes


def missing_splits(codes: Codes) -> dict[SplitName, float]:
    """Validation and test, where no sample is in them, with the share that is drawn."""
    return {name: FRACTION for name in ("test", "validation") if not np.any(codes == SPLITS.index(name))}


def draw_missing(
    where: str,
    codes: Codes,
    groups: npt.NDArray[np.int64],
    seed: int,
    many: str,
    alike: str,
    fewest: int = 0,
) -> tuple[Codes, list[str]]:
    """Draws the splits that are missing from train, whatever the labels.

    Args:
        where: The path that was read, for messages.
        codes: As `split_codes`.
        groups: Samples with the same number stay together, shape (samples,), int64.
        seed: Decides which samples go where.
        many: What samples are called.
        alike: What samples have in common that stay together.
        fewest: Groups in train without which nothing is drawn.

    Returns:
        Codes, and what was decided, one line for each split.

    Raises:
        DataError: There are too few groups.
    """
    wanted = missing_splits(codes)
    if not wanted:
        return codes, []
    pool = np.flatnonzero(codes == SPLITS.index("train"))
    fewest, different = max(fewest, len(wanted) + 1), len(np.unique(groups[pool]))
    if different < fewest:
        raise DataError(
            f"{where}: expected at least {fewest} different {many} to draw {' and '.join(wanted)} from,"
            f" received {different}",
            hint=f"Add {many}, or give validation and test.",
        )
    codes = codes.copy()
    codes[pool] = carve(np.zeros(len(pool), np.int64), groups[pool], wanted, seed)
    return codes, [
        f"{name}: {int(np.sum(codes == SPLITS.index(name)))} of {len(pool)} {many}, because the data has no"
        f" {name} split; drawn with seed {seed}, {alike} kept in one split"
        for name in wanted
    ]


def carve(
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    fractions: Mapping[SplitName, float],
    seed: int,
) -> npt.NDArray[np.int8]:
    """Takes the wanted splits out of samples that would otherwise all be trained on.

    Of every class each split gets its fraction, rounded but at least one sample; train keeps at least one. A
    group counts for the class of its first sample and is never divided, so a split may miss a class
    that has too few groups.

    Args:
        labels: Class of every sample, shape (samples,), int64.
        groups: Samples with the same number are identical and stay together, shape (samples,), int64.
        fractions: The splits to make and their share of each class, between 0 and 1.
        seed: Decides which samples go where; nothing else does.

    Returns:
        Index into `SPLITS` for every sample, shape (samples,), int8.

    Example:
        >>> labels = np.repeat([0, 1], 10)
        >>> codes = carve(labels, np.arange(20), {"test": 0.2}, seed=0)
        >>> np.bincount(labels[codes == SPLITS.index("test")]).tolist()
        [2, 2]
    """
    _, first, group_of, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    class_of_group = labels[first]
    code_of_group = np.full(len(first), SPLITS.index("train"), np.int8)
    random = np.random.default_rng(seed)
    # Groups in the order in which their first samples stand, so that only the order of samples matters.
    in_order = np.argsort(first, kind="stable")
    by_class = in_order[np.argsort(class_of_group[in_order], kind="stable")]
    borders = np.flatnonzero(np.diff(class_of_group[by_class])) + 1
    for of_class in np.split(by_class, borders):
        total = int(sizes[of_class].sum())
        remaining = random.permutation(of_class).tolist()
        for name, fraction in fractions.items():
            target = max(1, round(total * fraction))
            chosen, remaining = _fill(remaining, sizes, target)
            code_of_group[chosen] = SPLITS.index(name)
    return code_of_group[group_of]


def carve_groups(
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    fractions: Mapping[SplitName, float],
    seed: int,
) -> Codes:
    """As `carve`, for groups that have samples of several classes, such as all recordings of a speaker.

    Groups are taken in an order drawn from the seed, each where it brings the number of samples of each class
    closer to the share of the split. A group that has all of a class that train has left stays in train.

    Args:
        labels: Class of every sample, shape (samples,), int64.
        groups: Samples with the same number stay together, shape (samples,), int64.
        fractions: The splits to make and their share of each class, between 0 and 1.
        seed: Decides which groups go where.

    Returns:
        Index into `SPLITS` for every sample, shape (samples,), int8.

    Example:
        >>> codes = carve_groups(np.tile([0, 1], 20), np.repeat(np.arange(10), 4), {"test": 0.2}, seed=0)
        >>> int(np.sum(codes == SPLITS.index("test")))
        8
    """
    group_of, parts = _parts(labels, groups)
    totals = np.bincount(labels).astype(np.float64)
    weights = np.where(totals > 0, 1 / np.maximum(totals, 1) ** 2, 0)
    code_of_group = np.full(len(parts), SPLITS.index("train"), np.int8)
    left = totals.copy()
    order = np.random.default_rng(seed).permutation(len(parts)).tolist()
    for name, fraction in fractions.items():
        goal, taken = totals * fraction, np.zeros_like(totals)

        def gain(group: int, goal: Shares = goal, taken: Shares = taken) -> float:
            classes, counts = parts[group]
            if np.any(left[classes] <= counts):
                return -np.inf
            missing = (goal - taken)[classes]
            return float(np.sum((missing**2 - (missing - counts) ** 2) * weights[classes]))

        def take(group: int, name: SplitName = name, taken: Shares = taken) -> None:
            classes, counts = parts[group]
            taken[classes] += counts
            left[classes] -= counts
            code_of_group[group] = SPLITS.index(name)

        for group in order:
            if gain(group) > 0:
                take(group)
        order = [group for group in order if code_of_group[group] == SPLITS.index("train")]
        best = max(order, key=gain, default=None)
        if not taken.any() and best is not None and gain(best) > -np.inf:
            take(best)
            order.remove(best)
    return code_of_group[group_of]


def fold_of_each(
    labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], folds: int, seed: int
) -> npt.NDArray[np.int64]:
    """Divides samples into folds of about the same number of each class, without dividing a group.

    Args:
        labels: Class of every sample, shape (samples,), int64; the same for all where there are no classes.
        groups: Samples with the same number stay together, shape (samples,), int64.
        folds: How many, at least 2.
        seed: Decides which groups go where.

    Returns:
        The fold of each sample, from 0, shape (samples,), int64.

    Example:
        >>> found = fold_of_each(np.repeat([0, 1], 10), np.arange(20), 5, seed=0)
        >>> np.bincount(found).tolist()
        [4, 4, 4, 4, 4]
    """
    group_of, parts = _parts(labels, groups)
    totals = np.bincount(labels).astype(np.float64)
    counts_of_fold = np.zeros((folds, len(totals)))
    fold_of_group = np.zeros(len(parts), np.int64)
    drawn = np.random.default_rng(seed).permutation(len(parts))
    sizes = np.array([counts.sum() for _, counts in parts])
    for group in drawn[np.argsort(-sizes[drawn], kind="stable")]:
        classes, counts = parts[group]
        fullness = counts_of_fold[:, classes] @ (counts / totals[classes] ** 2)
        fold = int(np.lexsort((counts_of_fold.sum(axis=1), fullness))[0])
        counts_of_fold[fold, classes] += counts
        fold_of_group[group] = fold
    return fold_of_group[group_of]


def _parts(
    labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]]:
    """The group of each sample, and the classes of each group with their numbers of samples.

    Groups are numbered in the order in which their first samples stand, so that only that order matters.
    """
    _, first, found = np.unique(groups, return_index=True, return_inverse=True)
    group_of = np.argsort(np.argsort(first, kind="stable"), kind="stable")[found]
    pairs, counts = np.unique(np.stack([group_of, labels]), axis=1, return_counts=True)
    borders = np.flatnonzero(np.diff(pairs[0])) + 1
    return group_of, list(zip(np.split(pairs[1], borders), np.split(counts, borders), strict=True))


def _fill(groups: list[int], sizes: npt.NDArray[np.int64], target: int) -> tuple[list[int], list[int]]:
    """Divides groups into those that fill up to `target` samples, and the rest, which is never empty."""
    chosen: list[int] = []
    rest: list[int] = []
    taken = 0
    for group in groups:
        if taken + sizes[group] <= target:
            chosen.append(group)
            taken += int(sizes[group])
        else:
            rest.append(group)
    if not chosen and len(rest) > 1:
        smallest = min(rest, key=lambda group: int(sizes[group]))
        rest.remove(smallest)
        chosen.append(smallest)
    if not rest:
        rest.append(chosen.pop())
    return chosen, rest
