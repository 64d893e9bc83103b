"""Options of readers that several kinds share."""

from __future__ import annotations

import re

from convscope.option import Option, several_names


def check_pattern(asked: str) -> str | None:
    """What is expected of `--group` that is no name of a column, where it is no pattern either."""
    try:
        re.compile(asked)
    except re.error as error:
        return f"a column or a regular expression ({error})"
    return None


ENCODING = Option(
    "encoding", str, None, "Encoding of text files that are not UTF-8, such as latin-1", predicts=True
)
SHEET = Option(
    "sheet",
    str,
    None,
    "Sheet of an Excel workbook that is read: its name, or its number from 1",
    predicts=True,
)
TABLE_FILES = (ENCODING, SHEET)
"""How files of tables are opened."""
TEXT_COLUMN = Option(
    "text_column", str, None, "Name of the column with the texts or transcripts", predicts=True
)
LABEL_COLUMN = Option(
    "label_column",
    str,
    None,
    "Column with the labels: its name, or position (-1: last)",
    common=True,
)
LABEL_PATTERN = Option(
    "label_pattern",
    str,
    None,
    "Regular expression with a group named label, for labels in file names",
)
DROP_COLUMN = Option(
    "drop_column",
    tuple[str, ...],
    (),
    "Columns that are left out, separated by commas",
    predicts=True,
    parse=several_names,
)
TIME_COLUMN = Option("time_column", str, None, "Name of the column with the time of each row", predicts=True)
GROUP = Option(
    "group",
    str,
    None,
    "Column or path pattern of groups that stay together",
    check_pattern,
    common=True,
)
VOID_CLASSES = Option(
    "void",
    tuple[str, ...],
    (),
    "Classes of masks that are neither learned nor judged: names, values, or colors such as #e0e0c0",
    parse=several_names,
)
MASKS = Option("masks", str, None, "Folder that predicted masks are written to", predicts=True)
