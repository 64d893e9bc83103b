"""What lies in a folder, as far as links may be followed, and which of its folders are splits or classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.types import Skipped, SplitName

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
            found.extend(files)
        return sorted(found)

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


@dataclass(frozen=True)
class ClassFiles:
    """The files of class folders.

    Args:
        keys: One file each, relative to the root, sorted within a split.
        labels: The name of the class folder of each.
        splits: The split of each, or None for all.
        layout: One line that says what the folders are.
    """

    keys: Sequence[str]
    labels: Sequence[str]
    splits: Sequence[SplitName | None]
    layout: str


def class_files(listing: Listing, what: str) -> ClassFiles:
    """Finds a folder per class, or `train/ validation/ test/` of such folders.

    Args:
        listing: The folder; learns what is left out.
        what: What the files are, such as "images", for messages.

    Returns:
        At least one file.

    Raises:
        DataError: There are no files in class folders, or a folder cannot be read.
    """
    folders, loose = listing.children("")
    split_of = _split_folders(listing, folders)
    keys: list[str] = []
    labels: list[str] = []
    splits: list[SplitName | None] = []
    for key in loose:
        listing.skip(key, "a file next to the class folders")
    for parent, split in split_of.items():
        for folder in folders if split is None else _class_folders(listing, parent):
            files = listing.files_below(folder)
            if not files:
                listing.skip(folder, "a class folder without files")
            keys += files
            labels += [folder.rpartition("/")[2]] * len(files)
            splits += [split] * len(files)
    if not keys:
        raise DataError(
            f"{listing.root}: expected class folders with {what} in them,"
            f" received {_contents(folders, loose, what)}",
            hint=f"Put the {what} of each class into a folder that is named after the class.",
        )
    return ClassFiles(keys, labels, splits, _layout(split_of, set(labels)))


def parquet_shards(folder: Path) -> list[str]:
    """Parquet files in a folder, its `data/`, or its split folders, sorted, relative to the folder."""
    listing = Listing(str(folder))
    folders, files = listing.children("")
    for name in folders:
        if name == "data" or split_of(name):
            files += listing.children(name)[1]
    return sorted(key for key in files if key.lower().endswith((".parquet", ".pq")))


def _split_folders(listing: Listing, folders: list[str]) -> dict[str, SplitName | None]:
    """The folders that are splits with their names, or the root alone where the folders are classes."""
    named = {folder: split for folder in folders if (split := split_of(folder)) is not None}
    train = [folder for folder, split in named.items() if split == "train"]
    has_classes = any(listing.children(folder)[0] for folder in train)
    if not (named and len(named) == len(folders)) and not has_classes:
        return {"": None}
    for name in set(named.values()):
        same = [folder for folder, split in named.items() if split == name]
        if len(same) > 1:
            raise DataError(f"{listing.root}: expected one folder for {name}, received {' and '.join(same)}")
    for folder in folders:
        if folder not in named:
            listing.skip(folder, "a folder next to train/")
    return dict(named)


def _class_folders(listing: Listing, split_folder: str) -> list[str]:
    folders, loose = listing.children(split_folder)
    for key in loose:
        listing.skip(key, "a file next to the class folders")
    return folders


def _layout(split_of: dict[str, SplitName | None], classes: set[str]) -> str:
    if None in split_of.values():
        return f"folder per class: {len(classes)} class folders"
    return f"folders {', '.join(f'{folder}/' for folder in split_of)} with {len(classes)} class folders"


def _contents(folders: list[str], files: list[str], what: str) -> str:
    if not folders and not files:
        return "an empty folder"
    return f"{len(folders)} folders and {len(files)} files without {what} in a class folder"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
