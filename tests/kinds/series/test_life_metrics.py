"""Metrics of remaining lives against numbers that are computed by hand."""

import json

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.series.remaining_life.metrics import LifeMetrics, life_metrics, nasa_score


def some(count=200, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 160, count)
    predicted = np.clip(true + rng.normal(0, 12, count), 0, 125)
    return true, predicted, predicted - 15, np.where(predicted + 15 >= 125, np.inf, predicted + 15)


def test_errors_are_those_of_scikit_learn_with_lives_capped_and_not():
    true, predicted, low, high = some()
    metrics = life_metrics(true, predicted, low, high, 125, 0.8)
    capped = np.minimum(true, 125)
    assert metrics.rmse == pytest.approx(root_mean_squared_error(capped, predicted))
    assert metrics.rmse_uncapped == pytest.approx(root_mean_squared_error(true, predicted))
    assert metrics.mae == pytest.approx(mean_absolute_error(capped, predicted))
    assert metrics.coverage == np.mean([a <= t <= b for a, t, b in zip(low, true, high, strict=True)])
    assert metrics.samples == sum(each.count for each in metrics.ranges) == 200


@pytest.mark.parametrize(
    ("error", "cost"), [([0.0], 0.0), ([-13.0], np.e - 1), ([10.0], np.e - 1), ([10.0, -13.0], 2 * np.e - 2)]
)
def test_the_score_costs_as_much_ten_cycles_too_late_as_thirteen_too_early(error, cost):
    assert nasa_score(np.array(error)) == pytest.approx(cost)


def test_ranges_tell_where_lives_are_wrong():
    true = np.array([5.0, 10.0, 60.0, 140.0])
    predicted = np.array([15.0, 10.0, 50.0, 125.0])
    metrics = life_metrics(true, predicted, predicted - 5, predicted + 20, 125, 0.9)
    first, _, third, _, last = metrics.ranges
    assert (first.low, first.high, first.count, first.bias, first.coverage) == (0, 25, 2, 5.0, 0.5)
    assert (third.count, third.rmse, third.coverage) == (1, 10.0, 1.0)
    assert (last.low, last.high, last.count, last.rmse) == (100, None, 1, 0.0)
    headings, rows = metrics.to_table()
    assert len(headings) == len(rows[0]) == 5
    assert [row[0] for row in rows] == ["0 to 25", "50 to 75", "100 and more"]
    assert "RMSE" in metrics.to_line()
    assert metrics.to_scores()[0][1] == f"{metrics.rmse:.2f}"


def test_metrics_survive_json():
    metrics = life_metrics(*some(), 125, 0.9)
    assert LifeMetrics.from_json(json.loads(json.dumps(metrics.to_json()))) == metrics
    with pytest.raises(RunError, match="Expected remaining-life metrics"):
        LifeMetrics.from_json({"rmse": 1})


def test_what_cannot_be_evaluated_is_refused():
    true, predicted, low, high = some(4)
    with pytest.raises(UsageError, match="one shape"):
        life_metrics(true[:3], predicted, low, high, 125, 0.9)
    with pytest.raises(DataError, match="no units"):
        life_metrics(true[:0], predicted[:0], low[:0], high[:0], 125, 0.9)
    with pytest.raises(DataError, match="must be finite"):
        life_metrics(true, predicted * np.nan, low, high, 125, 0.9)
