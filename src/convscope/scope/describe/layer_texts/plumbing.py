"""Texts for layers that carry, hide or enclose, for operations between layers, and for what is unknown."""

from __future__ import annotations

import re

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts import merging
from convscope.scope.describe.layer_texts.activations import phrase
from convscope.scope.describe.layer_texts.facts import Facts, Text


def _changed(facts: Facts) -> str:
    return f"Here {facts.changed}."


def _masking(facts: Facts) -> str:
    return (
        f"Here steps whose values are all {words.number(float(facts.layer.mask_value))} are skipped; "
        f"{facts.changed}."
    )


def _foreign(facts: Facts) -> str:
    held = f" It holds {words.plural(facts.parameters, 'parameter')}." if facts.parameters else ""
    return f"Here {facts.changed}.{held}"


def _model(facts: Facts) -> str:
    inside = [f"{number} {kind}" for kind, number in facts.inner]
    more = f" and others ({len(inside)} kinds in all)" if len(inside) > 4 else ""
    listed = ", ".join(inside[:4]) + more if more else words.listed(inside)
    of = f" It holds {listed}." if inside else ""
    takes = f"{facts.comes_in} {'comes' if len(facts.call.inputs) == 1 else 'come'} in"
    return f"Here {takes}, {facts.goes_out} out.{of}"


def _unknown(facts: Facts) -> str:
    held = (
        f"It holds {words.plural(facts.parameters, 'parameter')}"
        if facts.parameters
        else "It holds no parameters"
    )
    return f"{held}. Here {facts.comes_in} {_comes(facts)} in and {facts.goes_out} {_goes(facts)} out."


def _comes(facts: Facts) -> str:
    several = len(facts.call.inputs) > 1 or len(facts.shape_in) == 1
    return "come" if several else "comes"


def _goes(facts: Facts) -> str:
    several = len(facts.call.outputs) > 1 or len(facts.shape_out) == 1
    return "go" if several else "goes"


def unknown(facts: Facts) -> Text:
    """The text for a layer that is not one of Keras: what can be seen from outside."""
    return Text(
        f"{facts.call.type} is not a layer of Keras; what it computes cannot be told from outside.",
        _unknown,
    )


def group(facts: Facts) -> Text:
    """The text for a nested model, or a layer made of other layers."""
    if type(facts.layer).__module__.startswith("keras."):
        return Text("A model used as a layer: its own layers are listed before it.", _model)
    return Text(f"{facts.call.type} is made of other layers, which are listed before it.", _model)


_OPERATIONS = {
    "GetItem": "Takes a part of its input by index or slice",
    "Reshape": "Arranges the same values into another shape",
    "Transpose": "Changes the order of the axes",
    "ExpandDims": "Adds an axis of length 1",
    "Squeeze": "Removes axes of length 1",
    "Mean": "Takes the mean",
    "Sum": "Takes the sum",
    "Max": "Takes the largest value",
    "Min": "Takes the smallest value",
    "Divide": "Divides, value by value",
    "TrueDivide": "Divides, value by value",
    "Power": "Raises each value to a power",
    "Square": "Squares each value",
    "Sqrt": "Takes the square root of each value",
    "Negative": "Changes the sign of each value",
    "Absolute": "Takes the absolute value of each value",
    "Matmul": "Multiplies matrices",
    "Einsum": "Multiplies and sums along axes given by a formula",
    "Stack": "Puts its inputs on top of each other along a new axis",
    "Split": "Cuts its input into pieces",
    "Pad": "Puts a border around its input",
    "Clip": "Cuts off values below or above a limit",
    "Norm": "Takes the length of vectors",
}


def operation(facts: Facts) -> Text:
    """The text for an operation between layers, such as the one behind `x + y`."""
    name = facts.call.type
    if name in merging.TEXTS and name != "Dot":
        return merging.TEXTS[name]
    activation = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    said = _OPERATIONS.get(name)
    if said is None:
        clause = phrase(activation)
        said = (
            clause
            if not clause.startswith("the function")
            else f"The Keras operation '{activation}' between layers"
        )

    def here(facts: Facts) -> str:
        if len(facts.call.inputs) > 1 or len(facts.call.outputs) > 1:
            return f"Here {facts.comes_in} give {facts.goes_out}."
        return f"Here {facts.changed}."

    return Text(words.sentence(said), here)


TEXTS = {
    "InputLayer": Text(
        "The place where data comes in; nothing is computed.", lambda facts: f"Here {facts.goes_out}."
    ),
    "Identity": Text("Passes its input on unchanged.", _changed),
    "Lambda": Text(
        "Runs a piece of the user's own code; what it computes cannot be told from outside.", _foreign
    ),
    "Masking": Text(
        "Marks steps to be skipped, so that sequences of different lengths fit in one batch.", _masking
    ),
    "JaxLayer": Text(
        "Runs a function written with JAX; what it computes cannot be told from outside.", _foreign
    ),
    "FlaxLayer": Text(
        "Runs a module written with Flax; what it computes cannot be told from outside.", _foreign
    ),
    "TorchModuleWrapper": Text(
        "Runs a module written with PyTorch; what it computes cannot be told from outside.", _foreign
    ),
    "TFSMLayer": Text(
        "Runs a model saved by TensorFlow; what it computes cannot be told from outside.", _foreign
    ),
    "LayerScale": Text(
        "Multiplies each channel by a learned factor that starts near 0, so that a residual branch begins "
        "softly.",
        _changed,
    ),
    "StochasticDepth": Text(
        "Skips its residual branch for whole batches at random while training; later it passes its input on.",
        lambda facts: f"Here with rate {words.number(float(facts.layer.drop_path_rate))}; {facts.changed}.",
    ),
}
