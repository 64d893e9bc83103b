"""What files of recordings and the columns of tables that name them are usually called."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal

from convscope.data.columns import LABEL_COLUMNS, PATH_COLUMNS, find_column

SOUNDS = frozenset(
    f".{ending}"
    for ending in (
        *(
            "wav",
            "wave",
            "flac",
            "ogg",
            "oga",
            "opus",
            "mp3",
            "aif",
            "aiff",
            "aifc",
            "au",
            "snd",
            "caf",
            "w64",
        ),
        "rf64",
    )
)
TRANSCRIPTS = ".trans.txt"
"""How LibriSpeech's files of transcripts end: an id and words in each line."""

_SOUND_ONLY = (
    *("audio_filepath", "audio_path", "audio_file", "audio", "sound", "recording", "wav", "wav_path"),
    *("wav_filename", "clip"),
)
SOUND_COLUMNS = (*_SOUND_ONLY, *PATH_COLUMNS)
"""Files."""
SOUND_LABEL_COLUMNS = (
    *LABEL_COLUMNS,
    *("command", "keyword", "digit", "emotion", "genre", "species", "event", "language", "speaker", "word"),
)
TRANSCRIPT_COLUMNS = (
    *("text", "transcript", "transcription", "sentence", "utterance", "words", "normalized_text"),
)
SPEAKER_COLUMNS = ("speaker", "speaker_id", "spk", "spk_id", "client_id", "singer", "reader")
"""Who is heard: recordings of one speaker stay on one side of splits that are drawn."""
START_COLUMNS = ("offset", "start", "start_time", "begin", "onset")
"""Where a part of a file begins, in seconds."""
DURATION_COLUMNS = ("duration", "seconds")
"""How long it is."""


def said_by(ending: str, names: Sequence[str], head: str) -> Literal["label", "transcript"] | None:
    r"""What a table that names recordings says of each, by what is seen first.

    Args:
        ending: Of the file, such as `.csv`.
        names: Of its columns, where these are known.
        head: Its first lines; empty where it is no text.

    Returns:
        None of any other table.

    Example:
        >>> said_by(".csv", ["path", "label"], "path,label\na/1.wav,yes\n")
        'label'
        >>> said_by(".csv", ["path", "label"], "path,label\na/1.png,yes\n")
        >>> said_by(".jsonl", [], '{"audio_filepath": "1.flac", "text": "he said"}\n')
        'transcript'
    """
    rows = head.splitlines()
    if ending in {".jsonl", ".ndjson", ".json"}:
        try:
            first = json.loads(rows[0]) if rows else None
        except (ValueError, RecursionError):
            return None
        if not isinstance(first, dict):
            return None
        names, cells = [str(name) for name in first], [str(value) for value in first.values()]
    else:
        cells = [cell.strip().strip('"') for cell in re.split(r"[,;\t|]", rows[1])] if len(rows) > 1 else []
    at = find_column(names, SOUND_COLUMNS)
    if at is None or not _is_sound(names[at], cells[at] if at < len(cells) else None):
        return None
    if find_column(names, SOUND_LABEL_COLUMNS) is not None:
        return "label"
    return "transcript" if find_column(names, TRANSCRIPT_COLUMNS) is not None else None


def _is_sound(name: str, cell: str | None) -> bool:
    """Whether a column holds recordings: by its first cell, or where that is not seen, by its name alone."""
    if cell is None:
        return name.strip().lower() in _SOUND_ONLY
    return f".{cell.rpartition('.')[2].lower()}" in SOUNDS
