"""What the channels of layers do over a data set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convscope.lenses.figures.statistics import draw_statistics
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.views.view import Sample
from convscope.scope.channels.statistics import ChannelStatistics, statistics
from convscope.scope.graph.graph import trace
from convscope.types import Progress
from convscope.workflows.inspect.context import InspectionRequest, chosen_layers, drawn_samples
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

_ARRAYS = ("mean", "spread", "zeros", "largest", "dead", "top_samples", "top_values")


def inspect_statistics(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """Means, spreads and the strongest samples of each channel, by class where folders tell classes.

    Args:
        loaded: The model.
        inputs: A data set.
        request: Layers, and twice how many channels are shown.
        progress: Is told how far it is.
    """
    graph = trace(loaded.model, inputs.first(1))
    calls, how = chosen_layers(graph, request.layers)
    found = statistics(
        loaded.model,
        inputs.batches(progress),
        [call.path for call in calls],
        labels=inputs.labels,
        classes=len(inputs.class_names) if inputs.class_names else None,
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
        arrays |= {f"{path}/{name}": np.asarray(getattr(stats, name)) for name in _ARRAYS}
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
