"""Layers that join their inputs, and Keras' operations between layers, such as the one behind `x + y`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import keras

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules, taking
from convscope.scope.geometry.sliding import DependencyRule
from convscope.scope.keras_layers.activations import FUNCTIONS, clause
from convscope.scope.layer_spec import LayerSpec, Trait, register, register_operations
from convscope.scope.sizes import CostRule, Shapes, count, einsum, no_multiply_adds

ADDED = (
    "Adds its inputs elementwise. In a residual connection one input is that of the block, so that the block "
    "learns a correction and gradients pass unchanged."
)
MULTIPLIED = "Multiplies its inputs elementwise, often so that one gates or weights the other."
MASKED = "Multiplies by a mask: values at padding become exactly 0, so that later layers do not see it."
JOINS = "Concatenates its inputs, so that later layers see all of them."
_ELEMENTWISE = (
    "Abs Absolute Ceil Celu Clip Cos Elu Erf Exp Expm1 Floor Gelu HardShrink HardSigmoid HardSilu HardTanh "
    "Identity LeakyRelu Log Log1p LogSigmoid Mish Negative Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid "
    "Sign Silu Sin Softplus Softshrink Softsign Sqrt Square StopGradient Tanh Threshold"
)
_MERGING = "Add Average Divide Maximum Minimum Multiply Power Subtract TrueDivide Where"
_REDUCING = "All Amax Amin Tensor Logsumexp Max Mean Min Prod Std Sum Var"
_ACTIVATIONS = {"Relu", "Softmax", "Sigmoid", "Tanh", "Gelu", "Silu"}
_UNKNOWN_COST = ("Conv", "Matmul", "Dot", "Einsum", "Tensordot", "Inner", "Outer", "FFT", "Attention")


def elementwise(done: str) -> Callable[[Facts], str]:
    """Writes what happens to the inputs, such as `added`."""

    def here(facts: Facts) -> str:
        shapes = {shape[1:] for shape in facts.call.input_shapes}
        number = len(facts.call.input_shapes)
        if by_mask(facts):
            smallest = min(facts.call.input_shapes, key=lambda shape: shape[-1] or 0)
            mask = phrasing.values(smallest[1:])
            return f"{phrasing.values(facts.shape_out)} multiplied by a mask of {mask}."
        if len(facts.call.inputs) == 2 and facts.call.inputs[0] is facts.call.inputs[1]:
            return f"{phrasing.values(facts.shape_in)} {done} with itself."
        if number > 1 and len(shapes) == 1:
            counted = phrasing.counted(number, "input")
            return phrasing.sentence(f"{counted} of {phrasing.values(facts.shape_in)} {done}")
        if number == 1:
            return f"Input and a constant or a weight {done}: {facts.changed}."
        return f"{facts.inputs} {done} with broadcasting, giving {facts.outputs}."

    return here


def by_mask(facts: Facts) -> bool:
    """Whether a product is one with a mask."""
    return facts.masked and facts.call.type == "Multiply" and len(facts.call.input_shapes) == 2


def multiplied(facts: Facts) -> str:
    """What a product is for."""
    return MASKED if by_mask(facts) else MULTIPLIED


def joined(facts: Facts) -> str:
    """Inputs side by side."""
    axis = getattr(facts.layer, "axis", -1)
    rank = len(facts.shape_out) + 1
    place = axis % rank if isinstance(axis, int) else rank - 1
    along = "" if rank == 2 else " along the channels" if place == rank - 1 else f" along axis {axis}"
    return f"{facts.inputs} joined{along} into {phrasing.values(facts.shape_out)}."


def _dot(facts: Facts) -> str:
    cosine = ", normalized (cosine similarity)" if facts.layer.normalize else ""
    result = phrasing.values(facts.shape_out)
    return f"Dot product along axes {facts.layer.axes}{cosine}: {facts.inputs} become {result}."


def _dot_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    axis: int = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return count(outputs[0][1:]) * count((inputs[0][axis],))


def _merging(
    name: str, about: str | Callable[[Facts], str], done: str, traits: frozenset[Trait] = frozenset()
) -> LayerSpec:
    return LayerSpec(name, "merging", about, elementwise(done), rules.merge, traits=traits)


register(
    _merging("Add", ADDED, "added", frozenset({"adds"})),
    _merging("Subtract", "Subtracts its second input from the first, elementwise.", "subtracted"),
    _merging("Multiply", multiplied, "multiplied"),
    _merging("Average", "Takes the elementwise mean of its inputs.", "averaged"),
    _merging("Maximum", "Takes the elementwise maximum of its inputs.", "reduced to their maximum"),
    _merging("Minimum", "Takes the elementwise minimum of its inputs.", "reduced to their minimum"),
    LayerSpec(
        "Concatenate",
        "merging",
        JOINS,
        joined,
        rules.concatenate,
        traits=frozenset({"joins", "rearranges"}),
    ),
    LayerSpec(
        "Dot",
        "merging",
        "Takes dot products of vectors of its two inputs, a measure of how similar they are.",
        _dot,
        multiply_adds=_dot_cost,
    ),
)


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
    LayerSpec(
        "Concatenate", "merging", JOINS, joined, rules.concatenate, traits=frozenset({"joins", "rearranges"})
    ),
    *_operations("Flip Roll Split", taking.rearranged),
    _operation("ExpandDims", taking.expanded),
    _operation("GetItem", taking.getitem),
    _operation("Pad", taking.padded),
    _operation("Reshape", rules.reshape),
    _operation("Squeeze", taking.squeezed),
    _operation("Stack", taking.stacked),
    _operation("Take", taking.chosen),
    _operation("Transpose", taking.transposed),
    _operation("Unstack", taking.unstacked),
    otherwise=_operation,
)
