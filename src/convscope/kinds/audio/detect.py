"""Whether a path holds recordings, with a label or with a transcript each."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path, PureWindowsPath

from convscope.data.columns import find_column, is_label_name
from convscope.data.heads import TableHead, suffix_of
from convscope.data.snapshot import DataSnapshot
from convscope.kinds.audio.readers.endings import OTHER_SOUNDS, SOUNDS, VIDEOS
from convscope.kinds.audio.readers.tables import (
    NAMED_SOUNDS,
    SOUND_COLUMNS,
    SOUND_LABEL_COLUMNS,
    TRANSCRIPT_COLUMNS,
    TRANSCRIPTS,
)
from convscope.kinds.contract.kind import Detection

_PICTURES = frozenset([".png", ".jpg", ".jpeg"])
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
    drawn = {_plain(file) for file in snapshot.ending_in(_PICTURES)}
    if drawn and all(_plain(file) in drawn for file in sounds):
        seen = snapshot.named(sounds[0])
        reason = f"{seen} is a recording, and the pictures are called as the recordings are"
        return Detection(CLASSIFICATION, 1.0, reason)
    confidence = 0.9 if snapshot.prevails(SOUNDS) else 0.4
    return Detection(CLASSIFICATION, confidence, f"{snapshot.named(sounds[0])} is a recording")


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
