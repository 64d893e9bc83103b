"""The files that the page is made of: its own, and the element of each kind."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from convscope.kinds.registry import kinds

PAGE = Path(__file__).parent / "static"


def element_script(kind: str, name: str) -> bytes | None:
    """The module with the element of a kind; None where the kind has none of that name.

    Args:
        kind: Its name.
        name: Of the file in the kind's folder.
    """
    for each in kinds():
        element = each.studio.load() if each.name == kind and each.studio is not None else None
        package, _, file = ("", "", "") if element is None else element.script.partition(":")
        if element is not None and file == name:
            return files(package).joinpath(file).read_bytes()
    return None
