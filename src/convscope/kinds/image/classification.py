"""Pictures into classes: which of the class names does a picture belong to?

From top to bottom: a folder or table of pictures is read into splits, pictures become uint8 arrays of one
size, an architecture learns from them with small random changes, and answers with one probability per class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Split, Splits
from convscope.errors import UsageError
from convscope.kinds.contract.recipe import Recipe
from convscope.kinds.image.augmentation import ImageAugmentation, mirrored, zoomed
from convscope.kinds.image.detect import detect
from convscope.kinds.image.readers.inputs import ImageInputs, read_inputs
from convscope.kinds.image.readers.reader import read_images
from convscope.kinds.image.representation import ImageRepresentation
from convscope.kinds.tasks.classification import CLASSIFICATION
from convscope.types import Progress, no_progress

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "compact_cnn": {"epochs": 60, "augmentation": 0.1},
    "deep_cnn": {"epochs": 30, "augmentation": 0.5},
    "padded_cnn": {
        "epochs": 30,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "augmentation": 0.25,
        "flip": False,
    },
    "residual_cnn": {
        "epochs": 50,
        "batch_size": 128,
        "learning_rate": 2e-3,
        "weight_decay": 0.05,
        "label_smoothing": 0.1,
        "mixing": 0.2,
        "erase": 0.5,
        "mirror": True,
        "zoom": 0.05,
    },
}


def recognizes(snapshot: DataSnapshot) -> str | None:
    """Labelled pictures."""
    found = detect(snapshot)
    return found.reason if found is not None and found.recipe == "image-classification" else None


def read(path: str | Path, *, seed: int = 0, progress: Progress = no_progress, **_: Any) -> Splits:
    """Labelled pictures of any layout."""
    return read_images(path, seed=seed, progress=progress)


def read_given(paths: Sequence[str], *, progress: Progress = no_progress, **_: Any) -> ImageInputs:
    """Pictures without labels."""
    return read_inputs(paths, progress=progress)


def fit_representation(
    train: Split, size: tuple[int, int] | None = None, **_: Any
) -> tuple[ImageRepresentation, Sequence[str]]:
    """Chooses size and channels from the train split, unless the size is given as (height, width)."""
    return ImageRepresentation.fit(train, size=(size[0], size[1]) if size else None)


def augmentation(
    strength: float, flip: bool = True, erase: float = 0.0, **_: Any
) -> Callable[[Any, np.random.Generator], Any]:
    """Shift, flip, rotation, zoom, contrast and erasing, `strength` times as far as by default.

    Args:
        strength: 1 is the default.
        flip: Whether a mirrored picture keeps its class; it does not for digits and letters.
        erase: Share of the pictures in which a rectangle is painted over.

    Raises:
        UsageError: `erase` is not from 0 to 1.
    """
    _check_share("erase", erase, 1.0)
    return replace(ImageAugmentation(), flip=flip, erase=erase).scaled(strength)


def views(
    mirror: bool = False, flip: bool = True, zoom: float = 0.0, **_: Any
) -> Sequence[Callable[[Any], Any]]:
    """What an answer is averaged over besides the picture itself.

    Args:
        mirror: Whether over mirrored pictures.
        flip: Whether mirroring keeps the class; without it nothing is mirrored.
        zoom: The share by which a picture is also made larger and smaller; at 0 it is not.

    Raises:
        UsageError: `zoom` is not from 0 to a half.
    """
    _check_share("zoom", zoom, 0.5)
    sizes = [partial(zoomed, share=share) for share in (zoom, -zoom) if share]
    if not (mirror and flip):
        return sizes
    return [*sizes, mirrored, *(partial(_mirrored_after, view=view) for view in sizes)]


def _check_share(name: str, value: float, most: float) -> None:
    if not isinstance(value, int | float) or not 0 <= value <= most:
        raise UsageError(f"{name} must be from 0 to {most:g}. Received: {name}={value!r}.")


def _mirrored_after(pictures: Any, view: Callable[[Any], Any]) -> Any:
    return mirrored(view(pictures))


IMAGE_CLASSIFICATION = Recipe(
    name="image-classification",
    kind="image",
    task=CLASSIFICATION,
    reads=(
        "a folder per class",
        "train/, validation/ and test/ of such folders",
        "a CSV or Parquet table of path, label and split",
        "the FER2013 CSV: emotion, pixels, Usage",
        "Parquet with encoded pictures, as Hugging Face writes it",
        ".npz with arrays of pictures and labels",
        "IDX files, compressed or not",
    ),
    architectures=("compact_cnn", "deep_cnn", "padded_cnn", "residual_cnn"),
    settings=SETTINGS,
    options=("size", "flip", "erase", "mirror", "zoom"),
    recognizes=recognizes,
    read=read,
    read_inputs=read_given,
    fit_representation=fit_representation,
    load_representation=ImageRepresentation.from_json,
    augmentation=augmentation,
    views=views,
)
