"""Explains an opened model, with data where there is some."""

from __future__ import annotations

from typing import Any

from convscope.scope.channels.statistics import statistics
from convscope.scope.describe.explanation import Explanation, explain
from convscope.types import Progress
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs import ValueRange, given_inputs


def explain_opened(
    opened: LoadedModel, data: Any, value_range: ValueRange, progress: Progress
) -> Explanation:
    """Explains a model; what its kernels do with the data, if any, goes into the notes.

    Args:
        opened: The model.
        data: Files, folders or arrays as the model takes them; None looks at the model alone.
        value_range: What pixels become.
        progress: Is told each step.
    """
    if data is None:
        return explain(opened.model, class_names=opened.class_names)
    given = given_inputs(opened, data, value_range, progress)
    found = statistics(opened.model, given.batches(progress))
    return explain(opened.model, inputs=given.first(1), class_names=opened.class_names, statistics=found)
