"""Objects of JSON files: one a line, in an array, or in one of the forms that pandas and web services write.

| what is there | what is read |
|---|---|
| `{"text": "a"}` on each line, or objects one behind the other | each object, as it comes |
| `[{"text": "a"}, ...]` | each object, as it comes |
| `{"data": [{...}, ...]}`, the only array of objects | its objects |
| `{"train": [{...}, ...], "test": [{...}, ...]}` | the objects of all, with the key `split` |
| `{"columns": [...], "data": [[...], ...]}` | rows with these columns |
| `{"text": ["a", ...], "label": [...]}` | a row of the values at the same place |
| `{"text": {"0": "a", ...}, "label": {...}}` | a row of the values with the same key |

The last five are held in memory, so that their size is bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from convscope.data.lines import LONGEST_LINE, ControlCharacters, read_lines
from convscope.data.split_names import split_of
from convscope.errors import DataError

MOST_CHARACTERS = 2**28
"""Characters of a file that is one object."""
_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n,]*")
_HINT = 'Write one object per line, such as {"text": "...", "label": "..."}, or an array of them.'
_TABLE_NAMES = frozenset(
    (
        "data",
        "rows",
        "records",
        "items",
        "results",
        "examples",
        "instances",
        "samples",
        "documents",
        "entries",
    )
)

Objects = Iterator[tuple[int, Mapping[str, Any]]]
"""Objects with the numbers of the lines at which they begin, or of the records within one JSON value."""
_Found = Iterator[tuple[int, Mapping[str, Any], bool]]
"""Objects with the numbers of their lines, and whether they are records within one JSON value."""


def json_objects(
    path: Path, encoding: str | None = None, controls: ControlCharacters | None = None
) -> Objects:
    """The objects of a file in any of the forms above.

    Args:
        path: The file.
        encoding: As `read_lines`.
        controls: Where control characters are counted.

    Raises:
        DataError: The file is damaged or has another form; the message has the line.
    """
    for record, (number, found, within) in enumerate(_objects(path, encoding, controls), 1):
        yield record if within else number, found


def counts_records(path: Path, encoding: str | None = None) -> bool:
    """Whether the objects of a file are numbered as records of one JSON value, not by their lines.

    Args:
        path: The file.
        encoding: As `read_lines`.

    Raises:
        DataError: As `json_objects`.
    """
    return next((within for _, _, within in _objects(path, encoding, None)), False)


def _objects(path: Path, encoding: str | None, controls: ControlCharacters | None) -> _Found:
    lines = read_lines(path, encoding, LONGEST_LINE * 16, controls)
    filled = ((number, line) for number, line in lines if line.strip())
    number, line = next(filled, (1, ""))
    if not line:
        return
    if line.lstrip().startswith("["):
        yield from ((at, found, True) for at, found in _array(path, number, line, filled))
        return
    whole = _whole(line)
    if whole is None:
        yield from _one_or_more(path, number, line, filled)
        return
    following = next(filled, None)
    if following is None and _holds_rows(whole):
        yield from ((number, row, True) for row in _rows_of(path, whole))
        return
    yield number, _object(path, number, whole), False
    if following is not None:
        yield _each(path, following)
        for numbered in filled:
            yield _each(path, numbered)


def _whole(line: str) -> object:
    """What a line holds; None where it ends before its value does."""
    try:
        return json.loads(line) if line.strip()[-1] not in "{[,:" else None
    except (ValueError, RecursionError):
        return None if line.lstrip()[:1] == "{" and not line.rstrip().endswith("}") else ...


def _each(path: Path, numbered: tuple[int, str]) -> tuple[int, Mapping[str, Any], bool]:
    number, line = numbered
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{path}, line {number}: expected a JSON object, received {reason}", hint=_HINT
        ) from None
    return number, _object(path, number, found), False


def _object(path: Path, number: int, found: object) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        received = "damaged JSON" if found is ... else type(found).__name__
        raise DataError(f"{path}, line {number}: expected a JSON object, received {received}", hint=_HINT)
    return found


def _array(path: Path, number: int, line: str, lines: Iterator[tuple[int, str]]) -> Objects:
    """The objects of an array, held one at a time."""
    text, at, ended = line.lstrip(), 1, False
    while True:
        at = _past_blanks(text, at)
        if text.startswith("]", at):
            rest = text[at + 1 :].strip() or next((line for _, line in lines), "").strip()
            if rest:
                raise DataError(f"{path}: expected one JSON array, received more behind it", hint=_HINT)
            return
        if at < len(text):
            try:
                found, at = _DECODER.raw_decode(text, at)
            except RecursionError:
                raise DataError(f"{path}, line {number}: the JSON is nested too deeply") from None
            except ValueError as error:
                if ended or len(text) - at > MOST_CHARACTERS:
                    raise _damaged(path, number, error) from None
            else:
                yield number, _object(path, number, found)
                continue
        more, ended = _more(lines, len(text) - at)
        if at == len(text) and more:
            number = more[0][0]
        if ended and not more and at == len(text):
            raise DataError(f"{path}, line {number}: the JSON array does not end", hint="Write it anew.")
        text, at = text[at:] + "\n" + "\n".join(line for _, line in more), 0


def _past_blanks(text: str, at: int) -> int:
    """Where the next value or bracket of a text begins; its end where there is none."""
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()


def _more(lines: Iterator[tuple[int, str]], least: int) -> tuple[list[tuple[int, str]], bool]:
    """Lines until they have as many characters as there are already, so that few attempts are in vain."""
    found: list[tuple[int, str]] = []
    characters = 0
    for numbered in lines:
        found.append(numbered)
        characters += len(numbered[1])
        if characters >= max(1, least) or characters > MOST_CHARACTERS:
            return found, False
    return found, True


def _one_or_more(path: Path, number: int, line: str, lines: Iterator[tuple[int, str]]) -> _Found:
    """Objects that take several lines each, or one that holds rows."""
    parts, characters = [line], len(line)
    for _, each in lines:
        parts.append(each)
        characters += len(each)
        if characters > MOST_CHARACTERS:
            raise DataError(
                f"{path}: the JSON object has more than {MOST_CHARACTERS:,} characters", hint=_HINT
            )
    text, first, at, found = "\n".join(parts), number, 0, []
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _damaged(path, number, error) from None
        found.append((number, _object(path, number, value)))
        end = _past_blanks(text, end)
        number, at = number + text.count("\n", at, end), end
    if len(found) == 1 and _holds_rows(found[0][1]):
        yield from ((first, row, True) for row in _rows_of(path, found[0][1]))
        return
    yield from ((at, one, False) for at, one in found)


def _holds_rows(found: object) -> bool:
    """Whether one object stands for many rows."""
    if not isinstance(found, dict) or not found:
        return False
    values = list(found.values())
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) == len(values) > 1 and len({len(each) for each in lists}) == 1:
        return True
    if _tables(found) or _is_split(found):
        return True
    return all(isinstance(value, dict) for value in values)


def _tables(found: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The arrays of objects that an object holds under names that web services give them, or alone."""
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
        if len(found) == 1 or name.lower() in _TABLE_NAMES or split_of(name) is not None
    }


