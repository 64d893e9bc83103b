"""Normalization."""

from __future__ import annotations

import keras

from convscope import phrasing
from convscope.scope.describe.costs import layer_cost
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.scope.sizes import Shapes


def learned(layer: keras.layers.Layer) -> str:
    """Which of scale and offset a layer learns."""
    names = [word for word, flag in (("scale", "scale"), ("offset", "center")) if getattr(layer, flag, False)]
    return f"learned {phrasing.listed(names)}" if names else "no learned parameters"


def _axes(axis: int | list[int] | tuple[int, ...]) -> str:
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {phrasing.listed([str(each) for each in axes])}"


def _batch(facts: Facts) -> str:
    layer = facts.layer
    size = facts.call.input_shapes[0][layer.axis]
    channels = phrasing.plural(size, "channel") if size else "all channels"
    where = "" if layer.axis in (-1, len(facts.shape_in)) else f" (axis {layer.axis})"
    return (
        f"{phrasing.sentence(channels + where).removesuffix('.')}, {learned(layer)}, momentum "
        f"{phrasing.number(layer.momentum)}, epsilon {phrasing.number(layer.epsilon)}. {facts.stays}"
    )


def _layer(facts: Facts) -> str:
    axis = facts.layer.axis
    axes = [axis] if isinstance(axis, int) else list(axis)
    shape = facts.call.input_shapes[0]
    together = phrasing.product([shape[a] for a in axes])
    over = phrasing.plural(together, "value") if together else "the values"
    which = "of each position" if len(axes) == 1 and len(shape) > 2 else "of each sample"
    return (
        f"Over {over} {which} ({_axes(axis)}), {learned(facts.layer)}, epsilon "
        f"{phrasing.number(facts.layer.epsilon)}. {facts.stays}"
    )


def _group(facts: Facts) -> str:
    channels = facts.call.input_shapes[0][facts.layer.axis]
    groups = facts.layer.groups
    each = f" of {channels // groups}" if channels and groups > 0 else ""
    return (
        f"{phrasing.plural(channels or 0, 'channel')} in {phrasing.plural(groups, 'group')}{each}, "
        f"{learned(facts.layer)}, epsilon {phrasing.number(facts.layer.epsilon)}. {facts.stays}"
    )


def _rms(facts: Facts) -> str:
    epsilon = phrasing.number(facts.layer.epsilon)
    return f"Over {_axes(facts.layer.axis)}, learned scale, epsilon {epsilon}. {facts.stays}"


def _unit(facts: Facts) -> str:
    return f"Over {_axes(facts.layer.axis)}. {facts.stays}"


def _fixed(facts: Facts) -> str:
    layer = facts.layer
    which = f"each index along {_axes(layer.axis)}" if layer.axis else "all values together"
    way = "Inverted: multiplies by" if layer.invert else "Subtracts a mean and divides by"
    rest = " and adds a mean" if layer.invert else ""
    return f"{way} a standard deviation{rest}, for {which}. {facts.stays}"


def _spectral(facts: Facts) -> str:
    inner = facts.layer.layer
    rounds = phrasing.plural(facts.layer.power_iterations, "power iteration")
    return f"Wraps '{inner.name}' ({type(inner).__name__}), {rounds} per training step: {facts.changed}."


def _wrapped_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int | None:
    return layer_cost(layer.layer, inputs, outputs)


register(
    LayerSpec(
        "BatchNormalization",
        "normalization",
        "Batch normalization brings each channel to mean 0 and variance 1, with statistics of the batch in "
        "training and moving averages at inference, and then applies a learned scale and offset. It speeds "
        "up training.",
        _batch,
        rules.pointwise,
        traits=frozenset({"batch statistics"}),
        component="batch normalization",
    ),
    LayerSpec(
        "LayerNormalization",
        "normalization",
        "Layer normalization brings the values of each sample to mean 0 and variance 1, independently of "
        "the batch.",
        _layer,
        rules.normalizing,
        component="layer normalization",
    ),
    LayerSpec(
        "GroupNormalization",
        "normalization",
        "Group normalization brings groups of channels within each sample to mean 0 and variance 1, "
        "independently of the batch.",
        _group,
        rules.over_sample,
        component="group normalization",
    ),
    LayerSpec(
        "RMSNormalization",
        "normalization",
        "RMS normalization divides by the root mean square. It is layer normalization without centering.",
        _rms,
        rules.normalizing,
        component="RMS normalization",
    ),
    LayerSpec(
        "UnitNormalization",
        "normalization",
        "Unit normalization scales vectors to length 1.",
        _unit,
        rules.normalizing,
        traits=frozenset({"unit length"}),
    ),
    LayerSpec(
        "Normalization",
        "preparation",
        "Brings its input to mean 0 and variance 1 with statistics measured on the training data.",
        _fixed,
        rules.pointwise,
        traits=frozenset({"scales", "fixed weights"}),
    ),
    LayerSpec(
        "SpectralNormalization",
        "wrapper",
        "Spectral normalization divides the weights of the layer it wraps by their largest singular value, "
        "which stabilizes the training of generative networks.",
        _spectral,
        rules.wrapped,
        _wrapped_cost,
    ),
)
