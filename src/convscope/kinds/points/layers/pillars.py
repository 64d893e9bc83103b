"""From points to a picture of the ground: the points above each cell become its channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.points.layers.neighborhoods import in_float32
from convscope.types import Tensor

MORE = 5
"""What a point is told besides its own channels: away from the mean of its pillar, and from its middle."""


@keras.saving.register_keras_serializable("convscope")
class Pillars(keras.layers.Layer):  # type: ignore[misc]
    """Makes a picture of a cloud seen from above, by what all points of a column have in common.

    Each point is told how far it lies from the mean of its pillar, along x, y and z, and from the middle of
    it, along x and y; a kernel brings that to channels, of which the largest over the points of a pillar
    counts.

        y(cell) = max over its points of relu(kernel [x, x - mean, x - middle] + bias), 0 without points

    Source: Lang et al. (2019), "PointPillars: fast encoders for object detection from point clouds", without
    a limit to the points of a pillar or the number of pillars. Points outside of the grid count nowhere.

    Args:
        units: Channels of the picture.
        grid: Rows, of which the first has the largest y, and columns, the first of which has the smallest x;
            the origin of positions is the middle.
        cell: Side of a cell, in the unit of positions.

    Shapes:
        Input (batch, points, 3 + features), positions first; output (batch, rows, columns, units), float32.
    """

    def __init__(self, units: int, grid: Sequence[int], cell: float, **options: object) -> None:
        super().__init__(**in_float32(options))
        rows, columns = (int(each) for each in grid)
        if min(units, rows, columns) < 1 or not cell > 0:
            raise UsageError(
                "Pillars needs at least one unit and one cell, and a positive side of cells. Received:"
                f" units={units}, grid={grid}, cell={cell}."
            )
        self.units, self.grid, self.cell = units, (rows, columns), float(cell)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the kernel."""
        channels = input_shape[-1]
        if channels is None or channels < 3:
            raise UsageError(f"Pillars takes x, y, z and perhaps features. Received: {input_shape}.")
        self.kernel = self.add_weight((channels + MORE, self.units), initializer="he_normal", name="kernel")
        self.bias = self.add_weight((self.units,), initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        """Makes the picture."""
        rows, columns = self.grid
        points = ops.reshape(ops.cast(inputs, "float32"), (-1, inputs.shape[-1]))
        total = ops.shape(points)[0]
        batch = ops.shape(inputs)[0]
        place = self._places(points)
        corner = ops.floor(place)
        limits = ops.convert_to_tensor([float(rows), float(columns)])
        within = ops.all((corner >= 0) & (corner < limits), axis=1)
        known = ops.cast(within, "float32")[:, None]
        points = ops.where(within[:, None], points, 0.0)
        middle = ops.where(within[:, None], place - corner - 0.5, 0.0)
        cells = self._cells(ops.where(within[:, None], corner, 0.0), batch)
        pillar, cell_of = _numbered(cells, within, batch * rows * columns, total)
        mean = _means(points[:, :3] * known, known, pillar, total)
        told = ops.concatenate([self._scaled(points), (points[:, :3] - mean) / self.cell, middle], axis=1)
        answers = ops.relu(ops.matmul(told, self.kernel) + self.bias) * known
        best = ops.maximum(ops.segment_max(answers, pillar, total + 1)[:-1], 0.0)
        picture = ops.segment_sum(best, cell_of, batch * rows * columns)
        return ops.reshape(picture, (-1, rows, columns, self.units))

    def _places(self, points: Tensor) -> Tensor:
        """Row and column of each point with its share of the cell, shape (points, 2)."""
        rows, columns = self.grid
        return ops.stack(
            [rows / 2 - points[:, 1] / self.cell, points[:, 0] / self.cell + columns / 2], axis=1
        )

    def _cells(self, corner: Tensor, batch: Tensor) -> Tensor:
        """The number of the cell of each point among those of the batch, shape (points,), int32."""
        rows, columns = self.grid
        flat = ops.reshape(ops.cast(corner[:, 0] * columns + corner[:, 1], "int32"), (batch, -1))
        start = ops.arange(batch, dtype="int32")[:, None] * (rows * columns)
        return ops.reshape(flat + start, (-1,))

    def _scaled(self, points: Tensor) -> Tensor:
        """Channels of points, x and y from -1 to 1 within the grid, and z in cells."""
        rows, columns = self.grid
        units = [columns * self.cell / 2, rows * self.cell / 2, 4 * self.cell]
        units += [1.0] * (points.shape[-1] - 3)
        return points / ops.convert_to_tensor(units, dtype="float32")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, rows, columns, units)."""
        return (input_shape[0], *self.grid, self.units)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {**super().get_config(), "units": self.units, "grid": self.grid, "cell": self.cell}


def _numbered(cells: Tensor, within: Tensor, size: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """The pillar of each point, numbered without gaps, and the cell of each pillar.

    Sums over pillars are much shorter than over all cells, of which most are empty.

    Args:
        cells: Of each point, shape (points,).
        within: Which points are in a cell, shape (points,).
        size: How many cells there are.
        total: How many points there are, as many pillars as there may be; those outside have this number.
    """
    counts = ops.segment_sum(ops.cast(within, "int32"), cells, size)
    numbers = ops.cumsum(ops.cast(counts > 0, "int32")) - 1
    pillar = ops.where(within, ops.take(numbers, cells, axis=0), total)
    # Every point of a pillar has its cell, so that the mean is exact; no pillar is in cell 0 by default.
    first = ops.segment_max(ops.where(within, cells, 0), pillar, total + 1)[:-1]
    return pillar, ops.maximum(first, 0)


def _means(positions: Tensor, known: Tensor, pillar: Tensor, total: Tensor) -> Tensor:
    """The mean of the pillar of each point, shape (points, 3)."""
    sums = ops.segment_sum(ops.concatenate([positions, known], axis=1), pillar, total + 1)
    means = sums[:, :3] / ops.maximum(sums[:, 3:], 1.0)
    return ops.take(means, pillar, axis=0)
