"""Looks at which words of a source each word of its translation was written by."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.kinds.text.layers.source_attention import SourceAttention
from convscope.kinds.text.translation.alignment import draw_alignment
from convscope.lenses.pages.pages import Picture
from convscope.types import Progress
from convscope.workflows.inspect.context import SHOWN_INPUTS, InspectionRequest, Tokens, texts_of
from convscope.workflows.inspect.inspection import Inspection, made_look
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs


def look_at_attention(
    opened: LoadedModel, given: ModelInputs, wish: InspectionRequest, progress: Progress
) -> Inspection:
    """For each translation, the weights of its attention: the mean of all layers, or of the layers named.

    Args:
        opened: A model with `SourceAttention`, with inputs whose words are known.
        given: Texts with their translations.
        wish: What is to be seen.
        progress: Is told how far it is.

    Raises:
        UsageError: The model has no such layer, or the words are not known.
    """
    every = [layer for layer in opened.model.layers if isinstance(layer, SourceAttention)]
    chosen = [layer for layer in every if not wish.layers or layer.name in wish.layers]
    if not chosen:
        names = ", ".join(layer.name for layer in every) or "none"
        raise UsageError(
            f"The model '{opened.name}' has no such attention from a text to its source: it has {names}.",
            "Give a run of the recipe translation.",
        )
    x = given.first(SHOWN_INPUTS)
    weigher = keras.Model(opened.model.inputs, [layer.output[1] for layer in chosen])
    outputs = keras.tree.flatten(weigher.predict_on_batch(x))
    weights = np.mean([np.asarray(each, np.float32) for each in outputs], axis=0)
    layers = ", ".join(layer.name for layer in chosen)
    caption = f"mean of {layers}" if len(chosen) > 1 else layers

    def draw(i: int, source: Tokens, target: Tokens, theme: str) -> Figure:
        return draw_alignment(source, target, weights[i], theme=theme, caption=caption)

    notes = [*given.notes, f"attention: {caption}"]
    pictures: list[Picture] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for i in range(len(weights)):
        source, target = texts_of(given, i)
        if source is None or target is None:
            raise UsageError(f"The words of '{given.names[i]}' are not known.", "Give a text to a run.")
        if not source or not target:
            notes.append(f"left out {given.names[i]}: there is nothing to translate")
            continue
        pictures.append(Picture(partial(draw, i, source, target), f"alignment of {given.names[i]}"))
        arrays[f"{given.names[i]}/weights"] = weights[i, : len(target), : len(source)]
        about[given.names[i]] = {"source": list(source), "target": list(target)}
    title = f"What {opened.name} looks at while it translates"
    return made_look(opened, "attention", title, pictures, arrays, {"inputs": about}, notes)
