"""What mattered in a search, as a table and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convscope.csv_text import csv_text
from convscope.files import written_whole
from convscope.lenses.figures.importance import Bar, Panel, draw_importance
from convscope.lenses.sheet.figure_files import save_figure
from convscope.option import Value
from convscope.workflows.search.importance import Importance, order_of
from convscope.workflows.search.results import TrialResult, full_settings
from convscope.workflows.search.space import Space, said

BARS, PANELS = 12, 4
"""How many settings are drawn at most."""
TICKS = 5
"""Numbers below a panel of a setting that may be any number."""


def write_importance(
    folder: Path,
    found: Importance,
    trials: Sequence[TrialResult],
    values: Sequence[float],
    spaces: Sequence[Space],
    measure: str,
) -> None:
    """Writes `importance.csv` and `importance.png`.

    Args:
        folder: Of the search.
        found: What mattered.
        trials: Those that were compared, the default first.
        values: What each of them had reached.
        spaces: What was tried.
        measure: What was reached, in words.
    """
    rows: list[Sequence[object]] = [("setting", "importance", "low", "high")]
    rows += [(each.name, each.mean, each.low, each.high) for each in found.settings]
    with written_whole(folder / "importance.csv") as part:
        part.write_text(csv_text(rows, safe=True), "utf-8")
    names = [each.name for each in found.settings] or ["architecture"]
    panels = [_panel(name, trials, values, spaces) for name in names]
    figure = draw_importance(
        [Bar(each.name, each.mean, each.low, each.high) for each in found.settings[:BARS]],
        [each for each in panels if len(set(each.places)) > 1][:PANELS],
        measure=measure,
        title="What mattered in the search",
        lead=f"{found.finding} The values are the {measure} {found.measured}, with one seed.",
    )
    save_figure(figure, folder / "importance.png")


def _panel(
    name: str, trials: Sequence[TrialResult], values: Sequence[float], spaces: Sequence[Space]
) -> Panel:
    """What trials reached with each value of a setting; those without it are left out."""
    found: list[tuple[Value, float, bool]] = []
    for each, value in zip(trials, values, strict=True):
        settings = full_settings(each.trial, spaces)
        if settings.get(name) is not None:
            usual = name not in each.trial.values
            if name == "architecture":
                usual = each.trial.architecture == trials[0].trial.architecture
            found.append((settings[name], value, usual))
    continuous = any(each.name == name and each.continuous for space in spaces for each in space.dimensions)
    chosen = [setting for setting, _, _ in found]
    ticks, places = _along_logarithm(chosen) if continuous else _side_by_side(chosen)
    return Panel(name, ticks, places, [value for _, value, _ in found], [usual for _, _, usual in found])


def _side_by_side(values: Sequence[Value]) -> tuple[list[str], list[float]]:
    """Names of the values in their order, and the place of each."""
    order = order_of(values)
    return [said(each) for each in order], [float(order[each]) for each in values]


def _along_logarithm(values: Sequence[Value]) -> tuple[list[str], list[float]]:
    """Numbers along a logarithmic scale, and the place of each value among them."""
    numbers = [math.log(each) for each in values if isinstance(each, int | float) and each > 0]
    low, high = min(numbers), max(numbers)
    if high == low:
        return [said(values[0])], [0.0] * len(values)
    ticks = [f"{math.exp(each):.2g}" for each in np.linspace(low, high, TICKS)]
    return ticks, [(each - low) / (high - low) * (TICKS - 1) for each in numbers]
