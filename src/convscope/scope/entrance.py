"""What a model does to the values of its input before its first layer with weights takes them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import keras
import numpy as np

from convscope.scope.graph.call_hooks import is_group, name_of, watched
from convscope.scope.graph.model_inputs import symbolic_inputs
from convscope.types import Array, Tensor

_LIGHT = 255.0
_ANY_LENGTH = 64
_TOLERANCE = 0.01
_PASSED = (keras.layers.Normalization, keras.layers.BatchNormalization)
"""Layers whose weights are means and deviations: they scale values."""


@dataclass(frozen=True)
class Entrance:
    """What the first layers make of a value: `factor * value + offset`.

    Args:
        factor: Mean over the channels; 0 where the result does not follow the value at all.
        offset: Mean over the channels.
        names: Layers and operations that scale, in order.
        takes_integers: Whether the input is declared as whole numbers.
    """

    factor: float
    offset: float
    names: tuple[str, ...]
    takes_integers: bool

    @property
    def changes(self) -> bool:
        """Whether values are changed on the way."""
        return abs(self.factor - 1) > _TOLERANCE or abs(self.offset) > _TOLERANCE


class _ArrivedError(Exception):
    """The first layer with weights was reached; nothing behind it is computed."""


def entrance_of(model: keras.Model, number: int = 0) -> Entrance | None:
    """Computes a model on inputs of one value each, as far as its first layer with weights.

    Args:
        model: Any built Keras model; it is left as it was.
        number: Of which of its inputs; the others are 0.

    Returns:
        None where nothing can be found out.

    Example:
        >>> first = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scaling")
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), first, keras.layers.Conv2D(4, 3)])
        >>> entrance_of(model).names
        ('scaling',)
    """
    inputs = list(getattr(model, "inputs", None) or ())
    if number >= len(inputs):
        return None
    integers = "int" in str(inputs[number].dtype)
    x = [_dark(each) for each in inputs]
    x[number][1] = _LIGHT
    arrived, scaling = _arrival(model, x)
    if arrived is None:
        return Entrance(1.0, 0.0, (), integers) if integers else None
    dark, light = (_middle(each) for each in arrived)
    return Entrance((light - dark) / _LIGHT, dark, tuple(dict.fromkeys(scaling)), integers)


def _dark(tensor: keras.KerasTensor) -> Array:
    """Two samples of an input that are 0 throughout."""
    return np.zeros((2, *(length or _ANY_LENGTH for length in tensor.shape[1:])), np.float32)


def _arrival(model: keras.Model, x: Sequence[Array]) -> tuple[Array | None, list[str]]:
    """What the first layer with weights is given for two samples, and what changed values before.

    Of several inputs, layers that are given nothing of the one that differs between the samples are passed.
    """
    found: list[Array] = []
    scaling: list[str] = []

    def before(operation: keras.Operation, inputs: Tensor) -> None:
        has_weights = isinstance(operation, keras.layers.Layer) and operation.weights
        if has_weights and not isinstance(operation, _PASSED) and not is_group(operation):
            tensors = [each for each in keras.tree.flatten(inputs) if keras.ops.is_tensor(each)]
            if len(x) > 1 and not any(map(_differs, tensors)):
                return
            found.extend(keras.ops.convert_to_numpy(each) for each in tensors[:1])
            raise _ArrivedError

    def after(
        path: str, operation: keras.Operation, inputs: Tensor, outputs: Tensor, frames: object
    ) -> Tensor:
        followed = len(x) == 1 or any(map(_differs, keras.tree.flatten(inputs)))
        if followed and not is_group(operation) and _changes(inputs, outputs):
            scaling.append(name_of(operation))
        return outputs

    # A user's own code may fail in any way, and Keras wraps what is raised.
    with suppress(Exception), watched(model, after, before):
        tensors = [keras.ops.convert_to_tensor(each) for each in x]
        structure = symbolic_inputs(model, None)
        model(keras.tree.pack_sequence_as(structure, tensors), training=False)
    whole = found and found[0].shape[:1] == (2,) and found[0].size
    return (found[0] if whole else None), scaling


def _differs(tensor: Tensor) -> bool:
    """Whether two samples of a tensor are not the same."""
    values = keras.ops.convert_to_numpy(tensor) if keras.ops.is_tensor(tensor) else np.zeros(2)
    return bool(values.ndim and np.any(values[:1] != values[1:2]))


def _changes(inputs: Tensor, outputs: Tensor) -> bool:
    """Whether a call makes other values of a light input, at its middle."""
    given = [each for each in keras.tree.flatten(inputs) if keras.ops.is_tensor(each)]
    made = [each for each in keras.tree.flatten(outputs) if keras.ops.is_tensor(each)]
    if len(given) != 1 or len(made) != 1:
        return bool(made)
    pairs = zip(keras.ops.convert_to_numpy(given[0]), keras.ops.convert_to_numpy(made[0]), strict=False)
    return any(abs(_middle(a) - _middle(b)) > _TOLERANCE for a, b in pairs)


def _middle(values: Array) -> float:
    """Mean over the channels in the middle, so that padding at the edges does not count."""
    values = np.asarray(values, np.float64)
    if values.ndim == 3:
        channels = (1, 3)
        first = values.shape[0] in channels and values.shape[-1] not in channels
        values = np.moveaxis(values, 0, -1) if first else values
        rows, columns, _ = values.shape
        return float(values[rows // 2, columns // 2].mean())
    flat = values.reshape(-1)
    return float(flat[flat.size // 2 - flat.size // 4 : flat.size // 2 + flat.size // 4 + 1].mean())
