"""Small pictures that the tests of the readers are made of."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, height: int = 8, width: int = 6, channels: int = 1) -> np.ndarray:
    """Random values, (height, width) or (height, width, 3), uint8."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def png(array: np.ndarray) -> bytes:
    return encoded(Image.fromarray(array))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def class_folders(root: Path, counts: Mapping[str, int], first_seed: int = 0, **options: int) -> Path:
    """`root/class/0.png, 1.png, ...`, every picture different."""
    seed = first_seed
    for name, count in counts.items():
        for number in range(count):
            write(root / name / f"{number}.png", png(picture(seed, **options)))
            seed += 1
    return root


def names_of(splits: object, name: str, root: Path) -> list[str]:
    """Where the samples of one split came from, relative to the root."""
    return [str(Path(found).relative_to(root)) for found in splits[name].names()]


def contents(split: object) -> set[bytes]:
    return {split.samples.load(index).tobytes() for index in range(len(split))}


def reasons(skipped: Iterable[object]) -> dict[str, str]:
    """Reason by file name."""
    return {Path(one.path).name: one.reason for one in skipped}
