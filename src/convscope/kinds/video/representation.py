"""Clips of any size, length and rate to windows of frames on an even grid of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Split
from convscope.errors import UsageError
from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.video.readers.films import FilmFacts, Frames
from convscope.kinds.video.readers.sources import Clip, FileClips
from convscope.kinds.video.windows import BESIDE, FRAMES, Packed, packed, window
from convscope.types import Progress, no_progress

Camera = Literal["fixed", "moving"]

SIDE, SPAN = 96, 1.2
"""Pixels of the longer side of a frame, and seconds of a window at most, where nothing else is asked for."""
MOST_ROOM = 128
"""Frames of a clip that windows are drawn from, at most."""
GRID = 8
"""Sides are multiples of so many pixels, so that they can be halved."""
CONTRAST = 64.0
"""Difference from the background that becomes 1."""
_LOOKED_AT, _MOMENTS, _SMALL = 24, 8, (36, 48)
_DIFFERS = 16
"""Difference from the median by which a pixel is not that of a background."""
_STILL = 0.25
"""Share of such pixels, in the median clip, below which a camera does not move."""


@dataclass(frozen=True, eq=False)
class FramesDescription(SampleDescription):
    """What the frames of a model's input are.

    Args:
        times: When each is shown, in seconds from the beginning of the film, shape (frames,).
        shown: The frames themselves, uint8 (frames, height, width, channels), where the input is what differs
            from their background; None where it is the frames.
    """

    times: npt.NDArray[np.float64]
    shown: Frames | None = None


@dataclass(frozen=True)
class ClipRepresentation(Plain):
    """The grid of time and pixels that every clip is brought to.

    Args:
        frames: Of a window, which a model takes.
        size: Height and width in pixels.
        channels: 1 for gray, 3 for red, green and blue.
        step: Seconds between frames.
        room: Frames of a clip that windows are drawn from; of a longer clip those in the middle.
        camera: `fixed`: a model takes what differs from the median of the frames; `moving`: it takes them.

    Raises:
        UsageError: A size, a step or a number is not positive, or there is no room for a window.
    """

    _WHAT = "video representation"
    _KEPT: ClassVar = {"kind": "video", "version": 1}

    frames: Annotated[int, Within(1, 256)]
    size: tuple[int, int]
    channels: Annotated[int, Within(1, 3)]
    step: float
    room: Annotated[int, Within(1, 4096)]
    camera: Camera

    def __post_init__(self) -> None:
        if min(self.size) < 1 or max(self.size) > 4096 or not 0 < self.step < 3600 or self.room < self.frames:
            raise UsageError(
                "a video representation takes a positive size and step and room for a window, received"
                f" {self.size}, {self.step} and {self.room} frames for windows of {self.frames}"
            )
        if self.channels == 2:
            raise UsageError("a video representation takes 1 or 3 channels, received 2")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(frames, height, width, channels), the input shape of a model."""
        return (self.frames, *self.size, self.channels)

    @property
    def sizes(self) -> dict[str, int]:
        """Nothing but the shape."""
        return {}

    @property
    def seconds(self) -> float:
        """How long a window is."""
        return self.frames * self.step

    @property
    def in_words(self) -> str:
        """How long a frame and a window are, for explanations."""
        taken = (
            " A pixel is what differs from the median of its clip, so that the background is 0."
            if self.camera == "fixed"
            else ""
        )
        return (
            f"Positions along the first axis are frames, {self.step:.3g} s apart: an input shows"
            f" {self.seconds:.3g} s of a film, and a receptive field of n frames sees"
            f" (n - 1) x {self.step:.3g} s of it.{taken}"
        )

    def times(self, seconds: float) -> npt.NDArray[np.float64]:
        """When the frames of a clip are that windows are drawn from, in seconds from its beginning."""
        count = min(max(int(seconds / self.step + 0.5), 1), self.room)
        start = max(seconds - count * self.step, 0.0) / 2
        return np.asarray(start + (np.arange(count) + 0.5) * self.step)

    def middle(self, seconds: float) -> npt.NDArray[np.float64]:
        """When the frames of the window in the middle of a clip are, shape (frames,)."""
        times = self.times(seconds)
        held = np.minimum(np.arange(max(len(times), self.frames)), len(times) - 1)
        start = round(0.5 * (len(held) - self.frames))
        return np.asarray(times[held[start : start + self.frames]])

    def decode(self, clip: Clip) -> tuple[Frames, Frames]:
        """The frames of a clip, at least those of a window, and its background."""
        frames = clip.at(self.times(clip.seconds), self.size, self.channels)
        fixed = self.camera == "fixed"
        behind = np.median(frames, axis=0).astype(np.uint8) if fixed else np.zeros(frames.shape[1:], np.uint8)
        if len(frames) < self.frames:  # the last frame of a short clip is held
            frames = frames[np.minimum(np.arange(self.frames), len(frames) - 1)]
        return frames, behind

    def encode(
        self, samples: FileClips, limit_bytes: int = 0, progress: Progress = no_progress
    ) -> HeldArrays[np.uint8] | LazyArrays[np.uint8]:
        """The clips of a split, decoded when they are asked for: so decoding overlaps training.

        Args:
            samples: The clips.
            limit_bytes: How much memory decoded ones may take; by default none is held there.
            progress: Receives the number of clips decoded.
        """
        shape = (self.room + BESIDE, *self.size, self.channels)
        lazy = LazyArrays(samples, lambda clip: packed(*self.decode(clip), self.room), shape, np.uint8)
        return lazy.held(limit_bytes, progress, "decoding clips")

    def to_inputs(self, values: Packed) -> npt.NDArray[np.float32]:
        """Windows as float32: the middle ones, where clips are longer.

        Returns:
            Shape (clips, frames, height, width, channels): from 0 to 1, or of a fixed camera the difference
            from the background in units of `CONTRAST`.
        """
        chosen = window(values, self.frames)
        frames = chosen[:, :-BESIDE].astype(np.float32)
        if self.camera == "moving":
            frames /= np.float32(255)
            return frames
        frames -= chosen[:, -BESIDE, None].astype(np.float32)
        frames /= np.float32(CONTRAST)
        return frames

    def describe(self, sample: Clip) -> FramesDescription:
        """The times of the frames of the middle window, and what they show."""
        times = self.middle(sample.seconds)
        shown = sample.at(times, self.size, self.channels) if self.camera == "fixed" else None
        return FramesDescription(times + sample.start, shown)

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many windows of noise, shape (count, frames, height, width, channels)."""
        return np.random.default_rng(0).random((count, *self.shape), np.float32)


def fit_representation(
    train: Split,
    frames: int | None = None,
    side: int | None = None,
    span: float | None = None,
    camera: Camera | None = None,
) -> tuple[ClipRepresentation, Sequence[str]]:
    """Chooses the grid of time and pixels from the train split.

    Args:
        train: The train split.
        frames: Of a window, where the user chose them.
        side: Pixels of its longer side, where the user chose them.
        span: Its seconds, where the user chose them.
        camera: Whether it moves, where the user said it.

    Returns:
        The representation, and one line for each choice with its reason.

    Raises:
        UsageError: The split is empty.
    """
    source = as_clips(train)
    if not len(source):
        raise UsageError("a representation is fitted to at least one clip, received an empty split")
    lengths = np.array([source.load(at).seconds for at in range(len(source))])
    count = FRAMES if frames is None else frames
    seconds = min(SPAN, float(np.quantile(lengths, 0.1))) if span is None else span
    step = round(seconds / count, 4) or 1e-4
    size, said = proportions(source.facts, side)
    held, why = _camera(source, camera)
    room = min(max(math.ceil(lengths.max() / step), count), MOST_ROOM)
    made = ClipRepresentation(count, size, 1 if held == "fixed" else 3, step, room, held)
    lines = [
        f"windows: {count} frames {step:.3g} s apart, {made.seconds:.3g} s, "
        + ("as given" if frames is not None and span is not None else "which nine of ten train clips hold"),
        said,
        why,
    ]
    short, long = int((lengths < made.seconds - step).sum()), int((lengths > (room + 1) * step).sum())
    if short:
        lines.append(f"short clips: the last frame is held in {short} train clips shorter than a window")
    if long:
        lines.append(f"long clips: {room * step:.3g} s in the middle are taken of {long} train clips")
    return made, lines


def as_clips(split: Split) -> FileClips:
    """The samples of a split as clips.

    Raises:
        UsageError: They are something else.
    """
    if not isinstance(split.samples, FileClips):
        raise UsageError(f"expected a split of clips, received one of {type(split.samples).__name__}")
    return split.samples


def proportions(facts: Sequence[FilmFacts], side: int | None) -> tuple[tuple[int, int], str]:
    """Height and width of a frame, and why."""
    shapes = {(fact.height, fact.width) for fact in facts}
    ratio = float(np.median([fact.width / fact.height for fact in facts]))
    longer = SIDE if side is None else side
    sides = (longer / max(ratio, 1), longer * min(ratio, 1))
    height, width = (max(GRID, GRID * round(each / GRID)) for each in sides)
    have = (
        "all train clips have" if len(shapes) == 1 else "train clips have at the median; others are stretched"
    )
    return (height, width), f"size: {height} x {width} pixels, the proportions that {have}"


def _camera(source: FileClips, given: Camera | None) -> tuple[Camera, str]:
    """Whether the camera stands still, by how much of each clip differs from its median."""
    if given is not None:
        return given, f"camera: {given}, as given"
    moved = []
    for at in np.unique(np.linspace(0, len(source) - 1, _LOOKED_AT).astype(int)).tolist():
        clip = source.load(at)
        times = (np.arange(_MOMENTS) + 0.5) / _MOMENTS * clip.seconds
        frames = clip.at(times, _SMALL, 1).astype(np.float32)
        moved.append(float((np.abs(frames - np.median(frames, axis=0)) > _DIFFERS).mean()))
    share = float(np.median(moved))
    if share < _STILL:
        return "fixed", (
            f"camera: fixed, because {share:.1%} of the pixels differ from the median of their clip; the"
            " model takes that difference in gray, so that no background is learned"
        )
    return "moving", f"camera: moving, because {share:.1%} of the pixels differ from the median of their clip"
