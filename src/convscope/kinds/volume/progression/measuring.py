"""What changed from visit to visit of a subject: scans registered, maps drawn, structures measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from convscope.errors import DataError
from convscope.kinds.volume.progression.change import Halfway, change_map, growth, halfway, on_one_scale
from convscope.kinds.volume.progression.course import LIMIT, Category, Thresholds, YearlyRate, rate_of
from convscope.kinds.volume.progression.diameters import bidimensional
from convscope.kinds.volume.progression.registration import Alignment, Values, align
from convscope.kinds.volume.progression.visits import Subject
from convscope.kinds.volume.volume import Affine, Volume
from convscope.types import Progress

By = Literal["auto", "masks", "registration"]
Mask = npt.NDArray[np.uint8]
MaskOf = Callable[[Subject, int], "Mask | None"]
ML = 1000.0
"""Cubic millimeters of a milliliter."""
MOVED, TURNED = 2.0, 3.0
"""How far a scan is moved and turned at most, in mm and degrees."""
KEPT_PAIRS = 2
"""Registered pairs of scans that are kept in memory."""


@dataclass(frozen=True, eq=False)
class StructureCourse:
    """How the volume of one structure goes on.

    Args:
        name: Of the structure.
        ml: Its volume at each visit, shape (visits,), NaN where it is not known.
        by: What measured it: `masks` or `registration`.
        limit: Percent of change that 95 % of differences without a change are below; None where not known.
        products: Of perpendicular diameters at each visit in square mm, shape (visits,), NaN where they are
            not measured.
    """

    name: str
    ml: npt.NDArray[np.float64]
    by: str
    limit: float | None
    products: npt.NDArray[np.float64]

    def percent(self, at: int) -> float:
        """Change since the first visit."""
        return float(100 * (self.ml[at] / self.ml[0] - 1)) if self.ml[0] > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class VisitChange:
    """What changed from the first visit to a later one.

    Args:
        alignment: How the scans lie to one another.
        map: Later minus earlier on the grid of the first scan, shape (x, y, z), in shares of its range.
    """

    alignment: Alignment
    map: Values


@dataclass(frozen=True, eq=False)
class SubjectChange:
    """What was measured of a subject.

    Args:
        subject: With its visits.
        changes: Of each visit behind the first; None where it could not be registered.
        structures: Their courses.
        problems: Why a visit could not be registered, by its number.
        files: Change maps that were written, by the number of the visit.
    """

    subject: Subject
    changes: tuple[VisitChange | None, ...]
    structures: tuple[StructureCourse, ...]
    problems: Mapping[int, str] = field(default_factory=dict)
    files: Mapping[int, str] = field(default_factory=dict)

    def rate(self, structure: StructureCourse, at: int, repeat_error: float | None) -> YearlyRate | None:
        """How fast a structure changed up to a visit; None where times are not known."""
        years = self.subject.years
        if years is None:
            return None
        return rate_of(years[: at + 1], structure.ml[: at + 1], repeat_error)

    def category(self, structure: StructureCourse, at: int, thresholds: Thresholds) -> Category:
        """The category of a structure at a visit."""
        compared = structure.products if thresholds.criterion == "diameters" else structure.ml
        return thresholds.category(compared[: at + 1].tolist())


@dataclass(frozen=True, eq=False)
class Measurer:
    """Measures subjects.

    Args:
        by: What measures volumes: masks of all visits, or registration with a mask of the first; `auto` takes
            masks where all visits have one.
        names: Of the values of masks, from 1; values beyond them are named by their number.
        mask_of: From a subject and a visit to its mask; None where there is none.
        errors: Standard deviation, in percent, of differences without a change, by what measured them.
        affine: Whether scale and shear of scans are registered.
        diameters: Whether diameters are measured, which takes masks.
    """

    by: By
    names: Sequence[str]
    mask_of: MaskOf
    errors: Mapping[str, float | None]
    affine: bool = True
    diameters: bool = False

    def measure(self, subject: Subject) -> SubjectChange:
        """All visits of a subject against the first.

        Raises:
            DataError: A scan or mask is damaged, or masks are asked for that are not there.
        """
        masks = [self.mask_of(subject, at) for at in range(len(subject.visits))]
        by = self._by(subject, masks)
        found = self._volumes(subject, masks if by == "masks" else masks[:1])
        labels, volumes = list(found), np.full((len(found), len(subject.visits)), np.nan)
        for row, label in enumerate(labels):
            volumes[row, : len(found[label])] = found[label]
        first = subject.scan(0)
        changes: list[VisitChange | None] = []
        problems: dict[int, str] = {}
        for at in range(1, len(subject.visits)):
            try:
                alignment, half = registered_pair(subject, at, self.affine)
            except DataError as error:
                problems[at] = error.message
                changes.append(None)
                continue
            changes.append(VisitChange(alignment, change_map(first, half)))
            if by == "registration" and masks[0] is not None:
                volumes[:, at] = volumes[:, 0] * growth(half, first, masks[0], labels, alignment)
        repeat = self.errors.get(by)
        limit = None if repeat is None else LIMIT * repeat
        products = self._products(subject, masks, labels)
        structures = tuple(
            StructureCourse(self._name(label), volumes[row], by, limit, products[row])
            for row, label in enumerate(labels)
        )
        return SubjectChange(subject, tuple(changes), structures, problems)

    def mask_volumes(self, subject: Subject) -> dict[int, npt.NDArray[np.float64]]:
        """The volume of each structure at each visit by masks, in ml; nothing where a visit has none."""
        masks = [self.mask_of(subject, at) for at in range(len(subject.visits))]
        return self._volumes(subject, masks) if all(mask is not None for mask in masks) else {}

    @staticmethod
    def _volumes(subject: Subject, masks: Sequence[Mask | None]) -> dict[int, npt.NDArray[np.float64]]:
        labels = sorted({int(v) for mask in masks if mask is not None for v in np.unique(mask)} - {0})
        amounts = {label: np.zeros(len(masks)) for label in labels}
        for at, mask in enumerate(masks):
            if mask is None:
                return {}
            voxel = float(abs(np.linalg.det(subject.scan(at).affine[:3, :3]))) / ML
            for label in labels:
                amounts[label][at] = float((mask == label).sum()) * voxel
        return amounts

    def _products(
        self, subject: Subject, masks: Sequence[Mask | None], labels: Sequence[int]
    ) -> npt.NDArray[np.float64]:
        """Products of diameters, shape (structures, visits); NaN where a visit has no mask."""
        products = np.full((len(labels), len(masks)), np.nan)
        for at, mask in enumerate(masks):
            if mask is not None and self.diameters:
                spacing = subject.scan(at).spacing
                products[:, at] = [bidimensional(mask == label, spacing) for label in labels]
        return products

    def _by(self, subject: Subject, masks: Sequence[Mask | None]) -> str:
        complete = all(mask is not None for mask in masks)
        if self.by == "masks" and not complete:
            raise DataError(
                f"{subject.name}: expected a mask of each visit, received"
                f" {sum(mask is not None for mask in masks)} for {len(masks)} visits",
                hint="Segment them: --segmenter RUN, of a volume-segmentation; or measure --by registration.",
            )
        return "masks" if complete and self.by != "registration" else "registration"

    def _name(self, label: int) -> str:
        return self.names[label - 1] if label <= len(self.names) else str(label)


@lru_cache(maxsize=KEPT_PAIRS)
def registered_pair(subject: Subject, at: int, affine: bool) -> tuple[Alignment, Halfway]:
    """The first scan of a subject and a later one, registered, half of the way and on one scale.

    Args:
        subject: With scans.
        at: The later visit.
        affine: Whether scale and shear are registered too.

    Raises:
        DataError: They cannot be registered.
    """
    first, later = subject.scan(0), subject.scan(at)
    if first.channels != later.channels:
        raise DataError(
            f"{later.name}: expected {first.channels} channels as {first.name} has, received {later.channels}"
        )
    alignment = align(first, later, affine=affine)
    return alignment, on_one_scale(halfway(first, later, alignment))


def unmasked(subject: Subject, at: int) -> Any:
    """The mask of a visit as the data has it; None where it has none."""
    return None if subject.visits[at].mask is None else subject.mask(at)


def repeated(volume: Volume, mask: Mask, rng: np.random.Generator) -> tuple[Volume, Volume, Mask]:
    """A scan as if it had been taken twice: moved, turned, each time with as much noise as it has.

    Both are interpolated, so that both are as sharp.

    Args:
        volume: The scan; its first channel counts.
        mask: Its labels, shape (x, y, z).
        rng: Draws moves and noise.

    Returns:
        Both, and the labels of the first.
    """
    values = volume.values[..., 0].astype(np.float32)
    noise, taken, labels = noise_of(values), [], mask
    for number in range(2):
        move = random_move(volume, rng)
        index = np.linalg.inv(volume.affine) @ np.linalg.inv(move) @ volume.affine
        matrix, offset = index[:3, :3], index[:3, 3]
        again = affine_transform(values, matrix, offset, order=3, mode="nearest")
        taken.append(again + rng.normal(0, noise, values.shape).astype(np.float32))
        if not number:
            labels = affine_transform(mask, matrix, offset, order=0, mode="nearest")
    first, second = (volume.with_values(each[..., None]) for each in taken)
    return first, second, labels


def random_move(volume: Volume, rng: np.random.Generator) -> Affine:
    """A small rigid move about the middle of a scan, in mm, shape (4, 4)."""
    middle = (volume.affine @ np.append((np.array(volume.shape) - 1) / 2, 1.0))[:3]
    move = np.eye(4)
    move[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-TURNED, TURNED, 3), degrees=True).as_matrix()
    move[:3, 3] = middle + rng.uniform(-MOVED, MOVED, 3) - move[:3, :3] @ middle
    return move


def noise_of(values: npt.NDArray[Any]) -> float:
    """Standard deviation of the noise of a scan, from second differences along its first axis."""
    bent = np.diff(values.astype(np.float32), n=2, axis=0)
    return float(np.median(np.abs(bent - np.median(bent))) / 0.6745 / np.sqrt(6)) if bent.size else 0.0


def measured_again(
    measurer: Measurer, subjects: Sequence[Subject], count: int, seed: int, progress: Progress
) -> list[float]:
    """What registration measures where nothing changed, in percent, one number for each structure.

    Args:
        measurer: Tells the masks of the first scans.
        subjects: Whose first scans are measured against themselves.
        count: How many of them, evenly chosen.
        seed: Of moves and noise.
        progress: Receives how many are done.
    """
    found: list[float] = []
    chosen = np.unique(np.linspace(0, len(subjects) - 1, min(count, len(subjects))).astype(int)).tolist()
    for done, row in enumerate(chosen, 1):
        subject = subjects[row]
        mask = measurer.mask_of(subject, 0)
        if mask is not None:
            found += _again(subject.scan(0), mask, measurer.affine, np.random.default_rng([seed, row]))
        progress(done, len(chosen), "measuring repeats")
    return found


def _again(scan: Volume, mask: Mask, affine: bool, rng: np.random.Generator) -> list[float]:
    first, second, labels_of_first = repeated(scan, mask, rng)
    try:
        alignment = align(first, second, affine=affine)
    except DataError:
        return []
    half = on_one_scale(halfway(first, second, alignment))
    labels = sorted(set(np.unique(labels_of_first).tolist()) - {0})
    return [100 * (factor - 1) for factor in growth(half, first, labels_of_first, labels, alignment)]
