"""Forecasts: what enters a window, what they are compared with, and what is told of them."""

import numpy as np
import pytest
from small_series import write_hours, write_watched

pytest.importorskip("pandas")

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError, UsageError
from convscope.kinds.series.detect import detect
from convscope.kinds.series.forecasting.intervals import LEVELS, ForecastIntervals, next_times
from convscope.kinds.series.forecasting.metrics import MODEL, NAIVE, SEASONAL, forecast_metrics
from convscope.kinds.series.forecasting.recipe import read, read_inputs
from convscope.kinds.series.forecasting.representation import ForecastRepresentation, period_of
from convscope.kinds.series.forecasting.rolling import following, seasons_before
from convscope.kinds.series.forecasting.task import ForecastExamples


def write_counted(folder, rows=200, name="counted.csv"):
    """A table of a variable that is the number of its row."""
    folder.mkdir(parents=True, exist_ok=True)
    start = np.datetime64("2026-01-01T00:00")
    lines = ["time,level", *(f"{start + np.timedelta64(row, 'h')},{row}" for row in range(rows))]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_tables_are_divided_by_time_and_never_chosen_for_forecasts(tmp_path):
    path = write_hours(tmp_path / "data", rows=500)
    splits = read(path, window=24, horizon=6)
    assert [splits[name].samples.key(0) for name in ("train", "validation", "test")] == [
        "hours.csv#1-280",
        "hours.csv#281-400",
        "hours.csv#401-500",
    ]
    assert detect(DataSnapshot(path)) is None or detect(DataSnapshot(path)).recipe != "series-forecasting"
    marked = read(write_watched(tmp_path / "marked", rows=1800), window=24, horizon=6)
    assert marked.test.samples.load(0).variables == ("flow", "heat")
    assert any("'anomaly' marks anomalies and is left out" in line for line in marked.decisions)


def test_no_row_that_is_forecast_enters_an_input_and_no_row_of_another_split_is_a_target(tmp_path):
    splits = read(write_counted(tmp_path), window=16, horizon=5)
    made, _ = ForecastRepresentation.fit(splits.train, window=16, horizon=5)
    bounds = {"train": (0, 112), "validation": (112, 160), "test": (160, 200)}
    for name, (first, behind) in bounds.items():
        windows = made.origins(splits[name].samples)
        examples = ForecastExamples(windows, 5, len(windows))
        inputs, targets, weights = examples.batch(np.arange(len(windows)), None)
        inputs, targets = (
            np.rint(each[..., 0] * made.spread[0] + made.centre[0]) for each in (inputs, targets)
        )
        np.testing.assert_array_equal(inputs[:, :-1] + 1, inputs[:, 1:])
        np.testing.assert_array_equal(targets, inputs[:, -1:] + np.arange(1, 6))
        assert targets.min() == max(first, 16)
        assert targets.max() == behind - 1
        assert (weights == 1).all()


def test_random_windows_of_a_training_keep_inputs_before_targets(tmp_path):
    splits = read(write_counted(tmp_path), window=16, horizon=5)
    made, _ = ForecastRepresentation.fit(splits.train, window=16, horizon=5)
    examples = ForecastExamples(made.origins(splits.train.samples), 5, 20)
    inputs, targets, _ = examples.batch(np.arange(20), np.random.default_rng(0))
    assert (inputs[:, -1, 0] < targets[:, 0, 0]).all()
    assert np.isfinite(targets).all()


def test_naive_forecasts_look_at_known_rows_alone():
    last = np.array([40, 57])
    for period in (1, 3, 7, 12):
        places = seasons_before(last, 10, period)
        assert (places <= last[:, None]).all()
        assert ((following(last, 10) - places) % period == 0).all()


@pytest.mark.parametrize("period", [7, 12, 24])
def test_the_period_is_found_below_noise_and_a_trend(period):
    rng, at = np.random.default_rng(0), np.arange(600)
    season = np.sin(2 * np.pi * at / period) + rng.normal(0, 0.3, 600) + 0.01 * at
    assert period_of([season[:, None]])[0] == period
    assert period_of([rng.normal(size=(600, 1))]) == (0, 0.0)
    assert period_of([np.zeros((600, 1))]) == (0, 0.0)