def _is_split(found: Mapping[str, Any]) -> bool:
    return isinstance(found.get("columns"), list) and isinstance(found.get("data"), list)


def _rows_of(path: Path, found: object) -> Iterator[Mapping[str, Any]]:
    assert isinstance(found, dict)
    if _is_split(found):
        names = [str(name) for name in found["columns"]]
        for row in found["data"]:
            if not isinstance(row, list) or len(row) != len(names):
                raise DataError(f"{path}: expected {len(names)} values in each row of 'data'")
            yield dict(zip(names, row, strict=True))
        return
    tables = _tables(found)
    if len(tables) > 1 and all(split_of(name) is not None for name in tables):
        yield from ({"split": name, **row} for name, rows in tables.items() for row in rows)
        return
    if len(tables) > 1:
        raise DataError(
            f"{path}: expected one array of objects, received {', '.join(map(repr, tables))}",
            hint="Write each into a file of its own.",
        )
    if tables:
        yield from next(iter(tables.values()))
        return
    values = list(found.values())
    if all(isinstance(value, list) for value in values):
        yield from (dict(zip(found, row, strict=True)) for row in zip(*values, strict=True))
        return
    keys = dict.fromkeys(key for column in values for key in column)
    if any(key in found for key in keys) or not all(key.lstrip("-").isdecimal() for key in keys):
        yield from values  # an object for each row, under its key
        return
    for key in keys:
        yield {name: column.get(key) for name, column in found.items()}


def _damaged(path: Path, number: int, error: Exception) -> DataError:
    reason = str(error).partition("\n")[0][:80]
    return DataError(f"{path}, line {number}: not valid JSON ({reason})", hint=_HINT)
