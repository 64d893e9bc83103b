"""Clips without labels: all that can be trained on can be predicted; long films are cut into parts."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from convscope.data.file_tables import FileOptions
from convscope.data.named_files import files_of, nothing_in
from convscope.data.splits import LeftOut
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.kinds.video.readers.films import USUAL_RATE, FilmFacts
from convscope.kinds.video.readers.reader import read_clip_table
from convscope.kinds.video.readers.scan import scan
from convscope.kinds.video.readers.sources import FileClips, StoredClip, clips_of, may_be_film, may_be_frame
from convscope.types import Progress, Skipped, no_progress

LONG = 2.0
"""How many times longer than a part a film is that is cut into parts."""


@dataclass(frozen=True)
class ClipInputs(LeftOut, FileClips):
    """Clips in files without labels, and what was left out."""


def read_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    label_column: str | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
    frame_rate: float | None = None,
    part: float | None = None,
) -> ClipInputs:
    """Finds and looks through the clips that are to be predicted.

    Args:
        paths: Films, folders (read at any depth; those of frames are clips) and patterns such as
            `films/*.mp4`. Or a single table.
        progress: Receives the number of clips read.
        label_column: The column of labels in a table, which are not read.
        encoding: As `read_clips`.
        drop_column: As `read_clips`.
        frame_rate: As `read_clips`.
        part: Seconds of the parts that a film of more than twice this length is cut into; None: none is.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, or no clip is readable.
    """
    rate = frame_rate or USUAL_RATE
    many = [path for path in paths if table_kind(Path(path)) is not None and Path(path).is_file()]
    if many and len(paths) > 1:
        raise DataError(
            f"{many[0]} names many clips, and cannot be read together with {len(paths) - 1} other inputs",
            hint="Give tables one at a time.",
        )
    if many:
        asked = FileOptions(label_column, None, None, encoding, tuple(drop_column), labels=False)
        return _of_table(Path(many[0]), progress, asked, rate, part)
    skipped: list[Skipped] = []
    files: dict[str, None] = {}
    for path in paths:
        files.update(dict.fromkeys(files_of(os.fspath(path), skipped)))
    clips = clips_of(files)
    used = {file for clip in clips for file in (clip.frames or (clip.key,))}
    for file in files:
        if file not in used:
            skipped.append(Skipped(file, _why_no_clip(file, files)))
    scanned = scan(FileClips("", clips, rate=rate), progress)
    left_out = (*skipped, *scanned.skipped)
    if not len(scanned.source):
        raise nothing_in(paths, "clips", left_out)
    return _cut(scanned.source, part, left_out, scanned.notes)


def _why_no_clip(file: str, files: Collection[str]) -> str:
    """Why a file is no clip and no part of one."""
    image = may_be_frame(file) and not any(map(may_be_film, files))
    return "an image that lies in no folder of frames" if image else "not a film by its name"


def _of_table(
    path: Path, progress: Progress, asked: FileOptions, rate: float, part: float | None
) -> ClipInputs:
    """The clips that a table names."""
    found = read_clip_table(path, progress, asked, rate)
    if not isinstance(found.source, FileClips):
        raise TypeError(f"clips of {type(found.source).__name__}")
    return _cut(found.source, part, tuple(found.skipped), tuple(found.warnings))


def _cut(
    source: FileClips, part: float | None, skipped: tuple[Skipped, ...], warnings: tuple[str, ...]
) -> ClipInputs:
    """Clips, the long ones in parts that cover them."""
    stored: list[StoredClip] = []
    facts: list[FilmFacts] = []
    for clip, fact in zip(source.stored, source.facts, strict=True):
        parts = parts_of(fact.seconds, part)
        stored += [replace(clip, span=span) for span in parts] if len(parts) > 1 else [clip]
        facts += [fact] * len(parts)
    return ClipInputs(source.root, stored, facts, source.rate, skipped=skipped, warnings=warnings)


def parts_of(seconds: float, part: float | None) -> list[tuple[float, float]]:
    """The parts of a film, of about the length asked for and all equally long; one, where it is not long.

    Example:
        >>> parts_of(9.0, 2.0)
        [(0.0, 1.8), (1.8, 3.6), (3.6, 5.4), (5.4, 7.2), (7.2, 9.0)]
        >>> parts_of(3.0, 2.0)
        [(0.0, 3.0)]
    """
    if part is None or seconds <= LONG * part:
        return [(0.0, seconds)]
    count = math.ceil(seconds / part - 1e-9)
    ends = [round(seconds * number / count, 3) for number in range(count + 1)]
    return list(pairwise(ends))
