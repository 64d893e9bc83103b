"""Counts what a layer has to compute: multiply-adds per sample, from its configuration and its shapes.

Counted are multiplications by weights, and those between activations that attention, `Dot` and products of
matrices make, each with the addition that follows it. The messages of a CRF count as the products of
probabilities that they are, though computed in logarithms. Values of a zero padding count like all others,
as is usual. Not counted are biases, normalization, activations, pooling, gates and random changes of
pictures, which together cost little beside the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from convscope.scope.graph.core_layers import core_class, is_operation

if TYPE_CHECKING:
    import keras

    from convscope.scope.graph.graph import Call, Graph

Shape = tuple[int | None, ...]
Shapes = tuple[Shape, ...]
Rule = Callable[[Any, Shapes, Shapes], int | None]

_UNKNOWN = {"RNN", "Lambda", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "TFSMLayer", "MelSpectrogram"}
_UNKNOWN_OPERATIONS = ("Conv", "Matmul", "Dot", "Einsum", "Tensordot", "Inner", "Outer", "FFT", "Attention")


def multiply_adds(call: Call) -> int | None:
    """Counts the multiply-adds of one call for one sample (a batch of 1).

    Multiplications by weights are counted, and those between activations in attention, in `Dot` and in
    products of matrices; normalization, pooling, activations and biases are not. A recurrent layer is
    counted for all its steps, `TimeDistributed` for all its frames.

    Args:
        call: One call of a graph. A nested model is None here; its inner calls carry the cost.

    Returns:
        The exact count; 0 for a layer that multiplies no weights; None where a size is unknown or the layer
        is not one of Keras.
    """
    return _count(call.layer, tuple(call.input_shapes), tuple(call.output_shapes))


def costs(graph: Graph) -> dict[str, int | None]:
    """Counts the multiply-adds of every call of a graph for one sample.

    A nested model or composite layer costs what the calls inside cost together; a call inside of
    `TimeDistributed` is counted for all its frames.

    Args:
        graph: Of any model.

    Returns:
        By path; None where unknown. Those at the top level add up to the whole model.
    """
    inside: dict[str, list[str]] = {}
    for call in graph.calls:
        inside.setdefault(call.parent, []).append(call.path)
    once = {call.path: None if call.kind == "group" else multiply_adds(call) for call in graph.calls}
    found: dict[str, int | None] = {}

    def add(path: str, frames: int | None) -> int | None:
        call = graph.by_path[path]
        times = frames
        if call.inner and graph.linked:
            length = call.input_shapes[0][1]
            times = None if length is None or frames is None else frames * length
        parts = [add(each, times) for each in inside.get(path, [])]
        cost = once[path]
        if call.kind == "group" or (cost is None and call.inner):
            found[path] = total(parts) if parts else None
        else:
            found[path] = None if cost is None or frames is None else cost * frames
        return found[path]

    for path in inside.get("", []):
        add(path, 1)
    return found


def total(counts: Iterable[int | None]) -> int | None:
    """The sum; None where one is unknown."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def _count(layer: keras.Operation, inputs: Shapes, outputs: Shapes) -> int | None:
    name = core_class(layer)
    if name is None:
        return None
    if is_operation(layer):
        return _count_operation(name, layer, inputs, outputs)
    if name in _RULES:
        try:
            return _RULES[name](layer, inputs, outputs)
        except _UnknownSizeError:
            return None
    return None if name in _UNKNOWN else 0


def _count_operation(name: str, operation: Any, inputs: Shapes, outputs: Shapes) -> int | None:
    try:
        if name == "Matmul" and len(inputs) == 2:
            return _size(outputs[0][1:]) * _size(inputs[0][-1:])
        if name == "Einsum" and len(inputs) == 2:
            return _einsum(operation.subscripts, inputs)
    except _UnknownSizeError:
        return None
    return None if any(part in name for part in _UNKNOWN_OPERATIONS) else 0


class _UnknownSizeError(Exception):
    """A shape has an axis of unknown length; stops the count."""


def _size(sizes: Shape) -> int:
    if any(size is None for size in sizes):
        raise _UnknownSizeError
    return math.prod(size for size in sizes if size is not None)


def _positions(shape: Shape, channels: int) -> int:
    """How many positions one map has, wherever the channel axis stands."""
    return _size(shape[1:]) // channels


def _channels(layer: Any, shape: Shape) -> int:
    return _size((shape[1] if layer.data_format == "channels_first" else shape[-1],))


