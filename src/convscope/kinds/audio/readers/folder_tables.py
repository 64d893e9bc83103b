"""The tables that name the recordings of a folder: in it, in a folder of their own, or one for each split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from convscope.data.lines import ControlCharacters
from convscope.data.listing import Listing
from convscope.data.named_files import names_file
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.kinds.audio.readers.endings import SOUNDS, ending_of
from convscope.kinds.audio.readers.places import Places
from convscope.kinds.audio.readers.tables import Named, is_sound_table, named_recordings
from convscope.types import SPLITS, Skipped, SplitName

SEEN = 5
"""Rows of a table whose recordings are looked for."""
_FOLDERS = frozenset(
    ["meta", "metadata", "annotation", "annotations", "label", "labels", "csv", "docs", "info"]
)


@dataclass(frozen=True)
class FolderTables:
    """Tables that name recordings.

    Args:
        root: The folder that holds tables and recordings.
        keys: The tables relative to it, with the split that each is; None where its name says none.
        left_out: Tables beside them that are not read.
    """

    root: Path
    keys: dict[str, SplitName | None]
    left_out: tuple[Skipped, ...] = ()

    @property
    def layout(self) -> str:
        """The names of the tables."""
        return ", ".join(self.keys)

    def rows(
        self,
        aliases: tuple[str, ...] | None,
        decisions: list[str],
        skipped: list[Skipped],
        *,
        column: str | None = None,
        encoding: str | None = None,
        group: str | None = None,
        drop: Sequence[str] = (),
        controls: ControlCharacters | None = None,
    ) -> Iterator[tuple[Named, SplitName | None]]:
        """The rows of all tables with the split of each, as `named_recordings`.

        Args:
            aliases: Usual names of the column of labels or transcripts; None where neither is wanted.
            decisions: Learns what columns were taken for, and where recordings were found.
            skipped: Learns which rows and tables are left out.
            column: The column of labels or transcripts, where the user chose it.
            encoding: As `read_lines`.
            group: The column that says which recordings stay together, where the user chose it.
            drop: Columns that are left out.
            controls: Where control characters are counted.
        """
        skipped += self.left_out
        for key, split in self.keys.items():
            places = Places(self.root, key.rpartition("/")[0])
            for row in named_recordings(
                self.root / key,
                aliases,
                places,
                column=column,
                encoding=encoding,
                group=group,
                drop=drop,
                controls=controls,
                skipped=skipped,
                decisions=decisions,
            ):
                yield row, split or row.split
            decisions += [line for line in places.decisions() if line not in decisions]


def tables_of_file(path: Path) -> FolderTables:
    """A table that the user named; its recordings lie below its folder, or below the one around that."""
    folder = path.parent
    own = folder.name.lower() in _FOLDERS or folder.name.lower().startswith("meta")
    if own and not _holds_sounds(folder) and not _finds(folder, path.name):
        return FolderTables(folder.parent, {f"{folder.name}/{path.name}": None})
    return FolderTables(folder, {path.name: None})


def tables_of_folder(root: Path, aliases: tuple[str, ...] | None = None) -> FolderTables | None:
    """The tables of recordings in a folder, or else in the folders right below; None where there are none.

    Args:
        root: The folder.
        aliases: Usual names of a column that each has to have besides; None where none is wanted.

    Raises:
        DataError: There are several, and it is not clear which to take.
    """
    listing = Listing(str(root))
    folders, files = listing.children("")
    tables = [key for key in files if is_sound_table(root / key, aliases)]
    for folder in () if tables else folders:
        tables += [key for key in listing.children(folder)[1] if is_sound_table(root / key, aliases)]
    if len(tables) > 1:
        tables = [key for key in tables if _finds(root, key)] or tables
    if len(tables) < 2:
        return FolderTables(root, dict.fromkeys(tables)) if tables else None
    return _by_split(root, tables)


def _by_split(root: Path, tables: list[str]) -> FolderTables:
    """One table for each split, by their names or those of their folders."""
    named = {key: split_of_path(key) for key in tables}
    for split in SPLITS:
        same = [key for key in tables if named[key] == split]
        if len(same) > 1:
            raise DataError(
                f"{root}: expected one table for {split}, received {' and '.join(same)}",
                hint="Give the path of one table, with a column split.",
            )
    if "train" not in named.values():
        raise DataError(
            f"{root}: expected one table or one for each split, received {', '.join(tables[:8])}",
            hint="Give the path of one table, or name them train, validation and test.",
        )
    left_out = tuple(
        Skipped(f"{root}/{key}", "its name says none of train, validation and test")
        for key in tables
        if named[key] is None
    )
    return FolderTables(root, {key: split for key, split in named.items() if split is not None}, left_out)


def _finds(root: Path, key: str) -> bool:
    """Whether the recordings of the first rows of a table are there."""
    places = Places(root, key.rpartition("/")[0])
    try:
        rows = list(islice(named_recordings(root / key, None, places), SEEN))
    except DataError:
        return False
    return any(names_file(Path(root, row.key)) for row in rows)


def _holds_sounds(folder: Path) -> bool:
    keys = Listing(str(folder)).files_below("")
    return any(ending_of(key) in SOUNDS for key in keys)
