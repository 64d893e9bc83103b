"""The architecture of rings."""

from __future__ import annotations

import keras
from keras import layers

from convscope.models.heads import softmax
from convscope_toy.layers import CircularPadding1D


def ring_cnn(input_shape: tuple[int | None, ...], classes: int, width: int = 8) -> keras.Model:
    """Two circular convolutions and the mean around the ring: turning a ring changes no prediction.

    Args:
        input_shape: (positions, channels).
        classes: The number of class names.
        width: Kernels of the first convolution; the second has twice as many.

    Returns:
        An uncompiled model to float32 probabilities of shape (batch, classes).
    """
    stack: list[keras.layers.Layer] = [keras.Input(input_shape)]
    for number, filters in enumerate((width, 2 * width), start=1):
        stack += [
            CircularPadding1D(4, name=f"block{number}_padding"),
            layers.Conv1D(filters, 9, activation="relu", name=f"block{number}_conv"),
        ]
    stack += [layers.GlobalAveragePooling1D(name="pool"), softmax(classes)]
    return keras.Sequential(stack, name="ring_cnn")
