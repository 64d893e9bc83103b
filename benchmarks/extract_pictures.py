"""The models that extract_speed.py measures, and the pictures that go in, as arrays and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

MODELS = {
    "compact_cnn": ((48, 48, 1), 8192, "block3_conv"),
    "deep_cnn": ((48, 48, 1), 1024, "block4_conv"),
    "resnet50": ((224, 224, 3), 128, "conv5_block3_out"),
}
FILES = {"compact_cnn": 12000, "deep_cnn": 6000, "resnet50": 600}


def pictures(model: str) -> np.ndarray:
    """Smooth random pictures, uint8."""
    shape, count, _ = MODELS[model]
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, shape[0] // 8, shape[1] // 8, shape[2]), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def write_files(folder: Path, model: str) -> None:
    """One JPEG per picture, in a folder for the one class that Keras' reader wants."""
    from PIL import Image

    below = folder / model / "all"
    below.mkdir(parents=True)
    decoded = pictures(model)
    for number in range(FILES[model]):
        picture = Image.fromarray(decoded[number % len(decoded)].squeeze())
        picture.save(below / f"{number:06}.jpg", quality=90)


def names_in(folder: str) -> list[str]:
    """File names of the pictures."""
    return sorted(path.name for path in Path(folder).iterdir())
