"""What a model hears in waveforms, for pictures: the energies that its first layer puts out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from convscope.kinds.audio.layers.log_mel import LogMel, hertz, mel
from convscope.lenses.views.series_maps import Placing
from convscope.lenses.views.spectrogram import Spectrogram
from convscope.scope.attribution.layer import hearing
from convscope.scope.graph.graph import Graph
from convscope.scope.record import record


def ear_of(graph: Graph) -> tuple[str, LogMel] | None:
    """The layer that hears, with its path; None for a model that takes no waveform, or other inputs too."""
    if len(graph.inputs) != 1 or len(graph.inputs[0].shape) != 2:
        return None
    call = hearing(graph, graph.inputs[0])
    return None if call is None or not isinstance(call.layer, LogMel) else (call.path, call.layer)


def heard_in(model: keras.Model, graph: Graph, x: Any) -> list[Spectrogram] | None:
    """What a model hears in each of some waveforms; None for a model that does not hear.

    Args:
        model: Any Keras model.
        graph: Of the model on these inputs.
        x: Samples as the model takes them.
    """
    ear = ear_of(graph)
    if ear is None:
        return None
    path, layer = ear
    tap = record(model, x, [path])[path]
    placing = Placing.of(tap.geometry)
    if placing is None:
        return None
    bands = band_centres(layer)
    return [Spectrogram(np.asarray(values), placing.centres, bands, path) for values in tap.array]


def band_centres(layer: LogMel) -> np.ndarray:
    """The middle of each band, in Hz, (bands,)."""
    high = layer.rate / 2 if layer.high is None else layer.high
    corners = np.linspace(mel(np.float64(layer.low)), mel(np.float64(high)), layer.mels + 2)
    return hertz(corners[1:-1])
