"""Tables that name images: CSV, TSV, JSON Lines and Parquet, beside the images or in a folder near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from convscope.data.assembly import Found
from convscope.data.columns import PATH_COLUMNS, split_name
from convscope.data.file_index import FileIndex
from convscope.data.labels import SeveralLabelsError
from convscope.data.listing import Listing
from convscope.data.named_files import Inside, checked_path, names_file
from convscope.data.split_names import split_of, split_of_path
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError, UsageError
from convscope.kinds.image.readers.decode import Levels
from convscope.kinds.image.readers.names import folders_near, is_image_name, is_to_be_filled_in, may_be_image
from convscope.kinds.image.readers.roles import ImageRoles, check_single, class_of, find_roles
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress, Skipped, SplitName

"""Tables of answers that are to be filled in."""

UNLABELED = "a table of images without labels"
BESIDE = "a table beside those of the splits"


@dataclass(frozen=True)
class TableOptions:
    """Options that the user gave for a table.

    Args:
        label: The column of labels.
        group: The column of groups, or a pattern of paths.
        labels: Whether labels are wanted at all.
        intensity_range: What values of more than 8 bits become black and white.
        encoding: Of text; detected by default.
        drop: Columns that are left out.
        pattern: Of names of files that say the labels.
    """

    label: str | None = None
    group: str | None = None
    labels: bool = True
    intensity_range: Levels | None = None
    encoding: str | None = None
    drop: tuple[str, ...] = ()
    pattern: str | None = None


@dataclass
class ImageRows:
    """The images that the rows of some tables name, before they are scanned."""

    keys: list[str] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decisions: dict[str, None] = field(default_factory=dict)
    looked_up: str = ""
    grouped_by: str = ""


NOTHING = TableOptions()
"""No option was given."""


class ImageTable:
    """A table that names images, and where they are.

    Args:
        path: The table. Its images lie in its folder at any depth, or else in `images/` or the like beside.
        asked: Options that the user gave.
    """

    def __init__(self, path: Path, asked: TableOptions = NOTHING) -> None:
        kind = table_kind(path)
        if kind is None:
            raise DataError(f"{path}: expected a table, received '{path.suffix or path.name}'")
        self.path = path
        self._asked = asked
        wanted = () if asked.label is None else (asked.label,)
        self.table: Table = open_table(
            path,
            kind,
            encoding=asked.encoding,
            roles=(PATH_COLUMNS,),
            wanted=wanted,
            drop=asked.drop,
            strict=asked.labels,
        )

    @cached_property
    def root(self) -> Path:
        """The folder that images are looked for in."""
        folder = self.path.parent
        return folder.parent if folders_near(folder) and not _images_of(folder) else folder

    @cached_property
    def roles(self) -> ImageRoles:
        """What its columns hold."""
        return find_roles(
            self.table, lambda cell: self.find(cell) is not None, self._asked.label, self._asked.group
        )

    @cached_property
    def _index(self) -> FileIndex:
        stem, split = self.path.name.partition(".")[0], split_of(self.path.name.partition(".")[0])

        def prefers(key: str) -> bool:
            folders = key.split("/")[:-1]
            return stem in folders or (split is not None and any(split_of(each) == split for each in folders))

        near = [] if self.root == self.path.parent else folders_near(self.path.parent)
        found = [f"{each.name}/{key}" for each in near for key in _images_of(each)]
        return FileIndex(found or _images_of(self.root), prefers)

    def find(self, cell: str) -> str | None:
        """The image that a cell names, relative to `root`; None where there is none."""
        return self._index.find(cell)

    def read_into(self, rows: ImageRows, key: str, split: SplitName | None) -> None:
        """Adds the images of the table, with the split that its name says."""
        roles, table = self.roles, self.table
        inside = Inside(self.root)
        more = [name for name in (roles.split, roles.group) if name is not None]
        labels = [roles.label] if roles.label else list(roles.one_hot)
        names = None if roles.label is None else table.class_names(roles.label)
        for number, (cell, *cells) in table.rows([roles.path, *labels, *more]):
            where = table.where(number)
            if not isinstance(cell, str | int):
                raise DataError(f"{where}: expected a path as text, received {type(cell).__name__}")
            if roles.votes and not str(cell).strip():
                rows.skipped.append(Skipped(where, "it names no image"))
                continue
            file = self._file(where, str(cell).strip(), rows)
            if not inside(file):
                rows.skipped.append(Skipped(str(self.root / file), "a link that leaves the folder"))
                continue
            rest = dict(zip(more, cells[len(labels) :], strict=True))
            rows.keys.append(file)
            rows.labels.append(
                self._label(where, cells[: len(labels)], names) if self._asked.labels else None
            )
            rows.splits.append(
                split_name(where, str(rest[roles.split] or "")) if roles.split is not None else split
            )
            rows.groups.append(str(rest[roles.group]) if roles.group and rest[roles.group] else None)
        rows.decisions |= dict.fromkeys(table.decisions)
        if roles.votes:
            undecided = sum(label is None for label in rows.labels)
            rows.decisions[
                "labels: the class of most votes;"
                f" {undecided} images have as many of several classes, or most for none"
            ] = None
        rows.decisions[roles.line() if not key else f"{key}: {roles.line()}"] = None
        rows.grouped_by = f"column {roles.group!r}" if roles.group else rows.grouped_by

    def _file(self, where: str, cell: str, rows: ImageRows) -> str:
        """The image that a cell names, relative to the root."""
        plain = bool(cell) and names_file(self.root / cell)
        if self.root == self.path.parent and (plain or is_image_name(cell)):
            key = checked_path(where, cell, self.root)
            if plain:
                return key
        found = self.find(cell)
        if found is None and self._index.is_shared(cell):
            raise DataError(
                f"{where}: several images are called {cell}",
                hint="Write their folders in front of the names.",
            )
        if found is None:
            return checked_path(where, cell, self.root)
        rows.looked_up = rows.looked_up or f"paths: found by their names, such as {cell} as {found}"
        return found

    def _label(self, where: str, cells: Sequence[object], names: Sequence[str] | None) -> str | None:
        if self.roles.one_hot:
            return class_of(where, self.roles, cells)
        label = cells[0] if cells else None
        if isinstance(label, float) and label.is_integer():
            label = int(label)
        if (
            isinstance(label, int)
            and not isinstance(label, bool)
            and names is not None
            and 0 <= label < len(names)
        ):
            return names[label]
        if not isinstance(label, str | int | float | None):
            raise DataError(f"{where}: expected a label, received {type(label).__name__}")
        text = "" if label is None or str(label) == "nan" else str(label).strip()
        check_single(where, text)
        return text or None


def read_manifests(
    root: Path, tables: Sequence[Path], progress: Progress, asked: TableOptions = NOTHING
) -> Found:
    """Reads the images that tables name, of which several are one data set, such as one for each split.

    Paths are relative to the folder of the table, or names of images below it, with or without ending, and
    must stay in it.

    Args:
        root: What was read, for messages.
        tables: CSV, TSV, JSON Lines or Parquet files.
        progress: Receives the number of images scanned.
        asked: Options that the user gave.

    Returns:
        The images, in the order of the tables; label None where there is none.

    Raises:
        DataError: A column, path, label or split is missing or malformed; the message names the line.
    """
    manifests = [ImageTable(path, asked) for path in tables]
    base = manifests[0].root if len(tables) == 1 else root
    rows = _rows_of(root, base, manifests)
    _check_rows(root, base, manifests, rows, asked)
    _no_label_is_minus_one(rows)
    _splits_of_folders(rows)
    named = ", ".join(path.name for path in tables)
    said = [*rows.decisions, *([rows.looked_up] if rows.looked_up else [])]
    return scan_to_found(
        unscanned_files(str(base), rows.keys),
        where=str(root if len(tables) > 1 else tables[0]),
        layout=f"manifest: {named} names {len(rows.keys)} files",
        labels=rows.labels,
        splits=rows.splits,
        skipped=rows.skipped,
        progress=progress,
        groups=rows.groups if rows.grouped_by else None,
        grouped_by=rows.grouped_by,
        decisions=said,
        intensity_range=asked.intensity_range,
    )


def _check_rows(
    root: Path, base: Path, manifests: Sequence[ImageTable], rows: ImageRows, asked: TableOptions
) -> None:
    """Refuses tables that name no images, or no labels where these are wanted."""
    if manifests[0].roles.votes and not any(names_file(base / key) for key in rows.keys):
        raise DataError(
            f"{manifests[0].path}: expected the images beside it that it names with votes, received none",
            hint="The votes of FER+ belong to the rows of fer2013.csv, in the same order: old ="
            " pandas.read_csv('fer2013.csv'); new = pandas.read_csv('fer2013new.csv');"
            " old['emotion'] = new.iloc[:, 2:10].idxmax(axis=1);"
            " old.to_csv('ferplus.csv', index=False). Then give ferplus.csv.",
        )
    if not rows.keys:
        raise DataError(f"{root}: expected rows that name images, received none")
    labeled = [manifest for manifest in manifests if manifest.roles.labeled]
    if asked.labels and not labeled:
        received = ", ".join(manifests[0].table.columns[:20])
        raise DataError(
            f"{manifests[0].path}: expected a column label, received {received}",
            hint="Name the column label, or give its name: --label-column.",
        )


def _rows_of(root: Path, base: Path, manifests: Sequence[ImageTable]) -> ImageRows:
    """The rows of all tables, with keys relative to one folder; several tables may be named as splits are."""
    rows = ImageRows()
    for manifest in manifests:
        first = len(rows.keys)
        name = manifest.path.relative_to(root).as_posix() if len(manifests) > 1 else ""
        manifest.read_into(rows, name, split_of_path(name) if name else None)
        if manifest.root != base:
            before = manifest.root.relative_to(base).as_posix()
            rows.keys[first:] = [f"{before}/{key}" for key in rows.keys[first:]]
    return rows


def image_tables(folder: Path, asked: TableOptions = NOTHING) -> tuple[list[Path], list[Skipped]]:
    """The tables in a folder, or right in its folders, that name images with labels; and others, left out.

    Raises:
        DataError: Several tables may be meant.
    """
    listing = Listing(str(folder))
    folders, files = listing.children("")
    places = [files, *(listing.children(each)[1] for each in folders)]
    chosen: list[Path] = []
    skipped: list[Skipped] = []
    lacking: list[UsageError] = []
    for place in places:
        for key in place:
            path = folder / key
            if table_kind(path) is None or is_image_name(key):
                continue
            try:
                reason = _why_not(path, asked)
            except UsageError as error:  # a column that the user names may be in another table
                lacking.append(error)
                reason = "a table without a column that was named"
            if reason:
                skipped.append(Skipped(str(path), reason))
            else:
                chosen.append(path)
        if chosen and place is files:
            break
    if lacking and not chosen:
        raise lacking[0]
    splits = [split_of_path(path.relative_to(folder).as_posix()) for path in chosen]
    if "train" in splits and len(set(splits) - {None}) > 1:
        beside = [path for path, split in zip(chosen, splits, strict=True) if split is None]
        skipped += [Skipped(str(path), BESIDE) for path in beside]
        chosen = [path for path in chosen if path not in beside]
        splits = [split for split in splits if split is not None]
    if len(chosen) > 1 and (None in splits or len(set(splits)) != len(splits)):
        raise DataError(
            f"{folder}: expected one table of images, or one for each split, received"
            f" {', '.join(path.relative_to(folder).as_posix() for path in chosen[:10])}",
            hint="Give the path of one table.",
        )
    return chosen, skipped


def _why_not(path: Path, asked: TableOptions) -> str:
    """Why a table is not read; empty where it names images with labels."""
    if is_to_be_filled_in(path):
        return "a table of answers to be filled in"
    try:
        manifest = ImageTable(path, asked)
        roles = manifest.roles
        first = next((str(cells[0]) for _, cells in manifest.table.rows([roles.path])), "")
    except SeveralLabelsError:
        raise
    except DataError as error:
        return f"not a table of images ({error.message.removeprefix(f'{path}: ')})"
    if manifest.find(first) is None and not is_image_name(first):
        return "not a table of images"
    return "" if roles.labeled or not asked.labels else UNLABELED


def _images_of(folder: Path) -> list[str]:
    return [key for key in Listing(str(folder)).files_below("") if may_be_image(key)]


def _no_label_is_minus_one(rows: ImageRows) -> None:
    """Takes -1 for no label where all other labels are whole numbers from 0."""
    others = {label for label in rows.labels if label not in (None, "-1")}
    if "-1" in rows.labels and len(others) > 1 and all(str(label).isdigit() for label in others):
        rows.labels = [None if label == "-1" else label for label in rows.labels]
        rows.decisions["labels: -1 is no label, because all others are from 0"] = None


def _splits_of_folders(rows: ImageRows) -> None:
    """Takes the splits from the folders of the images where each lies in one of a split."""
    if any(split is not None for split in rows.splits):
        return
    named = [split_of_path(key.rpartition("/")[0]) for key in rows.keys]
    if None not in named and len(set(named)) > 1 and "train" in named:
        rows.splits = named
        rows.decisions["splits: by the folders of the images"] = None
