"""Scenes to a class for each point: what was scanned where?

From top to bottom: scenes are read whole or in tiles, blocks of neighboring points are cut from them, a
network answers for each point of a block, and blocks that overlap are averaged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.masks import Classes, Mask, align_masks, object_classes
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.training.batches import Batch
from convscope.kinds.contract.recipe import (
    Augmentation,
    ExampleContext,
    Fitted,
    Recipe,
    ReportSteps,
    RepresentationSteps,
)
from convscope.kinds.contract.windows import WindowSteps
from convscope.kinds.points.kind import POINTS_SEGMENTATION
from convscope.kinds.points.readers.reader import read_inputs
from convscope.kinds.points.sampling import CloudAugmentation
from convscope.kinds.points.segmentation.blocks import (
    Scene,
    SceneRepresentation,
    Scenes,
    cut_blocks,
    fit_representation,
    label_blocks,
)
from convscope.kinds.points.segmentation.figure import plot_scenes
from convscope.kinds.points.segmentation.linear import NAME
from convscope.kinds.points.segmentation.reader import read_scenes
from convscope.kinds.points.segmentation.writer import write_classes
from convscope.kinds.tasks.classification import encoded
from convscope.kinds.tasks.segmentation import (
    OBJECTIVE,
    MaskGeometry,
    MaskPrediction,
    Segmented,
    build_segmenter,
    counts,
    evaluate_masks,
    example_samples,
    output_names,
    to_predictions,
)
from convscope.kinds.tasks.segmentation_examples import ON_A_CLASS, balanced
from convscope.kinds.tasks.segmentation_grids import answered_windows
from convscope.kinds.tasks.segmentation_metrics import SegmentationMetrics
from convscope.kinds.tasks.several_labels import no_mistakes
from convscope.types import Progress, no_progress

LEARNED = 128
"""Blocks of an epoch at least."""
OFTEN = 2
"""Blocks of an epoch that a train point lies in, about."""
_AT_ONCE = 16
"""Blocks that are predicted at a time."""
_NEARER = 2.0
"""How much more a block counts at its middle: the logarithm of the ratio to its rim."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SceneExamples:
    """Blocks of scenes with the class of each point.

    Args:
        scenes: Of which blocks are cut.
        classes: Of each point of each scene.
        weights: Of each class, shape (classes,), float32.
        blocks: The scene of each, and its points in an evaluation.
        augment: Random changes.
        objects: Numbers of the classes that blocks are put on in a training.
    """

    scenes: Scenes
    classes: Sequence[Classes]
    weights: npt.NDArray[np.float32]
    blocks: Sequence[tuple[int, Rows | None]]
    augment: Augmentation | None
    objects: Rows

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def lengths(self) -> None:
        """All blocks are alike."""

    def batch(self, indices: Rows, rng: np.random.Generator | None) -> Batch:
        """(inputs, weights of classes at their points, zero where another class or none is)."""
        values, classes = [], []
        for index in indices.tolist():
            at, rows = self.blocks[index]
            scene = self.scenes.of(at)
            if rows is None:
                rows = self._drawn(scene, self.classes[at], rng or np.random.default_rng(0))
            values.append(self.scenes.representation.to_array(scene, rows))
            classes.append(self.classes[at][rows])
        inputs = np.stack(values)
        if self.augment is not None and rng is not None:
            inputs = self.augment(inputs, rng)
        table = np.zeros((256, len(self.weights)), np.float32)
        table[np.arange(len(self.weights)), np.arange(len(self.weights))] = self.weights
        return inputs, table[np.stack(classes)]

    def _drawn(self, scene: Scene, classes: Classes, rng: np.random.Generator) -> Rows:
        """A block around any point, or around one of a class that is drawn among those of the scene."""
        chosen = int(rng.integers(len(classes)))
        there = np.intersect1d(self.objects, np.unique(classes))
        if len(there) and rng.random() < ON_A_CLASS:
            chosen = int(rng.choice(np.flatnonzero(classes == rng.choice(there))))
        return scene.block(scene.places[chosen], self.scenes.representation.points)


def scene_examples(context: ExampleContext[SceneRepresentation]) -> SceneExamples:
    """Blocks of the scenes of a split: in a training anywhere; else those that cover them."""
    masks: list[Mask] = context.split.labels.tolist()
    scenes = Scenes(context.representation, context.split.samples)
    classes = []
    for index, mask in enumerate(masks):
        classes.append(mask.load())
        context.progress(index + 1, len(masks), "reading scenes")
    points = context.representation.points
    weights = np.ones(len(context.class_names), np.float32)
    blocks: list[tuple[int, Rows | None]] = []
    if context.training:
        sizes = np.array([len(each) for each in classes], float)
        wanted = max(LEARNED, OFTEN * sizes.sum() / points)
        each = np.maximum(1, np.round(wanted * sizes / sizes.sum())).astype(int)
        blocks = [(at, None) for at, count in enumerate(each.tolist()) for _ in range(count)]
        if context.settings.class_weights:
            weights = balanced(masks, len(weights))
    else:
        blocks = [(at, rows) for at in range(len(masks)) for rows in scenes.of(at).cover(points)]
    augment = context.augment if context.training else None
    return SceneExamples(scenes, classes, weights, blocks, augment, object_classes(context.class_names))


@dataclass(frozen=True, eq=False)
class SegmentedScenes:
    """What was found in scenes.

    Args:
        found: Of each scene.
        representation: Knows the classifier that the model is judged beside.
    """

    found: Sequence[Segmented]
    representation: SceneRepresentation


