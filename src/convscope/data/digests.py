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
    digests = np.frombuffer(b"".join(map(digest_of, contents)), np.uint8)
    return digest_keys(digests.reshape(-1, DIGEST_BYTES))


def digest_keys(digests: npt.NDArray[np.uint8]) -> Digests:
    """Hashes of shape (samples, `DIGEST_BYTES`) as one comparable value each, shape (samples,)."""
    return np.ascontiguousarray(digests).view(np.dtype((np.void, DIGEST_BYTES))).reshape(len(digests))
