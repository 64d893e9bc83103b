"""Recurrent layers, their cells and what wraps them."""

from __future__ import annotations

import math

import keras

from convscope.scope.describe import phrasing
from convscope.scope.describe.costs import layer_cost
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import recurrent
from convscope.scope.layer_spec import LayerSpec, activation_name, register, spec_of
from convscope.scope.sizes import Shapes, count

_ABOUT = {
    "SimpleRNN": "A simple recurrent layer computes its state from the current step and the previous state. "
    "It forgets distant steps quickly.",
    "LSTM": "An LSTM carries a memory along the sequence; learned gates decide what is written, kept and "
    "output, so that it remembers over many steps.",
    "GRU": "A GRU carries a state along the sequence; two learned gates decide how much of it is updated. It "
    "is similar to an LSTM with a quarter fewer weights.",
}
_GATES = {"SimpleRNNCell": 1, "GRUCell": 3, "LSTMCell": 4}
_MERGES = {
    "concat": "concatenated",
    "sum": "added",
    "mul": "multiplied",
    "ave": "averaged",
    None: "separate outputs",
}


def _returned(facts: Facts) -> str:
    return "returns every step" if facts.layer.return_sequences else "returns the last step"


def _options(layer: keras.layers.Layer) -> str:
    parts = []
    if getattr(layer, "go_backwards", False):
        parts.append("reads backwards")
    if getattr(layer, "stateful", False):
        parts.append("stateful")
    for name in ("dropout", "recurrent_dropout"):
        if rate := getattr(layer, name, 0):
            parts.append(f"{name.replace('_', ' ')} {phrasing.number(rate)}")
    if getattr(layer, "return_state", False):
        parts.append("returns the last state as well")
    return f", {', '.join(parts)}" if parts else ""


def _recurrent(facts: Facts) -> str:
    layer = facts.layer
    return (
        f"{phrasing.plural(layer.units, 'unit')}, activation {activation_name(layer)}, {_returned(facts)}"
        f"{_options(layer)}: {facts.changed}."
    )


def _generic(facts: Facts) -> str:
    cell = type(facts.layer.cell).__name__
    return f"Cell {cell}, {_returned(facts)}{_options(facts.layer)}: {facts.changed}."


def _cell(facts: Facts) -> str:
    return f"{phrasing.plural(facts.layer.units, 'unit')}, one step: {facts.changed}."


def _stacked(facts: Facts) -> str:
    cells = phrasing.listed([type(cell).__name__ for cell in facts.layer.cells])
    return f"{cells}, one step: {facts.changed}."


def _convolutional(facts: Facts) -> str:
    layer = facts.layer
    returned = "returns every frame" if layer.return_sequences else "returns the last frame"
    return (
        f"{phrasing.plural(layer.filters, 'kernel')} of {phrasing.extent(layer.kernel_size)} per gate, "
        f"{returned}{_options(layer)}: {facts.changed}."
    )


def _bidirectional(facts: Facts) -> str:
    inner = facts.layer.forward_layer
    units = getattr(inner, "units", None)
    each = f" with {phrasing.plural(units, 'unit')} each" if units else ""
    merged = _MERGES.get(facts.layer.merge_mode, "merged")
    return f"Two {type(inner).__name__} layers{each}, outputs {merged}: {facts.changed}."


def _time_distributed(facts: Facts) -> str:
    inner = facts.layer.layer
    frames = facts.shape_in[0] if facts.shape_in else None
    each = "every frame" if frames is None else f"each of {phrasing.plural(frames, 'frame')}"
    return f"'{inner.name}' ({type(inner).__name__}) applied to {each}: {facts.changed}."


def _recurrent_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int | None:
    per_step = _cell_cost(layer.cell, count(inputs[0][2:]))
    return None if per_step is None else count(inputs[0][1:2]) * per_step


def _cell_cost(cell: keras.layers.Layer, features: int) -> int | None:
    """One step of a cell: the input and the state, each times one matrix per gate."""
    spec = spec_of(cell)
    if spec is None:
        return None
    if spec.name == "StackedRNNCells":
        total = 0
        for inner in cell.cells:
            cost = _cell_cost(inner, features)
            if cost is None:
                return None
            total, features = total + cost, int(inner.units)
        return total
    gates = _GATES.get(spec.name)
    return None if gates is None else gates * int(cell.units) * (features + int(cell.units))


def _one_step_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int | None:
    return _cell_cost(layer, count(inputs[0][1:]))


def _convolutional_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    channels = count((inputs[0][2] if layer.data_format == "channels_first" else inputs[0][-1],))
    maps = outputs[0][1:] if not layer.return_sequences else outputs[0][2:]
    per_position = math.prod(layer.kernel_size) * (channels + layer.filters) * 4
    return count(inputs[0][1:2]) * count(maps) * int(per_position)


def _bidirectional_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int | None:
    one_way = (tuple(layer.forward_layer.compute_output_shape(inputs[0])),)
    forward, backward = (
        layer_cost(each, inputs, one_way) for each in (layer.forward_layer, layer.backward_layer)
    )
    return None if forward is None or backward is None else forward + backward


def _time_distributed_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int | None:
    come, go = (tuple((shape[0], *shape[2:]) for shape in shapes) for shapes in (inputs, outputs))
    per_frame = layer_cost(layer.layer, come, go)
    return None if per_frame is None else count(inputs[0][1:2]) * per_frame


register(
    *(
        LayerSpec(name, "recurrent", about, _recurrent, recurrent, _recurrent_cost)
        for name, about in _ABOUT.items()
    ),
    LayerSpec(
        "RNN",
        "recurrent",
        "A recurrent layer reads a sequence step by step with a given cell and carries a state.",
        _generic,
        recurrent,
        _recurrent_cost,
    ),
    *(
        LayerSpec(
            name,
            "other",
            "A cell is the part of a recurrent layer that computes one step.",
            _cell,
            multiply_adds=_one_step_cost,
        )
        for name in _GATES
    ),
    LayerSpec(
        "StackedRNNCells",
        "other",
        "Several recurrent cells, stacked to act as one.",
        _stacked,
        multiply_adds=_one_step_cost,
    ),
    *(
        LayerSpec(
            f"ConvLSTM{rank}D",
            "convolution",
            "A convolutional LSTM reads a sequence of maps, such as a video, frame by frame. Its gates are "
            "convolutions.",
            _convolutional,
            recurrent,
            _convolutional_cost,
            frozenset({"frames"}),
        )
        for rank in (1, 2, 3)
    ),
    LayerSpec(
        "Bidirectional",
        "recurrent",
        "Reads a sequence forwards and backwards, so that each step depends on both sides.",
        _bidirectional,
        recurrent,
        _bidirectional_cost,
    ),
    LayerSpec(
        "TimeDistributed",
        "wrapper",
        "Applies the same layer to every frame of a sequence.",
        _time_distributed,
        multiply_adds=_time_distributed_cost,
        traits=frozenset({"frames"}),
    ),
)
