"""The small vocabulary that every room shares: kinds of data, names of splits, what was skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Kind = Literal["image", "text", "series", "audio", "graph", "volume", "video", "points"]
SplitName = Literal["train", "validation", "test"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


@dataclass(frozen=True)
class Skipped:
    """One thing that a reader found and left out.

    Args:
        path: The file (or `file#row`) as the user would look for it.
        reason: Why it was left out, in a few words.
    """

    path: str
    reason: str


class Progress(Protocol):
    """How long work reports itself; the command line draws it, the Python API ignores it by default."""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Says that `done` of `total` steps (None: not known) of `what` are finished."""


Say = Callable[[str], None]
"""How work tells a person one line; the command line prints it, the Python API ignores it by default."""


def silent(line: str) -> None:
    """Says nothing."""


def no_progress(done: int, total: int | None, what: str) -> None:
    """Reports nothing."""
