"""Clips of a film that is still coming: each as soon as its last frame is there, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.kinds.video.readers.films import USUAL_RATE, FilmFacts, Frames, LiveFilm, resized
from convscope.kinds.video.readers.sources import Clip, FileClips, StoredClip
from convscope.kinds.video.representation import ClipRepresentation
from convscope.types import Say

NAME = "stream"


@dataclass(frozen=True)
class HeldClip(Clip):
    """A clip whose frames are held in memory, at the size that a model takes.

    Args:
        moments: When they are, in seconds from the beginning of the clip, rising, shape (n,).
        held: They, shape (n, height, width, channels).
    """

    moments: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)
    held: Frames = field(default_factory=lambda: np.zeros((0, 1, 1, 1), np.uint8), repr=False)

    def at(self, times: npt.NDArray[np.float64], size: tuple[int, int], channels: int) -> Frames:
        """The frames that were held for some times, whatever their size."""
        places = np.searchsorted(self.moments, np.asarray(times) + 1e-6, "right") - 1
        return np.asarray(self.held[np.clip(places, 0, len(self.held) - 1)])


@dataclass(frozen=True)
class HeldClips(FileClips):
    """One clip that is held in memory.

    Args:
        clip: It.
    """

    clip: HeldClip | None = None

    def load(self, index: int) -> Clip:
        """The clip."""
        if self.clip is None:
            raise UsageError("No clip is held.")
        return self.clip


def held(clip: HeldClip) -> HeldClips:
    """A clip as samples that a recipe predicts."""
    return HeldClips("", [StoredClip(clip.name)], [clip.facts], clip=clip)


def live_clips(
    source: BinaryIO | Iterable[Any], made: ClipRepresentation, part: float, rate: float | None, say: Say
) -> Iterator[HeldClip]:
    """Clips of some seconds, one after the other, each as soon as the last frame that it needs is there.

    Args:
        source: A binary stream of a film; or frames, each uint8 (height, width, 3) or (height, width).
        made: Says which moments of a clip are needed, and at which size.
        part: Seconds of a clip.
        rate: Frames a second of frames that have no times; 25 by default.
        say: Receives at the end what was damaged.

    Yields:
        Clips; the last one may be shorter.

    Raises:
        DataError: The stream is no film.
        UsageError: Something is no frame.
    """
    if not hasattr(source, "read"):
        yield from _cut(_given(cast(Iterable[Any], source), rate or USUAL_RATE), made, part)
        return
    film = LiveFilm(cast(BinaryIO, source))
    try:
        yield from _cut(film.frames(), made, part)
    finally:
        if film.damaged:
            say(f"Warning: {film.damaged} damaged parts of the stream were passed over")
        if film.restarts:
            say(
                f"Warning: the time stamps of the stream have jumped {film.restarts} times; seconds are"
                " counted on from the frame before"
            )


def _given(frames: Iterable[Any], rate: float) -> Iterator[tuple[float, Any]]:
    """Frames that come as arrays, with their seconds."""
    from av.video.frame import VideoFrame

    for number, values in enumerate(frames):
        array = np.asarray(values)
        if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
            raise UsageError(
                "A frame is an array of uint8, (height, width, 3) or (height, width). Received:"
                f" {array.dtype} {array.shape}."
            )
        form = "gray" if array.ndim == 2 else "rgb24"
        yield number / rate, VideoFrame.from_ndarray(np.ascontiguousarray(array), format=form)


def _cut(frames: Iterable[tuple[float, Any]], made: ClipRepresentation, part: float) -> Iterator[HeldClip]:
    """Clips of some seconds of frames that come with theirs."""
    moments, found = made.times(part), list[Frames]()
    start, before, when, gap = 0.0, None, 0.0, 0.0
    for now, frame in frames:
        small: Frames | None = None
        while before is not None and start + moments[len(found)] < now - 1e-6:
            small = resized(before, made.size, made.channels) if small is None else small
            found.append(small)
            if len(found) == len(moments):
                yield _clip(start, part, moments, found)
                start, found = start + part, []
        gap = now - when if before is not None else gap
        before, when = frame, now
    if before is None:
        return
    last, end = resized(before, made.size, made.channels), when + gap
    while start + moments[len(found)] < end - 1e-6 or (start == 0 and not found):
        found.append(last)
        if len(found) == len(moments):
            yield _clip(start, part, moments, found)
            start, found = start + part, []
    if found:
        yield _clip(start, max(end - start, moments[0]), moments[: len(found)], found)


def _clip(start: float, seconds: float, moments: npt.NDArray[np.float64], found: list[Frames]) -> HeldClip:
    frames = np.stack(found)
    facts = FilmFacts(start + seconds, len(found), USUAL_RATE, frames.shape[2], frames.shape[1])
    return HeldClip(NAME, Path("-"), (), facts, start, seconds, moments, frames)
