"""How good alarms of films are: by frames, and by anomalies that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score, roc_curve

from convscope.engine.metrics import EVALUATE_AGAIN
from convscope.json_values import Plain
from convscope.kinds.video.anomaly.reader import Anomalies
from convscope.kinds.video.anomaly.scores import ScoredFilm
from convscope.phrasing import plural


@dataclass(frozen=True)
class FilmAlarms:
    """The alarms of one film.

    Args:
        name: The film.
        seconds: How long it is.
        alarms: How many there are.
        anomalies: Known ones; None where nothing is known.
        found: Known ones during which there is an alarm.
        false: Alarms during which there is none.
    """

    name: str
    seconds: float
    alarms: int
    anomalies: int | None = None
    found: int | None = None
    false: int | None = None


@dataclass(frozen=True)
class FrameMetrics(Plain):
    """What the alarms of films are like.

    Args:
        frames: Frames that were scored.
        alarms: How many there are.
        threshold: The score from which on a frame belongs to an alarm.
        asked: Frames in a thousand normal ones that it was chosen for.
        known: Whether it is known of any film what is unusual; the others are None if not.
        auc: Area under the ROC curve over the frames of all these films; None without both sorts.
        equal_error_rate: Where as large a share of normal frames is above as of unusual ones below.
        false_alarm_rate: Share of the normal frames that reach the threshold.
        missed_alarm_rate: Share of the unusual frames that do not.
        recall: Share of the known anomalies during which there is an alarm.
        precision: Share of the alarms during which there is a known anomaly.
        films: The alarms of each film.
    """

    _WHAT = "metrics of alarms"
    _HINT = EVALUATE_AGAIN

    frames: int
    alarms: int
    threshold: float
    asked: float
    known: bool
    auc: float | None
    equal_error_rate: float | None
    false_alarm_rate: float | None
    missed_alarm_rate: float | None
    recall: float | None
    precision: float | None
    films: tuple[FilmAlarms, ...]

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """A row for each film."""
        headings = ("film", "seconds", "alarms", "anomalies", "found", "false alarms")
        return headings, [
            (
                Path(each.name).name,
                f"{each.seconds:.1f}",
                str(each.alarms),
                *("-" if value is None else str(value) for value in (each.anomalies, each.found, each.false)),
            )
            for each in self.films
        ]

    def to_line(self) -> str:
        """The metrics of all films."""
        line = f"{plural(self.alarms, 'alarm')} in {self.frames} frames, threshold {self.threshold:.2f}"
        if self.false_alarm_rate is not None:
            line += f", false alarms in {self.false_alarm_rate:.2%} of the normal frames"
        if self.auc is not None:
            line += f", AUC of frames {self.auc:.4f}, of the anomalies {self.recall:.1%} found"
        return line

    def to_scores(self) -> tuple[tuple[str, str, str], ...]:
        """The scores at the top of a report."""
        scores = [("alarms", str(self.alarms), f"in {self.frames} frames")]
        if self.false_alarm_rate is not None:
            said = f"threshold {self.threshold:.2f}, chosen for {self.asked / 1000:.2%} of held-out frames"
            scores.append(("normal frames with an alarm", f"{self.false_alarm_rate:.2%}", said))
        if self.auc is not None and self.recall is not None and self.equal_error_rate is not None:
            said = f"equal error rate {self.equal_error_rate:.1%}"
            scores.append(("AUC of frames", f"{self.auc:.4f}", said))
            scores.append(("anomalies found", f"{self.recall:.1%}", "during which there is an alarm"))
        return tuple(scores)


def marked(film: ScoredFilm, known: Anomalies) -> npt.NDArray[np.bool_]:
    """Which frames lie in a known anomaly, shape (frames,)."""
    found = np.zeros(len(film.times), bool)
    for start, end in known.spans or ():
        found |= (film.times >= start) & (film.times < end)
    return found


def frame_metrics(
    films: Sequence[ScoredFilm], names: Sequence[str], known: Sequence[Anomalies]
) -> FrameMetrics:
    """Counts alarms, and compares scores and alarms with known anomalies."""
    rows = tuple(_of_film(*each) for each in zip(films, names, known, strict=True))
    judged = [pair for pair in zip(films, known, strict=True) if pair[1].spans is not None]
    scores = np.concatenate([np.zeros(0), *(film.scores[film.lead :] for film, _ in judged)])
    truth = np.concatenate([np.zeros(0, bool), *(marked(*pair)[pair[0].lead :] for pair in judged)])
    threshold = films[0].threshold if films else 0.0
    over = scores >= threshold
    raised = sum(row.alarms for row in rows if row.anomalies is not None)
    anomalies = sum(row.anomalies or 0 for row in rows)
    errors = np.concatenate([np.zeros(0), *(film.highest for film, _ in judged)])
    both = bool(truth.any() and not truth.all())
    return FrameMetrics(
        frames=sum(len(film.times) - film.lead for film in films),
        alarms=sum(row.alarms for row in rows),
        threshold=threshold,
        asked=films[0].asked if films else 0.0,
        known=bool(judged),
        auc=float(roc_auc_score(truth, errors)) if both else None,
        equal_error_rate=_equal_error(truth, errors) if both else None,
        false_alarm_rate=float(over[~truth].mean()) if not truth.all() else None,
        missed_alarm_rate=float(1 - over[truth].mean()) if truth.any() else None,
        recall=sum(row.found or 0 for row in rows) / anomalies if anomalies else None,
        precision=1 - sum(row.false or 0 for row in rows) / raised if raised and anomalies else None,
        films=rows,
    )


def _equal_error(truth: npt.NDArray[np.bool_], errors: npt.NDArray[np.float64]) -> float:
    false, true, _ = roc_curve(truth, errors)
    at = int(np.abs(false - (1 - true)).argmin())
    return float((false[at] + 1 - true[at]) / 2)


def _of_film(film: ScoredFilm, name: str, known: Anomalies) -> FilmAlarms:
    seconds = len(film.times) * film.step
    if known.spans is None:
        return FilmAlarms(name, seconds, len(film.alarms))
    raised = [film.seconds(alarm) for alarm in film.alarms]
    found = sum(any(_meet(span, other) for other in raised) for span in known.spans)
    false = sum(not any(_meet(span, other) for span in known.spans) for other in raised)
    return FilmAlarms(name, seconds, len(raised), len(known.spans), found, false)


def _meet(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
