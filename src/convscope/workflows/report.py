"""Puts what a training learned on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.splits import Splits
from convscope.engine.training.checkpoint import Row
from convscope.kinds.contract.task import Fitted, Metrics, Task
from convscope.lenses.pages.pages import Picture
from convscope.lenses.pages.report import ReportContent, write_report
from convscope.run import Run
from convscope.scope.describe.explanation import explain
from convscope.types import no_progress
from convscope.workflows.inspect.context import InspectionRequest
from convscope.workflows.inspect.inspect import look
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs import ModelInputs

SHOWN_MAPS = 3


def report(
    run: Run,
    record: dict[str, Any],
    task: Task,
    fitted: Fitted,
    splits: Splits,
    rows: list[Row],
    judgement: Metrics,
    answers: Any,
) -> None:
    """Writes the run's `report.html`."""
    write_report(
        run.report_path,
        ReportContent(
            title=run.folder.resolve().name,
            recipe=record["recipe"],
            architecture=record["architecture"],
            class_names=splits.class_names,
            counts={str(name): counts for name, counts in task.counts(splits).items()},
            history=rows,
            judgement=judgement.to_json(),
            scores=judgement.to_scores(),
            counted=task.counted,
            mistakes=task.mistakes(answers, splits.test, splits.class_names),
            samples=task.illustrate(splits),
            settings={**record["settings"], **record["options"], "shape": fitted.representation.shape},
            versions=record["versions"],
            machine={name: str(value) for name, value in {**record["machine"], **record["device"]}.items()},
            decisions=record["decisions"],
            warnings=record["data"]["warnings"],
            skipped=splits.skipped,
            explanation=explain(
                fitted.model, class_names=task.outputs(fitted.representation, fitted.class_names)
            ),
            pictures=_seen(task, fitted, splits),
            answered=()
            if task.depict is None
            else task.depict(fitted, splits.test.samples, splits.test.labels, no_progress),
        ),
    )


def _seen(task: Task, fitted: Fitted, splits: Splits) -> tuple[Picture, ...]:
    """Feature maps of a few test samples, of different classes where there are some."""
    labels = splits.test.labels
    names: tuple[str, ...]
    if np.issubdtype(labels.dtype, np.integer):
        chosen = [int(np.flatnonzero(labels == k)[0]) for k in np.unique(labels)[:SHOWN_MAPS]]
        some = splits.test.samples.take(np.array(chosen, np.int64))
        names = tuple(
            f"{splits.class_names[labels[i]]}: {Path(some.name(place)).name}"
            for place, i in enumerate(chosen)
        )
    else:
        some = splits.test.samples.take(np.arange(min(SHOWN_MAPS, len(splits.test))))
        names = tuple(Path(some.name(place)).name for place in range(len(some)))
    shown = task.show(fitted, some, no_progress)
    given = ModelInputs(names, shown.take, tokens=shown.tokens, axis=shown.axis)
    opened = LoadedModel(
        fitted.model, fitted.model.name, "a run", task.outputs(fitted.representation, fitted.class_names)
    )
    return look(opened, given, InspectionRequest(channels=8)).pictures
