"""How subjects become the numbers of their last visits, from which risk is foretold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays
from convscope.data.splits import Samples
from convscope.errors import DataError, UsageError
from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import InputsAsEncoded, TimelineDescription
from convscope.kinds.volume.progression.hazards import Landmarks, landmarks_of
from convscope.kinds.volume.progression.measuring import ML
from convscope.kinds.volume.progression.visits import Subject, SubjectSamples
from convscope.types import Axis, Progress, no_progress

Values = npt.NDArray[np.float32]
MOST_VISITS = 4
"""Last visits that a model takes at most."""
EVENTS = 10
"""Subjects whom it happened to that one degree of freedom needs."""
_LEAST_FREEDOM = 0.5


@dataclass(frozen=True)
class VisitRepresentation(InputsAsEncoded, Plain):
    """Numbers of the last visits of a subject, each less its mean in train and divided by its deviation.

    A number that is missing becomes the subject's last known one, else the mean of train. A subject with
    fewer visits is as if the first had been seen before, too. The last number of a visit is how many years it
    lies before the last one.

    Args:
        columns: What the numbers are.
        means: Of each in train.
        scales: Its deviation.
        directions: 1 where subjects whom it happened to earlier have more of it in train, else -1.
        structures: Values of masks whose volumes in ml are the last columns.
        visits: How many a model takes.
        period: Length of a period in years.
        periods: How many are foretold.
        horizon: Years ahead at which risk is judged.
        base: Share of periods in train in which it happened.
        members: Models that intervals are taken from, and the one that answers.
        l2: Penalty of the squares of kernels.
        seed: Of the resamples.
    """

    _WHAT = "visit representation"
    _KEPT: ClassVar = {"kind": "volume", "version": 1, "task": "risk"}

    columns: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    directions: tuple[float, ...]
    structures: tuple[int, ...]
    visits: Annotated[int, Within(1, MOST_VISITS)]
    period: float
    periods: Annotated[int, Within(1, 200)]
    horizon: float
    base: Annotated[float, Within(1e-6, 1 - 1e-6)]
    members: Annotated[int, Within(1, 1000)]
    l2: Annotated[float, Within(0)] = 0.02
    seed: Annotated[int, Within(0)] = 0

    def __post_init__(self) -> None:
        lengths = {len(each) for each in (self.columns, self.means, self.scales, self.directions)}
        if len(lengths) != 1 or min(self.scales, default=1.0) <= 0 or self.period <= 0:
            raise UsageError("a visit representation takes a mean, scale and direction for each column")

    @property
    def shape(self) -> tuple[int, int]:
        """(visits, numbers)."""
        return self.visits, len(self.columns) + 1

    @property
    def sizes(self) -> dict[str, Any]:
        """Periods, members, how likely it is, and how strong the penalty."""
        return {"periods": self.periods, "members": self.members, "base": self.base, "l2": self.l2}

    def encode(
        self, samples: SubjectSamples, limit_bytes: int = 0, progress: Progress = no_progress
    ) -> HeldArrays[Any]:
        """The last visits of each subject at which it is asked for."""
        return HeldArrays(self.rows([asked_of(samples.load(i)) for i in range(len(samples))]))

    def rows(self, subjects: Sequence[Subject]) -> Values:
        """The last visits of subjects as they are known, shape (subjects, visits, numbers).

        Raises:
            DataError: A column is missing.
        """
        made = np.zeros((len(subjects), *self.shape), np.float32)
        for at, subject in enumerate(subjects):
            numbers = _filled(numbers_of(subject, self.columns, self.structures), np.array(self.means))
            scaled = (numbers - np.array(self.means)) / np.array(self.scales)
            years = subject.years if subject.years is not None else np.zeros(len(subject.visits))
            whole = np.concatenate([scaled, (years - years[-1])[:, None]], axis=1)
            places = np.arange(len(whole) - self.visits, len(whole)).clip(0)
            made[at] = whole[places]
        return made

    def describe(self, sample: Subject) -> TimelineDescription:
        """The years of the visits."""
        asked = asked_of(sample)
        years = asked.years if asked.years is not None else np.arange(float(len(asked.visits)))
        ahead = max(self.visits - len(years), 0)
        places = np.concatenate([np.full(ahead, years[0]), years[-self.visits :]])
        return TimelineDescription(Axis(places, "year", (*self.columns, "years before"), (ahead, 0)))

    def example(self, count: int) -> Values:
        """Visits of random numbers."""
        return np.random.default_rng(0).normal(size=(count, *self.shape)).astype(np.float32)


def subjects_of(samples: Samples) -> list[Subject]:
    """All subjects of some samples."""
    return [samples.load(row) for row in range(len(samples))]


def asked_of(subject: Subject) -> Subject:
    """A subject as known when risk is asked for: at the last visit before it happened, or the last one."""
    first = subject.happened
    return subject.until(first - 1 if first else len(subject.visits) - 1)


def fit_visits(
    subjects: Sequence[Subject], period: float, horizon: float | None, resamples: int
) -> tuple[VisitRepresentation, list[str]]:
    """Chooses numbers, their scales and periods from subjects of the train split; as `fit_representation`.

    Raises:
        DataError: There are no numbers, they are all constant, or it happened to nobody.
    """
    marks = landmarks_of(subjects)
    if not marks.happened.any():
        raise DataError("expected train subjects whom it happened to, received none")
    structures = _structures(subjects)
    columns = (*subjects[0].columns, *(_volume_name(label) for label in structures))
    if not columns:
        raise DataError(
            "expected numbers of each visit, or masks, to foretell from; received neither",
            hint="Add columns such as age or volumes to the table.",
        )
    kept, means, scales, lines = _scales(subjects, columns, structures)
    until = float(np.median(marks.seen[marks.happened]))
    periods = max(1, round(float(np.quantile(np.maximum(marks.free, marks.seen), 0.95)) / period))
    at = horizon if horizon is not None else max(1, round(until / period)) * period
    periods = max(periods, math.ceil(at / period))
    share = marks.happened.sum() / max(marks.free.sum() / period + marks.happened.sum(), 1e-9)
    visits = min(MOST_VISITS, max(int(marks.visit.max()) + 1, 1))
    names = tuple(columns[each] for each in kept)
    lines += [
        f"risk: over {periods} periods of {period:g} years, from {len(marks)} visits of"
        f" {len(np.unique(marks.subject))} subjects; {int(marks.happened.sum())} before it happened",
        f"horizon: {at:g} years, {'as asked' if horizon is not None else 'the usual time until it happens'}",
        f"visits: the last {visits}, with {len(names)} numbers each: {', '.join(names[:12])}",
        f"intervals: {resamples} resamples of the train subjects",
    ]
    directions = [_direction(subjects, marks, columns, structures, each) for each in kept]
    made = VisitRepresentation(
        names,
        tuple(means[each] for each in kept),
        tuple(scales[each] for each in kept),
        tuple(directions),
        tuple(structures),
        visits,
        float(period),
        periods,
        float(at),
        float(np.clip(share, 1e-3, 0.5)),
        resamples + 1,
    )
    l2, why = _penalty(made, subjects, marks)
    return replace(made, l2=l2), [*lines, why]


def _penalty(
    represent: VisitRepresentation, subjects: Sequence[Subject], marks: Landmarks
) -> tuple[float, str]:
    """The penalty that leaves about one degree of freedom for ten subjects whom it happened to, and why.

    The degrees of freedom of a logistic regression with a penalty are the sum of w c / (w c + 2 l2) over the
    eigenvalues c of the covariance of its inputs, with w the mean of h (1 - h) over a visit's periods, of
    hazard h (Harrell 2015, "Regression modeling strategies", sections 4.4 and 9.10).
    """
    pairs = zip(marks.subject.tolist(), marks.visit.tolist(), strict=True)
    last = represent.rows([subjects[row].until(visit) for row, visit in pairs])[:, -1, :-1]
    spread = np.linalg.eigvalsh(np.atleast_2d(np.cov(last.astype(np.float64), rowvar=False, bias=True)))
    ahead = float(np.mean(marks.free / represent.period + marks.happened))
    weighed = spread.clip(0) * ahead * represent.base * (1 - represent.base)
    events = len(np.unique(marks.subject[marks.happened]))
    wanted = min(max(events / EVENTS, _LEAST_FREEDOM), 0.95 * int((weighed > 0).sum()))
    low, high = 1e-6, 1e3
    for _ in range(60):
        l2 = math.sqrt(low * high)
        low, high = (l2, high) if (weighed / (weighed + 2 * l2)).sum() > wanted else (low, l2)
    return float(f"{l2:.3g}"), (
        f"l2: {l2:.3g}, which leaves {wanted:.2g} degrees of freedom, because it happened to"
        f" {events} subjects, and one needs about {EVENTS} for each"
    )


def _scales(
    subjects: Sequence[Subject], columns: Sequence[str], structures: Sequence[int]
) -> tuple[list[int], list[float], list[float], list[str]]:
    """Columns that vary, means and deviations of all columns, and what is to be said of them."""
    numbers = np.concatenate([numbers_of(subject, columns, structures) for subject in subjects])
    known = ~np.isnan(numbers)
    means = [
        float(column[there].mean()) if there.any() else 0.0 for column, there in _columns(numbers, known)
    ]
    scales = [
        float(column[there].std()) if there.any() else 0.0 for column, there in _columns(numbers, known)
    ]
    lasting = [name for name, scale in zip(columns, scales, strict=True) if scale <= 0]
    kept = [at for at, scale in enumerate(scales) if scale > 0]
    lines = [f"left out, because they are constant in train: {', '.join(lasting)}"] if lasting else []
    if not kept:
        raise DataError("expected numbers that differ between visits or subjects, received constants")
    missing = [(columns[at], int((~known[:, at]).sum())) for at in kept if not known[:, at].all()]
    if missing:
        said = ", ".join(f"{name} {count}" for name, count in missing)
        lines.append(f"missing numbers: the last known one of the subject, else the mean of train ({said})")
    return kept, means, scales, lines


def _direction(
    subjects: Sequence[Subject], marks: Any, columns: Sequence[str], structures: Sequence[int], at: int
) -> float:
    """Whether more of a column goes with an earlier event, by the landmarks of train."""
    values = np.array(
        [
            numbers_of(subjects[row], columns, structures)[visit, at]
            for row, visit in zip(marks.subject.tolist(), marks.visit.tolist(), strict=True)
        ]
    )
    there = ~np.isnan(values)
    ill, well = values[there & marks.happened], values[there & ~marks.happened]
    return -1.0 if len(ill) and len(well) and np.mean(ill) < np.mean(well) else 1.0


def _columns(numbers: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]) -> list[tuple[Any, Any]]:
    return list(zip(numbers.T, known.T, strict=True))


def _filled(numbers: npt.NDArray[np.float64], means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The last known number of each column for one that is missing; the mean where none is known yet."""
    known = ~np.isnan(numbers)
    last = np.maximum.accumulate(np.where(known, np.arange(len(numbers))[:, None], -1), axis=0)
    taken = np.take_along_axis(numbers, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, taken, means)


