"""The architecture for volumes: a narrow 3-D residual network with a strided stem."""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.models.heads import softmax

STAGES = 3
_LONG = 1.5
"""An axis is halved where it is at most this many times shorter than the longest one."""
_SHORTEST = 4
"""Positions of an axis that is not halved any more."""


def volume_resnet(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 24,
    depth: int = 1,
    dropout: float = 0.3,
) -> keras.Model:
    """A residual network over voxels that is narrow, and halves the volume before its first block.

    The stem, a convolution of 5x5x5 with stride 2, leaves an eighth of the positions, so that a training
    takes minutes on a few cores. Three stages of residual blocks follow (He et al. 2016, "Deep residual
    learning for image recognition"; Hara, Kataoka and Satoh 2018, "Can spatiotemporal 3D CNNs retrace the
    history of 2D CNNs and ImageNet?"), each with twice the kernels. Where the axes of a volume differ in
    length, the longer ones are halved first, so that no axis is used up before the others.

    Args:
        input_shape: (x, y, z, channels), each side at least 8.
        classes: The number of class names.
        width: Kernels of the stem and the first stage.
        depth: Residual blocks per stage.
        dropout: Share of the last features that is left out in training.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The volume is too small, or a bad option.
    """
    if len(input_shape) != 4 or min(input_shape) < 1:
        raise UsageError(f"volume_resnet takes (x, y, z, channels). Received: input_shape={input_shape}.")
    if min(width, depth) < 1:
        raise UsageError(
            f"volume_resnet needs width and depth of at least 1. Received: width={width}, depth={depth}."
        )
    if max(input_shape[:3]) < 8:
        sides = "x".join(map(str, input_shape[:3]))
        raise UsageError(f"Volumes of {sides} voxels are too small for volume_resnet: expected 8 at least.")
    inputs = keras.Input(input_shape)
    x = _normalized(inputs, width, 5, _halving(inputs), "stem_conv", "stem_norm")
    x = layers.ReLU(name="stem_relu")(x)
    for stage in range(STAGES):
        for block in range(1, depth + 1):
            strides = _halving(x) if stage and block == 1 else (1, 1, 1)
            x = _residual_block(x, width * 2**stage, strides, f"stage{stage + 1}_block{block}")
    x = layers.GlobalAveragePooling3D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, softmax(classes)(x), name="volume_resnet")


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
