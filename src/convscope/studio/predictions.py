"""What models predict: for one sample in full, for a data set the class and how sure the model is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convscope.scope.record import recorded_batches
from convscope.studio.arrays import listed_values
from convscope.studio.models import Observed, StudioModel
from convscope.studio.over_input import CLASSES, found_marks, found_mask, shares_in_words
from convscope.studio.predicted import UNKNOWN, PredictedClasses
from convscope.studio.session import Session
from convscope.types import Array, Json, Progress, no_progress
from convscope.workflows.model_inputs.model_inputs import ModelInputs

BATCH = 256
MOST_VALUES = 4096
"""Of an output that is no list of classes, that are sent."""
_SLACK = 1e-2


def probabilities_of(
    model: StudioModel, inputs: ModelInputs, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32] | None:
    """Probabilities of the classes as the run of a model predicts them, else as the model puts them out.

    Args:
        model: The model.
        inputs: Samples.
        rows: Numbers of some of them.

    Returns:
        (samples, classes), or None where the model gives something else.
    """
    names = model.loaded.class_names
    if inputs.predict is not None:
        found = inputs.predict(rows)
        found = getattr(found, "probabilities", found)
        fits = isinstance(found, np.ndarray) and names and found.shape == (len(rows), len(names))
        return np.asarray(found, np.float32) if fits else None
    last = [
        call.path for call in model.graph.calls if model.graph.outputs[0] in call.outputs and call.recordable
    ]
    if not last:
        return None
    taps = next(iter(recorded_batches(model.model, [inputs.take(rows)], last[:1])))
    return _shares(next(iter(taps.values())))


def _shares(output: Array) -> npt.NDArray[np.float32] | None:
    """An output that is a probability for each class; None for any other."""
    if output.ndim != 2 or output.shape[1] < 2:
        return None
    sums = output.sum(axis=1)
    return output.astype(np.float32) if output.min() >= -1e-6 and np.abs(sums - 1).max() <= _SLACK else None


def class_number(name: str | None, classes: Sequence[str]) -> int | str | None:
    """The number of a class; its name where it is none of those that are counted."""
    return classes.index(name) if name in classes else name


def predict_all(
    session: Session,
    model: StudioModel,
    progress: Progress = no_progress,
    rows: npt.NDArray[np.int64] | None = None,
) -> PredictedClasses | None:
    """The predicted classes of a data set, each computed once.

    Args:
        session: With a data set.
        model: The model.
        progress: Receives how many samples are done.
        rows: Numbers of the samples that are wanted; None for all.

    Returns:
        None where there is no data set, or where the model predicts no classes.
    """
    if session.samples is None or not predicts_classes(model):
        return None
    known = session.predicted.setdefault(model.id, PredictedClasses.of(len(session.samples)))
    inputs, numbers = session.rows_of(model)
    missing = np.flatnonzero((known.classes == UNKNOWN) & (numbers >= 0))
    missing = missing if rows is None else np.intersect1d(missing, rows)
    size = model.at_once(BATCH)
    for start in range(0, len(missing), size):
        some = missing[start : start + size]
        found = probabilities_of(model, inputs, numbers[some])
        if found is None:
            return None
        known.note(some, found)
        progress(start + len(some), len(missing), f"predictions of {model.loaded.name}")
    known.complete = not np.any((known.classes == UNKNOWN) & (numbers >= 0))
    return known


def predicts_classes(model: StudioModel) -> bool:
    """Whether a model may put out a probability for each class of a sample."""
    recipe, names, shape = model.loaded.recipe, model.loaded.class_names, model.graph.outputs[0].shape
    if recipe is not None and recipe.spec.task != CLASSES:
        return False
    flat = len(shape) == 2 or (len(shape) == 3 and shape[1] in (1, None))  # None: nodes that are asked for
    return flat and (names is None or len(names) > 1)


def prediction_of(session: Session, model: StudioModel, sample: str) -> dict[str, Json]:
    """What a model predicts for one sample.

    Args:
        session: Which has the sample.
        model: The model.
        sample: Its id.
    """
    inputs, row = session.place(model, sample)
    names = model.loaded.class_names
    known = None if sample in session.own or session.samples is None else session.samples.label(sample)
    label = class_number(known, session.classes(model))
    observed = session.observed(model, sample)
    raw = [np.asarray(each[0]) for each in observed.recording.predictions]
    found, flat = None, predicts_classes(model)
    if inputs.predict is not None:
        found = probabilities_of(model, inputs, np.array([row])) if flat else None
    elif flat or len(raw) == 1:
        found = _shares(raw[0][None])  # the pass that fills the maps has computed it
    mask = found_mask(model, observed)
    drawn: dict[str, Json] = {
        "marks": found_marks(model, observed.x, inputs.names[row]),
        "mask": mask is not None,
    }
    if found is None:
        if mask is not None and sample in session.own:  # known as an input alone, not on positions of its own
            cells: list[Json] = [{"classes": shares_in_words(mask, names or ())}]
        else:
            cells = _cells(model, inputs, row)
        return {**_values(model, observed, raw), "label": label, "cells": cells, **drawn}
    count = found.shape[1]
    classes = list(names) if names and len(names) == count else [f"class {i}" for i in range(count)]
    if len(session.classes(model)) != count:
        label = known  # a class of the data is none of the model's
    return {
        "output": "classes",
        "classes": [*classes],
        "probabilities": listed_values(found[0]),
        "predicted": int(found[0].argmax()),
        "label": label,
        "cells": [],
        **drawn,
    }


def _values(model: StudioModel, observed: Observed, raw: Sequence[Array]) -> dict[str, Json]:
    """What a model puts out that is no list of classes."""
    names = model.loaded.class_names
    return {
        "output": "values",
        "classes": None if names is None else list(names),
        "probabilities": None,
        "predicted": None,
        "values": [
            {
                "name": name,
                "shape": list(value.shape),
                "values": listed_values(value) if value.size <= MOST_VALUES else None,
            }
            for name, value in zip(observed.graph.output_names, raw, strict=True)
        ],
    }


def _cells(model: StudioModel, inputs: ModelInputs, row: int) -> list[Json]:
    """What the recipe of a run tells people of its prediction, by heading."""
    recipe, samples = model.loaded.recipe, inputs.samples
    if recipe is None or inputs.predict is None or samples is None:
        return []
    rows = np.array([row])
    predictions = recipe.to_predictions(
        inputs.predict(rows), samples.take(rows), model.loaded.class_names or ()
    )
    return [
        {heading: text for heading, text in each.to_cells().items() if text != each.name}
        for each in predictions
    ]
