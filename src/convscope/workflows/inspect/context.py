"""A model, the inputs it is looked at with, and what is to be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from convscope.kinds.contract.value_range import ValueRange
from convscope.lenses.views.timeline.view import through_front_end
from convscope.lenses.views.view import Sample
from convscope.scope.attribution.layer import behind
from convscope.scope.choice import early_middle_late, input_to_show
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import Call, Graph, trace
from convscope.scope.record import Recording, as_inputs, record
from convscope.workflows.inspect.front_end import front_end_of, spectrograms_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

SHOWN_INPUTS = 8

Tokens = tuple[str, ...]


@dataclass(frozen=True)
class InspectionRequest:
    """What is to be seen, and how.

    Args:
        method: One of `METHODS`, or the name of an attribution method.
        layers: Paths, unique names or patterns; none leaves the choice to convscope, which says it.
        channels: How many channels of a layer are shown.
        scale: `layer`: one colour scale for a layer's maps; `map`: each map has its own.
        compare: Whether several inputs stand side by side on one sheet, for `maps`.
        channel: Which map, for `position`; by default the strongest.
        at: Which position of it; by default the strongest.
        target: Class index or name, for `why`; by default the predicted one.
        output: Name of an output, for `why`; by default the first.
        value_range: What pixels become; for `kernels` the range in which inputs that excite them are sought.
        excite: For how many kernels to compute what excites them most.
        seed: For what is drawn at random.
        options: What an attribution method takes besides.
    """

    method: str = "maps"
    layers: tuple[str, ...] = ()
    channels: int = 16
    scale: str = "layer"
    compare: bool = False
    channel: int | None = None
    at: tuple[int, ...] | None = None
    target: int | str | None = None
    output: str | None = None
    value_range: ValueRange = "auto"
    excite: int = 0
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


class InspectionContext:
    """A model computed on the inputs that are shown."""

    def __init__(self, opened: LoadedModel, given: ModelInputs, names: Sequence[str], layers: int) -> None:
        self.opened, self.given = opened, given
        self.x = as_inputs(opened.model, given.first(SHOWN_INPUTS))
        self.graph = trace(opened.model, self.x)
        self.count = len(keras.tree.flatten(self.x)[0])
        self.calls, how = chosen_layers(self.graph, names, layers) if layers else ([], "")
        several = len(self.graph.inputs) > 1
        self._behind_second = behind(self.graph, self.graph.inputs[1]) if several else frozenset()
        self.notes = [*given.notes, *([how] if how else [])]
        if len(given) > self.count:
            self.notes.append(f"the first {self.count} of {len(given)} inputs")

    def record(self) -> Recording:
        """What the chosen layers put out."""
        return record(self.opened.model, self.x, [call.path for call in self.calls])

    def one(self, i: int) -> Any:
        """One input, with a batch axis of 1."""
        return keras.tree.map_structure(lambda array: array[i : i + 1], self.x)

    def sample(self, i: int, predictions: Sequence[np.ndarray] = ()) -> Sample:
        """One input as it is drawn; of several the first that has positions."""
        caption = said_prediction(predictions, i, self.opened.class_names)
        return self.drawn[i] if not caption else replace(self.drawn[i], caption=caption)

    @cached_property
    def drawn(self) -> list[Sample]:
        """The inputs as they are drawn."""
        return drawn_samples(self.opened.model, self.graph, self.given, range(self.count), self.x)

    def over(self, path: str) -> int:
        """The number of the input that a layer's positions lie along: 1 where it depends on the second."""
        return int(path in self._behind_second)


def drawn_samples(
    model: keras.Model, graph: Graph, given: ModelInputs, numbers: Sequence[int], x: Any
) -> list[Sample]:
    """Inputs as they are drawn.

    Args:
        model: The model.
        graph: Of the model on these inputs.
        given: Where they are from.
        numbers: Their numbers there.
        x: They as the model takes them.
    """
    spectrograms = spectrograms_of(model, graph, x)
    front_end = front_end_of(graph)
    made = []
    for place, (number, values) in enumerate(zip(numbers, input_to_show(graph, x), strict=True)):
        view = given.view(number, values)
        if spectrograms is not None and front_end is not None:
            view = through_front_end(view, values, spectrograms[place], front_end[1].rate)
        made.append(Sample(view, given.names[number]))
    return made


def texts_of(given: ModelInputs, i: int) -> tuple[Tokens | None, Tokens | None]:
    """The tokens of a text and those of its target; None where there is none."""
    if given.tokens is None:
        return None, None
    found = given.tokens(i)
    if not found or all(isinstance(token, str) for token in found):
        return tuple(found), None
    texts = [tuple(text) for text in found if text is not None]
    return (texts[0] if texts else None), (texts[1] if len(texts) > 1 else None)


def chosen_layers(graph: Graph, names: Sequence[str], count: int = 3) -> tuple[list[Call], str]:
    """The layers that are named; or so many from early to late, and a note on how they were chosen."""
    if names:
        return graph.select(names), ""
    calls, how = early_middle_late(graph, geometries(graph), count)
    return calls, f"layers {', '.join(call.path for call in calls)}: {how}"


def said_prediction(predictions: Sequence[np.ndarray], sample: int, class_names: Sequence[str] | None) -> str:
    """One line on what the model answers for a sample; empty for what is no class or single number."""
    if not predictions:
        return ""
    answer = np.asarray(predictions[0][sample], np.float64)
    if answer.ndim != 1:
        return ""
    if len(answer) == 1:
        return f"answer {answer[0]:.3g}"
    if answer.min() < -1e-6 or abs(answer.sum() - 1) > 1e-2:
        return f"largest output: {_class_name(int(answer.argmax()), class_names)}, {answer.max():.3g}"
    best = int(answer.argmax())
    return f"predicted {_class_name(best, class_names)}, {answer[best]:.1%}"


def _class_name(index: int, class_names: Sequence[str] | None) -> str:
    return class_names[index] if class_names and index < len(class_names) else f"class {index}"
