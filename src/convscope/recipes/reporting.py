"""Puts what a training learned on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split, Splits
from convscope.engine.checkpoint import Row
from convscope.lenses.pages import Picture
from convscope.lenses.report import Mistake, ReportContent, write_report
from convscope.recipes.given import Given
from convscope.recipes.judging import Outcome
from convscope.recipes.looking import look
from convscope.recipes.opening import Opened
from convscope.recipes.recipe import Representation
from convscope.recipes.scene import Wish
from convscope.run import Run
from convscope.scope.explanation import explain

SHOWN_MISTAKES = 24
SHOWN_PER_CLASS = 8
SHOWN_MAPS = 3


def report(
    run: Run,
    record: dict[str, Any],
    splits: Splits,
    representation: Representation,
    rows: list[Row],
    outcome: Outcome,
    model: keras.Model,
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
            explanation=explain(model, class_names=splits.class_names),
            pictures=_seen(model, representation, splits),
        ),
    )


def _seen(model: keras.Model, representation: Representation, splits: Splits) -> tuple[Picture, ...]:
    """Feature maps of the first test sample of some classes."""
    labels = splits.test.labels
    firsts = [int(np.flatnonzero(labels == k)[0]) for k in np.unique(labels)[:SHOWN_MAPS]]
    some = splits.test.samples.take(np.array(firsts, np.int64))
    pixels = representation.arrays(some)
    names = tuple(
        f"{splits.class_names[labels[i]]}: {Path(some.name(place)).name}" for place, i in enumerate(firsts)
    )
    given = Given(names, lambda indices: representation.scale(pixels.take(indices)))
    opened = Opened(model, model.name, "a run", splits.class_names)
    return look(opened, given, Wish(channels=8)).pictures


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
