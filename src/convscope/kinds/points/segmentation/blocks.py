"""Scenes as blocks of neighboring points, of which a model takes one at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.masks import Mask, object_classes
from convscope.data.splits import Samples, Split
from convscope.errors import UsageError
from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import InputsAsEncoded
from convscope.kinds.points.cloud import AXES, Cloud
from convscope.kinds.points.representation import (
    CloudDescription,
    as_clouds,
    measured_features,
    some_clouds,
)
from convscope.kinds.points.sampling import spread_ranks
from convscope.kinds.points.segmentation.linear import LinearPoints, fit_linear
from convscope.types import Progress, Skipped, no_progress

BLOCK = 1024
"""Points of a block where the user does not say."""
GROUND = "height above ground"
"""The feature that every scene has: how far a point lies above the lowest one nearby."""
MEMORY_LIMIT = 512 * 2**20
"""Scenes that take less than this are kept in memory, in bytes."""
_MOST_CELLS = 2048
_SAMPLED = 20
_TRIED = 4096

Rows = npt.NDArray[np.int64]
Places = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """A cloud in memory as blocks are cut from it.

    Args:
        places: Positions about the mean of the cloud, shape (points, 3), float64.
        features: Standardized, shape (points, features), float32.
        ranks: Of each point in an order of which any first part covers the scene, shape (points,).
    """

    places: Places
    features: npt.NDArray[np.float32]
    ranks: Rows

    @cached_property
    def tree(self) -> Any:
        """By which nearest points are found."""
        from scipy.spatial import cKDTree

        return cKDTree(self.places)

    @property
    def nbytes(self) -> int:
        """About how much memory it takes, the tree included."""
        return 2 * self.places.nbytes + self.features.nbytes + 2 * self.ranks.nbytes

    def block(self, center: Places, points: int) -> Rows:
        """The points nearest to a place, those first that cover them; a small scene repeats its points."""
        _, rows = self.tree.query(center, min(points, len(self.places)))
        rows = np.atleast_1d(rows).astype(np.int64)
        return np.resize(rows[np.argsort(self.ranks[rows], kind="stable")], points)

    def cover(self, points: int) -> list[Rows]:
        """Blocks in which each point lies at least once, around points that cover the scene."""
        order = np.argsort(self.ranks)
        covered = np.zeros(len(order), bool)
        blocks: list[Rows] = []
        for start in range(0, len(order), _TRIED):
            left = order[start : start + _TRIED]
            while len(left := left[~covered[left]]):
                blocks.append(self.block(self.places[left[0]], points))
                covered[blocks[-1]] = True
        return blocks


def above_ground(places: Places, cell: float) -> Places:
    """How far points lie above the lowest one in the square of ground that they are in or one beside it.

    Args:
        places: Shape (points, 3).
        cell: Side of a square.

    Returns:
        Shape (points,).
    """
    from scipy.ndimage import minimum_filter

    ground = places[:, :2] - places[:, :2].min(axis=0)
    side = max(cell, float(ground.max()) / _MOST_CELLS, 1e-30)
    x, y = np.floor(ground / side).astype(np.int64).T
    lowest = np.full((int(x.max()) + 1, int(y.max()) + 1), np.inf)
    np.minimum.at(lowest, (x, y), places[:, 2])
    return np.asarray(places[:, 2] - minimum_filter(lowest, 3, mode="nearest")[x, y], np.float64)


@dataclass(frozen=True)
class SceneRepresentation(InputsAsEncoded, Plain):
    """How blocks of scenes become arrays.

    Args:
        points: Of a block.
        features: Which features besides x, y and z, the last one the height above ground.
        means: Of each feature.
        deviations: Of each feature.
        length: What positions are divided by: the median radius of blocks.
        linear: A classifier without a network, beside which the model is judged.
    """

    _WHAT = "point scene representation"
    _KEPT: ClassVar = {"kind": "points", "task": "segmentation", "version": 1}

    points: Annotated[int, Within(1, 2**20)]
    features: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    length: Annotated[float, Within(1e-30, 1e30)]
    linear: LinearPoints

    def __post_init__(self) -> None:
        given = len(self.features) == len(self.means) == len(self.deviations) > 0
        if not given or min(self.deviations) <= 0:
            raise UsageError("a scene representation takes a mean and a positive deviation for each feature")

    @property
    def shape(self) -> tuple[int, int]:
        """(points, 3 + features), the input shape of a model."""
        return self.points, len(AXES) + len(self.features)

    @property
    def sizes(self) -> dict[str, int]:
        """Nothing but the shape."""
        return {}

    @property
    def in_words(self) -> str:
        """What a block is, for explanations."""
        channels = ", ".join((*AXES, *self.features))
        return (
            f"A block is {self.points} neighboring points with {channels}, about its middle; 1 is"
            f" {self.length:.4g} in the unit of the files."
        )

    def raw(self, cloud: Cloud) -> tuple[Places, Places]:
        """Positions about their mean, and features as they are, float64.

        Raises:
            DataError: The cloud lacks a feature.
        """
        places = cloud.positions - cloud.positions.mean(axis=0)
        height = above_ground(places, 2 * self.length)
        return places, np.column_stack([cloud.only(self.features[:-1]).astype(np.float64), height])

    def scene(self, cloud: Cloud) -> Scene:
        """A cloud from which blocks are cut.

        Raises:
            DataError: It lacks a feature.
        """
        places, values = self.raw(cloud)
        features = ((values - np.array(self.means)) / np.array(self.deviations)).astype(np.float32)
        return Scene(places, features, spread_ranks(places))

    def to_array(self, scene: Scene, rows: Rows) -> npt.NDArray[np.float32]:
        """A block as a model takes it, shape (points, 3 + features)."""
        places = scene.places[rows]
        values = np.empty((len(rows), len(AXES) + len(self.features)), np.float32)
        values[:, :3] = (places - places.mean(axis=0)) / self.length
        values[:, 3:] = scene.features[rows]
        return values

    def middle_of(self, cloud: Cloud) -> Rows:
        """The points of the block in the middle of a scene, as `encode` takes it.

        Raises:
            DataError: It lacks a feature.
        """
        return self.scene(cloud).block(np.zeros(3), self.points)

    def encode(
        self, samples: Samples, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> EncodedBlocks:
        """Blocks as they are, or the block in the middle of each scene.

        Args:
            samples: `SceneBlocks`, or scenes.
            limit_bytes: How much memory scenes may take.
            progress: Is not used.
        """
        return EncodedBlocks(Scenes(self, samples, limit_bytes))

    def describe(self, sample: Cloud) -> CloudDescription:
        """How many points of a block are different ones, and how long 1 is."""
        return CloudDescription(min(self.points, len(sample)), self.length, self.features)

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many blocks of noise, shape (count, points, 3 + features)."""
        return np.random.default_rng(0).normal(0, 0.5, (count, *self.shape)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Scenes:
    """Scenes of which blocks are cut, in memory as far as they fit.

    Args:
        representation: Makes them.
        samples: Clouds, or blocks of clouds.
        limit: How much memory they may take, in bytes.
    """

    representation: SceneRepresentation
    samples: Samples
    limit: int = MEMORY_LIMIT
    _held: OrderedDict[int, Scene] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def of(self, index: int) -> Scene:
        """The scene of a sample.

        Raises:
            DataError: Its file has changed or gone since it was scanned, or lacks a feature.
        """
        with self._lock:
            found = self._held.get(index)
        if found is None:
            found = self.representation.scene(self.samples.load(index))
            with self._lock:
                self._held[index] = found
                while len(self._held) > 1 and sum(each.nbytes for each in self._held.values()) > self.limit:
                    self._held.popitem(last=False)
        return found


@dataclass(frozen=True, eq=False)
class SceneBlocks:
    """Blocks that cover scenes, each as a sample of its own.

    Args:
        samples: The scenes.
        places: The scene of each block, and its points.
        apart: Whether blocks have names of their own; else that of their scene.
    """

    samples: Samples
    places: Sequence[tuple[int, Rows]]
    apart: bool

    @property
    def belongs(self) -> npt.NDArray[np.int64]:
        """The number of the scene of each block, rising, shape (blocks,)."""
        return np.array([index for index, _ in self.places], np.int64)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found and left out."""
        return tuple(getattr(self.samples, "skipped", ()))

    def __len__(self) -> int:
        return len(self.places)

    def load(self, index: int) -> Cloud:
        """The whole scene that a block is of."""
        found: Cloud = self.samples.load(self.places[index][0])
        return found

    def name(self, index: int) -> str:
        """The scene, and the number of the block in it."""
        scene = self.places[index][0]
        name = self.samples.name(scene)
        return f"{name}[{index - int(np.searchsorted(self.belongs, scene))}]" if self.apart else name

    def take(self, indices: npt.NDArray[np.int64]) -> SceneBlocks:
        """Some of the blocks, in that order."""
        return replace(self, places=[self.places[index] for index in indices.tolist()])


@dataclass(frozen=True, eq=False)
class EncodedBlocks:
    """Blocks as a model takes them, cut out when they are asked for."""

    scenes: Scenes

    def __len__(self) -> int:
        return len(self.scenes.samples)

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Some blocks, or the block in the middle of some scenes, shape (some, points, 3 + features)."""
        represent, samples = self.scenes.representation, self.scenes.samples
        made = []
        for index in indices.tolist():
            if isinstance(samples, SceneBlocks):
                at, rows = samples.places[index]
                scene = self._whole.of(at)
            else:
                scene = self.scenes.of(index)
                rows = scene.block(np.zeros(3), represent.points)
            made.append(represent.to_array(scene, rows))
        return np.stack(made)

    @cached_property
    def _whole(self) -> Scenes:
        """The scenes that blocks are of."""
        return replace(self.scenes, samples=self.scenes.samples.samples, _held=OrderedDict())  # type: ignore[attr-defined]


def cut_blocks(representation: SceneRepresentation, samples: Samples, apart: bool) -> SceneBlocks:
    """The blocks of scenes, as `WindowSteps` has it."""
    places = [
        (index, rows)
        for index in range(len(samples))
        for rows in representation.scene(samples.load(index)).cover(representation.points)
    ]
    return SceneBlocks(samples, places, apart)


def label_blocks(
    blocks: SceneBlocks, masks: Sequence[Mask], class_names: Sequence[str]
) -> npt.NDArray[np.int64]:
    """The class that most points of each block have, -1 where none is known, shape (blocks,)."""
    labels, objects = np.full(len(blocks), -1, np.int64), object_classes(class_names)
    at, classes = -1, np.zeros(0, np.uint8)
    for number, (index, rows) in enumerate(blocks.places):
        if index != at:
            at, classes = index, masks[index].load()
        counts = np.bincount(classes[rows], minlength=256)[: len(class_names)]
        wanted = objects if counts[objects].any() else np.arange(len(class_names))
        if counts.any():
            labels[number] = wanted[counts[wanted].argmax()]
    return labels


def fit_representation(
    train: Split, points: int | None = None, attributes: Sequence[str] | None = None
) -> tuple[SceneRepresentation, Sequence[str]]:
    """Chooses features and the length of blocks from the train split, and fits the linear classifier.

    Args:
        train: The train split.
        points: Of a block, where the user chose them.
        attributes: Which features are taken, none where it is empty; all that every scene has by default.

    Raises:
        UsageError: The split is empty, or a feature is asked for that a scene lacks.
    """
    source = as_clouds(train)
    if not len(source):
        raise UsageError("a representation is fitted to at least one scene, received an empty split")
    names, means, deviations, said = measured_features(source, attributes)
    count, features = points or BLOCK, (*names, GROUND)
    length = _radius(some_clouds(source, _SAMPLED), count)
    plain = SceneRepresentation(count, features, (*means, 0.0), (*deviations, 1.0), length, LinearPoints(()))
    heights = np.concatenate([plain.raw(cloud)[1][:, -1] for cloud in some_clouds(source, _SAMPLED)])
    spread = float(heights.std())
    plain = replace(
        plain, means=(*means, float(heights.mean())), deviations=(*deviations, spread if spread > 0 else 1.0)
    )
    rows = np.unique(np.linspace(0, len(source) - 1, _SAMPLED).astype(int)).tolist()
    linear = fit_linear((plain.scene(source.load(row)), train.labels[row].load()) for row in rows)
    lines = (
        f"blocks: {count} neighboring points, {'as given' if points else 'by default'}; positions are"
        f" divided by {length:.4g}, the median radius of blocks, so that sizes are kept",
        f"{said}; and the height above the lowest point within {4 * length:.4g}",
    )
    return replace(plain, linear=linear), lines


def _radius(clouds: Iterator[Cloud], points: int) -> float:
    """The median radius of blocks in the middle of clouds."""
    radii = []
    for cloud in clouds:
        places = cloud.positions - cloud.positions.mean(axis=0)
        far = np.sort(np.square(places - places[len(places) // 2]).sum(axis=1))
        radii.append(float(np.sqrt(far[min(points, len(far)) - 1])))
    return float(np.median([each for each in radii if each > 0] or [1.0]))
