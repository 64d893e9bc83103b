"""Clouds to boxes around objects: what is where, how large, and which way does it look?

From top to bottom: clouds and boxes are read into splits, points are brought over a grid that the boxes of
the train split say, a network learns where middles are and what boxes look like, and each cloud gets its
boxes in its own coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.boxes import align_boxes
from convscope.data.kept import kept
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.training.batches import Batch
from convscope.engine.training.class_examples import CompactInputs
from convscope.errors import DataError
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    Recipe,
    ReportSteps,
    RepresentationSteps,
)
from convscope.kinds.points.detection.augmentation import (
    BoxedCloudAugmentation,
    MirroredClouds,
    Pair,
    augmentation,
    test_time_views,
)
from convscope.kinds.points.detection.average_precision import SpaceFound
from convscope.kinds.points.detection.boxes import Floats, SpaceBoxes, inside
from convscope.kinds.points.detection.figure import plot_space_boxes
from convscope.kinds.points.detection.losses import SpaceBoxError
from convscope.kinds.points.detection.metrics import (
    SpaceDetectionMetrics,
    best_thresholds,
    space_metrics,
)
from convscope.kinds.points.detection.reader import read_boxed_clouds, read_inputs
from convscope.kinds.points.detection.representation import PillarRepresentation, fit_representation
from convscope.kinds.points.detection.results import SpaceDetections, to_predictions, write_boxes
from convscope.kinds.points.detection.sources import BoxedClouds
from convscope.kinds.points.detection.targets import center_maps, decoded
from convscope.kinds.points.kind import POINTS_DETECTION
from convscope.kinds.tasks.classification import encoded
from convscope.kinds.tasks.detection import (
    build_detector,
    center_objective,
    counts,
    example_samples,
    output_names,
    predicted_maps,
    thresholds_of,
)
from convscope.kinds.tasks.several_labels import no_mistakes
from convscope.types import Progress

BATCH = 4
"""Clouds that are predicted at a time."""
LEARNED = 40_000
"""Clouds that a training learns from, counted as often as they are seen."""
EPOCHS = (10, 200)
_FEWEST_POINTS = 1
"""Points that a box must hold to be learned."""
_GROWN = 0.05
"""By how much of their sides boxes are larger when their points are counted."""


@dataclass(frozen=True, eq=False)
class SpaceExamples:
    """Clouds with what is to be found in them.

    Args:
        inputs: Encoded clouds.
        boxes: Of each, about the middle of the grid.
        representation: The grid, and what is usual of each class.
        classes: The number of class names.
        augment: Random changes to encoded clouds and their boxes.
    """

    inputs: CompactInputs
    boxes: Sequence[SpaceBoxes]
    representation: PillarRepresentation
    classes: int
    augment: Callable[[Pair, np.random.Generator], Pair] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def lengths(self) -> None:
        """All clouds are alike."""

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs, (maps of centers, maps of boxes))."""
        values = np.asarray(self.inputs.take(indices), np.float32)
        pair: Pair = values, [self.boxes[index] for index in indices.tolist()]
        if self.augment is not None and rng is not None:
            pair = self.augment(pair, rng)
        made = [center_maps(each, self.representation, self.classes) for each in pair[1]]
        return pair[0], (np.stack([scores for scores, _ in made]), np.stack([sides for _, sides in made]))


def space_examples(context: ExampleContext[PillarRepresentation]) -> SpaceExamples:
    """The clouds of a split, in memory or on disk where they fit; boxes without points are not learned."""
    represent, split = context.representation, context.split
    inputs = kept(represent.encode(split.samples, progress=context.progress))
    boxes = []
    for index, each in enumerate(split.labels.tolist()):
        moved = represent.to_grid(represent.place_of(split.samples, index), each)
        boxes.append(_with_points(moved, inputs.take(np.array([index]))[0]))
    augment = context.augment if context.training else None
    if isinstance(augment, BoxedCloudAugmentation):
        augment = replace(augment, cell=represent.cell)
    return SpaceExamples(inputs, boxes, represent, len(context.class_names), augment)


