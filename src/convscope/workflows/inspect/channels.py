"""What the kernels and channels of layers are, what they do over a data set, and what activates them most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import keras
import numpy as np
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.kinds.contract.preprocessing import check_preprocessing, limits_of, preprocessing_of
from convscope.lenses.figures.kernels import draw_kernels, kernel_films
from convscope.lenses.figures.patches import draw_patches, strongest_kernels
from convscope.lenses.figures.statistics import draw_statistics
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.figure_files import film_bytes
from convscope.lenses.views.view import Sample
from convscope.scope.channels.kernels import Kernels, kernels
from convscope.scope.channels.patches import Patches, patches
from convscope.scope.channels.statistics import ChannelStatistics, statistics
from convscope.scope.geometry.kernel_layout import layout_of
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.scope.layer_spec import has_trait
from convscope.types import Progress
from convscope.workflows.inspect.context import InspectionRequest, chosen_layers, drawn_samples, texts_of
from convscope.workflows.inspect.front_end import front_end_of
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

_STATISTICS = ("mean", "spread", "zeros", "largest", "dead", "top_samples", "top_values")
TOP = 9
_PAUSE = 0.25
"""Seconds for which a film of kernels shows each position."""


def inspect_kernels(loaded: LoadedModel, request: InspectionRequest, progress: Progress) -> Inspection:
    """The kernels of the layers named, or of early, middle and late ones.

    Args:
        loaded: The model.
        request: Layers, channels, and for how many kernels an input that activates them is computed.
        progress: Receives how much is done.
    """
    graph = trace(loaded.model)
    calls, how = chosen_layers(graph, request.layers)
    having = [call for call in graph.calls if layout_of(call.layer)]
    if not request.layers and having and not all(call in having for call in calls):
        calls = [call for call in calls if call in having] or having[:3]
        how = f"layers {', '.join(call.path for call in calls)}: those of the first layers with a kernel"
    low, high = _limits(loaded, request, graph)
    figures: list[LazyFigure] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for done, call in enumerate(calls):
        progress(done, len(calls), "kernels")
        found = kernels(loaded.model, call.path, excite=request.excite, seed=request.seed, low=low, high=high)
        shown = max(request.channels, 1)
        draw = partial(_draw_kernels, found, shown, _rate(loaded, graph))
        films = partial(_kernel_films, found, shown)
        figures.append(LazyFigure(draw, f"kernels of {call.path}", films=films))
        arrays |= {f"{call.path}/weights": found.weights, f"{call.path}/norms": found.norms}
        if found.excitations is not None:
            arrays[f"{call.path}/excitations"] = found.excitations
        about[call.path] = {"type": found.type, "excited": list(found.chosen)}
    title = f"Kernels of {loaded.name}"
    return inspection_of(loaded, "kernels", title, figures, arrays, {"layers": about}, [how] if how else [])


def _limits(loaded: LoadedModel, request: InspectionRequest, graph: LayerGraph) -> tuple[float, float]:
    """The range in which inputs that activate kernels are sought."""
    check_preprocessing(request.preprocess)
    if request.preprocess != "auto":
        return limits_of(request.preprocess)
    if loaded.run is not None:
        return limits_of("0..1")
    return limits_of(preprocessing_of(loaded.model, graph).preprocessing)


def _draw_kernels(found: Kernels, channels: int, rate: float | None, theme: str) -> Figure:
    return draw_kernels(found, channels=channels, theme=theme, rate=rate)


def _kernel_films(found: Kernels, channels: int, theme: str) -> dict[str, bytes]:
    """Kernels of three axes that move along the first one, as animated PNG by what they show."""
    films = kernel_films(found, channels=channels, theme=theme)
    return {name: film_bytes(frames, _PAUSE) for name, frames in films.items()}


def _rate(loaded: LoadedModel, graph: LayerGraph) -> float | None:
    """Positions of the model's input per second, where that is known."""
    found = front_end_of(graph)
    if found is not None:
        return float(found[1].rate)
    sizes = {} if loaded.representation is None else loaded.representation.sizes
    return cast("float | None", sizes.get("rate"))


def inspect_statistics(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """Means, spreads and the strongest samples of each channel, by class where folders tell classes.

    Args:
        loaded: The model.
        inputs: A data set.
        request: Layers, and twice how many channels are shown.
        progress: Receives how much is done.
    """
    graph = trace(loaded.model, inputs.first(1))
    calls, how = chosen_layers(graph, request.layers)
    found = statistics(
        loaded.model,
        inputs.batches(progress),
        [call.path for call in calls],
        labels=inputs.labels,
        classes=len(inputs.class_names) if inputs.class_names else None,
        filled=inputs.filled,
    )
    shown = max(request.channels // 2, 1)

    def draw(stats: ChannelStatistics, samples: Mapping[int, Sample], theme: str) -> Figure:
        return draw_statistics(stats, samples, inputs.class_names, channels=shown, theme=theme)

    figures: list[LazyFigure] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for path, stats in found.items():
        chosen = _samples_drawn(stats, shown)
        taken = inputs.take(np.array(chosen, np.int64))
        drawn = drawn_samples(loaded.model, graph, inputs, chosen, taken)
        samples = dict(zip(chosen, drawn, strict=True))
        figures.append(LazyFigure(partial(draw, stats, samples), f"statistics of {path}"))
        arrays |= {f"{path}/{name}": np.asarray(getattr(stats, name)) for name in _STATISTICS}
        if stats.class_means is not None:
            arrays[f"{path}/class_means"] = stats.class_means
        about[path] = {
            "samples": stats.samples,
            "dead": int(stats.dead.sum()),
            "duplicates": [list(pair) for pair in stats.duplicates],
            "nonfinite": stats.nonfinite,
        }
    notes = [*inputs.notes, *([how] if how else [])]
    if inputs.class_names:
        notes.append(f"classes: {', '.join(inputs.class_names)}, from the names of folders")
    title = f"Channels of {loaded.name} over {len(inputs)} samples"
    return inspection_of(loaded, "statistics", title, figures, arrays, {"layers": about}, notes)


def _samples_drawn(stats: ChannelStatistics, channels: int) -> list[int]:
    """Positions of the samples that activate the channels of largest mean most."""
    order = np.argsort(-np.nan_to_num(stats.mean, nan=-np.inf), kind="stable")[:channels]
    return sorted({int(i) for i in stats.top_samples[order].ravel()})


def inspect_patches(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """For each kernel of some layers, the n-grams, crops or snippets that activate it most.

    Args:
        loaded: The model.
        inputs: A data set.
        request: Layers, and twice how many kernels are shown.
        progress: Receives how much is done.
    """
    graph = trace(loaded.model, inputs.first(1))
    calls, how = chosen_layers(graph, request.layers)
    calls, without = _with_kernels(calls)
    paths = [call.path for call in calls]
    every = patches(loaded.model, inputs.batches(progress), paths, top=TOP, filled=inputs.filled)
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
