"""How subjects become model inputs: a pair of registered scans, or the numbers of their last visits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Split
from convscope.errors import DataError, RunError, UsageError
from convscope.json_values import Plain
from convscope.kinds.contract.representation import InputsAsEncoded
from convscope.kinds.volume.progression.change import RANGE
from convscope.kinds.volume.progression.hazards import RESAMPLES
from convscope.kinds.volume.progression.measuring import registered_pair
from convscope.kinds.volume.progression.visit_representation import (
    VisitRepresentation,
    fit_visits,
    subjects_of,
)
from convscope.kinds.volume.progression.visits import Subject, SubjectSamples
from convscope.kinds.volume.representation import MOST_VOXELS, VolumeDescription, in_mm, in_voxels
from convscope.kinds.volume.resampling import fitted, resampled, resampled_shape
from convscope.types import Progress, no_progress

Values = npt.NDArray[np.float32]
_LOOKED_AT = 8
"""Subjects whose scans tell the size of a pair."""
MEMORY_LIMIT = 2**30
"""Pairs that take less than this are kept in memory, in bytes."""


@dataclass(frozen=True)
class PairRepresentation(InputsAsEncoded, Plain):
    """The first and the last scan of a subject, registered, half of the way between them.

    A pair that cannot be registered is empty; what is predicted of it says why.

    Args:
        size: Voxels along x, y and z.
        spacing: Size of a voxel in mm.
        affine: Whether scale and shear are registered.
    """

    _WHAT = "pair representation"
    _KEPT: ClassVar = {"kind": "volume", "version": 1, "task": "change"}

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    affine: bool = True

    def __post_init__(self) -> None:
        if min(self.size) < 1 or min(self.spacing) <= 0:
            raise UsageError(
                f"a pair takes a positive size and spacing, received {self.size} and {self.spacing}"
            )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(x, y, z, 2): the earlier and the later scan."""
        return (*self.size, 2)

    @property
    def sizes(self) -> dict[str, int]:
        """Nothing but the shape."""
        return {}

    @property
    def in_words(self) -> str:
        """What a pair is, for explanations."""
        return (
            f"A voxel is {in_mm(self.spacing)}, along right, anterior and superior, half of the way between"
            " the first and the last scan of a subject; intensities are shares of the range of the first."
        )

    def encode(
        self, samples: SubjectSamples, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> HeldArrays[Any] | LazyArrays[Any]:
        """The pair of each subject.

        Raises:
            DataError: A subject has one scan.
        """
        lazy: LazyArrays[Any] = LazyArrays(samples, self._pair, self.shape, np.float32)
        return lazy.held(limit_bytes, progress, "registering scans")

    def _pair(self, subject: Subject) -> Values:
        _check_pair(subject)
        try:
            _, half = registered_pair(subject, len(subject.visits) - 1, self.affine)
        except DataError:
            return np.zeros(self.shape, np.float32)
        inside = half.first[half.inside]
        low, high = np.quantile(inside, RANGE) if inside.size else (0.0, 1.0)
        both = np.stack([half.first, half.later], axis=-1) - low
        scaled = (both / max(float(high - low), 1e-12)).astype(np.float32)
        return fitted(resampled(scaled, half.spacing.tolist(), self.spacing), self.size, 0.0)

    def describe(self, sample: Subject) -> VolumeDescription:
        """The spacing."""
        return VolumeDescription(self.spacing, oriented=True)

    def example(self, count: int) -> Values:
        """Pairs of noise."""
        return np.random.default_rng(0).random((count, *self.shape), np.float32)


AnyProgression = PairRepresentation | VisitRepresentation
"""Either representation."""


def load_representation(saved: Any) -> AnyProgression:
    """Reads what `to_json` of either representation wrote.

    Raises:
        RunError: It is something else.
    """
    if not isinstance(saved, Mapping):
        raise RunError(f"representation: expected a mapping, received {type(saved).__name__}")
    made = VisitRepresentation if saved.get("task") == "risk" else PairRepresentation
    return made.from_json(saved)


def fit_representation(
    train: Split,
    affine: bool = True,
    period: float = 1.0,
    risk_horizon: float | None = None,
    resamples: int = RESAMPLES,
) -> tuple[AnyProgression, Sequence[str]]:
    """Risk where the data says what is foretold, else change.

    Args:
        train: Subjects.
        affine: Whether scale and shear of scans are registered.
        period: Length of a period in years.
        risk_horizon: Years ahead at which risk is judged; the usual time until it happens by default.
        resamples: Resamples of subjects that intervals are taken from.

    Returns:
        The representation and one line for each choice.

    Raises:
        DataError: There are no numbers to foretell from, or no landmark in train.
    """
    subjects = subjects_of(train.samples)
    if any(visit.event is not None for subject in subjects for visit in subject.visits):
        return fit_visits(subjects, period, risk_horizon, resamples)
    return _fit_pairs(subjects, affine)


def _check_pair(subject: Subject) -> None:
    if len(subject.visits) < 2 or not subject.is_scanned:
        raise DataError(f"{subject.name}: expected scans of two visits or more, received fewer")


def _fit_pairs(subjects: Sequence[Subject], affine: bool) -> tuple[PairRepresentation, list[str]]:
    for subject in subjects:
        _check_pair(subject)
    scans = [subject.scan(0) for subject in subjects[:_LOOKED_AT]]
    first, second, third = np.median([scan.spacing for scan in scans], axis=0).tolist()
    spacing, lines = (first, second, third), []
    shapes = [resampled_shape(scan.shape, scan.spacing, spacing) for scan in scans]
    while math.prod(map(max, zip(*shapes, strict=True))) > MOST_VOXELS:
        spacing = tuple(each * 1.1 if each <= 1.001 * min(spacing) else each for each in spacing)
        shapes = [resampled_shape(scan.shape, scan.spacing, spacing) for scan in scans]
    sides = tuple(max(lengths) for lengths in zip(*shapes, strict=True))
    size = (sides[0], sides[1], sides[2])
    lines.append(
        f"maps: of pairs of {in_voxels(size)} voxels of {in_mm(spacing)}; change maps have the grids of the"
        " first scans"
    )
    how = "rigid, then affine" if affine else "rigid"
    lines.append(
        f"registration: {how}, by mutual information in both directions, averaged; scans meet half-way"
    )
    return PairRepresentation(size, spacing, affine), lines
