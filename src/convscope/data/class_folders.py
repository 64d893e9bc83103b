"""Folders whose names are classes, and those that are splits, groups, wrappers or something else."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from convscope.data.listed_labels import by_lists, labels_of_split
from convscope.data.listing import Listing
from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.types import SPLITS, SplitName

_NOT_CLASSES = re.compile(
    r"_.*(noise|background).*_|annotations?|(ground_?truth_?)?masks?|bounding_?boxes|bboxes|segmentations?"
    r"|meta(_?data)?|__pycache__",
    re.I,
)
_VIEWS = re.compile(
    r".*(images?|imgs?|masks?|original|raw|spectro\w*|annotat\w*|segment\w*|gr[ae]y|resized|colou?r"
    r"|augmented|crop\w*)(?![^\W_]).*",
    re.I,
)
_FOLDS = re.compile(r"(.*[-_ .])?(fold|part|batch|chunk|shard|images?|imgs?)[-_ ]?\d+", re.I)
_GROUPS = re.compile(
    r"(fold|part|batch|speaker|spk|actor|subject|subj|sub|patient|person|participant|session|user|site|s|p|id)"
    r"[-_ ]?\d+",
    re.I,
)


@dataclass(frozen=True)
class ClassFiles:
    """The files of class folders.

    Args:
        keys: One file each, relative to the root, sorted within a split.
        labels: The name of the class folder of each.
        splits: The split of each, or None for all.
        layout: One line that says what the folders are.
        groups: The group of each, samples of which must stay on one side of a drawn split; None without.
        decisions: What was taken for what, one line each.
    """

    keys: Sequence[str]
    labels: Sequence[str]
    splits: Sequence[SplitName | None]
    layout: str
    groups: Sequence[str] | None = None
    decisions: tuple[str, ...] = ()


def class_files(listing: Listing, what: str, takes: Callable[[str], bool] = lambda key: True) -> ClassFiles:
    """Finds a folder per class, or `train/ validation/ test/` of such folders, by names and by content.

    A folder that wraps all others is entered. A name such as `seg_train` is that of a split where class
    folders lie in it, and that of a class where samples do, as in its neighbors. Folders of folds or speakers
    with class folders in each are groups. Lists of files such as `validation_list.txt` give the splits.

    Args:
        listing: The folder; learns what is left out.
        what: What the files are, such as "images", for messages.
        takes: Whether a file is one of them by its name; folders without any are no classes.

    Returns:
        At least one file.

    Raises:
        DataError: There are no files in class folders, a folder cannot be read, or the folders can be read in
            two ways; the message says which.
    """
    folders, files = listing.tree()
    tree = _Tree(listing, what, folders, files, tuple(key for key in files if takes(key)))
    top, decisions = tree.unwrapped("")
    names = tree.class_names(top)
    split_by_folder = _split_folders(tree, top, names)
    if split_by_folder:
        found = _of_splits(tree, split_by_folder, [name for name in names if name not in split_by_folder])
    else:
        found = _of_classes(tree, top, names)
    tree.skip_others(top, {*split_by_folder, *names})
    if not found.keys:
        raise tree.nothing()
    found = replace(found, decisions=(*decisions, *found.decisions))
    return found if split_by_folder else by_lists(tree.listing, tree.files, found)


@dataclass
class _Tree:
    """The files of a folder by the folders that they lie in.

    Args:
        listing: The folder.
        what: What the files are.
        folders: All folders, empty ones too.
        files: All files.
        data: Those that are samples by their names.
    """

    listing: Listing
    what: str
    folders: Sequence[str]
    files: Sequence[str]
    data: Sequence[str]
    _direct: dict[str, list[str]] = field(default_factory=dict, init=False)
    _inside: dict[str, list[str]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        filled: set[str] = set()
        for key in self.data:
            folder = key.rpartition("/")[0]
            self._direct.setdefault(folder, []).append(key)
            while folder and folder not in filled:
                filled.add(folder)
                folder = folder.rpartition("/")[0]
        for folder in sorted(filled):
            self._inside.setdefault(folder.rpartition("/")[0], []).append(folder)

    def inside(self, folder: str) -> list[str]:
        """The folders right in a folder that hold samples at any depth."""
        return self._inside.get(folder, [])

    def direct(self, folder: str) -> list[str]:
        """The samples right in a folder."""
        return self._direct.get(folder, [])

    def below(self, folder: str) -> Sequence[str]:
        """The samples in a folder at any depth, sorted."""
        return _below(self.data, folder)

    def class_names(self, folder: str) -> list[str]:
        """The folders right in a folder that hold samples, and whose names may be those of classes."""
        return [each for each in self.inside(folder) if not _NOT_CLASSES.fullmatch(_name(each))]

    def unwrapped(self, folder: str) -> tuple[str, list[str]]:
        """The folder that a folder wraps alone, at any depth, and what is reported of it."""
        entered = folder
        while not self.direct(entered) and len(self.class_names(entered)) == 1:
            only = self.class_names(entered)[0]
            if split_of(_name(only)) is not None or not self.inside(only):
                break
            entered = only
        lines = [f"folder: {entered}/, the only one with {self.what}"] if entered != folder else []
        return entered, lines

    def within_split(self, folder: str, split: SplitName) -> str:
        """The folder of the class folders of a split, which may be wrapped: `seg_train/seg_train/`."""
        while not self.direct(folder) and len(self.class_names(folder)) == 1:
            only = self.class_names(folder)[0]
            if split_of(_name(only)) != split and not self.class_names(only):
                break
            folder = only
        return folder

    def skip_others(self, top: str, taken: set[str]) -> None:
        """Lists what lies beside the folders that are read."""
        for folder in self.folders:
            parent = folder.rpartition("/")[0]
            if folder in taken or (parent and not (top == parent or top.startswith(f"{parent}/"))):
                continue
            if folder == top or top.startswith(f"{folder}/"):
                continue
            self.listing.skip(folder, self.why_no_class(folder))
        for key in self.files:
            parent = key.rpartition("/")[0]
            if parent == top or top.startswith(f"{parent}/") or not parent:
                self.listing.skip(key, "a file next to the class folders")

    def why_no_class(self, folder: str) -> str:
        """Why a folder is left out."""
        if self.below(folder):
            return "a folder that is no class by its name"
        return (
            f"a folder without {self.what}" if _below(self.files, folder) else "a class folder without files"
        )

    def skip_strays(self, folders: Sequence[str]) -> None:
        """Lists what lies in class folders and is something else by its name."""
        for folder in folders:
            data = set(self.below(folder))
            for key in _below(self.files, folder):
                if key not in data:
                    self.listing.skip(key, f"its name is not that of one of the {self.what}")

    def nothing(self) -> DataError:
        """That there are no class folders with samples."""
        received = "an empty folder"
        if self.folders or self.files:
            folders = sum("/" not in folder for folder in self.folders)
            loose = sum("/" not in key for key in self.files)
            received = f"{folders} folders and {loose} files without {self.what} in a class folder"
        return DataError(
            f"{self.listing.root}: expected class folders with {self.what} in them, received {received}",
            hint=f"Put the {self.what} of each class into a folder that is named after the class.",
        )

    def doubt(self, names: Sequence[str], first: str, second: str, hint: str) -> DataError:
        """That folders can be read in two ways."""
        listed = ", ".join(f"{name}/" for name in names[:8])
        return DataError(f"{self.listing.root}: {listed} can be {first}, or {second}", hint=hint)


def _split_folders(tree: _Tree, top: str, names: Sequence[str]) -> dict[str, SplitName]:
    """The folders that are splits by their names and their content; none where they are classes."""
    named = {folder: split for folder in names if (split := split_of(_name(folder))) is not None}
    if not named:
        return {}
    filled = _with_classes(tree, named)
    others = [folder for folder in names if folder not in named]
    apart = [folder for folder in others if tree.direct(folder) and not tree.inside(folder)]
    if filled and not (len(named) == 1 and len(apart) > 1):
        return _one_for_each(tree, named, filled)
    if len(set(named.values())) > 1 or (len(named) > 0 and filled):
        raise tree.doubt(
            [*named, *others],
            f"splits whose {tree.what} have no class folders",
            "classes",
            f"Put class folders into each split, give a table of {tree.what} with labels and splits, or"
            " rename the folders if they are classes.",
        )
    return {}


def _with_classes(tree: _Tree, named: dict[str, SplitName]) -> set[str]:
    """The splits with class folders in them: one folder alone must be a class of the others, too."""
    inside = {
        each: {_name(name) for name in tree.class_names(tree.within_split(each, split))}
        for each, split in named.items()
    }
    several = set().union(*(names for names in inside.values() if len(names) > 1))
    alone_is_class = [each for each, names in inside.items() if not several or names <= several]
    return {each for each, names in inside.items() if len(names) > 1 or (names and each in alone_is_class)}


def _one_for_each(tree: _Tree, named: dict[str, SplitName], filled: set[str]) -> dict[str, SplitName]:
    """One folder for each split: the one with class folders where there are several."""
    chosen: dict[str, SplitName] = {}
    for split in SPLITS:
        same = [folder for folder, of in named.items() if of == split]
        with_classes = [folder for folder in same if folder in filled]
        if len(with_classes) > 1:
            received = " and ".join(with_classes)
            raise DataError(
                f"{tree.listing.root}: expected one folder for {split}, received {received}",
                hint="Move one of them elsewhere, or rename it.",
            )
        chosen |= dict.fromkeys(with_classes, split)
    return chosen


def _of_splits(tree: _Tree, split_by_folder: dict[str, SplitName], beside: Sequence[str]) -> ClassFiles:
    keys: list[str] = []
    labels: list[str] = []
    splits: list[SplitName | None] = []
    entered = []
    said = []
    for folder, split in split_by_folder.items():
        inner = tree.within_split(folder, split)
        entered += [inner] if inner != folder else []
        classes = tree.class_names(inner)
        _skip_beside(tree, folder, inner, classes)
        for each in classes:
            files = tree.below(each)
            keys += files
            labels += [_name(each)] * len(files)
            splits += [split] * len(files)
    given = dict.fromkeys(split_by_folder)
    for folder in beside:
        split_beside = split_of(_name(folder))
        if split_beside is None or len(tree.class_names(folder)) > 1:
            tree.listing.skip(folder, "a folder next to train/")
            continue
        files = tree.below(folder)
        named, by = labels_of_split(tree.listing, folder, tree.files, files, set(labels))
        if named and split_beside not in split_by_folder.values():
            keys += named
            labels += named.values()
            splits += [split_beside] * len(named)
            said.append(f"labels of {folder}/: by {by}, which names {len(named)} {tree.what}")
            given[folder] = None
            continue
        reason = f"{len(files)} {tree.what} without class folders: no labels"
        tree.listing.skip(folder, reason)
        said.append(f"left out: {folder}/, {reason}")
    shown = ", ".join(f"{folder}/" for folder in given)
    layout = f"folders {shown} with {len(set(labels))} class folders"
    said += [f"folder: {inner}/ is entered for its class folders" for inner in entered]
    return ClassFiles(keys, labels, splits, layout, decisions=tuple(said))


def _skip_beside(tree: _Tree, folder: str, inner: str, classes: Sequence[str]) -> None:
    """Lists what lies in a split beside its class folders."""
    for key in tree.files:
        if key.rpartition("/")[0] in (folder, inner):
            tree.listing.skip(key, "a file next to the class folders")
    for each in tree.folders:
        if each.rpartition("/")[0] == inner and each not in classes:
            tree.listing.skip(each, tree.why_no_class(each))
    tree.skip_strays(classes)


def _of_classes(tree: _Tree, top: str, names: Sequence[str]) -> ClassFiles:
    inner = {name: {_name(each) for each in tree.class_names(name)} for name in names}
    nested = len(names) > 1 and all(inner.values()) and not any(tree.direct(name) for name in names)
    shared = sorted(
        name
        for name, count in Counter(each for found in inner.values() for each in found).items()
        if count > 1
        and not PurePosixPath(name).suffix[1:].isalpha()  # such as a.zarr, which is one file to us
    )
    splits_inside = [split_of(each) for found in inner.values() for each in found]
    if nested and "train" in splits_inside and all(splits_inside):
        return _of_classes_of_splits(tree, names)
    grouped = len(names) > 1 and all(_GROUPS.fullmatch(_name(name)) for name in names)
    if nested and len(shared) > 1 and grouped:
        return _of_groups(tree, names)
    if nested and len(shared) > 1 and all(_VIEWS.fullmatch(_name(name)) for name in names):
        raise tree.doubt(
            names,
            "the classes",
            f"copies of one data set in several forms, with the classes {', '.join(shared[:5])} in each",
            f"Give the path of one of them, such as {tree.listing.root}/{names[0]}.",
        )
    if names and all(_FOLDS.fullmatch(_name(name)) for name in names):
        raise DataError(
            f"{tree.listing.root}: expected class folders, received {', '.join(map(_name, names[:5]))}, which"
            f" are folds with {tree.what} and no class folders",
            hint=f"Give the path of the table with the labels of the {tree.what}{_tables_of(tree)}.",
        )
    keys: list[str] = []
    labels: list[str] = []
    for name in names:
        files = tree.below(name)
        keys += files
        labels += [_name(name)] * len(files)
    tree.skip_strays(names)
    decisions = []
    if len(shared) > 1:
        decisions.append(
            f"classes: the outer folders, {_few(names)}; those in them ({_few(shared)}) are not told apart;"
            f" --group '^{top and top + '/'}[^/]+/([^/]+)/' keeps {tree.what} of one in one split"
        )
    elif grouped:
        decisions.append(f"classes: the folders {_few(names)}, though they are numbered as groups are")
    named_split = [name for name in names if split_of(_name(name))]
    if named_split and len(names) > 1:
        decisions.append(f"classes: {_few(named_split)} too, because the folders beside are none of splits")
    layout = f"folder per class: {len(set(labels))} class folders"
    return ClassFiles(keys, labels, [None] * len(keys), layout, decisions=tuple(decisions))


def _of_classes_of_splits(tree: _Tree, names: Sequence[str]) -> ClassFiles:
    """A folder per class with `train/`, `test/` and so on in each."""
    inner = [(name, each) for name in names for each in tree.class_names(name)]
    of_key = {key: (_name(name), split_of(_name(each))) for name, each in inner for key in tree.below(each)}
    tree.skip_strays(names)
    layout = f"folder per class with folders of splits in each: {len(names)} class folders"
    keys = sorted(of_key)
    return ClassFiles(keys, [of_key[key][0] for key in keys], [of_key[key][1] for key in keys], layout)


def _of_groups(tree: _Tree, names: Sequence[str]) -> ClassFiles:
    """Folders of folds, speakers or the like with class folders in each."""
    inner = [(name, each) for name in names for each in tree.class_names(name)]
    of_key = {key: (_name(each), _name(name)) for name, each in inner for key in tree.below(each)}
    labels, groups = [label for label, _ in of_key.values()], [group for _, group in of_key.values()]
    tree.skip_strays(names)
    said = f"groups: {_few(names)}, because the same class folders lie in each"
    layout = f"folders of {len(names)} groups with {len(set(labels))} class folders"
    return ClassFiles([*of_key], labels, [None] * len(labels), layout, groups, (said,))


def _tables_of(tree: _Tree) -> str:
    tables = [key for key in tree.files if key.lower().endswith((".csv", ".tsv"))]
    return f", such as {tree.listing.root}/{tables[0]}" if tables else ""


def _below(keys: Sequence[str], folder: str) -> Sequence[str]:
    """Those of some sorted keys that lie in a folder at any depth."""
    if not folder:
        return keys
    return keys[bisect_left(keys, f"{folder}/") : bisect_left(keys, f"{folder}0")]  # 0 comes after /


def _name(folder: str) -> str:
    return folder.rpartition("/")[2]


def _few(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(map(_name, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
