"""Inputs that are mostly zeros, multiplied without these: bags of words of which each node has a few.

A model file takes such inputs as dense arrays. In a training whose steps all take the same batch, their
zeros are known beforehand: the first layers multiply the other values alone, and dropout draws numbers for
these alone. The products are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import keras
import numpy as np

from convscope.engine.device import backend_file
from convscope.engine.exchange import Exchange, exchanged
from convscope.engine.training.batches import Batch
from convscope.layers.sparse_products import MultipliesInputs, SparseRows, multiplied_by
from convscope.types import Array, Tensor

MOST_FILLED = 0.1
"""Share of the values that are not zero, up to which a product without the zeros is faster."""
FEWEST_VALUES = 2**18
"""Values of an input from which it matters."""

SparseProduct = Callable[[Tensor, Tensor], Tensor]
"""From the values of a `SparseRows`, shape (values,), and a kernel (columns, units) to their product (rows,
units); its gradient is one with respect to the kernel."""


def is_mostly_zero(filled: int, size: int) -> bool:
    """Whether a matrix is multiplied without its zeros.

    Args:
        filled: Values that are not zero.
        size: All values.
    """
    return size >= FEWEST_VALUES and filled <= MOST_FILLED * size


@contextmanager
def multiplied_sparsely(model: keras.Model, train: Batch | None, validation: Batch | None) -> Iterator[None]:
    """Within it, layers multiply inputs of the model without their zeros, where that is faster.

    The layers stay what they are; the `call` of their instances is replaced, and restored afterwards.

    Args:
        model: Any Keras model.
        train: What every step of the training takes; None where steps differ, so that nothing is done.
        validation: What every epoch is judged on; an input counts where it is the same as in `train`.
    """
    with exchanged() as exchange:
        for name, values in _constant_inputs(train, validation).items() if not _has_accelerator() else ():
            tensor = next((each for each in model.inputs if each.name == name), None)
            if tensor is not None and _is_sparse(values):
                _exchange_readers(model, tensor, SparseRows.of(values[0]), exchange)
        yield


def _has_accelerator() -> bool:
    return backend_file().accelerator() is not None


def _constant_inputs(train: Batch | None, validation: Batch | None) -> dict[str, Array]:
    """Inputs by name that are the same in every step."""
    if train is None or validation is None:
        return {}
    first, second = train[0], validation[0]
    if not isinstance(first, dict) or not isinstance(second, dict):
        return {}
    return {name: np.asarray(values) for name, values in first.items() if values is second.get(name)}


def _is_sparse(values: Array) -> bool:
    alone = values.ndim == 3 and len(values) == 1 and values.dtype == np.float32
    return alone and is_mostly_zero(int(np.count_nonzero(values)), values.size)


def _exchange_readers(
    model: keras.Model,
    tensor: keras.KerasTensor,
    rows: SparseRows,
    exchange: Exchange,
) -> None:
    """Replaces the calls of all layers that read an input, if these only drop some of it and multiply it."""
    readers = _readers(model, tensor)
    dropping = [
        layer for layer in readers if type(layer) is keras.layers.Dropout and layer.noise_shape is None
    ]
    if dropping and len(readers) > 1:
        return
    multiplying = _readers(model, dropping[0].output) if dropping else readers
    if not multiplying or not all(_only_multiplies(layer, rows.shape[1]) for layer in multiplying):
        return
    multiply = backend_file().sparse_product(rows)
    known = _Values(rows)
    for layer in dropping:
        exchange(layer, "call", known.dropped)
    for layer in multiplying:
        exchange(layer, "call", partial(_multiplied, multiply, known))


def _readers(model: keras.Model, tensor: keras.KerasTensor) -> list[keras.layers.Layer]:
    return [
        layer
        for layer in model.operations
        if any(each is tensor for node in layer._inbound_nodes for each in node.input_tensors)
    ]


def _only_multiplies(layer: keras.layers.Layer, channels: int) -> bool:
    if len(layer._inbound_nodes) != 1 or layer.compute_dtype != "float32":
        return False
    if type(layer) is keras.layers.Dense:
        return not layer.lora_enabled and layer.quantization_mode is None
    return isinstance(layer, MultipliesInputs) and layer.only_multiplies(channels)


class _Values:
    """The values that are not zero, in a step: those of the data, or what dropout has left of them."""

    def __init__(self, rows: SparseRows) -> None:
        self._whole = keras.ops.convert_to_tensor(rows.values)
        self.now = self._whole

    def dropped(
        self, _: object, plain_call: Callable[..., Tensor], inputs: Tensor, training: bool | None = None
    ) -> Tensor:
        """In place of the call of a dropout layer: what it puts out is not read."""
        self.now = plain_call(self._whole, training=training)
        return inputs


def _multiplied(
    multiply: SparseProduct,
    known: _Values,
    layer: keras.layers.Layer,
    plain_call: Callable[..., Tensor],
    inputs: Tensor,
    **options: Tensor,
) -> Tensor:
    """In place of the call of a layer that multiplies."""
    if type(layer) is not keras.layers.Dense:
        with multiplied_by(partial(multiply, known.now)):
            return plain_call(inputs, **options)
    rows = multiply(known.now, keras.ops.convert_to_tensor(layer.kernel))
    rows = rows if layer.bias is None else rows + keras.ops.convert_to_tensor(layer.bias)
    rows = rows if layer.activation is None else layer.activation(rows)
    return rows[None]
