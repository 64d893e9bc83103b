"""Images to a number each: how old, how many, how far does an image show?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.number_labels import assemble_numbers
from convscope.data.splits import Splits
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.image.augmentation import augmentation, test_time_views
from convscope.kinds.image.kind import IMAGE_REGRESSION
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.image.readers.reader import find_images
from convscope.kinds.image.representation import ImageRepresentation, fit_representation, suggest_architecture
from convscope.kinds.tasks.regression import regression_recipe
from convscope.types import Progress, no_progress


def read_numbered_images(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    intensity_range: Sequence[float] | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
) -> Splits:
    """Reads images with a number each, from any layout that `read_images` reads.

    Args:
        path: As `read_images`.
        seed: As `read_images`.
        progress: As `read_images`.
        label_column: The column of numbers.
        label_pattern: As `read_images`.
        group: As `read_images`.
        intensity_range: As `read_images`.
        encoding: As `read_images`.
        drop_column: As `read_images`.

    Raises:
        DataError: As `read_images`; or a label is no number.
    """
    found = find_images(
        Path(path),
        progress,
        label_column=label_column,
        label_pattern=label_pattern,
        group=group,
        intensity_range=intensity_range,
        encoding=encoding,
        drop_column=drop_column,
    )
    return assemble_numbers(found, seed, group)


def unmirrored(
    strength: float, flip: bool = False, erase: float = 0.0
) -> Callable[[Any, np.random.Generator], Any]:
    """As images of classes are changed, but not mirrored unless asked for: numbers may depend on the side."""
    return augmentation(strength, flip, erase)


RECIPE = regression_recipe(
    IMAGE_REGRESSION,
    read=read_numbered_images,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, ImageRepresentation.from_json),
    augmentation=unmirrored,
    test_time_views=test_time_views,
    suggest_architecture=suggest_architecture,
)
