"""What the front end of a model makes of waveforms: their energies over time and frequency."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import keras
import numpy as np
import numpy.typing as npt

from convscope.lenses.views.layer_maps import Placing
from convscope.lenses.views.timeline.spectrogram import Spectrogram
from convscope.scope.attribution.layer import front_end_call
from convscope.scope.graph.graph import LayerGraph
from convscope.scope.record import record
from convscope.types import ArrayTree


@runtime_checkable
class FrontEnd(Protocol):
    """A layer that turns a waveform into energies of shape (frames, bands)."""

    @property
    def rate(self) -> int:
        """Samples of the waveform per second."""

    @property
    def frequencies(self) -> npt.NDArray[np.float64]:
        """The middle of each band in Hz, rising, (bands,)."""


def front_end_of(graph: LayerGraph) -> tuple[str, FrontEnd] | None:
    """The front end with its path; None for a model that takes no waveform, or other inputs too."""
    if len(graph.inputs) != 1 or len(graph.inputs[0].shape) != 2:
        return None
    call = front_end_call(graph, graph.inputs[0])
    if call is None or not isinstance(call.layer, FrontEnd):
        return None
    return call.path, call.layer


def spectrograms_of(model: keras.Model, graph: LayerGraph, x: ArrayTree) -> list[Spectrogram] | None:
    """What the front end makes of each of some waveforms; None for a model without one.

    Args:
        model: Any Keras model.
        graph: Of the model on these inputs.
        x: Samples as the model takes them.
    """
    found = front_end_of(graph)
    if found is None:
        return None
    path, layer = found
    tap = record(model, x, [path])[path]
    placing = Placing.of(tap.geometry)
    if placing is None:
        return None
    return [Spectrogram(np.asarray(values), placing.centers, layer.frequencies, path) for values in tap.array]
