"""How much each part of an input mattered for a prediction, by several methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import keras
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from convscope.errors import UsageError, unknown_name
from convscope.lenses.figures.attribution import draw_attributions, overlays_of
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.views.view import Sample
from convscope.scope.attribution.methods import METHODS, Attribution, attribute
from convscope.scope.geometry.geometry import gathers
from convscope.scope.graph.graph import LayerGraph
from convscope.scope.record import record
from convscope.types import ArrayTree, Progress, no_progress
from convscope.workflows.inspect.context import InspectionContext, InspectionRequest, position_names
from convscope.workflows.inspect.front_end import front_end_of
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

if TYPE_CHECKING:
    from rich.text import Text

    from convscope.scope.attribution.targets import Where

USUAL = ("grad-cam", "integrated-gradients")
"""The methods where none is named."""
USUAL_OF_GRAPHS = ("integrated-gradients", "occlusion")
"""The same for nodes of a graph, of which Grad-CAM would mark some that no answer depends on."""

Found = Mapping[str, Sequence[Attribution]]


def inspect_attribution(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """Attributions by the method named, or by two that complement each other.

    Args:
        loaded: The model.
        inputs: Samples for it.
        request: The method, its options, the layer, the output and the target.
        progress: Receives how much is done.

    Raises:
        UsageError: An unknown class, layer, output or option.
    """
    context = InspectionContext(loaded, inputs, (), 0)
    found = _attributions(context, request, progress)
    raw = record(loaded.model, context.x, []).predictions if request.output is None else ()
    outputs = context.predicted(raw)
    title = f"Attribution for the prediction of {loaded.name}"
    samples = [context.sample(i, outputs) for i in range(context.count)]
    single = len(context.graph.inputs) == 1
    figures = []
    scored = _scored(found, None if outputs is raw else outputs[0])
    for i, sample in enumerate(samples):
        shown = [_as_drawn(each[i], single, sample.view.names) for each in scored.values()]
        drawn = _Drawn(sample, shown, loaded.class_names, title)
        label = f"attribution for {sample.name}"
        figures.append(LazyFigure(drawn.draw, label, markup=drawn.markup, terminal=drawn.terminal))
    names = inputs.names[: context.count]
    arrays = {
        f"{name}/{method}": each[i].values for method, each in found.items() for i, name in enumerate(names)
    }
    about: dict[str, Any] = {
        name: {
            method: {**_described(scored[method][i]), "model_output": each[i].score}
            for method, each in found.items()
        }
        for i, name in enumerate(names)
    }
    whole = {"inputs": about, **position_names(samples)}
    return inspection_of(loaded, "attribution", title, figures, arrays, whole, context.notes)


def _attributions(context: InspectionContext, request: InspectionRequest, progress: Progress) -> Found:
    """By method, one for each input; notes say at which layer."""
    usual = USUAL_OF_GRAPHS if gathers(context.graph) else USUAL
    methods = [request.method] if request.method in METHODS else list(usual)
    target = target_of(request.target, context.loaded.class_names)
    layer = request.layers[0] if request.layers else None
    found: dict[str, list[Attribution]] = {}
    for done, name in enumerate(methods):
        progress(done, len(methods), f"attribution, {name}")
        family = METHODS[name].family
        try:
            computed = explained(
                context.loaded.model,
                context.graph,
                context.x,
                name,
                layer=layer if family == "cam" or len(methods) == 1 else None,
                target=target,
                output=request.output,
                at=cast("Where", request.at or "surest"),
                seed=request.seed,
                options=request.options,
            )
        except UsageError as error:
            other = USUAL_OF_GRAPHS[-1]
            last = done == len(methods) - 1 and other in methods
            if name == request.method or layer is not None or (last and not found):
                raise
            context.notes.append(f"{name} is left out: {error.message}")
            methods += [] if other in methods else [other]
            continue
        found[name] = _joined(context, computed, added=family == "gradient")
        _tell(context, name, computed)
    return found


def explained(
    model: keras.Model,
    graph: LayerGraph,
    x: ArrayTree,
    method: str,
    *,
    layer: str | None = None,
    target: int | None = None,
    output: str | None = None,
    at: Where = "surest",
    seed: int = 0,
    batch_size: int | None = None,
    progress: Progress = no_progress,
    options: Mapping[str, Any] | None = None,
) -> list[Attribution]:
    """Attributions where they say most about inputs of their kind.

    Args:
        model: The model.
        graph: Of the model on these inputs.
        x: Samples as the model takes them.
        method: One of `METHODS`.
        layer: Of the method, where one is named.
        target: The class; None for the predicted one.
        output: Its name; None for the first.
        at: Which position of an output that has positions.
        seed: For the methods that draw noise or masks.
        batch_size: As of `attribute`.
        progress: Receives how many changed copies are computed.
        options: Of the method.

    Raises:
        UsageError: As of `attribute`.
    """
    return attribute(
        model,
        x,
        method,
        layer=layer or _usual_layer(graph, method),
        target=target,
        output=output,
        at=at,
        score="logit" if gathers(graph) else None,  # a sure prediction keeps its probability without any node
        seed=seed,
        batch_size=batch_size,
        progress=progress,
        **(options or {}),
    )


def _usual_layer(graph: LayerGraph, method: str) -> str | None:
    """A front end for gradients: a waveform swings around 0, and so does what its values add."""
    front_end = front_end_of(graph)
    return front_end[0] if METHODS[method].family == "gradient" and front_end is not None else None


def _joined(context: InspectionContext, found: Sequence[Attribution], *, added: bool) -> list[Attribution]:
    """Attributions without values of positions that repeat others, as samples of a kind may have them."""
    describe = context.inputs.describe
    if describe is None:
        return list(found)
    return [
        replace(each, values=describe(index).joined(each.values, added=added))
        for index, each in enumerate(found)
    ]


def _tell(context: InspectionContext, name: str, found: Sequence[Attribution]) -> None:
    """Notes at which layer a method was computed, and for which inputs it found nothing."""
    place = found[0].path
    why = found[0].details.get("layer", "")
    empty = [context.inputs.names[i] for i, each in enumerate(found) if not np.any(each.values)]
    if empty:
        context.notes.append(
            f"Warning: {name} is 0 everywhere for {', '.join(empty)}: nothing at {place or 'the input'} "
            "speaks for the class; another layer or method may show more"
        )
    context.notes.append(f"{name} at {place or 'the input'}{f', {why}' if why else ''}")


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The attributions of one input, drawn in several ways."""

    sample: Sample
    attributions: Sequence[Attribution]
    class_names: tuple[str, ...] | None
    title: str

    def draw(self, theme: str) -> Figure:
        return draw_attributions(
            self.sample, self.attributions, class_names=self.class_names, theme=theme, title=self.title
        )

    def markup(self) -> str:
        return self.sample.view.overlay_markup(overlays_of(self.attributions, self.class_names))

    def terminal(self) -> list[tuple[str, Text]]:
        overlays = overlays_of(self.attributions, self.class_names)
        found = [(each.attribution.method, self.sample.view.overlay_text(each)) for each in overlays]
        return [(method, text) for method, text in found if text is not None]


