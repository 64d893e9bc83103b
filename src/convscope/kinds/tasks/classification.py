"""The task of every classifier: which of the class names does a sample belong to?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.classification_metrics import ClassificationMetrics, classification_metrics
from convscope.engine.inference.infer import predict_probabilities
from convscope.engine.training.class_examples import ClassExamples, balanced_weights
from convscope.engine.training.objective import CLASSIFY
from convscope.kinds.architectures import build
from convscope.kinds.contract.representation import Representation
from convscope.kinds.contract.task import ExampleContext, Fitted, SampleInputs, Task
from convscope.kinds.text.readers.sources import Texts
from convscope.lenses.pages.report import Mistake
from convscope.types import Progress

SHOWN_MISTAKES = 24
SHOWN_CLASSES = 3
SHOWN_PER_CLASS = 8
SHOWN_CHARACTERS = 60

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """The answer for one sample.

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
            "answer": self.label,
            "probability": f"{ranked[0][1]:.1%}",
            "then": ", ".join(f"{name} {p:.1%}" for name, p in ranked[1:]),
        }


def build_classifier(
    architecture: str, representation: Representation, class_names: Sequence[str], options: Mapping[str, Any]
) -> keras.Model:
    """A fresh model with one output for each class."""
    sizes = representation.sizes
    return build(architecture, representation.shape, len(class_names), **{**sizes, **options})


def class_examples(lesson: ExampleContext) -> ClassExamples:
    """Samples with their classes, weights and mixing as the settings say."""
    represent, labels, classes = lesson.representation, lesson.split.labels, len(lesson.class_names)
    weights = balanced_weights(labels, classes) if lesson.settings.class_weights and lesson.training else None
    inputs = represent.arrays(lesson.split.samples, progress=lesson.progress)
    mixing = lesson.settings.mixing if lesson.training else 0.0
    return ClassExamples(inputs, represent.scale, labels, classes, lesson.augment, weights, mixing)


def answer(fitted: Fitted, samples: Samples, progress: Progress) -> Probabilities:
    """Probabilities for samples, averaged over views of them, shape (samples, classes), float32."""
    arrays = fitted.representation.arrays(samples, progress=progress)
    return predict_probabilities(fitted.model, arrays, fitted.representation.scale, progress, fitted.views)


def judge_probabilities(
    probabilities: Probabilities, split: Split, class_names: Sequence[str]
) -> ClassificationMetrics:
    """Compares probabilities with labels."""
    return classification_metrics(split.labels, probabilities, class_names)


def tell(
    probabilities: Probabilities, samples: Samples, class_names: Sequence[str]
) -> tuple[Prediction, ...]:
    """One prediction for each sample."""
    told = []
    for i, row in enumerate(probabilities):
        shares = dict(zip(class_names, map(float, row), strict=True))
        text = samples.load(i) if isinstance(samples, Texts) else None
        told.append(Prediction(samples.name(i), class_names[int(row.argmax())], shares, text))
    return tuple(told)


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


def outputs(representation: Representation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """One output for each class."""
    return class_names


def align(split: Split, found: Sequence[str], known: Sequence[str]) -> Split:
    """The split with labels that index the class names of a model, which has all that were found."""
    labels = np.array([list(known).index(name) for name in found], np.int64)
    return Split(split.samples, labels[split.labels])


def show(fitted: Fitted, samples: Samples, progress: Progress) -> SampleInputs:
    """Samples as the model takes them; of texts their words too, of series and recordings their time."""
    represent: Any = fitted.representation
    encoded = represent.arrays(samples, progress=progress)

    def of_each(name: str) -> Callable[[int], Any] | None:
        tell_of = getattr(represent, name, None)
        return None if tell_of is None else lambda i: tell_of(samples.load(i))

    return SampleInputs(
        lambda indices: represent.scale(encoded.take(indices)), of_each("tokens"), of_each("axis")
    )


def illustrate(splits: Splits) -> list[tuple[str, list[Any]]]:
    """The first few train samples of each class."""
    train = splits.train
    return [
        (name, [train.samples.load(int(i)) for i in np.flatnonzero(train.labels == k)[:SHOWN_PER_CLASS]])
        for k, name in enumerate(splits.class_names)
    ]


CLASSIFICATION = Task(
    name="classification",
    goal=CLASSIFY,
    build=build_classifier,
    examples=class_examples,
    answer=answer,
    judge=judge_probabilities,
    load_judgement=ClassificationMetrics.from_json,
    tell=tell,
    mistakes=mistakes,
    outputs=outputs,
    align=align,
    counted="samples",
    counts=Splits.counts,
    show=show,
    illustrate=illustrate,
)
