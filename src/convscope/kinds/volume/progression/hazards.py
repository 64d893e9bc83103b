"""Learning and telling risk: person-periods, their loss, and the course of risk over the years ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.engine.training.batches import Batch
from convscope.kinds.volume.progression.visits import Subject
from convscope.types import Tensor

Floats = npt.NDArray[np.float64]
RESAMPLES = 60
"""Resamples of the subjects that an interval is taken from."""
COVERAGE = 0.9
"""Share of resamples within an interval."""
RESAMPLED = 1000
"""Resamples of subjects that intervals of metrics are taken from."""
CHUNK = 256
"""Visits that are compared with all others at a time."""
_SMALL = 1e-6


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Visits at which it had not happened yet and after which subjects were seen again.

    Args:
        subject: Number of the subject of each, shape (landmarks,), int64.
        visit: Its visit, shape (landmarks,), int64.
        free: Years ahead up to which it is known not to have happened, shape (landmarks,).
        seen: Years ahead of the first visit by which it had happened; `free` where it had not.
        happened: Whether it did, shape (landmarks,), bool.
    """

    subject: npt.NDArray[np.int64]
    visit: npt.NDArray[np.int64]
    free: Floats
    seen: Floats
    happened: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, rows: npt.NDArray[np.int64]) -> Landmarks:
        """Some of them."""
        parts = (self.subject, self.visit, self.free, self.seen, self.happened)
        return Landmarks(*(part[rows] for part in parts))  # type: ignore[arg-type]


def landmarks_of(subjects: Sequence[Subject]) -> Landmarks:
    """All visits of subjects from which something is known to have happened or not."""
    rows: list[tuple[int, int, float, float, bool]] = []
    for number, subject in enumerate(subjects):
        years, first = subject.years, subject.happened
        if years is None:
            continue
        end = len(years) - 1 if first is None else first
        for at in range(end):
            free = years[end if first is None else end - 1] - years[at]
            rows.append((number, at, float(free), float(years[end] - years[at]), first is not None))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    return Landmarks(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.float64),
        np.array(columns[3], np.float64),
        np.array(columns[4], bool),
    )


def person_periods(marks: Landmarks, period: float, periods: int) -> npt.NDArray[np.float32]:
    """What is known of each period ahead.

    It happened between the last visit before it and the first visit by which it had: the periods between
    share it, so that visits that lie far apart do not date it wrongly.

    Args:
        marks: Landmarks.
        period: Length of a period in years.
        periods: How many there are ahead.

    Returns:
        Shape (landmarks, 2 * periods): 1 for periods in which it did not happen; then 1 for those in one of
        which it happened. What lies beyond the last period is not learned from.
    """
    free = np.rint(marks.free / period).astype(np.int64)
    seen = np.maximum(np.rint(marks.seen / period).astype(np.int64), free + 1)
    places = np.arange(periods)
    survived = places < free[:, None]
    within = marks.happened[:, None] & (places >= free[:, None]) & (places < seen[:, None])
    within &= (seen <= periods)[:, None]
    return np.concatenate([survived, within], axis=1).astype(np.float32)


def resample_weights(subject: npt.NDArray[np.int64], members: int, seed: int) -> npt.NDArray[np.float32]:
    """How often each member of a bootstrap over subjects sees a landmark, shape (landmarks, members).

    The first member sees all of them once.
    """
    rng = np.random.default_rng(seed)
    names, number = np.unique(subject, return_inverse=True)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / max(len(names), 1)), members - 1)
    weights = np.concatenate([np.ones((1, len(names))), drawn.reshape(members - 1, len(names))])
    return weights.T[number].astype(np.float32)


