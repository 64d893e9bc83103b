"""The task of every segmentation: which class does each position of a sample have? For any rank."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import keras
import numpy as np

from convscope.data.masks import Classes, Mask, align_masks, count_classes, presence
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import BatchView
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.errors import DataError
from convscope.kinds.contract.kind import RecipeSpec
from convscope.kinds.contract.recipe import (
    Augmentation,
    Fitted,
    Inputs,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
    SampleInputs,
)
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.kinds.contract.windows import WindowSteps
from convscope.kinds.tasks.segmentation_examples import segmentation_examples
from convscope.kinds.tasks.segmentation_grids import (
    GridRepresentation,
    Grids,
    MirrorView,
    grids_of,
    predict_grids,
)
from convscope.kinds.tasks.segmentation_metrics import (
    SegmentationMetrics,
    matrix_of,
    measured_distances,
    segmentation_metrics,
)
from convscope.kinds.tasks.segmentation_windows import ShownWindows, cut_windows, label_windows
from convscope.kinds.tasks.several_labels import no_mistakes, samples_with_most
from convscope.lenses.figures.outlines import Case, Plane, draw_cases, draw_class_scores
from convscope.lenses.pages.pages import LazyFigure
from convscope.models.segmentation_loss import DiceCrossEntropy, MeanIoU
from convscope.types import SPLITS, Progress, SplitName

SHOWN_CASES = 8
"""Test samples whose masks are drawn, the worst first."""
SHOWN_CLASSES = 4
TOLERANCE = 1.0
"""Of the normalized surface distance, in mm."""

R = TypeVar("R", bound=GridRepresentation)
Amount = tuple[float, str]
"""What one position is worth, and the unit of that."""


@dataclass(frozen=True, eq=False)
class Segmented:
    """What was found in one sample.

    Args:
        packed: The most probable class of each position, on the grid of the sample, compressed: masks of many
            large scans would not fit into the memory otherwise.
        shape: Positions along each axis.
        sure: The mean probability of these classes.
        file: The file that they were written to; empty where none was asked for.
    """

    packed: bytes
    shape: tuple[int, ...]
    sure: float
    file: str = ""

    @classmethod
    def of(cls, classes: Classes, sure: float, file: str = "") -> Segmented:
        """Packs the classes of all positions."""
        return cls(zlib.compress(np.ascontiguousarray(classes).data, 1), classes.shape, sure, file)

    @property
    def classes(self) -> Classes:
        """The class of each position, uint8."""
        return np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class MaskPrediction:
    """The prediction for one sample.

    Args:
        name: The file, or the file and the row in it.
        found: The class of each position.
        amounts: How much there is of each class, by its name.
        unit: Of the amounts.
    """

    name: str
    found: Segmented
    amounts: Mapping[str, float]
    unit: str

    @property
    def classes(self) -> Classes:
        """The class of each position as an index into the class names, uint8."""
        return self.found.classes

    @property
    def sure(self) -> float:
        """The mean probability of the classes."""
        return self.found.sure

    @property
    def file(self) -> str:
        """The mask that was written; empty where none was asked for."""
        return self.found.file

    def to_json(self) -> dict[str, Any]:
        """Name, mask, amounts and their unit."""
        file = {"mask": self.file} if self.file else {}
        amounts = {"unit": self.unit, "amounts": dict(self.amounts)}
        return {"sample": self.name, **file, **amounts, "probability": self.sure}

    def to_row(self) -> dict[str, str]:
        """Name, mask and a column per class."""
        amounts = {f"{name} ({self.unit})": f"{amount:.6g}" for name, amount in self.amounts.items()}
        return {"sample": self.name, "mask": self.file, **amounts, "probability": f"{self.sure:.6f}"}

    def to_cells(self) -> dict[str, str]:
        """Name, mask and the classes with the most."""
        ranked = sorted(self.amounts.items(), key=lambda item: -item[1])
        whole = sum(self.amounts.values()) or 1
        some = [f"{name} {amount / whole:.1%}" for name, amount in ranked[:SHOWN_CLASSES] if amount]
        if self.unit == "ml":
            some = [f"{name} {amount:.4g} {self.unit}" for name, amount in self.amounts.items()]
        file = {"mask": self.file} if self.file else {}
        return {"sample": self.name, **file, "classes": ", ".join(some), "probability": f"{self.sure:.1%}"}


@dataclass(frozen=True)
class MaskGeometry:
    """What a kind knows of its samples beyond their values.

    Args:
        planes: From a sample and masks of it to pictures to look at, each with its part of the masks.
        amount: `(samples, index)` to what a position is worth, such as its volume, and the unit.
        write: `(folder, samples, index, classes, class_names)` to the file of a mask that it wrote.
        spacing: `(samples, index)` to the distance of positions along each axis, in mm; None where distances
            mean nothing, so that none is measured.
    """

    planes: Callable[[Any, Sequence[Classes]], Sequence[Plane]]
    amount: Callable[[Samples, int], Amount]
    write: Callable[[Path, Samples, int, Classes, Sequence[str]], Path]
    spacing: Callable[[Samples, int], Sequence[float]] | None = None


def loss(settings: FitSettings) -> keras.losses.Loss:
    """Dice and cross-entropy."""
    return DiceCrossEntropy(settings.label_smoothing)


OBJECTIVE = Objective(
    loss=loss,
    metrics=lambda: [MeanIoU()],
    monitor="mean_iou",
    smoothed=3,
    label="mean IoU",
)


def segmentation_recipe(
    spec: RecipeSpec,
    *,
    read: Callable[..., Splits],
    read_inputs: Callable[..., Inputs],
    representation: RepresentationSteps[R],
    geometry: MaskGeometry,
    augmentation: Callable[..., Augmentation | None],
    test_time_views: Callable[..., Sequence[BatchView]],
    suggest_settings: Callable[..., Mapping[str, Any]] | None = None,
) -> Recipe[R, Sequence[Segmented]]:
    """A recipe that predicts the class of each position, for pictures and volumes alike.

    Args are those of `Recipe`, and `geometry`. Labels are masks, as `assemble_masks` gives them; an
    augmentation takes a batch of windows and their masks; views are instances of `MirrorView`. `spec` has the
    option `masks`, the folder that masks are written to.
    """
    given: dict[str, Any] = {} if suggest_settings is None else {"suggest_settings": suggest_settings}
    return Recipe(
        spec=spec,
        objective=OBJECTIVE,
        read=read,
        read_inputs=read_inputs,
        representation=representation,
        build=build_segmenter,
        examples=segmentation_examples,
        predict=partial(predict, geometry=geometry),
        to_predictions=partial(to_predictions, geometry=geometry),
        evaluate=partial(evaluate_masks, geometry=geometry),
        load_metrics=SegmentationMetrics.from_json,
        output_names=output_names,
        encode_inputs=encode_inputs,
        align_labels=align_masks,
        augmentation=augmentation,
        test_time_views=test_time_views,
        report=ReportSteps(
            "samples",
            counts,
            no_mistakes,
            example_samples,
            plot_outputs=partial(plot_masks, geometry=geometry),
        ),
        reads_whole=True,
        windows=WindowSteps(cut_windows, label_windows),
        **given,
    )


def build_segmenter(
    make: ModelFactory,
    representation: AnyRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with a probability for each class at each position."""
    return make(representation.shape, len(class_names), **{**representation.sizes, **options})


