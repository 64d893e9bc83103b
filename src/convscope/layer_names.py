"""Names of layers: which of some paths a name or a pattern means, and what is offered where none does."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from fnmatch import fnmatchcase

from convscope.errors import UsageError

SHOWN_PATHS = 8


def named_path(name: str, paths: Collection[str]) -> str:
    """The path of that name, or the only one that ends in it.

    Args:
        name: A path, or the name of a layer.
        paths: Such as `encoder/dense`, in the order of the model.

    Raises:
        UsageError: There is none, or more than one; the nearest paths are offered.

    Example:
        >>> named_path("dense", ["encoder/conv", "encoder/dense"])
        'encoder/dense'
    """
    if name in paths:
        return name
    ending = [path for path in paths if path.endswith(f"/{name}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise UsageError(f"Several layers are named '{name}'.", f"Give a path: {', '.join(ending[:5])}.")
    raise UsageError(f"The model has no layer '{name}'.", _nearest(name, paths))


def matching_paths(name: str, paths: Collection[str]) -> list[str]:
    """The paths that a name or a pattern means.

    Args:
        name: A path, a unique name, or a pattern such as `block*/conv*`, in which `*` stands for any text. A
            path or name is taken as it is where a layer has it, whatever marks it holds.
        paths: As `named_path`.

    Raises:
        UsageError: Nothing has that name or matches that pattern; the nearest paths are offered.

    Example:
        >>> matching_paths("*/conv*", ["stem", "block/conv1", "block/conv2"])
        ['block/conv1', 'block/conv2']
    """
    if name in paths:
        return [name]
    literal = [path for path in paths if path.endswith(f"/{name}")]
    if len(literal) == 1:
        return literal
    matching = [path for path in paths if fnmatchcase(path, name)]
    if not matching and not any(mark in name for mark in "*?["):
        return [named_path(name, paths)]
    if not matching:
        raise UsageError(f"No layer of the model matches '{name}'.", _nearest(name, paths))
    return matching


def _nearest(name: str, paths: Collection[str]) -> str:
    """Offers the paths most like a name, or else the first ones."""
    endings: dict[str, list[str]] = {}
    for path in paths:
        endings.setdefault(path, []).append(path)
        endings.setdefault(path.rpartition("/")[2], []).append(path)
    near = difflib.get_close_matches(name, endings, n=3)
    found = list(dict.fromkeys(path for each in near for path in endings[each]))[:5]
    if found:
        return f"Did you mean {' or '.join(found)}?"
    more = ", ..." if len(paths) > SHOWN_PATHS else ""
    return f"It has {', '.join(list(paths)[:SHOWN_PATHS])}{more}"
