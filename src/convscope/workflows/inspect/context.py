"""A model, the inputs that it is inspected with, and what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from convscope.kinds.contract.representation import TextDescription
from convscope.lenses.views.timeline.view import through_front_end
from convscope.lenses.views.view import Sample
from convscope.scope.attribution.layer import behind
from convscope.scope.choice import early_middle_late, input_to_show
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.scope.record import Recording, as_inputs, record
from convscope.types import ArrayTree, Preprocessing
from convscope.workflows.inspect.front_end import front_end_of, spectrograms_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

SHOWN_INPUTS = 8

Tokens = tuple[str, ...]


@dataclass(frozen=True)
class InspectionRequest:
    """An inspection method, and what it takes.

    Args:
        method: Such as `maps`, or the name of an attribution method.
        layers: Paths, unique names or patterns; by default layers of all depths, which notes name.
        channels: How many channels of a layer are shown.
        scale: `layer`: one color scale for a layer's maps; `map`: each map has its own.
        compare: Whether several inputs stand side by side on one sheet, for `maps`.
        channel: Which map, for `position`; by default the strongest.
        at: Which position of it, by default the strongest; for `attribution` of a segmentation the position
            that is explained, or the rule that chooses it, by default `surest`.
        target: Class index or name, for `attribution`; by default the predicted one.
        output: Name of an output, for `attribution`; by default the first.
        preprocess: For `kernels`, the range in which inputs that activate them are sought.
        excite: For how many kernels to compute the input that activates them most.
        seed: Random seed.
        options: What an attribution method takes besides.
    """

    method: str = "maps"
    layers: tuple[str, ...] = ()
    channels: int = 16
    scale: str = "layer"
    compare: bool = False
    channel: int | None = None
    at: tuple[int, ...] | str | None = None
    target: int | str | None = None
    output: str | None = None
    preprocess: Preprocessing = "auto"
    excite: int = 0
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


class InspectionContext:
    """A model computed on the inputs that are shown."""

    def __init__(self, loaded: LoadedModel, inputs: ModelInputs, names: Sequence[str], layers: int) -> None:
        self.loaded, self.inputs = loaded, inputs
        self.x = as_inputs(loaded.model, inputs.first(SHOWN_INPUTS))
        self.graph = trace(loaded.model, self.x)
        self.count = len(keras.tree.flatten(self.x)[0])
        self.calls, how = chosen_layers(self.graph, names, layers) if layers else ([], "")
        self._behind_others = [behind(self.graph, value) for value in self.graph.inputs[1:]]
        self.notes = [*inputs.notes, *([how] if how else [])]
        if len(inputs) > self.count:
            self.notes.append(f"the first {self.count} of {len(inputs)} inputs")

    def record(self) -> Recording:
        """What the chosen layers put out."""
        return record(self.loaded.model, self.x, [call.path for call in self.calls])

    def one(self, i: int) -> ArrayTree:
        """One input, with a batch axis of 1."""
        part: ArrayTree = keras.tree.map_structure(lambda array: array[i : i + 1], self.x)
        return part

    def sample(self, i: int, predictions: Sequence[np.ndarray] = ()) -> Sample:
        """One input as it is drawn; of several the first that has positions."""
        said = caption_of(predictions, i, self.loaded.class_names)
        folder = f"in {self.inputs.folder}" if self.inputs.folder else ""
        caption = " · ".join(each for each in (folder, said) if each)
        return self.drawn[i] if not caption else replace(self.drawn[i], caption=caption)

    def predicted(self, predictions: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """Outputs of the model, those of a classifier as its run predicts them: calibrated, over all views.

        Args:
            predictions: Each output of the model for the inputs.
        """
        names = self.loaded.class_names
        if self.inputs.predict is None or not names or not predictions:
            return predictions
        shape = (self.count, len(names))
        if np.shape(predictions[0]) not in (shape, (self.count, 1, len(names))):  # 1: the node that is asked
            return predictions
        found = self.inputs.predict(np.arange(self.count))
        found = getattr(found, "probabilities", found)
        same = isinstance(found, np.ndarray) and found.shape == shape
        return [found, *predictions[1:]] if same else predictions

    @cached_property
    def drawn(self) -> list[Sample]:
        """The inputs as they are drawn."""
        return drawn_samples(self.loaded.model, self.graph, self.inputs, range(self.count), self.x)

    def over(self, path: str) -> int:
        """The number of the input that a layer's positions lie along: the last one that it depends on."""
        return max((at for at, paths in enumerate(self._behind_others, 1) if path in paths), default=0)


def drawn_samples(
    model: keras.Model, graph: LayerGraph, inputs: ModelInputs, numbers: Sequence[int], x: ArrayTree
) -> list[Sample]:
    """Inputs as they are drawn.

    Args:
        model: The model.
        graph: Of the model on these inputs.
        inputs: Where they are from.
        numbers: Their numbers there.
        x: They as the model takes them.
    """
    spectrograms = spectrograms_of(model, graph, x)
    front_end = front_end_of(graph)
    made = []
    for place, (number, values) in enumerate(zip(numbers, input_to_show(graph, x), strict=True)):
        view = inputs.view(number, values)
        if spectrograms is not None and front_end is not None:
            view = through_front_end(view, values, spectrograms[place], front_end[1].rate)
        made.append(Sample(view, inputs.names[number]))
    return made


def texts_of(inputs: ModelInputs, i: int) -> tuple[Tokens | None, Tokens | None]:
    """The tokens of a text and those of its target; None where there is none."""
    found = None if inputs.describe is None else inputs.describe(i)
    return (found.tokens, found.target) if isinstance(found, TextDescription) else (None, None)


def chosen_layers(graph: LayerGraph, names: Sequence[str], count: int = 3) -> tuple[list[Call], str]:
    """The layers that are named; or so many from early to late, and a note on how they were chosen."""
    if names:
        return graph.select(names), ""
    calls, how = early_middle_late(graph, geometries(graph), count)
    return calls, f"layers {', '.join(call.path for call in calls)}: {how}"


def position_names(samples: Sequence[Sample]) -> dict[str, dict[str, list[str]]]:
    """What the positions of each sample are called, such as tokens; empty where they have no names."""
    named = {sample.name: list(sample.view.names) for sample in samples}
    return {"tokens": named} if any(named.values()) else {}


def caption_of(predictions: Sequence[np.ndarray], sample: int, class_names: Sequence[str] | None) -> str:
    """One line on what the model predicts for a sample; empty for what is no class or single number."""
    if not predictions:
        return ""
    output = np.asarray(predictions[0][sample], np.float64)
    output = output[0] if output.ndim == 2 and len(output) == 1 else output  # of the one node that is asked
    if output.ndim != 1:
        return ""
    if len(output) == 1:
        return f"prediction {output[0]:.3g}"
    best = int(output.argmax())
    shares = output.min() >= -1e-6 and abs(output.sum() - 1) <= 1e-2
    what = "class" if shares else "unit"
    name = class_names[best] if class_names and best < len(class_names) else f"{what} {best}"
    if not shares:
        return f"largest output: {name}, {output.max():.3g}"
    return f"predicted {name}, {output[best]:.1%}"
