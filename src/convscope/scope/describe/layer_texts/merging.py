"""Texts for layers and operations that bring several values together."""

from __future__ import annotations

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text

_MASKED = (
    "Multiplied by the mask, values at places of padding become exactly 0, so that no layer behind sees what "
    "a text was filled up with."
)


def _same(verb: str) -> Text:
    unmasked = {
        "added": "Adds its inputs value by value. In a residual connection one of them is the input of the "
        "block: the block then learns only what to change, and gradients pass unhindered.",
        "multiplied": "Multiplies its inputs value by value, often to let one gate or weigh the other.",
        "averaged": "Takes the mean of its inputs, value by value.",
        "subtracted": "Subtracts its second input from the first, value by value.",
    }.get(verb, f"Takes the {verb} of its inputs, value by value.")

    def about(facts: Facts) -> str:
        return _MASKED if _by_mask(facts, verb) else unmasked

    done = verb if verb.endswith("ed") else f"reduced to their {verb}"

    def here(facts: Facts) -> str:
        shapes = {shape[1:] for shape in facts.call.input_shapes}
        number = len(facts.call.input_shapes)
        if _by_mask(facts, verb):
            by = f"a mask of {_mask_shape(facts)}"
            return f"Here the {words.values(facts.shape_out)} values are multiplied by {by}."
        if len(facts.call.inputs) == 2 and facts.call.inputs[0] is facts.call.inputs[1]:
            return f"Here {words.values(facts.shape_in)} is {done} with itself."
        if number > 1 and len(shapes) == 1:
            return f"Here {words.counted(number, 'input')} of {words.values(facts.shape_in)} are {done}."
        if number == 1:
            return (
                f"Here {words.values(facts.shape_in)} and a constant or a weight are {done}: {facts.changed}."
            )
        return (
            f"Here {facts.comes_in} are {done}, smaller ones repeated to fit, which gives {facts.goes_out}."
        )

    return Text(about, here)


def _by_mask(facts: Facts, verb: str) -> bool:
    return facts.masked and verb == "multiplied" and len(facts.call.input_shapes) == 2


def _mask_shape(facts: Facts) -> str:
    return words.values(min(facts.call.input_shapes, key=lambda shape: shape[-1] or 0)[1:])


def _concatenate(facts: Facts) -> str:
    axis = getattr(facts.layer, "axis", -1)
    rank = len(facts.shape_out) + 1
    place = axis % rank if isinstance(axis, int) else rank - 1
    along = "the channels" if place == rank - 1 and rank > 2 else f"axis {axis}"
    if rank == 2:
        return f"Here {facts.comes_in} are joined into {words.values(facts.shape_out)}."
    return f"Here {facts.comes_in} are joined along {along} into {words.values(facts.shape_out)}."


def _dot(facts: Facts) -> str:
    cosine = (
        ", each brought to length 1 first, so it is the cosine of their angle"
        if facts.layer.normalize
        else ""
    )
    return f"Here {facts.comes_in} along axes {facts.layer.axes}{cosine}: {words.values(facts.shape_out)}."


CONCATENATE = Text(
    "Joins its inputs side by side, so that later layers see all of them; nothing is mixed yet.", _concatenate
)


def _energy(facts: Facts) -> str:
    return f"Here {facts.maps_in} of each kind become {facts.maps_out}."


_ENERGY = Text(
    "Joins the answers of kernels that differ by a quarter of a wave into their energy, the root of the sum "
    "of their squares: how much of the wave there is, wherever exactly its crests lie.",
    _energy,
)


def _member_mean(facts: Facts) -> str:
    return f"Here the estimates of {words.counted(facts.channels_in or 0, 'network')} become one."


TEXTS = {
    "Add": _same("added"),
    "Subtract": _same("subtracted"),
    "Multiply": _same("multiplied"),
    "Average": _same("averaged"),
    "MemberMean": Text(
        "Takes the mean of what several small networks estimate. In training how much they differ is added "
        "to the loss, so that each learns as if it were alone: their mistakes then cancel in part.",
        _member_mean,
    ),
    "Maximum": _same("maximum"),
    "Minimum": _same("minimum"),
    "Energy": _ENERGY,
    "Concatenate": CONCATENATE,
    "Dot": Text("Multiplies vectors of its two inputs and sums up: a measure of how alike they are.", _dot),
}
