"""Columns of tables by their usual names, and what stands in them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from convscope.data.split_names import split_of
from convscope.errors import DataError, UsageError
from convscope.types import SplitName

LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target")
"""What a column of labels is usually called, the surest first; `is_label_name` knows more of them."""
PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path")
SPLIT_COLUMNS = ("split", "subset", "partition", "usage", "set")
LONGEST_LABEL = 200
"""Characters of a class name at most."""
MISSING_WORDS = frozenset(
    [
        *("", "?", "-", "--", ".", "na", "NA", "n/a", "N/A", "#N/A", "#NA", "<NA>", "nan", "NaN", "NAN"),
        *("NaT", "nil", "null", "NULL", "Null", "none", "None", "NONE", "-/-", "./."),
        *("---", "----", "-----", "\u2013", "\u2014", "..", "...", "…", "*", "**", "***"),
        *("n.d.", "n. d.", "N.D.", "n.a.", "n. a.", "N.A.", "k.A.", "k. A.", "k.a."),
        *("#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"),
    ]
)
"""How a missing number is written. In a column of texts, such as labels, all but the first are texts."""

_JOINTS = re.compile(r"[\s_-]+")
_LABEL_NAME = re.compile(
    r"(?:.*[_ .-])?(?:labels?|class(?:es)?|class[_ ]?name|categor(?:y|ies)|targets?|polarity|sentiment"
    r"|emotion|species|diagnosis|outcome|genre|topic|intent)"
    r"(?:[_ .-](?:id|name|idx|index|text|label|class|code|type|str|value))?|y|label[_ .-]\w+",
    re.IGNORECASE,
)


def find_column(names: Sequence[str], aliases: Sequence[str]) -> int | None:
    """The position of the first alias that is a column, whatever its case; None where there is none.

    Words may be joined by blanks, hyphens or underscores.

    Example:
        >>> find_column(["User-ID", "ISBN"], ("user_id",))
        0
    """
    plain = [_joined(name) for name in names]
    return next((plain.index(_joined(alias)) for alias in aliases if _joined(alias) in plain), None)


def _joined(name: str) -> str:
    return _JOINTS.sub("_", name.strip().lower())


def is_label_name(name: str) -> bool:
    """Whether a column is called as columns of labels often are; what stands in it must decide.

    Example:
        >>> [is_label_name(name) for name in ("Polarity_id", "true-label", "y", "body", "classroom")]
        [True, True, True, False, False]
    """
    return _LABEL_NAME.fullmatch(name.strip()) is not None


def column_of(where: str, columns: Sequence[str], given: str, option: str = "--label-column") -> str:
    """The column that a user names, by its name or its position: 0 is the first one, -1 the last one.

    Args:
        where: The file, for messages.
        columns: The names of all columns.
        given: A name, which goes before a position.
        option: By which the user named it, for messages.

    Raises:
        UsageError: There is no such column; the hint lists those that there are.

    Example:
        >>> column_of("a.csv", ["id", "text", "kind"], "-1"), column_of("a.csv", ["1", "2"], "2")
        ('kind', '2')
    """
    if given in columns:
        return given
    at = int(given) if re.fullmatch(r"-?\d{1,6}", given.strip()) else len(columns)
    if -len(columns) <= at < len(columns):
        return columns[at]
    shown = ", ".join(map(repr, columns[:20])) or "no columns"
    raise UsageError(
        f"{where} has no column {given!r}, which {option} names.",
        f"It has {shown}; the position of a column (0, or -1 for the last one) will do as well.",
    )


def columns_line(roles: Sequence[tuple[str, str]], unused: Sequence[str] = ()) -> str:
    """What each column of a table was taken for: every reader of tables adds this line to its decisions.

    Args:
        roles: What is read and the name of its column, such as `("label", "polarity")`; a role may come
            several times.
        unused: The other columns, `Table.unused` among them.

    Example:
        >>> columns_line([("label", "polarity"), ("text", "body")], ["id", "day"])
        "columns: label from 'polarity', text from 'body'; not used: 'id', 'day'"
        >>> columns_line([("value", "temp"), ("value", "hum")])
        "columns: value from 'temp', 'hum'; all are used"
    """
    by_role: dict[str, list[str]] = {}
    for role, name in roles:
        by_role.setdefault(role, []).append(name)
    used = ", ".join(f"{role} from {_quoted(names)}" for role, names in by_role.items())
    rest = f"not used: {_quoted(unused)}" if unused else "all are used"
    return f"columns: {used}; {rest}"


def _quoted(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(repr(name if len(name) <= 40 else f"{name[:37]}...") for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def split_name(where: str, raw: str | None) -> SplitName | None:
    """The split that a field names; None where the data has no splits.

    Raises:
        DataError: The name is not one of the known ones.
    """
    if raw is None:
        return None
    name = split_of(raw)
    if name is None:
        raise DataError(
            f"{where}: expected a split, received {raw!r}", hint="Use train, validation and test."
        )
    return name


def label_name(where: str, value: object, class_names: Sequence[str] | None = None) -> str:
    """What a label is called.

    Args:
        where: The file and line, for messages.
        value: Text, a number (whole ones have no decimals) or a boolean (`true`, `false`).
        class_names: What whole numbers stand for.

    Raises:
        DataError: The label is missing, too long, something else, or not one of the class names.
    """
    if isinstance(value, str):
        name = value.strip()
        if len(name) > LONGEST_LABEL:
            raise DataError(
                f"{where}: expected a label of at most {LONGEST_LABEL} characters, received {len(name)}",
                hint="Check which column holds the labels: --label-column.",
            )
        if name:
            return name
        value = None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise DataError(f"{where}: expected a label, received none", hint="Fill in all labels.")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and class_names is not None:
        if not 0 <= value < len(class_names):
            raise DataError(f"{where}: expected a label from 0 to {len(class_names) - 1}, received {value}")
        return class_names[value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**64):
        return str(value)
    raise DataError(f"{where}: expected a label as text, number or boolean, received {type(value).__name__}")
