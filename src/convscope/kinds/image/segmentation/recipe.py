"""Images to a class for each pixel: what is where?

From top to bottom: images and masks are read into splits and brought to one size, a U-Net learns from windows
with small random changes, and each image gets a mask in its own size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.masks import BACKGROUND, Classes
from convscope.data.splits import Samples, Splits
from convscope.files import written_whole
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.image.kind import IMAGE_SEGMENTATION
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.image.readers.mask_reader import read_masked_images
from convscope.kinds.image.segmentation.augmentation import augmentation, test_time_views
from convscope.kinds.image.segmentation.representation import MaskedImageRepresentation, fit_representation
from convscope.kinds.tasks.segmentation import MaskGeometry, segmentation_recipe
from convscope.kinds.tasks.segmentation_examples import suited
from convscope.lenses.figures.classes import class_palette
from convscope.lenses.figures.outlines import Plane

LEARNED = 1e9
"""Pixels that a training learns from, counted as often as they are seen."""
STEP = 360_000
"""Pixels of a batch."""


def planes(sample: npt.NDArray[np.uint8], masks: Sequence[Classes]) -> list[Plane]:
    """The image as it is."""
    return [Plane(sample, masks)]


def amount(samples: Samples, index: int) -> tuple[float, str]:
    """A pixel."""
    return 1.0, "pixels"


def write_png(
    folder: Path, samples: Samples, index: int, classes: Classes, class_names: Sequence[str]
) -> Path:
    """Writes a mask as a PNG of palette colors, whose values are the numbers of the classes from 0.

    The file is called as the image, with `_mask` behind it, and a number where another image of this
    folder is called so too.
    """
    stem = Path(samples.name(index)).name
    stem = stem.rpartition(".")[0] or stem
    same = sum(_stem(samples.name(each)) == _stem(samples.name(index)) for each in range(index))
    path = folder / f"{stem.replace('#', '_')}_mask{f'_{same + 1}' if same else ''}.png"
    image = Image.new("P", classes.shape[::-1])
    image.frombytes(np.ascontiguousarray(classes).tobytes())
    colors = class_palette(len(class_names)).copy()
    colors[[k for k, name in enumerate(class_names) if name.lower() == BACKGROUND]] = 0
    image.putpalette(colors.astype(np.uint8).tobytes())
    with written_whole(path) as part:
        image.save(part, "PNG", optimize=True)
    return path


def _stem(name: str) -> str:
    return Path(name).stem.lower()


def suggest_settings(
    architecture: str, splits: Splits, *, representation: MaskedImageRepresentation
) -> Mapping[str, Any]:
    """Epochs and batches that take about as long whatever the number and size of images."""
    size = representation.height, representation.width
    return suited([size] * len(splits.train), representation.shape[:-1], LEARNED, STEP)


RECIPE = segmentation_recipe(
    IMAGE_SEGMENTATION,
    read=read_masked_images,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, MaskedImageRepresentation.from_json),
    geometry=MaskGeometry(planes, amount, write_png),
    augmentation=augmentation,
    test_time_views=test_time_views,
    suggest_settings=suggest_settings,
)
