"""Activation functions, as layers of their own and as the last step of other layers."""

from __future__ import annotations

import keras

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import normalizing, pointwise
from convscope.scope.layer_spec import LayerSpec, activation_name, register

FUNCTIONS = {
    "relu": ("ReLU", "negative values become 0"),
    "relu6": ("ReLU6", "values are clipped to 0 to 6"),
    "leaky_relu": ("leaky ReLU", "negative values are scaled down"),
    "prelu": ("PReLU", "negative values are scaled by learned slopes"),
    "elu": ("ELU", "negative values saturate smoothly at -1"),
    "celu": ("CELU", "negative values saturate smoothly at a limit"),
    "selu": ("SELU", "a scaled ELU that keeps mean and variance stable"),
    "gelu": ("GELU", "large values pass, negative ones fade out smoothly"),
    "silu": ("SiLU (swish)", "each value is multiplied by its sigmoid"),
    "mish": ("Mish", "large values pass, negative ones fade out smoothly"),
    "glu": ("GLU", "one half of the channels gates the other half"),
    "sigmoid": ("sigmoid", "each value is mapped to 0 to 1 on its own"),
    "hard_sigmoid": ("hard sigmoid", "each value is mapped to 0 to 1 by straight lines"),
    "sparse_sigmoid": ("sparse sigmoid", "each value is mapped to 0 to 1 by straight lines"),
    "log_sigmoid": ("log-sigmoid", "the logarithm of the sigmoid, below 0"),
    "tanh": ("tanh", "each value is mapped to -1 to 1"),
    "hard_tanh": ("hard tanh", "values are clipped to -1 to 1"),
    "tanh_shrink": ("tanh-shrink", "each value minus its tanh"),
    "softmax": ("softmax", "scores become probabilities that sum to 1"),
    "log_softmax": ("log-softmax", "scores become logarithms of probabilities"),
    "sparsemax": ("sparsemax", "scores become probabilities, many of them exactly 0"),
    "softplus": ("softplus", "a smooth ReLU, always above 0"),
    "softsign": ("softsign", "each value is mapped to -1 to 1"),
    "soft_shrink": ("soft shrinkage", "values are pulled towards 0, small ones become 0"),
    "hard_shrink": ("hard shrinkage", "small values become 0"),
    "hard_silu": ("hard SiLU", "values below -3 become 0, those above 3 pass"),
    "squareplus": ("squareplus", "a smooth ReLU, always above 0"),
    "sparse_plus": ("sparse-plus", "a smooth ReLU, exactly 0 far below 0"),
    "threshold": ("threshold", "values up to a threshold become a constant"),
    "exponential": ("exponential", "every value becomes positive"),
}
"""The usual name of each function, and what it does to values, by its name in Keras."""

_ABOUT = "An activation function is applied to each value. It makes the network more than one linear map."


def named(function: str) -> str:
    """The usual name of a function."""
    return FUNCTIONS.get(function, (function.replace("_", " "),))[0]


def clause(function: str) -> str:
    """A function with what it does: `ReLU: negative values become 0`."""
    known = FUNCTIONS.get(function)
    return f"the function '{function}'" if known is None else f"{known[0]}: {known[1]}"


def then(layer: keras.layers.Layer) -> str:
    """The sentence for a layer's own activation, with a space before it; empty where it has none."""
    name = activation_name(layer)
    return "" if name == "linear" else f" Activation {clause(name)}."


def _activation(facts: Facts) -> str:
    name = activation_name(facts.layer)
    if name == "linear":
        return f"Linear: the values do not change. {facts.stays}"
    return f"{phrasing.sentence(clause(name))} {facts.stays}"


def _relu(facts: Facts) -> str:
    layer = facts.layer
    parts = ["negative values become 0"]
    if layer.negative_slope:
        parts = [f"negative values are multiplied by {phrasing.number(layer.negative_slope)}"]
    if layer.max_value is not None:
        parts.append(f"values above {phrasing.number(layer.max_value)} are clipped")
    if layer.threshold:
        parts.append(f"values below {phrasing.number(layer.threshold)} count as negative")
    return f"{phrasing.sentence(phrasing.listed(parts))} {facts.stays}"


def _leaky(facts: Facts) -> str:
    slope = phrasing.number(facts.layer.negative_slope)
    return f"Negative values are multiplied by {slope}. {facts.stays}"


def _elu(facts: Facts) -> str:
    return f"Negative values saturate at -{phrasing.number(facts.layer.alpha)}. {facts.stays}"


def _prelu(facts: Facts) -> str:
    shared = facts.layer.shared_axes
    which = f", shared along axes {phrasing.listed([str(axis) for axis in shared])}" if shared else ""
    return f"{phrasing.plural(facts.parameters, 'learned slope')}{which}. {facts.stays}"


def _softmax(facts: Facts) -> str:
    axis = facts.layer.axis
    along = f"axis {axis}" if axis != -1 else "the last axis"
    return f"{phrasing.sentence(phrasing.values(facts.shape_out))} They sum to 1 along {along}."


register(
    LayerSpec(
        "Activation", "activation", _ABOUT, _activation, pointwise, traits=frozenset({"ends in activation"})
    ),
    LayerSpec(
        "ReLU",
        "activation",
        "ReLU keeps positive values and sets negative ones to 0. It is cheap to compute and makes the "
        "network nonlinear.",
        _relu,
        pointwise,
        activation="relu",
    ),
    LayerSpec(
        "LeakyReLU",
        "activation",
        "Leaky ReLU keeps positive values and scales negative ones down, so that gradients never vanish "
        "entirely.",
        _leaky,
        pointwise,
        activation="leaky_relu",
    ),
    LayerSpec(
        "PReLU",
        "activation",
        "PReLU is a ReLU with a learned slope for negative values.",
        _prelu,
        pointwise,
        activation="prelu",
    ),
    LayerSpec(
        "ELU",
        "activation",
        "ELU keeps positive values; negative ones saturate smoothly.",
        _elu,
        pointwise,
        activation="elu",
    ),
    LayerSpec(
        "Softmax",
        "activation",
        "Softmax turns scores into probabilities that sum to 1; the largest score gets the largest one.",
        _softmax,
        normalizing,
        activation="softmax",
    ),
)
