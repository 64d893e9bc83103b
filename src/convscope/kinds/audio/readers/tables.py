"""Tables that name recordings: JSON Lines as NeMo writes them, CSV, TSV and Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from convscope.data.columns import (
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    column_of,
    columns_line,
    find_column,
    is_label_name,
    label_name,
    split_name,
)
from convscope.data.groups import group_column
from convscope.data.labels import same_labels, several_labels
from convscope.data.lines import ControlCharacters, clean_text, read_lines
from convscope.data.named_files import Inside
from convscope.data.number_forms import is_number
from convscope.data.tables import PEEKED, Table, TableKind, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.audio.readers.endings import SOUNDS, ending_of
from convscope.kinds.audio.readers.places import PartColumns, Places
from convscope.kinds.audio.readers.recordings import Excerpt, opened_sound
from convscope.types import Skipped, SplitName

SEEN = 20
"""Rows by whose content columns are distinguished."""
_OTHER_FILES = frozenset(
    [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".txt", ".npy", ".csv"]
)
TRANSCRIPTS = ".trans.txt"
"""How LibriSpeech's files of transcripts end: an id and words in each line."""

NAMED_SOUNDS = (
    *("audio_filepath", "audio_path", "audio_file", "audio", "sound", "recording", "wav", "wav_path"),
    *("wav_filename", "wav_file", "clip", "clip_name", "slice_file_name", "sound_file", "audio_filename"),
)
"""What columns are called that can hold nothing but files of recordings."""
SOUND_COLUMNS = (*NAMED_SOUNDS, *PATH_COLUMNS, "fname", "filenames", "itemid", "recording_id")
"""Files."""
OTHER_LABELS = (
    *(
        "command",
        "keyword",
        "digit",
        "emotion",
        "genre",
        "species",
        "event",
        "language",
        "word",
        "instrument",
    ),
    *("primary_label", "scene_label", "hasbird", "speaker"),
)
"""What labels are called where no column is called a label."""
SOUND_LABEL_COLUMNS = (*LABEL_COLUMNS, *OTHER_LABELS)
TRANSCRIPT_COLUMNS = (
    *("text", "transcript", "transcription", "sentence", "utterance", "words", "normalized_text"),
)
SOUND_ROLES = (SOUND_COLUMNS, SOUND_LABEL_COLUMNS, TRANSCRIPT_COLUMNS, SPLIT_COLUMNS)
"""What the columns of a table of recordings are usually called, by what they hold."""
GROUP_COLUMNS = ("spk", "spk_id", "client_id", "singer", "reader", "actor", "fold", "src_file", "fsid")
"""What recordings may have in common besides, that stay on one side of splits that are drawn."""
FOLD_COLUMNS = ("fold", "folder")
"""What may be a part of the path of a recording."""


@dataclass(frozen=True)
class Named:
    """A row of a table.

    Args:
        where: The file and line, for messages.
        key: The file of the recording, relative to the root of its `Places`.
        part: Which part of it.
        target: The label or the transcript; None where neither is wanted.
        split: Where it belongs; None where the table has no splits.
        group: What it has in common with others that stay on one side of drawn splits, such as the speaker;
            empty where the table does not say.
        grouped_by: What says so.
    """

    where: str
    key: str
    part: Excerpt
    target: str | None
    split: SplitName | None
    group: str = ""
    grouped_by: str = ""


@dataclass(frozen=True)
class Roles:
    """The columns of a table by what they hold; None for what is not there.

    Args:
        path: Files.
        target: Labels or transcripts.
        part: Which part of a file is meant.
        split: Splits.
        group: What stays together, such as speakers.
        fold: What may be a part of the path.
    """

    path: str
    target: str | None
    part: PartColumns
    split: str | None
    group: str | None
    fold: str | None

    def columns(self) -> list[str]:
        """Those that are there, each once."""
        names = (self.path, self.target, *self.part.names, self.split, self.group, self.fold)
        return list(dict.fromkeys(name for name in names if name is not None))


def is_sound_table(path: Path, aliases: tuple[str, ...] | None = None) -> bool:
    """Whether a file is a table with a column of recordings, and one of these names besides."""
    kind = _kind_of(path)
    if kind is None:
        return False
    try:
        table = open_table(path, kind, wanted=SOUND_COLUMNS, roles=SOUND_ROLES)
        path_column = _sound_column(table, ()) if table.named else None
        others = [name for name in table.columns if name != path_column]
        named = aliases is None or find_column(others, aliases) is not None
        labelled = aliases == SOUND_LABEL_COLUMNS and any(map(is_label_name, others))
        return path_column is not None and (named or labelled)
    except DataError:
        return False


