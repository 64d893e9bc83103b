"""The files that an inspection is written to, by their endings."""

from __future__ import annotations

from pathlib import Path

from convscope.errors import UsageError

PICTURES = (".png", ".svg", ".pdf")
NUMBERS = (".npz", ".json")
PAGES = (".html",)


def check_ending(path: Path) -> None:
    """Refuses, before anything is computed, a file name whose ending says nothing.

    Raises:
        UsageError: The ending is not one that `Inspection.save` writes.
    """
    known = (*PICTURES, *PAGES, *NUMBERS)
    if path.suffix.lower() not in known:
        raise UsageError(f"'{path.name}' has an unknown ending.", f"Use one of {', '.join(known)}.")
