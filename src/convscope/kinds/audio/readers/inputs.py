"""Recordings without labels, to predict: files, folders, patterns and tables that name them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from convscope.data.named_files import files_of, nothing_in
from convscope.data.splits import LeftOut
from convscope.kinds.audio.readers.recordings import WHOLE, Excerpt, Recordings
from convscope.kinds.audio.readers.scan import scan_recordings
from convscope.kinds.audio.readers.tables import is_sound_table, named_recordings
from convscope.types import Progress, Skipped, no_progress

_BESIDE = (".txt", ".md", ".json", ".csv", ".tsv", ".pdf", ".html", ".xml", ".yaml", ".yml")
"""Endings of what lies beside recordings; where a folder is given, it is not tried as sound."""


@dataclass(frozen=True)
class RecordingInputs(LeftOut, Recordings):
    """Recordings without labels, and what was left out."""


def read_audio_inputs(paths: Sequence[str], *, progress: Progress = no_progress) -> RecordingInputs:
    """Finds and hears the recordings that are asked about.

    Args:
        paths: Files of sound; folders (read at any depth); patterns such as `calls/*.wav`; and tables that
            name recordings and parts of them. They may be as long as they like.
        progress: Told how many were heard.

    Returns:
        Every readable recording once, in the order given, folders and patterns sorted; the others as
        `skipped`.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, a table is malformed, or no recording is
            readable.
        BackendError: The library that decodes is not installed.
    """
    skipped: list[Skipped] = []
    found: dict[tuple[str, Excerpt], None] = {}
    for path in map(os.fspath, paths):
        for file in files_of(path, skipped):
            found.update(dict.fromkeys(_named(Path(file), Path(path).is_dir(), skipped)))
    keys, parts = [key for key, _ in found], [part for _, part in found]
    whole = all(part == WHOLE for part in parts)
    scanned = scan_recordings(Recordings("", keys, () if whole else parts), progress, longest=float("inf"))
    skipped += scanned.skipped
    source = scanned.source
    if not len(source):
        raise nothing_in(paths, "recordings", skipped)
    return RecordingInputs(
        **{each.name: getattr(source, each.name) for each in fields(Recordings)},
        skipped=tuple(skipped),
        warnings=scanned.warnings,
    )


def _named(file: Path, of_folder: bool, skipped: list[Skipped]) -> list[tuple[str, Excerpt]]:
    """The recordings that a file is or names."""
    if not of_folder and is_sound_table(file):
        rows = named_recordings(file, None, skipped=skipped)
        return [(str(file.parent / row.key), row.part) for row in rows]
    if of_folder and file.suffix.lower() in _BESIDE:
        return []
    return [(str(file), WHOLE)]
