"""Recordings on disk, decoded one at a time when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import BackendError, DataError


@dataclass(frozen=True, eq=False)
class Recording:
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
class Part:
    """Which part of a file a recording is.

    Args:
        start: Where it begins, in seconds.
        seconds: How long it is; None until the end of the file.
    """

    start: float = 0.0
    seconds: float | None = None


WHOLE = Part()


@dataclass(frozen=True)
class Recordings:
    """Files of sound, or parts of them.

    Args:
        root: The folder that the keys are relative to; empty where they are whole paths.
        keys: The file of each recording.
        parts: Which part of the file each is; empty where all are whole files.
    """

    root: str
    keys: Sequence[str] = field(repr=False)
    parts: Sequence[Part] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.keys)

    def load(self, index: int) -> Recording:
        """Decodes one recording.

        Raises:
            DataError: The file cannot be decoded.
        """
        return decode_recording(self.path(index), self.part(index))

    def path(self, index: int) -> Path:
        """The file of a recording."""
        return Path(self.root, self.keys[index])

    def part(self, index: int) -> Part:
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
        return Recordings(self.root, [self.keys[i] for i in rows], parts)


def sound_library() -> Any:
    """The library that decodes sound.

    Raises:
        BackendError: It is not installed.
    """
    try:
        import soundfile
    except ImportError as error:
        raise BackendError(
            f"Sound is read by a library that is not installed: {error}.",
            'Install it: pip install "convscope[audio]"',
        ) from error
    return soundfile


def decode_recording(path: Path, part: Part = WHOLE) -> Recording:
    """Decodes a file of sound: WAV, FLAC, OGG, MP3 and whatever else libsndfile reads.

    Args:
        path: The file.
        part: Which part of it.

    Raises:
        DataError: It cannot be decoded, or ends before the part does.
    """
    library = sound_library()
    try:
        with library.SoundFile(path) as file:
            rate = int(file.samplerate)
            first = round(part.start * rate)
            count = -1 if part.seconds is None else round(part.seconds * rate)
            if first > file.frames or (count >= 0 and first + count > file.frames):
                raise DataError(
                    f"{path} is {file.frames / rate:.2f} seconds long, expected it to reach to second "
                    f"{part.start + (part.seconds or 0):.2f}."
                )
            file.seek(first)
            waveform = file.read(count, dtype="float32", always_2d=True)
    except (library.LibsndfileError, OSError) as error:
        raise DataError(f"{path} cannot be decoded as sound: {error}") from error
    return Recording(waveform, rate)
