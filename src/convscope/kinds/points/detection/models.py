"""The architecture that finds boxes in clouds: pillars to a picture of the ground, then a network over it."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops

from convscope.errors import UsageError
from convscope.kinds.points.detection.targets import CHANNELS, STRIDE
from convscope.kinds.points.layers.pillars import Pillars
from convscope.models.center_head import PRIOR
from convscope.models.feature_pyramid import convolved, residual, summed

LEVELS = (1, 2, 3)
"""Kernels of the levels, which see every 2nd, 4th and 8th cell, in units of the width."""
SMALLEST = 16


def pillar_net(
    input_shape: tuple[int, ...],
    classes: int,
    grid: Sequence[int] = (64, 64),
    cell: float = 0.05,
    width: int = 32,
    blocks: int = 1,
    dropout: float = 0.0,
) -> keras.Model:
    """Points to a picture of the ground, a residual network over it, and maps of centers and boxes.

    The largest values of all points in a column become the channels of a cell (Lang et al. 2019,
    "PointPillars"). Three levels of residual blocks see every 2nd to every 8th cell and are added up again.
    At each position of the finest level stands how likely the middle of an object of each class lies there,
    and where it is, how large and how it is turned (Yin et al. 2021, "Center-based 3D object detection and
    tracking").

    Args:
        input_shape: (points, 3 + features), positions first, about the middle of the grid.
        classes: The number of class names, 1 or more.
        grid: Rows and columns of the picture.
        cell: Side of a cell, in the unit of positions.
        width: Kernels of the finest level; the others have 2 and 3 times as many.
        blocks: Residual blocks of the finest level; the others have one more.
        dropout: Share of the maps of the coarsest level that a training step leaves out.

    Returns:
        A functional model to `[scores, boxes]`: probabilities of shape (batch, rows / 2, columns / 2,
        classes) and what `targets.decoded` reads, (batch, rows / 2, columns / 2, 10), float32.

    Raises:
        UsageError: The shape is not that of clouds, or the grid is too small.
    """
    _check(input_shape, grid, width, blocks)
    inputs = keras.Input(input_shape)
    x = Pillars(width, grid, cell, name="pillars")(inputs)
    maps = []
    for level, times in enumerate(LEVELS, 1):
        x = convolved(x, times * width, 3, 2, f"level{level}_down")
        for block in range(1, blocks + (level > 1) + 1):
            x = residual(x, times * width, f"level{level}_{block}")
        maps.append(x)
    if dropout:
        maps[-1] = layers.SpatialDropout2D(dropout, name="dropout")(maps[-1])
    outputs = space_head(summed(maps, width), classes, width)
    return keras.Model(inputs, outputs, name="pillar_net")


def _check(input_shape: tuple[int, ...], grid: Sequence[int], width: int, blocks: int) -> None:
    """Refuses what cannot be."""
    if len(input_shape) != 2 or (input_shape[1] or 0) < 3 or not input_shape[0]:
        raise UsageError(
            f"pillar_net takes clouds of shape (points, 3 or more channels). Received: {input_shape}."
        )
    if min(grid) < SMALLEST or any(side % STRIDE for side in grid) or width < 1 or blocks < 1:
        raise UsageError(
            f"pillar_net takes a grid of even sides of at least {SMALLEST}, and positive options. Received:"
            f" grid={tuple(grid)}, width={width}, blocks={blocks}."
        )


def space_head(x: keras.KerasTensor, classes: int, width: int) -> list[keras.KerasTensor]:
    """Scores of centers and what boxes are at each position.

    Args:
        x: Maps, shape (batch, rows, columns, channels).
        classes: The number of class names.
        width: Kernels of the convolutions before the outputs.
    """
    mixed = keras.config.dtype_policy().name.startswith("mixed_")
    dtype = "float32" if mixed else None
    bias = keras.initializers.Constant(float(ops.log(PRIOR / (1 - PRIOR))))
    found = []
    for name, units, start, ending in (
        ("scores", classes, bias, "sigmoid"),
        ("boxes", len(CHANNELS), "zeros", None),
    ):
        own = convolved(x, width, 3, 1, f"{name}_before")
        own = layers.Conv2D(
            units,
            1,
            activation=ending,
            bias_initializer=start,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype=dtype,
            name=name,
        )(own)
        found.append(own)
    return found