def predict(
    fitted: Fitted[Any], samples: Samples, progress: Progress, *, geometry: MaskGeometry
) -> list[Segmented]:
    """The most probable class of each position, on the samples' own grids; written where asked for."""
    folder = fitted.options.get("masks")
    represent = fitted.representation
    grids = Grids(represent, samples)
    found: list[Segmented] = []
    views = cast(Sequence[MirrorView], fitted.test_time_views)
    for index, slabs in enumerate(predict_grids(fitted.model, grids, views, progress)):
        parts, sure = [], 0.0
        for slab in represent.from_grid(samples.load(index), slabs):
            parts.append(slab.argmax(axis=-1).astype(np.uint8))
            sure += float(slab.max(axis=-1).sum(dtype=np.float64))
        classes = np.concatenate(parts)
        file = ""
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            file = str(geometry.write(Path(folder), samples, index, classes, fitted.class_names))
        found.append(Segmented.of(classes, sure / classes.size, file))
    return found


def evaluate_masks(
    outputs: Sequence[Segmented], split: Split, class_names: Sequence[str], geometry: MaskGeometry
) -> SegmentationMetrics:
    """Compares masks with the true ones, on the samples' own grids.

    Raises:
        DataError: A true mask has another shape than its sample.
    """
    matrices, distances = [], []
    for index, (found, mask) in enumerate(zip(outputs, split.labels, strict=True)):
        true = _true(mask, found, split, index)
        classes = found.classes
        matrices.append(matrix_of(true, classes, len(class_names)))
        if geometry.spacing is not None:
            spacing = geometry.spacing(split.samples, index)
            distances.append(measured_distances(true, classes, class_names, spacing, TOLERANCE))
    tolerance = None if geometry.spacing is None else TOLERANCE
    return segmentation_metrics(matrices, class_names, distances, tolerance, split.groups)


