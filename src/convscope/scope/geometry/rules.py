"""How each kind of layer moves receptive fields from its inputs to its output."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers

from convscope.scope.geometry.axis_dependency import (
    everything,
    moved,
    scattered,
    slid,
    united,
)
from convscope.scope.geometry.sliding import (
    CONVOLUTIONS,
    CROPPINGS,
    PADDINGS,
    POOLINGS,
    TRANSPOSED,
    UPSAMPLINGS,
    Reaches,
    Rule,
    State,
    bordered,
    convolution,
    on_channels,
    places,
    transposed,
    upsampling,
)
from convscope.scope.graph.core_layers import core_class
from convscope.scope.graph.graph import Call, Shape
from convscope.scope.graph.operations import (
    ELEMENTWISE,
    MERGING,
    POINTWISE_OF_APPLICATIONS,
    REDUCING,
)

_GLOBAL = (
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
)
_MERGES = (
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
)
_ATTENTIONS = (
    layers.MultiHeadAttention,
    layers.GroupQueryAttention,
    layers.Attention,
    layers.AdditiveAttention,
)
_POINTWISE = (
    layers.Activation,
    layers.ActivityRegularization,
    layers.AlphaDropout,
    layers.BatchNormalization,
    layers.Dropout,
    layers.ELU,
    layers.Embedding,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.InputLayer,
    layers.LeakyReLU,
    layers.Masking,
    layers.Normalization,
    layers.PReLU,
    layers.ReLU,
    layers.Rescaling,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
)


def through(call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    """What a call's output depends on.

    Args:
        call: One call.
        shapes: Shapes of those inputs that depend on the model's input in question, with the batch axis.
        states: What these depend on.

    Returns:
        The state of its output; None where the layer is not known.
    """
    layer = call.layer
    while isinstance(layer, layers.SpectralNormalization):
        layer = layer.layer
    rule = _rule(layer)
    if rule is not None:
        return rule(layer, call, shapes, states)
    if all(reach.whole for state in states for reach in state):
        return _anything_of_whole(states)
    return None


def _rule(layer: keras.Operation) -> Rule | None:
    name = type(layer).__name__
    if not isinstance(layer, layers.Layer):
        if name in ELEMENTWISE:
            return _pointwise
        if name in MERGING:
            return _merge
        return _reduction if name in REDUCING else None
    known = (rule for kinds, rule in _RULES if isinstance(layer, kinds))
    found = next(known, None) or _OWN.get(core_class(layer))
    if found is not None:
        return found
    if type(layer).__module__.startswith("keras.src.applications") and name in POINTWISE_OF_APPLICATIONS:
        return _pointwise
    return _pointwise if name.startswith("Random") else None


def _pointwise(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    if getattr(layer, "activation", None) is keras.activations.softmax:
        return _mixing({len(shapes[0]) - 1}, states[0])
    return states[0]


def _mixing(axes: set[int], state: Reaches, last: int | None = None) -> Reaches:
    """Each position along these axes of the tensor becomes a function of all of them."""
    return tuple(
        everything(r, r.axis) if r.axis in axes or (r.mixed and (last is None or last in axes)) else r
        for r in state
    )


def _dropping(axes: set[int], state: Reaches) -> Reaches:
    """The tensor loses these axes, whose positions have been mixed."""
    made = []
    for r in state:
        if r.axis in axes:
            made.append(everything(r))
        elif r.axis is not None:
            made.append(moved(r, r.axis - sum(axis < r.axis for axis in axes)))
        else:
            made.append(everything(r) if r.mixed else r)
    return tuple(made)


def _global_pooling(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    axes = set(places(layer, len(shapes[0])))
    return _mixing(axes, states[0], last=0) if layer.keepdims else _dropping(axes, states[0])


def _reduction(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    rank = len(shapes[0])
    given = layer.axis
    axes = range(rank) if given is None else [given] if isinstance(given, int) else given
    places = {axis % rank for axis in axes}
    if 0 in places:
        return None
    return _mixing(places, states[0], rank - 1) if layer.keepdims else _dropping(places, states[0])


def _dense(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    return on_channels(len(shapes[0]) - 1, states[0])


def _einsum(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    before, _, after = layer.equation.replace(" ", "").partition("->")
    letters = before.split(",")[0]
    if "." in layer.equation:
        if letters.lstrip(".")[1:] or len(letters.lstrip(".")) != 1:
            return None
        return on_channels(len(shapes[0]) - 1, states[0])
    made = []
    for r in states[0]:
        if r.axis is None:
            made.append(everything(r) if r.mixed else r)
        elif letters[r.axis] in after:
            made.append(moved(r, after.index(letters[r.axis])))
        else:
            made.append(everything(r))
    return tuple(made)


def _normalizing(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    rank = len(shapes[0])
    if isinstance(layer, layers.GroupNormalization):
        return _mixing(set(range(1, rank)), states[0], rank - 1)
    given = layer.axis
    axes = [given] if isinstance(given, int) else list(given)
    return _mixing({axis % rank for axis in axes}, states[0], rank - 1)


def _standardizing(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    return _mixing(set(range(1, len(shapes[0]) - 1)), states[0])


def _recurrent(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    if len(shapes[0]) != 3:
        return _anything_of_whole(states) if all(r.whole for s in states for r in s) else None
    state = on_channels(2, _mixing({1}, states[0], last=0))
    return state if layer.return_sequences else _dropping({1}, state)


def _attention(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    whole = [tuple(everything(r, r.axis) for r in state) for state in states]
    return _union(whole)


def _attention_to_source(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    """Of the text that is written each position stays itself; of the source everything is seen."""
    return states[0] if len(states) == 1 else _union([tuple(map(everything, state)) for state in states])


def _framing(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    """Frames of a waveform: a window slides along it, and its bands are channels."""
    length, window, step = call.outputs[0].shape[1], layer.kernel_size[0], layer.strides[0]
    return tuple(
        slid(r, length, window, step, 1, layer.padding[0]) if r.axis == 1 else everything(r)
        for r in states[0]
    )


def _hearing(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    """Each frame looks at the samples of its own time."""
    length = call.outputs[0].shape[1]
    return tuple(
        slid(r, length, layer.hop, layer.hop, 1, 0) if r.axis == 1 else everything(r) for r in states[0]
    )


def _masking(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    return tuple(r if r.axis == 1 else everything(r) for r in states[0])


def _masked_pooling(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    return _union([_dropping({1}, state) for state in states])


def _character_pooling(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    return _union([_dropping({2}, state) for state in states])


def _flatten(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    if len(shapes[0]) == 2:
        return states[0]
    return tuple(r if r.axis is None else scattered(r, mixed=True) for r in states[0])


def _reshape(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    before, after = shapes[0][1:], call.outputs[0].shape[1:]
    if None in before or None in after:
        return tuple(r if r.axis is None else scattered(r, mixed=True) for r in states[0])
    kept: dict[int, int] = {}
    for i, length in enumerate(before):
        for j, other in enumerate(after):
            if length == other and math.prod(before[:i]) == math.prod(after[:j]):  # type: ignore[arg-type]
                kept.setdefault(i + 1, j + 1)
    channels_stay = kept.get(len(before)) == len(after)
    return tuple(
        r
        if r.axis is None
        else moved(r, kept[r.axis])
        if r.axis in kept
        else scattered(r, mixed=not channels_stay)
        for r in states[0]
    )


def _permute(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    return tuple(r if r.axis is None else moved(r, list(layer.dims).index(r.axis) + 1) for r in states[0])


def _repeat(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    return tuple(r if r.axis is None else moved(r, r.axis + 1) for r in states[0])


def _concatenate(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    rank = len(shapes[0])
    axis = layer.axis % rank
    channels = len(call.outputs[0].shape) - 1
    split = any(r.axis == axis and not r.whole for state in states for r in state)
    if split and len(call.inputs) > 1:
        if axis != channels:
            return None
        states = [on_channels(axis, state) for state in states]
    return _union(states)


def _merge(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    out = call.outputs[0].shape
    aligned = []
    for shape, state in zip(shapes, states, strict=True):
        missing = len(out) - len(shape)
        made = []
        for r in state:
            if r.axis is None:
                made.append(r)
                continue
            axis = r.axis + missing
            repeated = shape[r.axis] == 1 and out[axis] != 1
            made.append(everything(r, axis) if repeated else moved(r, axis))
        aligned.append(tuple(made))
    return _union(aligned)


def _union(states: Sequence[Reaches]) -> State:
    made = [united(list(reaches)) for reaches in zip(*states, strict=True)]
    known = [reach for reach in made if reach is not None]
    return tuple(known) if len(known) == len(made) else None


def _anything_of_whole(states: Sequence[Reaches]) -> State:
    """A function of values that each depend on everything depends on no more than that."""
    return _union([tuple(everything(r) for r in state) for state in states])


_RULES: tuple[tuple[tuple[type, ...], Rule], ...] = (
    ((*CONVOLUTIONS, *POOLINGS), convolution),
    (TRANSPOSED, transposed),
    (UPSAMPLINGS, upsampling),
    ((*PADDINGS, *CROPPINGS), bordered),
    (_GLOBAL, _global_pooling),
    ((layers.Dense,), _dense),
    ((layers.EinsumDense,), _einsum),
    (
        (
            layers.LayerNormalization,
            layers.RMSNormalization,
            layers.UnitNormalization,
            layers.GroupNormalization,
            layers.Softmax,
        ),
        _normalizing,
    ),
    ((layers.RNN, layers.Bidirectional), _recurrent),
    (_ATTENTIONS, _attention),
    ((layers.Flatten,), _flatten),
    ((layers.Reshape,), _reshape),
    ((layers.Permute,), _permute),
    ((layers.RepeatVector,), _repeat),
    ((layers.Concatenate,), _concatenate),
    (_MERGES, _merge),
    (_POINTWISE, _pointwise),
)

_OWN: Mapping[str | None, Rule] = {
    "CharacterMask": _pointwise,
    "Energy": _merge,
    "GatedLinearUnit": _dense,
    "LinearChainCRF": _attention,
    "LogMel": _framing,
    "MaskedGlobalMaxPooling1D": _masked_pooling,
    "MaxOverCharacters": _character_pooling,
    "PaddingMask": _masking,
    "PositionEmbedding": _pointwise,
    "ProportionOfPositiveValues": _global_pooling,
    "ProportionsAbove": _global_pooling,
    "ScaledSum": _merge,
    "SoundMask": _hearing,
    "SourceAttention": _attention_to_source,
    "Standardization": _standardizing,
    "SpectrumMasking": _pointwise,
    "SubwordEmbedding": _dense,
    "TokenEmbedding": _pointwise,
}
"""Layers of this package, by name; those derived from a layer of Keras move receptive fields as that does."""
