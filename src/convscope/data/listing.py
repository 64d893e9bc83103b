"""What lies in a folder, as far as links may be followed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.types import Skipped

_IGNORED = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})


@dataclass
class Listing:
    """The images and folders below a root, as far as links may be followed.

    Args:
        root: The folder; nothing outside of it is read.
        skipped: What was left out, in the order in which it was met.
    """

    root: str
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._real_root = os.path.realpath(self.root)

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """The folders and the files right below a folder, sorted, as keys relative to the root.

        Args:
            folder: Relative to the root; empty for the root itself.

        Returns:
            Keys of folders, keys of files.

        Raises:
            DataError: The folder cannot be read.
        """
        folders: list[str] = []
        files: list[str] = []
        path = self._path(folder)
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if not is_ignored(entry.name):
                        self._sort_in(entry, f"{folder}/{entry.name}".lstrip("/"), folders, files)
        except OSError as error:
            raise DataError(
                f"{path}: the folder cannot be read ({error.strerror})", hint="Check its permissions."
            ) from error
        return sorted(folders), sorted(files)

    def files_below(self, folder: str) -> list[str]:
        """All files below a folder at any depth, sorted, as keys relative to the root."""
        return self._below(folder)[1]

    def tree(self) -> tuple[list[str], list[str]]:
        """All folders and all files at any depth, each sorted, as keys relative to the root."""
        tops, found = self.children("")
        within = list(tops)
        for top in tops:  # each on its own: two may hold links to the same folder
            folders, files = self._below(top)
            within += folders
            found += files
        return sorted(within), sorted(found)

    def _below(self, folder: str) -> tuple[list[str], list[str]]:
        within: list[str] = []
        found: list[str] = []
        waiting = [folder]
        seen: set[str] = set()
        while waiting:
            current = waiting.pop()
            real = os.path.realpath(self._path(current))
            if real in seen:
                self.skip(current, "a link to a folder that was already read")
                continue
            seen.add(real)
            folders, files = self.children(current)
            waiting.extend(reversed(folders))
            within.extend(folders)
            found.extend(files)
        return sorted(within), sorted(found)

    def files_that(self, takes: Callable[[str], bool], reason: str) -> list[str]:
        """The files at any depth, sorted, whose keys are taken; the others are listed as left out."""
        found = []
        for key in self.files_below(""):
            if takes(key):
                found.append(key)
            else:
                self.skip(key, reason)
        return found

    def skip(self, key: str, reason: str) -> None:
        """Lists something as left out."""
        self.skipped.append(Skipped(self._path(key), reason))

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}" if key else self.root

    def _sort_in(self, entry: os.DirEntry[str], key: str, folders: list[str], files: list[str]) -> None:
        if not _is_text(entry.name):
            shown = os.fsencode(key).decode("utf-8", "replace")
            self.skip(shown, "the name is not UTF-8")
            return
        reason = self._why_not_follow(entry.path) if entry.is_symlink() else ""
        if reason:
            self.skip(key, reason)
        elif entry.is_dir():
            folders.append(key)
        elif entry.is_file():
            files.append(key)
        else:
            self.skip(key, "not a regular file")

    def _why_not_follow(self, link: str) -> str:
        target = os.path.realpath(link)
        if not is_inside(target, self._real_root):
            return "a link that leaves the folder"
        if not Path(link).exists():  # a link to itself, too
            return "a broken link"
        parent = os.path.realpath(Path(link).parent)
        return "a link to a folder that contains it" if is_inside(parent, target) else ""


def is_ignored(name: str) -> bool:
    """True of what file managers and archivers leave behind, and of hidden files."""
    return name.startswith(".") or name in _IGNORED


def is_inside(path: str, folder: str) -> bool:
    """True where a real path is a folder or lies below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def parquet_shards(folder: Path) -> list[str]:
    """Parquet files in a folder, its `data/`, or its split folders, sorted, relative to the folder."""
    listing = Listing(str(folder))
    folders, files = listing.children("")
    for name in folders:
        if name == "data" or split_of(name):
            files += listing.children(name)[1]
    return sorted(key for key in files if key.lower().endswith((".parquet", ".pq")))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
