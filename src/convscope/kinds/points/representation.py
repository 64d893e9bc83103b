"""Clouds of any number of points to arrays of one size: points farthest apart, centered, scaled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Split
from convscope.errors import UsageError
from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import InputsAsEncoded, SampleDescription
from convscope.kinds.points.cloud import AXES, Cloud
from convscope.kinds.points.readers.sources import CloudFacts, FileClouds
from convscope.kinds.points.sampling import centered, sampled_rows
from convscope.types import Array, Progress, no_progress

MEMORY_LIMIT = 2**30
"""Encoded clouds that take less than this are kept in memory, in bytes."""
USUAL_POINTS = (128, 256, 512)
"""Points that a model takes where the user does not say: the most that half of the clouds have."""
NORMALS = ("nx", "ny", "nz")
"""Features that are a direction, which are taken as they are, and turned with the cloud."""
_SAMPLED = 200
"""Clouds of the train split that features are measured on."""


@dataclass(frozen=True, eq=False)
class CloudDescription(SampleDescription):
    """What the points of a model's input are.

    Args:
        distinct: How many of them are different ones, the first; the others repeat them, or only fill up.
        unit: The length in the file that 1 stands for; 0 where that is not known.
        features: What the channels behind x, y and z are called.
        labels: The class of each point, where it is known, shape (points,), int64.
        class_names: What these are called.
        filled: Whether the others lie far outside, where they count nowhere.
    """

    distinct: int
    unit: float = 0.0
    features: tuple[str, ...] = ()
    labels: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    filled: bool = False

    def uncounted(self, length: int) -> tuple[int, int]:
        """The points that repeat others."""
        return 0, max(length - self.distinct, 0)

    def joined(self, values: Array, *, added: bool) -> Array:
        """Values of the different points."""
        if self.filled or not added or len(values) <= self.distinct:
            return values[: self.distinct]
        whole = np.zeros(self.distinct, values.dtype)
        np.add.at(whole, np.arange(len(values)) % self.distinct, values)
        return whole


@dataclass(frozen=True)
class CloudRepresentation(InputsAsEncoded, Plain):
    """How clouds become arrays.

    Args:
        points: Of each cloud.
        features: Which features besides x, y and z.
        means: Of each feature.
        deviations: Of each feature.
        length: What positions are divided by; 0: by the radius of each cloud, so that its scale is lost.

    Raises:
        UsageError: A number of points or a deviation is not positive.
    """

    _WHAT = "point cloud representation"
    _KEPT: ClassVar = {"kind": "points", "version": 1}

    points: Annotated[int, Within(1, 2**20)]
    features: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    length: Annotated[float, Within(0, 1e30)]

    def __post_init__(self) -> None:
        if (
            not len(self.features) == len(self.means) == len(self.deviations)
            or min(self.deviations, default=1) <= 0
        ):
            raise UsageError(
                "a point cloud representation takes a mean and a positive deviation for each feature,"
                " received"
                f" {len(self.features)} features, means {self.means} and deviations {self.deviations}"
            )

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
        """What a point is, for explanations."""
        channels = ", ".join((*AXES, *self.features))
        scaled = (
            "1 is the radius of the cloud, whatever its size"
            if not self.length
            else f"1 is {self.length:.4g} in the unit of the files"
        )
        return (
            f"A cloud is {self.points} points with {channels}: those farthest apart come first, so that any"
            " first"
            f" part covers the whole. Positions are about the mean of the cloud; {scaled}."
        )

    def to_array(self, cloud: Cloud) -> npt.NDArray[np.float32]:
        """A cloud as it is encoded, shape (points, 3 + features).

        Raises:
            DataError: It lacks a feature.
        """
        rows, _ = sampled_rows(cloud.positions, self.points)
        about, radius = centered(cloud.positions[rows])
        unit = self.length or radius or 1.0
        values = np.empty(self.shape, np.float32)
        values[:, :3] = about / unit
        if self.features:
            some = cloud.only(self.features)[rows].astype(np.float64)
            values[:, 3:] = (some - np.array(self.means)) / np.array(self.deviations)
        return values

    def encode(
        self, samples: FileClouds, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> HeldArrays[np.float32] | LazyArrays[np.float32]:
        """The clouds of a split, in memory where they fit.

        Args:
            samples: The clouds.
            limit_bytes: How much memory they may take.
            progress: Receives the number of clouds encoded.

        Raises:
            DataError: A file has changed or gone since it was scanned, or lacks a feature.
        """
        lazy: LazyArrays[np.float32] = LazyArrays(samples, self.to_array, self.shape, np.float32)
        return lazy.held(limit_bytes, progress, "encoding clouds")

    def describe(self, sample: Cloud) -> CloudDescription:
        """How many points are different ones, and how long 1 is."""
        rows, distinct = sampled_rows(sample.positions, self.points)
        unit = self.length or centered(sample.positions[rows])[1]
        return CloudDescription(distinct, unit, self.features)

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many clouds of noise, shape (count, points, 3 + features)."""
        return np.random.default_rng(0).normal(0, 0.5, (count, *self.shape)).astype(np.float32)


