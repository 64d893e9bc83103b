"""Recordings on disk, decoded one at a time when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.named_files import names_file
from convscope.data.noise import caught_noise
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import BackendError, DataError, install_command
from convscope.kinds.audio.readers.announced import share_present
from convscope.kinds.audio.readers.endings import conversion_hint


@dataclass(frozen=True, eq=False)
class Waveform:
    """One decoded recording.

    Args:
        waveform: Shape (samples, channels), float32, full scale from -1 to 1.
        rate: Samples per second.
    """

    waveform: npt.NDArray[np.float32] = field(repr=False)
    rate: int

    @property
    def seconds(self) -> float:
        """Its duration."""
        return len(self.waveform) / self.rate


@dataclass(frozen=True)
class Excerpt:
    """Which part of a file a recording is.

    Args:
        start: Where it begins, in seconds.
        seconds: How long it is; None until the end of the file.
    """

    start: float = 0.0
    seconds: float | None = None


WHOLE = Excerpt()
MOST_VALUES = 2**29
"""Samples over all channels that are decoded at once: 2 GiB."""
BLOCK_VALUES = 2**20
"""Samples over all channels of a piece."""
EVERY = -1
"""All channels of a recording, which become their mean."""
SLACK = 0.1
"""Seconds by which a part may reach beyond the end of its file, since tables round."""


@dataclass(frozen=True)
class Recordings:
    """Files of sound, or parts of them.

    Args:
        root: The folder that the keys are relative to; empty where they are whole paths.
        keys: The file of each recording.
        parts: Which part of the file each is; empty where all are whole files.
        seconds: The duration of each; empty where they were not looked at.
        rates: Samples per second of each, likewise.
        channels: Which channel of each is taken, `EVERY` for all; empty where that is so of each.
    """

    root: str
    keys: Sequence[str] = field(repr=False)
    parts: Sequence[Excerpt] = field(default=(), repr=False)
    seconds: Sequence[float] = field(default=(), repr=False)
    rates: Sequence[int] = field(default=(), repr=False)
    channels: Sequence[int] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.keys)

    def load(self, index: int) -> Waveform:
        """Decodes one recording.

        Raises:
            DataError: The file cannot be decoded.
        """
        return self._of_channel(index, decode_recording(self.path(index), self.part(index)))

    def pieces(self, index: int) -> Iterator[Waveform]:
        """Decodes one recording a piece at a time, as `blocks`.

        Raises:
            DataError: The file cannot be decoded.
        """
        for piece in blocks(self.path(index), self.part(index)):
            yield self._of_channel(index, piece)

    def path(self, index: int) -> Path:
        """The file of a recording."""
        return Path(self.root, self.keys[index])

    def part(self, index: int) -> Excerpt:
        """Which part of its file a recording is."""
        return self.parts[index] if self.parts else WHOLE

    def name(self, index: int) -> str:
        """The file, and where it is a part of it, from which second on."""
        file = os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them
        part = self.part(index)
        return file if part == WHOLE else f"{file}#{part.start:g}s"

    def key(self, index: int) -> str:
        """The file relative to the root."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> Recordings:
        """The same source with only these recordings, in this order."""
        rows = indices.tolist()
        parts = [self.parts[i] for i in rows] if self.parts else ()
        seconds = [self.seconds[i] for i in rows] if self.seconds else ()
        rates = [self.rates[i] for i in rows] if self.rates else ()
        channels = [self.channels[i] for i in rows] if self.channels else ()
        return Recordings(self.root, [self.keys[i] for i in rows], parts, seconds, rates, channels)

    def _of_channel(self, index: int, found: Waveform) -> Waveform:
        channel = self.channels[index] if self.channels else EVERY
        if channel == EVERY or channel >= found.waveform.shape[1]:
            return found
        return Waveform(found.waveform[:, channel : channel + 1], found.rate)


def sound_library() -> Any:
    """The library that decodes sound.

    Raises:
        BackendError: It is not installed.
    """
    try:
        import soundfile
    except ImportError as error:
        raise BackendError(
            f"Reading audio needs a library that is not installed: {error}.",
            f"Install it: {install_command('audio')}",
        ) from error
    return soundfile


def decode_recording(path: Path, part: Excerpt = WHOLE) -> Waveform:
    """Decodes a file of sound: WAV, FLAC, OGG, MP3 and whatever else libsndfile reads.

    Args:
        path: The file.
        part: Which part of it.

    Raises:
        DataError: It cannot be decoded, ends before the part does, or is too long to be held in memory.
    """
    with opened_sound(path) as file:
        count = _seek(file, path, part)
        if count * file.channels > MOST_VALUES:
            raise DataError(
                f"{path}: expected at most {MOST_VALUES:,} samples over all channels to be decoded at once,"
                f" received {count * file.channels:,}",
                hint="Split the recording, or list its parts in a manifest with offset and duration.",
            )
        waveform = file.read(count, dtype="float32", always_2d=True)
        _check_whole(path, len(waveform), count, file.samplerate)
        return Waveform(waveform, int(file.samplerate))


def blocks(path: Path, part: Excerpt = WHOLE) -> Iterator[Waveform]:
    """Decodes a file of sound a piece at a time, so that no length is too much for the memory.

    Args:
        path: The file.
        part: Which part of it.

    Yields:
        Pieces of about a second to a minute, in order.

    Raises:
        DataError: As `decode_recording`, for any length.
    """
    with opened_sound(path) as file:
        count = _seek(file, path, part)
        done = 0
        size = max(1, BLOCK_VALUES // file.channels)
        while done < count:
            waveform = file.read(min(size, count - done), dtype="float32", always_2d=True)
            done += len(waveform)
            if not len(waveform):
                _check_whole(path, done, count, file.samplerate)
            yield Waveform(waveform, int(file.samplerate))


@contextmanager
def opened_sound(path: Path) -> Iterator[Any]:
    """An open file of sound, a `soundfile.SoundFile`.

    Args:
        path: The file.

    Raises:
        DataError: It is missing, is not sound, or is found to be damaged while it is read.
        BackendError: The library that decodes is not installed.
    """
    library = sound_library()
    if not names_file(path):
        raise DataError(f"{path}: there is no such file", hint="Check the spelling of the path.")
    convert = conversion_hint([path.name])
    if convert:
        raise DataError(f"{path}: '{path.suffix}' is no form of sound that is decoded", hint=convert)
    with caught_noise(), damage_as_data_error(str(path), "sound file"), library.SoundFile(path) as file:
        yield file


def _seek(file: Any, path: Path, part: Excerpt) -> int:
    """Goes to where a part begins; returns how many samples per channel it has."""
    rate = int(file.samplerate)
    first = round(part.start * rate)
    rest = int(file.frames) - first
    if part.seconds is None:
        there = share_present(path)
        whole = round(int(file.frames) / there) if there else 0
        _check_whole(path, int(file.frames), whole, rate)
    count = rest if part.seconds is None else round(part.seconds * rate)
    if rest < 0 or count > rest + SLACK * rate:
        raise DataError(
            f"{path}: expected at least {part.start + (part.seconds or 0):.2f} seconds, received a"
            f" recording of {file.frames / rate:.2f} seconds"
        )
    file.seek(first)
    return min(count, rest)


def _check_whole(path: Path, done: int, count: int, rate: int) -> None:
    if done < count:
        raise DataError(
            f"{path}: expected {count / rate:.2f} seconds, received {done / rate:.2f}: it is cut off",
            hint="Copy the file again.",
        )
