"""Images into classes: which of the class names does an image belong to?

From top to bottom: a folder or table of images is read into splits, images become uint8 arrays of one
size, an architecture learns from them with small random changes, and answers with one probability per class.
Whether the changes may mirror images is found by a quick first model of the data itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.splits import Split, Splits
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.image.augmentation import augmentation, test_time_views
from convscope.kinds.image.kind import IMAGE_CLASSIFICATION
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.image.readers.reader import read_images
from convscope.kinds.image.representation import ImageRepresentation, fit_representation, suggest_architecture
from convscope.kinds.tasks.classification import classification_recipe
from convscope.types import Progress, no_progress

SIDE = 16
"""Height and width to which images are reduced for the first model, in pixels."""
MOST_LEARNED = 2000
MOST_ASKED = 1000
FEWEST_ASKED = 30
"""Images that the model is asked about at least."""
FEWEST_OF_CLASS = 10
"""Images of a class that is judged alone, at least."""
LOST = 0.1
"""Share of what the model knows that mirroring may cost."""
SMALLEST_RESIDUAL, TINY = 8, 16
"""Sides in pixels from which and below which up to `FEW` train images are learned by a residual network. On
validation images of digits of 8x8 it is the most accurate, as `benchmarks/strangers.py` measures."""
FEW = 10_000
SWAPPED = 0.6
"""Share of a class that mirroring may not turn into another."""

Grays = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mirroring:
    """Whether training may mirror images.

    Args:
        allowed: Whether it may.
        line: Why, for the decisions.
    """

    allowed: bool
    line: str


def mirroring_of(train: Split, class_names: tuple[str, ...], seed: int) -> Mirroring:
    """Finds whether mirrored images keep their classes.

    A linear discriminant analysis learns two thirds of the images, in small, and is asked about the others as
    they are and mirrored. Where it knows mirrored images clearly less, or takes most of a class for another,
    or cannot tell, images are not mirrored: digits, letters and arrows change their meaning.

    Args:
        train: Images with labels.
        class_names: What the labels mean.
        seed: Chooses the images.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(train))[: MOST_LEARNED + MOST_ASKED]
    asked, learned = np.split(order, [min(len(order) // 3, MOST_ASKED)])
    several = np.bincount(train.labels[learned], minlength=len(class_names)) > 1
    learned = learned[several[train.labels[learned]]]  # one image has no covariance
    if len(asked) < FEWEST_ASKED or several.sum() < 2:
        return _off(f"{len(train)} train images are too few to find out whether mirroring keeps classes")
    known = _known(train, learned, asked)
    labels = train.labels[asked]
    right, still = known[0] == labels, known[1] == labels
    chance = float(np.bincount(labels).max() / len(labels))
    plain, mirrored = float(right.mean()), float(still.mean())
    figures = (
        f"a first model knows {plain:.0%} of {len(asked)} train images, and {mirrored:.0%} of them mirrored"
    )
    spread = float(np.std(right.astype(float) - still.astype(float)) / np.sqrt(len(asked)))
    if plain - chance < 2 * np.sqrt(chance * (1 - chance) / len(asked)):
        return _off(f"{figures}, too few to tell whether they keep their classes")
    swapped = _swapped(labels, right, known[1], class_names)
    if swapped:
        return _off(f"{figures}: most of {swapped}")
    if plain - mirrored > max(LOST * (plain - chance), 2 * spread):
        return _off(figures)
    return Mirroring(True, f"flip: on, because {figures}")


def _off(why: str) -> Mirroring:
    return Mirroring(False, f"flip: off, because {why}")


def _known(
    train: Split, learned: npt.NDArray[np.int64], asked: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What the model takes images for, as they are and mirrored."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    small = _small(train, asked)
    with np.errstate(all="ignore"):
        model.fit(_small(train, learned).reshape(len(learned), -1), train.labels[learned])
    return (
        model.predict(small.reshape(len(asked), -1)),
        model.predict(small[:, :, ::-1].reshape(len(asked), -1)),
    )


def _small(train: Split, rows: npt.NDArray[np.int64]) -> Grays:
    """Images in gray, shape (images, SIDE, SIDE)."""
    grays = np.empty((len(rows), SIDE, SIDE), np.float32)
    for place, row in enumerate(rows.tolist()):
        image = Image.fromarray(np.ascontiguousarray(train.samples.load(row))).convert("L")
        grays[place] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return grays


def _swapped(
    labels: npt.NDArray[np.int64],
    right: npt.NDArray[np.bool_],
    mirrored: npt.NDArray[np.int64],
    class_names: tuple[str, ...],
) -> str:
    """The first class whose known images are mostly taken for one other when they are mirrored."""
    for label in np.unique(labels).tolist():
        known = mirrored[right & (labels == label)]
        if len(known) < FEWEST_OF_CLASS:
            continue
        counts = np.bincount(known, minlength=len(class_names))
        other = int(np.argmax(counts))
        if other != label and counts[other] > SWAPPED * len(known):
            return f"{class_names[label]!r} become {class_names[other]!r}"
    return ""


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    flip: bool | None = None,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    intensity_range: Sequence[float] | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
) -> Splits:
    """Reads labelled images, and finds out whether they may be mirrored where the user does not choose.

    Args:
        path: A folder or a file.
        seed: Draws the splits that the data does not have.
        progress: Receives how much is done.
        flip: Whether a mirrored image keeps its class; found by the train images by default.
        label_column: As `read_images`.
        label_pattern: As `read_images`.
        group: As `read_images`.
        intensity_range: As `read_images`.
        encoding: As `read_images`.
        drop_column: As `read_images`.

    Raises:
        DataError, UsageError: As `read_images`.
    """
    splits = read_images(
        path,
        seed=seed,
        progress=progress,
        label_column=label_column,
        label_pattern=label_pattern,
        group=group,
        intensity_range=intensity_range,
        encoding=encoding,
        drop_column=drop_column,
    )
    if flip is not None or not len(splits.train):
        return splits
    found = mirroring_of(splits.train, splits.class_names, seed)
    return replace(
        splits, decisions=(*splits.decisions, found.line), reading={**splits.reading, "flip": found.allowed}
    )


def suggest(representation: ImageRepresentation, splits: Splits) -> tuple[str, str] | None:
    """A residual network for tiny images, which train fast; else what suits images of a size."""
    height, width = representation.shape[:2]
    if min(height, width) >= SMALLEST_RESIDUAL and max(height, width) < TINY and len(splits.train) <= FEW:
        return (
            "residual_cnn",
            f"images of {height}x{width} are tiny, so that even the most accurate one trains fast",
        )
    return suggest_architecture(representation, splits)


RECIPE = classification_recipe(
    IMAGE_CLASSIFICATION,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, ImageRepresentation.from_json),
    augmentation=augmentation,
    test_time_views=test_time_views,
    suggest_architecture=suggest,
)
