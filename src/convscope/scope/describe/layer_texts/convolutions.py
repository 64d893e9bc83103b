"""Texts for convolutions of every rank and kind."""

from __future__ import annotations

import math
from typing import Any

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.activations import then
from convscope.scope.describe.layer_texts.facts import Facts, Text


def _about(facts: Facts) -> str:
    if math.prod(facts.layer.kernel_size) == 1:
        return (
            "A 1x1 convolution looks at no neighbours: at each position it mixes the channels into new ones. "
            "It changes the number of channels at little cost."
            if len(facts.layer.kernel_size) == 2
            else "A convolution whose kernels cover one position mixes the channels there into new ones."
        )
    return (
        "A convolution slides small kernels over its input. Each kernel has learned one pattern, looks for "
        "it "
        "everywhere, and writes into its own feature map how strongly it found it at each place."
    )


def _steps(facts: Facts, strides: tuple[int, ...]) -> str:
    unit = facts.position(len(strides))
    if set(strides) == {1}:
        return f"moves one {unit} at a time"
    if len(set(strides)) == 1:
        return f"moves {words.plural(strides[0], unit)} at a time"
    return f"moves {words.size(strides)} {unit}s at a time"


def _border(facts: Facts, spans: list[int]) -> str:
    """What happens at the border; empty where the kernel covers one position only."""
    layer = facts.layer
    padding = str(layer.padding)
    if max(spans) == 1:
        return ""
    if padding == "causal":
        return f", with zeros before the start so that no {facts.position(1)} sees a later one"
    if padding == "same":
        kept = set(layer.strides) == {1}
        return ", with zeros around the border" + (" to keep the size" if kept else "")
    lost = [span - 1 for span in spans]
    unit = facts.position(len(spans))
    each = " per axis" if len(set(lost)) == 1 and len(lost) > 1 else ""
    amount = words.plural(lost[0], unit) if len(set(lost)) == 1 else f"{words.size(lost)} {unit}s"
    return f", without padding, which costs {amount}{each}"


def _spans(layer: Any) -> list[int]:
    return [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)]


def _gaps(facts: Facts) -> str:
    layer, rates = facts.layer, facts.layer.dilation_rate
    if set(rates) == {1}:
        return ""
    rate = str(rates[0]) if len(set(rates)) == 1 else words.size(rates)
    return f" Their cells stand apart (dilation {rate}), so a kernel spans {facts.extent(_spans(layer))}."


def _convolution(facts: Facts) -> str:
    layer, channels = facts.layer, facts.channels_in
    kernels = words.plural(layer.filters, "kernel")
    over = ""
    if layer.groups > 1 and channels:
        over = f", each over {channels // layer.groups} of the {channels:,} channels ({layer.groups} groups),"
    elif channels and channels > 1:
        over = f" over all {channels:,} channels"
    each = "Each" if layer.filters > 1 else "It"
    return (
        f"Here {'there are' if layer.filters > 1 else 'there is'} {kernels} of "
        f"{facts.extent(layer.kernel_size)}"
        f"{over.rstrip(',')}. {each} {_steps(facts, layer.strides)}{_border(facts, _spans(layer))}: "
        f"{words.values(facts.shape_in)} becomes {facts.maps_out}.{_gaps(facts)}{then(layer)}"
    )


def _depthwise(facts: Facts) -> str:
    layer = facts.layer
    many = layer.depth_multiplier
    each = "one kernel" if many == 1 else words.plural(many, "kernel")
    moves = _steps(facts, layer.strides)
    moves = moves if many == 1 else moves.replace("moves", "move", 1)
    return (
        f"Here each of the {facts.channels_in:,} channels has {each} of its own, of "
        f"{facts.extent(layer.kernel_size)}, which {moves}{_border(facts, _spans(layer))}: "
        f"{words.values(facts.shape_in)} becomes {facts.maps_out}.{_gaps(facts)}{then(layer)}"
    )


def _separable(facts: Facts) -> str:
    layer = facts.layer
    full = math.prod(layer.kernel_size) * (facts.channels_in or 0) * layer.filters
    used = math.prod(layer.kernel_size) * (facts.channels_in or 0) * layer.depth_multiplier
    used += (facts.channels_in or 0) * layer.depth_multiplier * layer.filters
    saved = (
        f" An ordinary convolution would need {words.number(round(full / used, 1))} times the weights."
        if 0 < used < full
        else ""
    )
    return (
        f"Here a kernel of {facts.extent(layer.kernel_size)} per channel {_steps(facts, layer.strides)}"
        f"{_border(facts, _spans(layer))}; then {words.plural(layer.filters, 'kernel')} of one position "
        "mix the "
        f"channels: {words.values(facts.shape_in)} becomes "
        f"{facts.maps_out}.{_gaps(facts)}{saved}{then(layer)}"
    )


def _transposed(facts: Facts) -> str:
    layer = facts.layer
    unit = facts.position(len(layer.strides))
    apart = (
        f"{words.plural(layer.strides[0], unit)}"
        if len(set(layer.strides)) == 1
        else words.size(layer.strides)
    )
    over = f" over {facts.channels_in:,} channels" if facts.channels_in and facts.channels_in > 1 else ""
    cut = " The border that reaches beyond is cut off." if layer.padding == "same" else ""
    return (
        f"Here {words.plural(layer.filters, 'kernel')} of {facts.extent(layer.kernel_size)}{over}; the "
        "prints "
        f"lie {apart} apart and add up where they overlap: "
        f"{words.values(facts.shape_in)} becomes {facts.maps_out}.{cut}{_gaps(facts)}{then(layer)}"
    )


_SLIDES = Text(_about, _convolution)
_DEPTHWISE = Text(
    "A depthwise convolution gives every channel kernels of its own and never mixes channels. It looks at "
    "neighbours cheaply; a 1x1 convolution usually follows to mix.",
    _depthwise,
)
_SEPARABLE = Text(
    "A separable convolution works in two steps: first one kernel per channel looks at neighbours, then a "
    "1x1 "
    "convolution mixes the channels. It does nearly the same as an ordinary one with far fewer weights.",
    _separable,
)
_TRANSPOSED = Text(
    "A transposed convolution goes the other way: every input value stamps a weighted print of the kernel "
    "into "
    "a larger output. It is used to grow maps back, as in segmentation or generation.",
    _transposed,
)

TEXTS = {
    **{f"Conv{rank}D": _SLIDES for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": _TRANSPOSED for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _DEPTHWISE for rank in (1, 2)},
    **{f"SeparableConv{rank}D": _SEPARABLE for rank in (1, 2)},
}
