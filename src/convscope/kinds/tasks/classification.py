"""The task of every classifier: which of the class names does a sample belong to?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.kept import kept
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import BatchView, predict_probabilities
from convscope.engine.metrics import ClassificationMetrics, classification_metrics
from convscope.engine.training.class_examples import ClassExamples, balanced_weights
from convscope.engine.training.closed_form import Solver
from convscope.engine.training.objective import CLASSIFY
from convscope.errors import RunError
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
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.lenses.pages.report import Mistake
from convscope.types import Progress

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.2, 20.0
"""Temperatures that are tried."""
_SPREAD = 0.3
"""Scale of the logarithm of a temperature that is expected before any sample is seen."""
_TAILS = 3
"""Degrees of freedom of its distribution: few let a model that is far too sure be told from chance."""
_STEPS = 61
_SMALLEST = 1e-12
SHOWN_MISTAKES = 24
SHOWN_CLASSES = 3
SHOWN_PER_CLASS = 8
SHOWN_CHARACTERS = 60
Probabilities = npt.NDArray[np.float32]
R = TypeVar("R", bound=AnyRepresentation)


def with_temperature(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float32]:
    """Probabilities whose logarithms are divided by a temperature, normalized again.

    Args:
        probabilities: Shape (samples, classes), rows that sum to one.
        temperature: Above 1 makes a classifier less sure, below 1 surer.

    Returns:
        Shape (samples, classes), float32. The order of the classes of a sample stays the same.

    Example:
        >>> with_temperature(np.array([[0.9, 0.1]], np.float32), 2.0).round(2).tolist()
        [[0.75, 0.25]]
    """
    if temperature == 1.0:
        return probabilities
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST)) / temperature
    logits -= logits.max(axis=1, keepdims=True, initial=-np.inf)
    shares = np.exp(logits)
    divided: npt.NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return divided


def fit_temperature(probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """The temperature that suits samples the model was not trained on.

    It minimizes the sum of their cross-entropies, plus what keeps it near 1 where there are few of them: a
    Student distribution of its logarithm, whose weight against the sum falls with their number.

    Source: Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural Networks.

    Args:
        probabilities: Shape (samples, classes), rows that sum to one.
        labels: True class of each, shape (samples,), int64.

    Returns:
        Between `LOWEST_TEMPERATURE` and `HIGHEST_TEMPERATURE`; 1.0 where there is no sample.
    """
    if not len(labels):
        return 1.0
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))

    def cost(logarithm: float) -> float:
        scaled = logits / math.exp(logarithm)
        highest = scaled.max(axis=1)
        sums = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
        entropy = float(np.sum(sums - scaled[np.arange(len(labels)), labels]))
        return entropy + (_TAILS + 1) / 2 * math.log1p((logarithm / _SPREAD) ** 2 / _TAILS)

    low, high = math.log(LOWEST_TEMPERATURE), math.log(HIGHEST_TEMPERATURE)
    for _ in range(3):
        grid = np.linspace(low, high, _STEPS)
        best = int(np.argmin([cost(each) for each in grid]))
        low, high = grid[max(0, best - 1)], grid[min(_STEPS - 1, best + 1)]
    return round(math.exp(grid[best]), 4)


@dataclass(frozen=True)
class ClassPrediction:
    """The prediction for one sample.

    Args:
        name: The file, or the file and the row in it.
        label: The class name with the highest probability.
        probabilities: Probability per class name.
        text: The sample, where it is a text.
    """

    name: str
    label: str
    probabilities: dict[str, float]
    text: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Name, text, label and probabilities."""
        text = {} if self.text is None else {"text": self.text}
        return {"sample": self.name, **text, "label": self.label, "probabilities": self.probabilities}

    def to_row(self) -> dict[str, str]:
        """Name, label and a column per class."""
        shares = {name: f"{p:.6f}" for name, p in self.probabilities.items()}
        return {"sample": self.name, "label": self.label, **shares}

    def to_cells(self) -> dict[str, str]:
        """Name or text, label, its probability and the next classes."""
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])[:SHOWN_CLASSES]
        return {
            "sample": self.name if self.text is None else _shortened(self.text),
            "prediction": self.label,
            "probability": f"{ranked[0][1]:.1%}",
            "next": ", ".join(f"{name} {p:.1%}" for name, p in ranked[1:]),
        }


