"""Clouds as points about the middle of a grid, and boxes there and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Samples, Split
from convscope.errors import UsageError
from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import InputsAsEncoded
from convscope.kinds.points.cloud import AXES, Cloud
from convscope.kinds.points.detection.average_precision import LEVELS
from convscope.kinds.points.detection.boxes import Floats, SpaceBoxes
from convscope.kinds.points.readers.sources import CloudFacts
from convscope.kinds.points.representation import CloudDescription, as_clouds, measured_features
from convscope.types import Progress, no_progress

GRAIN = 8
"""Sides of grids are multiples of this, so that each level of a network halves them."""
MOST_CELLS = 2**17
MOST_POINTS, POINT_GRAIN = 2**14, 1024
"""Points of a cloud that a model takes where the user does not say."""
CELLS_OF_SMALLEST = 3.75
"""Cells along the side of a box of the class with the smallest ones."""
MEMORY_LIMIT = 2**30
FAR = 1e3
"""Where points lie that only fill up a cloud, in sides of the grid."""
_MARGIN = 0.5
"""Room around the boxes of the train split, in the length of the largest class."""


@dataclass(frozen=True)
class PillarRepresentation(InputsAsEncoded, Plain):
    """Where the grid lies, and what is usual of the boxes of each class.

    Args:
        points: Of each cloud.
        features: Which features besides x, y and z.
        means: Of each feature.
        deviations: Of each feature.
        origin: The middle of the grid on the ground, in the coordinates of clouds.
        centered: Whether each cloud is moved to its own middle first.
        cell: Side of a cell, in the unit of the clouds.
        rows: Cells along y.
        columns: Cells along x.
        class_sides: Usual length, width and height of the boxes of each class.
        class_middles: How high the middles of these boxes usually are above the origin.
    """

    _WHAT = "representation of clouds with boxes"
    _KEPT: ClassVar = {"kind": "points", "task": "detection", "version": 1}

    points: Annotated[int, Within(1, 2**20)]
    features: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    origin: tuple[float, float, float]
    centered: bool
    cell: Annotated[float, Within(1e-30, 1e30)]
    rows: Annotated[int, Within(16, 2**12)]
    columns: Annotated[int, Within(16, 2**12)]
    class_sides: tuple[tuple[float, float, float], ...]
    class_middles: tuple[float, ...]

    def __post_init__(self) -> None:
        told = len(self.features) == len(self.means) == len(self.deviations)
        sides = [side for sides in self.class_sides for side in sides]
        known = len(self.class_sides) == len(self.class_middles) > 0 and min(sides, default=0) > 0
        if not told or not known or min(self.deviations, default=1) <= 0 or self.rows * self.columns > 2**20:
            raise UsageError(
                "a representation of boxes in clouds takes a mean and a positive deviation for each feature,"
                " positive sides for each class, and at most a million cells"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(points, 3 + features), the input shape of a model."""
        return self.points, len(AXES) + len(self.features)

    @property
    def sizes(self) -> dict[str, tuple[int, int] | float]:
        """The grid and the side of a cell."""
        return {"grid": (self.rows, self.columns), "cell": self.cell}

    @property
    def in_words(self) -> str:
        """What a point is, for explanations."""
        channels = ", ".join((*AXES, *self.features))
        sides = f"{self.columns * self.cell:.4g} by {self.rows * self.cell:.4g}"
        return (
            f"A cloud is {self.points} points with {channels} about the middle of a grid of {sides} in the"
            f" unit of the files, with cells of {self.cell:.4g}; too few points are filled up far outside."
        )

    def usual(self, classes: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Sides (boxes, 3) and the height of the middle (boxes,) that boxes of these classes usually have."""
        known = np.minimum(classes, len(self.class_sides) - 1)
        return np.array(self.class_sides)[known], np.array(self.class_middles)[known]

    def place(self, cloud: Cloud) -> Floats:
        """The origin of a cloud, shape (3,)."""
        if not self.centered:
            return np.array(self.origin)
        low, high = cloud.positions.min(axis=0), cloud.positions.max(axis=0)
        return np.asarray(middle_of(low, high) + np.array(self.origin))

    def place_of(self, samples: Samples, index: int) -> Floats:
        """The origin of a sample, shape (3,)."""
        if not self.centered:
            return np.array(self.origin)
        fact: CloudFacts = samples.facts[index]  # type: ignore[attr-defined]
        return np.asarray(_middle_of_facts(fact) + np.array(self.origin))

    def to_grid(self, origin: Floats, boxes: SpaceBoxes) -> SpaceBoxes:
        """Boxes of a cloud about the middle of the grid."""
        values = boxes.values.copy()
        values[:, :3] -= origin
        return boxes.moved(values)

    def from_grid(self, origin: Floats, values: Floats) -> Floats:
        """Boxes about the middle of the grid in the coordinates of a cloud."""
        moved = values.copy()
        moved[:, :3] += origin
        return moved

    def rows_of(self, cloud: Cloud) -> npt.NDArray[np.int64]:
        """The points of a cloud that a model gets: those over the grid, of too many some at random."""
        about = np.abs(cloud.positions[:, :2] - self.place(cloud)[:2])
        half = np.array([self.columns, self.rows]) * self.cell / 2
        over = np.flatnonzero((about < half).all(axis=1)).astype(np.int64)
        if len(over) > self.points:
            over = np.sort(np.random.default_rng(len(over)).choice(over, self.points, replace=False))
        return over

    def to_array(self, cloud: Cloud) -> npt.NDArray[np.float32]:
        """A cloud as it is encoded, shape (points, 3 + features).

        Raises:
            DataError: It lacks a feature.
        """
        rows = self.rows_of(cloud)
        values = np.zeros(self.shape, np.float32)
        values[len(rows) :, :2] = FAR * self.cell * max(self.rows, self.columns)
        values[: len(rows), :3] = cloud.positions[rows] - self.place(cloud)
        if self.features:
            some = cloud.only(self.features)[rows].astype(np.float64)
            values[: len(rows), 3:] = (some - np.array(self.means)) / np.array(self.deviations)
        return values

    def encode(
        self, samples: Samples, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> HeldArrays[np.float32] | LazyArrays[np.float32]:
        """The clouds of a split, in memory where they fit."""
        lazy: LazyArrays[np.float32] = LazyArrays(samples, self.to_array, self.shape, np.float32)
        return lazy.held(limit_bytes, progress, "encoding clouds")

    def describe(self, sample: Cloud) -> CloudDescription:
        """How many points are different ones."""
        return CloudDescription(max(1, len(self.rows_of(sample))), 1.0, self.features, filled=True)

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many clouds of noise over the grid, shape (count, points, 3 + features)."""
        rng = np.random.default_rng(0)
        values = rng.normal(0, 0.5, (count, *self.shape)).astype(np.float32)
        half = np.array([self.columns, self.rows, self.rows / 8]) * self.cell / 2
        values[..., :3] = rng.uniform(-1, 1, (count, self.points, 3)) * half
        return values


def middle_of(low: Floats, high: Floats) -> Floats:
    """The middle of the floor of a cloud, shape (3,)."""
    return np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])