def _scored(found: Found, outputs: npt.NDArray[np.floating[Any]] | None) -> Found:
    """Attributions whose scores are what the run predicts, where it calibrates what its model puts out."""
    if outputs is None:
        return found
    return {
        method: [
            replace(each, score=float(values[each.target]))
            for each, values in zip(attributions, outputs, strict=True)
        ]
        for method, attributions in found.items()
    }


def _described(attribution: Attribution) -> dict[str, Any]:
    return {
        "layer": attribution.path,
        "output": attribution.output,
        "target": attribution.target,
        "score": attribution.score,
        "signed": attribution.signed,
        "at": attribution.at,
        "details": attribution.details,
    }


def _as_drawn(attribution: Attribution, single: bool, names: Sequence[str]) -> Attribution:
    """With the token by its name, and without what the figure says elsewhere."""
    said = {"layer", "input"} if single else {"layer"}
    details = {name: value for name, value in attribution.details.items() if name not in said}
    token = int(details.get("token", 0))
    if 0 < token <= len(names):
        details["token"] = f"{token} '{names[token - 1]}'"
    return replace(attribution, details=details)


def target_of(target: int | str | None, class_names: Sequence[str] | None) -> int | None:
    """The index of a class, which may be given by its name; None for the predicted one."""
    if target is None or isinstance(target, int):
        return target
    if class_names and target in class_names:
        return class_names.index(target)
    if target.isdigit():
        return int(target)
    if not class_names:
        raise UsageError(
            f"The model has no class names, so the target '{target}' is unknown.", "Give the class index."
        )
    raise unknown_name("class", target, class_names)
