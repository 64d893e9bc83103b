"""Tables that name recordings: JSON Lines as NeMo writes them, CSV, TSV and Parquet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from convscope.data.columns import (
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    find_column,
    label_name,
    split_name,
)
from convscope.data.lines import ControlCharacters, clean_text
from convscope.data.named_files import Inside, checked_path
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.audio.readers.recordings import WHOLE, Excerpt
from convscope.types import Skipped, SplitName

SOUNDS = frozenset(
    [
        *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd"),
        *(".caf", ".w64", ".rf64"),
    ]
)
"""How files of recordings end."""
TRANSCRIPTS = ".trans.txt"
"""How LibriSpeech's files of transcripts end: an id and words in each line."""

NAMED_SOUNDS = (
    *("audio_filepath", "audio_path", "audio_file", "audio", "sound", "recording", "wav", "wav_path"),
    *("wav_filename", "clip"),
)
"""What columns are called that can hold nothing but files of recordings."""
SOUND_COLUMNS = (*NAMED_SOUNDS, *PATH_COLUMNS)
"""Files."""
SOUND_LABEL_COLUMNS = (
    *LABEL_COLUMNS,
    *("command", "keyword", "digit", "emotion", "genre", "species", "event", "language", "speaker", "word"),
)
TRANSCRIPT_COLUMNS = (
    *("text", "transcript", "transcription", "sentence", "utterance", "words", "normalized_text"),
)
SOUND_ROLES = (SOUND_COLUMNS, SOUND_LABEL_COLUMNS, TRANSCRIPT_COLUMNS, SPLIT_COLUMNS)
"""What the columns of a table of recordings are usually called, by what they hold."""
SPEAKER_COLUMNS = ("speaker", "speaker_id", "spk", "spk_id", "client_id", "singer", "reader")
"""Who is heard: recordings of one speaker stay on one side of splits that are drawn."""
START_COLUMNS = ("offset", "start", "start_time", "begin", "onset")
"""Where a part of a file begins, in seconds."""
DURATION_COLUMNS = ("duration", "seconds")
"""How long it is."""


@dataclass(frozen=True)
class Named:
    """A row of a table.

    Args:
        where: The file and line, for messages.
        key: The file of the recording, relative to the folder of the table.
        part: Which part of it.
        said: The label or the transcript; None where neither is wanted.
        split: Where it belongs; None where the table has no splits.
        speaker: Who is heard; empty where the table does not say.
    """

    where: str
    key: str
    part: Excerpt
    said: str | None
    split: SplitName | None
    speaker: str = ""


@dataclass(frozen=True)
class Roles:
    """The columns of a table by what they hold; None for what is not there.

    Args:
        path: Files.
        said: Labels or transcripts.
        start: Where a part begins, in seconds.
        duration: How long it is, in seconds.
        split: Splits.
        speaker: Speakers.
    """

    path: str
    said: str | None
    start: str | None
    duration: str | None
    split: str | None
    speaker: str | None


def is_sound_table(path: Path) -> bool:
    """Whether a file is a table with a column of recordings."""
    kind = table_kind(path)
    if kind is None:
        return False
    try:
        table = open_table(path, kind, wanted=SOUND_COLUMNS, roles=SOUND_ROLES)
    except DataError:
        return False
    return table.named and find_column(table.columns, SOUND_COLUMNS) is not None