def _middle_of_facts(fact: CloudFacts) -> Floats:
    center, half = np.array(fact.center), np.array(fact.size) / 2
    return middle_of(center - half, center + half)


def fit_representation(
    train: Split,
    points: int | None = None,
    attributes: Sequence[str] | None = None,
    pillar: float | None = None,
) -> tuple[PillarRepresentation, Sequence[str]]:
    """Measures the grid, its cells and the classes by the boxes of the train split.

    Args:
        train: The train split.
        points: Of each cloud, where the user chose them.
        attributes: Which features are taken, none where it is empty; all that every cloud has by default.
        pillar: Side of a cell, where the user chose it.

    Raises:
        UsageError: The split is empty or has no boxes, or a feature is asked for that a cloud lacks.
    """
    source = as_clouds(train)
    every: list[SpaceBoxes] = train.labels.tolist()
    if not len(source) or not any(map(len, every)):
        raise UsageError("a representation of boxes is fitted to at least one cloud with boxes")
    names, means, deviations, said = measured_features(source, attributes)
    facts = source.facts
    centered = not any(_holds_origin(fact.center, fact.size) for fact in facts)
    starts = [np.zeros(3)] * len(every)
    if centered:
        halves = [np.array(fact.size) / 2 for fact in facts]
        starts = [
            middle_of(np.array(f.center) - h, np.array(f.center) + h)
            for f, h in zip(facts, halves, strict=True)
        ]
    values = np.concatenate([_about(each.values, start) for each, start in zip(every, starts, strict=True)])
    classes, learned = np.concatenate([each.classes for each in every]), _learned(every)
    sides = _usual_sides(values, classes)
    side, why = _cell(values[learned], sides, pillar)
    low, high = _range(values[learned], sides)
    rows, columns, side, grown = _grid(high - low, side)
    floor = float(np.median(values[:, 2] - values[:, 5] / 2))
    origin = (float((low[0] + high[0]) / 2), float((low[1] + high[1]) / 2), floor)
    middles = _usual_middles(values, classes, floor)
    counts = np.array([fact.points for fact in facts])
    chosen = points or min(MOST_POINTS, math.ceil(np.quantile(counts, 0.95) / POINT_GRAIN) * POINT_GRAIN)
    made = PillarRepresentation(
        *(int(chosen), names, means, deviations, origin, centered, side, rows, columns),
        tuple(cast(tuple[float, float, float], tuple(each)) for each in sides.tolist()),
        tuple(middles),
    )
    return made, _lines(made, counts, learned, why + grown, given=points is not None, said=said)


