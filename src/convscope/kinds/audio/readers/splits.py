"""Recordings with labels or transcripts as they are read, and the splits that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import (
    Found,
    check_mostly_readable,
    content_fingerprint,
    duplicate_warnings,
)
from convscope.data.lines import ControlCharacters
from convscope.data.splits import Splits, as_labels, divided
from convscope.data.stratify import draw_missing, split_codes
from convscope.kinds.audio.readers.recordings import WHOLE, Excerpt, Recordings
from convscope.kinds.audio.readers.scan import scan_recordings
from convscope.types import Progress, Skipped, SplitName

FEWEST = 3
"""Different recordings without which no split can be drawn, and speakers without which they are mixed."""


@dataclass
class Rows:
    """Recordings in the order in which they were found, not yet heard.

    Args:
        root: The folder that the keys are relative to.
        controls: Counts control characters of transcripts.
    """

    root: str
    controls: ControlCharacters = field(default_factory=ControlCharacters)
    keys: list[str] = field(default_factory=list)
    parts: list[Excerpt] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)

    def add(
        self, key: str, said: str, split: SplitName | None, part: Excerpt = WHOLE, speaker: str = ""
    ) -> None:
        """Takes a recording with what is said of it, or in it; one without is listed as skipped.

        Args:
            key: The file, below the folder.
            said: Its class, or its transcript.
            split: Where it belongs, if the data says so.
            part: Of the file.
            speaker: Who is heard; empty where nobody knows.
        """
        if not said.strip():
            self.skipped.append(Skipped(f"{self.root}/{key}", "the transcript is empty"))
            return
        self.keys.append(key)
        self.parts.append(part)
        self.said.append(said)
        self.splits.append(split)
        self.speakers.append(speaker)

    def hear(self, where: str, layout: str, progress: Progress) -> Found:
        """Hears all of them and keeps those that can be decoded.

        Args:
            where: The path that was read, for messages.
            layout: One line that says which layout was recognized and by what.
            progress: Told how many were heard.

        Raises:
            DataError: More than half cannot be decoded, or there are none.
        """
        whole = all(part == WHOLE for part in self.parts)
        scanned = scan_recordings(Recordings(self.root, self.keys, () if whole else self.parts), progress)
        check_mostly_readable(where, len(scanned.kept), scanned.skipped, "recordings")
        kept = scanned.kept.tolist()
        near = _by_speaker([self.speakers[row] for row in kept])
        drawn = not {"validation", "test"} <= set(self.splits)
        if near is None and drawn and any(self.speakers):
            self.decisions.append(
                "speakers: the same in several splits; keeping them apart needs three or more, given for"
                " each recording"
            )
        return Found(
            where=where,
            layout=layout,
            source=scanned.source,
            labels=[self.said[row] for row in kept],
            splits=[self.splits[row] for row in kept],
            digests=scanned.digests,
            nouns=("recording", "recordings"),
            near=near,
            alike="identical recordings" if near is None else "all recordings of a speaker",
            stratified=near is None,
            decisions=self.decisions,
            warnings=(*self.controls.warnings, *scanned.warnings),
            skipped=(*self.skipped, *scanned.skipped),
        )


def _by_speaker(speakers: Sequence[str]) -> npt.NDArray[np.str_] | None:
    """Who is heard, where everybody is told and there are enough to draw from."""
    return np.array(speakers) if all(speakers) and len(set(speakers)) >= FEWEST else None


def split_transcripts(found: Found, seed: int) -> Splits:
    """Splits of recordings with transcripts; those that the data does not have are drawn from train.

    Args:
        found: Recordings; the labels are the transcripts.
        seed: Draws the splits that the data does not have.

    Returns:
        Train, validation and test; labels are an object array of transcripts, and there are no class names.

    Raises:
        DataError: Only some recordings have a split, there are none of train, or too few to draw from.
    """
    codes = split_codes(found.where, found.splits, found.nouns)
    groups = np.unique(found.digests, return_inverse=True)[1].astype(np.int64)
    near = found.digests if found.near is None else found.near
    together = np.unique(near, return_inverse=True)[1].astype(np.int64)
    codes, drawn = draw_missing(found.where, codes, together, seed, found.nouns[1], found.alike, FEWEST)
    numbers = np.unique(found.labels, return_inverse=True)[1].astype(np.int64)
    return Splits(
        *divided(found.source, as_labels(found.labels), codes),
        class_names=(),
        layout=found.layout,
        fingerprint=content_fingerprint(found),
        decisions=(*found.decisions, *drawn),
        warnings=(*found.warnings, *duplicate_warnings(found.nouns, numbers, groups, codes)),
        skipped=tuple(found.skipped),
    )
