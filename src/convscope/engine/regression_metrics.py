"""How good predicted numbers are, beside what the mean of the train split would have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.engine.classification_metrics import EVALUATE_AGAIN
from convscope.errors import DataError
from convscope.json_values import Plain

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RegressionMetrics(Plain):
    """Errors of predicted numbers.

    Args:
        samples: How many.
        mae: Mean absolute error, in units of the numbers.
        rmse: Root of the mean squared error.
        r2: Share of the variance of the numbers that is explained; None of a single one or equal ones.
        baseline_mae: The mean absolute error of the mean of the train split.
        baseline_rmse: The root of its mean squared error.
        coverage: Share of the numbers that intervals hold; None without intervals.
        promised: Share that they are meant to hold.
        width: Mean width of intervals.
    """

    _WHAT = "regression metrics"
    _HINT = EVALUATE_AGAIN

    samples: int
    mae: float
    rmse: float
    r2: float | None
    baseline_mae: float
    baseline_rmse: float
    coverage: float | None = None
    promised: float | None = None
    width: float | None = None

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The errors of the model above those of the mean."""
        r2 = "" if self.r2 is None else f"{self.r2:.3f}"
        return ("prediction", "MAE", "RMSE", "R2"), [
            ("model", f"{self.mae:.4g}", f"{self.rmse:.4g}", r2),
            ("mean of train", f"{self.baseline_mae:.4g}", f"{self.baseline_rmse:.4g}", ""),
        ]

    def to_line(self) -> str:
        """The metrics of the whole split."""
        r2 = "" if self.r2 is None else f", R2 {self.r2:.3f}"
        held = "" if self.coverage is None else f"; intervals of {self.promised:.0%} hold {self.coverage:.0%}"
        return (
            f"MAE {self.mae:.4g}, RMSE {self.rmse:.4g}{r2} on {self.samples} test samples (the mean of train:"
            f" MAE {self.baseline_mae:.4g}, RMSE {self.baseline_rmse:.4g}){held}"
        )

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        scores: list[tuple[str, float | str] | tuple[str, float | str, str]] = [
            ("MAE", f"{self.mae:.4g}", f"{self.baseline_mae:.4g} by the mean of train"),
            ("RMSE", f"{self.rmse:.4g}", f"{self.baseline_rmse:.4g} by the mean of train"),
        ]
        if self.r2 is not None:
            scores.append(("R2", f"{self.r2:.3f}", "share of the variance that is explained"))
        if self.coverage is not None:
            scores.append(("Coverage", f"{self.coverage:.1%}", f"of intervals of {self.promised:.0%}"))
        return [*scores, ("Test samples", self.samples)]


def regression_metrics(
    true: Numbers,
    predicted: Numbers,
    baseline: float,
    half_width: float | None = None,
    promised: float | None = None,
) -> RegressionMetrics:
    """Compares predicted numbers with true ones.

    Args:
        true: Shape (samples,).
        predicted: Shape (samples,).
        baseline: The mean of the train split.
        half_width: Of the intervals around predictions; None without.
        promised: Share of true numbers that intervals are meant to hold.

    Raises:
        DataError: There is nothing to evaluate, or something is not finite.

    Example:
        >>> regression_metrics(np.array([1.0, 3.0]), np.array([1.0, 2.0]), 2.0).mae
        0.5
    """
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    if not len(true) or not (np.isfinite(true).all() and np.isfinite(predicted).all()):
        raise DataError("expected finite numbers and predictions to evaluate, received others or none")
    mean = np.full(len(true), baseline)
    r2 = float(r2_score(true, predicted)) if len(true) > 1 and np.ptp(true) > 0 else None
    held = None if half_width is None else float(np.mean(np.abs(true - predicted) <= half_width))
    return RegressionMetrics(
        len(true),
        float(mean_absolute_error(true, predicted)),
        float(root_mean_squared_error(true, predicted)),
        r2,
        float(mean_absolute_error(true, mean)),
        float(root_mean_squared_error(true, mean)),
        held,
        None if half_width is None else promised,
        None if half_width is None else 2 * half_width,
    )
