"""Rings from files: one line of numbers, the first of which follows the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found, assemble, check_mostly_readable
from convscope.data.class_folders import class_files
from convscope.data.digests import digest_keys, digest_of
from convscope.data.listing import Listing
from convscope.data.named_files import files_of
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.types import Progress, Skipped, no_progress

FEWEST = 8
Ring = npt.NDArray[np.float32]


def parse_ring(text: str, where: str) -> Ring:
    """Reads one ring.

    Args:
        text: Numbers apart by spaces, in one line.
        where: The file, for messages.

    Returns:
        Shape (values,), float32.

    Raises:
        DataError: There are several lines, fewer than 8 numbers, or something is no finite number.
    """
    lines = text.strip().splitlines()
    if len(lines) != 1:
        raise DataError(f"{where}: expected one line of numbers, received {len(lines)}")
    words = lines[0].split()
    try:
        values = np.array([float(word) for word in words], np.float32)
    except ValueError as error:
        raise DataError(f"{where}:1: expected numbers apart by spaces ({error})") from error
    if len(values) < FEWEST or not np.isfinite(values).all():
        raise DataError(f"{where}:1: expected at least {FEWEST} finite numbers, received {len(values)}")
    return values


@dataclass(frozen=True)
class Rings:
    """Rings in memory.

    Args:
        root: The folder that the keys are relative to; empty where they are whole paths.
        keys: The file of each.
        values: The values of each, shape (values,), float32.
        skipped: What was left out.
    """

    root: str
    keys: Sequence[str]
    values: Sequence[Ring]
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    def load(self, index: int) -> Ring:
        """One ring."""
        return self.values[index]

    def name(self, index: int) -> str:
        """Its file."""
        return str(Path(self.root, self.keys[index]))

    def key(self, index: int) -> str:
        """Its file below the root."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> Rings:
        """Some of them."""
        return Rings(self.root, [self.keys[i] for i in indices], [self.values[i] for i in indices])


def read(path: str | Path, *, seed: int = 0, progress: Progress = no_progress, **_: object) -> Splits:
    """Labelled rings, a folder per class."""
    listing = Listing(str(path))
    files = class_files(listing, "rings")
    rings, kept = _load(str(path), files.keys, listing.skipped, progress)
    digests = np.array([np.frombuffer(digest_of(ring.tobytes()), np.uint8) for ring in rings.values])
    found = Found(
        where=str(path),
        layout=files.layout,
        source=rings,
        labels=[files.labels[i] for i in kept],
        splits=[files.splits[i] for i in kept],
        digests=digest_keys(digests),
        nouns=("ring", "rings"),
        alike="identical rings",
        skipped=listing.skipped,
    )
    return assemble(found, seed)


def read_inputs(paths: Sequence[str], *, progress: Progress = no_progress, **_: object) -> Rings:
    """Rings without labels."""
    skipped: list[Skipped] = []
    files = dict.fromkeys(file for path in paths for file in files_of(path, skipped))
    rings, _kept = _load("", list(files), skipped, progress)
    return Rings("", rings.keys, rings.values, tuple(skipped))


def _load(
    root: str, keys: Sequence[str], skipped: list[Skipped], progress: Progress
) -> tuple[Rings, list[int]]:
    """The readable rings with their positions; the others are listed."""
    values, kept = [], []
    for i, key in enumerate(keys):
        file = Path(root, key)
        try:
            values.append(parse_ring(file.read_text("utf-8"), str(file)))
            kept.append(i)
        except (DataError, OSError, UnicodeDecodeError) as error:
            skipped.append(Skipped(str(file), str(error)))
        progress(i + 1, len(keys), "reading rings")
    check_mostly_readable(root or ", ".join(keys[:3]), len(kept), skipped, "rings")
    return Rings(root, [keys[i] for i in kept], values), kept
