"""The architecture for volumes: a narrow 3-D residual network with a strided stem."""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.models.heads import softmax
from convscope.models.residual_volume import residual_volume


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
    x = layers.Dropout(dropout, name="dropout")(residual_volume(inputs, width, depth))
    return keras.Model(inputs, softmax(classes)(x), name="volume_resnet")
