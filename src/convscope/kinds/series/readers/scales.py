"""Level and spread of series: whether they tell the class, and how they are taken away."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

CERTAIN = 0.01
"""Probability, over all variables, up to which a difference between classes could be chance."""
NEGLIGIBLE = 0.05
"""Share of the spread below which levels or spreads that differ are roundings."""

Values = npt.NDArray[np.float64]

_CONSTANT = 1e-7


def level_and_spread(series: Sequence[Values]) -> tuple[Values, Values]:
    """Mean and standard deviation of each variable over the times of all series.

    Args:
        series: Shape (time, variables) each, nothing missing.

    Returns:
        Shape (variables,) each; a deviation of 1 for what is constant.
    """
    count = sum(len(values) for values in series)
    means = np.sum([values.sum(axis=0) for values in series], axis=0) / count
    squares = np.sum([((values - means) ** 2).sum(axis=0) for values in series], axis=0) / count
    spread = np.sqrt(squares)
    return means, np.where(spread > _CONSTANT * np.maximum(np.abs(means), _CONSTANT), spread, 1.0)


def scaled(values: Values, level: Values, spread: Values) -> npt.NDArray[np.float32]:
    """Values as float32 from a level, in units of a spread."""
    made: npt.NDArray[np.float32] = ((values - level) / spread).astype(np.float32)
    return made


def choose_scaling(
    series: Sequence[Values], labels: npt.NDArray[np.int64]
) -> tuple[Literal["series", "train"], str]:
    """Whether the level or the spread of a series tells its class; if so, series must keep them.

    An analysis of variance (Fisher 1925, "Statistical methods for research workers") compares, for each
    variable, the means of the series and the logarithms of their deviations between the classes.

    Args:
        series: Of the train split, shape (time, variables) each, nothing missing.
        labels: The class of each.

    Returns:
        `train` where it does, else `series`; and the decision in one line.
    """
    from sklearn.feature_selection import f_classif

    own = [level_and_spread([values]) for values in series]
    levels, spreads = np.stack([level for level, _ in own]), np.stack([spread for _, spread in own])
    typical = np.maximum(np.median(spreads, axis=0), np.finfo(np.float64).tiny)
    measures: dict[str, Any] = {"level": levels / typical, "size": np.log(spreads)}
    for name, values in measures.items():
        differ = values.std(axis=0) > NEGLIGIBLE
        if not differ.any() or len(np.unique(labels)) == len(labels):
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # classes of one series say nothing of chance
            chance = f_classif(values[:, differ], labels)[1]
        if np.nanmin(chance, initial=1.0) < CERTAIN / values.shape[1]:
            return "train", (
                f"scaling: train, because the {name} of a series differs between classes: variables are"
                " scaled as over all train series"
            )
    return "series", (
        "scaling: series, because neither level nor size of a series tell its class: each has mean 0 and"
        " deviation 1"
    )
