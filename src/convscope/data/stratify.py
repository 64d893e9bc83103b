"""Splits that the data does not have: stratified, drawn from the seed, identical samples together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from convscope.types import SPLITS, SplitName


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
