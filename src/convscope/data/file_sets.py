"""Files that belong together: their names differ in a word for the split, as `sst.train` and `sst.test`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.listing import Listing, parquet_shards
from convscope.data.named_files import is_folder
from convscope.data.split_names import parted, split_of_path
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.types import SPLITS, Skipped, SplitName

_ABOUT = re.compile(
    r"(readme|licen[cs]e|copying|changelog|citation|authors|dataset_infos?|vocab)([._-].*)?", re.I
)
_OTHER_KINDS = re.compile(
    r".*\.(md|rst|html?|pdf|docx?|py|sh|yaml|yml|xml|zip|tar|tgz|npz|vec|png|jpe?g)", re.I
)


@dataclass(frozen=True)
class FileSet:
    """Files that are read as one.

    Args:
        root: Their folder.
        keys: Relative to it: those of train first, then validation, then test.
        splits: The split of each; None for all where the names do not say it.
        skipped: Files and folders beside them.
    """

    root: Path
    keys: tuple[str, ...]
    splits: tuple[SplitName | None, ...]
    skipped: tuple[Skipped, ...] = ()

    def decisions(self) -> list[str]:
        """That the splits follow from the names of the files, where they do."""
        if len(self.keys) < 2 or len(self.keys) != len(set(self.splits)):
            return []
        said = (f"{key} is {split}" for key, split in zip(self.keys, self.splits, strict=True))
        return [f"splits: by the names of the files: {', '.join(said)}"]

    def layout(self, forms: Iterable[str]) -> str:
        """One line of how the files are written and what they are called."""
        more = f" and {len(self.keys) - 5} more" if len(self.keys) > 5 else ""
        return f"{'; '.join(forms)}: {', '.join(self.keys[:5])}{more}"


def set_at(
    path: Path, what: str, preferred: Callable[[Path], FileSet | None] = lambda folder: None
) -> FileSet | None:
    """The files that a path stands for, or None where a folder has folders to look into.

    Args:
        path: A folder, a file, or what the names of the files of one data set begin with.
        what: What the files hold, for messages.
        preferred: The set that is taken from a folder of several; None where there is none.

    Raises:
        DataError: Nothing is there, it cannot be read, or there are several sets.
    """
    try:
        # A device or a pipe that is there is not the beginning of other files' names.
        of_prefix = None if path.exists() else set_of_prefix(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if of_prefix is not None:
        return of_prefix
    return preferred(path) or set_of_folder(path, what) if is_folder(path) else set_of_file(path)


def set_of_file(path: Path) -> FileSet:
    """A file and those beside it whose names differ in nothing but the split; or the file alone.

    Raises:
        DataError: The folder cannot be read, or two files of the set are of one split.
    """
    name, _ = parted(path.name)
    same = _sets(_files(path.parent)).get(name, [])
    if path.name not in same or len({parted(key)[1] for key in same}) < 2:
        return FileSet(path.parent, (path.name,), (None,))
    return _file_set(path.parent, same)


def set_of_prefix(prefix: Path) -> FileSet | None:
    """The set whose files' names begin so, as `sst.` of `sst.train` and `sst.test`; None where there is none.

    Raises:
        DataError: There are several; the message lists them.
    """
    if not prefix.parent.is_dir() or not prefix.name:
        return None
    begin = re.compile(re.escape(prefix.name) + r"($|[-_. ])")
    sets = {name: keys for name, keys in _sets(_files(prefix.parent)).items() if begin.match(name)}
    return _only(prefix, prefix.parent, sets) if sets else None


def set_of_folder(folder: Path, what: str = "texts") -> FileSet | None:
    """The one set in a folder, or its one file of data; None where there are folders to look into instead.

    Args:
        folder: The folder.
        what: What the files hold, for messages.

    Raises:
        DataError: There are several sets, or several files that are no set; the message lists them.
    """
    shards = parquet_shards(folder)
    if len(shards) > 1 or any("/" in key for key in shards):
        splits = {key: split_of_path(key) for key in shards}
        return FileSet(folder, tuple(shards), tuple(splits[key] for key in shards))
    listing = Listing(str(folder))
    folders, files = listing.children("")
    data = [key for key in files if not _ABOUT.fullmatch(key) and not _OTHER_KINDS.fullmatch(key)]
    sets = {name: keys for name, keys in _sets(data).items() if _has_train(keys)}
    if sets:
        chosen = _only(folder, folder, sets)
    elif folders:
        return None
    else:
        tables = [key for key in data if table_kind(Path(key))]
        only = tables if len(tables) == 1 else data
        if len(only) != 1:
            received = ", ".join(data[:20]) or "none"
            raise DataError(
                f"{folder}: expected one file of {what}, files such as train.csv and test.csv, or a folder"
                f" per class, received {received}",
                hint="Give the path of the file itself.",
            )
        chosen = FileSet(folder, (only[0],), (None,))
    beside = [key for key in (*folders, *files) if key not in chosen.keys]
    for key in beside:
        listing.skip(key, "not one of the files that are read")
    return FileSet(chosen.root, chosen.keys, chosen.splits, tuple(listing.skipped))


def _files(folder: Path) -> list[str]:
    return Listing(str(folder)).children("")[1]


def _sets(keys: Sequence[str]) -> dict[str, list[str]]:
    sets: dict[str, list[str]] = {}
    for key in keys:
        name, split = parted(key)
        if split is not None:
            sets.setdefault(name, []).append(key)
    return sets


def _has_train(keys: Sequence[str]) -> bool:
    return any(parted(key)[1] == "train" for key in keys)


def _only(path: Path, root: Path, sets: dict[str, list[str]]) -> FileSet:
    if len(sets) > 1:
        raise DataError(
            f"{path}: expected the files of one data set, received {', '.join(sorted(sets))}",
            hint="Give the path of one of the files.",
        )
    return _file_set(root, next(iter(sets.values())))


def _file_set(root: Path, keys: Sequence[str]) -> FileSet:
    """The files in the order of their splits."""
    splits = {key: parted(key)[1] for key in keys}
    chosen = [key for split in SPLITS for key in keys if splits[key] == split]
    for split in SPLITS:
        same = [key for key in chosen if splits[key] == split]
        if len(same) > 1:
            raise DataError(
                f"{root}: expected one file for {split}, received {' and '.join(same)}",
                hint="Move or rename one of them.",
            )
    return FileSet(root, tuple(chosen), tuple(splits[key] for key in chosen))
