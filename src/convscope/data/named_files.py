"""Files that are named: by people, with folders and patterns, or by tables, which stay in their folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from convscope.data.listing import Listing, is_inside
from convscope.errors import DataError
from convscope.types import Skipped

STANDARD_INPUT = "-"
"""The input that is read from standard input."""


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; else it is a file.

    Raises:
        DataError: Nothing is there, or it cannot be looked at.
    """
    try:
        folder, file = path.is_dir(), path.is_file()
    except (OSError, ValueError) as error:  # too long for a path, or holds a NUL character
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not folder and not file:
        raise DataError(f"{path}: there is no such file or folder", hint="Check the spelling of the path.")
    return folder


def names_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is there; no path that data names, however long, is an exception."""
    return os.path.isfile(path)  # noqa: PTH113 - False for what is too long or holds a NUL character


def check_regular(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Refuses named pipes, devices and links that end nowhere, of which reading might never end.

    Args:
        paths: Inputs as they were given; what is not there, such as a pattern or a text, is passed over.

    Raises:
        DataError: One is neither a file nor a folder.
    """
    for path in paths:
        if os.path.lexists(path) and not (os.path.isfile(path) or os.path.isdir(path)):  # noqa: PTH112, PTH113
            dead = os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114
            what = "a link that leads nowhere" if dead else "a pipe or device"
            raise DataError(
                f"{path}: expected a file or folder, received {what}",
                hint="" if dead else "Write its content to a file and give that.",
            )


def files_of(
    path: str,
    skipped: list[Skipped],
    takes: Callable[[str], bool] = lambda key: True,
    reason: str = "",
) -> list[str]:
    """The files that a path stands for.

    Args:
        path: A file, a folder (read at any depth) or a pattern such as `scans/*.png` or `scans/**/*.png`.
            What exists under a name is never taken for a pattern.
        skipped: Learns what was left out of folders.
        takes: Whether a file of a folder, by its key, is one of those that are wanted.
        reason: Why the others are left out.

    Returns:
        Paths of files, those of folders and patterns sorted.

    Raises:
        DataError: The path does not exist or cannot be read, or a pattern matches nothing.
    """
    place = Path(path)
    try:
        if path and place.is_dir():
            listing = Listing(path)
            keys = listing.files_that(takes, reason)
            skipped += listing.skipped
            return [str(place / key) for key in keys]
        if path and (place.exists() or place.is_symlink()):
            return [path]
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - knows absolute patterns
    except (OSError, ValueError) as error:  # too long for a path, or holds a NUL character
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path[:80]!r}: cannot be read ({reason})") from error
    if not glob.has_magic(path):
        raise DataError(
            f"{path or 'an empty input'}: there is no such file or folder",
            hint="Check the spelling of the path.",
        )
    if not matches:
        raise DataError(f"{path}: the pattern matches no file", hint="Check the folder of the pattern.")
    if "**" in path:
        matches = [match for match in matches if not Path(match).is_dir()]
    return [file for match in matches for file in files_of(match, skipped, takes, reason)]


def joined_paths(path: str) -> list[str]:
    """The files that a path names: one, or several that commas join, as `left.png,right.png`.

    What exists under the whole name is never taken apart, nor what holds no comma.
    """
    parts = [part.strip() for part in path.split(",")]
    whole = len(parts) == 1 or os.path.lexists(path)
    return [path] if whole or not all(map(names_file, parts)) else parts


def nothing_in(inputs: Iterable[object], what: str, skipped: Sequence[Skipped]) -> DataError:
    """The error that says that no input holds what is expected, with the first of what was left out."""
    where = ", ".join(map(str, inputs))
    if not where:
        return DataError(f"expected {what}, received no inputs")
    examples = "; ".join(f"{bad.path}: {bad.reason}" for bad in skipped[:3])
    left_out = f" ({len(skipped)} left out: {examples})" if skipped else ""
    hint = "Check that the files were copied completely and are what their names say." if skipped else ""
    return DataError(f"{where}: expected {what}, received none{left_out}", hint)


def checked_path(where: str, raw: str, folder: Path) -> str:
    """A path of a table, relative to the folder that the table lies in.

    Args:
        where: The file and line, for messages.
        raw: The path as it stands there: relative to the folder, or a whole path below it.
        folder: That of the table.

    Returns:
        The path without `.` and `..`.

    Raises:
        DataError: It leaves the folder, or is no path.
    """
    key = os.path.normpath(raw) if raw else ""
    around = os.path.abspath(folder)  # noqa: PTH100 - keeps links
    if Path(key).is_absolute() and is_inside(key, around):
        key = os.path.relpath(key, around)
    escapes = key == ".." or key.startswith(("../", "..\\")) or Path(key).is_absolute() or key[1:2] == ":"
    if escapes or not key.isprintable() or key in ("", "."):
        raise DataError(
            f"{where}: expected a path below the folder of the table, received {raw!r}",
            hint="Move the table next to the files, and write paths relative to it.",
        )
    return key


class Inside:
    """Tells whether a file, its links followed, lies below a folder; remembers the folders it has seen.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._known: dict[str, bool] = {}

    def __call__(self, key: str) -> bool:
        """Whether this file, named relative to the folder, lies below it."""
        parent, _, _ = key.rpartition("/")
        if parent not in self._known:
            self._known[parent] = is_inside(os.path.realpath(self._root / parent), self._real_root)
        file = self._root / key
        linked = os.path.islink(file)  # noqa: PTH114 - False too for what is too long to be a name
        return self._known[parent] and (not linked or is_inside(os.path.realpath(file), self._real_root))
