"""Clips by their files: films, parts of films, folders of frames; decoded when they are asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.digests import digest_of
from convscope.errors import DataError
from convscope.kinds.video.readers.films import (
    ANIMATIONS,
    FILMS,
    MOST_PIXELS,
    USUAL_RATE,
    FilmFacts,
    Frames,
    frames_at,
    look_through,
)

STILLS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
"""Endings of the frames of a folder, in lower case."""
FEWEST_FRAMES = 2
"""Images of a folder that is a clip."""


@dataclass(frozen=True)
class StoredClip:
    """The files of one clip.

    Args:
        key: What it is called below the folder that was read.
        frames: The frames of a folder, relative to that folder, in their order; empty for a film.
        span: First second and the one behind the last, of a part of a film; None for all of it.
    """

    key: str
    frames: tuple[str, ...] = ()
    span: tuple[float, float] | None = None

    @property
    def called(self) -> str:
        """Its key, with the seconds of a part as in media fragments: `film.mp4#t=2,4`."""
        return self.key if self.span is None else f"{self.key}#t={self.span[0]:g},{self.span[1]:g}"


@dataclass(frozen=True)
class Clip:
    """A clip, of which frames are decoded when they are asked for.

    Args:
        name: What it is called.
        path: The film, or the folder of its frames.
        frames: The files of its frames; empty for a film.
        facts: What is known of the whole film.
        start: Where it begins in the film, in seconds.
        seconds: How long it is.
    """

    name: str
    path: Path
    frames: tuple[Path, ...]
    facts: FilmFacts
    start: float
    seconds: float

    def at(self, times: npt.NDArray[np.float64], size: tuple[int, int], channels: int) -> Frames:
        """The frames that are on the screen at some times.

        Args:
            times: In seconds from the beginning of the clip, rising, shape (n,).
            size: Height and width of the frames.
            channels: 1 for gray, 3 for red, green and blue.

        Returns:
            Shape (n, height, width, channels), uint8.

        Raises:
            DataError: A file has changed or gone since it was found.
        """
        moments = np.asarray(times, np.float64) + self.start
        if not self.frames:
            return frames_at(self.path, self.name, moments, size, channels, self.facts.origin)
        numbers = np.clip(np.floor(moments * self.facts.rate + 1e-6), 0, len(self.frames) - 1).astype(int)
        stills = {
            number: _still(self.frames[number], size, channels) for number in np.unique(numbers).tolist()
        }
        return np.stack([stills[number] for number in numbers.tolist()])


@dataclass(frozen=True)
class FileClips:
    """Clips in files below one folder.

    Args:
        root: The folder, or an empty string where the names are whole paths.
        stored: The files of each.
        facts: Of each; empty as long as they were not looked through.
        rate: Frames a second of folders of frames.
    """

    root: str
    stored: Sequence[StoredClip]
    facts: Sequence[FilmFacts] = field(default=(), repr=False)
    rate: float = USUAL_RATE

    def __len__(self) -> int:
        return len(self.stored)

    def load(self, index: int) -> Clip:
        """One clip, not decoded; its frames are read from several threads at once."""
        found, facts = self.stored[index], self.facts[index]
        start, end = found.span or (0.0, facts.seconds)
        place = Path(self.root, found.key)
        return Clip(self.name(index), place, self._frames(found), facts, start, end - start)

    def _frames(self, found: StoredClip) -> tuple[Path, ...]:
        return tuple(Path(self.root, key) for key in found.frames)

    def look_through(self, index: int) -> tuple[FilmFacts, bytes]:
        """What a file holds, and a digest of it.

        Raises:
            DataError: It is no film, or none of its frames can be decoded.
        """
        found, name = self.stored[index], self.name(index)
        frames = self._frames(found)
        if not frames:
            path = Path(self.root, found.key)
            return look_through(path, name), digest_of(path.read_bytes())
        with _image(frames[0]) as image:
            width, height = image.size
        facts = FilmFacts(len(frames) / self.rate, len(frames), self.rate, width, height)
        return facts, digest_of(b"".join(digest_of(path.read_bytes()) for path in frames))

    def name(self, index: int) -> str:
        """The file or folder of a clip, and the seconds of a part."""
        return os.path.join(self.root, self.stored[index].called)  # noqa: PTH118 - many of them

    def key(self, index: int) -> str:
        """The same relative to the root."""
        return self.stored[index].called

    def take(self, indices: npt.NDArray[np.int64]) -> FileClips:
        """The same source with only these clips."""
        rows = indices.tolist()
        facts = [self.facts[row] for row in rows] if self.facts else ()
        return FileClips(self.root, [self.stored[row] for row in rows], facts, self.rate)


def may_be_film(key: str) -> bool:
    """Whether a file is a film, or a picture that may move, by its ending."""
    return key.lower().endswith((*FILMS, *ANIMATIONS))


def may_be_frame(key: str) -> bool:
    """Whether a file may be a frame, by its ending."""
    return key.lower().endswith(STILLS)


def clips_of(keys: Iterable[str]) -> list[StoredClip]:
    """A clip for each film, and, where there is no film, for each folder of frames.

    Args:
        keys: Files, relative to one folder.

    Returns:
        In the order of their keys; frames in the order of the numbers in their names.
    """
    given = list(keys)
    films = [key for key in given if may_be_film(key)]
    if films:
        return [StoredClip(key) for key in sorted(films)]
    folders: dict[str, list[str]] = {}
    for key in given:
        parent = str(PurePosixPath(key).parent)
        if may_be_frame(key) and parent != ".":
            folders.setdefault(parent, []).append(key)
    return [
        StoredClip(folder, tuple(sorted(files, key=natural)))
        for folder, files in sorted(folders.items())
        if len(files) >= FEWEST_FRAMES
    ]


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key by which `frame2` comes before `frame10`.

    Example:
        >>> sorted(["f10.png", "f2.png", "e3.png"], key=natural)
        ['e3.png', 'f2.png', 'f10.png']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts)


def _image(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read as a frame ({error})") from error
    if image.width * image.height > MOST_PIXELS:
        raise DataError(
            f"{path}: expected a frame that fits in memory, received {image.width} x {image.height}"
        )
    return image


def _still(path: Path, size: tuple[int, int], channels: int) -> Frames:
    """A frame of a folder, resized by averaging, shape (height, width, channels)."""
    with _image(path) as image:
        try:
            small = image.convert("L" if channels == 1 else "RGB").resize(size[::-1], Image.Resampling.BOX)
        except (OSError, ValueError, SyntaxError) as error:
            raise DataError(f"{path}: cannot be read as a frame ({error})") from error
    return np.asarray(small, np.uint8).reshape(*size, channels)
