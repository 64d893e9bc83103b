"""Clouds in the cells of a grid: which are filled, and what their points have besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.points.layers.neighborhoods import in_float32
from convscope.types import Tensor


@keras.saving.register_keras_serializable("convscope")
class FilledCells(keras.layers.Layer):  # type: ignore[misc]
    r"""Puts the points of a cloud into the cells of a cube from -1 to 1 along each axis.

    A point p fills the eight cells around it, the nearer their middles m the more, by

        w = prod_a max(0, 1 - |p_a - m_a| / s),    s = 2 / cells,

    so that a small move of a point changes little. A cell is as full as all points fill it, and at most 1:
    points that repeat others, as those of a small cloud do, change nothing in a cell that is full. Features
    are the means of the points in a cell by these weights, times how full it is. Points outside of the cube
    are taken to its border.
    Nothing is learned.

    Args:
        cells: Along each axis.

    Shapes:
        Input (batch, points, 3 + features); output (batch, cells, cells, cells, 1 + features).

    Example:
        >>> cloud = keras.ops.array([[[-0.5, 0.5, 0.5]]])
        >>> filled = FilledCells(2)(cloud)
        >>> tuple(filled.shape), float(filled[0, 0, 1, 1, 0]), float(keras.ops.sum(filled))
        ((1, 2, 2, 2, 1), 1.0, 1.0)
    """

    def __init__(self, cells: int, **options: Any) -> None:
        super().__init__(**in_float32(options))
        if cells < 2:
            raise UsageError(f"FilledCells needs two cells along each axis or more. Received: cells={cells}.")
        self.cells = cells

    def call(self, inputs: Tensor) -> Tensor:
        """Fills them."""
        clouds = ops.cast(inputs, "float32")
        size = 2 / self.cells
        middles = (ops.arange(self.cells, dtype="float32") + 0.5) * size - 1
        inside = ops.clip(clouds[..., :3], -1 + size / 2, 1 - size / 2)
        shares = ops.maximum(0.0, 1 - ops.abs(inside[..., None] - middles) / size)
        along_x, along_y, along_z = (shares[:, :, axis] for axis in range(3))
        plane = ops.reshape(
            along_y[..., :, None] * along_z[..., None, :], (-1, clouds.shape[1], self.cells**2)
        )
        filled = self._sums(along_x, plane)
        channels = [ops.minimum(filled, 1.0)]
        for feature in range(3, clouds.shape[-1]):
            sums = self._sums(along_x * clouds[..., feature : feature + 1], plane)
            channels.append(sums / ops.maximum(filled, 1.0))
        return ops.stack(channels, axis=-1)

    def _sums(self, along_x: Tensor, plane: Tensor) -> Tensor:
        """Over the points, (batch, cells, cells, cells)."""
        sums = ops.matmul(ops.transpose(along_x, (0, 2, 1)), plane)
        return ops.reshape(sums, (-1, self.cells, self.cells, self.cells))

    def compute_output_shape(self, input_shape: Sequence[int]) -> tuple[int | None, ...]:
        """(batch, cells, cells, cells, 1 + features)."""
        return (input_shape[0], *(self.cells,) * 3, input_shape[2] - 2)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {**super().get_config(), "cells": self.cells}
