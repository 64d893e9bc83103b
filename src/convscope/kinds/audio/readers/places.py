"""The recordings that a table names: where they lie, and which part of each is meant.

| what the columns are called, or hold | what is taken |
|---|---|
| `start`, `Begin Time (s)`, `onset` with `end` or `duration` | seconds |
| `start_ms` | milliseconds |
| `start_sample`, `Begin Samp`, `num_samples` | samples, by the rate of each file |
| whole numbers, several rows of a file: beyond its milliseconds, not beyond its samples | samples, said |
| the same, within its milliseconds | `DataError` that asks for `start_ms` or `start_sample` |
| `onset_frame`, up to a thousand frames a second | `DataError` that says how to make seconds of them |
| times beyond the end of files that have one row each | where these were cut out; whole files, said |
"""

from __future__ import annotations

import math
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from convscope.data.listing import Listing
from convscope.data.named_files import checked_path, names_file
from convscope.errors import DataError
from convscope.kinds.audio.readers.endings import SOUNDS
from convscope.kinds.audio.readers.recordings import SLACK, WHOLE, Excerpt, opened_sound

Unit = Literal["seconds", "milliseconds", "samples", "frames"]

START_COLUMNS = ("onset", "offset", "start", "start_time", "begin", "begin_time")
"""Where a part of a file begins; a unit may follow, as in `Begin Time (s)` and `start_ms`."""
DURATION_COLUMNS = ("duration", "seconds", "length", "num", "n")
"""How long it is."""
END_COLUMNS = ("end", "end_time", "stop", "stop_time", "offset_end", "offset")
"""Where it ends, beside where it begins."""

_FEWEST_BEYOND = 3
"""Rows whose times lie behind the end of their files, from which on these are no seconds in them."""
_MOST_FRAMES = 1000
"""Frames a second of features at most."""
_UNITS: Mapping[str, Unit] = {"ms": "milliseconds", "mi": "milliseconds", "sa": "samples", "fr": "frames"}
_UNIT = re.compile(
    r"[\s_-]*(?:(?<=[\s_-])|[(\[])(s|secs?|seconds?|ms|msecs?|milliseconds?|samp(?:le)?s?|frames?)[)\]]?$"
)
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class _Seen:
    """A row as if it counted seconds, and its file."""

    path: Path
    part: Excerpt
    seconds: float
    rate: int

    @property
    def end(self) -> float:
        return self.part.start + (self.part.seconds or 0)

    def is_within(self, per_second: int) -> bool:
        """Whether whole numbers lie within the file if so many of them are a second."""
        whole = self.end.is_integer() and self.part.start.is_integer()
        return whole and self.end <= (self.seconds + SLACK) * per_second


