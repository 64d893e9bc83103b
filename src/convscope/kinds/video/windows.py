"""Decoded clips and windows of them: chosen, and changed at random.

A batch of clips is one array, uint8 (clips, frames + 2, height, width, channels): the frames, the background
of the clip, and a plane whose first two bytes say how many of the frames are of the clip, low byte first;
those behind them repeat the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.kinds.video.readers.films import Frames

FRAMES = 12
"""Of a window, where nothing else is asked for."""
BESIDE = 2
"""Planes of a packed clip behind its frames."""

Packed = npt.NDArray[np.uint8]
"""Clips as the top of this file says."""


def packed(frames: Frames, background: Frames, room: int) -> Packed:
    """One clip, shape (room + 2, height, width, channels).

    Args:
        frames: Shape (frames, height, width, channels), at most `room` of them, of two bytes each at least.
        background: Shape (height, width, channels).
        room: Frames that there is room for.
    """
    count = len(frames)
    about = np.zeros(background.size, np.uint8)
    about[:2] = count % 256, count // 256
    rest = np.broadcast_to(frames[-1], (room - count, *background.shape))
    return np.concatenate([frames, rest, background[None], about.reshape(1, *background.shape)])


def counts_of(clips: Packed) -> npt.NDArray[np.int64]:
    """How many frames of each clip are its own, shape (clips,)."""
    about = clips[:, -1].reshape(len(clips), -1)[:, :2].astype(np.int64)
    return np.asarray(about[:, 0] + 256 * about[:, 1])


def window(clips: Packed, frames: int, share: float = 0.5) -> Packed:
    """A window of some frames of each clip.

    Args:
        clips: With at least as many frames each.
        frames: Of the window.
        share: Where it lies: 0 at the beginning of each clip, 1 at its end.

    Returns:
        Clips of so many frames.
    """
    if clips.shape[1] == frames + BESIDE:
        return clips
    starts = np.rint(share * (np.maximum(counts_of(clips), frames) - frames)).astype(np.int64)
    return windows_at(clips, starts[:, None] + np.arange(frames))


def windows_at(clips: Packed, places: npt.NDArray[np.int64]) -> Packed:
    """Some frames of each clip, by their numbers, shape (clips, frames)."""
    rows = np.arange(len(clips))[:, None]
    chosen = np.concatenate([clips[rows, places], clips[:, -BESIDE:]], axis=1)
    about = chosen[:, -1].reshape(len(clips), -1)
    about[:, :2] = places.shape[1] % 256, places.shape[1] // 256
    chosen[:, -1] = about.reshape(chosen[:, -1].shape)
    return np.asarray(chosen)


@dataclass(frozen=True)
class ClipAugmentation:
    """Random changes of a batch of clips; all frames of a clip are changed alike.

    Args:
        frames: Of a window, which is drawn from anywhere in a clip.
        flip: Whether half of the clips are mirrored.
        shift: Share of a side, at most.
        zoom: Share by which it becomes larger or smaller, at most.
        rotate: Degrees either way, at most.
        speed: Share by which it runs faster or slower, at most.
        contrast: Share by which values are spread or drawn together around their mean, at most.
    """

    frames: int
    flip: bool = True
    shift: float = 0.1
    zoom: float = 0.15
    rotate: float = 5.0
    speed: float = 0.1
    contrast: float = 0.2

    def scaled(self, strength: float) -> ClipAugmentation:
        """The same changes, so many times as far; mirroring and the draw of windows stay."""
        names = ("shift", "zoom", "rotate", "speed", "contrast")
        return replace(self, **{name: strength * getattr(self, name) for name in names})

    def __call__(self, batch: Packed, rng: np.random.Generator) -> Packed:
        """Changes each clip of a batch by itself.

        Args:
            batch: As `DecodedClips.take` gives it.
            rng: Where the random numbers come from; the same state gives the same clips.

        Returns:
            Windows of the same size.
        """
        draws = rng.uniform(-1, 1, (len(batch), 6))
        mirrored, starts = rng.random(len(batch)) < 0.5, rng.random(len(batch))
        speeds = 1 + self.speed * draws[:, 5]
        changed = windows_at(batch, self._places(counts_of(batch), starts, speeds))
        for at, clip in enumerate(changed):
            planes = self._moved(clip[:-1], draws[at])  # the background as well
            if self.flip and mirrored[at]:
                planes = planes[:, :, ::-1]
            changed[at, :-1] = _spread(planes, 1 + self.contrast * draws[at, 4]) if self.contrast else planes
        return changed

    def _places(
        self,
        counts: npt.NDArray[np.int64],
        starts: npt.NDArray[np.float64],
        speeds: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.int64]:
        """The frames of windows that begin anywhere and run at another speed, shape (clips, frames)."""
        steps = np.arange(self.frames) * speeds[:, None]
        first = starts[:, None] * np.maximum(counts[:, None] - 1 - steps[:, -1:], 0)
        return np.asarray(np.clip(np.rint(first + steps), 0, counts[:, None] - 1), np.int64)

    def _moved(self, clip: Frames, draws: npt.NDArray[np.float64]) -> Frames:
        """Shifted, zoomed and turned at once; what comes from outside repeats the border."""
        if not (self.shift or self.zoom or self.rotate):
            return clip
        _, height, width, channels = clip.shape
        angle, scale = np.radians(self.rotate) * draws[2], 1 / (1 + self.zoom * draws[3])
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        margin = int(0.5 * max(height, width))
        padded = np.pad(clip, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="edge")
        x, y = width / 2, height / 2
        left = x + margin + self.shift * width * draws[0] - cosine * x + sine * y
        top = y + margin + self.shift * height * draws[1] - sine * x - cosine * y
        matrix = (cosine, -sine, left, sine, cosine, top)
        moved = np.empty_like(clip)
        for at, frame in enumerate(padded):
            image = Image.fromarray(frame[..., 0] if channels == 1 else frame)
            turned = image.transform(
                (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
            )
            moved[at] = np.asarray(turned).reshape(height, width, channels)
        return moved


def _spread(clip: Frames, factor: float) -> Frames:
    """Values spread around their mean, or drawn together."""
    mean = float(clip.mean())
    table = np.clip(np.rint((np.arange(256) - mean) * factor + mean), 0, 255).astype(np.uint8)
    return np.asarray(table[clip])


def augmentation(
    strength: float, frames: int | None = None, flip: bool = True
) -> Callable[[Any, np.random.Generator], Any] | None:
    """Windows from anywhere in a clip; shift, zoom, rotation, speed and contrast, `strength` times as far.

    Args:
        strength: 1 is the default; at 0 windows are drawn and nothing else is changed.
        frames: Of a window; the default of the representation where the user chose none.
        flip: Whether a mirrored clip keeps its class.
    """
    return ClipAugmentation(frames or FRAMES, flip and strength > 0).scaled(strength)


def test_time_views(
    windows: int = 5, mirror: bool = False, flip: bool = True, frames: int | None = None
) -> Sequence[Callable[[Any], Any]]:
    """What an answer is averaged over besides the window in the middle of a clip: others, evenly spread.

    Args:
        windows: How many windows in all.
        mirror: Whether also over mirrored clips.
        flip: Whether a mirrored clip keeps its class; without it nothing is mirrored.
        frames: Of a window; the default of the representation where the user chose none.
    """
    length = frames or FRAMES
    shares = [number / (windows - 1) for number in range(windows)] if windows > 1 else [0.5]
    others = [share for share in shares if share != 0.5]
    views: list[Callable[[Any], Any]] = [partial(window, frames=length, share=share) for share in others]
    if mirror and flip:
        views += [partial(_mirrored, frames=length, share=share) for share in shares]
    return views


def _mirrored(clips: Packed, frames: int, share: float) -> Packed:
    """A window of each clip, left and right exchanged."""
    chosen = window(clips, frames, share)
    planes = chosen[:, :-1, :, ::-1]
    return np.concatenate([planes, chosen[:, -1:]], axis=1)
