"""A network that finds objects in pictures by their centers, without anchors."""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.models.center_head import center_head
from convscope.models.feature_pyramid import convolved, residual, summed

STRIDES = (4, 8)
"""Pixels of the input between two positions of the outputs."""
SMALLEST_SIDE = 32
LEVELS = (1, 2, 3, 4)
"""Kernels of the levels, which see every 4th, 8th, 16th and 32nd pixel, in units of the width."""
UNIT = 4.0
"""Distances are learned in so many strides."""


def center_net(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 32,
    blocks: int = 1,
    stride: int = 4,
    dropout: float = 0.0,
) -> keras.Model:
    """A residual network whose levels are added up again, with maps of centers and boxes.

    Four levels of residual blocks see every 4th to every 32nd pixel; from the coarsest one upwards they are
    brought to one number of kernels, enlarged and added (Lin et al. 2017, "Feature pyramid networks"). The
    finest of these sums has the outputs of `center_head`.

    Args:
        input_shape: (height, width, channels).
        classes: The number of class names, 1 or more.
        width: Kernels of the finest level; the others have 2, 3 and 4 times as many.
        blocks: Residual blocks of each level.
        stride: Pixels of the input between two positions of the outputs, 4 or 8.
        dropout: Share of the maps of the coarsest level that a training step leaves out.

    Returns:
        A functional model to `[scores, boxes]`, as `center_head` gives them.

    Raises:
        UsageError: A shape that is too small or of another rank, or another stride.
    """
    if len(input_shape) != 3 or any(not side or side < SMALLEST_SIDE for side in input_shape[:2]):
        raise UsageError(
            f"center_net takes (height, width, channels), each side at least {SMALLEST_SIDE}."
            f" Received: input_shape={input_shape}."
        )
    if stride not in STRIDES:
        raise UsageError(f"center_net has a stride of 4 or 8. Received: stride={stride}.")
    x = inputs = keras.Input(input_shape)
    x = convolved(x, max(width // 2, 8), 3, 2, "stem1")
    x = convolved(x, width, 3, 2, "stem2")
    maps = []
    for level, times in enumerate(LEVELS, 1):
        if level > 1:
            x = convolved(x, times * width, 3, 2, f"level{level}_down")
        for block in range(1, blocks + 1):
            x = residual(x, times * width, f"level{level}_{block}")
        maps.append(x)
    if dropout:
        maps[-1] = layers.SpatialDropout2D(dropout, name="dropout")(maps[-1])
    neck = width * 3 // 2
    sums = summed(maps[STRIDES.index(stride) :], neck)
    return keras.Model(inputs, center_head(sums, classes, neck, UNIT * stride), name="center_net")
