"""Series without a verdict yet: files, folders, patterns, and standard input as one table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from convscope.data.named_files import files_of
from convscope.errors import DataError
from convscope.kinds.series.anomaly.streams import Notes, Wanted, measured
from convscope.kinds.series.readers.frames import is_table, read_frame, read_frame_of
from convscope.kinds.series.readers.segments import SegmentInputs
from convscope.types import Progress, Skipped, no_progress

STANDARD_INPUT = "-"


def read_stream_inputs(
    inputs: Sequence[str], *, wanted: Wanted | None = None, progress: Progress = no_progress
) -> SegmentInputs:
    """Reads the series that are asked about.

    Args:
        inputs: Tables, folders of them (read at any depth), patterns, or `-` for a table on standard input.
        wanted: Columns that the user named.
        progress: Is told how many files were read.

    Raises:
        DataError: A path is not there, a table is malformed, or there is no series.
        UsageError: A column that is not there.
        BackendError: pandas is not installed.
    """
    asked, notes, skipped = wanted or Wanted(), Notes(), list[Skipped]()
    files = [file for one in inputs for file in _files(str(one), skipped)]
    if not files:
        raise DataError(f"expected series, received none in {', '.join(map(str, inputs)) or 'no inputs'}")
    series = []
    for done, file in enumerate(files, 1):
        if file == STANDARD_INPUT:
            frame, where = read_frame_of(sys.stdin.buffer, "standard input"), "standard input"
        else:
            frame, where = read_frame(Path(file)), file
        made, _, lines = measured(frame, asked, where)
        series.append(made)
        notes.add([line for line in lines if not line.startswith("time: column")])
        progress(done, len(files), "reading series")
    keys = ["standard input" if file == STANDARD_INPUT else file for file in files]
    return SegmentInputs("", keys, series, (), tuple(skipped), notes.lines())


def _files(one: str, skipped: list[Skipped]) -> list[str]:
    if one == STANDARD_INPUT:
        return [one]
    if not one:
        raise DataError("an empty input: there is no such file or folder")
    found = []
    try:
        files = files_of(one, skipped)
    except (OSError, ValueError) as error:
        raise DataError(f"{one}: cannot be read ({error})") from error
    for file in files:
        if is_table(file) or file == one:
            found.append(file)
        else:
            skipped.append(Skipped(file, "no table"))
    return found
