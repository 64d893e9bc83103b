"""Texts for recurrent layers, their cells and what wraps them."""

from __future__ import annotations

from collections.abc import Callable

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.activations import activation_name
from convscope.scope.describe.layer_texts.facts import Facts, Text

_SIMPLE = (
    "A simple recurrent layer reads a sequence step by step and keeps a state: the new state is computed "
    "from the "
    "new step and the old state. It soon forgets what lies far back."
)
_LSTM = (
    "An LSTM reads a sequence step by step. Beside its output it carries a memory, and three learned gates "
    "decide "
    "what is written into it, what is kept and what is shown; so it can remember over many steps."
)
_GRU = (
    "A GRU reads a sequence step by step and keeps a state; two learned gates decide how much of it is "
    "renewed. "
    "It remembers nearly as well as an LSTM with a quarter fewer weights."
)


def _sequence(facts: Facts) -> str:
    steps = facts.shape_in[0] if facts.shape_in else None
    read = "a sequence of any length" if steps is None else words.plural(steps, facts.position(1))
    values = facts.shape_in[-1] if facts.shape_in else None
    return f"{read} of {words.plural(values, 'value')}" if values else read


def _given(facts: Facts) -> str:
    layer = facts.layer
    if layer.return_sequences:
        return "gives out the state after every step"
    return "gives out only the state after the last step"


def _options(facts: Facts) -> str:
    layer = facts.layer
    parts = []
    if getattr(layer, "go_backwards", False):
        parts.append("it reads from the end to the start")
    if getattr(layer, "stateful", False):
        parts.append("it keeps its state from one batch to the next")
    for name, what in (("dropout", "inputs"), ("recurrent_dropout", "states")):
        rate = getattr(layer, name, 0)
        if rate:
            parts.append(f"while training {100 * rate:.3g}% of its {what} are dropped")
    if getattr(layer, "return_state", False):
        parts.append("the last state is an output of its own")
    return f" {words.sentence(words.listed(parts))}" if parts else ""


def _recurrent(facts: Facts) -> str:
    return (
        f"Here {words.plural(facts.layer.units, 'unit')} with {activation_name(facts.layer)} read "
        f"{_sequence(facts)}, and the layer {_given(facts)}: {words.values(facts.shape_in)} becomes "
        f"{words.values(facts.shape_out)}.{_options(facts)}"
    )


def _generic(facts: Facts) -> str:
    cell = facts.layer.cell
    name = f"the cell {type(cell).__name__}"
    return (
        f"Here {name} reads {_sequence(facts)}, and the layer {_given(facts)}: "
        f"{words.values(facts.shape_in)} "
        f"becomes {words.values(facts.shape_out)}.{_options(facts)}"
    )


def _cell(facts: Facts) -> str:
    return f"Here {words.plural(facts.layer.units, 'unit')} for one step; {facts.changed}."


def _stacked(facts: Facts) -> str:
    cells = [type(cell).__name__ for cell in facts.layer.cells]
    return f"Here {words.listed(cells)}, for one step; {facts.changed}."


def _convolutional(facts: Facts) -> str:
    layer = facts.layer
    frames = facts.shape_in[0] if facts.shape_in else None
    read = "any number of frames" if frames is None else words.plural(frames, "frame")
    given = "the maps after every frame" if layer.return_sequences else "only the maps after the last frame"
    return (
        f"Here {words.plural(layer.filters, 'kernel')} of {words.extent(layer.kernel_size)} for each of four "
        "gates read "
        f"{read}; given out are {given}: {words.values(facts.shape_in)} becomes "
        f"{words.values(facts.shape_out)}.{_options(facts)}"
    )


_MERGES = {
    "concat": "side by side",
    "sum": "added",
    "mul": "multiplied",
    "ave": "averaged",
    None: "as separate outputs",
}


def _bidirectional(facts: Facts) -> str:
    inner = facts.layer.forward_layer
    units = getattr(inner, "units", None)
    each = f" with {words.plural(units, 'unit')} each" if units else ""
    return (
        f"Here two {type(inner).__name__} layers{each} read {_sequence(facts)}; their results are given out "
        f"{_MERGES.get(facts.layer.merge_mode, 'together')}: {words.values(facts.shape_in)} becomes "
        f"{facts.goes_out}."
    )


def _time_distributed(facts: Facts) -> str:
    inner = facts.layer.layer
    frames = facts.shape_in[0] if facts.shape_in else None
    each = "every frame" if frames is None else f"each of {words.plural(frames, 'frame')}"
    return (
        f"Here '{inner.name}' ({type(inner).__name__}) is applied to {each}, always with the same weights: "
        f"{words.values(facts.shape_in)} becomes {words.values(facts.shape_out)}."
    )


def _texts(about: str, here: Callable[[Facts], str]) -> Text:
    return Text(about, here)


_CELL = "The part of a recurrent layer that computes a single step."

TEXTS = {
    "SimpleRNN": _texts(_SIMPLE, _recurrent),
    "LSTM": _texts(_LSTM, _recurrent),
    "GRU": _texts(_GRU, _recurrent),
    "RNN": _texts(
        "A recurrent layer reads a sequence step by step with a cell of the user's choice, and keeps a "
        "state.",
        _generic,
    ),
    **{name: _texts(_CELL, _cell) for name in ("SimpleRNNCell", "LSTMCell", "GRUCell")},
    "StackedRNNCells": _texts(
        "Several recurrent cells, each fed by the one below, that act as one.", _stacked
    ),
    **{
        f"ConvLSTM{rank}D": _texts(
            "A convolutional LSTM reads a sequence of maps frame by frame, such as a film. Its gates are "
            "convolutions, so it remembers what was where.",
            _convolutional,
        )
        for rank in (1, 2, 3)
    },
    "Bidirectional": _texts(
        "Reads a sequence twice, once forwards and once backwards, so that every step knows what comes "
        "before and "
        "after it.",
        _bidirectional,
    ),
    "TimeDistributed": _texts(
        "Applies one and the same layer to every frame of a sequence on its own.", _time_distributed
    ),
}
