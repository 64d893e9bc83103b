"""The kernels of layers, and the inputs that activate them most."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import numpy as np
from matplotlib.figure import Figure

from convscope.kinds.contract.preprocessing import check_preprocessing, limits_of, preprocessing_of
from convscope.lenses.figures.kernels import draw_kernels
from convscope.lenses.pages.pages import LazyFigure
from convscope.scope.channels.kernels import Kernels, kernels
from convscope.scope.graph.graph import Graph, trace
from convscope.types import Progress
from convscope.workflows.inspect.context import InspectionRequest, chosen_layers
from convscope.workflows.inspect.front_end import front_end_of
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.load_model import LoadedModel


def inspect_kernels(loaded: LoadedModel, request: InspectionRequest, progress: Progress) -> Inspection:
    """The kernels of the layers named, or of early, middle and late ones.

    Args:
        loaded: The model.
        request: Layers, channels, and for how many kernels an input that activates them is computed.
        progress: Is told how far it is.
    """
    graph = trace(loaded.model)
    calls, how = chosen_layers(graph, request.layers)
    low, high = _limits(loaded, request, graph)
    figures: list[LazyFigure] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for done, call in enumerate(calls):
        progress(done, len(calls), "kernels")
        found = kernels(loaded.model, call.path, excite=request.excite, seed=request.seed, low=low, high=high)
        draw = partial(_draw, found, max(request.channels, 1), _rate(loaded, graph))
        figures.append(LazyFigure(draw, f"kernels of {call.path}"))
        arrays |= {f"{call.path}/weights": found.weights, f"{call.path}/norms": found.norms}
        if found.excitations is not None:
            arrays[f"{call.path}/excitations"] = found.excitations
        about[call.path] = {"type": found.type, "excited": list(found.chosen)}
    title = f"Kernels of {loaded.name}"
    return inspection_of(loaded, "kernels", title, figures, arrays, {"layers": about}, [how] if how else [])


def _limits(loaded: LoadedModel, request: InspectionRequest, graph: Graph) -> tuple[float, float]:
    """The range in which inputs that activate kernels are sought."""
    check_preprocessing(request.preprocess)
    if request.preprocess != "auto":
        return limits_of(request.preprocess)
    if loaded.run is not None:
        return limits_of("0..1")
    return limits_of(preprocessing_of(loaded.model, graph).preprocessing)


def _draw(found: Kernels, channels: int, rate: float | None, theme: str) -> Figure:
    return draw_kernels(found, channels=channels, theme=theme, rate=rate)


def _rate(loaded: LoadedModel, graph: Graph) -> float | None:
    """Positions of the model's input per second, where that is known."""
    found = front_end_of(graph)
    if found is not None:
        return float(found[1].rate)
    sizes = {} if loaded.representation is None else loaded.representation.sizes
    return cast("float | None", sizes.get("rate"))
