"""The task of finding objects: a box, a class and a score for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import keras
import numpy as np

from convscope.data.boxes import Boxes, Corners, align_boxes, counted
from convscope.data.kept import kept
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import BatchView, predict_batches
from convscope.engine.training.batches import Batch, Prefetched
from convscope.engine.training.class_examples import CompactInputs
from convscope.engine.training.objective import Objective
from convscope.kinds.contract.kind import RecipeSpec
from convscope.kinds.contract.recipe import (
    Augmentation,
    ExampleContext,
    Fitted,
    Inputs,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
    SampleInputs,
)
from convscope.kinds.contract.representation import AnyRepresentation, Representation
from convscope.kinds.tasks.detection_boxes import FoundBoxes, boxes_of_maps, center_targets
from convscope.kinds.tasks.detection_metrics import (
    USUAL_THRESHOLD,
    DetectionMetrics,
    Floats,
    best_thresholds,
)
from convscope.kinds.tasks.detection_results import Detections, evaluate_boxes, plot_boxes, to_predictions
from convscope.kinds.tasks.several_labels import no_mistakes, samples_with_most
from convscope.models.center_head import BoxGIoU, CenterFocal, CenterPrecision
from convscope.types import SPLITS, Array, ArrayTree, Progress, SplitName, Tensor

MEMORY_LIMIT = 2**30
"""Samples that take less than this are kept in memory, in bytes."""
BATCH = 16
"""Samples that are predicted at a time."""

Pair = tuple[Any, Sequence[Boxes]]
"""A batch of encoded samples, and the boxes of each."""


class BoxRepresentation(Representation[Any], Protocol):
    """What brings samples and their boxes to the grid of a model, and boxes back."""

    @property
    def stride(self) -> int:
        """Positions of the input between two of the outputs."""

    def size(self, samples: Samples, index: int) -> tuple[int, int]:
        """Height and width of a sample, in the units of its boxes."""

    def to_grid(self, size: tuple[int, int], corners: Corners) -> Corners:
        """Boxes of a sample of that size as they lie in the model's input."""

    def from_grid(self, size: tuple[int, int], corners: Corners) -> Corners:
        """Boxes of the model's input as they lie in the sample, within its borders."""


R = TypeVar("R", bound=BoxRepresentation)


