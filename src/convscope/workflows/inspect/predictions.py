"""What a run predicts, drawn over its inputs as they were read."""

from __future__ import annotations

from convscope.errors import UsageError
from convscope.types import Progress
from convscope.workflows.inspect.context import InspectionRequest
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs


def inspect_predictions(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """The figures that the recipe of a run draws of its predictions.

    Args:
        loaded: A run of a recipe that draws some.
        inputs: Samples that were read as the run reads them.
        request: Takes nothing.
        progress: Is told how far it is.

    Raises:
        UsageError: The recipe draws nothing, or the samples are not known as they were read.
    """
    if inputs.predictions is None:
        raise UsageError(
            f"The predictions of '{loaded.name}' cannot be plotted.",
            "Give a run whose recipe plots them, such as series-anomaly, and files as it reads them.",
        )
    figures = list(inputs.predictions(progress))
    about = {"inputs": list(inputs.names)}
    title = f"Predictions of {loaded.name}"
    return inspection_of(loaded, "predictions", title, figures, {}, about, inputs.notes)