def _lines(
    made: PillarRepresentation,
    counts: npt.NDArray[np.int64],
    learned: npt.NDArray[np.bool_],
    why: str,
    *,
    given: bool,
    said: str,
) -> list[str]:
    """What was decided, one line each."""
    wide, high = made.columns * made.cell, made.rows * made.cell
    left = int((~learned).sum())
    told = f"; {left} boxes that are ignored or too difficult to be judged do not count" if left else ""
    moved = ", each cloud about its own middle, because none holds the origin" if made.centered else ""
    sides = "; ".join("x".join(f"{side:.3g}" for side in each) for each in made.class_sides)
    over = int((counts > made.points).sum())
    more = f"; {over} have more, of which those over the grid are taken, or of these some" if over else ""
    most = "the most by default" if made.points == MOST_POINTS else "as most have no more"
    return [
        f"cells: {made.cell:.4g}, {why}; outputs have a position for every second one",
        f"range: x {made.origin[0] - wide / 2:.4g} to {made.origin[0] + wide / 2:.4g}, y"
        f" {made.origin[1] - high / 2:.4g} to {made.origin[1] + high / 2:.4g}, a grid of {made.rows}x"
        f"{made.columns} cells around the boxes of the train split{moved}{told}",
        f"classes: median length, width and height are {sides}",
        f"points: {made.points} of each cloud, {'as given' if given else most}{more}",
        said,
    ]


def _holds_origin(center: Sequence[float], size: Sequence[float]) -> bool:
    """Whether the origin lies in a cloud or not farther beside it than it is large, as a scanner would."""
    pairs = zip(center[:2], size[:2], strict=True)
    return all(abs(middle) <= 1.5 * max(*size[:2], 1e-9) for middle, _ in pairs)


def _about(values: Floats, start: Floats) -> Floats:
    moved = values.copy()
    moved[:, :3] -= start
    return moved


def _learned(every: Sequence[SpaceBoxes]) -> npt.NDArray[np.bool_]:
    """Which of all boxes are judged at some difficulty; all of them where none is."""
    found = np.concatenate([~each.ignored & (each.levels < len(LEVELS)) for each in every])
    return found if found.any() else np.ones(len(found), bool)


def _usual_sides(values: Floats, classes: npt.NDArray[np.int64]) -> Floats:
    """The median length, width and height of each class, those of all boxes where it has none."""
    whole = np.median(values[:, 3:6], axis=0)
    return np.array(
        [
            np.median(values[classes == k, 3:6], axis=0) if (classes == k).any() else whole
            for k in range(int(classes.max()) + 1)
        ]
    )


def _usual_middles(values: Floats, classes: npt.NDArray[np.int64], floor: float) -> list[float]:
    """How high the middles of the boxes of each class usually are above the floor."""
    whole = float(np.median(values[:, 2])) - floor
    return [
        float(np.median(values[classes == k, 2])) - floor if (classes == k).any() else whole
        for k in range(int(classes.max()) + 1)
    ]


def _cell(values: Floats, sides: Floats, given: float | None) -> tuple[float, str]:
    """The side of a cell, and why."""
    if given:
        return given, "as given"
    smallest = float(np.sqrt(sides[:, 0] * sides[:, 1]).min())
    rounded = float(f"{smallest / CELLS_OF_SMALLEST:.2g}")
    return rounded, f"because boxes of the smallest class are about {smallest:.3g} wide"


def _range(values: Floats, sides: Floats) -> tuple[Floats, Floats]:
    """Where middles of boxes lie along x and y, with some room around them."""
    room = _MARGIN * float(sides[:, :2].max())
    return values[:, :2].min(axis=0) - room, values[:, :2].max(axis=0) + room


def _grid(lengths: Floats, side: float) -> tuple[int, int, float, str]:
    """Rows, columns and the side of cells, and what was changed about it."""
    why = ""
    if np.prod(lengths / side) > MOST_CELLS:
        side = float(f"{np.sqrt(np.prod(lengths) / MOST_CELLS):.2g}")
        why = f", made larger so that the grid has about {MOST_CELLS:,} cells"
    columns, rows = (max(2 * GRAIN, math.ceil(float(each) / side / GRAIN) * GRAIN) for each in lengths)
    return rows, columns, side, why
