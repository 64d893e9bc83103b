"""A network over the cells that a cloud fills."""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.points.layers.voxels import FilledCells
from convscope.kinds.points.models import check_positive, check_shape
from convscope.models.heads import softmax
from convscope.models.residual_volume import residual_volume

FEWEST, MOST = 8, 128
"""Cells along an axis."""


def voxel_resnet(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 16,
    depth: int = 1,
    resolution: int = 32,
    dropout: float = 0.3,
) -> keras.Model:
    """A 3-D residual network over the cells of a grid that the points of a cloud fill.

    Clouds in cells are what VoxNet sees (Maturana and Scherer 2015, "VoxNet: a 3D convolutional neural
    network for real-time object recognition"); the network over them is that of volumes, `volume_resnet`.
    Unlike those over points it does not depend on how densely a surface was sampled, and cannot see what is
    smaller than a cell.

    Args:
        input_shape: (points, 3 + features), positions first, from -1 to 1.
        classes: The number of class names.
        width: Kernels of the stem and the first stage.
        depth: Residual blocks per stage.
        resolution: Cells along each axis.
        dropout: Share of the last features that is left out in training.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: The shape is not that of clouds, or a bad option.
    """
    check_shape("voxel_resnet", input_shape)
    check_positive("voxel_resnet", width=width, depth=depth)
    if not FEWEST <= resolution <= MOST:
        raise UsageError(f"resolution must be from {FEWEST} to {MOST} cells. Received: {resolution}.")
    inputs = keras.Input(input_shape)
    cells = FilledCells(resolution, name="cells")(inputs)
    x = layers.Dropout(dropout, name="dropout")(residual_volume(cells, width, depth))
    return keras.Model(inputs, softmax(classes)(x), name="voxel_resnet")
