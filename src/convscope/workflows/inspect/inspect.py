"""Inspects a model by a method: feature maps, kernels, one position, attribution, statistics, and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from convscope.errors import UsageError, unknown_name
from convscope.kept import kept_in
from convscope.kinds.contract.inspection import InspectedModel
from convscope.kinds.registry import kinds
from convscope.scope.attribution.methods import METHODS as ATTRIBUTIONS
from convscope.types import Progress, no_progress
from convscope.workflows.inspect.attribution import inspect_attribution, target_of
from convscope.workflows.inspect.channels import inspect_kernels, inspect_patches, inspect_statistics
from convscope.workflows.inspect.checks import KERNELS, no_input
from convscope.workflows.inspect.context import SHOWN_INPUTS, InspectionRequest
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.inspect.maps import inspect_maps, inspect_position
from convscope.workflows.inspect.strongest import at_strongest
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
        progress: Receives how much is done.

    Raises:
        UsageError: The recipe draws nothing, or the samples are not known as they were read.
    """
    if inputs.predictions is None:
        raise UsageError(
            f"The predictions of '{loaded.name}' cannot be plotted.",
            "Give a run whose recipe plots them, such as series-anomaly, and files as it reads them.",
        )
    figures = list(inputs.predictions(None, progress))
    about = {"inputs": list(inputs.names)}
    title = f"Predictions of {loaded.name}"
    return inspection_of(loaded, "predictions", title, figures, {}, about, inputs.notes)


Inspect = Callable[[LoadedModel, ModelInputs, InspectionRequest, Progress], Inspection]


@dataclass(frozen=True)
class InspectionMethod:
    """A method that works on models of every kind.

    Args:
        summary: What it shows.
        inspect: `(loaded, inputs, request, progress)` to an inspection.
    """

    summary: str
    inspect: Inspect


METHODS: Mapping[str, InspectionMethod] = {
    "maps": InspectionMethod("feature maps of early, middle and late layers", inspect_maps),
    "position": InspectionMethod("how one position of a feature map is computed", inspect_position),
    "attribution": InspectionMethod("how much each part of an input mattered", inspect_attribution),
    "statistics": InspectionMethod("what each channel does over a data set", inspect_statistics),
    "patches": InspectionMethod("the parts of a data set that activate each kernel most", inspect_patches),
    "predictions": InspectionMethod("what a run predicts, drawn over its inputs", inspect_predictions),
}
ALIASES: Mapping[str, str] = {"why": "attribution", "answers": "predictions"}


def inspect_model(
    loaded: LoadedModel,
    inputs: ModelInputs | None,
    request: InspectionRequest,
    progress: Progress = no_progress,
) -> Inspection:
    """Inspects a model.

    Args:
        loaded: The model.
        inputs: Samples for it; `kernels` needs none.
        request: The method, and what it takes.
        progress: Receives how much is done.

    Raises:
        UsageError: An unknown method, layer, class or option, or inputs that the model does not take.
    """
    name = ALIASES.get(request.method, request.method)
    with kept_in(None if loaded.run is None else loaded.run.folder):
        return _inspected(loaded, inputs, replace(request, method=name), progress)


def _inspected(
    loaded: LoadedModel, inputs: ModelInputs | None, request: InspectionRequest, progress: Progress
) -> Inspection:
    name = request.method
    if name == KERNELS:
        return inspect_kernels(loaded, request, progress)
    own = {name: lazy for kind in kinds() for name, lazy in kind.inspections.items()}
    if name not in (*METHODS, *ATTRIBUTIONS, *own):
        raise unknown_name("method", name, [*METHODS, KERNELS, *own, *ATTRIBUTIONS])
    if inputs is None or not len(inputs):
        raise no_input(name)
    inputs = at_strongest(loaded, inputs, request, progress)
    if name not in own:
        method = METHODS["attribution" if name in ATTRIBUTIONS else name]
        return method.inspect(loaded, inputs, request, progress)
    shown = min(SHOWN_INPUTS, len(inputs))
    inspected = InspectedModel(
        loaded.model,
        loaded.name,
        inputs.first(shown),
        inputs.names[:shown],
        request.layers,
        inputs.describe,
        inputs.notes,
        target_of(request.target, loaded.class_names),
        loaded.class_names,
        inputs.samples,
        loaded.representation,
        request.channels,
    )
    found = own[name].load()(inspected)
    return inspection_of(
        loaded, name, found.title, list(found.figures), found.arrays, found.about, found.notes
    )