@keras.saving.register_keras_serializable("convscope")
class PersonPeriodLoss(keras.losses.Loss):  # type: ignore[misc]
    r"""The negative logarithm of the likelihood of what is known of the periods ahead.

    $$-\sum_{k \in S} \log(1 - h_k) - \log\Bigl(1 - \prod_{k \in E} (1 - h_k)\Bigr)$$

    with the periods $S$ without it, and those $E$ in one of which it happened; where that is one, it is the
    cross-entropy over person-periods. Members of a bootstrap are weighted apart. How many members and periods
    there are follows from the shapes.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The mean over members.

        Args:
            y_true: As `targets` makes them, shape (batch, (2 + members) * periods).
            y_pred: Hazards, shape (batch, members * periods).
        """
        periods = (y_true.shape[-1] - y_pred.shape[-1]) // 2
        alive = ops.log(
            ops.clip(1 - ops.reshape(y_pred, (-1, y_pred.shape[-1] // periods, periods)), _SMALL, 1.0)
        )
        known = ops.reshape(ops.cast(y_true, alive.dtype), (-1, y_true.shape[-1] // periods, periods))
        survived, within, weights = known[:, :1], known[:, 1:2], known[:, 2:, 0]
        lost = -ops.sum(survived * alive, axis=-1)
        gone = ops.clip(1 - ops.exp(ops.sum(within * alive, axis=-1)), _SMALL, 1.0)
        lost = lost - ops.max(within, axis=-1) * ops.log(gone)
        return ops.mean(lost * weights, axis=-1)


def targets(known: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What `PersonPeriodLoss` takes: `person_periods`, and the weight of each member once for each period.

    Returns:
        Shape (landmarks, (2 + members) * periods).
    """
    return np.concatenate([known, np.repeat(weights, known.shape[1] // 2, axis=1)], axis=1)


def risks_of(hazards: npt.NDArray[np.floating], members: int) -> Floats:
    """The probability that it has happened by the end of each period.

    Args:
        hazards: Shape (n, members * periods).
        members: Number of members.

    Returns:
        Shape (n, members, periods).
    """
    apart = np.asarray(hazards, np.float64).reshape(len(hazards), members, -1)
    return np.asarray(1 - np.cumprod(1 - apart, axis=2), np.float64)


def interval_of(risks: Floats) -> tuple[Floats, Floats]:
    """Ends of the intervals, shape (n, periods) each, of risks (n, members, periods).

    Quantiles of the resamples; where there are none, both are the risk itself.
    """
    resamples = risks[:, 1:] if risks.shape[1] > 1 else risks
    low, high = np.quantile(resamples, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], axis=1)
    return np.minimum(low, risks[:, 0]), np.maximum(high, risks[:, 0])


@dataclass(frozen=True, eq=False)
class VisitExamples:
    """What is learned from: visits at which it had not happened yet, and what is known of the years after.

    Args:
        inputs: Shape (landmarks, visits, numbers), float32.
        known: As `targets` makes them.
    """

    inputs: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def lengths(self) -> None:
        """All are alike."""
        return

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(visits, what is known)."""
        return self.inputs[indices], self.known[indices]


@dataclass(frozen=True, eq=False)
class Unlearned:
    """Subjects from whom nothing is learned.

    Args:
        count: How many there are.
    """

    count: int

    def __len__(self) -> int:
        return self.count

    @property
    def lengths(self) -> None:
        """All are alike."""
        return

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """Nothing."""
        nothing = np.zeros((len(indices), 0), np.float32)
        return nothing, nothing


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


def ranked(
    name: str,
    scores: Floats,
    marks: Landmarks,
    horizon: float,
    seed: int = 0,
    models: npt.NDArray[np.int64] | None = None,
) -> Ranked:
    """How well numbers rank visits, with intervals by a bootstrap over subjects.

    Args:
        name: What the numbers are.
        scores: One for each landmark, shape (landmarks,): more means earlier.
        marks: What happened.
        horizon: In years.
        seed: Of the bootstrap.
        models: Number of the model that each score is of, shape (landmarks,): scores of two models are not
            compared. None for one model.
    """
    _, number = np.unique(marks.subject, return_inverse=True)
    count = int(number.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / max(count, 1)), RESAMPLED) if count else np.ones((0, 0))
    weights = np.concatenate([np.ones((1, count)), drawn])[:, number]
    found = [
        _quotients(*concordant_pairs(scores, marks, weights, models)),
        _quotients(*_ranked_pairs(scores, marks, weights, horizon, models)),
    ]
    (concordance, first), (auc, second) = found
    return Ranked(name, concordance, first, auc, second)


def concordant_pairs(
    scores: Floats, marks: Landmarks, weights: Floats, models: npt.NDArray[np.int64] | None = None
) -> tuple[Floats, Floats]:
    """Pairs of visits of two subjects that are ranked rightly, and those that can be compared.

    Harrell's C is their quotient: of two visits, one after which it happened, and another after which it had
    not by that time; ties count half (Harrell, Lee and Mark 1996, "Multivariable prognostic models").

    Args:
        scores: Shape (landmarks,).
        marks: What happened.
        weights: How often each visit counts, shape (resamples, landmarks).
        models: As of `ranked`.

    Returns:
        Both of shape (resamples,).
    """
    times = np.where(marks.happened, marks.seen, marks.free)
    rows = np.flatnonzero(marks.happened)
    comparable = (times[rows, None] < times) | ((times[rows, None] == times) & ~marks.happened)
    return _sums(rows, comparable & _of_one_model(models, rows), scores, marks, weights)


def _of_one_model(
    models: npt.NDArray[np.int64] | None, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_] | bool:
    return True if models is None else np.asarray(models[rows, None] == models)


def _ranked_pairs(
    scores: Floats,
    marks: Landmarks,
    weights: Floats,
    horizon: float,
    models: npt.NDArray[np.int64] | None = None,
) -> tuple[Floats, Floats]:
    """Pairs of a visit after which it happened by the horizon and one after which it had not."""
    rows, well = np.flatnonzero(marks.happened & (marks.seen <= horizon)), marks.free >= horizon
    comparable = np.broadcast_to(well, (len(rows), len(well)))
    return _sums(rows, comparable & _of_one_model(models, rows), scores, marks, weights)


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
