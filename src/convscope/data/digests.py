"""Hashes of contents: identical samples are found by them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

DIGEST_BYTES = 16
"""Length of the content hash that tells identical samples, in bytes."""

Digests = npt.NDArray[np.void]
"""One hash per sample, shape (samples,), void of `DIGEST_BYTES`."""


def digest_of(data: bytes | memoryview) -> bytes:
    """The hash of one sample's content, `DIGEST_BYTES` long."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def digests_of(contents: Iterable[bytes]) -> Digests:
    """The hashes of the contents of many samples."""
    return joined_digests(map(digest_of, contents))


def joined_digests(digests: Iterable[bytes]) -> Digests:
    """Hashes of one sample each, as `digest_of` gives them, in one array."""
    return digest_keys(np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST_BYTES))


def digest_keys(digests: npt.NDArray[np.uint8]) -> Digests:
    """Hashes of shape (samples, `DIGEST_BYTES`) as one comparable value each, shape (samples,)."""
    return np.ascontiguousarray(digests).view(np.dtype((np.void, DIGEST_BYTES))).reshape(len(digests))
