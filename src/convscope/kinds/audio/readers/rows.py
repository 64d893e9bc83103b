"""Recordings as they are found, and what the data says of each, before and after they are heard."""

from __future__ import annotations

from dataclasses import dataclass, field

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.lines import ControlCharacters
from convscope.errors import DataError
from convscope.kinds.audio.readers.endings import conversion_hint
from convscope.kinds.audio.readers.recordings import WHOLE, Excerpt, Recordings
from convscope.kinds.audio.readers.scan import SoundScan, scan_recordings
from convscope.types import Progress, Skipped, SplitName


@dataclass
class Rows:
    """Recordings in the order in which they were found, not yet heard.

    Args:
        root: The folder that the keys are relative to.
        controls: Counts control characters of transcripts.
        grouped_by: What says which recordings stay together.
    """

    root: str
    controls: ControlCharacters = field(default_factory=ControlCharacters)
    grouped_by: str = "the speakers"
    keys: list[str] = field(default_factory=list)
    parts: list[Excerpt] = field(default_factory=list)
    target: list[str | None] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)

    def add(
        self, key: str, target: str | None, split: SplitName | None, part: Excerpt = WHOLE, group: str = ""
    ) -> None:
        """Adds a recording with its class or transcript; one without is listed as skipped.

        Args:
            key: The file, below the folder.
            target: Its class, or its transcript; None where it has no label.
            split: Where it belongs, if the data says so.
            part: Of the file.
            group: What it has in common with others that stay together, such as the speaker; empty where
                nobody knows.
        """
        if target is not None and not target.strip():
            self.skipped.append(Skipped(f"{self.root}/{key}", "the transcript is empty"))
            return
        self.keys.append(key)
        self.parts.append(part)
        self.target.append(target)
        self.splits.append(split)
        self.groups.append(group)

    def hear(self, where: str, layout: str, progress: Progress) -> Found:
        """Hears all of them and keeps those that can be decoded.

        Args:
            where: The path that was read, for messages.
            layout: One line that says which layout was recognized and by what.
            progress: Receives the number of recordings decoded.

        Raises:
            DataError: More than half cannot be decoded, or there are none.
        """
        whole = all(part == WHOLE for part in self.parts)
        scanned = scan_recordings(Recordings(self.root, self.keys, () if whole else self.parts), progress)
        self._check(where, scanned)
        kept = scanned.kept.tolist()
        groups = [self.groups[row] or None for row in kept]
        return Found(
            where=where,
            layout=layout,
            source=scanned.source,
            labels=[self.target[row] for row in kept],
            splits=[self.splits[row] for row in kept],
            digests=scanned.digests,
            nouns=("recording", "recordings"),
            alike="identical recordings",
            groups=groups if any(groups) else None,
            grouped_by=self.grouped_by,
            decisions=self.decisions,
            warnings=(*self.controls.warnings, *scanned.warnings),
            skipped=(*self.skipped, *scanned.skipped),
        )

    def _check(self, where: str, scanned: SoundScan) -> None:
        try:
            check_mostly_readable(where, len(scanned.kept), scanned.skipped, "recordings")
        except DataError as error:
            error.hint = conversion_hint(self.keys) or error.hint
            raise
