"""Reads every encoded image once: is it readable, how large is it, which others are identical to it?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.digests import DIGEST_BYTES, Digests, digest_keys, digest_of
from convscope.data.threads import in_threads
from convscope.errors import DataError
from convscope.kinds.image.readers.decode import Levels, decode_image
from convscope.kinds.image.readers.sources import ArrayImages, EncodedImages, FileImages
from convscope.types import Progress, Skipped, SplitName

NOUNS = ("image", "images")
"""What one sample and many are called."""
ALIKE = "identical images"
"""What stays on one side of splits that are drawn."""

_CHUNK = 256

Encoded = FileImages | EncodedImages
"""Images that have to be decoded."""


@dataclass(frozen=True)
class Scan:
    """What a scan found.

    Args:
        source: The readable images with their sizes.
        kept: Their indices in the source that was scanned, shape (readable,), int64.
        digests: A hash of each one's encoded content, shape (readable,), void of `DIGEST_BYTES`.
        skipped: What could not be read.
        decisions: What was found over all images.
    """

    source: Encoded
    kept: npt.NDArray[np.int64]
    digests: Digests
    skipped: list[Skipped]
    decisions: tuple[str, ...] = ()


def scan(source: Encoded, progress: Progress, what: str = "reading images") -> Scan:
    """Reads, hashes and decodes every image of a source in a few threads.

    Where images of 16 bits use less than half of their range, the part that they use becomes black to white,
    as does the range of floats.

    Args:
        source: Images with unknown sizes, and intensity_range where they are known.
        progress: Called every few hundred images.
        what: What progress calls this.

    Returns:
        The readable images and what could not be read.
    """
    count = len(source)
    sizes = np.zeros((count, 2), np.uint32)
    channels = np.zeros(count, np.uint8)
    digests = np.zeros((count, DIGEST_BYTES), np.uint8)
    skipped: list[Skipped] = []
    seen: list[Levels] = []

    def scan_chunk(start: int) -> list[Skipped]:
        bad: list[Skipped] = []
        for index in range(start, min(start + _CHUNK, count)):
            name = source.name(index)
            try:
                data = source.read(index)
                shape = decode_image(data, name, seen=seen).shape
            except DataError as error:
                bad.append(Skipped(name, error.message.removeprefix(f"{name}: ")))
                continue
            sizes[index] = shape[:2]
            channels[index] = 1 if len(shape) == 2 else 3
            digests[index] = np.frombuffer(digest_of(data), np.uint8)
        return bad

    starts = range(0, count, _CHUNK)
    with closing(in_threads(scan_chunk, starts)) as chunks:
        for start, bad in zip(starts, chunks, strict=True):
            skipped.extend(bad)
            progress(min(start + _CHUNK, count), count, what)
    kept = np.flatnonzero(channels).astype(np.int64)
    intensity_range = source.intensity_range or _levels_of(seen)
    decisions = (_levels_line(seen, intensity_range),) if intensity_range and seen else ()
    scanned = replace(source, sizes=sizes, channels=channels, intensity_range=intensity_range).take(kept)
    return Scan(scanned, kept, digest_keys(digests[kept]), skipped, decisions)


def _levels_of(seen: Sequence[Levels]) -> Levels | None:
    """The range that images share; None where those of 16 bits use half of all values or more.

    Floats that are shares, or values of 8 bits, and use half of that range keep it.
    """
    if not seen:
        return None
    low, high = min(low for low, _ in seen), max(high for _, high in seen)
    if not _has_other_values(seen):
        return (low, high) if 0 < high - low < 2**15 else None
    for usual in (1.0, 255.0):
        if low >= 0 and usual / 2 < high <= usual and high - low >= usual / 2:
            return 0.0, usual
    return (float(low), float(high)) if high > low else None


def _has_other_values(seen: Sequence[Levels]) -> bool:
    """Whether some images have floats, or whole numbers that 16 bits do not hold."""
    return any(isinstance(low, float) for low, _ in seen)


def _levels_line(seen: Sequence[Levels], intensity_range: Levels) -> str:
    most = max(high for _, high in seen)
    low, high = intensity_range
    if _has_other_values(seen):
        least = min(low for low, _ in seen)
        return (
            f"intensity_range: {low:,g} is black and {high:,g} is white in all images of floats or 32 bits,"
            f" whose values are {least:,g} to {most:,g}; all are scaled to 256 steps"
        )
    return (
        f"intensity_range: {low:,} is black and {high:,} is white in images of 16 bits, which use"
        f" {max(int(most).bit_length(), 1)} bits: values up to {most:,}"
    )


def scan_to_found(
    source: Encoded,
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
    intensity_range: Levels | None = None,
) -> Found:
    """Scans encoded images and keeps the readable ones with their labels and splits.

    Args:
        source: Images of unknown size.
        where: The path that was read, for messages.
        layout: One line that says which layout was recognized and by what.
        labels: The class name of each; None where there is none.
        splits: The split of each, or None for all.
        skipped: What was left out before.
        progress: Receives the number of images scanned.
        groups: As `Found`.
        grouped_by: As `Found`.
        decisions: What was decided before.
        intensity_range: What values of more than 8 bits become black and white; found by default.

    Returns:
        The readable images.

    Raises:
        DataError: More than half of the images are not readable.
    """
    scanned = scan(replace(source, intensity_range=intensity_range), progress)
    check_mostly_readable(where, len(scanned.kept), scanned.skipped, NOUNS[1])
    rows = scanned.kept.tolist()
    return Found(
        where=where,
        layout=layout,
        source=scanned.source,
        labels=[labels[row] for row in rows],
        splits=[splits[row] for row in rows],
        digests=scanned.digests,
        nouns=NOUNS,
        alike=ALIKE,
        groups=None if groups is None else [groups[row] for row in rows],
        grouped_by=grouped_by,
        decisions=(*decisions, *scanned.decisions),
        skipped=(*skipped, *scanned.skipped),
        reading={"intensity_range": list(scanned.source.intensity_range)}
        if scanned.source.intensity_range
        else {},
    )


def array_digests(source: ArrayImages) -> Digests:
    """A hash of each image's pixels, shape (images,), void of `DIGEST_BYTES`."""
    digests = np.zeros((len(source), DIGEST_BYTES), np.uint8)
    for index in range(len(source)):
        pixels = np.ascontiguousarray(source.load(index))
        digests[index] = np.frombuffer(digest_of(pixels.data), np.uint8)
    return digest_keys(digests)
