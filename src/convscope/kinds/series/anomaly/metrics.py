"""How good alarms are: how many there are, and where anomalies are known, how many of them they find."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.engine.metrics import EVALUATE_AGAIN
from convscope.json_values import Plain
from convscope.kinds.series.readers.segments import Windows
from convscope.kinds.tasks.alarms import Alarm
from convscope.phrasing import plural

TRUE_POSITIVE = 1.0
FALSE_POSITIVE = 0.11
FALSE_NEGATIVE = 1.0
FAR_BEHIND = 3.0
"""Widths of a window behind it, from where on a false detection costs the most."""
OUTSIDE, UNSCORED = -1, -2


@dataclass(frozen=True, eq=False)
class Worth:
    """What a detection at each row of one series is worth.

    Args:
        points: Shape (rows,), float64.
        window: Index of the window that the row lies in, `OUTSIDE` or `UNSCORED`, shape (rows,), int64.
        windows: The number of windows.
    """

    points: npt.NDArray[np.float64]
    window: npt.NDArray[np.int64]
    windows: int


def sigmoid(position: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    r"""$2 / (1 + e^{5 y}) - 1$ at positions in widths of a window: -1 its start, 0 its end; -1 far behind.

    Example:
        >>> sigmoid(np.array([-1.0, 0.0, 4.0])).round(4).tolist()
        [0.9866, 0.0, -1.0]
    """
    near = np.minimum(position, FAR_BEHIND)
    return np.where(position > FAR_BEHIND, -1.0, 2 / (1 + np.exp(5 * near)) - 1)


def worth(rows: int, windows: Sequence[tuple[int, int]], unscored: int = 0) -> Worth:
    """What a detection is worth at each row.

    Args:
        rows: Of the series.
        windows: First and last row of each window, in order.
        unscored: Rows at the beginning in which a detection changes nothing.
    """
    points = np.full(rows, -FALSE_POSITIVE)
    window = np.full(rows, OUTSIDE, np.int64)
    for index, (first, last) in enumerate(windows):
        width = last - first + 1
        inside = np.arange(first, last + 1)
        earliness = sigmoid(-(last - inside + 1) / width) / sigmoid(np.array(-1.0))
        points[inside] = TRUE_POSITIVE * earliness
        window[inside] = index
        behind = np.arange(last + 1, rows)
        points[behind] = FALSE_POSITIVE * sigmoid((behind - last) / max(width - 1, 1))
    window[:unscored] = UNSCORED
    return Worth(points, window, len(windows))


def raw_score(each: Worth, detections: Iterable[int]) -> float:
    """The sum over the detections and windows of one series.

    Args:
        each: What detections are worth.
        detections: Rows of them.
    """
    rows = np.unique(np.fromiter(detections, np.int64))
    total = float(each.points[rows[each.window[rows] == OUTSIDE]].sum())
    for index in range(each.windows):
        inside = rows[each.window[rows] == index]
        total += float(each.points[inside].max()) if len(inside) else -FALSE_NEGATIVE
    return total


def normalized(raw: float, windows: int) -> float:
    """A sum on the scale on which no detections give 0 and perfect ones 100.

    Args:
        raw: Summed over all series.
        windows: Of all series, at least 1.
    """
    null, perfect = -windows * FALSE_NEGATIVE, windows * TRUE_POSITIVE
    return 100 * (raw - null) / (perfect - null)


@dataclass(frozen=True)
class SeriesAlarms:
    """The alarms of one series.

    Args:
        name: The file.
        rows: Rows that were scored.
        alarms: How many there are.
        windows: Known anomalies; None where nothing is known.
        found: Known anomalies in which an alarm begins.
        false: Alarms that begin outside of every known anomaly.
        raw: Sum of the benchmark's points; None where nothing is known.
    """

    name: str
    rows: int
    alarms: int
    windows: int | None = None
    found: int | None = None
    false: int | None = None
    raw: float | None = None


@dataclass(frozen=True)
class AnomalyMetrics(Plain):
    """What alarms are like on one split.

    Args:
        rows: Rows that were scored.
        alarms: How many there are.
        alarms_per_thousand: Alarms for each thousand rows.
        threshold: The score that makes an alarm.
        asked: The rate, in a thousand rows, that the threshold was chosen for.
        known: Whether anomalies are known in any series; the others are None if not, or if there is none.
        windows: Known anomalies.
        recall: Share of the known anomalies in which an alarm begins.
        precision: Share of the alarms that begin in a known anomaly.
        f1: Harmonic mean of both.
        false_per_thousand: Alarms outside of known anomalies for each thousand rows.
        nab_score: The benchmark's score, standard profile.
        series: The alarms of each series.
        row_f1: Harmonic mean of precision and recall of rows, where rows are marked and not windows around
            anomalies; None else.
        false_alarm_rate: Share of the normal rows that reach the threshold, likewise.
        missed_alarm_rate: Share of the anomalous rows that do not, likewise.
    """

    _WHAT = "anomaly metrics"
    _HINT = EVALUATE_AGAIN

    rows: int
    alarms: int
    alarms_per_thousand: float
    threshold: float
    asked: float
    known: bool
    windows: int | None
    recall: float | None
    precision: float | None
    f1: float | None
    false_per_thousand: float | None
    nab_score: float | None
    series: tuple[SeriesAlarms, ...]
    row_f1: float | None = None
    false_alarm_rate: float | None = None
    missed_alarm_rate: float | None = None

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """A row for each series."""
        headings = ("series", "rows", "alarms", "anomalies", "found", "false alarms")
        return headings, [
            (
                Path(each.name).name,
                str(each.rows),
                str(each.alarms),
                *("-" if value is None else str(value) for value in (each.windows, each.found, each.false)),
            )
            for each in self.series
        ]

    def to_line(self) -> str:
        """The metrics of all series."""
        told = f"{plural(self.alarms, 'alarm')} in {self.rows} rows ({self.alarms_per_thousand:.2f} in 1,000)"
        if not self.known:
            return f"{told}, threshold {self.threshold:.2f}"
        if self.nab_score is None:
            return f"{told}, all of them false: there are no anomalies"
        line = (
            f"{told}, of {self.windows} anomalies found {self.recall:.1%}, "
            f"of the alarms {self.precision:.1%} right, NAB score {self.nab_score:.1f}"
        )
        if self.row_f1 is None or self.false_alarm_rate is None or self.missed_alarm_rate is None:
            return line
        return (
            f"{line}; by rows F1 {self.row_f1:.3f}, false alarms {self.false_alarm_rate:.1%}, missed"
            f" {self.missed_alarm_rate:.1%}"
        )

    def to_scores(self) -> tuple[tuple[str, str, str], ...]:
        """The scores at the top of a report."""
        scores = [
            ("alarms", str(self.alarms), f"in {self.rows} rows"),
            (
                "in 1,000 rows",
                f"{self.alarms_per_thousand:.2f}",
                f"threshold {self.threshold:.2f}, chosen without labels for {self.asked:g} in 1,000",
            ),
        ]
        if self.nab_score is not None:
            scores += [
                ("anomalies found", f"{self.recall:.1%}", f"of {self.windows}"),
                ("alarms that are right", f"{self.precision:.1%}", "that begin in a known anomaly"),
                ("NAB score", f"{self.nab_score:.1f}", "standard profile; 0 is silence, 100 perfect"),
            ]
        if self.row_f1 is not None and self.false_alarm_rate is not None:
            rates = f"false alarms {self.false_alarm_rate:.1%}, missed {self.missed_alarm_rate or 0:.1%}"
            scores.append(("F1 of rows", f"{self.row_f1:.3f}", rates))
        return tuple(scores)


@dataclass(frozen=True)
class LabeledAlarms:
    """The alarms of one series and its known anomalies.

    Args:
        name: The file.
        rows: Of the series.
        lead: Rows at its beginning that were not scored.
        alarms: Its alarms.
        windows: Its known anomalies; None where nothing is known.
        over: Whether each row reaches the threshold, shape (rows,), where its rows are marked; None else.
    """

    name: str
    rows: int
    lead: int
    alarms: tuple[Alarm, ...]
    windows: Windows | None
    over: npt.NDArray[np.bool_] | None = None


def anomaly_metrics(alarms_of: Sequence[LabeledAlarms], threshold: float, asked: float) -> AnomalyMetrics:
    """Counts alarms, and compares their beginnings with known anomalies.

    Args:
        alarms_of: One for each series; those without known anomalies count for rows and alarms alone.
        threshold: The score that makes an alarm.
        asked: The rate, in a thousand rows, that it was chosen for.
    """
    series = tuple(_of_series(each) for each in alarms_of)
    rows = sum(each.rows for each in series)
    alarms = sum(each.alarms for each in series)
    known = [each for each in series if each.windows is not None]
    windows = sum(each.windows or 0 for each in known)
    found = sum(each.found or 0 for each in known)
    false = sum(each.false or 0 for each in known)
    raised = sum(each.alarms for each in known)
    recall = found / windows if windows else None
    precision = (raised - false) / raised if raised and windows else 0.0 if windows else None
    return AnomalyMetrics(
        rows=rows,
        alarms=alarms,
        alarms_per_thousand=1000 * alarms / max(rows, 1),
        threshold=threshold,
        asked=asked,
        known=bool(known),
        windows=windows if known else None,
        recall=recall,
        precision=precision,
        f1=_harmonic(precision, recall),
        false_per_thousand=1000 * false / max(sum(each.rows for each in known), 1) if known else None,
        nab_score=normalized(sum(each.raw or 0.0 for each in known), windows) if windows else None,
        series=series,
        **_by_row(alarms_of),
    )


def _by_row(alarms_of: Sequence[LabeledAlarms]) -> dict[str, float | None]:
    """F1 and error rates of rows; nothing where rows are not marked, or none are of that sort."""
    found = np.zeros((2, 2), np.int64)  # whether a row is anomalous, and whether it reaches the threshold
    for each in alarms_of:
        if each.over is None or each.windows is None:
            continue
        true = np.zeros(each.rows, bool)
        for first, last in each.windows:
            true[first : last + 1] = True
        pairs = 2 * true[each.lead :] + each.over[each.lead :]
        found += np.bincount(pairs, minlength=4).reshape(2, 2)
    (quiet, false), (missed, hit) = found.tolist()
    return {
        "row_f1": 2 * hit / (2 * hit + false + missed) if hit + missed else None,
        "false_alarm_rate": false / (quiet + false) if quiet + false else None,
        "missed_alarm_rate": missed / (hit + missed) if hit + missed else None,
    }


def _of_series(each: LabeledAlarms) -> SeriesAlarms:
    rows = each.rows - each.lead
    if each.windows is None:
        return SeriesAlarms(each.name, rows, len(each.alarms))
    starts = [alarm.start for alarm in each.alarms]
    found = sum(any(first <= start <= last for start in starts) for first, last in each.windows)
    false = sum(not any(first <= start <= last for first, last in each.windows) for start in starts)
    raw = raw_score(worth(each.rows, each.windows, each.lead), starts)
    return SeriesAlarms(each.name, rows, len(starts), len(each.windows), found, false, raw)


def _harmonic(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
