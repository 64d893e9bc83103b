"""What is told of a forecast: the values of each row behind the end of a series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIGITS = 6


@dataclass(frozen=True)
class ForecastPrediction:
    """The forecast of one row behind the end of a series.

    Args:
        name: The file.
        step: How many rows ahead, from 1.
        time: When it is for; None where the series has no times.
        values: Of each variable.
        low: Lower end of each interval; None where it has none.
        high: Upper end.
        coverage: Share of true values that such intervals hold.
    """

    name: str
    step: int
    time: str | None
    values: Mapping[str, float]
    low: Mapping[str, float | None]
    high: Mapping[str, float | None]
    coverage: float

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "sample": self.name,
            "step": self.step,
            "time": self.time,
            "values": dict(self.values),
            "low": dict(self.low),
            "high": dict(self.high),
            "coverage": self.coverage,
        }

    def to_row(self) -> dict[str, str]:
        """All of it, three columns for each variable; an end that there is not is empty."""
        row = {"sample": self.name, "step": str(self.step), "time": self.time or ""}
        for name, value in self.values.items():
            row[name if name not in row else f"value of {name}"] = f"{value:.{DIGITS}g}"
            row[f"low of {name}"] = _number(self.low[name])
            row[f"high of {name}"] = _number(self.high[name])
        return row

    def to_cells(self) -> dict[str, str]:
        """Time and values with their intervals."""
        cells = {"series": Path(self.name).name, "step": str(self.step), "time": self.time or ""}
        for name, value in self.values.items():
            low, high = self.low[name], self.high[name]
            interval = "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"
            cells[name if name not in cells else f"value of {name}"] = f"{value:.4g}{interval}"
        return cells


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.{DIGITS}g}"