def classification_recipe(
    spec: RecipeSpec,
    *,
    read: Callable[..., Splits],
    read_inputs: Callable[..., Inputs],
    representation: RepresentationSteps[R],
    encode_inputs: Callable[[Fitted[R], Samples, Progress], SampleInputs] | None = None,
    text_of: Callable[[Samples, int], str | None] = lambda samples, index: None,
    augmentation: Callable[..., Augmentation | None] | None = None,
    test_time_views: Callable[..., Sequence[BatchView]] | None = None,
    start: Callable[..., None] | None = None,
    closed_form: Mapping[str, Solver] | None = None,
    suggest_settings: Callable[[str, Splits], Mapping[str, Any]] | None = None,
    suggest_architecture: Callable[[R, Splits], tuple[str, str] | None] | None = None,
) -> Recipe[R, Probabilities]:
    """A recipe that predicts one class of several, for any kind.

    Args are those of `Recipe`, and `text_of`: the text that a sample is, for tables of predictions. Labels
    are integers; encoded samples are arrays or pytrees of arrays.
    """

    def predictions(
        probabilities: Probabilities, samples: Samples, class_names: Sequence[str]
    ) -> tuple[ClassPrediction, ...]:
        return to_predictions(probabilities, samples, class_names, text_of)

    given: dict[str, Any] = {
        "augmentation": augmentation,
        "test_time_views": test_time_views,
        "start": start,
        "closed_form": closed_form,
        "suggest_settings": suggest_settings,
        "suggest_architecture": suggest_architecture,
    }
    return Recipe(
        spec=spec,
        objective=CLASSIFY,
        read=read,
        read_inputs=read_inputs,
        representation=representation,
        build=build_classifier,
        examples=class_examples,
        predict=predict,
        to_predictions=predictions,
        evaluate=evaluate,
        load_metrics=ClassificationMetrics.from_json,
        output_names=output_names,
        encode_inputs=encode_inputs or encoded,
        align_labels=align_labels,
        report=ReportSteps("samples", Splits.counts, mistakes, example_samples),
        reads_whole=True,
        calibrate=calibrate,
        calibration_optional=True,
        uncalibrated=uncalibrated,
        **{name: value for name, value in given.items() if value is not None},
    )


