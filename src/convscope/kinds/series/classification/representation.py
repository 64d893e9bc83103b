"""Series of any length and rate to arrays of one shape, and what must be remembered to do it again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split
from convscope.errors import DataError, UsageError
from convscope.json_values import Plain
from convscope.kinds.contract.representation import InputsAsEncoded, TimelineDescription
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.steps import median_step, regular
from convscope.types import Axis, Progress, no_progress

CERTAIN = 0.01
"""Probability, over all variables, up to which a difference between classes could be chance."""
NEGLIGIBLE = 0.05
"""Share of the spread below which levels or spreads that differ are roundings."""

Values = npt.NDArray[np.float64]

_CONSTANT = 1e-7
Scaling = Literal["series", "train", "none"]

VERSION = 1
LONGEST = 4096
"""Times of a series that a model is given at most, unless said otherwise."""

MOST_APART = 2**62
"""Nanoseconds between two of the times that a model is given, at most."""

_REPORTED = 1024


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
    series: Sequence[Values], labels: npt.NDArray[Any]
) -> tuple[Literal["series", "train"], str]:
    """Whether the level or the spread of a series tells its class; if so, series must keep them.

    An analysis of variance (Fisher 1925, "Statistical methods for research workers") compares, for each
    variable, the means of the series and the logarithms of their deviations between the classes.

    Args:
        series: Of the train split, shape (time, variables) each, nothing missing.
        labels: The class of each, int64, or its number, float64.

    Returns:
        `train` where it does, else `series`; and the decision in one line.
    """
    from sklearn.feature_selection import f_classif, f_regression

    numbers = np.issubdtype(labels.dtype, np.floating)

    own = [level_and_spread([values]) for values in series]
    levels, spreads = np.stack([level for level, _ in own]), np.stack([spread for _, spread in own])
    typical = np.maximum(np.median(spreads, axis=0), np.finfo(np.float64).tiny)
    measures: dict[str, Any] = {"level": levels / typical, "size": np.log(spreads)}
    told, of = ("tells its number", "number") if numbers else ("differs between classes", "class")
    for name, values in measures.items():
        differ = values.std(axis=0) > NEGLIGIBLE
        if not differ.any() or (len(np.unique(labels)) == len(labels) and not numbers):
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # classes of one series say nothing of chance
            chance = (f_regression if numbers else f_classif)(values[:, differ], labels)[1]
        if np.nanmin(chance, initial=1.0) < CERTAIN / values.shape[1]:
            return "train", (
                f"scaling: train, because the {name} of a series {told}: variables are"
                " scaled as over all train series"
            )
    return "series", (
        f"scaling: series, because neither level nor size of a series tell its {of}: each has mean 0 and"
        " deviation 1"
    )


@dataclass(frozen=True)
class SeriesArrays:
    """Encoded series in memory.

    Args:
        values: Shape (series, time, variables), float32.
    """

    values: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The series at these positions."""
        return self.values[indices]