def named_recordings(
    path: Path,
    aliases: tuple[str, ...] | None,
    *,
    column: str | None = None,
    encoding: str | None = None,
    controls: ControlCharacters | None = None,
    skipped: list[Skipped] | None = None,
) -> Iterator[Named]:
    """The rows of a table, one at a time.

    Args:
        path: The table; files are named relative to its folder, or by a whole path below it.
        aliases: Usual names of the column of labels or transcripts; None where neither is wanted.
        column: That column, where the user chose it.
        encoding: As `read_lines`.
        controls: Where control characters are counted.
        skipped: Learns which rows were left out.

    Yields:
        Recordings in the order of the table; whether the files are there is not looked at.

    Raises:
        DataError: A column is missing, or a path, label, time or split is malformed; the message names the
            line.
    """
    kind = table_kind(path)
    if kind is None:
        raise DataError(f"{path}: expected a table (.jsonl, .csv, .tsv, .parquet), received '{path.suffix}'")
    tally = controls if controls is not None else ControlCharacters()
    wanted = (*SOUND_COLUMNS, *((column,) if column else ()))
    table = open_table(path, kind, encoding=encoding, controls=tally, wanted=wanted, roles=SOUND_ROLES)
    roles = _roles(table, aliases, column)
    inside = Inside(path.parent)
    names = [roles.path, roles.said, roles.start, roles.duration, roles.split, roles.speaker]
    present = [name for name in names if name is not None]
    class_names = table.class_names(roles.said) if roles.said else None
    for row, cells in table.rows(present):
        where = table.where(row)
        found = dict(zip(present, cells, strict=True))
        key = checked_path(where, _as_text(where, "a path", found[roles.path]), path.parent)
        if not inside(key):
            if skipped is not None:
                skipped.append(Skipped(f"{path.parent}/{key}", "a link that leaves the folder"))
            continue
        said: str | None = None
        if roles.said is not None and aliases == TRANSCRIPT_COLUMNS:
            said = clean_text(_as_text(where, "a transcript", found[roles.said]), where, tally)
        elif roles.said is not None:
            said = label_name(where, found[roles.said], class_names)
        split = found[roles.split] if roles.split else None
        named = None if roles.split is None else split_name(where, _as_text(where, "a split", split))
        speaker = found[roles.speaker] if roles.speaker else None
        heard = "" if speaker is None else str(speaker).strip()
        yield Named(where, key, _part(where, roles, found), said, named, heard)


def _roles(table: Table, aliases: tuple[str, ...] | None, column: str | None) -> Roles:
    def by_name(names: tuple[str, ...], taken: tuple[str | None, ...] = ()) -> str | None:
        free = [name for name in table.columns if name not in taken]
        at = find_column(free, names)
        return None if at is None else free[at]

    path = by_name(SOUND_COLUMNS, (column,))
    if path is None or not table.named:
        raise _missing(table, "recordings", SOUND_COLUMNS)
    said = None
    if aliases is not None:
        said = column if column in table.columns else by_name(aliases, (path,))
        if said is None or (column is not None and said != column):
            raise _missing(table, "labels or transcripts", (column,) if column else aliases)
    taken = (path, said)
    return Roles(
        path,
        said,
        by_name(START_COLUMNS),
        by_name(DURATION_COLUMNS),
        by_name(SPLIT_COLUMNS, taken),
        by_name(SPEAKER_COLUMNS, taken),
    )


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


def _part(where: str, roles: Roles, found: dict[str, object]) -> Excerpt:
    """The part of a file that a row names; a duration without a start is that of the whole file."""
    start = _seconds(where, roles.start, found)
    if not start:
        return WHOLE if roles.start is None else _named_part(where, 0.0, roles, found)
    return _named_part(where, start, roles, found)


def _named_part(where: str, start: float, roles: Roles, found: dict[str, object]) -> Excerpt:
    seconds = _seconds(where, roles.duration, found)
    if seconds == 0:
        raise DataError(f"{where}: expected a duration above 0 seconds, received 0")
    return WHOLE if start == 0 and seconds is None else Excerpt(start, seconds)


def _seconds(where: str, column: str | None, found: dict[str, object]) -> float | None:
    value = found[column] if column else None
    if value is None or value == "":
        return None
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        seconds = math.nan
    if isinstance(value, bool) or not 0 <= seconds < 1e7:
        raise DataError(f"{where}: expected seconds as {column}, received {str(value)[:40]!r}")
    return seconds
