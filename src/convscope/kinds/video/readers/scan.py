"""Looks every clip through once: can it be decoded, how long is it, which others are identical to it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.digests import DIGEST_BYTES, digest_keys
from convscope.data.threads import loading_pool
from convscope.errors import DataError
from convscope.kinds.video.readers.films import FilmFacts
from convscope.kinds.video.readers.sources import FileClips
from convscope.types import Progress, Skipped, SplitName

NOUNS = ("clip", "clips")
"""What one sample and many are called."""
SHOWN = 5
"""Notes of one sort that are listed."""


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

    def read(index: int) -> tuple[FilmFacts, bytes] | Skipped:
        name = source.name(index)
        try:
            return source.look_through(index)
        except DataError as error:
            return Skipped(name, error.message.removeprefix(f"{name}: "))
        except OSError as error:
            return Skipped(name, f"cannot be read ({error.strerror or error})")

    found: list[tuple[FilmFacts, bytes] | Skipped] = []
    with loading_pool() as pool:
        try:
            for index, each in enumerate(pool.map(read, range(len(source)))):
                found.append(each)
                progress(index + 1, len(source), "reading clips")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    kept = [index for index, each in enumerate(found) if not isinstance(each, Skipped)]
    read_ones = [each for each in found if not isinstance(each, Skipped)]
    facts = [fact for fact, _ in read_ones]
    names = [source.key(index) for index in kept]
    return Scanned(
        replace(source, stored=[source.stored[index] for index in kept], facts=facts),
        tuple(kept),
        tuple(digest for _, digest in read_ones),
        tuple(each for each in found if isinstance(each, Skipped)),
        tuple(_told(names, facts)),
    )


def _told(names: Sequence[str], facts: Sequence[FilmFacts]) -> list[str]:
    """Notes of many clips in few lines."""
    by_sort: dict[str, list[str]] = {}
    for name, fact in zip(names, facts, strict=True):
        for note in fact.notes:
            sort = "".join(letter for letter in note if not letter.isdigit() and letter not in ".,-")
            by_sort.setdefault(sort, []).append(f"{name}: {note}")
    lines = []
    for same in by_sort.values():
        lines += same[:SHOWN]
        if len(same) > SHOWN:
            lines.append(f"{len(same) - SHOWN} more clips like {same[0].partition(': ')[0]}")
    return lines


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
    hashes = np.frombuffer(b"".join(scanned.digests), np.uint8).reshape(-1, DIGEST_BYTES)
    kept = scanned.kept
    return Found(
        where=where,
        layout=layout,
        source=scanned.source,
        labels=[labels[row] for row in kept],
        splits=[splits[row] for row in kept],
        digests=digest_keys(hashes),
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
