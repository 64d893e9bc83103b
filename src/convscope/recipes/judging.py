"""Judging a model on a split, and putting what was learned on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.checkpoint import Row
from convscope.engine.infer import predict_probabilities
from convscope.engine.judge import Judgement, judge
from convscope.kinds import Progress, no_progress
from convscope.lenses.report import Mistake, ReportContent, write_report
from convscope.recipes.recipe import Representation
from convscope.run import Run

SHOWN_MISTAKES = 24
SHOWN_PER_CLASS = 8


@dataclass(frozen=True)
class Outcome:
    """What a model answers on a split, and how good that is.

    Args:
        judgement: The figures.
        probabilities: Shape (samples, classes), float32.
    """

    judgement: Judgement
    probabilities: npt.NDArray[np.float32]


def answer(
    model: keras.Model,
    representation: Representation,
    samples: Samples,
    progress: Progress = no_progress,
) -> npt.NDArray[np.float32]:
    """Probabilities for samples, shape (samples, classes), float32."""
    return predict_probabilities(
        model, representation.arrays(samples, progress=progress), representation.scale, progress
    )


def judge_split(
    model: keras.Model,
    representation: Representation,
    split: Split,
    class_names: Sequence[str],
    progress: Progress = no_progress,
) -> Outcome:
    """Answers every sample of a split and compares with the labels."""
    probabilities = answer(model, representation, split.samples, progress)
    return Outcome(judge(split.labels, probabilities, class_names), probabilities)


def report(
    run: Run,
    record: dict[str, Any],
    splits: Splits,
    representation: Representation,
    rows: list[Row],
    outcome: Outcome,
) -> None:
    """Writes the run's `report.html`."""
    write_report(
        run.report_path,
        ReportContent(
            title=run.folder.resolve().name,
            recipe=record["recipe"],
            architecture=record["architecture"],
            class_names=splits.class_names,
            counts={str(name): counts for name, counts in splits.counts().items()},
            history=rows,
            judgement=outcome.judgement.to_json(),
            mistakes=_mistakes(splits.test, splits.class_names, outcome.probabilities),
            samples=_examples(splits),
            settings={**record["settings"], **record["options"], "shape": representation.shape},
            versions=record["versions"],
            machine={name: str(value) for name, value in {**record["machine"], **record["device"]}.items()},
            decisions=record["decisions"],
            warnings=record["data"]["warnings"],
            skipped=splits.skipped,
        ),
    )


def _mistakes(
    split: Split, class_names: Sequence[str], probabilities: npt.NDArray[np.float32]
) -> list[Mistake]:
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


def _examples(splits: Splits) -> list[tuple[str, list[Any]]]:
    """The first few train samples of each class."""
    return [
        (
            name,
            [
                splits.train.samples.load(int(i))
                for i in np.flatnonzero(splits.train.labels == k)[:SHOWN_PER_CLASS]
            ],
        )
        for k, name in enumerate(splits.class_names)
    ]
