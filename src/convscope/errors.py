"""The package's own errors: every message says what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConvscopeError(Exception):
    """Base of every error that convscope raises on purpose.

    Args:
        message: One line that names the thing, what was expected and what was received.
        hint: One line that says what to do; printed below the message by the command line.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(ConvscopeError):
    """A command or function was called with arguments that cannot work (exit code 2)."""

    exit_code = 2


class DataError(ConvscopeError):
    """Data from outside is malformed; the message names the file and what was expected."""


class RunError(ConvscopeError):
    """A run folder is incomplete, damaged, or does not fit what is asked of it."""


class BackendError(ConvscopeError):
    """A Keras backend or an optional dependency is missing; the hint holds the install command."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that nothing has; its hint offers the nearest names, or else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=2)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(names)}."
    return UsageError(f"No {what} is named '{name}'.", hint)
