"""Looks every clip through once: can it be decoded, how long is it, which others are identical to it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.digests import joined_digests
from convscope.data.scanning import Seen, in_few_lines, read_each
from convscope.errors import DataError
from convscope.kinds.video.readers.films import FilmFacts
from convscope.kinds.video.readers.sources import FileClips
from convscope.types import Progress, Skipped, SplitName

NOUNS = ("clip", "clips")
"""What one sample and many are called."""


@dataclass(frozen=True)
class Scanned:
    """Clips that can be decoded.

    Args:
        source: With the facts of each.
        kept: Their numbers in the source that was looked through.
        digests: Of the content of each.
        skipped: What cannot be decoded.
        notes: What should be known of the files, one line each.
    """

    source: FileClips
    kept: tuple[int, ...]
    digests: tuple[bytes, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def scan(source: FileClips, progress: Progress) -> Scanned:
    """Looks through every clip of a source in a few threads."""

    def look(index: int) -> Seen[FilmFacts]:
        try:
            facts, digest = source.look_through(index)
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})") from error
        return Seen(facts, digest, [f"{source.key(index)}: {note}" for note in facts.notes])

    seen, skipped = read_each(source, look, progress, "reading clips")
    stored = [source.stored[index] for index in seen]
    notes = [note for each in seen.values() for note in each.notes]
    return Scanned(
        replace(source, stored=stored, facts=[each.facts for each in seen.values()]),
        tuple(seen),
        tuple(each.digest for each in seen.values()),
        tuple(skipped),
        tuple(in_few_lines(notes, NOUNS[1])),
    )


def scan_to_found(
    source: FileClips,
    *,
    where: str,
    layout: str,
    labels: Sequence[str | None],
    splits: Sequence[SplitName | None],
    skipped: Sequence[Skipped],
    progress: Progress,
    groups: Sequence[str | None] | None = None,
    grouped_by: str = "",
    decisions: Sequence[str] = (),
) -> Found:
    """Looks clips through and keeps the readable ones with their labels and splits.

    Args are those of `Found`, for clips that were not looked through yet.

    Raises:
        DataError: More than half of the clips cannot be decoded.
    """
    scanned = scan(source, progress)
    check_mostly_readable(where, len(scanned.kept), list(scanned.skipped), NOUNS[1])
    kept = scanned.kept
    return Found(
        where=where,
        layout=layout,
        source=scanned.source,
        labels=[labels[row] for row in kept],
        splits=[splits[row] for row in kept],
        digests=joined_digests(scanned.digests),
        nouns=NOUNS,
        alike="identical clips",
        groups=None if groups is None else [groups[row] for row in kept],
        grouped_by=grouped_by,
        decisions=(*decisions, *_rates(scanned.source)),
        warnings=scanned.notes,
        skipped=(*skipped, *scanned.skipped),
    )


def _rates(source: FileClips) -> list[str]:
    """How long the clips are, and that frames of folders have no times of their own."""
    lengths = sorted(fact.seconds for fact in source.facts)
    rates = Counter(f"{fact.rate:.3g}" for fact in source.facts).most_common(3)
    lines = [
        f"length: {lengths[0]:.3g} to {lengths[-1]:.3g} s, {', '.join(rate for rate, _ in rates)} frames a"
        " second; frames are chosen by their time stamps"
    ]
    if any(stored.frames for stored in source.stored):
        lines.append(
            f"frame rate: {source.rate:g} a second for folders of frames, which have no times;"
            " --frame-rate changes that"
        )
    return lines
