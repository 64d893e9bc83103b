"""What is told about anomalies: alarms of a series, and the score of each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DIGITS = 4


@dataclass(frozen=True)
class AlarmPrediction:
    """An alarm of a series, or that there is none.

    Args:
        name: The file.
        start: Its first row, counted from 1; None where the series has no alarm.
        end: Its last row.
        start_time: When the first row was measured, where that is known.
        end_time: The same of the last row.
        score: The highest score: -log10 of the share of normal rows that score as high.
        variable: What caused it.
        shares: How much each variable had a part in it, summing to 1.
    """

    name: str
    start: int | None = None
    end: int | None = None
    start_time: str | None = None
    end_time: str | None = None
    score: float | None = None
    variable: str | None = None
    shares: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "sample": self.name,
            "alarm": self.start is not None,
            "start": self.start,
            "end": self.end,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "score": self.score,
            "variable": self.variable,
            "shares": dict(self.shares),
        }

    def to_row(self) -> dict[str, str]:
        """All of it, except for the shares; empty where there is no alarm."""
        plain = self.to_json()
        del plain["shares"], plain["alarm"]
        plain["score"] = "" if self.score is None else f"{self.score:.{DIGITS}f}"
        return {name: "" if value is None else str(value) for name, value in plain.items()}

    def to_cells(self) -> dict[str, str]:
        """Interval, score and cause."""
        if self.start is None or self.score is None:
            return {"series": self.name, "from": "no alarm", "to": "", "rows": "", "score": "", "cause": ""}
        ranked = sorted(self.shares.items(), key=lambda item: -item[1])[:3]
        several = ", ".join(f"{name} {share:.0%}" for name, share in ranked)
        return {
            "series": self.name,
            "from": self.start_time or f"row {self.start}",
            "to": self.end_time or f"row {self.end}",
            "rows": f"{self.start} to {self.end}",
            "score": f"{self.score:.1f}",
            "cause": several if len(self.shares) > 1 else str(self.variable),
        }


@dataclass(frozen=True)
class RowPrediction:
    """The score of one row, in a series or in a stream.

    Args:
        name: The file, or `line` of a stream.
        row: Counted from 1; in a stream the number of the line.
        time: When it was measured: as the stream wrote it, or as a series is read, in UTC.
        score: -log10 of the share of normal rows that score as high; None for a line that is no row.
        alarm: Whether it belongs to an alarm.
        begins: Whether the alarm begins with it.
        variable: The most surprising variable.
        scores: Of each variable; None for a line that is no row.
        error: What is wrong with a line that is no row.
    """

    name: str
    row: int
    time: str | None
    score: float | None
    alarm: bool = False
    begins: bool = False
    variable: str | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it; `error` only where there is one."""
        plain = {
            "sample": self.name,
            "row": self.row,
            "time": self.time,
            "score": self.score,
            "alarm": self.alarm,
            "begins": self.begins,
            "variable": self.variable,
            "scores": dict(self.scores),
        }
        return plain if self.error is None else {**plain, "error": self.error}

    def to_row(self) -> dict[str, str]:
        """All of it, a column for the score of each variable."""
        return {
            "sample": self.name,
            "row": str(self.row),
            "time": self.time or "",
            "score": "" if self.score is None else f"{self.score:.{DIGITS}f}",
            "alarm": "1" if self.alarm else "0",
            "begins": "1" if self.begins else "0",
            "variable": self.variable or "",
            **{
                f"score of {name}": "" if score is None else f"{score:.{DIGITS}f}"
                for name, score in self.scores.items()
            },
        }

    def to_cells(self) -> dict[str, str]:
        """Row, score, and whether it is an alarm."""
        said = "begins" if self.begins else "goes on" if self.alarm else ""
        return {
            "row": str(self.row),
            "time": self.time or "",
            "score": "" if self.score is None else f"{self.score:.2f}",
            "alarm": self.error or said,
            "variable": (self.variable or "") if self.alarm else "",
        }
