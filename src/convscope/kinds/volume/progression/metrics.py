"""How good foretold risks and measured changes are: concordance, area under the curve, registration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.engine.metrics import EVALUATE_AGAIN
from convscope.json_values import Plain
from convscope.kinds.volume.progression.hazards import Landmarks
from convscope.lenses.pages.report_texts import Score

Floats = npt.NDArray[np.float64]
RESAMPLED = 1000
"""Resamples of subjects that intervals are taken from."""
CHUNK = 256


@dataclass(frozen=True)
class Ranked:
    """How well one number ranks visits by what happened after them.

    Args:
        name: The model, or a column alone.
        concordance: Harrell's C; None where no two visits can be compared.
        concordance_interval: Of 95 %, by resampling subjects; None where it cannot be taken.
        auc: Area under the ROC curve of whether it happened by the horizon; None where all or none had it.
        auc_interval: Likewise.
    """

    name: str
    concordance: float | None
    concordance_interval: tuple[float, float] | None
    auc: float | None
    auc_interval: tuple[float, float] | None


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
        rows = [
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
    return made.from_json(saved)  # type: ignore[no-any-return, attr-defined]


def ranked(name: str, scores: Floats, marks: Landmarks, horizon: float, seed: int = 0) -> Ranked:
    """How well numbers rank visits, with intervals by a bootstrap over subjects.

    Args:
        name: What the numbers are.
        scores: One for each landmark, shape (landmarks,): more means earlier.
        marks: What happened.
        horizon: In years.
        seed: Of the bootstrap.
    """
    _, number = np.unique(marks.subject, return_inverse=True)
    count = int(number.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / max(count, 1)), RESAMPLED) if count else np.ones((0, 0))
    weights = np.concatenate([np.ones((1, count)), drawn])[:, number]
    found = [
        _quotients(*concordant_pairs(scores, marks, weights)),
        _quotients(*_ranked_pairs(scores, marks, weights, horizon)),
    ]
    (concordance, first), (auc, second) = found
    return Ranked(name, concordance, first, auc, second)


def concordant_pairs(scores: Floats, marks: Landmarks, weights: Floats) -> tuple[Floats, Floats]:
    """Pairs of visits of two subjects that are ranked rightly, and those that can be compared.

    Harrell's C is their quotient: of two visits, one after which it happened, and another after which it had
    not by that time; ties count half (Harrell, Lee and Mark 1996, "Multivariable prognostic models").

    Args:
        scores: Shape (landmarks,).
        marks: What happened.
        weights: How often each visit counts, shape (resamples, landmarks).

    Returns:
        Both of shape (resamples,).
    """
    times = np.where(marks.happened, marks.seen, marks.free)
    rows = np.flatnonzero(marks.happened)
    comparable = (times[rows, None] < times) | ((times[rows, None] == times) & ~marks.happened)
    return _sums(rows, comparable, scores, marks, weights)


def _ranked_pairs(scores: Floats, marks: Landmarks, weights: Floats, horizon: float) -> tuple[Floats, Floats]:
    """Pairs of a visit after which it happened by the horizon and one after which it had not."""
    rows, well = np.flatnonzero(marks.happened & (marks.seen <= horizon)), marks.free >= horizon
    return _sums(rows, np.broadcast_to(well, (len(rows), len(well))), scores, marks, weights)


def _sums(
    rows: npt.NDArray[np.int64],
    comparable: npt.NDArray[np.bool_],
    scores: Floats,
    marks: Landmarks,
    weights: Floats,
) -> tuple[Floats, Floats]:
    right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for start in range(0, len(rows), CHUNK):
        chosen = rows[start : start + CHUNK]
        some = comparable[start : start + CHUNK] & (marks.subject[chosen, None] != marks.subject)
        better = (scores[chosen, None] > scores) + 0.5 * (scores[chosen, None] == scores)
        right += (weights[:, chosen] * (weights @ (some * better).T)).sum(axis=1)
        pairs += (weights[:, chosen] * (weights @ some.astype(np.float64).T)).sum(axis=1)
    return right, pairs


def _quotients(right: Floats, pairs: Floats) -> tuple[float | None, tuple[float, float] | None]:
    """The quotient of all, and the interval of those of the resamples that have pairs."""
    if not pairs[0]:
        return None, None
    there = pairs[1:] > 0
    value = float(right[0] / pairs[0])
    if there.sum() < RESAMPLED // 2:
        return value, None
    low, high = np.quantile(right[1:][there] / pairs[1:][there], [0.025, 0.975]).tolist()
    return value, (low, high)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"