def fit_representation(
    train: Split,
    points: int | None = None,
    keep_scale: bool = False,
    attributes: Sequence[str] | None = None,
) -> tuple[CloudRepresentation, Sequence[str]]:
    """Chooses the number of points, the scale and the features from the train split.

    Args:
        train: The train split.
        points: Of each cloud, where the user chose them.
        keep_scale: Whether all clouds are divided by one length, so that large ones stay large.
        attributes: Which features are taken, none where it is empty; all that every cloud has by default.

    Returns:
        The representation, and one line for each choice with its reason.

    Raises:
        UsageError: The split is empty, or a feature is asked for that a cloud lacks.
    """
    source = as_clouds(train)
    if not len(source):
        raise UsageError("a representation is fitted to at least one cloud, received an empty split")
    distinct = np.array([fact.distinct for fact in source.facts])
    chosen = points or int(
        max((each for each in USUAL_POINTS if each <= np.median(distinct)), default=USUAL_POINTS[0])
    )
    few = int((distinct < chosen).sum())
    lines = [
        f"points: {chosen} of each cloud, {'as given' if points else 'by the median'}, those farthest"
        " apart; train"
        f" clouds have {distinct.min():,} to {distinct.max():,} (median {int(np.median(distinct)):,})"
        + (f", {few} of them fewer, which repeat points" if few else "")
    ]
    names, means, deviations, said = measured_features(source, attributes)
    length = 0.0
    if keep_scale:
        radii = [centered(cloud.positions)[1] for cloud in some_clouds(source)]
        length = float(np.median([radius for radius in radii if radius > 0] or [1.0]))
        lines.append(f"scale: kept; positions are divided by {length:.4g}, the median radius of train clouds")
    else:
        lines.append("scale: each cloud is divided by its own radius; --keep-scale keeps what is large large")
    return CloudRepresentation(chosen, names, means, deviations, length), (*lines, said)


def some_clouds(source: FileClouds, most: int = _SAMPLED) -> Iterator[Cloud]:
    """Clouds that all are measured by, read one after another."""
    for row in np.unique(np.linspace(0, len(source) - 1, most).astype(int)).tolist():
        yield source.load(row)


def measured_features(
    source: FileClouds, asked: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...], str]:
    """Which features a model gets, the mean and deviation of each, and why.

    Args:
        source: The train clouds.
        asked: What the user asked for; without it, features that are the same everywhere are left out.

    Raises:
        UsageError: A cloud lacks one that is asked for.
    """
    names, said = chosen_features([fact.names for fact in source.facts], asked)
    if not names:
        return (), (), (), said
    values = np.concatenate([cloud.only(names) for cloud in some_clouds(source)]).astype(np.float64)
    varied = np.ptp(values, axis=0) > 0
    if asked is None and not varied.all():
        same = ", ".join(name for name, each in zip(names, varied, strict=True) if not each)
        names = tuple(name for name, each in zip(names, varied, strict=True) if each)
        values = values[:, varied]
        said += f"; left out, because they are the same everywhere: {same}"
    return names, *standard(values, names), said


def as_clouds(split: Split) -> FileClouds:
    """The samples of a split as clouds, of which facts are known.

    Raises:
        UsageError: They are something else.
    """
    if not hasattr(split.samples, "facts"):
        raise UsageError(f"expected a split of clouds, received one of {type(split.samples).__name__}")
    return cast(FileClouds, split.samples)


def chosen_features(
    named: Sequence[tuple[str, ...]], asked: Sequence[str] | None
) -> tuple[tuple[str, ...], str]:
    """Which features a model gets, normals first, and why.

    Args:
        named: The features of each cloud.
        asked: What the user asked for.

    Raises:
        UsageError: A cloud lacks one that is asked for.
    """
    every = list(dict.fromkeys(name for names in named for name in names))
    common = [name for name in every if all(name in names for names in named)]
    if asked is not None:
        missing = [name for name in asked if name not in common]
        if missing:
            raise UsageError(
                f"attributes must be of all train clouds. Received: attributes={','.join(asked)}.",
                f"All have {', '.join(common) or 'none'}.",
            )
        common, why = list(asked), "as given"
    else:
        why = "which all train clouds have"
    normals = [name for name in NORMALS if all(each in common for each in NORMALS)]
    names = (*normals, *(name for name in common if name not in normals))
    left = [name for name in every if name not in names]
    said = (
        f"features: x, y, z and {', '.join(names)}, {why}" if names else f"features: x, y and z alone, {why}"
    )
    lacking = (
        f"; not used: {', '.join(left)}" + ("" if asked is not None else ", which some lack") if left else ""
    )
    return names, said + lacking


def standard(
    values: npt.NDArray[np.float64], names: Sequence[str]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each feature over all points; 0 and 1 of normals."""
    if not names:
        return (), ()
    means, deviations = values.mean(axis=0), values.std(axis=0)
    deviations = np.where(deviations > 1e-9 * np.abs(means) + 1e-30, deviations, 1.0)
    as_is = np.array([name in NORMALS and set(NORMALS) <= set(names) for name in names])
    means, deviations = np.where(as_is, 0, means), np.where(as_is, 1, deviations)
    return tuple(means.tolist()), tuple(deviations.tolist())


def facts_of(split: Split) -> Sequence[CloudFacts]:
    """What is known of the clouds of a split."""
    return as_clouds(split).facts
