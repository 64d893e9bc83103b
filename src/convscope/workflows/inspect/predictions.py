"""Looks at what a model answers, drawn over the inputs as they were read."""

from __future__ import annotations

from convscope.errors import UsageError
from convscope.types import Progress
from convscope.workflows.inspect.context import InspectionRequest
from convscope.workflows.inspect.inspection import Inspection, made_look
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs


def look_at_answers(
    opened: LoadedModel, given: ModelInputs, wish: InspectionRequest, progress: Progress
) -> Inspection:
    """The pictures that the task of a run draws of its answers.

    Args:
        opened: A run of a task that draws some.
        given: Samples that were read as the run reads them.
        wish: What is to be seen.
        progress: Is told how far it is.

    Raises:
        UsageError: The task draws nothing, or the samples are not known as they were read.
    """
    if given.predictions is None:
        raise UsageError(
            f"There is no picture of what '{opened.name}' answers.",
            "Give a run of series-anomaly or series-remaining-life, and files as it reads them.",
        )
    pictures = list(given.predictions(progress))
    title = f"What {opened.name} answers"
    return made_look(opened, "answers", title, pictures, {}, {"inputs": list(given.names)}, given.notes)
