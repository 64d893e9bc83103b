"""Whether a path holds recordings, with a label or with a transcript each."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import islice
from pathlib import Path, PureWindowsPath

from convscope.data.columns import find_column, is_label_name
from convscope.data.heads import TableHead, suffix_of
from convscope.data.snapshot import DataSnapshot
from convscope.kinds.audio.readers.endings import OTHER_SOUNDS, SOUNDS, VIDEOS
from convscope.kinds.audio.readers.published import are_classes
from convscope.kinds.audio.readers.tables import (
    NAMED_SOUNDS,
    SOUND_COLUMNS,
    SOUND_LABEL_COLUMNS,
    TRANSCRIPT_COLUMNS,
    TRANSCRIPTS,
)
from convscope.kinds.contract.kind import Detection

_PICTURES = frozenset([".png", ".jpg", ".jpeg"])
_SURE = 0.98
_LINES = 2_000
CLASSIFICATION, SPEECH = "audio-classification", "speech-recognition"


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The recipe for the recordings of a path; None where there are none.

    A table that names recordings decides before the recordings themselves, as do files of transcripts.
    """
    sounds = snapshot.ending_in(SOUNDS)
    stems = {file.stem for file in sounds}
    for file, head in snapshot.tables.items():
        found = _of_table(file.name, head, stems)
        if found is not None:
            return found
    for file in snapshot.data_files:
        if file.name.endswith(TRANSCRIPTS):
            return Detection(SPEECH, 0.95, f"{file.name} is a file of transcripts")
    if not sounds:
        others = [file for file in snapshot.data_files if suffix_of(file) in OTHER_SOUNDS | VIDEOS]
        reason = "it holds sound or films, which have to be converted"
        return Detection(CLASSIFICATION, 0.4, reason) if others else None
    written = _of_texts(snapshot, sounds, stems)
    if written is not None:
        return written
    drawn = {_plain(file) for file in snapshot.ending_in(_PICTURES)}
    if drawn and all(_plain(file) in drawn for file in sounds):
        seen = snapshot.named(sounds[0])
        reason = f"{seen} is a recording, and the pictures are called as the recordings are"
        return Detection(CLASSIFICATION, 1.0, reason)
    confidence = 0.9 if snapshot.prevails(SOUNDS) else 0.4
    return Detection(CLASSIFICATION, confidence, f"{snapshot.named(sounds[0])} is a recording")


def _of_texts(snapshot: DataSnapshot, sounds: Sequence[Path], stems: Set[str]) -> Detection | None:
    """Transcripts in a file of text for each recording, or in lines such as `name|text` of one file."""
    texts = snapshot.ending_in(frozenset([".txt"]))
    same = [file for file in texts if file.stem in stems]
    if len({file.stem for file in same}) > len(stems) / 2 and _has_words(_first_line(same[0])):
        reason = (
            f"{snapshot.named(same[0])} and others are called as the recordings are, as transcripts would;"
            " if the folders are the classes: --recipe audio-classification"
        )
        return Detection(SPEECH, _SURE, reason)
    near = {snapshot.path, *(file.parent.parent for file in sounds[:1])}
    for file in (*texts, *snapshot.ending_in(frozenset([".csv", ".psv"]))):
        if file.parent in near and _first_field(file) in stems:
            named = f"{snapshot.named(file)} names recordings"
            if are_classes(_last_fields(file)):
                reason = f"{named}, with few different words behind |; for transcripts: --recipe {SPEECH}"
                return Detection(CLASSIFICATION, _SURE, reason)
            return Detection(SPEECH, _SURE, f"{named}, with transcripts behind |")
    return None


def _first_line(file: Path) -> str:
    """The first line of a file; empty where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.readline(10_000).decode("utf-8-sig", "replace").rstrip("\r\n")
    except OSError:
        return ""


def _has_words(line: str) -> bool:
    """Whether a line may be a transcript; times and labels with tabs between are none."""
    return "\t" not in line and 2 * sum(map(str.isalpha, line)) > len(line)


def _first_field(file: Path) -> str:
    """What stands before the first | of a file, without its ending; empty where its first line has none."""
    field, mark, _ = _first_line(file).partition("|")
    return PureWindowsPath(field.strip()).name.removesuffix(".wav") if mark else ""


def _last_fields(file: Path) -> list[str]:
    """What stands behind the last | of the first lines of a file."""
    try:
        with file.open("rb") as opened:
            lines = [line.decode("utf-8-sig", "replace") for line in islice(opened, _LINES)]
    except OSError:
        return []
    return [line.rpartition("|")[2].strip() for line in lines if "|" in line]


def _plain(file: Path) -> str:
    """A name without its ending and its marks: pictures of recordings are called so with other marks."""
    return "".join(letter for letter in file.stem.lower() if letter.isalnum())


def _of_table(name: str, head: TableHead, stems: Set[str]) -> Detection | None:
    """The recipe for a table that names recordings, maybe without endings, and says something of each."""
    at = find_column(head.first, SOUND_COLUMNS)
    if at is None:
        return None
    cells = [cell for cell in head.column(at) if cell]
    # A column that is seen to name recordings is sure; where nothing is seen of it, its name must say so.
    ending = cells[0].rpartition(".")[2].lower() if cells else ""
    seen = f".{ending}" in SOUNDS or (bool(cells) and PureWindowsPath(cells[0]).name in stems)
    if not seen and (cells or head.first[at].lower() not in NAMED_SOUNDS):
        return None
    confidence = 0.95 if seen else 0.9
    others = [name for place, name in enumerate(head.first) if place != at]
    if find_column(others, SOUND_LABEL_COLUMNS) is not None or any(map(is_label_name, others)):
        return Detection(CLASSIFICATION, confidence, f"{name} names recordings with labels")
    if find_column(head.first, TRANSCRIPT_COLUMNS) is not None:
        return Detection(SPEECH, confidence, f"{name} names recordings with transcripts")
    return None