def _true(mask: Mask, found: Segmented, split: Split, index: int) -> Classes:
    true = mask.load()
    if true.shape != found.shape:
        raise DataError(
            f"{split.samples.name(index)}: expected a mask of shape {found.shape}, received {true.shape}"
        )
    return true


def to_predictions(
    outputs: Sequence[Segmented], samples: Samples, class_names: Sequence[str], geometry: MaskGeometry
) -> list[MaskPrediction]:
    """One prediction for each sample."""
    made = []
    for index, each in enumerate(outputs):
        counts, _ = count_classes(each.classes, len(class_names))
        worth, unit = geometry.amount(samples, index)
        amounts = {name: float(n) * worth for name, n in zip(class_names, counts.tolist(), strict=True)}
        made.append(MaskPrediction(samples.name(index), each, amounts, unit))
    return made


def output_names(representation: AnyRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """One output at each position for each class."""
    return class_names


def encode_inputs(fitted: Fitted[Any], samples: Samples, progress: Progress) -> SampleInputs:
    """The window in the middle of each sample, as the model takes it; others where they are asked for."""
    represent = fitted.representation
    parts = ShownWindows(grids_of(represent, samples, progress))
    return SampleInputs(
        lambda indices: represent.to_inputs(parts.grids.take(indices)),
        lambda i: represent.describe(samples.load(i)),
        parts.notes,
        parts,
    )


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """In how many samples of each split a class is."""
    return {name: presence(splits[name], splits.class_names) for name in SPLITS}


def example_samples(splits: Splits) -> list[tuple[str, list[object]]]:
    """The train samples that have the most of each class."""
    labels = splits.train.labels
    amounts = np.array([mask.counts for mask in labels], np.int64).reshape(len(labels), -1)
    return samples_with_most(splits, amounts)


def plot_masks(
    outputs: Sequence[Segmented], split: Split, class_names: Sequence[str], geometry: MaskGeometry
) -> list[LazyFigure]:
    """The scores of each class, and the masks of the worst samples and of the best one beside the truth."""
    metrics = evaluate_masks(outputs, split, class_names, geometry)
    order = np.argsort(np.array(metrics.sample_dice), kind="stable").tolist()
    shown = order if len(order) <= SHOWN_CASES else [*order[: SHOWN_CASES - 1], order[-1]]

    def cases() -> list[Case]:
        made = []
        for place, index in enumerate(shown):
            true, found = _true(split.labels[index], outputs[index], split, index), outputs[index].classes
            planes = geometry.planes(split.samples.load(index), [true, found])
            best = "best: " if place and place == len(shown) - 1 else ""
            caption = f"{best}mean Dice {metrics.sample_dice[index]:.3f}"
            made.append(Case(Path(split.samples.name(index)).name, caption, planes))
        return made

    return [
        LazyFigure(
            lambda theme: draw_class_scores(metrics.classes, theme=theme),
            "IoU and Dice of each class on the test split",
            "Bars: IoU of all positions. Rings: mean Dice of samples, with its 95% interval.",
        ),
        LazyFigure(
            lambda theme: draw_cases(cases(), class_names, theme=theme),
            f"Masks of {len(shown)} test samples, the worst first",
            "Input, true mask, predicted mask, and where the two differ.",
        ),
    ]
