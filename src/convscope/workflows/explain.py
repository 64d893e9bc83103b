"""Explains a model, with data where there is some."""

from __future__ import annotations

from typing import Any

from convscope.kinds.contract.model_reader import ReadingOptions
from convscope.scope.channels.statistics import statistics
from convscope.scope.describe.explanation import Explanation, explain
from convscope.types import Progress
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import model_inputs
from convscope.workflows.model_inputs.readers import numeric_model


def explain_model(loaded: LoadedModel, data: Any, options: ReadingOptions, progress: Progress) -> Explanation:
    """Explains a model; what its kernels do with the data, if any, goes into the notes.

    Args:
        loaded: The model.
        data: Files, folders or arrays as the model takes them; None looks at the model alone.
        options: Of the reader of the files, such as `preprocess`.
        progress: Is told each step.
    """
    if data is None:
        return explain(loaded.model, class_names=loaded.class_names)
    loaded = numeric_model(loaded)
    inputs = model_inputs(loaded, data, options, progress)
    found = statistics(loaded.model, inputs.batches(progress))
    return explain(loaded.model, inputs=inputs.first(1), class_names=loaded.class_names, statistics=found)
