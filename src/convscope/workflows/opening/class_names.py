"""Names of the outputs of a model, read from a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.errors import DataError

_LARGEST = 16 * 2**20
_NUMBERED = re.compile(r"(\d+)\s*[\s,;:]\s*(\S.*)")
_EXPECTED = (
    'Expected one name per line; or JSON: a list of names, or an object such as {"0": "cat"} or {"cat": 0}.'
)


def read_class_names(path: Path) -> tuple[str, ...]:
    r"""Reads class names in the order of a model's outputs.

    Args:
        path: Text with one name per line, each with its index in front or none; or JSON: a list, an object
            from index to name, from name to index (`class_indices` of Keras), or from index to identifier and
            name (`imagenet_class_index.json`).

    Raises:
        DataError: The file is missing, empty or something else, or an index is missing or there twice.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "names.txt").write_text("0 cat\n1 dog\n")
        ...     read_class_names(Path(folder, "names.txt"))
        ('cat', 'dog')
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(f"{path} is larger than {_LARGEST // 2**20} MB, which no list of names is.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.", _EXPECTED
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    names = _of_json(path, text) if path.suffix.lower() == ".json" else _of_lines(path, text)
    if not names:
        raise DataError(f"{path} holds no names.", _EXPECTED)
    return names


def check_class_names(names: Sequence[str], outputs: Sequence[int | None], path: Path) -> None:
    """Refuses names of which there are more or fewer than a model has outputs.

    Args:
        names: The names.
        outputs: Number of channels of each output of the model; None where any will do.
        path: Where the names are from.

    Raises:
        DataError: No output has as many.
    """
    if outputs and len(names) not in outputs and None not in outputs:
        counts = " and ".join(str(each) for each in outputs)
        raise DataError(
            f"{path} holds {len(names)} class names; the model has {counts} outputs.",
            "Give one name for each output, in their order.",
        )


def _of_lines(path: Path, text: str) -> tuple[str, ...]:
    lines = text.rstrip().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise DataError(f"{path}:{number}: expected a class name, received an empty line.", _EXPECTED)
    numbered = [_NUMBERED.fullmatch(line.strip()) for line in lines]
    found = [(int(match[1]), match[2]) for match in numbered if match]
    if len(found) == len(lines) and sorted(index for index, _ in found) == list(range(len(lines))):
        return tuple(name for _, name in sorted(found))
    return tuple(line.strip() for line in lines)


def _of_json(path: Path, text: str) -> tuple[str, ...]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}.", _EXPECTED) from error
    if isinstance(content, list) and all(isinstance(each, str) for each in content):
        return tuple(content)
    if isinstance(content, dict):
        return _in_order(path, dict(_pair(path, key, value) for key, value in content.items()), len(content))
    raise DataError(f"{path} holds no list of names.", _EXPECTED)


def _pair(path: Path, key: str, value: Any) -> tuple[int, str]:
    """Index and name, whichever way round they are."""
    if isinstance(value, list) and value and isinstance(value[-1], str):
        value = value[-1]
    if isinstance(value, int) and not isinstance(value, bool):
        return value, key
    if isinstance(value, str) and key.isdecimal():
        return int(key), value
    raise DataError(f"{path}: '{key}': {value!r} is no index with a name.", _EXPECTED)


def _in_order(path: Path, names: Mapping[int, str], count: int) -> tuple[str, ...]:
    missing = sorted(set(range(count)) - set(names))
    if missing:
        raise DataError(f"{path}: no class has the index {missing[0]}.", "Indices run from 0, each once.")
    return tuple(names[index] for index in range(count))
