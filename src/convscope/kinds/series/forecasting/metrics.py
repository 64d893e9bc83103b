"""How good forecasts are: errors over all steps ahead, beside those of forecasts that need no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.engine.metrics import EVALUATE_AGAIN
from convscope.json_values import Plain

Floats = npt.NDArray[np.float64]

MODEL, NAIVE, SEASONAL = "model", "naive", "seasonal-naive"
SAID = {NAIVE: "repeating the last value", SEASONAL: "repeating the last period"}


@dataclass(frozen=True)
class ForecastErrors:
    """The errors of one way to forecast one variable.

    Args:
        forecast: `model`, `naive` (the last value) or `seasonal-naive` (the last period).
        variable: Which; empty for all variables.
        mae: Mean absolute error, in the units of the variable; of several variables together in standard
            deviations of train.
        rmse: Root of the mean squared error, likewise.
        mase: Mean absolute error in units of the usual change in train; None of a constant variable.
        smape: Symmetric mean absolute percentage error, from 0 to 200.
    """

    forecast: str
    variable: str
    mae: float
    rmse: float
    mase: float | None
    smape: float


@dataclass(frozen=True)
class ForecastMetrics(Plain):
    """How good forecasts of one split are.

    Args:
        origins: Rows that were forecast from.
        horizon: Rows that were forecast from each.
        period: Rows of a season; 0 without.
        coverage: Share of true values within their interval; None without intervals.
        promised: Share that intervals are meant to hold.
        width: Mean width of the intervals, in standard deviations of train; None without.
        errors: Of each way to forecast: all variables first, then each variable.
    """

    _WHAT = "forecast metrics"
    _HINT = EVALUATE_AGAIN

    origins: int
    horizon: int
    period: int
    coverage: float | None
    promised: float
    width: float | None
    errors: tuple[ForecastErrors, ...]

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """A row for each way to forecast: of all variables, then of each."""
        several = len({each.variable for each in self.errors}) > 1
        return ("variable", "forecast", "MAE", "RMSE", "MASE", "sMAPE"), [
            (
                each.variable or ("all, in deviations of train" if several else "all"),
                each.forecast,
                f"{each.mae:.4g}",
                f"{each.rmse:.4g}",
                "-" if each.mase is None else f"{each.mase:.3f}",
                f"{each.smape:.1f} %",
            )
            for each in self.errors
        ]

    def whole(self, forecast: str) -> ForecastErrors | None:
        """The errors over all variables; None where there is no such forecast."""
        return next((each for each in self.errors if each.forecast == forecast and not each.variable), None)

    @property
    def better(self) -> str:
        """The forecast without a model that beats it, the best first; empty where none does."""
        model = self.whole(MODEL)
        others = [each for each in map(self.whole, (NAIVE, SEASONAL)) if each is not None]
        best = min(others, key=_rank, default=None)
        return "" if model is None or best is None or _rank(best) >= _rank(model) else best.forecast

    def to_line(self) -> str:
        """The metrics of all variables."""
        told = []
        for name in (MODEL, NAIVE, SEASONAL):
            each = self.whole(name)
            if each is not None:
                by = f"MAE {each.mae:.4g}" if each.mase is None else f"MASE {each.mase:.3f}"
                told.append(f"{by} ({name})")
        line = f"{', '.join(told)} over {self.horizon} rows ahead, from {self.origins} test rows"
        if self.coverage is not None and self.width is not None:
            line += (
                f"; intervals of {self.promised:.0%} cover {self.coverage:.0%} and are {self.width:.2f}"
                " standard deviations wide"
            )
        if self.better:
            line += f". {self._lost()}"
        return line

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        model = self.whole(MODEL)
        scores: list[tuple[str, float | str] | tuple[str, float | str, str]] = []
        if model is not None:
            mase = "-" if model.mase is None else f"{model.mase:.3f}"
            scores += [
                ("MASE", mase, self._lost() or "below 1: better than the usual change"),
                ("MAE", f"{model.mae:.4g}"),
                ("RMSE", f"{model.rmse:.4g}"),
                ("sMAPE", f"{model.smape:.1f} %"),
            ]
        if self.coverage is not None:
            scores.append(("Coverage", f"{self.coverage:.1%}", f"of intervals of {self.promised:.0%}"))
        return [*scores, ("Forecasts", self.origins, f"of {self.horizon} rows each")]

    def _lost(self) -> str:
        return f"The model is worse than {SAID[self.better]} ({self.better})" if self.better else ""


def forecast_metrics(
    true: Floats,
    forecasts: Mapping[str, Floats],
    scales: tuple[Floats, Floats],
    variables: Sequence[str],
    half_widths: Floats | None,
    promised: float,
    period: int,
) -> ForecastMetrics:
    """Compares forecasts with what came.

    Args:
        true: Shape (origins, horizon, variables), NaN where it is not known.
        forecasts: Of the same shape, by name.
        scales: The spread and the usual change of each variable in train.
        variables: Their names.
        half_widths: Of intervals, shape (horizon, variables), infinite where there are none; None without.
        promised: Share of true values that intervals are meant to hold.
        period: Rows of a season; 0 without.
    """
    spread, change = scales
    errors: list[ForecastErrors] = []
    for name, forecast in forecasts.items():
        by_variable = [
            _errors(name, variable, true[..., k], forecast[..., k], float(change[k]))
            for k, variable in enumerate(variables)
        ]
        if len(variables) == 1:
            only = by_variable[0]
            errors.append(ForecastErrors(name, "", only.mae, only.rmse, only.mase, only.smape))
            continue
        whole = _errors(name, "", true / spread, forecast / spread, 0.0)
        known = [each.mase for each in by_variable if each.mase is not None]
        mase = float(np.mean(known)) if known else None
        smape = float(np.mean([each.smape for each in by_variable]))
        errors += [ForecastErrors(name, "", whole.mae, whole.rmse, mase, smape), *by_variable]
    coverage = width = None
    if half_widths is not None and np.isfinite(half_widths).all():
        known_values = ~np.isnan(true)
        inside = np.abs(true - forecasts[MODEL]) <= half_widths
        coverage = float(inside[known_values].mean()) if known_values.any() else None
        width = float((2 * half_widths / spread).mean())
    order = {variable: place for place, variable in enumerate(("", *variables))}
    ranked = sorted(errors, key=lambda each: order[each.variable])
    return ForecastMetrics(len(true), true.shape[1], period, coverage, promised, width, tuple(ranked))


def _errors(name: str, variable: str, true: Floats, forecast: Floats, change: float) -> ForecastErrors:
    known = ~np.isnan(true)
    if not known.any():
        return ForecastErrors(name, variable, 0.0, 0.0, None, 0.0)
    off = np.abs(true[known] - forecast[known])
    size = np.abs(true[known]) + np.abs(forecast[known])
    smape = 200 * float(np.mean(np.where(size > 0, off / np.where(size > 0, size, 1.0), 0.0)))
    mae = float(off.mean())
    mase = mae / change if change > 0 else None
    return ForecastErrors(name, variable, mae, float(np.sqrt(np.mean(off**2))), mase, smape)


def _rank(each: ForecastErrors) -> float:
    return each.mae if each.mase is None else each.mase
