"""Texts for activation functions, as layers of their own and as the last step of other layers."""

from __future__ import annotations

from typing import Any

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text

_ABOUT = (
    "An activation function changes every value on its own. Without one between them, two layers in a row "
    "could do no more than a single layer."
)

_PHRASES = {
    "relu": "ReLU sets negative values to 0",
    "relu6": "ReLU6 sets negative values to 0 and cuts off above 6",
    "leaky_relu": "leaky ReLU makes negative values small instead of 0",
    "elu": "ELU bends negative values smoothly towards -1",
    "celu": "CELU bends negative values smoothly towards a limit",
    "selu": "SELU bends negative values and scales all, which keeps mean and variance steady",
    "gelu": "GELU lets large values pass and smoothly fades out negative ones",
    "silu": "SiLU (swish) multiplies each value by its own sigmoid: large ones pass, negative ones fade out",
    "mish": "Mish lets large values pass and smoothly fades out negative ones",
    "glu": "GLU lets one half of the channels gate the other",
    "sigmoid": "the sigmoid maps each value into 0 to 1, independently of the others",
    "hard_sigmoid": "the hard sigmoid maps each value into 0 to 1 by straight lines",
    "sparse_sigmoid": "the sparse sigmoid maps each value into 0 to 1 by straight lines",
    "log_sigmoid": "the logarithm of the sigmoid maps each value below 0",
    "tanh": "tanh maps each value into -1 to 1",
    "hard_tanh": "the hard tanh cuts each value off at -1 and 1",
    "tanh_shrink": "tanh-shrink subtracts from each value its tanh",
    "softmax": "softmax turns the scores into probabilities that add up to 1",
    "log_softmax": "log-softmax turns the scores into logarithms of probabilities",
    "sparsemax": "sparsemax turns the scores into probabilities, many of them exactly 0",
    "softplus": "softplus is a smooth ReLU, always above 0",
    "softsign": "softsign maps each value into -1 to 1",
    "soft_shrink": "soft shrinkage pulls values towards 0 and small ones to 0",
    "hard_shrink": "hard shrinkage sets small values to 0",
    "hard_silu": "the hard SiLU sets values below -3 to 0 and lets those above 3 pass",
    "squareplus": "squareplus is a smooth ReLU, always above 0",
    "sparse_plus": "sparse-plus is a smooth ReLU that is exactly 0 far below 0",
    "threshold": "values up to a threshold are replaced by a constant",
    "exponential": "the exponential makes every value positive",
}
_SAME = {"swish": "silu", "hard_swish": "hard_silu", "hardsilu": "hard_silu", "hard_silu": "hard_silu"}


def activation_name(layer: Any) -> str:
    """The name of a layer's activation function, `linear` where it has none."""
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", None) or type(function).__name__
    return "linear" if function is None else _SAME.get(name, name)


def phrase(name: str) -> str:
    """What an activation function does, as a clause without a full stop."""
    return _PHRASES.get(name, f"the function '{name}' is applied to each value")


def then(layer: Any) -> str:
    """The sentence for a layer's own activation, with a space before it; empty where it has none."""
    name = activation_name(layer)
    return "" if name == "linear" else " " + words.sentence(f"then {phrase(name)}")


def _activation(facts: Facts) -> str:
    name = activation_name(facts.layer)
    if name == "linear":
        return f"Here it is linear and changes nothing; the shape stays {words.values(facts.shape_out)}."
    return f"Here {phrase(name)}; the shape stays {words.values(facts.shape_out)}."


def _relu(facts: Facts) -> str:
    layer = facts.layer
    parts = [f"negative values become {'0' if not layer.negative_slope else 'smaller'}"]
    if layer.negative_slope:
        parts = [f"negative values are multiplied by {words.number(layer.negative_slope)}"]
    if layer.max_value is not None:
        parts.append(f"values above {words.number(layer.max_value)} are cut off")
    if layer.threshold:
        parts.append(f"values below {words.number(layer.threshold)} count as negative")
    return f"Here {words.listed(parts)}; the shape stays {words.values(facts.shape_out)}."


def _leaky(facts: Facts) -> str:
    slope = words.number(facts.layer.negative_slope)
    return f"Here negative values are multiplied by {slope}; {facts.changed}."


def _elu(facts: Facts) -> str:
    return f"Here negative values bend towards -{words.number(facts.layer.alpha)}; {facts.changed}."


def _prelu(facts: Facts) -> str:
    shared = facts.layer.shared_axes
    which = f", shared along axes {words.listed([str(axis) for axis in shared])}" if shared else ""
    return f"Here {words.plural(facts.parameters, 'slope')} are learned{which}; {facts.changed}."


def _softmax(facts: Facts) -> str:
    axis = facts.layer.axis
    along = f"along axis {axis}" if axis != -1 else "along the last axis"
    return f"Here {words.values(facts.shape_out)}, whose values add up to 1 {along}."


TEXTS = {
    "Activation": Text(_ABOUT, _activation),
    "ReLU": Text(
        "ReLU keeps positive values and sets negative ones to 0. It is cheap, and it makes the network more "
        "than one large linear map.",
        _relu,
    ),
    "LeakyReLU": Text(
        "Leaky ReLU keeps positive values and makes negative ones small. Unlike with ReLU, no kernel can "
        "stop "
        "learning for good.",
        _leaky,
    ),
    "PReLU": Text("PReLU is a ReLU that learns by how much negative values are made smaller.", _prelu),
    "ELU": Text("ELU keeps positive values and bends negative ones smoothly towards a limit.", _elu),
    "Softmax": Text(
        "Softmax turns scores into probabilities that add up to 1; the largest score gets the largest one.",
        _softmax,
    ),
}