def numbers_of(
    subject: Subject, columns: Sequence[str], structures: Sequence[int]
) -> npt.NDArray[np.float64]:
    """The numbers of all visits, shape (visits, columns), NaN where one is missing.

    Raises:
        DataError: The subject has no such column.
    """
    there = {name: at for at, name in enumerate(subject.columns)}
    volumes = {_volume_name(label): label for label in structures}
    missing = [name for name in columns if name not in there and name not in volumes]
    if missing:
        raise DataError(
            f"{subject.name}: expected the columns of the training, {missing[0]!r} among them; received"
            f" {', '.join(map(repr, subject.columns)) or 'none'}"
        )
    values = subject.values
    made = [values[:, there[name]] if name in there else _volume(subject, volumes[name]) for name in columns]
    return np.stack(made, axis=1)


def _volume_name(label: int) -> str:
    return f"structure {label} (ml)"


def _structures(subjects: Sequence[Subject]) -> list[int]:
    """Values of masks, where all visits have a scan and a mask."""
    if not all(subject.is_masked and subject.is_scanned for subject in subjects):
        return []
    return sorted(
        {
            label
            for subject in subjects
            for at in range(len(subject.visits))
            for label in _amounts(subject, at)
        }
    )


def _volume(subject: Subject, label: int) -> npt.NDArray[np.float64]:
    """The volume of a structure at each visit, in ml."""
    return np.array([_amounts(subject, at).get(label, 0.0) for at in range(len(subject.visits))])


@lru_cache(maxsize=4096)
def _amounts(subject: Subject, at: int) -> dict[int, float]:
    """Volumes in ml by the values of a mask."""
    voxel = abs(np.linalg.det(subject.scan(at).affine[:3, :3])) / ML
    labels, counts = np.unique(subject.mask(at), return_counts=True)
    pairs = zip(labels.tolist(), counts.tolist(), strict=True)
    return {int(label): float(count * voxel) for label, count in pairs if label}
