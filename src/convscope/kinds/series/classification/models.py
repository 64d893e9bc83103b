"""Architectures for series: a plain convolutional network, and modules with kernels of several lengths."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.models.ensemble import ensemble_of
from convscope.models.heads import softmax

RESIDUAL_EVERY = 3
"""Inception modules that a shortcut leads over."""
MOMENTUM = 0.9
"""Of the statistics that a normalization keeps: a few series make few steps, in which they must settle."""


def fcn(
    input_shape: tuple[int | None, ...],
    classes: int,
    kernel_sizes: Sequence[int] = (8, 5, 3),
    filters: Sequence[int] = (128, 256, 128),
) -> keras.Model:
    """Three normalized convolutions and the mean of each map over time.

    Each block computes relu(norm(conv(x))) and keeps the length; the mean over all times weighs every moment
    alike, so that the dense layer behind it shows where a class was seen (Wang, Yan and Oates 2017, "Time
    series classification from scratch with deep neural networks: a strong baseline").

    Args:
        input_shape: (length, variables); the length may be None.
        classes: The number of class names.
        kernel_sizes: Times that the kernels of each block look at.
        filters: Kernels of each block.

    Returns:
        A functional model from series, (batch, length, variables) float32, to probabilities (batch, classes).

    Raises:
        UsageError: A bad option.
    """
    sizes, counts = _listed(kernel_sizes), _listed(filters)
    _check("fcn", input_shape, *sizes, *counts)
    if not sizes or len(sizes) != len(counts):
        raise UsageError(
            f"fcn needs as many kernel_sizes as filters. Received: kernel_sizes={sizes}, filters={counts}."
        )
    series = keras.Input(input_shape, name="series")
    x = series
    for number, (size, count) in enumerate(zip(sizes, counts, strict=True), 1):
        x = _convolution(count, size, f"conv{number}")(x)
        x = _normalization(f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(series, softmax(classes)(x), name="fcn")


def inception_time(
    input_shape: tuple[int | None, ...],
    classes: int,
    depth: int = 6,
    kernel_sizes: Sequence[int] = (40, 20, 10),
    filters: int = 32,
    bottleneck: int = 32,
    ensemble: int = 1,
) -> keras.Model:
    """Inception modules, which look at short and long stretches of time at once.

    A module narrows its input to a bottleneck, slides kernels of several lengths over it, puts their maps and
    those of a pooled copy side by side, and computes relu(norm(.)). A shortcut leads over every third module.
    The mean of each map over time is weighed by a dense layer (Ismail Fawaz et al. 2020, "InceptionTime:
    finding AlexNet for time series classification").

    Args:
        input_shape: (length, variables); the length may be None.
        classes: The number of class names.
        depth: Inception modules.
        kernel_sizes: Times that the kernels of each length look at.
        filters: Kernels of each length.
        bottleneck: Maps that a module narrows its input to; 0 leaves it as it is.
        ensemble: Networks that learn beside each other, each from weights of its own, and whose mean is the
            output. The paper takes five.

    Returns:
        A model from series, (batch, length, variables) float32, to probabilities (batch, classes); one of
        several is an `EnsembleModel`.

    Raises:
        UsageError: A bad option.
    """
    _check("inception_time", input_shape, depth, filters, ensemble, *(sizes := _listed(kernel_sizes)))
    if not sizes or len(set(sizes)) < len(sizes) or bottleneck < 0:
        raise UsageError(
            "inception_time needs different kernel_sizes and a bottleneck of at least 0. "
            f"Received: kernel_sizes={sizes}, bottleneck={bottleneck}."
        )
    series = keras.Input(input_shape, name="series")

    def member(prefix: str) -> keras.KerasTensor:
        x = shortcut = series
        for module in range(1, depth + 1):
            x = _inception(x, sizes, filters, bottleneck, f"{prefix}module{module}")
            if module % RESIDUAL_EVERY == 0:
                x = shortcut = _shortcut(shortcut, x, f"{prefix}module{module}")
        return softmax(classes, prefix)(layers.GlobalAveragePooling1D(name=f"{prefix}pool")(x))

    return ensemble_of(series, member, ensemble, "inception_time")


def _inception(
    x: keras.KerasTensor, kernel_sizes: Sequence[int], filters: int, bottleneck: int, name: str
) -> keras.KerasTensor:
    """The maps of kernels of each length beside those of a pooled copy."""
    narrow = x
    if bottleneck and x.shape[-1] > 1:
        narrow = _convolution(bottleneck, 1, f"{name}_bottleneck")(x)
    maps = [_convolution(filters, size, f"{name}_conv{size}")(narrow) for size in kernel_sizes]
    pooled = layers.MaxPooling1D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    maps.append(_convolution(filters, 1, f"{name}_pool_conv")(pooled))
    x = layers.Concatenate(name=f"{name}_joined")(maps)
    x = _normalization(f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _shortcut(before: keras.KerasTensor, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """What came in, brought to as many maps, added to what came out."""
    before = _convolution(x.shape[-1], 1, f"{name}_shortcut")(before)
    before = _normalization(f"{name}_shortcut_norm")(before)
    return layers.ReLU(name=f"{name}_add_relu")(layers.Add(name=f"{name}_add")([before, x]))


def _convolution(filters: int, size: int, name: str) -> keras.layers.Layer:
    """Without a bias, which the normalization behind would take away."""
    return layers.Conv1D(filters, size, padding="same", use_bias=False, name=name)


def _normalization(name: str) -> keras.layers.Layer:
    return layers.BatchNormalization(momentum=MOMENTUM, name=name)


def _listed(sizes: Sequence[int] | int) -> list[int]:
    """Sizes as a list, also a single one."""
    return [sizes] if isinstance(sizes, int) else list(sizes)


def _check(name: str, input_shape: tuple[int | None, ...], *sizes: int) -> None:
    if len(input_shape) != 2 or not input_shape[1] or (input_shape[0] is not None and input_shape[0] < 1):
        raise UsageError(f"{name} takes (length, variables). Received: input_shape={tuple(input_shape)}.")
    if not all(isinstance(size, int) and size >= 1 for size in sizes):
        raise UsageError(f"{name} needs whole sizes and counts of at least 1. Received: {list(sizes)}.")
