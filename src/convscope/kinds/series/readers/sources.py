"""Series in memory with the places that they came from, and labeled ones as they are collected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.digests import digests_of
from convscope.data.named_files import nothing_in
from convscope.data.splits import LeftOut
from convscope.errors import DataError
from convscope.kinds.series.readers.frames import MOST_VALUES
from convscope.types import Progress, Skipped, SplitName


class Doubt(str):
    """A line of what was done to a table that the user should worry about."""

    __slots__ = ()


def changes_of(lines: Sequence[str]) -> tuple[str, ...]:
    """Of what was done to samples that are asked about: what changed rows, and what is to be worried about.

    Example:
        >>> changes_of(["time: 2 rows were not in order and were sorted", "delimiter: a semicolon"])
        ('time: 2 rows were not in order and were sorted',)
    """
    return tuple(
        line for line in lines if "--" in line or (line.startswith("time: ") and line[6:7].isdigit())
    )


FEWEST_TO_CHOOSE_BY = 30
"""Series of a drawn validation split: with fewer, the best epoch would be chosen by chance."""

_REPORTED = 1024


@dataclass(frozen=True, eq=False)
class Series:
    """One raw series of one variable or many.

    Args:
        values: Shape (time, variables), float32; NaN where a value is missing.
        variables: A name for each variable.
        times: When each row was measured, UTC, shape (time,), datetime64[ns]; None where rows are only
            counted.
    """

    values: npt.NDArray[np.float32] = field(repr=False)
    variables: tuple[str, ...]
    times: npt.NDArray[np.datetime64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def _unit(self) -> str:
        return "ns" if self.times is None else time_unit(self.times)

    def time(self, row: int) -> str | None:
        """When a row was measured, as ISO 8601 to the same unit in all rows; None where that is not known."""
        return None if self.times is None else written_time(self.times[row], self._unit)


def written_time(time: np.datetime64, unit: str) -> str:
    """A time as ISO 8601, cut to a unit such as `s`."""
    return str(time.astype(f"datetime64[{unit}]"))


def time_unit(times: npt.NDArray[np.datetime64]) -> str:
    """The coarsest unit that all of these times can be written to, so that midnight looks like the others.

    Example:
        >>> time_unit(np.array(["2024-01-01T00:00", "2024-01-01T00:10"], "M8[ns]"))
        'm'
    """
    known = times[~np.isnat(times)]
    units = ("D", "m", "s", "ms", "us")
    return next((unit for unit in units if (known == known.astype(f"M8[{unit}]")).all()), "ns")


@dataclass(frozen=True)
class SeriesSamples:
    """Raw series as samples.

    Args:
        root: The folder that the keys are relative to; empty where they are whole paths or no paths at all.
        keys: The file, or `file#row`, of each series.
        series: The series.
    """

    root: str
    keys: Sequence[str] = field(repr=False)
    series: Sequence[Series] = field(repr=False)

    def __len__(self) -> int:
        return len(self.series)

    def load(self, index: int) -> Series:
        """One series."""
        return self.series[index]

    def name(self, index: int) -> str:
        """The file, or file and row, of a series."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The name relative to the root."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> SeriesSamples:
        """The same source with only these series, in this order."""
        rows = indices.tolist()
        return SeriesSamples(self.root, [self.keys[i] for i in rows], [self.series[i] for i in rows])


@dataclass(frozen=True)
class SeriesInputs(LeftOut, SeriesSamples):
    """Series without labels, and what was left out."""


@dataclass
class SeriesRows:
    """Series, with labels and splits where they have some.

    Args:
        root: The folder that the keys are relative to.
        progress: Receives the number of series read.
    """

    root: str
    progress: Progress
    keys: list[str] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    grouped_by: str = ""
    kept: dict[str, str | int] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    decisions: dict[str, None] = field(default_factory=dict)
    doubts: dict[str, None] = field(default_factory=dict)
    values: int = 0

    def add(
        self,
        where: str,
        key: str,
        series: Series,
        label: str | None = "",
        split: SplitName | None = None,
        group: str | None = None,
    ) -> None:
        """Keeps a series, or lists it as skipped where nothing stands in it.

        Args:
            where: The file and row, for messages.
            key: The same below the root.
            series: The series.
            label: The name of its class; None where it has none.
            split: Where it belongs, if that is known.
            group: What it stays together with, if that is known.

        Raises:
            DataError: It has other variables than those before, or is one too many for the memory.
        """
        if not len(series) or np.isnan(series.values).all():
            self.skipped.append(Skipped(where, "a series without any value"))
            return
        self.values += series.values.size
        if self.values > MOST_VALUES:
            raise DataError(f"{where}: the series have more than {MOST_VALUES:,} values", "Use fewer series.")
        self.series.append(self._as_others(where, series))
        self.keys.append(key)
        self.labels.append(label)
        self.splits.append(split)
        self.groups.append(group)
        if not len(self.series) % _REPORTED:
            self.progress(len(self.series), None, "reading series")

    def note(self, where: str, notes: Sequence[str]) -> None:
        """Keeps what was done to series of a file; what was done to several is said once."""
        for line in notes:
            kept = self.doubts if isinstance(line, Doubt) else self.decisions
            if all(not known.startswith(f"{line} (") for known in kept):
                kept[f"{line} ({where})"] = None

    def keep(self, option: str, value: str | int | None) -> None:
        """Keeps how a table was read, so that others are read likewise; the first one counts."""
        if value is not None:
            self.kept.setdefault(option, value)

    def samples(self) -> SeriesSamples:
        """The series alone."""
        return SeriesSamples(self.root, self.keys, self.series)

    def found(self, where: str, layout: str) -> Found:
        """What the splits are made of.

        Args:
            where: The path that was read, for messages.
            layout: One line that says which layout was recognized and by what.

        Raises:
            DataError: There is no series.
        """
        if not self.series:
            raise nothing_in([where], "series with labels", self.skipped)
        self.progress(len(self.series), len(self.series), "reading series")
        return Found(
            where=where,
            layout=layout,
            source=self.samples(),
            labels=self.labels,
            splits=self.splits,
            groups=self.groups if any(group is not None for group in self.groups) else None,
            grouped_by=self.grouped_by,
            digests=digests_of(map(_content, self.series)),
            nouns=("series", "series"),
            alike="identical series",
            fewest=FEWEST_TO_CHOOSE_BY,
            decisions=tuple(self.decisions),
            warnings=self._warnings(),
            skipped=tuple(self.skipped),
            reading=dict(self.kept),
        )

    def _warnings(self) -> list[str]:
        constant = sum(_is_constant(series) for series in self.series)
        return [*self.doubts, *([f"{constant} series are constant"] if constant else [])]

    def _as_others(self, where: str, series: Series) -> Series:
        """With the variables in the order of the first series."""
        if not self.series or series.variables == self.series[0].variables:
            return series
        wanted = self.series[0].variables
        if sorted(series.variables) != sorted(wanted):
            raise DataError(
                f"{where}: expected the variables {', '.join(wanted)}, as in {self.keys[0]}, "
                f"received {', '.join(series.variables)}"
            )
        order = [series.variables.index(name) for name in wanted]
        return Series(series.values[:, order], wanted, series.times)


def _content(series: Series) -> bytes:
    return repr(series.values.shape).encode() + np.ascontiguousarray(series.values).tobytes()


def _is_constant(series: Series) -> bool:
    lowest, highest = np.fmin.reduce(series.values, axis=0), np.fmax.reduce(series.values, axis=0)
    return bool(np.all(np.isnan(lowest) | (lowest == highest)))
