"""Architectures for point clouds, to one class for each cloud or for each point."""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.points.layers.neighborhoods import (
    FirstChannels,
    FirstPoints,
    InterpolatePoints,
    NearestPoints,
    PointConv,
    PointPooling,
)
from convscope.models.heads import softmax

STAGES = 4
_FEWEST = 16
"""Points that a stage keeps at least."""


def pointnext_s(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 16,
    depth: int = 1,
    neighborhood: int = 16,
    expansion: int = 4,
    dropout: float = 0.4,
) -> keras.Model:
    """A small PointNeXt: stages of fewer and fewer points, each of which sees the ones around it.

    A stage keeps half of the points, those farthest apart, takes for each the largest response of a kernel to
    the points near it, told relative to its position, and mixes channels in an inverted residual bottleneck
    (Qian et al. 2022, "PointNeXt: revisiting PointNet++ with improved training and scaling strategies"). The
    kernel of a neighborhood is linear in its points, where PointNet++ has two layers, and neighbors are the
    nearest ones whatever their distance.

    Args:
        input_shape: (points, 3 + features), positions first; points in the order of farthest points.
        classes: The number of class names.
        width: Channels before the first stage; each stage has twice as many.
        depth: Bottlenecks of each stage.
        neighborhood: Points of one.
        expansion: How many times as many channels a bottleneck has inside.
        dropout: Share of the last features that is left out in training.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The shape is not that of clouds, or a bad option.
    """
    check_shape("pointnext_s", input_shape)
    check_positive("pointnext_s", width=width, depth=depth, neighborhood=neighborhood, expansion=expansion)
    inputs = keras.Input(input_shape)
    x = normalized(layers.Dense(width, use_bias=False, name="stem_dense")(inputs), "stem")
    positions = FirstChannels(3, name="positions")(inputs)
    for stage in range(1, STAGES + 1):
        name, channels = f"stage{stage}", width * 2**stage
        points = max(min(_FEWEST, positions.shape[1]), positions.shape[1] // 2)
        x, positions = abstraction(x, positions, points, channels, neighborhood, name)
        for block in range(1, depth + 1):
            x = bottleneck(x, channels, expansion, f"{name}_block{block}")
    values = layers.Concatenate(name="head_concat")([positions, x])
    x = normalized(layers.Dense(2 * channels, use_bias=False, name="head_dense")(values), "head")
    x = PointPooling(name="pool")(x)
    x = normalized(layers.Dense(256, use_bias=False, name="dense")(x), "dense")
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, softmax(classes)(x), name="pointnext_s")


def pointnext_unet(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 32,
    depth: int = 1,
    neighborhood: int = 16,
    expansion: int = 2,
    dropout: float = 0.2,
) -> keras.Model:
    """Stages of `pointnext_s` with a way back to all points: a class for each point.

    Each of three stages keeps a quarter of the points and doubles the channels. On the way back the values of
    the few points are interpolated to the many (Qi et al. 2017, "PointNet++") and mixed with those
    that these had before.

    Args:
        input_shape: (points, 3 + features), positions first; any first part of the points covers them all.
        classes: The number of class names.
        width: Channels of the first stage.
        depth: Bottlenecks of each stage.
        neighborhood: Points of a neighborhood.
        expansion: How many times as many channels a bottleneck has inside.
        dropout: Share of the last features of each point that is left out in training.

    Returns:
        A functional model to float32 probabilities of shape (batch, points, classes).

    Raises:
        UsageError: The shape is not that of clouds, or a bad option.
    """
    check_shape("pointnext_unet", input_shape)
    check_positive("pointnext_unet", width=width, depth=depth, neighborhood=neighborhood, expansion=expansion)
    inputs = keras.Input(input_shape)
    positions = FirstChannels(3, name="positions")(inputs)
    near = NearestPoints(neighborhood, name="stem_near")(positions)
    x = PointConv(width, use_bias=False, name="stem_conv")([inputs, near])
    x = normalized(x, "stem")
    levels = [(x, positions)]
    for stage in range(1, 4):
        points = max(min(_FEWEST, positions.shape[1]), positions.shape[1] // 4)
        channels = width * 2**stage
        x, positions = abstraction(x, positions, points, channels, neighborhood, f"stage{stage}")
        for block in range(1, depth + 1):
            x = bottleneck(x, channels, expansion, f"stage{stage}_block{block}")
        levels.append((x, positions))
    for stage in range(2, -1, -1):
        x = way_back((x, positions), levels[stage], width * 2**stage, f"back{stage}")
        positions = levels[stage][1]
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, softmax(classes)(x), name="pointnext_unet")


def way_back(
    few: tuple[keras.KerasTensor, keras.KerasTensor],
    many: tuple[keras.KerasTensor, keras.KerasTensor],
    channels: int,
    name: str,
) -> keras.KerasTensor:
    """Values of few points at many, mixed with those that these had; each with positions behind values."""
    x = InterpolatePoints(3, name=f"{name}_interpolate")([*few, many[1]])
    x = layers.Concatenate(name=f"{name}_concat")([x, many[0]])
    return normalized(layers.Dense(channels, use_bias=False, name=f"{name}_dense")(x), name)


