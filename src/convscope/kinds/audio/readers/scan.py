"""Hears every recording once: can it be decoded, how long is it, which others are identical to it?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from convscope.data.digests import DIGEST_BYTES, Digests, joined_digests
from convscope.data.threads import in_threads
from convscope.errors import DataError
from convscope.kinds.audio.readers.recordings import EVERY, Recordings, blocks, sound_library
from convscope.types import Progress, Skipped

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Samples per second that a recording may have."""
LOUDEST = 8.0
"""A sample above this many times full scale is no sound; files of floats may hold anything."""
LONGEST = 3_600.0
"""Seconds of a recording that is learned from."""
CANCELLED = 0.1
"""Below this share of the energy that the mean of independent channels has, channels cancel each other."""
CLIPPED_SHARE = 1e-3
"""Of a clipped recording at least this share of samples is as loud as its loudest."""
_NEAR_FULL_SCALE = 0.98
_ALIKE = 1.0001
"""Levels that differ by less than this factor are the same."""

_CHUNK = 16


@dataclass(frozen=True)
class Heard:
    """What there is to know of a recording.

    Args:
        seconds: Its duration.
        rate: Samples per second.
        silent: Whether all samples are 0.
        clipped: Whether it was too loud for what recorded it.
        digest: A hash of its samples, whatever they are packed in.
        channel: The loudest channel where the channels cancel each other, `EVERY` else.
    """

    seconds: float
    rate: int
    silent: bool
    clipped: bool
    digest: bytes
    channel: int = EVERY


@dataclass(frozen=True)
class SoundScan:
    """What a scan found.

    Args:
        source: The readable recordings with their durations and rates.
        kept: Their indices in the source that was scanned, shape (readable,), int64.
        digests: A hash of each one's samples, shape (readable,), void of `DIGEST_BYTES`.
        skipped: What could not be read.
        warnings: What the user should know, one line each.
    """

    source: Recordings
    kept: npt.NDArray[np.int64]
    digests: Digests
    skipped: list[Skipped]
    warnings: tuple[str, ...]


def scan_recordings(source: Recordings, progress: Progress, longest: float = LONGEST) -> SoundScan:
    """Decodes every recording in a few threads, none of them as a whole.

    Args:
        source: Recordings of unknown duration.
        progress: Receives the number of recordings decoded.
        longest: Seconds that a recording may have.

    Returns:
        The readable recordings and what could not be read.

    Raises:
        BackendError: The library that decodes is not installed.
    """
    sound_library()
    count = len(source)
    heard: list[Heard | None] = [None] * count
    skipped: list[Skipped] = []

    def hear_chunk(start: int) -> list[Skipped]:
        bad: list[Skipped] = []
        for index in range(start, min(start + _CHUNK, count)):
            try:
                heard[index] = hear(source, index, longest)
            except DataError as error:
                bad.append(Skipped(source.name(index), error.message.removeprefix(f"{source.path(index)}: ")))
        return bad

    starts = range(0, count, _CHUNK)
    with closing(in_threads(hear_chunk, starts)) as chunks:
        for start, bad in zip(starts, chunks, strict=True):
            skipped.extend(bad)
            progress(min(start + _CHUNK, count), count, "hearing recordings")
    kept = np.array([i for i, one in enumerate(heard) if one is not None], np.int64)
    readable = [one for one in heard if one is not None]
    channels = [one.channel for one in readable]
    scanned = replace(
        source.take(kept),
        seconds=[one.seconds for one in readable],
        rates=[one.rate for one in readable],
        channels=channels if any(channel != EVERY for channel in channels) else (),
    )
    keys = joined_digests(one.digest for one in readable)
    return SoundScan(scanned, kept, keys, skipped, _warnings(scanned, readable))


def hear(source: Recordings, index: int, longest: float = LONGEST) -> Heard:
    """Decodes a recording a piece at a time and tells what it is like.

    Args:
        source: Recordings.
        index: Which of them.
        longest: Seconds that it may have.

    Raises:
        DataError: It cannot be decoded, or no model can hear it; the message begins with the file.
    """
    path = source.path(index)
    digest = blake2b(digest_size=DIGEST_BYTES)
    loudest, frames, rate, values, at_peak = 0.0, 0, 0, 0, 0
    energies = _Energies()
    for piece in blocks(path, source.part(index)):
        rate = piece.rate
        _check_rate(path, rate)
        frames += len(piece.waveform)
        if frames / rate > longest:
            raise DataError(f"{path}: longer than {longest:g} seconds; a table may name its parts")
        digest.update(np.ascontiguousarray(piece.waveform).data)
        values += piece.waveform.size
        energies.add(piece.waveform)
        level = np.abs(piece.waveform)
        peak = _checked_peak(path, float(level.max(initial=0)))
        at_peak = 0 if peak > loudest * _ALIKE else at_peak
        loudest = max(loudest, peak)
        at_peak += int(np.count_nonzero(level * _ALIKE >= loudest))
    if not frames:
        raise DataError(f"{path}: it has no samples")
    digest.update(f"{rate}".encode())
    clipped = loudest >= _NEAR_FULL_SCALE and at_peak >= CLIPPED_SHARE * values
    return Heard(frames / rate, rate, loudest == 0, clipped, digest.digest(), energies.channel())


class _Energies:
    """The energy of each channel, and of their mean."""

    def __init__(self) -> None:
        self._each: npt.NDArray[np.float64] = np.zeros(0)
        self._mean = 0.0

    def add(self, waveform: npt.NDArray[np.float32]) -> None:
        """The next piece, shape (samples, channels)."""
        if waveform.shape[1] > 1:
            energies = np.einsum("sc,sc->c", waveform, waveform, dtype=np.float64)
            self._each = energies if not len(self._each) else self._each + energies
            mean = waveform.mean(axis=1, dtype=np.float64)
            self._mean += float(mean @ mean)

    def channel(self) -> int:
        """The loudest channel where the mean is far weaker than of independent channels; else `EVERY`."""
        independent = float(self._each.sum()) / max(len(self._each), 1) ** 2
        return int(self._each.argmax()) if self._mean < CANCELLED * independent else EVERY


def _checked_peak(path: object, level: float) -> float:
    if not np.isfinite(level):
        raise DataError(f"{path}: it has samples that are not numbers or infinite")
    if level > LOUDEST:
        raise DataError(f"{path}: expected samples from -1 to 1, received one of {level:g}")
    return level


def _check_rate(path: object, rate: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise DataError(
            f"{path}: expected a rate from {LOWEST_RATE:,} to {HIGHEST_RATE:,} samples per second, received"
            f" {rate:,}"
        )


def _warnings(source: Recordings, heard: Sequence[Heard]) -> tuple[str, ...]:
    lines = []
    for what, which in (
        ("silent: all of their samples are 0", [one.silent for one in heard]),
        (
            "clipped: samples at full scale, recorded too loud",
            [one.clipped for one in heard],
        ),
        (
            "of channels that cancel each other, as a cable with crossed wires makes them; the loudest"
            " channel is taken in place of their mean",
            [one.channel != EVERY for one in heard],
        ),
    ):
        if any(which):
            first = source.name(which.index(True))
            lines.append(f"{sum(which)} of {len(heard)} recordings are {what}; the first is {first}")
    return tuple(lines)
