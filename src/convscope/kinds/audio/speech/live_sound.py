"""Sound that comes through a pipe: bare samples, or a WAV file that is still being written."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.audio.readers.recordings import Waveform

PIECE = 0.08
"""Seconds of sound that are read at a time."""
_RIFF = b"RIFF"
_ENDLESS = 0x7FFF0000
"""Bytes that a header tells of a file whose length is not known, or more."""
_WIDTHS = {1: "u1", 2: "<i2", 4: "<i4"}


def live_pieces(file: BinaryIO, rate: int) -> Iterator[Waveform]:
    """Reads sound as it comes.

    A stream that begins as a WAV file does is read as one, of whole numbers of 8, 16 or 32 bits, any rate
    and any number of channels. Where its header says that it is empty or endless, because the length was not
    known yet, it is read to its end. Everything else is taken for bare samples: 16-bit numbers, the low
    byte first, one channel. A sample that is cut off at the end is left out.

    Args:
        file: Such as `sys.stdin.buffer`; need not be seekable.
        rate: Samples per second, where there is no header.

    Yields:
        Pieces of about 80 ms, in order, as soon as they are there.

    Raises:
        DataError: The header of a WAV file is damaged, or its samples are of another kind.
    """
    opened = file if hasattr(file, "peek") else io.BufferedReader(cast(io.RawIOBase, file))
    if not opened.peek(len(_RIFF)).startswith(_RIFF):
        yield from _samples(opened, rate, 1, 2)
        return
    try:
        header = wave.open(opened, "rb")  # noqa: SIM115 - what is read belongs to the caller
        width, channels, given = header.getsampwidth(), header.getnchannels(), header.getframerate()
    except (wave.Error, EOFError) as error:
        raise DataError(
            f"standard input begins as a WAV file that cannot be read: {error}",
            hint="Send bare samples, such as: ffmpeg -i FILE -f s16le -ac 1 -",
        ) from error
    if width not in _WIDTHS or not channels or not given:
        raise DataError(
            f"standard input: expected samples of 8, 16 or 32 bits, received {8 * width} bits in {channels}"
            " channels",
            hint="Send bare samples, such as: ffmpeg -i FILE -f s16le -ac 1 -",
        )
    told = header.getnframes() * channels * width
    # Not by `readframes`, which would take an empty file at its word.
    yield from _samples(opened, given, channels, width, told if 0 < told < _ENDLESS else None)


def _samples(
    file: BinaryIO, rate: int, channels: int, width: int, length: int | None = None
) -> Iterator[Waveform]:
    """Whole samples of all channels, until the stream ends or so many bytes have come."""
    frame = channels * width
    size = max(1, round(PIECE * rate)) * frame
    rest = b""
    while data := file.read(size - len(rest) if length is None else min(size - len(rest), length)):
        length = None if length is None else length - len(data)
        data = rest + data
        whole = len(data) - len(data) % frame
        rest = data[whole:]
        if whole:
            yield Waveform(_as_floats(data[:whole], width).reshape(-1, channels), rate)


def _as_floats(data: bytes, width: int) -> npt.NDArray[np.float32]:
    values = np.frombuffer(data, _WIDTHS[width]).astype(np.float64)
    if width == 1:
        values -= 128
    return np.asarray(values / 2.0 ** (8 * width - 1), np.float32)
