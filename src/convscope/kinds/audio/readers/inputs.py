"""Recordings without labels, to predict: files, folders, patterns and tables that name them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from convscope.data.encoding import check_encoding
from convscope.data.named_files import files_of, nothing_in
from convscope.data.splits import LeftOut
from convscope.kinds.audio.readers.endings import conversion_hint, may_be_sound
from convscope.kinds.audio.readers.folder_tables import tables_of_file, tables_of_folder
from convscope.kinds.audio.readers.recordings import WHOLE, Excerpt, Recordings
from convscope.kinds.audio.readers.scan import scan_recordings
from convscope.kinds.audio.readers.tables import is_sound_table
from convscope.types import Progress, Skipped, no_progress


@dataclass(frozen=True)
class RecordingInputs(LeftOut, Recordings):
    """Recordings without labels, and what was left out."""


def read_audio_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
) -> RecordingInputs:
    """Finds and hears the recordings that are asked about.

    Args:
        paths: Files of sound; folders (read at any depth); patterns such as `calls/*.wav`; and tables that
            name recordings and parts of them. They may be as long as they like.
        progress: Receives the number of recordings decoded.
        encoding: Name of a Python codec for tables; detected by default.
        drop_column: Columns of tables that are left out.

    Returns:
        Every readable recording once, in the order given, folders and patterns sorted; the others as
        `skipped`.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, a table is malformed, or no recording is
            readable.
        BackendError: The library that decodes is not installed.
    """
    check_encoding(encoding)
    skipped: list[Skipped] = []
    found: dict[tuple[str, Excerpt], None] = {}
    for path in map(os.fspath, paths):
        found.update(dict.fromkeys(_named(path, skipped, encoding, drop_column)))
    keys, parts = [key for key, _ in found], [part for _, part in found]
    whole = all(part == WHOLE for part in parts)
    scanned = scan_recordings(Recordings("", keys, () if whole else parts), progress, longest=float("inf"))
    skipped += scanned.skipped
    source = scanned.source
    if not len(source):
        error = nothing_in(paths, "recordings", skipped)
        error.hint = conversion_hint(keys) or error.hint
        raise error
    return RecordingInputs(
        **{each.name: getattr(source, each.name) for each in fields(Recordings)},
        skipped=tuple(skipped),
        warnings=scanned.warnings,
    )


def _named(
    path: str, skipped: list[Skipped], encoding: str | None, drop: Sequence[str]
) -> list[tuple[str, Excerpt]]:
    """The recordings of a path, as training would find them: those that a table names, or all there are."""
    place = Path(path)
    tables = None
    if place.is_dir():
        tables = tables_of_folder(place)
    elif place.is_file() and is_sound_table(place):
        tables = tables_of_file(place)
    if tables is not None:
        rows = tables.rows(None, [], skipped, encoding=encoding, drop=drop)
        return [(str(tables.root / row.key), row.part) for row, _ in rows]
    folder = place.is_dir()
    files = files_of(path, skipped)
    return [(file, WHOLE) for file in files if not folder or may_be_sound(file)]
