"""Layers that bring several values together."""

from __future__ import annotations

from collections.abc import Callable

import keras

from convscope.scope.describe import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, Trait, register
from convscope.scope.sizes import Shapes, count

ADDED = (
    "Adds its inputs elementwise. In a residual connection one input is that of the block, so that the block "
    "learns a correction and gradients pass unchanged."
)
MULTIPLIED = "Multiplies its inputs elementwise, often so that one gates or weights the other."
MASKED = "Multiplies by a mask: values at padding become exactly 0, so that later layers do not see it."


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


JOINS = "Concatenates its inputs, so that later layers see all of them."


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
