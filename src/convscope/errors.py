"""Errors of the package: a message says what is wrong and where, a hint what to do."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable


class ConvscopeError(Exception):
    """Base class of all errors of convscope.

    Args:
        message: One line with the subject, what was expected and what was received.
        hint: One line on what to do; the command line prints it below the message.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(ConvscopeError):
    """Invalid arguments of a command or function (exit code 2)."""

    exit_code = 2


class DataError(ConvscopeError):
    """Malformed or missing data; the message has the file and what was expected."""


class RunError(ConvscopeError):
    """A run folder that is incomplete or damaged, or does not fit the request."""


class BackendError(ConvscopeError):
    """A missing Keras backend or optional dependency; the hint has the install command."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that does not exist; its hint has the nearest names, or else all of them."""
    names = sorted(known)
    part = [each for each in names if len(name) > 2 and name in each]
    near = part[:3] or difflib.get_close_matches(name, names, n=2)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of {', '.join(names)}."
    return UsageError(f"No {what} is named '{name}'.", hint)


def install_command(extra: str) -> str:
    """The command that installs an extra from where this package is.

    A package that was installed from a folder or a repository, as `direct_url.json` (PEP 610) says, is
    found there and not on the package index.

    Example:
        >>> install_command("text").startswith("pip install ")
        True
    """
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        origin = json.loads(distribution("convscope").read_text("direct_url.json") or "{}")
        url = str(origin.get("url", ""))
    except (PackageNotFoundError, ValueError, AttributeError):
        return f'pip install "convscope[{extra}]"'
    if url.startswith("file:") and "dir_info" in origin:
        place = url2pathname(urlsplit(url).path)
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return f'pip install {editable}"{place}[{extra}]"'
    if "vcs_info" in origin:
        commit = origin["vcs_info"].get("commit_id", "")
        at = f"@{commit}" if commit else ""
        return f'pip install "convscope[{extra}] @ {origin["vcs_info"]["vcs"]}+{url}{at}"'
    return f'pip install "convscope[{extra}]"'
