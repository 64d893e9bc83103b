"""What is checked of an inspection before Keras is imported: its input, and where it is written."""

from __future__ import annotations

from pathlib import Path

from convscope.errors import UsageError

PICTURES = (".png", ".svg", ".pdf")
NUMBERS = (".npz", ".json")
PAGES = (".html",)
KERNELS = "kernels"
"""The one method that needs no input."""


def no_input(method: str) -> UsageError:
    """The error of a method that was given nothing to look at."""
    return UsageError(
        f"The method '{method}' needs an input, received none.",
        "Give a file, a folder, a text or an array; --method kernels alone needs none.",
    )


def check_ending(path: Path) -> None:
    """Refuses, before anything is computed, a file name whose ending says nothing.

    Raises:
        UsageError: The ending is not one that `Inspection.save` writes.
    """
    known = (*PICTURES, *PAGES, *NUMBERS)
    if path.suffix.lower() not in known:
        raise UsageError(f"'{path.name}' has an unknown ending.", f"Use one of {', '.join(known)}.")
