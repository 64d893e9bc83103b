"""The parts of a data set that activate the kernels of a model most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.lenses.figures.patches import draw_patches, strongest_kernels
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.views.view import Sample
from convscope.scope.channels.patches import Patches, patches
from convscope.scope.graph.graph import Call, trace
from convscope.scope.layer_spec import has_trait
from convscope.types import Progress
from convscope.workflows.inspect.context import InspectionRequest, chosen_layers, drawn_samples, texts_of
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

TOP = 9


def inspect_patches(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """For each kernel of some layers, the n-grams, crops or snippets that activate it most.

    Args:
        loaded: The model.
        inputs: A data set.
        request: Layers, and twice how many kernels are shown.
        progress: Is told how far it is.
    """
    graph = trace(loaded.model, inputs.first(1))
    calls, how = chosen_layers(graph, request.layers)
    calls, without = _with_kernels(calls)
    paths = [call.path for call in calls]
    every = patches(loaded.model, inputs.batches(progress), paths, top=TOP)
    found = {path: part for path, part in every.items() if part.windows.shape[2]}
    left_out = [path for path in every if path not in found]
    if not found:
        raise UsageError(
            f"{' and '.join(left_out)} does not depend on the input that is shown.",
            "Name a layer behind it: --layer.",
        )
    shown = max(request.channels // 2, 1)

    def draw(part: Patches, samples: Mapping[int, Sample], theme: str) -> Figure:
        return draw_patches(part, samples, channels=shown, theme=theme)

    figures: list[LazyFigure] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for path, part in found.items():
        rows = strongest_kernels(part, shown)
        chosen = sorted({int(i) for i in part.samples[rows].ravel() if i >= 0})
        samples: dict[int, Sample] = {}
        if chosen:
            taken = inputs.take(np.array(chosen, np.int64))
            drawn = drawn_samples(loaded.model, graph, inputs, chosen, taken)
            samples = dict(zip(chosen, drawn, strict=True))
        figures.append(LazyFigure(partial(draw, part, samples), f"strongest activations of {path}"))
        names = ("values", "samples", "positions", "windows")
        arrays |= {f"{path}/{name}": np.asarray(getattr(part, name)) for name in names}
        about[path] = {"type": part.type, "inputs": _described(inputs, part)}
    notes = [*inputs.notes, *([how] if how else [])]
    if without:
        notes.append(f"left out {', '.join(without)}: without kernels")
    if left_out:
        notes.append(f"left out {', '.join(left_out)}: of another input than the one that is shown")
    title = f"Strongest activations of {loaded.name} in {len(inputs)} samples"
    return inspection_of(loaded, "patches", title, figures, arrays, {"layers": about}, notes)


def _with_kernels(calls: Sequence[Call]) -> tuple[list[Call], list[str]]:
    """Those of several layers that have kernels, and the paths of the others; all where none has."""
    layers = [call for call in calls if isinstance(call.layer, keras.layers.Layer)]
    having = [call for call in layers if call.layer.trainable_weights]
    scaling = [call for call in having if has_trait(call.layer, "scales")]
    having = [call for call in having if call not in scaling] or having
    return (having, [call.path for call in calls if call not in having]) if having else (list(calls), [])


def _described(inputs: ModelInputs, part: Patches) -> list[list[str]]:
    """For each kernel, what activates it: the words of an n-gram, or the name of the input."""
    texts: dict[int, tuple[str, ...] | None] = {}
    rows = []
    for samples, windows in zip(part.samples, part.windows, strict=True):
        row = []
        for i, window in zip(map(int, samples), windows, strict=True):
            if i < 0:
                continue
            if i not in texts:
                texts[i] = texts_of(inputs, i)[0]
            tokens = texts[i]
            row.append(inputs.names[i] if tokens is None else " ".join(tokens[window[0, 0] : window[0, 1]]))
        rows.append(row)
    return rows
