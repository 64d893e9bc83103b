"""Recordings with labels or transcripts as they are read, and the splits that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import (
    FRACTION,
    Found,
    assemble,
    check_mostly_readable,
    content_fingerprint,
    duplicate_warnings,
)
from convscope.data.lines import ControlCharacters
from convscope.data.splits import Split, Splits
from convscope.data.stratify import carve
from convscope.errors import DataError
from convscope.kinds.audio.readers.recordings import WHOLE, Excerpt, Recordings
from convscope.kinds.audio.readers.scan import scan_recordings
from convscope.types import SPLITS, Progress, Skipped, SplitName

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


def split_classes(found: Found, seed: int) -> Splits:
    """Splits of recordings with a class each; those that the data does not have are drawn."""
    return assemble(found, seed)


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
    given = [split for split in found.splits if split is not None]
    if given and len(given) < len(found.splits):
        raise DataError(
            f"{found.where}: {len(found.splits) - len(given)} of {len(found.splits)} recordings have no"
            " split, expected all or none",
            hint="Give every recording a split, or leave the split out for all.",
        )
    if given and "train" not in given:
        raise DataError(
            f"{found.where}: expected a train split, received only {', '.join(sorted(set(given)))}"
        )
    codes = np.array([SPLITS.index(split or "train") for split in found.splits], np.int8)
    groups = np.unique(found.digests, return_inverse=True)[1].astype(np.int64)
    near = found.digests if found.near is None else found.near
    together = np.unique(near, return_inverse=True)[1].astype(np.int64)
    codes, drawn = _complete(found, codes, together, seed)
    transcripts = np.empty(len(found.labels), object)
    transcripts[:] = found.labels
    numbers = np.unique(found.labels, return_inverse=True)[1].astype(np.int64)
    parts = [np.flatnonzero(codes == code).astype(np.int64) for code in range(len(SPLITS))]
    train, validation, test = (Split(found.source.take(rows), transcripts[rows]) for rows in parts)
    return Splits(
        train,
        validation,
        test,
        class_names=(),
        layout=found.layout,
        fingerprint=content_fingerprint(found),
        decisions=(*found.decisions, *drawn),
        warnings=(*found.warnings, *duplicate_warnings(found.nouns, numbers, groups, codes)),
        skipped=tuple(found.skipped),
    )


def _complete(
    found: Found, codes: npt.NDArray[np.int8], groups: npt.NDArray[np.int64], seed: int
) -> tuple[npt.NDArray[np.int8], Sequence[str]]:
    """Draws the splits that are missing; identical recordings stay together."""
    wanted: dict[SplitName, float] = {
        name: FRACTION for name in ("test", "validation") if not np.any(codes == SPLITS.index(name))
    }
    if not wanted:
        return codes, ()
    pool = np.flatnonzero(codes == SPLITS.index("train"))
    different = len(np.unique(groups[pool]))
    if different < FEWEST:
        raise DataError(
            f"{found.where}: expected at least {FEWEST} different recordings to draw {' and '.join(wanted)}"
            f" from, received {different}",
            hint="Add recordings, or give validation and test.",
        )
    codes = codes.copy()
    codes[pool] = carve(np.zeros(len(pool), np.int64), groups[pool], wanted, seed)
    return codes, [
        f"{name}: {int(np.sum(codes == SPLITS.index(name)))} of {len(pool)} recordings, because the data has"
        f" no {name} split; drawn with seed {seed}, {found.alike} kept in one split"
        for name in wanted
    ]
