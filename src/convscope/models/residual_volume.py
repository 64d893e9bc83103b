"""Residual blocks over voxels, after a strided stem: of volumes, and of clouds in cells."""

from __future__ import annotations

import keras
from keras import layers

STAGES = 3
_LONG = 1.5
"""An axis is halved where it is at most this many times shorter than the longest one."""
_SHORTEST = 4
"""Positions of an axis that is not halved any more."""


def residual_volume(x: keras.KerasTensor, width: int, depth: int) -> keras.KerasTensor:
    """A stem of 5x5x5 with stride 2 and stages of residual blocks, to the mean of each channel.

    Args:
        x: Shape (batch, x, y, z, channels).
        width: Kernels of the stem and the first stage; each stage has twice as many.
        depth: Residual blocks per stage.

    Returns:
        Shape (batch, 4 width).
    """
    x = _normalized(x, width, 5, _halving(x), "stem_conv", "stem_norm")
    x = layers.ReLU(name="stem_relu")(x)
    for stage in range(STAGES):
        for block in range(1, depth + 1):
            strides = _halving(x) if stage and block == 1 else (1, 1, 1)
            x = _residual_block(x, width * 2**stage, strides, f"stage{stage + 1}_block{block}")
    return layers.GlobalAveragePooling3D(name="pool")(x)


def _halving(x: keras.KerasTensor) -> tuple[int, ...]:
    """The strides that halve the axes which are not much shorter than the longest one."""
    sides = x.shape[1:4]
    return tuple(2 if side > _SHORTEST and side * _LONG >= max(sides) else 1 for side in sides)


def _residual_block(
    x: keras.KerasTensor, filters: int, strides: tuple[int, ...], name: str
) -> keras.KerasTensor:
    """Two normalized convolutions beside a shortcut, which is averaged and mixed where shapes differ."""
    shortcut = x
    if max(strides) > 1:
        shortcut = layers.AveragePooling3D(strides, padding="same", name=f"{name}_shortcut_pool")(shortcut)
    if x.shape[-1] != filters:
        shortcut = _normalized(shortcut, filters, 1, (1, 1, 1), f"{name}_shortcut", f"{name}_shortcut_norm")
    x = _normalized(x, filters, 3, strides, f"{name}_conv1", f"{name}_norm1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _normalized(x, filters, 3, (1, 1, 1), f"{name}_conv2", f"{name}_norm2")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([shortcut, x]))


def _normalized(
    x: keras.KerasTensor, filters: int, size: int, strides: tuple[int, ...], name: str, norm: str
) -> keras.KerasTensor:
    """Statistics that follow the train split within an epoch, also where it is small."""
    x = layers.Conv3D(
        filters,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(momentum=0.9, name=norm)(x)