def _dense(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    return _size(inputs[0][1:]) * int(layer.units)


def _einsum_dense(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    return _einsum(layer.equation, (inputs[0], tuple(layer.kernel.shape)))


def _einsum(equation: str, shapes: Shapes) -> int:
    """The product over all the letters of an equation, with the batch as 1; `...` stands for what is left."""
    sizes: dict[str, int] = {}
    for letters, shape in zip(equation.replace(" ", "").split("->")[0].split(","), shapes, strict=True):
        if "..." in letters:
            before, after = letters.split("...")
            hidden = len(shape) - len(before) - len(after)
            names = [*before, *(f"...{axis - hidden}" for axis in range(hidden)), *after]
        else:
            names = list(letters)
        for axis, (name, size) in enumerate(zip(names, shape, strict=True)):
            known = _size((1 if axis == 0 and size is None else size,))
            sizes[name] = max(known, sizes.get(name, 1))
    return math.prod(sizes.values())


def _convolution(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    per_position = math.prod(layer.kernel_size) * _channels(layer, inputs[0]) // layer.groups * layer.filters
    return _positions(outputs[0], layer.filters) * int(per_position)


def _transposed(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """Every input value is spread by every kernel; what a crop cuts off is counted like a zero padding."""
    return int(_size(inputs[0][1:]) * math.prod(layer.kernel_size) * layer.filters)


def _depthwise(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    return _size(outputs[0][1:]) * int(math.prod(layer.kernel_size))


def _separable(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    between = _channels(layer, inputs[0]) * layer.depth_multiplier
    positions = _positions(outputs[0], layer.filters)
    return positions * int(between * (math.prod(layer.kernel_size) + layer.filters))


def _reversible_embedding(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    looked_up = len(outputs[0]) == len(inputs[0]) + 1
    return 0 if looked_up else _size(inputs[0][1:]) * int(layer.input_dim)


def _token_embedding(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """Nothing for looking up; in reverse, each vector is compared with the whole table."""
    looked_up = len(outputs[0]) == len(inputs[0]) + 1
    return 0 if looked_up else _size(inputs[0][1:]) * int(layer.vocabulary)


def _crf(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """At each position a message in either direction, from all tags to all tags."""
    length, tags = _size(inputs[0][1:2]), _size(inputs[0][2:])
    return 2 * length * tags * tags


def _source_attention(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """Scores between all queries and keys, then the weighted sums of the values."""
    query, keys, values = inputs[:3]
    return _size(query[1:2]) * _size(keys[1:2]) * (_size(keys[2:]) + _size(values[2:]))


def _recurrent(layer: Any, inputs: Shapes, outputs: Shapes) -> int | None:
    per_step = _cell(layer.cell, _size(inputs[0][2:]))
    return None if per_step is None else _size(inputs[0][1:2]) * per_step


def _cell(cell: Any, features: int) -> int | None:
    """One step of a cell: the input and the state, each times one matrix per gate."""
    name = core_class(cell)
    if name == "StackedRNNCells":
        total = 0
        for inner in cell.cells:
            cost = _cell(inner, features)
            if cost is None:
                return None
            total, features = total + cost, int(inner.units)
        return total
    gates = {"SimpleRNNCell": 1, "GRUCell": 3, "LSTMCell": 4}.get(name or "")
    return None if gates is None else gates * int(cell.units) * (features + int(cell.units))


def _one_step(layer: Any, inputs: Shapes, outputs: Shapes) -> int | None:
    return _cell(layer, _size(inputs[0][1:]))


def _convolutional_lstm(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    channels = _size((inputs[0][2] if layer.data_format == "channels_first" else inputs[0][-1],))
    maps = outputs[0][1:] if not layer.return_sequences else outputs[0][2:]
    per_position = math.prod(layer.kernel_size) * (channels + layer.filters) * 4
    return _size(inputs[0][1:2]) * _size(maps) * int(per_position)


def _bidirectional(layer: Any, inputs: Shapes, outputs: Shapes) -> int | None:
    one_way = (tuple(layer.forward_layer.compute_output_shape(inputs[0])),)
    both = [_count(each, inputs, one_way) for each in (layer.forward_layer, layer.backward_layer)]
    return total(both)


def _time_distributed(layer: Any, inputs: Shapes, outputs: Shapes) -> int | None:
    frames = [tuple((shape[0], *shape[2:]) for shape in shapes) for shapes in (inputs, outputs)]
    per_frame = _count(layer.layer, *frames)
    return None if per_frame is None else _size(inputs[0][1:2]) * per_frame


def _wrapped(layer: Any, inputs: Shapes, outputs: Shapes) -> int | None:
    return _count(layer.layer, inputs, outputs)


def _projected_attention(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """The query, key and value projections, the scores, the weighted sums and the output projection."""
    config = layer.get_config()
    query, value = inputs[0], inputs[1] if len(inputs) > 1 else inputs[0]
    key = inputs[2] if len(inputs) > 2 else value
    if "head_dim" in config:
        heads, key_heads = config["num_query_heads"], config["num_key_value_heads"]
        key_dim = value_dim = config["head_dim"]
        axes: Any = None
    else:
        heads = key_heads = config["num_heads"]
        key_dim, value_dim = config["key_dim"], config["value_dim"] or config["key_dim"]
        axes = config["attention_axes"]
    attended = range(1, len(query) - 1) if axes is None else [axis % len(query) for axis in axes]
    places = _size(query[1:-1])
    seen = _size(tuple(value[axis] for axis in attended))
    projections = _size(query[1:]) * heads * key_dim * (2 if config.get("use_gate") else 1)
    projections += _size(key[1:]) * key_heads * key_dim + _size(value[1:]) * key_heads * value_dim
    projections += places * heads * value_dim * _size(outputs[0][-1:])
    return int(projections + places * seen * heads * (key_dim + value_dim))


def _attention(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """Scores between all queries and keys, then the weighted sums of the values."""
    query, value = inputs[0], inputs[1]
    pairs = _size(query[1:-1]) * _size(value[-2:-1])
    products = layer.score_mode == "dot"
    return pairs * (_size(value[-1:]) + (_size(query[-1:]) if products else 0))


def _additive_attention(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    query, value = inputs[0], inputs[1]
    pairs = _size(query[1:-1]) * _size(value[-2:-1])
    return pairs * (_size(value[-1:]) + (_size(query[-1:]) if layer.use_scale else 0))


def _dot(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    axes: int = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return _size(outputs[0][1:]) * _size((inputs[0][axes],))


def _spectrogram(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """Each frame times the window of every frequency, once for the real and once for the imaginary part."""
    first = layer.data_format == "channels_first"
    steps, channels = _size(inputs[0][2:] if first else inputs[0][1:2]), _channels(layer, inputs[0])
    apart = layer.frame_step or layer.frame_length // 2
    frames = -(-steps // apart) if layer.padding == "same" else (steps - layer.frame_length) // apart + 1
    parts = 1 if layer.mode in ("real", "imag") else 2
    bins = (layer.fft_length or 2 ** math.ceil(math.log2(layer.frame_length))) // 2 + 1
    return int(frames * channels * parts * layer.frame_length * bins)


def _log_mel(layer: Any, inputs: Shapes, outputs: Shapes) -> int:
    """Each frame times the cosines and sines of every frequency, and these times the bands."""
    window, bins = layer.kernel_size[0], layer.kernel_size[0] // 2 + 1
    return int(_size(outputs[0][1:2]) * bins * (2 * window + layer.mels))


_RULES: dict[str, Rule] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "ReversibleEmbedding": _reversible_embedding,
    "TokenEmbedding": _token_embedding,
    "LinearChainCRF": _crf,
    "SourceAttention": _source_attention,
    "Bidirectional": _bidirectional,
    "TimeDistributed": _time_distributed,
    "SpectralNormalization": _wrapped,
    "MultiHeadAttention": _projected_attention,
    "GroupedQueryAttention": _projected_attention,
    "Attention": _attention,
    "AdditiveAttention": _additive_attention,
    "Dot": _dot,
    "RNN": _recurrent,
    "STFTSpectrogram": _spectrogram,
    "LogMel": _log_mel,
    **dict.fromkeys(("SimpleRNN", "GRU", "LSTM"), _recurrent),
    **dict.fromkeys(("SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells"), _one_step),
    **{f"Conv{rank}D": _convolution for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": _transposed for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _depthwise for rank in (1, 2)},
    **{f"SeparableConv{rank}D": _separable for rank in (1, 2)},
    **{f"ConvLSTM{rank}D": _convolutional_lstm for rank in (1, 2, 3)},
}