@dataclass(frozen=True)
class PartColumns:
    """The columns that say which part of a file a row means; None for what is not there.

    Args:
        start: Where it begins.
        duration: How long it is.
        end: Where it ends, where nothing says how long it is.
        unit: What they count where their names do not say it.
    """

    start: str | None = None
    duration: str | None = None
    end: str | None = None
    unit: Unit = "seconds"

    @classmethod
    def among(cls, columns: Sequence[str]) -> PartColumns:
        """Those of a table, by the names of its columns."""
        start = timed_column(columns, START_COLUMNS)
        rest = [name for name in columns if name != start]
        duration = timed_column(rest, DURATION_COLUMNS)
        end = timed_column(rest, END_COLUMNS)
        if end is not None and _unit_of(end) == _unit_of(start) != _unit_of(duration):
            duration = None
        return cls(start, duration, end if duration is None else None)

    @property
    def names(self) -> list[str]:
        """Those that are there."""
        return [name for name in (self.start, self.duration, self.end) if name is not None]

    def part(self, where: str, row: Mapping[str, object], file: Path) -> Excerpt:
        """The part of a file that a row means; a duration without a start is that of the whole file.

        Args:
            where: The table and line, for messages.
            row: The cells by column.
            file: The recording, whose rate makes seconds of samples.

        Raises:
            DataError: A cell holds no time, or the part is empty; or the file cannot be opened for its rate.
        """
        begins = self._seconds(where, self.start, row, file) or 0.0
        if self.start is None:
            return WHOLE
        seconds = self._seconds(where, self.duration, row, file)
        ends = self._seconds(where, self.end, row, file)
        if ends is not None and ends < begins:
            raise DataError(f"{where}: expected an end behind the start at {begins:g}, received {ends:g}")
        if ends is not None:
            seconds = ends - begins
        if seconds == 0:
            raise DataError(f"{where}: expected a duration above 0 seconds, received 0")
        return WHOLE if begins == 0 and seconds is None else Excerpt(begins, seconds)

    def settled(
        self, table: str, rows: Iterable[tuple[Mapping[str, object], Path]]
    ) -> tuple[PartColumns, str]:
        """What they count, by the first rows and the files of these.

        Args:
            table: For messages.
            rows: The first rows with their files.

        Returns:
            The columns, without any where the files are the parts already, and what was decided; empty where
            nothing was.

        Raises:
            DataError: They count something that seconds cannot be made of.
        """
        units = {_unit_of(name) for name in self.names} - {None}
        if self.start is None or "samples" in units:
            return self, ""
        counted = replace(self, unit="seconds")
        seen: list[_Seen] = []
        for row, path in rows:
            with suppress(DataError):  # a malformed row or file is told when it is its turn
                part = counted.part(table, row, path)
                with opened_sound(path) as file:
                    seen.append(_Seen(path, part, file.frames / file.samplerate, int(file.samplerate)))
        named = " and ".join(f"'{name}'" for name in self.names)
        if "frames" in units:
            if any(each.end > _MOST_FRAMES * each.seconds for each in seen):
                return replace(self, unit="samples"), f"times: {named} are counted in samples"
            raise _of_frames(table, named, self.names)
        later = [each for each in seen if each.part.start > 0]
        beyond = sum(each.end > each.seconds + SLACK for each in later)
        if beyond < _FEWEST_BEYOND or 2 * beyond <= len(later):
            return self, ""
        in_file = len({each.path for each in seen}) < len(seen)
        if units or not in_file or not all(each.is_within(each.rate) for each in seen):
            said = f"times: {named} tell where recordings were cut out of longer ones; these end before"
            return PartColumns(), said
        if all(each.is_within(1000) for each in seen):
            raise _of_either(table, named, self.start)
        said = f"times: {named} are counted in samples, since they reach beyond the seconds of the files"
        return replace(self, unit="samples"), said

    def _seconds(self, where: str, column: str | None, row: Mapping[str, object], file: Path) -> float | None:
        value = row[column] if column else None
        if column is None or value is None or value == "":
            return None
        unit = _unit_of(column)
        unit = self.unit if unit in (None, "frames") else unit
        try:
            count = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            count = math.nan
        per = _rate(file) if unit == "samples" else 1000 if unit == "milliseconds" else 1
        seconds = count / per
        if isinstance(value, bool) or not 0 <= seconds < 1e7:
            raise DataError(f"{where}: expected {unit} as {column}, received {str(value)[:40]!r}")
        return seconds


def timed_column(columns: Sequence[str], aliases: Sequence[str]) -> str | None:
    """The first column of times within recordings that is called so, with or without its unit.

    Args:
        columns: The names of columns.
        aliases: Usual names without a unit, in lower case, the surest first.

    Example:
        >>> timed_column(["Begin Time (s)"], ["begin_time"]), timed_column(["start_sample"], ["start"])
        ('Begin Time (s)', 'start_sample')
    """
    plain = [_BETWEEN_WORDS.sub("_", _UNIT.sub("", name.strip().lower())) for name in columns]
    return next((columns[plain.index(alias)] for alias in aliases if alias in plain), None)


def _unit_of(column: str | None) -> Unit | None:
    """The unit in the name of a column; None where there is none."""
    found = _UNIT.search((column or "").strip().lower())
    return None if found is None else _UNITS.get(found[1][:2], "seconds")


@cache
def _rate(file: Path) -> int:
    """Samples per second of a file."""
    with opened_sound(file) as opened:
        return int(opened.samplerate)


