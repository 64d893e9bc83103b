"""What goes into a model and comes out of it, as symbolic tensors and by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from convscope.errors import UsageError
from convscope.types import ArrayTree

_COUNTED = re.compile(r"(keras_tensor|input_layer)(_\d+)?$")  # names that Keras gives by counting up


def symbolic_inputs(model: keras.Model, inputs: ArrayTree | None) -> keras.KerasTensor:
    """keras.KerasTensor tensors in the structure that the model's `call` takes."""
    if inputs is not None:
        return keras.tree.map_structure(
            lambda array: keras.KerasTensor((None, *np.shape(array)[1:]), _dtype(array)), inputs
        )
    structure = getattr(model, "_inputs_struct", None)
    if getattr(model, "_functional", None) is not None:
        structure = model._functional._inputs_struct
    if structure is not None:
        return keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, x.dtype), structure)
    known = getattr(model, "_build_shapes_dict", None) or {}
    if len(known) == 1:
        return _of_shapes(next(iter(known.values())))
    raise UsageError(
        f"The input shape of the model '{model.name}' is unknown: it was never built.",
        "Give --input-shape (input_shape=...), such as 32x32x3; or an input.",
    )


def knows_its_inputs(model: keras.Model) -> bool:
    """Whether a model says what shape its inputs have."""
    try:
        symbolic_inputs(model, None)
    except UsageError:
        return False
    return True


def _of_shapes(shapes: object) -> keras.KerasTensor:
    if isinstance(shapes, Mapping):
        return {name: _of_shapes(shape) for name, shape in shapes.items()}
    each = list(shapes) if isinstance(shapes, Sequence) else []
    if all(length is None or isinstance(length, int) for length in each):
        return keras.KerasTensor((None, *each[1:]), keras.config.floatx())
    return [_of_shapes(shape) for shape in each]


def _dtype(array: ArrayTree) -> str:
    kind = np.asarray(array).dtype
    return str(kind) if kind.kind in "iub" else keras.config.floatx()


def names_of(
    structure: keras.KerasTensor, declared: Sequence[keras.KerasTensor] | None, word: str
) -> tuple[str, ...]:
    """Names from a dict's keys, the model's own declaration, or by counting."""
    count = len(keras.tree.flatten(structure))
    if isinstance(structure, Mapping):
        return tuple(str(name) for name in sorted(structure))
    if declared and len(declared) == count and not any(_COUNTED.match(x.name) for x in declared):
        return tuple(tensor.name for tensor in declared)
    return (word,) if count == 1 else tuple(f"{word}_{i + 1}" for i in range(count))


def output_names(model: keras.Model, outputs: keras.KerasTensor) -> tuple[str, ...]:
    """Names from a dict's keys, the model's own, or by counting."""
    if isinstance(outputs, Mapping):
        return tuple(str(name) for name in sorted(outputs))
    declared = getattr(model, "output_names", None)
    count = len(keras.tree.flatten(outputs))
    if declared and len(declared) == count:
        return tuple(declared)
    return ("output",) if count == 1 else tuple(f"output_{i + 1}" for i in range(count))
