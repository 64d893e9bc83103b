"""The task of every regressor: which number does a sample have?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypedDict, TypeVar

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.kept import kept
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import BatchView, predict_probabilities
from convscope.engine.metrics import RegressionMetrics, regression_metrics
from convscope.engine.training.batches import Batch
from convscope.engine.training.class_examples import Augment, CompactInputs, Prepare, lengths_of
from convscope.engine.training.objective import Objective
from convscope.errors import UsageError
from convscope.json_values import Within, from_json
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
from convscope.kinds.tasks.classification import encoded
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Progress, SplitName

COVERAGE = 0.9
"""Share of numbers that intervals hold."""
FEWEST_FOR_INTERVALS = 9
"""Validation samples from which on intervals are given."""
NUMBER = "number"
"""The name of the last layer, which brings outputs to the units of the numbers."""
SHOWN_MISTAKES = 24
SHOWN_EXAMPLES = 8

R = TypeVar("R", bound=AnyRepresentation)
Floats = npt.NDArray[np.float64]


class _Calibration(TypedDict):
    """What `calibration.json` says."""

    half_width: Annotated[float, Within(0)] | None
    coverage: float


@dataclass(frozen=True)
class NumberPrediction:
    """The predicted number of one sample.

    Args:
        name: The file, or the file and the row in it.
        value: In the units of the labels.
        low: Lower end of the interval; None without.
        high: Upper end.
        coverage: Share of numbers that such intervals hold.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    coverage: float = COVERAGE

    def to_json(self) -> dict[str, Any]:
        """Name, value and interval."""
        interval = {} if self.low is None else {"low": self.low, "high": self.high, "coverage": self.coverage}
        return {"sample": self.name, "value": self.value, **interval}

    def to_row(self) -> dict[str, str]:
        """Name, value and interval, which is empty where there is none."""
        low, high = ("" if end is None else f"{end:.6g}" for end in (self.low, self.high))
        return {"sample": self.name, "value": f"{self.value:.6g}", "low": low, "high": high}

    def to_cells(self) -> dict[str, str]:
        """Name, value and interval."""
        cells = {"sample": self.name, "prediction": f"{self.value:.5g}"}
        if self.low is None:
            return cells
        return {**cells, f"{self.coverage:.0%} interval": f"{self.low:.5g} to {self.high:.5g}"}


@dataclass(frozen=True, eq=False)
class NumberOutputs:
    """Predicted numbers.

    Args:
        values: Shape (samples,), float64.
        center: The mean of the train split.
        half_width: Of intervals; None without.
    """

    values: Floats
    center: float
    half_width: float | None = None


@dataclass(frozen=True)
class NumberExamples:
    """Samples with a number each.

    Args:
        inputs: Compact inputs.
        prepare: From compact inputs to what the model takes.
        numbers: Shape (samples, 1), float32.
        augment: Random changes to a batch of compact inputs; None leaves them as they are.
    """

    inputs: CompactInputs
    prepare: Prepare
    numbers: npt.NDArray[np.float32]
    augment: Augment | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def lengths(self) -> npt.NDArray[np.int64] | None:
        """Those of the inputs."""
        return lengths_of(self.inputs)

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs, numbers)."""
        values = self.inputs.take(indices)
        if self.augment is not None and rng is not None:
            values = self.augment(values, rng)
        return self.prepare(values), self.numbers[indices]


OBJECTIVE = Objective(
    loss=lambda settings: keras.losses.MeanSquaredError(),
    metrics=lambda: [keras.metrics.RootMeanSquaredError(name="rmse")],
    monitor=None,
    label="loss",
)


def regression_recipe(
    spec: RecipeSpec,
    *,
    read: Callable[..., Splits],
    read_inputs: Callable[..., Inputs],
    representation: RepresentationSteps[R],
    encode_inputs: Callable[[Fitted[R], Samples, Progress], SampleInputs] | None = None,
    augmentation: Callable[..., Augmentation | None] | None = None,
    test_time_views: Callable[..., Sequence[BatchView]] | None = None,
    suggest_settings: Callable[[str, Splits], Mapping[str, Any]] | None = None,
    suggest_architecture: Callable[[R, Splits], tuple[str, str] | None] | None = None,
) -> Recipe[R, NumberOutputs]:
    """A recipe that predicts one number for each sample, for any kind.

    Args are those of `Recipe`. Labels are numbers, as `assemble_numbers` gives them; architectures are
    classifiers whose last layer is the dense one of the classes, in place of which a regressor has one with a
    single output. `spec` has the options `center` and `spread` among those of its architectures.
    """
    given: dict[str, Any] = {
        "augmentation": augmentation,
        "test_time_views": test_time_views,
        "suggest_settings": suggest_settings,
        "suggest_architecture": suggest_architecture,
    }
    return Recipe(
        spec=spec,
        objective=OBJECTIVE,
        read=read,
        read_inputs=read_inputs,
        representation=representation,
        build=build_regressor,
        examples=number_examples,
        predict=predict,
        to_predictions=to_predictions,
        evaluate=evaluate,
        load_metrics=RegressionMetrics.from_json,
        output_names=output_names,
        encode_inputs=encode_inputs or encoded,
        report=ReportSteps("samples", counts, mistakes, example_samples, plot_predictions),
        calibrate=calibrate,
        calibration_optional=True,
        reads_whole=True,
        **{name: value for name, value in given.items() if value is not None},
    )


def build_regressor(
    make: ModelFactory,
    representation: AnyRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with one output, whose first guess is the mean of train.

    Raises:
        UsageError: The last layer of the architecture is not that of its classes.
    """
    own = dict(options)
    center, spread = float(own.pop("center", None) or 0.0), float(own.pop("spread", None) or 1.0)
    classifier = make(representation.shape, 2, **{**representation.sizes, **own})
    last = classifier.layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.input.shape[-1] is None:
        raise UsageError(
            f"{classifier.name} does not end with a dense layer, so that it cannot predict a number."
        )
    policy = keras.config.dtype_policy()
    dtype = "float32" if policy.name.startswith("mixed_") else None
    raw = keras.layers.Dense(1, dtype=dtype, name="deviation")(last.input)
    scaled = keras.layers.Rescaling(spread, center, dtype=dtype, name=NUMBER)(raw)
    inputs = classifier.inputs[0] if len(classifier.inputs) == 1 else classifier.inputs
    return keras.Model(inputs, scaled, name=classifier.name)


