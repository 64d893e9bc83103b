"""Architectures for images: the two reference classifiers, one for digits, one for accuracy."""

from __future__ import annotations

from typing import Literal

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.models.heads import softmax

MOMENTUM = 0.9
"""Of normalization in residual networks: a training of a few dozen steps ends with statistics of its own."""
MOST_UNSEEN = 0.05
"""Share of the rows or columns that a small architecture may pass over."""

Pooling = Literal["max", "average"]


def compact_cnn(
    input_shape: tuple[int, ...],
    classes: int,
    kernel_size: int = 3,
    depth: int = 3,
    pooling: Pooling = "max",
) -> keras.Model:
    """Three unpadded convolutions, each pooled: 224,263 parameters for 48x48x1 and 7 classes.

    Where the convolutions would pass over more than a twentieth of the rows or columns, such as the last six
    of 28, the image is framed by zeros up to the next size that they see whole.

    Args:
        input_shape: (height, width, channels); each side at least 22 for the default options.
        classes: The number of class names.
        kernel_size: Side of every kernel in pixels of its input.
        depth: The number of convolutions; each has twice the kernels of the one before, from 32.
        pooling: How each 2x2 square is reduced, `max` or `average`.

    Returns:
        A Sequential model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The image shrinks to nothing before the last convolution, or a bad option.
    """
    _check("compact_cnn", input_shape, kernel_size, depth)
    stack: list[keras.layers.Layer] = [keras.Input(input_shape)]
    frame = [_framed(side, kernel_size, depth) - side for side in input_shape[:2]]
    if any(frame):
        margins = tuple((more // 2, more - more // 2) for more in frame)
        stack.append(layers.ZeroPadding2D(margins, name="frame"))
    sides = [side + more for side, more in zip(input_shape[:2], frame, strict=True)]
    for block in range(depth):
        sides = [(side - kernel_size + 1) // 2 for side in sides]
        if min(sides) < 1:
            raise _too_small("compact_cnn", input_shape, f"{depth} unpadded convolutions, each pooled")
        stack += [
            layers.Conv2D(32 * 2**block, kernel_size, activation="relu", name=f"block{block + 1}_conv"),
            _pool(pooling, name=f"block{block + 1}_pool"),
            layers.Dropout(0.4 if block == depth - 1 else 0.25, name=f"block{block + 1}_dropout"),
        ]
    stack += [
        layers.Flatten(name="flatten"),
        layers.Dense(64, activation="relu", name="dense"),
        layers.Dropout(0.5, name="dense_dropout"),
        softmax(classes),
    ]
    return keras.Sequential(stack, name="compact_cnn")


def _framed(side: int, kernel_size: int, depth: int) -> int:
    """The side that an image is framed to, so that unpadded convolutions, each pooled, see it whole."""
    left, unseen = side, 0
    for block in range(depth):
        unseen += (left - kernel_size + 1) % 2 * 2**block
        left = (left - kernel_size + 1) // 2
    if left < 1 or unseen <= side * MOST_UNSEEN:
        return side
    whole = left + 1
    for _ in range(depth):
        whole = 2 * whole + kernel_size - 1
    return whole


def deep_cnn(
    input_shape: tuple[int, ...],
    classes: int,
    kernel_size: int | None = None,
    depth: int = 4,
    pooling: Pooling = "max",
) -> keras.Model:
    """Five padded convolutions in four normalized blocks: 2,726,151 parameters for 48x48x1 and 7 classes.

    Args:
        input_shape: (height, width, channels); each side at least 2 to the power of `depth`.
        classes: The number of class names.
        kernel_size: Side of every kernel; by default 3, but 5 in the second block.
        depth: The number of blocks; those beyond the fourth repeat it.
        pooling: How each 2x2 square is reduced, `max` or `average`.

    Returns:
        A Sequential model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The image is pooled to nothing, or a bad option.
    """
    _check("deep_cnn", input_shape, 3 if kernel_size is None else kernel_size, depth)
    if min(input_shape[:2]) < 2**depth:
        raise _too_small("deep_cnn", input_shape, f"{depth} poolings")
    blocks = [(64, 3), (128, 5), (512, 3), (256, 3)] + [(256, 3)] * max(0, depth - 4)

    def convolution(filters: int, size: int, name: str) -> keras.layers.Layer:
        return layers.Conv2D(filters, kernel_size or size, padding="same", activation="relu", name=name)

    stack: list[keras.layers.Layer] = [keras.Input(input_shape), convolution(32, 3, "block1_conv1")]
    for block, (filters, size) in enumerate(blocks[:depth]):
        name = f"block{block + 1}"
        stack += [
            convolution(filters, size, f"{name}_conv2" if block == 0 else f"{name}_conv"),
            layers.BatchNormalization(name=f"{name}_norm"),
            _pool(pooling, name=f"{name}_pool"),
            layers.Dropout(0.025 if block == 0 else 0.25, name=f"{name}_dropout"),
        ]
    stack += [layers.Flatten(name="flatten")]
    for number, units in enumerate((256, 512), 1):
        stack += [
            layers.Dense(units, activation="relu", name=f"dense{number}"),
            layers.BatchNormalization(name=f"dense{number}_norm"),
            layers.Dropout(0.3, name=f"dense{number}_dropout"),
        ]
    return keras.Sequential([*stack, softmax(classes)], name="deep_cnn")


def padded_cnn(
    input_shape: tuple[int, ...],
    classes: int,
    kernel_size: int = 3,
    depth: int = 2,
    pooling: Pooling = "max",
) -> keras.Model:
    """Convolutions with explicit zero padding, for small images such as digits of 8x8.

    Args:
        input_shape: (height, width, channels); each side at least 2 to the power of `depth`.
        classes: The number of class names.
        kernel_size: Side of every kernel, an odd number so that the padding is even on all sides.
        depth: The number of convolutions; each has twice the kernels of the one before, from 32.
        pooling: How each 2x2 square is reduced, `max` or `average`.

    Returns:
        A Sequential model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The image is pooled to nothing, an even kernel size, or a bad option.
    """
    _check("padded_cnn", input_shape, kernel_size, depth)
    if kernel_size % 2 == 0:
        raise UsageError(f"padded_cnn needs an odd kernel size. Received: kernel_size={kernel_size}.")
    if min(input_shape[:2]) < 2**depth:
        raise _too_small("padded_cnn", input_shape, f"{depth} poolings")
    stack: list[keras.layers.Layer] = [keras.Input(input_shape)]
    for block in range(depth):
        stack += [
            layers.ZeroPadding2D(kernel_size // 2, name=f"block{block + 1}_padding"),
            layers.Conv2D(32 * 2**block, kernel_size, activation="relu", name=f"block{block + 1}_conv"),
            layers.Dropout(0.25, name=f"block{block + 1}_dropout"),
            _pool(pooling, name=f"block{block + 1}_pool"),
        ]
    stack += [layers.Flatten(name="flatten"), softmax(classes)]
    return keras.Sequential(stack, name="padded_cnn")


def residual_cnn(
    input_shape: tuple[int, ...],
    classes: int,
    kernel_size: int = 3,
    depth: int = 1,
    pooling: Pooling = "max",
    width: int = 48,
) -> keras.Model:
    """A residual network made for the best accuracy on small images, without pre-training.

    One convolution looks at the image in full size, then three stages follow, each at half the side and
    with twice the kernels. A block computes relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)) (He et al.
    2016, "Deep residual learning for image recognition"). Sides are halved by pooling behind a stage and
    never by strides, so that no position of a small image is passed over.

    Args:
        input_shape: (height, width, channels), each side at least 8.
        classes: The number of class names.
        kernel_size: Side of every kernel but those of the shortcuts.
        depth: Residual blocks per stage.
        pooling: How each 2x2 square is reduced, `max` or `average`.
        width: Kernels of the first convolution.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The image is too small, or a bad option.
    """
    _check("residual_cnn", input_shape, kernel_size, depth)
    if min(input_shape[:2]) < 8:
        raise _too_small("residual_cnn", input_shape, "three halvings")
    inputs = keras.Input(input_shape)
    x = _normalized_convolution(inputs, width, kernel_size, "stem_conv", "stem_norm")
    x = layers.ReLU(name="stem_relu")(x)
    for stage in range(1, 4):
        x = _pool(pooling, name=f"stage{stage}_pool")(x)
        for block in range(1, depth + 1):
            x = _residual_block(x, width * 2**stage, kernel_size, f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    return keras.Model(inputs, softmax(classes)(x), name="residual_cnn")


def _residual_block(x: keras.KerasTensor, filters: int, kernel_size: int, name: str) -> keras.KerasTensor:
    """Two normalized convolutions beside a shortcut, which is a 1x1 convolution where channels grow."""
    shortcut = x
    if x.shape[-1] != filters:
        shortcut = _normalized_convolution(x, filters, 1, f"{name}_shortcut", f"{name}_shortcut_norm")
    x = _normalized_convolution(x, filters, kernel_size, f"{name}_conv1", f"{name}_norm1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _normalized_convolution(x, filters, kernel_size, f"{name}_conv2", f"{name}_norm2")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([shortcut, x]))


def _normalized_convolution(
    x: keras.KerasTensor, filters: int, size: int, name: str, norm: str
) -> keras.KerasTensor:
    x = layers.Conv2D(
        filters, size, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    return layers.BatchNormalization(momentum=MOMENTUM, name=norm)(x)


def _pool(pooling: Pooling, **options: str) -> keras.layers.Layer:
    choices = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
    if pooling not in choices:
        raise UsageError(f"pooling must be 'max' or 'average'. Received: pooling={pooling!r}.")
    return choices[pooling](2, **options)


def _check(name: str, input_shape: tuple[int, ...], kernel_size: int, depth: int) -> None:
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise UsageError(f"{name} takes (height, width, channels). Received: input_shape={input_shape}.")
    if kernel_size < 1 or depth < 1:
        raise UsageError(
            f"{name} needs kernel_size and depth of at least 1. "
            f"Received: kernel_size={kernel_size}, depth={depth}."
        )


def _too_small(name: str, input_shape: tuple[int, ...], why: str) -> UsageError:
    height, width = input_shape[:2]
    return UsageError(
        f"Images of {height}x{width} are too small for {name}: {why} leave nothing.",
        "Use larger images, a smaller depth or kernel_size, or padded_cnn.",
    )
