"""Puts what a training learned on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.splits import Samples, Splits
from convscope.engine.training.checkpoint import Row
from convscope.kinds.contract.recipe import AnyRecipe, Compared, Fitted, Metrics
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.kinds.registry import views_of
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Finding, FoundTable, ReportContent, write_report
from convscope.run import Run
from convscope.scope.describe.explanation import explain
from convscope.types import no_progress
from convscope.workflows.explain import known_of
from convscope.workflows.inspect.context import InspectionRequest
from convscope.workflows.inspect.inspect import inspect_model
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs, view_of_shown

SHOWN_MAPS = 3


def report(
    run: Run,
    record: dict[str, Any],
    recipe: AnyRecipe,
    fitted: Fitted[AnyRepresentation],
    splits: Splits,
    rows: list[Row],
    metrics: Metrics,
    outputs: Any,
    calibration: Mapping[str, Any] | None = None,
) -> None:
    """Writes the run's `report.html`."""
    of_splits = recipe.report.counts(splits)
    counts: dict[str, Mapping[str, int]] = {str(name): of_split for name, of_split in of_splits.items()}
    if recipe.spec.describes:
        counts = {"all": of_splits["train"]}
    write_report(
        run.report_path,
        ReportContent(
            title=run.folder.resolve().name,
            recipe=record["recipe"],
            architecture=record["architecture"],
            class_names=splits.class_names,
            counts=counts,
            history=() if recipe.spec.describes else rows,
            kept=recipe.objective.best_epoch(rows) if rows else None,
            kept_by=recipe.objective.kept_by(rows),
            metrics=metrics.to_json(),
            calibration=calibration,
            scores=metrics.to_scores(),
            counted=recipe.report.counted,
            mistakes=recipe.report.mistakes(outputs, splits.test, splits.class_names),
            samples=recipe.report.example_samples(splits),
            settings={**record["settings"], **record["options"], "shape": fitted.representation.shape},
            versions=record["versions"],
            machine={name: str(value) for name, value in {**record["machine"], **record["device"]}.items()},
            decisions=record["decisions"],
            warnings=record["data"]["warnings"],
            skipped=splits.skipped,
            explanation=explain(
                fitted.model,
                class_names=recipe.output_names(fitted.representation, fitted.class_names),
                known=known_of(record),
            ),
            pictures=_seen(recipe, fitted, splits),
            views=views_of(recipe.spec),
            answered=_answered(recipe, fitted, splits, outputs),
            findings=(*_compared(metrics), *(recipe.report.findings or _no_findings)(outputs)),
        ),
    )


def _short(samples: Samples, index: int) -> str:
    """The name of a sample, of a file without its folders."""
    name = samples.name(index)
    return Path(name).name if getattr(samples, "names_files", True) else name


def _compared(metrics: Metrics) -> Sequence[Finding]:
    """The figures of the model and of all that is judged beside it, where something is."""
    if not isinstance(metrics, Compared) or not metrics.beside:
        return ()
    table = FoundTable("", *metrics.to_table())
    said = "The model, and what needs no training by epochs, judged by the same samples."
    return (Finding("comparison", "Comparison", said, tables=(table,)),)


def _no_findings(outputs: object) -> Sequence[Finding]:
    return ()


def _answered(
    recipe: AnyRecipe, fitted: Fitted[AnyRepresentation], splits: Splits, outputs: Any
) -> Sequence[LazyFigure]:
    """Figures of what the model predicts for test samples."""
    test, steps = splits.test, recipe.report
    if steps.plot_outputs is not None:
        return steps.plot_outputs(outputs, test, splits.class_names)
    if steps.plot_predictions is None:
        return ()
    return steps.plot_predictions(fitted, test.samples, test.labels, no_progress)


def _seen(recipe: AnyRecipe, fitted: Fitted[AnyRepresentation], splits: Splits) -> tuple[LazyFigure, ...]:
    """Feature maps of a few test samples, of different classes where there are some."""
    labels = splits.test.labels
    names: tuple[str, ...]
    if np.issubdtype(labels.dtype, np.integer):
        chosen = [int(np.flatnonzero(labels == k)[0]) for k in np.unique(labels)[:SHOWN_MAPS]]
        some = splits.test.samples.take(np.array(chosen, np.int64))
        names = tuple(
            f"{splits.class_names[labels[i]]}: {_short(some, place)}" for place, i in enumerate(chosen)
        )
    else:
        some = splits.test.samples.take(np.arange(min(SHOWN_MAPS, len(splits.test))))
        names = tuple(_short(some, place) for place in range(len(some)))
    shown = recipe.encode_inputs(fitted, some, no_progress)
    view = view_of_shown(shown, recipe.spec)
    inputs = ModelInputs(names, shown.take, describe=shown.describe, view=view)
    loaded = LoadedModel(
        fitted.model,
        fitted.model.name,
        "a run",
        recipe.output_names(fitted.representation, fitted.class_names),
    )
    return inspect_model(loaded, inputs, InspectionRequest(channels=8)).pictures