def build_classifier(
    make: ModelFactory,
    representation: AnyRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with one output for each class."""
    return make(representation.shape, len(class_names), **{**representation.sizes, **options})


def class_examples(context: ExampleContext[AnyRepresentation]) -> ClassExamples:
    """Samples with their classes, weights and mixup as the settings say."""
    represent, labels, classes = context.representation, context.split.labels, len(context.class_names)
    weights = (
        balanced_weights(labels, classes) if context.settings.class_weights and context.training else None
    )
    inputs = kept(represent.encode(context.split.samples, progress=context.progress))
    mixing = context.settings.mixing if context.training else 0.0
    return ClassExamples(inputs, represent.to_inputs, labels, classes, context.augment, weights, mixing)


def predict(fitted: Fitted[AnyRepresentation], samples: Samples, progress: Progress) -> Probabilities:
    """Probabilities for samples, calibrated as the run was, shape (samples, classes), float32."""
    return with_temperature(_uncalibrated(fitted, samples, progress), temperature_of(fitted.calibration))


def temperature_of(calibration: Mapping[str, Any]) -> float:
    """The temperature that a run has found; 1 for one of an older version, which has none.

    Raises:
        RunError: It is no number that a temperature can be.
    """
    found = calibration.get("temperature", 1.0)
    if not isinstance(found, int | float) or not LOWEST_TEMPERATURE <= found <= HIGHEST_TEMPERATURE:
        raise RunError(f"calibration.json is damaged: the temperature {found!r} cannot be.", "Train again.")
    return float(found)


def calibrate(fitted: Fitted[AnyRepresentation], validation: Split, progress: Progress) -> dict[str, Any]:
    """The temperature that suits the validation split, and what it changes there."""
    probabilities = _uncalibrated(fitted, validation.samples, progress)
    return calibration_by(probabilities, validation, fitted.class_names)


def calibration_by(
    probabilities: Probabilities, validation: Split, class_names: Sequence[str]
) -> dict[str, Any]:
    """The temperature that suits what a model says of the validation split, and what it changes there."""
    temperature = fit_temperature(probabilities, validation.labels)
    before, after = (
        classification_metrics(validation.labels, each, class_names)
        for each in (probabilities, with_temperature(probabilities, temperature))
    )
    return {
        "temperature": temperature,
        "samples": len(validation),
        "error_before": before.expected_calibration_error,
        "error_after": after.expected_calibration_error,
    }


def uncalibrated(probabilities: Probabilities, calibration: Mapping[str, Any]) -> Probabilities:
    """Calibrated probabilities as the model itself gave them."""
    return with_temperature(probabilities, 1 / temperature_of(calibration))


def _uncalibrated(fitted: Fitted[AnyRepresentation], samples: Samples, progress: Progress) -> Probabilities:
    """What the model itself says, averaged over views of the samples."""
    arrays = fitted.representation.encode(samples, progress=progress)
    views = fitted.test_time_views
    return predict_probabilities(fitted.model, arrays, fitted.representation.to_inputs, progress, views)


def evaluate(probabilities: Probabilities, split: Split, class_names: Sequence[str]) -> ClassificationMetrics:
    """Compares probabilities with labels."""
    return classification_metrics(split.labels, probabilities, class_names, split.groups)


def to_predictions(
    probabilities: Probabilities,
    samples: Samples,
    class_names: Sequence[str],
    text_of: Callable[[Samples, int], str | None] = lambda samples, index: None,
) -> tuple[ClassPrediction, ...]:
    """One prediction for each sample."""
    made = []
    for i, row in enumerate(probabilities):
        shares = dict(zip(class_names, map(float, row), strict=True))
        label = class_names[int(row.argmax())]
        made.append(ClassPrediction(samples.name(i), label, shares, text_of(samples, i)))
    return tuple(made)


def _shortened(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[: SHOWN_CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def mistakes(probabilities: Probabilities, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """The most confident ones, worst first."""
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != split.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:SHOWN_MISTAKES]
    return [
        Mistake(
            split.samples.load(int(i)),
            split.samples.name(int(i)),
            class_names[split.labels[i]],
            class_names[predicted[i]],
            float(confidence[i]),
        )
        for i in worst
    ]


def output_names(representation: AnyRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """One output for each class."""
    return class_names


def align_labels(split: Split, found: Sequence[str], known: Sequence[str]) -> Split:
    """The split with labels that index the class names of a model, which has all that were found."""
    labels = np.array([list(known).index(name) for name in found], np.int64)
    return Split(split.samples, labels[split.labels], split.groups)


def encoded(fitted: Fitted[Any], samples: Samples, progress: Progress) -> SampleInputs:
    """Samples as the model takes them, and what is needed to draw them."""
    represent = fitted.representation
    encoded = represent.encode(samples, progress=progress)
    return SampleInputs(
        lambda indices: represent.to_inputs(encoded.take(indices)),
        lambda i: represent.describe(samples.load(i)),
    )


def example_samples(splits: Splits) -> list[tuple[str, list[Any]]]:
    """The first few train samples of each class."""
    train = splits.train
    return [
        (name, [train.samples.load(int(i)) for i in np.flatnonzero(train.labels == k)[:SHOWN_PER_CLASS]])
        for k, name in enumerate(splits.class_names)
    ]
