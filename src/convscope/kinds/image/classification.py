"""Images into classes: which of the class names does an image belong to?

From top to bottom: a folder or table of images is read into splits, images become uint8 arrays of one
size, an architecture learns from them with small random changes, and answers with one probability per class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from convscope.data.splits import Split
from convscope.errors import UsageError
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.image.augmentation import ImageAugmentation, mirrored, zoomed
from convscope.kinds.image.kind import IMAGE_CLASSIFICATION
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.image.readers.reader import read_images
from convscope.kinds.image.representation import ImageRepresentation
from convscope.kinds.tasks.classification import classification_recipe


def fit_representation(
    train: Split, size: tuple[int, int] | None = None
) -> tuple[ImageRepresentation, Sequence[str]]:
    """Chooses size and channels from the train split, unless the size is given as (height, width)."""
    return ImageRepresentation.fit(train, size=(size[0], size[1]) if size else None)


def augmentation(
    strength: float, flip: bool = True, erase: float = 0.0
) -> Callable[[Any, np.random.Generator], Any]:
    """Shift, flip, rotation, zoom, contrast and erasing, `strength` times as far as by default.

    Args:
        strength: 1 is the default.
        flip: Whether a mirrored image keeps its class; it does not for digits and letters.
        erase: Share of the images in which a rectangle is painted over.

    Raises:
        UsageError: `erase` is not from 0 to 1.
    """
    _check_share("erase", erase, 1.0)
    return replace(ImageAugmentation(), flip=flip, erase=erase).scaled(strength)


def test_time_views(
    mirror: bool = False, flip: bool = True, zoom: float = 0.0
) -> Sequence[Callable[[Any], Any]]:
    """What an answer is averaged over besides the image itself.

    Args:
        mirror: Whether over mirrored images.
        flip: Whether mirroring keeps the class; without it nothing is mirrored.
        zoom: The share by which an image is also made larger and smaller; at 0 it is not.

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


def _mirrored_after(images: Any, view: Callable[[Any], Any]) -> Any:
    return mirrored(view(images))


RECIPE = classification_recipe(
    IMAGE_CLASSIFICATION,
    read=read_images,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, ImageRepresentation.from_json),
    augmentation=augmentation,
    test_time_views=test_time_views,
)
