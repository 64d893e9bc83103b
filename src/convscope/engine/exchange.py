"""Methods of instances that others stand in for while a training traces them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import keras

from convscope.types import Tensor

Exchange = Callable[[object, str, Callable[..., Tensor]], None]
"""From an instance, the name of a method and a function to nothing: the function, which gets the instance and
the method that it stands in for, is called in its place."""


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
