"""What is told of subjects: what changed at each visit, or the course of risk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.kinds.volume.progression.course import LIMIT, Rate, Thresholds
from convscope.kinds.volume.progression.hazards import COVERAGE, Landmarks
from convscope.kinds.volume.progression.measuring import StructureCourse, SubjectChange
from convscope.kinds.volume.progression.visits import Subject

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Changes:
    """What was measured of subjects.

    Args:
        subjects: What changed in each.
        errors: Standard deviation, in percent, of differences without a change, by what measured them.
        repeats: How many such differences were measured.
        thresholds: Of categories.
    """

    subjects: Sequence[SubjectChange]
    errors: Mapping[str, float | None]
    repeats: int
    thresholds: Thresholds


@dataclass(frozen=True, eq=False)
class Risks:
    """What is foretold of subjects.

    Args:
        subjects: Each as known when it is asked.
        courses: Risk by the end of each period, shape (subjects, periods).
        low: Lower ends of intervals.
        high: Upper ends.
        period: In years.
        marks: Visits by which the model is judged.
        foretold: The risk at the horizon from each of these, shape (landmarks,).
        columns: What is judged beside the model: names, and numbers in the direction of risk, shape
            (landmarks,).
        horizon: In years.
    """

    subjects: Sequence[Subject]
    courses: Floats
    low: Floats
    high: Floats
    period: float
    marks: Landmarks
    foretold: Floats
    columns: Sequence[tuple[str, Floats]]
    horizon: float


Outputs = Changes | Risks


@dataclass(frozen=True)
class ProgressionPrediction:
    """What is told of a subject at a visit.

    Args:
        name: Of the subject.
        facts: By name, in order; None where something is not known.
    """

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {"subject": self.name, **self.facts}

    def to_row(self) -> dict[str, str]:
        """All of it; what is not known is empty."""
        return {"subject": self.name, **{name: _written(value, 6) for name, value in self.facts.items()}}

    def to_cells(self) -> dict[str, str]:
        """What matters most."""
        shown = [name for name in self.facts if name in _CELLS or name.startswith("risk")]
        cells = {_CELLS.get(name, name): _written(self.facts[name], 4) for name in shown}
        return {"subject": self.name, **cells}


_CELLS = {
    "visit": "visit",
    "years": "years",
    "structure": "structure",
    "first_ml": "first ml",
    "later_ml": "ml",
    "change_percent": "change %",
    "told_from_none": "told from none",
    "percent_a_year": "% a year",
    "percent_a_year_error": "error",
    "category": "category",
    "problem": "problem",
    "after_visit": "after visit",
}


def _written(value: object, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def rows_of(outputs: Outputs) -> list[ProgressionPrediction]:
    """One row for each later visit and structure of a subject; or one for each subject with its risk."""
    if isinstance(outputs, Risks):
        return list(_risk_rows(outputs))
    return [row for change in outputs.subjects for row in _change_rows(change, outputs)]


def _risk_rows(risks: Risks) -> Iterator[ProgressionPrediction]:
    for at, subject in enumerate(risks.subjects):
        facts: dict[str, Any] = {"after_visit": subject.visits[-1].name}
        for k in range(risks.courses.shape[1]):
            years = f"{(k + 1) * risks.period:g}"
            facts[f"risk_{years}_years"] = float(risks.courses[at, k])
            facts[f"low_{years}_years"] = float(risks.low[at, k])
            facts[f"high_{years}_years"] = float(risks.high[at, k])
        yield ProgressionPrediction(subject.name, {**facts, "interval": COVERAGE})


def _change_rows(change: SubjectChange, outputs: Changes) -> Iterator[ProgressionPrediction]:
    subject, years = change.subject, change.subject.years
    for at in range(1, len(subject.visits)):
        found = change.changes[at - 1]
        facts: dict[str, Any] = {
            "first_visit": subject.visits[0].name,
            "visit": subject.visits[at].name,
            "years": None if years is None else float(years[at]),
        }
        registration = {
            "moved_mm": None if found is None else found.alignment.moved,
            "turned_degrees": None if found is None else found.alignment.turned,
            "ways_apart_mm": None if found is None else found.alignment.apart,
            "correlation": None if found is None else found.alignment.correlation,
            "change_map": change.files.get(at, ""),
            "problem": change.problems.get(at, ""),
        }
        for structure in change.structures or (None,):
            told = _structure(change, structure, at, outputs)
            yield ProgressionPrediction(subject.name, {**facts, **told, **registration})


def _structure(
    change: SubjectChange, structure: StructureCourse | None, at: int, outputs: Changes
) -> dict[str, Any]:
    """What is told of a structure; without one, the same names with nothing known."""
    known = structure is not None and bool(np.isfinite(structure.ml[[0, at]]).all())
    percent = structure.percent(at) if structure is not None and known else None
    rate: Rate | None = None
    limit = None
    if structure is not None:
        error = outputs.errors.get(structure.by)
        rate = change.rate(structure, at, error) if known else None
        limit = None if error is None else LIMIT * error
    percent = None if percent is None or not np.isfinite(percent) else percent
    return {
        "structure": "" if structure is None else structure.name,
        "measured_by": "" if structure is None else structure.by,
        "first_ml": float(structure.ml[0]) if structure is not None and known else None,
        "later_ml": float(structure.ml[at]) if structure is not None and known else None,
        "change_percent": percent,
        "smallest_percent": limit,
        "told_from_none": None if percent is None or limit is None else abs(percent) > limit,
        "ml_a_year": None if rate is None else rate.ml,
        "ml_a_year_error": None if rate is None else rate.error,
        "percent_a_year": None if rate is None else rate.percent,
        "percent_a_year_error": None if rate is None else rate.percent_error,
        "error_from": "" if rate is None else rate.error_from,
        "category": "" if structure is None else change.category(structure, at, outputs.thresholds),
        "thresholds": str(outputs.thresholds) if structure is not None else "",
    }