def _kind_of(path: Path) -> TableKind | None:
    """What to open a file as; also text whose first line has tabs, as the selections of Raven."""
    kind = table_kind(path)
    if kind is None and path.suffix.lower() == ".txt":
        with suppress(DataError):
            _, first = next(read_lines(path), (0, ""))
            return "TSV" if "\t" in first else None
    return kind


def named_recordings(
    path: Path,
    aliases: tuple[str, ...] | None,
    places: Places,
    *,
    column: str | None = None,
    encoding: str | None = None,
    group: str | None = None,
    drop: Sequence[str] = (),
    controls: ControlCharacters | None = None,
    skipped: list[Skipped] | None = None,
    decisions: list[str] | None = None,
) -> Iterator[Named]:
    """The rows of a table, one at a time.

    Args:
        path: The table.
        aliases: Usual names of the column of labels or transcripts; None where neither is wanted.
        places: Where its recordings are.
        column: That column, where the user chose it.
        encoding: As `read_lines`.
        group: The column that says which recordings stay together, where the user chose it.
        drop: Columns that are left out; they must be there where labels or transcripts are wanted.
        controls: Where control characters are counted.
        skipped: Learns which rows were left out.
        decisions: Learns what the columns were taken for.

    Yields:
        Recordings in the order of the table; whether the files are there is not looked at.

    Raises:
        DataError: A column is missing, or a path, label, time or split is malformed; the message names the
            line.
    """
    tally = controls if controls is not None else ControlCharacters()
    table = _opened(path, column, encoding, tally, drop, strict=aliases is not None)
    roles = _roles(table, aliases, column, group)
    part, said = roles.part.settled(str(path), _first_rows(table, roles, places))
    roles = replace(roles, part=part)
    if said and decisions is not None:
        decisions.append(said)
    if decisions is not None and aliases is not None:
        decisions += [*table.decisions, _line(table, roles, aliases)]
    inside = Inside(places.root)
    present = roles.columns()
    class_names = table.class_names(roles.target) if roles.target else None
    for row, cells in table.rows(present):
        where = table.where(row)
        found = dict(zip(present, cells, strict=True))
        folds = [str(found[roles.fold])] if roles.fold else []
        key = places.key(where, _as_text(where, "a path", found[roles.path]), folds)
        if not inside(key):
            if skipped is not None:
                skipped.append(Skipped(f"{places.root}/{key}", "a link that leaves the folder"))
            continue
        target = _target(where, found[roles.target], aliases, class_names, tally) if roles.target else None
        yield _named(where, places, key, roles, found, target)


def _first_rows(table: Table, roles: Roles, places: Places) -> Iterator[tuple[dict[str, object], Path]]:
    """The first rows with their files."""
    present = roles.columns()
    for number, cells in islice(table.rows(present), SEEN):
        row = dict(zip(present, cells, strict=True))
        folds = [str(row[roles.fold])] if roles.fold else []
        with suppress(DataError):  # a malformed path is told when it is its turn
            yield row, places.root / places.key(table.where(number), str(row[roles.path]), folds)


def _named(
    where: str, places: Places, key: str, roles: Roles, found: dict[str, object], target: str | None
) -> Named:
    """A row with its part, split and group."""
    split = None
    if roles.split is not None:
        split = split_name(where, _as_text(where, "a split", found[roles.split]))
    group = str(found[roles.group] or "").strip() if roles.group else ""
    by = f"column {roles.group!r}" if group else ""
    part = roles.part.part(where, found, places.root / key)
    return Named(where, key, part, target, split, group, by)


def _opened(
    path: Path,
    column: str | None,
    encoding: str | None,
    tally: ControlCharacters,
    drop: Sequence[str],
    *,
    strict: bool,
) -> Table:
    """A table that may name recordings."""
    kind = _kind_of(path)
    if kind is None:
        if ending_of(path.name) in SOUNDS:
            with opened_sound(path):  # tells what is damaged
                raise DataError(
                    f"{path}: expected a folder or a table of recordings, received one recording",
                    hint="Give the folder with all recordings, in a folder for each class.",
                )
        raise DataError(f"{path}: expected a table (.jsonl, .csv, .tsv, .parquet), received '{path.suffix}'")
    wanted = (*SOUND_COLUMNS, *((column,) if column else ()))
    return open_table(
        path,
        kind,
        encoding=encoding,
        controls=tally,
        wanted=wanted,
        roles=SOUND_ROLES,
        drop=drop,
        strict=strict,
    )


