"""Reads every encoded image once: is it readable, how large is it, which others are identical to it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.digests import DIGEST_BYTES, Digests, digest_keys, digest_of
from convscope.data.threads import loading_pool
from convscope.errors import DataError
from convscope.kinds.image.readers.decode import decode_image
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
    """

    source: Encoded
    kept: npt.NDArray[np.int64]
    digests: Digests
    skipped: list[Skipped]


def scan(source: Encoded, progress: Progress, what: str = "reading images") -> Scan:
    """Reads, hashes and decodes every image of a source in a few threads.

    Args:
        source: Images with unknown sizes.
        progress: Told about every few hundred images.
        what: What progress calls this.

    Returns:
        The readable images and what could not be read.
    """
    count = len(source)
    sizes = np.zeros((count, 2), np.uint32)
    channels = np.zeros(count, np.uint8)
    digests = np.zeros((count, DIGEST_BYTES), np.uint8)
    skipped: list[Skipped] = []

    def scan_chunk(start: int) -> list[Skipped]:
        bad: list[Skipped] = []
        for index in range(start, min(start + _CHUNK, count)):
            name = source.name(index)
            try:
                data = source.read(index)
                shape = decode_image(data, name).shape
            except DataError as error:
                bad.append(Skipped(name, error.message.removeprefix(f"{name}: ")))
                continue
            sizes[index] = shape[:2]
            channels[index] = 1 if len(shape) == 2 else 3
            digests[index] = np.frombuffer(digest_of(data), np.uint8)
        return bad

    with loading_pool() as pool:
        try:
            for start, bad in zip(
                range(0, count, _CHUNK), pool.map(scan_chunk, range(0, count, _CHUNK)), strict=True
            ):
                skipped.extend(bad)
                progress(min(start + _CHUNK, count), count, what)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    kept = np.flatnonzero(channels).astype(np.int64)
    scanned = replace(source, sizes=sizes, channels=channels).take(kept)
    return Scan(scanned, kept, digest_keys(digests[kept]), skipped)


def scan_to_found(
    source: Encoded,
    *,
    where: str,
    layout: str,
    labels: Sequence[str],
    splits: Sequence[SplitName | None],
    skipped: Sequence[Skipped],
    progress: Progress,
) -> Found:
    """Scans encoded images and keeps the readable ones with their labels and splits.

    Args:
        source: Images of unknown size.
        where: The path that was read, for messages.
        layout: One line that says which layout was recognized and by what.
        labels: The class name of each.
        splits: The split of each, or None for all.
        skipped: What was left out before.
        progress: Told how many images were scanned.

    Returns:
        The readable images.

    Raises:
        DataError: More than half of the images are not readable.
    """
    scanned = scan(source, progress)
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
        skipped=(*skipped, *scanned.skipped),
    )


def array_digests(source: ArrayImages) -> Digests:
    """A hash of each image's pixels, shape (images,), void of `DIGEST_BYTES`."""
    digests = np.zeros((len(source), DIGEST_BYTES), np.uint8)
    for index in range(len(source)):
        pixels = np.ascontiguousarray(source.load(index))
        digests[index] = np.frombuffer(digest_of(pixels.data), np.uint8)
    return digest_keys(digests)