@pytest.mark.parametrize(
    ("times", "following_times"),
    [
        (["2026-01-01T00:00", "2026-01-01T00:15"], ["2026-01-01T00:30", "2026-01-01T00:45"]),
        (["2025-10-01", "2025-11-01", "2025-12-01"], ["2026-01-01", "2026-02-01"]),
        (["2026-01-31", "2026-02-28", "2026-03-31"], ["2026-04-30", "2026-05-31"]),
        (["2025-01-01", "2025-04-01", "2025-07-01"], ["2025-10-01", "2026-01-01"]),
        (["2023-01-01", "2024-01-01", "2025-01-01"], ["2026-01-01", "2027-01-01"]),
        (["2026-01-30", "2026-01-31", "2026-02-01"], ["2026-02-02", "2026-02-03"]),
    ],
)
def test_times_go_on_as_the_file_does(times, following_times):
    found = next_times(np.array(times, "datetime64[ns]"), 2)
    np.testing.assert_array_equal(found, np.array(following_times, "datetime64[ns]"))


def test_intervals_hold_their_share_and_have_no_end_where_too_few_rows_were_held_out():
    rng = np.random.default_rng(0)
    errors = np.abs(rng.normal(0, [[1.0], [2.0], [4.0]], (999, 3, 1)))
    made = ForecastIntervals.fit(errors)
    again = ForecastIntervals.from_json(made.to_json(), 3, 1)
    np.testing.assert_allclose(again.widths, made.widths, atol=1e-6)
    for coverage in (0.5, 0.9):
        half = made.half(coverage)
        assert (errors <= half).mean() == pytest.approx(coverage, abs=0.005)
        assert half[0, 0] < half[1, 0] < half[2, 0]
    assert np.isinf(ForecastIntervals.fit(errors[:5]).half(0.9)).all()
    assert len(made.to_json()["half_widths"]) == len(LEVELS)
    with pytest.raises(UsageError, match="coverage must be above 0"):
        made.half(0.999)


def test_a_forecast_without_a_model_that_is_better_is_said_to_be():
    true = np.arange(24.0).reshape(4, 3, 2)
    forecasts = {MODEL: true + 2, NAIVE: true + 3, SEASONAL: true + 1}
    scales = np.array([1.0, 10.0]), np.array([2.0, 4.0])
    found = forecast_metrics(true, forecasts, scales, ("a", "b"), None, 0.9, 3)
    assert (found.better, found.whole(MODEL).mase) == (SEASONAL, pytest.approx((1 + 0.5) / 2))
    assert "The model is worse than repeating the last period (seasonal-naive)" in found.to_line()
    assert [row[:2] for row in found.to_table()[1][3:5]] == [("a", "model"), ("a", "naive")]
    good = forecast_metrics(true, {**forecasts, MODEL: true}, scales, ("a", "b"), np.ones((3, 2)), 0.9, 3)
    assert (good.better, good.coverage) == ("", 1.0)
    assert type(found).from_json(found.to_json()) == found


def test_a_missing_value_is_not_judged():
    true = np.array([[[1.0], [np.nan]]])
    found = forecast_metrics(
        true, {MODEL: np.array([[[2.0], [9.0]]])}, (np.ones(1), np.ones(1)), ("a",), None, 0.9, 0
    )
    assert found.whole(MODEL).mae == 1.0


def test_what_is_too_short_or_of_another_step_is_told(tmp_path):
    path = write_counted(tmp_path)
    for options in ({"window": 128}, {"window": 16, "horizon": 45}):
        with pytest.raises(DataError, match="expected a series of"):
            read(path, **options)
    with pytest.raises(UsageError, match="window of at least 8"):
        read(path, window=4)
    made, _ = ForecastRepresentation.fit(read(path, window=16, horizon=5).train, 16, 5)
    series = read_inputs([str(path)]).load(0)
    made.check(series, "counted.csv")
    with pytest.raises(DataError, match="at least 16 rows"):
        made.check(type(series)(series.values[:9], series.variables, series.times[:9]), "short.csv")
    other = type(series)(series.values[:40], series.variables, series.times[:160:4])
    with pytest.raises(DataError, match="received rows 4 h apart"):
        made.check(other, "slow.csv")


def test_a_gap_is_filled_before_rows_are_forecast(tmp_path):
    path = write_counted(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:50] + lines[53:]) + "\n")
    splits = read(path, window=16, horizon=5)
    assert any("filled by interpolation" in line for line in splits.decisions)
    np.testing.assert_allclose(splits.train.samples.load(0).values[:112, 0], np.arange(112))
