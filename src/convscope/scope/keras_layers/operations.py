"""Keras' operations between layers, such as the one behind `x + y`."""

from __future__ import annotations

import re
from collections.abc import Iterable

import keras

from convscope.scope.describe import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.geometry.sliding import DependencyRule
from convscope.scope.keras_layers.activations import FUNCTIONS, clause
from convscope.scope.keras_layers.merging import ADDED, JOINS, elementwise, joined, multiplied
from convscope.scope.layer_spec import LayerSpec, register_operations
from convscope.scope.sizes import CostRule, Shapes, count, einsum, no_multiply_adds

_ELEMENTWISE = (
    "Abs Absolute Ceil Celu Clip Cos Elu Erf Exp Expm1 Floor Gelu HardShrink HardSigmoid HardSilu HardTanh "
    "Identity LeakyRelu Log Log1p LogSigmoid Mish Negative Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid "
    "Sign Silu Sin Softplus Softshrink Softsign Sqrt Square StopGradient Tanh Threshold"
)
_MERGING = "Add Average Divide Maximum Minimum Multiply Power Subtract TrueDivide Where"
_REDUCING = "All Amax Amin Tensor Logsumexp Max Mean Min Prod Std Sum Var"

_ABOUT = {
    "Absolute": "Takes absolute values.",
    "Average": "Takes the elementwise mean of its inputs.",
    "Clip": "Clips values to a range.",
    "Divide": "Divides elementwise.",
    "Einsum": "Multiplies and sums along the axes of an einsum equation.",
    "ExpandDims": "Adds an axis of length 1.",
    "GetItem": "Takes a part of its input by index or slice.",
    "Matmul": "Multiplies matrices.",
    "Max": "Takes the maximum.",
    "Maximum": "Takes the elementwise maximum of its inputs.",
    "Mean": "Takes the mean.",
    "Min": "Takes the minimum.",
    "Minimum": "Takes the elementwise minimum of its inputs.",
    "Negative": "Changes the sign of each value.",
    "Norm": "Takes the norm of vectors.",
    "Pad": "Pads its input.",
    "Power": "Raises each value to a power.",
    "Reshape": "Changes the shape and keeps the values.",
    "Split": "Splits its input into parts.",
    "Sqrt": "Takes square roots.",
    "Square": "Squares each value.",
    "Squeeze": "Removes axes of length 1.",
    "Stack": "Stacks its inputs along a new axis.",
    "Subtract": "Subtracts its second input from the first, elementwise.",
    "Sum": "Takes the sum.",
    "Transpose": "Changes the order of the axes.",
    "TrueDivide": "Divides elementwise.",
}
_ACTIVATIONS = {"Relu", "Softmax", "Sigmoid", "Tanh", "Gelu", "Silu"}
_UNKNOWN_COST = ("Conv", "Matmul", "Dot", "Einsum", "Tensordot", "Inner", "Outer", "FFT", "Attention")


def about(name: str) -> str:
    """What an operation does, by the name of its class."""
    function = _snake(name)
    if name in _ABOUT:
        return _ABOUT[name]
    if function in FUNCTIONS:
        return phrasing.sentence(clause(function))
    return f"The Keras operation '{function}' between layers."


def here(facts: Facts) -> str:
    """The shapes that come and go."""
    if len(facts.call.inputs) > 1 or len(facts.call.outputs) > 1:
        return f"{facts.inputs} give {facts.outputs}."
    return phrasing.sentence(facts.changed)


def operation_cost(name: str) -> CostRule | None:
    """What an operation computes, by the name of its class; None where that is not known."""
    known: dict[str, CostRule] = {"Matmul": _matmul, "Einsum": _einsum}
    if name in known:
        return known[name]
    return None if any(part in name for part in _UNKNOWN_COST) else no_multiply_adds


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _matmul(operation: keras.Operation, inputs: Shapes, outputs: Shapes) -> int | None:
    return count(outputs[0][1:]) * count(inputs[0][-1:]) if len(inputs) == 2 else None


def _einsum(operation: keras.Operation, inputs: Shapes, outputs: Shapes) -> int | None:
    return einsum(operation.subscripts, inputs) if len(inputs) == 2 else None


def _operation(name: str, rule: DependencyRule | None = None) -> LayerSpec:
    return LayerSpec(
        name,
        "activation" if name in _ACTIVATIONS else "other",
        about(name),
        here,
        rule,
        operation_cost(name),
        activation=_snake(name) if name in _ACTIVATIONS else "",
    )


def _operations(names: str, rule: DependencyRule) -> Iterable[LayerSpec]:
    return (_operation(name, rule) for name in names.split())


register_operations(
    *_operations(_ELEMENTWISE, rules.pointwise),
    *_operations(_MERGING, rules.merge),
    *_operations(_REDUCING, rules.reduction),
    LayerSpec("Add", "merging", ADDED, elementwise("added"), rules.merge, traits=frozenset({"adds"})),
    LayerSpec("Multiply", "merging", multiplied, elementwise("multiplied"), rules.merge),
    LayerSpec("Concatenate", "merging", JOINS, joined, traits=frozenset({"joins", "rearranges"})),
    otherwise=_operation,
)