def predict(fitted: Fitted[SceneRepresentation], samples: Samples, progress: Progress) -> SegmentedScenes:
    """The most probable class of each point, averaged over the blocks around it; written where asked."""
    represent, folder = fitted.representation, fitted.options.get("masks")
    waiting: deque[tuple[Scene, list[Rows]]] = deque()

    def blocks() -> Iterator[npt.NDArray[np.float32]]:
        for index in range(len(samples)):
            scene = represent.scene(samples.load(index))
            waiting.append((scene, scene.cover(represent.points)))
            for rows in waiting[-1][1]:
                yield represent.to_array(scene, rows)

    found = []
    answers = answered_windows(fitted.model, represent, blocks(), _AT_ONCE, ())
    with closing(answers):
        for index in range(len(samples)):
            first = next(answers)  # the blocks of a scene are queued before their answers come
            scene, cover = waiting.popleft()
            shares = _blended(scene, cover, first, answers, progress if len(samples) == 1 else no_progress)
            classes = shares.argmax(axis=1).astype(np.uint8)
            file = ""
            if folder:
                file = str(write_classes(Path(folder), samples, index, classes, fitted.class_names))
            found.append(Segmented.of(classes, float(shares.max(axis=1).mean()), file))
            progress(index + 1, len(samples), "predicting")
    return SegmentedScenes(found, represent)


def _blended(
    scene: Scene,
    blocks: Sequence[Rows],
    first: npt.NDArray[np.float32],
    answers: Iterator[npt.NDArray[np.float32]],
    progress: Progress,
) -> npt.NDArray[np.float32]:
    """Mean probabilities of the points of a scene, those near the middle of a block counted more."""
    total = np.zeros((len(scene.places), first.shape[-1]), np.float32)
    for done, rows in enumerate(blocks):
        answer = next(answers) if done else first
        far = np.square(scene.places[rows] - scene.places[rows].mean(axis=0)).sum(axis=1)
        near = np.exp(-_NEARER * far / (far.max() or 1.0))
        total[rows] += (answer * near[:, None]).astype(np.float32)
        progress(done + 1, len(blocks), "predicting blocks")
    return np.asarray(total / total.sum(axis=1, keepdims=True), np.float32)


def evaluate(outputs: SegmentedScenes, split: Split, class_names: Sequence[str]) -> SegmentationMetrics:
    """Compares classes with the true ones, beside what a linear classifier finds in the same scenes.

    Raises:
        DataError: A scene has changed since it was read.
    """
    metrics = evaluate_masks(outputs.found, split, class_names, GEOMETRY)
    represent = outputs.representation
    if not represent.linear.weights:
        return metrics
    others = [
        Segmented.of(represent.linear.classes(represent.scene(split.samples.load(index))), 0.0)
        for index in range(len(split))
    ]
    return metrics.beside_baseline(NAME, evaluate_masks(others, split, class_names, GEOMETRY))


def scene_predictions(
    outputs: SegmentedScenes, samples: Samples, class_names: Sequence[str]
) -> list[MaskPrediction]:
    """One prediction for each scene."""
    return to_predictions(outputs.found, samples, class_names, GEOMETRY)


def _amount(samples: Samples, index: int) -> tuple[float, str]:
    return 1.0, "points"


GEOMETRY = MaskGeometry(planes=lambda sample, masks: (), amount=_amount, write=write_classes)


def augmentation(strength: float, turn: str | None = None) -> Augmentation | None:
    """Turns about z by any angle unless `turn` is `little`, stretches and noise; no point is left out.

    Args:
        strength: 1 is the default; at 0 blocks stay as they are.
        turn: As of `points-classification`.
    """
    if not strength:
        return None
    angle = 15.0 if turn == "little" else 180.0
    changes = CloudAugmentation(turn=angle, tilt=3.0, stretch=0.1, shift=0.05, jitter=0.005, drop=0.0)
    return changes.scaled(strength)


def read(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    group: str | None = None,
    tile_side: float | None = None,
    void: Sequence[str] = (),
    turn: str | None = None,
) -> Splits:
    """Reads scenes as `read_scenes`, and says how far blocks are turned where the user does not.

    Args are those of `read_scenes`, and `turn`.
    """
    splits = read_scenes(
        path,
        seed=seed,
        progress=progress,
        label_column=label_column,
        group=group,
        tile_side=tile_side,
        void=void,
    )
    if turn is not None or seed is None:
        return splits
    line = "turn: any angle about z, because scanners may stand anywhere; --turn little changes that"
    return replace(splits, decisions=(*splits.decisions, line))


RECIPE: Recipe[SceneRepresentation, SegmentedScenes] = Recipe(
    spec=POINTS_SEGMENTATION,
    objective=OBJECTIVE,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, SceneRepresentation.from_json),
    build=build_segmenter,
    examples=scene_examples,
    predict=predict,
    to_predictions=scene_predictions,
    evaluate=evaluate,
    load_metrics=SegmentationMetrics.from_json,
    output_names=output_names,
    encode_inputs=encoded,
    align_labels=align_masks,
    augmentation=augmentation,
    report=ReportSteps(
        "scenes",
        counts,
        no_mistakes,
        example_samples,
        plot_outputs=partial(plot_scenes, found_of=lambda outputs: outputs.found),
    ),
    reads_whole=True,
    windows=WindowSteps(cut_blocks, label_blocks),
)
