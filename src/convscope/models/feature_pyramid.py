"""What networks with several levels share: residual blocks, and levels that are added up again."""

from __future__ import annotations

import keras
from keras import layers


def convolved(
    x: keras.KerasTensor, filters: int, size: int, strides: int, name: str, active: bool = True
) -> keras.KerasTensor:
    """A padded convolution, normalized."""
    x = layers.Conv2D(
        filters,
        size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if active else x


def residual(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    """Two normalized convolutions beside a shortcut."""
    own = convolved(x, filters, 3, 1, f"{name}a")
    own = convolved(own, filters, 3, 1, f"{name}b", active=False)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, own]))


def summed(maps: list[keras.KerasTensor], filters: int) -> keras.KerasTensor:
    """The finest level with what all coarser ones add to it, smoothed at each step."""
    total: keras.KerasTensor | None = None
    for number, each in reversed(list(enumerate(maps, 1))):
        own = convolved(each, filters, 1, 1, f"side{number}", active=False)
        if total is not None:
            own = layers.Add(name=f"sum{number}")([own, _enlarged(total, own, f"up{number}")])
        total = convolved(layers.ReLU(name=f"sum{number}_relu")(own), filters, 3, 1, f"smooth{number}")
    return total


def _enlarged(x: keras.KerasTensor, like: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps with as many positions as others; what is enlarged too far is cut off."""
    x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_enlarge")(x)
    more = tuple((0, large - small) for large, small in zip(x.shape[1:3], like.shape[1:3], strict=True))
    return layers.Cropping2D(more, name=f"{name}_crop")(x) if any(behind for _, behind in more) else x