def _with_points(boxes: SpaceBoxes, values: npt.NDArray[np.float32]) -> SpaceBoxes:
    """Boxes of which those that hold too few points are ignored."""
    grown = boxes.values.copy()
    grown[:, 3:6] *= 1 + _GROWN
    full = inside(grown, values[:, :3].astype(np.float64)).sum(axis=1) >= _FEWEST_POINTS
    return replace(boxes, ignored=boxes.ignored | ~full)


OBJECTIVE = center_objective(SpaceBoxError)


def find_boxes(
    fitted: Fitted[PillarRepresentation], samples: Samples, progress: Progress
) -> list[SpaceFound]:
    """All boxes of clouds that are not quite unlikely, the surest first, in the coordinates of each."""
    represent = fitted.representation
    views = [each for each in fitted.test_time_views if isinstance(each, MirroredClouds)]
    inputs = represent.encode(samples, 0)
    found: list[SpaceFound] = []
    for scores, sides in predicted_maps(fitted.model, inputs, BATCH, views, lambda values: values):
        index = len(found)
        values, classes, sure = decoded(scores, sides, represent)
        values = represent.from_grid(represent.place_of(samples, index), values)
        found.append(SpaceFound(values, classes, sure, _heights(samples, index, values)))
        progress(len(found), len(inputs), "predicting")
    return found


def _heights(samples: Samples, index: int, values: Floats) -> Floats:
    if isinstance(samples, BoxedClouds):
        return samples.heights(index, values)
    return np.full(len(values), np.inf)


def _has_camera(samples: Samples) -> bool:
    """Whether pictures of a camera say how difficult objects are."""
    return isinstance(samples, BoxedClouds) and len(samples) > 0 and samples.calibration(0) is not None


def predict(fitted: Fitted[PillarRepresentation], samples: Samples, progress: Progress) -> SpaceDetections:
    """The boxes of each cloud, written where that is asked for."""
    found = find_boxes(fitted, samples, progress)
    thresholds, files = thresholds_of(fitted), list[str]()
    folder = fitted.options.get("boxes")
    if folder:
        sure = [each.sure(thresholds) for each in found]
        files = write_boxes(Path(folder), samples, sure, fitted.class_names)
    return SpaceDetections(found, thresholds, files, _has_camera(samples))


def calibrate(
    fitted: Fitted[PillarRepresentation], validation: Split, progress: Progress
) -> dict[str, list[float]]:
    """The threshold of each class by which its boxes have the largest F1 on the validation split."""
    found = find_boxes(fitted, validation.samples, progress)
    true: list[SpaceBoxes] = validation.labels.tolist()
    best = best_thresholds(found, true, fitted.class_names, camera=_has_camera(validation.samples))
    return {"thresholds": [round(float(each), 6) for each in best]}


def evaluate(outputs: SpaceDetections, split: Split, class_names: Sequence[str]) -> SpaceDetectionMetrics:
    """Compares boxes with the true ones.

    Raises:
        DataError: There are no clouds.
    """
    true: list[SpaceBoxes] = split.labels.tolist()
    if len(true) != len(outputs):
        raise DataError(f"expected boxes for {len(outputs)} clouds, received them for {len(true)}")
    return space_metrics(outputs.found, true, class_names, outputs.thresholds, camera=outputs.camera)


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, object]:
    """Epochs that take about as long whatever the number of clouds."""
    many = len(splits.train)
    epochs = int(np.clip(round(LEARNED / many), *EPOCHS))
    return {"epochs": (epochs, f"so that a training sees about {epochs * many:,} clouds")}


RECIPE: Recipe[PillarRepresentation, SpaceDetections] = Recipe(
    spec=POINTS_DETECTION,
    objective=OBJECTIVE,
    read=read_boxed_clouds,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, PillarRepresentation.from_json),
    build=build_detector,
    examples=space_examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=SpaceDetectionMetrics.from_json,
    output_names=output_names,
    encode_inputs=encoded,
    align_labels=align_boxes,
    augmentation=augmentation,
    test_time_views=test_time_views,
    suggest_settings=suggest_settings,
    calibrate=calibrate,
    calibration_optional=True,
    report=ReportSteps("boxes", counts, no_mistakes, example_samples, plot_outputs=plot_space_boxes),
    reads_whole=True,
)