def _of_frames(table: str, named: str, columns: Sequence[str]) -> DataError:
    made = "; ".join(f"table['{name}_s'] = table['{name}'] * hop / rate" for name in columns)
    return DataError(
        f"{table}: expected times in seconds, milliseconds or samples, received frames in {named}",
        hint=f"Make seconds of them, with the hop of the frames in samples: {made};"
        f" table.drop(columns={list(columns)}).to_csv('table.csv', index=False).",
    )


def _of_either(table: str, named: str, start: str) -> DataError:
    return DataError(
        f"{table}: expected times in seconds, received whole numbers in {named} that reach beyond the end of"
        " the files and may be milliseconds or samples",
        hint=f"Say which by their names, such as {start}_ms or {start}_sample.",
    )


class Places:
    """Finds the recordings that tables name.

    A name is that of a file relative to the folder of the table or to the root. Where no such file is there,
    the recordings below the root are looked through for one that is called so: a table in `meta/` names files
    in `audio/`, one of another machine names them by whole paths, and one of identifiers leaves out `.wav`.

    Args:
        root: The folder; nothing outside of it is found.
        below: The folder of the table, relative to the root; empty for the root itself.
    """

    def __init__(self, root: Path, below: str = "") -> None:
        self.root = root
        self._below = below
        self._index: dict[str, list[str]] | None = None
        self._example: tuple[str, str] | None = None

    def key(self, where: str, raw: str, folds: Sequence[str] = ()) -> str:
        """The file of a recording, relative to the root.

        Args:
            where: The file and line of the table, for messages.
            raw: The name as it stands there.
            folds: What else the row says that may be a part of the path, such as the number of a fold.

        Raises:
            DataError: Several recordings are called so, or nothing is called so and the name is that of a
                file outside of the root.
        """
        for folder in dict.fromkeys((self._below, "")):
            key = posixpath.normpath(posixpath.join(folder, raw)) if raw else ""
            inside = key and key.isprintable() and not key.startswith(("../", "/"))
            if inside and names_file(Path(self.root, key)):
                return key
        found = self._called(raw, folds)
        if len(found) > 1:
            raise DataError(
                f"{where}: expected the name of one recording, received {raw!r}, which {found[0]} and"
                f" {found[1]} are called",
                hint=f"Write the folder before the name: {found[0]}.",
            )
        if found:
            self._example = self._example or (raw, found[0])
            return found[0]
        key = posixpath.normpath(posixpath.join(self._below, raw)) if raw else raw
        return checked_path(where, raw if key.startswith("..") else key, self.root)

    def decisions(self) -> list[str]:
        """That recordings were found by their names, where they were."""
        if self._example is None:
            return []
        raw, key = self._example
        return [f"recordings: found below the folder by their names, such as {raw[:80]!r} at {key}"]

    def _called(self, raw: str, folds: Sequence[str]) -> list[str]:
        """The recordings with as many of the last parts of a path as any; of several those of a fold."""
        parts = _plain(raw).split("/")
        found = self._by_name().get(parts[-1], [])
        if len(found) > 1:
            common = [_common(parts, key) for key in found]
            found = [key for key, length in zip(found, common, strict=True) if length == max(common)]
        if len(found) > 1 and folds:
            names = {name for fold in folds for name in (fold, f"fold{fold}", f"fold_{fold}", f"fold-{fold}")}
            found = [key for key in found if names & set(key.lower().split("/")[:-1])] or found
        return found

    def _by_name(self) -> dict[str, list[str]]:
        """The recordings below the root by their names, with and without ending."""
        if self._index is None:
            self._index = {}
            for key in Listing(str(self.root)).files_below(""):
                stem, dot, ending = _plain(key).rpartition("/")[2].rpartition(".")
                if f"{dot}{ending.lower()}" in SOUNDS:
                    for name in (f"{stem}.{ending}", stem):
                        self._index.setdefault(name, []).append(key)
        return self._index


def _plain(path: str) -> str:
    """A path in one spelling, whichever system wrote it."""
    return unicodedata.normalize("NFC", path).replace("\\", "/")


def _common(parts: Sequence[str], key: str) -> int:
    """How many of their last parts two paths have in common, the name itself aside."""
    count = 0
    for mine, other in zip(parts[-2::-1], _plain(key).split("/")[-2::-1], strict=False):
        if mine != other:
            break
        count += 1
    return count
