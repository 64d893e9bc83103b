"""What is told of subjects: what changed at each visit, or the course of risk; and how good that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split
from convscope.engine.metrics import EVALUATE_AGAIN
from convscope.errors import DataError
from convscope.json_values import Plain
from convscope.kinds.volume.progression.course import LIMIT, Thresholds, YearlyRate
from convscope.kinds.volume.progression.hazards import COVERAGE, Landmarks, Ranked, ranked
from convscope.kinds.volume.progression.measuring import StructureCourse, SubjectChange
from convscope.kinds.volume.progression.visits import Subject
from convscope.lenses.pages.report_texts import Score

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
    rate: YearlyRate | None = None
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
        "first_mm2": _known(None if structure is None else structure.products[0]),
        "later_mm2": _known(None if structure is None else structure.products[at]),
        "category": "" if structure is None else change.category(structure, at, outputs.thresholds),
        "thresholds": str(outputs.thresholds) if structure is not None else "",
    }


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


@dataclass(frozen=True)
class RiskMetrics(Plain):
    """How good foretold risks of one split are.

    Args:
        subjects: At risk.
        events: Subjects whom it happened to.
        visits: From which risk was foretold.
        horizon: Years ahead at which the area under the curve is taken.
        concordance: Harrell's C of the model; 0.5 where no two visits can be compared.
        auc: Area under its ROC curve; 0.5 where all or none had it.
        foretold: Mean risk at the horizon, over visits of which it is known by then.
        seen: Share of these before which it happened by then.
        model: The model.
        beside: Each column alone, in the direction that it has in train.
    """

    _WHAT = "risk metrics"
    _HINT = EVALUATE_AGAIN

    subjects: int
    events: int
    visits: int
    horizon: float
    concordance: float
    auc: float
    foretold: float
    seen: float
    model: Ranked
    beside: tuple[Ranked, ...]

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings, and rows of the model and of each column alone."""
        rows: list[tuple[str, ...]] = [
            (
                each.name,
                _shown(each.concordance),
                _interval(each.concordance_interval),
                _shown(each.auc),
                _interval(each.auc_interval),
            )
            for each in (self.model, *self.beside)
        ]
        return (
            "ranked by",
            "concordance",
            "95% interval",
            f"AUC at {self.horizon:g} years",
            "95% interval",
        ), rows

    def to_line(self) -> str:
        """The metrics of the whole split."""
        return (
            f"concordance {_shown(self.model.concordance)} {_interval(self.model.concordance_interval)}, AUC"
            f" at {self.horizon:g} years {_shown(self.model.auc)} {_interval(self.model.auc_interval)}, on"
            f" {self.visits} visits of {self.subjects} test subjects, of whom it happened to {self.events}"
        )

    def to_scores(self) -> Sequence[Score]:
        """What stands at the top of a report."""
        model = self.model
        return [
            ("Concordance", _shown(model.concordance), _interval(model.concordance_interval)),
            (f"AUC at {self.horizon:g} years", _shown(model.auc), _interval(model.auc_interval)),
            ("Foretold", f"{self.foretold:.1%}", f"mean risk; it happened to {self.seen:.1%}"),
            ("Test subjects", self.subjects),
            ("Events", self.events),
        ]


@dataclass(frozen=True)
class ChangeMetrics(Plain):
    """What measuring subjects came to.

    Args:
        subjects: Who were measured.
        pairs: Of a first and a later scan.
        refused: Pairs that could not be registered.
        structures: Volumes that were followed.
        apart: Median distance of the ways there and back of a registration, in mm.
        correlation: Median correlation of registered scans.
        repeat_error: Standard deviation of differences without a change, in percent; 0 where not measured.
        smallest: Percent of change that 95 % of differences without a change are below; 0 where not measured.
        repeats: Pairs without a change that were measured.
    """

    _WHAT = "change metrics"
    _HINT = EVALUATE_AGAIN

    subjects: int
    pairs: int
    refused: int
    structures: int
    apart: float
    correlation: float
    repeat_error: float
    smallest: float
    repeats: int

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Nothing to list."""
        return (), []

    def to_line(self) -> str:
        """All of it in a line."""
        limit = f"; change from {self.smallest:.2f} % on is told from none" if self.repeats else ""
        return (
            f"{self.pairs - self.refused} of {self.pairs} pairs of {self.subjects} subjects registered, ways"
            f" there and back {self.apart:.2g} mm apart at the median{limit}"
        )

    def to_scores(self) -> Sequence[Score]:
        """What stands at the top of a report."""
        scores: list[Score] = [
            ("Subjects", self.subjects),
            ("Pairs", self.pairs, f"{self.refused} could not be registered"),
            ("Apart", f"{self.apart:.2g} mm", "ways there and back, median"),
        ]
        if self.repeats:
            scores.append(
                ("Repeat error", f"{self.repeat_error:.2f} %", f"of {self.repeats} pairs without change")
            )
            scores.append(("Smallest change", f"{self.smallest:.2f} %", "told from none in 95 %"))
        return scores


AnyMetrics = RiskMetrics | ChangeMetrics
"""Of either answer."""


def load_metrics(saved: Mapping[str, Any]) -> AnyMetrics:
    """Reads what `to_json` of either wrote."""
    made = RiskMetrics if "concordance" in saved else ChangeMetrics
    return made.from_json(saved)


def evaluate(outputs: Outputs, split: Split, class_names: Sequence[str]) -> AnyMetrics:
    """How well visits are ranked by what happened after them; or how well scans were registered.

    Raises:
        DataError: Nothing is known of what happened.
    """
    if isinstance(outputs, Changes):
        return _evaluate_changes(outputs)
    marks, horizon = outputs.marks, outputs.horizon
    if not len(marks):
        raise DataError(
            "expected subjects of whom it is known whether it happened after a visit, received none",
            hint="Say by what it has happened: --event.",
        )
    model = ranked("model", outputs.foretold, marks, horizon)
    beside = tuple(ranked(f"{name} alone", values, marks, horizon) for name, values in outputs.columns)
    by_then = (marks.happened & (marks.seen <= horizon)) | (marks.free >= horizon)
    ill = marks.happened & (marks.seen <= horizon)
    return RiskMetrics(
        subjects=len(np.unique(marks.subject)),
        events=len(np.unique(marks.subject[marks.happened])),
        visits=len(marks),
        horizon=horizon,
        concordance=0.5 if model.concordance is None else model.concordance,
        auc=0.5 if model.auc is None else model.auc,
        foretold=float(outputs.foretold[by_then].mean()) if by_then.any() else 0.0,
        seen=float(ill[by_then].mean()) if by_then.any() else 0.0,
        model=model,
        beside=beside,
    )


def _evaluate_changes(outputs: Changes) -> ChangeMetrics:
    every = [each for change in outputs.subjects for each in change.changes]
    registered = [each.alignment for each in every if each is not None]
    error = outputs.errors.get("registration")
    return ChangeMetrics(
        subjects=len(outputs.subjects),
        pairs=len(every),
        refused=len(every) - len(registered),
        structures=sum(len(change.structures) for change in outputs.subjects),
        apart=float(np.median([each.apart for each in registered])) if registered else 0.0,
        correlation=float(np.median([each.correlation for each in registered])) if registered else 0.0,
        repeat_error=error or 0.0,
        smallest=LIMIT * (error or 0.0),
        repeats=outputs.repeats,
    )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"
