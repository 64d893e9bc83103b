"""Series without labels, to predict: standard input, files, folders or patterns."""

from __future__ import annotations

import glob
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.listing import Listing
from convscope.errors import DataError
from convscope.kinds.series.readers.archive import is_archive_file, read_archive_file
from convscope.kinds.series.readers.frames import is_table, read_frame, read_frame_of
from convscope.kinds.series.readers.layouts import Asked, TableSeries, read_table_series
from convscope.kinds.series.readers.rows import SeriesRows
from convscope.kinds.series.readers.sources import SeriesSamples
from convscope.types import Progress, Skipped, no_progress

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class SeriesInputs(SeriesSamples):
    """Series without labels, and what was left out.

    Args:
        skipped: What was found and is no series.
        warnings: What was done to them, one line each.
    """

    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()


def read_series_inputs(
    inputs: Sequence[str],
    *,
    progress: Progress = no_progress,
    time_column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    rows: str = "auto",
) -> SeriesInputs:
    """Reads the series that are asked about; labels and splits that stand beside them are left out.

    | what is given | what it is |
    |---|---|
    | `-` | standard input, CSV as a file would hold it |
    | a table, `.ts` or `.arff` | its series, as `read_table_series` finds them |
    | a folder | each such file in it, at any depth |
    | a pattern such as `recordings/*.csv` | the files and folders that match, sorted |

    Args:
        inputs: Any of these.
        progress: Told how many series were read.
        time_column: The column of times in a table.
        id_column: The column that says to which series a row belongs.
        label_column: The column of labels, which are not read.
        rows: What a row of a table is: a whole `series`, one of its `times`, or `auto`.

    Returns:
        The series, in the order given.

    Raises:
        DataError: A path or pattern matches nothing, a file is malformed, or no series is there.
        UsageError: A table has no such column.
        BackendError: pandas or aeon is not installed.
    """
    asked = Asked(time_column, id_column, label_column, rows)
    found = SeriesRows("", progress)
    for one in map(str, inputs):
        if one == STANDARD_INPUT:
            frame = read_frame_of(sys.stdin.buffer, "standard input")
            _add(found, "standard input", read_table_series(frame, "standard input", asked, labelled=False))
            continue
        for path in _paths(one):
            _add_path(found, path, asked)
    if not found.series:
        examples = "; ".join(f"{bad.path}: {bad.reason}" for bad in found.skipped[:3])
        where = ", ".join(map(str, inputs)) or "no inputs"
        raise DataError(f"expected series, received none in {where}. {examples}".strip())
    progress(len(found.series), len(found.series), "reading series")
    made = found.samples()
    return SeriesInputs("", made.keys, made.series, tuple(found.skipped), tuple(found.decisions))


def _paths(one: str) -> list[Path]:
    try:
        if one and Path(one).exists():
            return [Path(one)]
        if glob.has_magic(one):
            found = sorted(glob.glob(one, recursive=True))  # noqa: PTH207 - knows absolute patterns
            if found:
                return [Path(match) for match in found if "**" not in one or not Path(match).is_dir()]
            raise DataError(f"{one}: the pattern matches no file", hint="Check the folder of the pattern.")
    except (OSError, ValueError) as error:  # too long for a path, or holds a NUL character
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{one[:80]!r}: cannot be read ({reason})") from error
    raise DataError(
        f"{one or 'an empty input'}: there is no such file or folder", hint="Check the spelling of the path."
    )


def _add_path(found: SeriesRows, path: Path, asked: Asked) -> None:
    if not path.is_dir():
        _add_file(found, path, asked)
        return
    listing = Listing(str(path))
    for key in listing.files_below(""):
        if is_table(key) or is_archive_file(key):
            _add_file(found, path / key, asked)
        else:
            listing.skip(key, "neither a table nor a file of the archives")
    found.skipped += listing.skipped


def _add_file(found: SeriesRows, path: Path, asked: Asked) -> None:
    if is_archive_file(path):
        for number, one in enumerate(read_archive_file(path, labelled=False)[0], 1):
            found.add(f"{path}, series {number}", f"{path}#{number}", one)
    else:
        _add(found, str(path), read_table_series(read_frame(path), str(path), asked, labelled=False))


def _add(found: SeriesRows, where: str, table: TableSeries) -> None:
    found.note(where, table.notes)
    for place, one in zip(table.keys, table.series, strict=True):
        key = f"{where}#{place}" if place else where
        found.add(key, key, one)