def abstraction(
    x: keras.KerasTensor,
    positions: keras.KerasTensor,
    points: int,
    channels: int,
    neighborhood: int,
    name: str,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Fewer points with more channels, each by the points near it; and where they lie."""
    near = NearestPoints(neighborhood, points, name=f"{name}_near")(positions)
    values = layers.Concatenate(name=f"{name}_concat")([positions, x])
    x = PointConv(channels, use_bias=False, name=f"{name}_conv")([values, near])
    return normalized(x, f"{name}_conv"), FirstPoints(points, name=f"{name}_points")(positions)


def bottleneck(x: keras.KerasTensor, channels: int, expansion: int, name: str) -> keras.KerasTensor:
    """Two dense layers with more channels in between, beside a shortcut."""
    wide = normalized(layers.Dense(channels * expansion, use_bias=False, name=f"{name}_expand")(x), name)
    narrow = layers.Dense(channels, use_bias=False, name=f"{name}_reduce")(wide)
    narrow = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm2")(narrow)
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, narrow]))


def normalized(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Batch normalization whose statistics follow the train split within an epoch, and a ReLU."""
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def pointnet(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """PointNet: each point by itself through dense layers, then the largest value of each channel.

    The points that have a largest value are the critical ones, which alone decide the answer (Qi et al. 2017,
    "PointNet: deep learning on point sets for 3D classification and segmentation"). The two networks that
    align input and features are left out: they cost more than all else and change accuracy little.

    Args:
        input_shape: (points, 3 + features), positions first.
        classes: The number of class names.
        width: Channels of the first layers; the published network has 64.
        dropout: Share of the last features that is left out in training.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The shape is not that of clouds, or a bad option.
    """
    check_shape("pointnet", input_shape)
    check_positive("pointnet", width=width)
    inputs = keras.Input(input_shape)
    x = inputs
    for number, times in enumerate((1, 1, 1, 2, 16), 1):
        x = layers.Dense(width * times, use_bias=False, name=f"point_dense{number}")(x)
        x = normalized(x, f"point{number}")
    x = PointPooling(name="pool")(x)
    for number, times in enumerate((8, 4), 1):
        x = layers.Dense(width * times, use_bias=False, name=f"dense{number}")(x)
        x = normalized(x, f"dense{number}")
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, softmax(classes)(x), name="pointnet")


def dgcnn(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 64,
    neighborhood: int = 20,
    dropout: float = 0.5,
) -> keras.Model:
    """A dynamic graph CNN: neighbors are looked for anew in each layer, among the values that it gets.

    Points far apart become neighbors where they are alike (Wang et al. 2019, "Dynamic graph CNN for learning
    on point clouds").

    Args:
        input_shape: (points, 3 + features), positions first.
        classes: The number of class names.
        width: Channels of the first layers; the published network has 64.
        neighborhood: Points of one.
        dropout: Share of the last features that is left out in training.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The shape is not that of clouds, or a bad option.
    """
    check_shape("dgcnn", input_shape)
    check_positive("dgcnn", width=width, neighborhood=neighborhood)
    inputs = keras.Input(input_shape)
    x, found = inputs, []
    for number, times in enumerate((1, 1, 2, 4), 1):
        where = FirstChannels(3, name="positions")(x) if number == 1 else x
        near = NearestPoints(neighborhood, name=f"edge{number}_near")(where)
        conv = PointConv(width * times, x.shape[-1], own=True, use_bias=False, name=f"edge{number}_conv")
        x = normalized(conv([x, near]), f"edge{number}")
        found.append(x)
    x = layers.Concatenate(name="concat")(found)
    x = normalized(layers.Dense(8 * width, use_bias=False, name="point_dense")(x), "point")
    largest = PointPooling(name="max_pool")(x)
    mean = layers.GlobalAveragePooling1D(name="mean_pool")(x)
    x = layers.Concatenate(name="pools")([largest, mean])
    for number, times in enumerate((8, 4), 1):
        x = normalized(
            layers.Dense(width * times, use_bias=False, name=f"dense{number}")(x), f"dense{number}"
        )
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    return keras.Model(inputs, softmax(classes)(x), name="dgcnn")


def check_shape(architecture: str, shape: tuple[int | None, ...]) -> None:
    """Refuses inputs that are no clouds of a known number of points.

    Raises:
        UsageError: They are none.
    """
    if len(shape) != 2 or None in shape or shape[0] < 2 or shape[1] < 3:  # type: ignore[operator]
        raise UsageError(
            f"{architecture} takes (points, 3 or more channels), at least 2 points. Received:"
            f" input_shape={shape}."
        )


def check_positive(architecture: str, **values: int) -> None:
    """Refuses sizes below 1.

    Raises:
        UsageError: One is.
    """
    if min(values.values()) < 1:
        given = ", ".join(f"{name}={value}" for name, value in values.items())
        raise UsageError(f"{architecture} needs {', '.join(values)} of at least 1. Received: {given}.")
