"""Methods of instances that others stand in for while a training traces them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol, runtime_checkable

import keras

from convscope.types import Array, Tensor

Exchange = Callable[[object, str, Callable[..., Tensor]], None]
"""From an instance, the name of a method and a function to nothing: the function, which gets the instance and
the method that it stands in for, is called in its place."""
_MAX_POOLING = (keras.layers.MaxPooling2D, keras.layers.MaxPooling3D)


@runtime_checkable
class OnProcessor(Protocol):
    """A layer without trainable weights that a processor computes faster outside of the backend."""

    def on_processor(self, values: Array) -> Array:
        """What `call` gives, to within rounding, without a gradient; safe to call from several threads."""

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of what it gives."""


def stands_first(layer: keras.layers.Layer) -> bool:
    """Whether a layer computes on its own from what is given to a model, so that nothing lies before it."""
    nodes = layer._inbound_nodes
    if layer.trainable_weights or len(nodes) != 1 or not isinstance(layer, OnProcessor):
        return False
    return all(type(node.operation) is keras.layers.InputLayer for node in nodes[0].parent_nodes)


@contextmanager
def exchanged() -> Iterator[Exchange]:
    """Within it, methods of instances can be exchanged; afterwards they are what they were."""
    before: list[tuple[object, str, object]] = []

    def exchange(thing: object, name: str, faster: Callable[..., Tensor]) -> None:
        before.append((thing, name, vars(thing).get(name)))
        setattr(thing, name, partial(faster, thing, getattr(thing, name)))

    try:
        yield exchange
    finally:
        for thing, name, old in reversed(before):
            if old is None:
                delattr(thing, name)
            else:
                setattr(thing, name, old)


def drops_by_bits(layer: keras.layers.Layer) -> bool:
    """Whether a layer drops each value by itself, with a rate that 16 random bits can tell."""
    drops = type(layer) is keras.layers.Dropout and layer.noise_shape is None
    return bool(drops and 0 < round(layer.rate * 2**16) < 2**16)


def bits_for(rate: float) -> int:
    """Random bits for each value: 8 where these tell the rate, 16 where they do not."""
    return 8 if (rate * 2**8).is_integer() else 16


def outreaches(layer: keras.layers.Layer) -> bool:
    """Whether the kernel of a convolution of volumes in bfloat16 is deeper than its input.

    On a CPU, TensorFlow 2.21 reads memory that nothing was written to for the gradient of such a kernel.
    """
    if type(layer) is not keras.layers.Conv3D or layer.compute_dtype != "bfloat16":
        return False
    if not layer._inbound_nodes:
        return False
    axis = 1 if layer.data_format == "channels_last" else 2
    depth, reach = layer.input.shape[axis], (layer.kernel_size[0] - 1) * layer.dilation_rate[0] + 1
    return depth is None or bool(depth < reach)


def rectified_then_pooled(model: keras.Model) -> Iterator[tuple[keras.layers.Layer, keras.layers.Layer]]:
    """Layers that end in a ReLU and whose only reader is a max pooling, with that pooling."""
    given_out = {id(tensor) for tensor in keras.tree.flatten(getattr(model, "outputs", None) or [])}
    for layer in model._flatten_layers(include_self=False):
        readers = layer._outbound_nodes
        if not _rectifies(layer) or len(readers) != 1 or len(layer._inbound_nodes) != 1:
            continue
        pooling = readers[0].operation
        alone = type(pooling) in _MAX_POOLING and len(pooling._inbound_nodes) == 1
        if alone and id(layer.output) not in given_out:
            yield layer, pooling


def _rectifies(layer: keras.layers.Layer) -> bool:
    if type(layer) in (keras.layers.Conv2D, keras.layers.Conv3D):
        return layer.activation is keras.activations.relu
    if type(layer) is keras.layers.ReLU:
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return False