@dataclass(frozen=True, eq=False)
class DetectionExamples:
    """Samples with what is to be found in them.

    Args:
        inputs: Encoded samples.
        boxes: Of each, on the grid.
        representation: How encoded samples become inputs.
        classes: The number of class names.
        augment: Random changes to encoded samples and their boxes.
    """

    inputs: CompactInputs
    boxes: Sequence[Boxes]
    representation: BoxRepresentation
    classes: int
    augment: Callable[[Pair, np.random.Generator], Pair] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def lengths(self) -> None:
        """All samples are alike."""

    def batch(self, indices: np.ndarray[Any, np.dtype[np.int64]], rng: np.random.Generator | None) -> Batch:
        """(inputs, (maps of centers, distances to sides))."""
        pair: Pair = self.inputs.take(indices), [self.boxes[index] for index in indices.tolist()]
        if self.augment is not None and rng is not None:
            pair = self.augment(pair, rng)
        stride = self.representation.stride
        rows, columns = (-(-int(side or 1) // stride) for side in self.representation.shape[:2])
        made = [center_targets(each, (rows, columns), stride, self.classes) for each in pair[1]]
        targets = np.stack([scores for scores, _ in made]), np.stack([sides for _, sides in made])
        return self.representation.to_inputs(pair[0]), targets


@dataclass(frozen=True)
class FlipView:
    """A batch seen mirrored along an axis, and maps of such a batch mirrored back.

    Args:
        axis: 1 for top to bottom, 2 for left to right.
    """

    axis: int

    def __call__(self, values: Tensor) -> Tensor:
        """The batch mirrored."""
        return np.flip(values, self.axis)

    def undone(self, scores: Array, sides: Array) -> tuple[Array, Array]:
        """Maps of the mirrored batch as those of the batch itself."""
        order = [2, 1, 0, 3] if self.axis == 2 else [0, 3, 2, 1]
        return np.flip(scores, self.axis), np.flip(sides, self.axis)[..., order]


def center_objective(boxes: Callable[[], keras.losses.Loss]) -> Objective:
    """Focal cross-entropy of centers beside a loss of boxes; epochs are compared by how precise centers are.

    Args:
        boxes: Makes the loss of the maps of boxes.
    """
    return Objective(
        loss=lambda settings: [CenterFocal(), boxes()],
        metrics=lambda: [[CenterPrecision()], []],
        monitor="scores_center_precision",
        smoothed=3,
        label="average precision of centers",
    )


OBJECTIVE = center_objective(BoxGIoU)


def detection_recipe(
    spec: RecipeSpec,
    *,
    read: Callable[..., Splits],
    read_inputs: Callable[..., Inputs],
    representation: RepresentationSteps[R],
    augmentation: Callable[..., Augmentation | None],
    test_time_views: Callable[..., Sequence[BatchView]],
    write: Callable[[Path, Samples, Sequence[FoundBoxes], Sequence[str]], Sequence[str]],
    suggest_settings: Callable[..., Mapping[str, Any]],
) -> Recipe[R, Detections]:
    """A recipe that finds objects by models with a center head.

    Args are those of `Recipe`, and `write`: `(folder, samples, found, class_names)` draws boxes over samples
    and gives the file of each. Labels are `Boxes`; an augmentation takes encoded samples with their boxes;
    views are instances of `FlipView`. `spec` has the options `boxes`, the folder that is written to, and
    `threshold`.
    """
    return Recipe(
        spec=spec,
        objective=OBJECTIVE,
        read=read,
        read_inputs=read_inputs,
        representation=representation,
        build=build_detector,
        examples=detection_examples,
        predict=partial(predict, write=write),
        to_predictions=to_predictions,
        evaluate=evaluate_boxes,
        load_metrics=DetectionMetrics.from_json,
        output_names=output_names,
        encode_inputs=encode_inputs,
        align_labels=align_boxes,
        augmentation=augmentation,
        test_time_views=test_time_views,
        suggest_settings=suggest_settings,
        calibrate=calibrate,
        calibration_optional=True,
        report=ReportSteps("boxes", counts, no_mistakes, example_samples, plot_outputs=plot_boxes),
        reads_whole=True,
    )


def build_detector(
    make: ModelFactory,
    representation: AnyRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with a map of centers for each class."""
    return make(representation.shape, len(class_names), **{**representation.sizes, **options})


def detection_examples(context: ExampleContext[BoxRepresentation]) -> DetectionExamples:
    """The samples of a split, in memory or on disk where they fit."""
    represent, split = context.representation, context.split
    inputs = kept(represent.encode(split.samples, MEMORY_LIMIT, context.progress))
    boxes = [
        each.moved(represent.to_grid(represent.size(split.samples, index), each.corners))
        for index, each in enumerate(split.labels.tolist())
    ]
    augment = context.augment if context.training else None
    return DetectionExamples(inputs, boxes, represent, len(context.class_names), augment)


class MapView(Protocol):
    """Another look at a batch, of which the maps can be brought back."""

    def __call__(self, values: Tensor) -> Tensor:
        """The batch as it is seen."""

    def undone(self, scores: Array, sides: Array) -> tuple[Array, Array]:
        """Maps of the batch as it is seen as those of the batch itself."""


def find_boxes(fitted: Fitted[Any], samples: Samples, progress: Progress) -> list[FoundBoxes]:
    """All boxes of samples that are not quite unlikely, the surest first."""
    represent: BoxRepresentation = fitted.representation
    views: list[FlipView] = [each for each in fitted.test_time_views if isinstance(each, FlipView)]
    inputs = represent.encode(samples, 0)
    found: list[FoundBoxes] = []
    for scores, sides in predicted_maps(fitted.model, inputs, BATCH, views, represent.to_inputs):
        size = represent.size(samples, len(found))
        corners, classes, sure = boxes_of_maps(scores, sides, represent.stride)
        found.append(FoundBoxes(represent.from_grid(size, corners), classes, sure.astype(np.float64), size))
        progress(len(found), len(inputs), "predicting")
    return found


def predicted_maps(
    model: keras.Model,
    inputs: CompactInputs,
    batch: int,
    views: Sequence[MapView],
    to_inputs: Callable[[Tensor], ArrayTree],
) -> Iterator[tuple[Array, Array]]:
    """The maps of centers and of boxes of each sample, as the mean over the sample and its views.

    Args:
        model: With a center head.
        inputs: Encoded samples; the next batch is read while one is computed.
        batch: Samples that are predicted at a time.
        views: Under which each sample is seen besides.
        to_inputs: From encoded samples to inputs of the model.
    """
    starts = range(0, len(inputs), batch)

    def batches() -> Iterator[list[ArrayTree]]:
        for start in starts:
            values = inputs.take(np.arange(start, min(start + batch, len(inputs))))
            yield [to_inputs(values), *(to_inputs(view(values)) for view in views)]

    ahead = Prefetched(batches())
    predicted = predict_batches(model, chain.from_iterable(ahead))
    try:
        for _ in starts:
            yield from zip(*_merged(list(islice(predicted, 1 + len(views))), views), strict=True)
    finally:
        predicted.close()
        ahead.close()


def _merged(seen: Sequence[Sequence[Array]], views: Sequence[MapView]) -> tuple[Array, Array]:
    """The mean over a batch and its views."""
    whole = [tuple(np.asarray(each, np.float32) for each in outputs) for outputs in seen]
    back = [whole[0], *(view.undone(*outputs) for view, outputs in zip(views, whole[1:], strict=True))]
    scores, sides = (np.mean([outputs[part] for outputs in back], axis=0) for part in (0, 1))
    return scores, sides


def predict(
    fitted: Fitted[Any],
    samples: Samples,
    progress: Progress,
    *,
    write: Callable[[Path, Samples, Sequence[FoundBoxes], Sequence[str]], Sequence[str]],
) -> Detections:
    """The boxes of each sample, drawn and written where that is asked for."""
    found = find_boxes(fitted, samples, progress)
    thresholds = thresholds_of(fitted)
    folder = fitted.options.get("boxes")
    if folder:
        sure = [each.sure(thresholds) for each in found]
        files = write(Path(folder), samples, sure, fitted.class_names)
        found = [
            FoundBoxes(each.corners, each.classes, each.scores, each.size, file)
            for each, file in zip(found, files, strict=True)
        ]
    return Detections(found, thresholds)


def thresholds_of(fitted: Fitted[Any]) -> Floats:
    """The least score of each class: as given, as found on the validation split, or the usual one."""
    classes = len(fitted.class_names)
    given = fitted.options.get("threshold")
    known = fitted.calibration.get("thresholds", [])
    if given is not None or len(known) != classes:
        return np.full(classes, USUAL_THRESHOLD if given is None else float(given))
    return np.array(known, np.float64)


def calibrate(fitted: Fitted[Any], validation: Split, progress: Progress) -> dict[str, Any]:
    """The threshold of each class by which its boxes have the largest F1 on the validation split."""
    found = find_boxes(fitted, validation.samples, progress)
    best = best_thresholds(found, validation.labels.tolist(), len(fitted.class_names))
    return {"thresholds": [round(float(each), 6) for each in best]}


def output_names(representation: AnyRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """A map of centers for each class."""
    return class_names


def encode_inputs(fitted: Fitted[Any], samples: Samples, progress: Progress) -> SampleInputs:
    """Each sample as the model takes it."""
    represent = fitted.representation
    encoded = represent.encode(samples, 0, progress)
    return SampleInputs(
        lambda indices: represent.to_inputs(encoded.take(indices)),
        lambda i: represent.describe(samples.load(i)),
    )


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """The boxes of each class in each split."""
    return {name: counted(splits[name], splits.class_names) for name in SPLITS}


def example_samples(splits: Splits) -> list[tuple[str, list[object]]]:
    """The train samples that have the most boxes of each class."""
    labels, classes = splits.train.labels, range(len(splits.class_names))
    amounts = [[int(np.sum(each.classes == k)) for k in classes] for each in labels]
    return samples_with_most(splits, np.array(amounts, np.int64).reshape(len(labels), -1))
