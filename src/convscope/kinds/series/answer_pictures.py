"""Pictures of what is answered over time: alarms of series, and lives of units cycle by cycle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from convscope.kinds.series.anomaly.detector import Scored
from convscope.kinds.series.anomaly.figure import draw_anomalies
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.remaining_life.figure import UnitLife, draw_life
from convscope.lenses.pages.pages import Picture

SERIES = 4
"""Series that are drawn."""
UNITS = 12
"""Units that are drawn."""


def alarm_picture(
    series: Series, scored: Scored, name: str, windows: Sequence[tuple[int, int]] = ()
) -> Picture:
    """A series with its scores and alarms.

    Args:
        series: As it was read.
        scored: Its scores.
        name: What it is called.
        windows: First and last row of each known anomaly.
    """
    alarms = [(alarm.start, alarm.end + 1, alarm.variable) for alarm in scored.alarms]
    known = [(first, last + 1) for first, last in windows]

    def draw(theme: str) -> Figure:
        return draw_anomalies(
            series.values,
            series.times,
            scored.scores,
            scored.parts,
            scored.threshold,
            alarms,
            windows=known,
            names=series.variables,
            caption=Path(name).name,
            theme=theme,
        )

    return Picture(draw, f"scores and alarms of {Path(name).name}")


def life_picture(
    names: Sequence[str],
    cycles: Sequence[npt.NDArray[np.float64]],
    lives: Sequence[npt.NDArray[np.float64]],
    intervals: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    true: Sequence[Any] | None,
    *,
    coverage: float,
    cap: float,
    of: int,
) -> Picture:
    """The predicted lives of some units after each of their cycles.

    Args:
        names: The units.
        cycles: Of each unit, when.
        lives: What was predicted then.
        intervals: Lower and upper ends; infinite where there is none.
        true: What was true; None where that is not known.
        coverage: Share of intervals that hold the truth.
        cap: The longest life that is told apart.
        of: How many units there are.
    """
    units = [
        UnitLife(
            Path(name).name,
            cycles[i],
            lives[i],
            *intervals[i],
            None if true is None else np.minimum(np.asarray(true[i], np.float64), cap),
        )
        for i, name in enumerate(names)
    ]
    draw = partial(_draw_units, units, coverage, cap, of)
    return Picture(draw, f"remaining life of {', '.join(unit.name for unit in units)}")


def _draw_units(units: Sequence[UnitLife], coverage: float, cap: float, of: int, theme: str) -> Figure:
    return draw_life(units, coverage=coverage, cap=cap, of=of, theme=theme)
