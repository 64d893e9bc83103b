"""Which words of a source each word of its translation was predicted from."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.kinds.contract.inspection import InspectedModel, InspectionResult
from convscope.kinds.contract.representation import TextDescription
from convscope.kinds.text.layers.source_attention import SourceAttention
from convscope.kinds.text.translation.alignment import draw_alignment
from convscope.lenses.pages.pages import LazyFigure

Tokens = tuple[str, ...]


def inspect_attention(inspected: InspectedModel) -> InspectionResult:
    """For each translation, the attention weights: the mean of all layers, or of the layers named.

    Args:
        inspected: A model with `SourceAttention` layers, and texts whose tokens are known.

    Raises:
        UsageError: The model has no such layer, or the tokens are not known.
    """
    weights, caption = _weights(inspected)
    notes = [*inspected.notes, f"attention: {caption}"]
    figures: list[LazyFigure] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for i, name in enumerate(inspected.names):
        source, target = _texts_of(inspected, i)
        if not source or not target:
            notes.append(f"left out {name}: its text or its translation is empty")
            continue
        draw = partial(_draw, source, target, weights[i], caption)
        figures.append(LazyFigure(draw, f"alignment of {name}"))
        arrays[f"{name}/weights"] = weights[i, : len(target), : len(source)]
        about[name] = {"source": list(source), "target": list(target)}
    return InspectionResult(f"Attention of {inspected.name}", figures, arrays, {"inputs": about}, notes)


def _weights(inspected: InspectedModel) -> tuple[np.ndarray, str]:
    """Mean weights of shape (samples, target positions, source positions), and of which layers."""
    every = [layer for layer in inspected.model.layers if isinstance(layer, SourceAttention)]
    chosen = [layer for layer in every if not inspected.layers or layer.name in inspected.layers]
    if not chosen:
        names = ", ".join(layer.name for layer in every) or "none"
        raise UsageError(
            f"`attention` needs a SourceAttention layer. Those of '{inspected.name}': {names}.",
            "Give a run of the recipe `translation`.",
        )
    weigher = keras.Model(inspected.model.inputs, [layer.output[1] for layer in chosen])
    outputs = keras.tree.flatten(weigher.predict_on_batch(inspected.inputs))
    weights = np.mean([np.asarray(each, np.float32) for each in outputs], axis=0)
    layers = ", ".join(layer.name for layer in chosen)
    return weights, f"mean of {layers}" if len(chosen) > 1 else layers


def _texts_of(inspected: InspectedModel, i: int) -> tuple[Tokens, Tokens]:
    """The tokens of a text and those of its translation."""
    found = None if inspected.describe is None else inspected.describe(i)
    if not isinstance(found, TextDescription) or found.target is None:
        raise UsageError(
            f"The tokens of '{inspected.names[i]}' and of its translation are not known.",
            "Give a text to a run of the recipe `translation`.",
        )
    return found.tokens, found.target


def _draw(source: Tokens, target: Tokens, weights: np.ndarray, caption: str, theme: str) -> Figure:
    return draw_alignment(source, target, weights, theme=theme, caption=caption)
