"""Architectures for anomalies: how far each part of a frame is from what was to be expected.

Both put out errors and not frames, so that what explains an output explains an anomaly. They are trained to
errors of 0 on normal films.
"""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError

CELL = 4
"""Pixels along each side of the cells over which errors are averaged."""


def frame_forecaster(
    input_shape: tuple[int, ...], width: int = 16, depth: int = 2, cell: int = CELL
) -> keras.Model:
    """A U-Net that forecasts the last frame of a window from those before it.

    Kernels of the first convolution see all frames but the last; what follows are 2-D kernels. The forecast
    is the frame before, plus a change, so that what stands still costs nothing (Liu, Luo, Lian and Gao 2018,
    "Future frame prediction for anomaly detection: a new baseline"; here without optical flow and without an
    adversary).

    Args:
        input_shape: (frames, height, width, channels); sides are multiples of `cell` and of 2 ** depth.
        width: Kernels of the first convolution; deeper ones have twice as many at each level.
        depth: How often sides are halved.
        cell: Pixels along each side of the cells over which errors are averaged.

    Returns:
        A functional model to the mean squared error of each cell, (batch, 1, height / cell, width / cell, 1).

    Raises:
        UsageError: A bad option or shape.
    """
    frames, channels = _checked("frame_forecaster", input_shape, width, depth, cell)
    inputs = keras.Input(input_shape, name="frames")
    past = layers.Cropping3D(((0, 1), (0, 0), (0, 0)), name="past")(inputs)
    x = layers.ZeroPadding3D((0, 1, 1), name="motion_pad")(past)
    x = layers.Conv3D(width, (frames - 1, 3, 3), activation="relu", name="motion_conv")(x)
    beside = []
    for level in range(1, depth + 1):
        beside.append(x)
        x = layers.MaxPooling3D((1, 2, 2), name=f"down{level}_pool")(x)
        x = _conv(x, width * 2**level, f"down{level}_conv")
    for level in range(depth, 0, -1):
        x = layers.UpSampling3D((1, 2, 2), name=f"up{level}_twice")(x)
        x = layers.Concatenate(name=f"up{level}_join")([x, beside.pop()])
        x = _conv(x, width * 2 ** (level - 1), f"up{level}_conv")
    change = layers.Conv3D(channels, 1, kernel_initializer="zeros", name="change")(x)
    last = layers.Cropping3D(((frames - 2, 1), (0, 0), (0, 0)), name="last")(inputs)
    expected = layers.Add(name="expected")([last, change])
    present = layers.Cropping3D(((frames - 1, 0), (0, 0), (0, 0)), name="present")(inputs)
    return _errors(inputs, present, expected, (1, cell, cell), "frame_forecaster")


def change_autoencoder(
    input_shape: tuple[int, ...], width: int = 16, depth: int = 3, code: int = 8, cell: int = CELL
) -> keras.Model:
    """An auto-encoder of the changes from frame to frame, through a code with room for usual ones alone.

    Source: Hasan et al. 2016, "Learning temporal regularity in video sequences"; here of changes instead of
    frames, so that the background is no part of it.

    Args:
        input_shape: (frames, height, width, channels); sides are multiples of `cell` and of 2 ** depth.
        width: Kernels of the first convolution; deeper ones have twice as many at each level.
        depth: How often sides are halved.
        code: Channels of the code.
        cell: Pixels along each side of the cells over which errors are averaged.

    Returns:
        As `frame_forecaster`: the errors of all changes of a window together.

    Raises:
        UsageError: A bad option or shape.
    """
    frames, channels = _checked("change_autoencoder", input_shape, width, depth, cell)
    if code < 1:
        raise UsageError(f"change_autoencoder needs code of at least 1. Received: code={code}.")
    inputs = keras.Input(input_shape, name="frames")
    later = layers.Cropping3D(((1, 0), (0, 0), (0, 0)), name="later")(inputs)
    sooner = layers.Cropping3D(((0, 1), (0, 0), (0, 0)), name="sooner")(inputs)
    x = changes = layers.Subtract(name="changes")([later, sooner])
    for level in range(1, depth + 1):
        x = _conv(x, width * 2 ** (level - 1), f"encode{level}_conv", (3, 3, 3), 2)
    x = layers.Conv3D(code, 1, name="code")(x)
    for level in range(depth, 0, -1):
        x = layers.UpSampling3D((1, 2, 2), name=f"decode{level}_twice")(x)
        x = _conv(x, width * 2 ** (level - 1), f"decode{level}_conv")
    expected = layers.Conv3D(channels, (3, 3, 3), padding="same", name="expected")(x)
    return _errors(inputs, changes, expected, (frames - 1, cell, cell), "change_autoencoder")


def _conv(
    x: keras.KerasTensor, filters: int, name: str, size: tuple[int, ...] = (1, 3, 3), strides: int = 1
) -> keras.KerasTensor:
    return layers.Conv3D(
        filters,
        size,
        strides=(1, strides, strides),
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _errors(
    inputs: keras.KerasTensor,
    found: keras.KerasTensor,
    expected: keras.KerasTensor,
    cell: tuple[int, int, int],
    name: str,
) -> keras.Model:
    """The mean squares of the differences in cells; of colors those of all channels."""
    difference = layers.Subtract(dtype="float32", name="difference")([found, expected])
    squares = layers.Multiply(dtype="float32", name="squares")([difference, difference])
    cells = layers.AveragePooling3D(cell, dtype="float32", name="cells")(squares)
    return keras.Model(inputs, cells, name=name)


def _checked(name: str, input_shape: tuple[int, ...], width: int, depth: int, cell: int) -> tuple[int, int]:
    """Frames and channels of a window."""
    if len(input_shape) != 4 or min(input_shape) < 1 or input_shape[0] < 3:
        raise UsageError(
            f"{name} takes (frames, height, width, channels), at least 3 frames. Received:"
            f" input_shape={input_shape}."
        )
    if min(width, depth, cell) < 1:
        raise UsageError(
            f"{name} needs width, depth and cell of at least 1. Received: width={width}, depth={depth},"
            f" cell={cell}."
        )
    step = max(2**depth, cell)
    if any(side % each for side in input_shape[1:3] for each in (2**depth, cell)):
        sides = "x".join(map(str, input_shape[1:3]))
        raise UsageError(f"{name} takes sides that are multiples of {step}. Received: {sides}.")
    return input_shape[0], input_shape[3]
