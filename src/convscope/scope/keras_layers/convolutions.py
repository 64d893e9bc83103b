"""Convolutions of every rank and kind."""

from __future__ import annotations

import math
from collections.abc import Iterable

import keras

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.sliding import convolution, depthwise, transposed
from convscope.scope.keras_layers.activations import then
from convscope.scope.layer_spec import LayerSpec, Trait, register
from convscope.scope.sizes import Shapes, channels, count, positions


def _about(facts: Facts) -> str:
    if math.prod(facts.layer.kernel_size) == 1:
        return (
            "A 1x1 convolution mixes the channels at each position. It changes the number of channels at low "
            "cost."
            if len(facts.layer.kernel_size) == 2
            else "A convolution with kernels of size 1 mixes the channels at each position."
        )
    return (
        "A convolution slides kernels over its input. Each kernel responds to one pattern and gives "
        "one feature map of where, and how strongly, that pattern occurs."
    )


def _moves(facts: Facts) -> str:
    """Stride, padding and dilation, separated by commas."""
    layer = facts.layer
    parts = [f"stride {_one_or_all(layer.strides)}"]
    if max(_spans(layer)) > 1:
        parts.append(f"{layer.padding} padding")
    if set(layer.dilation_rate) != {1}:
        span = facts.extent(_spans(layer))
        parts.append(f"dilation {_one_or_all(layer.dilation_rate)} (spans {span})")
    return ", ".join(parts)


def _one_or_all(values: Iterable[int]) -> str:
    given = list(values)
    return str(given[0]) if len(set(given)) == 1 else phrasing.size(given)


def _spans(layer: keras.layers.Layer) -> list[int]:
    return [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)]


def _kernels(facts: Facts) -> str:
    return f"{phrasing.plural(facts.layer.filters, 'kernel')} of {facts.extent(facts.layer.kernel_size)}"


def _convolution(facts: Facts) -> str:
    layer, come = facts.layer, facts.channels_in
    over = ""
    if layer.groups > 1 and come:
        over = f" over {come // layer.groups} of the {come:,} channels ({layer.groups} groups)"
    elif come and come > 1:
        over = f" over {come:,} channels"
    return f"{_kernels(facts)}{over}, {_moves(facts)}: {facts.changed}.{then(layer)}"


def _depthwise(facts: Facts) -> str:
    layer = facts.layer
    kernels = f"{phrasing.plural(layer.depth_multiplier, 'kernel')} of {facts.extent(layer.kernel_size)}"
    return (
        f"{kernels} for each of {facts.channels_in or 0:,} channels, {_moves(facts)}: "
        f"{facts.changed}.{then(layer)}"
    )


def _separable(facts: Facts) -> str:
    layer, come = facts.layer, facts.channels_in or 0
    full = math.prod(layer.kernel_size) * come * layer.filters
    used = come * layer.depth_multiplier * (math.prod(layer.kernel_size) + layer.filters)
    saved = ""
    if 0 < used < full:
        times = phrasing.number(round(full / used, 1))
        saved = f" A full convolution would have {times} times the weights."
    return (
        f"A kernel of {facts.extent(layer.kernel_size)} per channel, {_moves(facts)}, then "
        f"{phrasing.plural(layer.filters, 'pointwise kernel')}: {facts.changed}.{saved}{then(layer)}"
    )


def _transposed(facts: Facts) -> str:
    layer, come = facts.layer, facts.channels_in
    over = f" over {come:,} channels" if come and come > 1 else ""
    return f"{_kernels(facts)}{over}, {_moves(facts)}: {facts.changed}.{then(layer)}"


def _convolution_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    each = math.prod(layer.kernel_size) * channels(layer, inputs[0]) // layer.groups * layer.filters
    return positions(outputs[0], layer.filters) * int(each)


def _transposed_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """Every input value is spread by every kernel; what a crop cuts off is counted like a zero padding."""
    return int(count(inputs[0][1:]) * math.prod(layer.kernel_size) * layer.filters)


def _depthwise_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return count(outputs[0][1:]) * int(math.prod(layer.kernel_size))


def _separable_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    between = channels(layer, inputs[0]) * layer.depth_multiplier
    each = between * (math.prod(layer.kernel_size) + layer.filters)
    return positions(outputs[0], layer.filters) * int(each)


_SLIDES: frozenset[Trait] = frozenset({"slides", "ends in activation"})

register(
    *(
        LayerSpec(
            f"Conv{rank}D",
            "convolution",
            _about,
            _convolution,
            convolution,
            _convolution_cost,
            _SLIDES | {"linear"},
            "convolution",
        )
        for rank in (1, 2, 3)
    ),
    *(
        LayerSpec(
            f"Conv{rank}DTranspose",
            "convolution",
            "A transposed convolution adds a weighted copy of its kernel to a larger output for every input "
            "value. It upsamples feature maps, as in segmentation or generation.",
            _transposed,
            transposed,
            _transposed_cost,
            frozenset({"ends in activation"}),
            "transposed",
        )
        for rank in (1, 2, 3)
    ),
    *(
        LayerSpec(
            f"DepthwiseConv{rank}D",
            "convolution",
            "A depthwise convolution applies separate kernels to each channel and does not mix channels. It "
            "is cheap; a 1x1 convolution usually follows.",
            _depthwise,
            depthwise,
            _depthwise_cost,
            _SLIDES,
            "depthwise",
        )
        for rank in (1, 2)
    ),
    *(
        LayerSpec(
            f"SeparableConv{rank}D",
            "convolution",
            "A separable convolution is a depthwise convolution followed by a 1x1 convolution. It "
            "approximates a full convolution with far fewer weights.",
            _separable,
            convolution,
            _separable_cost,
            _SLIDES,
            "separable",
        )
        for rank in (1, 2)
    ),
)