def _target(
    where: str,
    value: object,
    aliases: tuple[str, ...] | None,
    class_names: Sequence[str] | None,
    tally: ControlCharacters,
) -> str | None:
    """A transcript, or the name of a class; None where there is no label."""
    if aliases == TRANSCRIPT_COLUMNS:
        return clean_text(_as_text(where, "a transcript", value), where, tally)
    return None if value in (None, "") else label_name(where, value, class_names)


def _roles(table: Table, aliases: tuple[str, ...] | None, column: str | None, group: str | None) -> Roles:
    def by_name(names: tuple[str, ...], taken: tuple[str | None, ...] = ()) -> str | None:
        free = [name for name in table.columns if name not in taken]
        at = find_column(free, names)
        return None if at is None else free[at]

    target = None
    if column is not None and aliases is not None:
        option = "--text-column" if aliases == TRANSCRIPT_COLUMNS else "--label-column"
        target = column_of(str(table.path), table.columns, column, option)
    path = _sound_column(table, (target,)) if table.named else None
    if path is None:
        raise _missing(table, "recordings", SOUND_COLUMNS)
    if target is None and aliases is not None:
        target = by_name(aliases, (path,)) if aliases == TRANSCRIPT_COLUMNS else _label_column(table, path)
        if target is None:
            raise _missing(table, "labels or transcripts", aliases)
    taken = (path, target)
    free = [name for name in table.columns if name not in taken]
    return Roles(
        path,
        target,
        PartColumns.among(free),
        by_name(SPLIT_COLUMNS, taken),
        group_column(free, group) or (by_name(GROUP_COLUMNS, taken) if group is None else None),
        by_name(FOLD_COLUMNS, taken),
    )


def _sound_column(table: Table, taken: tuple[str | None, ...]) -> str | None:
    """The column that names recordings: by its name, if what stands in it may be one; else by its cells."""
    free = [name for name in table.columns if name not in taken]
    first = [cells for _, cells in islice(table.rows(free), SEEN)]
    endings = {
        name: {ending_of(str(cells[at])) for cells in first if cells[at] not in (None, "")}
        for at, name in enumerate(free)
    }
    at = find_column(free, SOUND_COLUMNS)
    if at is not None and not endings[free[at]] & _OTHER_FILES:
        return free[at]
    return next((name for name in free if endings[name] and endings[name] <= SOUNDS), None)


def _label_column(table: Table, path: str) -> str | None:
    """The column of labels; of several that part the rows alike the one that names classes in words.

    Raises:
        DataError: Several columns may hold the labels, and they part the rows differently.
    """
    free = [name for name in table.columns if name != path]
    known = (LABEL_COLUMNS, OTHER_LABELS[:-1], OTHER_LABELS[-1:])
    named = ([name for name in free if name.strip().lower() in names] for names in known)
    found = next(filter(None, named), [name for name in free if is_label_name(name)])
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    differ = set(found[1:]) - set(same_labels(table, found[0], found[1:]))
    if differ:
        raise several_labels(table, [name for name in found if name == found[0] or name in differ])
    first = [list(map(str, cells)) for _, cells in islice(table.rows(found), PEEKED)]
    worded = [name for at, name in enumerate(found) if not all(is_number(row[at]) for row in first)]
    return (worded or found)[0]


def _line(table: Table, roles: Roles, aliases: tuple[str, ...]) -> str:
    """What each column was taken for."""
    role = "transcript" if aliases == TRANSCRIPT_COLUMNS else "label"
    named = [
        ("recording", roles.path),
        (role, roles.target),
        ("start", roles.part.start),
        ("duration", roles.part.duration),
        ("end", roles.part.end),
        ("split", roles.split),
        ("group", roles.group),
    ]
    used = [(role, name) for role, name in named if name is not None]
    unused = dict.fromkeys(name for name in (*table.columns, *table.unused) if name not in roles.columns())
    return columns_line(used, list(unused))


def _missing(table: Table, role: str, expected: tuple[str, ...]) -> DataError:
    columns = ", ".join(name[:40] for name in table.columns[:20]) or "none"
    return DataError(
        f"{table.path}: expected a column of {role}, received the columns {columns}",
        hint=f"Name it {', '.join(expected[:8])}.",
    )


def _as_text(where: str, what: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: expected {what} as text, received {type(value).__name__}")
    return value.strip()
