"""Layers of sequences: recurrent ones, their cells and what wraps them, and attention."""

from __future__ import annotations

import math

import keras

from convscope import phrasing
from convscope.scope.describe.costs import layer_cost
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import attention, recurrent
from convscope.scope.layer_spec import LayerSpec, activation_name, register, spec_of
from convscope.scope.sizes import Shapes, count

_ABOUT_RECURRENT = {
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
_ABOUT_ATTENTION = (
    "Attention computes a weighted mean of values at each position; the weights compare a query with the "
    "keys of all positions."
)


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
        for name, about in _ABOUT_RECURRENT.items()
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


def _who(facts: Facts) -> str:
    """Whether positions attend to each other or to another sequence."""
    if len({value.number for value in facts.call.inputs}) == 1:
        return "Self-attention"
    return "Cross-attention from the first input to the second"


def _multi_head(facts: Facts) -> str:
    config = facts.layer.get_config()
    if "head_dim" in config:
        heads = (
            f"{phrasing.plural(config['num_query_heads'], 'query head')} of size {config['head_dim']}, "
            f"{phrasing.plural(config['num_key_value_heads'], 'shared key and value head')}"
        )
    else:
        heads = f"{phrasing.plural(config['num_heads'], 'head')}, key size {config['key_dim']}"
        if config["value_dim"] not in (None, config["key_dim"]):
            heads += f", value size {config['value_dim']}"
    drop = config.get("dropout")
    dropped = f", dropout {phrasing.number(drop)} on the weights" if drop else ""
    return f"{_who(facts)}, {heads}{dropped}: {facts.changed}."


def _plain(facts: Facts) -> str:
    scores = "dot-product scores" if facts.layer.score_mode == "dot" else "concatenation scores (tanh)"
    scaled = " with a learned scale" if facts.layer.use_scale else ""
    return f"{phrasing.sentence(scores + scaled)} {_become(facts)}"


def _additive(facts: Facts) -> str:
    scaled = " with a learned scale" if facts.layer.use_scale else ""
    return f"Additive scores (tanh of query plus key){scaled}. {_become(facts)}"


def _become(facts: Facts) -> str:
    return phrasing.sentence(f"{facts.inputs} become {facts.outputs}")


def _projected_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """The query, key and value projections, the scores, the weighted sums and the output projection."""
    config = layer.get_config()
    query, value = inputs[0], inputs[1] if len(inputs) > 1 else inputs[0]
    key = inputs[2] if len(inputs) > 2 else value
    axes = None
    if "head_dim" in config:
        heads, key_heads = config["num_query_heads"], config["num_key_value_heads"]
        key_dim = value_dim = config["head_dim"]
    else:
        heads = key_heads = config["num_heads"]
        key_dim, value_dim = config["key_dim"], config["value_dim"] or config["key_dim"]
        axes = config["attention_axes"]
    attended = range(1, len(query) - 1) if axes is None else [axis % len(query) for axis in axes]
    places = count(query[1:-1])
    seen = count(tuple(value[axis] for axis in attended))
    projections = count(query[1:]) * heads * key_dim * (2 if config.get("use_gate") else 1)
    projections += count(key[1:]) * key_heads * key_dim + count(value[1:]) * key_heads * value_dim
    projections += places * heads * value_dim * count(outputs[0][-1:])
    return int(projections + places * seen * heads * (key_dim + value_dim))


def _plain_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return _scores_and_sums(layer.score_mode == "dot", inputs)


def _additive_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return _scores_and_sums(layer.use_scale, inputs)


def _scores_and_sums(products: bool, inputs: Shapes) -> int:
    """Scores between all queries and keys where these are products, then the weighted sums of the values."""
    query, value = inputs[0], inputs[1]
    pairs = count(query[1:-1]) * count(value[-2:-1])
    return pairs * (count(value[-1:]) + (count(query[-1:]) if products else 0))


register(
    LayerSpec(
        "MultiHeadAttention",
        "attention",
        f"{_ABOUT_ATTENTION} Several heads do so in parallel, each with its own projections.",
        _multi_head,
        attention,
        _projected_cost,
    ),
    LayerSpec(
        "GroupedQueryAttention",
        "attention",
        f"{_ABOUT_ATTENTION} Groups of query heads share keys and values, which saves memory.",
        _multi_head,
        attention,
        _projected_cost,
    ),
    LayerSpec(
        "Attention",
        "attention",
        f"{_ABOUT_ATTENTION} This layer has no projections of its own.",
        _plain,
        attention,
        _plain_cost,
    ),
    LayerSpec(
        "AdditiveAttention",
        "attention",
        f"{_ABOUT_ATTENTION} Query and key are compared by a sum (Bahdanau attention).",
        _additive,
        attention,
        _additive_cost,
    ),
)