@dataclass(frozen=True)
class SeriesRepresentation(Plain, InputsAsEncoded):
    """How a series becomes an array of one shape.

    In this order: times are brought to a regular grid; missing values inside are interpolated, those at the
    ends are as the nearest, and a variable without any value is 0; stretches of a very long series are
    averaged; values are scaled; and what is behind the length is cut off, or filled up with 0, which is the
    mean of what was scaled. All series get one length, so that no answer depends on its batch.

    Args:
        variables: A name for each.
        length: Times that a model is given.
        scaling: `series`: each variable of each series has mean 0 and deviation 1; `train`: each variable is
            scaled as over the train split, so that level and size are kept; `none`.
        step: Nanoseconds between two times; None where series have no times.
        every: Times that are averaged to one.
        means: Of each variable over the train split.
        deviations: Likewise; 1 for what is constant.

    Raises:
        UsageError: One of them cannot be.
    """

    _WHAT = "series representation"
    _KEPT: ClassVar = {"kind": "series", "version": VERSION}

    variables: tuple[str, ...]
    length: int
    scaling: Scaling
    step: int | None = None
    every: int = 1
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.variables:
            raise UsageError("variables must be at least one. Received: variables=().")
        for name, value in (("length", self.length), ("every", self.every), ("step", self.step)):
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1. Received: {name}={value}.")
        apart = (self.step or 1) * self.every
        if apart > MOST_APART:
            raise UsageError(f"step times every must be at most {MOST_APART}. Received: {apart}.")
        for name, values in (("means", self.means), ("deviations", self.deviations)):
            if values and len(values) != len(self.variables):
                raise UsageError(
                    f"{name} must be {len(self.variables)}, one per variable. Received: {name}={values}."
                )

    @classmethod
    def fit(
        cls, train: Split, scaling: str = "auto", length: int | None = None
    ) -> tuple[SeriesRepresentation, tuple[str, ...]]:
        """Chooses length and scaling from the train split.

        Args:
            train: Its samples are series of the same variables.
            scaling: `series`, `train` or `none`; `auto` finds out whether the level or the size of a series
                tells its class, and keeps them if so.
            length: Times that a model is given; by default those of the longest series, at most 4,096.

        Returns:
            The representation, and one line for each choice with its reason.

        Raises:
            UsageError: The split is empty or an argument cannot work.
            DataError: Times are so irregular that there is no grid for them.
        """
        if not len(train):
            raise UsageError("a representation is fitted to at least one series, received an empty split")
        if scaling not in ("auto", *get_args(Scaling)):
            known = ", ".join(("auto", *get_args(Scaling)))
            raise UsageError(f"scaling must be one of {known}. Received: scaling={scaling!r}.")
        if length is not None and length < 1:
            raise UsageError(f"length must be at least 1. Received: length={length}.")
        samples = train.samples
        found: list[Series] = [samples.load(i) for i in range(len(samples))]
        steps = [step for step in map(median_step, found) if step is not None]
        step = int(np.median(steps)) if steps else None
        rough = cls(found[0].variables, 1, "none", step)
        whole = [rough.filled(series, samples.name(i)) for i, series in enumerate(found)]
        every, size, said = _lengths(whole, length)
        decisions = [said, *_gaps(found, step, samples)]
        means, deviations = level_and_spread(whole)
        if scaling == "auto":
            scaling, why = choose_scaling(whole, train.labels)
            decisions.append(why)
        made = cls(
            rough.variables,
            size,
            cast(Scaling, scaling),
            step,
            every,
            tuple(map(float, means)),
            tuple(map(float, deviations)),
        )
        return made, tuple(decisions)

    @property
    def shape(self) -> tuple[int, int]:
        """(time, variables), the input shape of a model."""
        return self.length, len(self.variables)

    @property
    def sizes(self) -> dict[str, int]:
        """Nothing but the shape."""
        return {}

    def encode(
        self, samples: Samples, limit_bytes: int = 0, progress: Progress = no_progress
    ) -> SeriesArrays:
        """The series as arrays, in memory.

        Args:
            samples: Series.
            limit_bytes: Not needed: raw series are in memory already.
            progress: Receives the number of series encoded.

        Raises:
            DataError: A series has other variables, or times for which there is no grid.
        """
        made = np.zeros((len(samples), *self.shape), np.float32)
        for place in range(len(samples)):
            encoded = self.to_values(samples.load(place), samples.name(place))
            made[place, : len(encoded)] = encoded
            if not (place + 1) % _REPORTED:
                progress(place + 1, len(samples), "encoding series")
        return SeriesArrays(made)

    def to_values(self, series: Series, name: str = "series") -> npt.NDArray[np.float32]:
        """One series, scaled, without what fills it up.

        Args:
            series: Raw.
            name: For messages.

        Returns:
            Shape (1 to `length`, variables), float32.
        """
        values = averaged(self.filled(series, name), self.every)
        level, spread = np.asarray(self.means), np.asarray(self.deviations)
        if self.scaling == "series":
            level, spread = level_and_spread([values])
        elif self.scaling == "none":
            level, spread = np.zeros(values.shape[1]), np.ones(values.shape[1])
        return scaled(values, level, spread)[: self.length]

    def filled(self, series: Series, name: str) -> npt.NDArray[np.float64]:
        """A series on a regular grid, with nothing missing, in its own units, shape (time, variables)."""
        values = self._regular(self._same_variables(series, name), name).values.astype(np.float64)
        for column in values.T:
            known = np.flatnonzero(~np.isnan(column))
            if len(known) < len(column):
                column[:] = np.interp(np.arange(len(column)), known, column[known]) if len(known) else 0.0
        return values

    def describe(self, sample: Series) -> TimelineDescription:
        """When the positions of a series are, as a model takes it."""
        made = self._regular(self._same_variables(sample, "series"), "series")
        there = min(-(-len(made) // self.every), self.length)
        places = None
        if made.times is not None and len(made):
            step = np.timedelta64((self.step or 1) * self.every, "ns")
            places = made.times[0].astype("datetime64[ns]") + step * np.arange(self.length)
        return TimelineDescription(Axis(places, variables=self.variables, filled=(0, self.length - there)))

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many series of noise, shape (count, time, variables)."""
        return np.random.default_rng(0).standard_normal((count, *self.shape), np.float32)

    def _regular(self, series: Series, name: str) -> Series:
        try:
            return regular(series, step=self.step)[0]
        except DataError as error:
            raise DataError(f"{name}: {error.message}", hint=error.hint) from error

    def _same_variables(self, series: Series, name: str) -> Series:
        """With the variables in their order; such without names of their own are taken as they come."""
        if series.variables == self.variables:
            return series
        if sorted(series.variables) == sorted(self.variables):
            order = [series.variables.index(variable) for variable in self.variables]
            return Series(series.values[:, order], self.variables, series.times)
        unnamed = all(each.isdigit() or each.startswith("value") for each in (*series.variables,))
        own = all(each.isdigit() or each.startswith("value") for each in self.variables)
        if len(series.variables) == len(self.variables) and (unnamed or own):
            return Series(series.values, self.variables, series.times)
        raise DataError(
            f"{name}: expected the variables {', '.join(self.variables)}, "
            f"received {', '.join(series.variables)}",
            hint="Use --rows to say whether a row is a whole series or one of its times.",
        )


def averaged(values: npt.NDArray[np.float64], every: int) -> npt.NDArray[np.float64]:
    """The means of so many times each; the last of what is left.

    Example:
        >>> averaged(np.array([[1.0], [3.0], [5.0]]), 2).tolist()
        [[2.0], [5.0]]
    """
    if every == 1:
        return values
    starts = np.arange(0, len(values), every)
    sums = np.add.reduceat(values, starts, axis=0)
    means: npt.NDArray[np.float64] = sums / np.diff(np.append(starts, len(values)))[:, None]
    return means


def _lengths(whole: Sequence[npt.NDArray[np.float64]], length: int | None) -> tuple[int, int, str]:
    """Times that are averaged to one, the length, and why."""
    lengths = [len(values) for values in whole]
    longest, shortest = max(lengths), min(lengths)
    if length is not None:
        return 1, length, f"length: {length} times, as given"
    if longest > LONGEST:
        every = -(-longest // LONGEST)
        size = -(-longest // every)
        return (
            every,
            size,
            f"length: {size} means of {every} times each, because train has series of {longest}",
        )
    if shortest == longest:
        return 1, longest, f"length: {longest} times, which all train series have"
    return 1, longest, f"length: {longest} times, of the longest train series; the shortest has {shortest}"


def _gaps(found: Sequence[Series], step: int | None, samples: Samples) -> list[str]:
    """What is said of missing values and irregular times."""
    said = []
    missing = sum(bool(np.isnan(series.values).any()) for series in found)
    if missing:
        said.append(
            f"missing: {missing} of {len(found)} train series miss values; they are interpolated, or take the"
            " nearest value at the ends"
        )
    if step is not None:
        changed = sum(len(regular(series, step=step)[1]) > 0 for series in found)
        if changed:
            said.append(
                f"time: {changed} of {len(found)} train series resampled to steps of {step / 1e9:g} s"
            )
    return said
