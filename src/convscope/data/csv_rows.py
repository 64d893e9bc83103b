"""Rows of a CSV file with their line numbers, read one at a time and bounded."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from convscope.errors import DataError

MAX_LINE_BYTES = 2**20
"""Longest line that is read, in bytes."""


def csv_rows(path: Path) -> Generator[tuple[int, list[str]], None, None]:
    """The rows that are not blank, the header first.

    Args:
        path: A UTF-8 file with comma-separated columns; a byte order mark is ignored.

    Yields:
        The number of the line (from 1) at which the row ends, and its fields without surrounding space.

    Raises:
        DataError: The file cannot be read, is not UTF-8, or has a quote or a line that does not end.
    """
    try:
        with path.open("rb") as file:
            rows = csv.reader(_lines(path, file), strict=True)
            try:
                for row in rows:
                    if any(row):
                        yield rows.line_num, [field.strip() for field in row]
            except csv.Error as error:
                raise DataError(f"{path}, line {rows.line_num}: not valid CSV ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def csv_header(path: Path) -> list[str]:
    """The column names in lower case; empty where the file has no row.

    Args:
        path: The CSV file.

    Raises:
        DataError: As `csv_rows`.
    """
    rows = csv_rows(path)
    try:
        return [name.lower() for name in next(rows, (0, []))[1]]
    finally:
        rows.close()


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise DataError(f"{path}, line {number}: longer than {MAX_LINE_BYTES} bytes")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}: expected UTF-8, received byte 0x{line[error.start]:02x}",
                hint="Save the table as UTF-8.",
            ) from None
        yield text.removeprefix("\ufeff") if number == 1 else text