def number_examples(context: ExampleContext[AnyRepresentation]) -> NumberExamples:
    """Samples with their numbers."""
    represent = context.representation
    inputs = kept(represent.encode(context.split.samples, progress=context.progress))
    numbers = np.asarray(context.split.labels, np.float32)[:, None]
    return NumberExamples(inputs, represent.to_inputs, numbers, context.augment if context.training else None)


def predict(fitted: Fitted[AnyRepresentation], samples: Samples, progress: Progress) -> NumberOutputs:
    """A number for each sample, averaged over views of it."""
    represent = fitted.representation
    arrays = represent.encode(samples, progress=progress)
    views = fitted.test_time_views
    found = predict_probabilities(fitted.model, arrays, represent.to_inputs, progress, views)
    center = float(fitted.model.get_layer(NUMBER).offset)
    return NumberOutputs(found[:, 0].astype(np.float64), center, half_width_of(fitted.calibration))


def half_width_of(calibration: Mapping[str, Any]) -> float | None:
    """Half the width of the intervals of a run; None where it has too few validation samples for them.

    Raises:
        RunError: It is no number that a half width can be.
    """
    if not calibration:
        return None
    return from_json(_Calibration, calibration, "calibration.json of a regressor", "Train again.")[
        "half_width"
    ]


def calibrate(fitted: Fitted[Any], validation: Split, progress: Progress) -> dict[str, Any]:
    """Half the width of intervals: the quantile of the errors on the validation split.

    It is that of split conformal prediction (Lei et al. 2018, "Distribution-free predictive inference for
    regression"), and holds for new samples as far as validation took no part in the training.
    """
    count = len(validation)
    if count < FEWEST_FOR_INTERVALS:
        return {"half_width": None, "coverage": COVERAGE}
    without = replace(fitted, calibration={})
    off = np.sort(np.abs(predict(without, validation.samples, progress).values - validation.labels))
    place = min(count - 1, int(np.ceil((count + 1) * COVERAGE)) - 1)
    return {"half_width": float(off[place]), "coverage": COVERAGE}


def evaluate(outputs: NumberOutputs, split: Split, class_names: Sequence[str]) -> RegressionMetrics:
    """Compares predictions with numbers, beside the mean of train."""
    true = np.asarray(split.labels, np.float64)
    return regression_metrics(true, outputs.values, outputs.center, outputs.half_width, COVERAGE)


def to_predictions(
    outputs: NumberOutputs, samples: Samples, class_names: Sequence[str]
) -> tuple[NumberPrediction, ...]:
    """One prediction for each sample."""
    half = outputs.half_width
    return tuple(
        NumberPrediction(samples.name(i), value)
        if half is None
        else NumberPrediction(samples.name(i), value, value - half, value + half)
        for i, value in enumerate(outputs.values.tolist())
    )


def output_names(representation: AnyRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """One number."""
    return (NUMBER,)


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Samples."""
    return {name: {"samples": len(splits[name])} for name in SPLITS}


def mistakes(outputs: NumberOutputs, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """The samples whose prediction is furthest from the truth, worst first."""
    true = np.asarray(split.labels, np.float64)
    worst = np.argsort(-np.abs(outputs.values - true), kind="stable")[:SHOWN_MISTAKES]
    return [
        Mistake(
            split.samples.load(int(i)),
            split.samples.name(int(i)),
            f"{true[i]:.5g}",
            f"{outputs.values[i]:.5g}",
            details=(("error", f"{outputs.values[i] - true[i]:+.3g}"),),
        )
        for i in worst
    ]


def example_samples(splits: Splits) -> list[tuple[str, list[Any]]]:
    """The train samples of the smallest and the largest numbers."""
    train = splits.train
    order = np.argsort(np.asarray(train.labels, np.float64), kind="stable")
    return [
        (name, [train.samples.load(int(i)) for i in rows])
        for name, rows in (
            ("smallest numbers", order[:SHOWN_EXAMPLES]),
            ("largest numbers", order[::-1][:SHOWN_EXAMPLES]),
        )
    ]


def plot_predictions(
    fitted: Fitted[Any], samples: Samples, labels: Any, progress: Progress
) -> list[LazyFigure]:
    """Predicted over true numbers; nothing where these are not known."""
    if labels is None or not len(samples):
        return []
    from convscope.lenses.figures.scatter import MOST_COMPARED, draw_agreement

    some = samples.take(np.arange(min(MOST_COMPARED, len(samples))))
    outputs = predict(fitted, some, progress)
    true = np.asarray(labels, np.float64)[: len(some)]
    return [
        LazyFigure(
            lambda theme: draw_agreement(true, outputs.values, half_width=outputs.half_width, theme=theme),
            f"Predicted over true numbers of {len(some)} samples",
            "Right on the diagonal; the lines beside it are the interval.",
        )
    ]
