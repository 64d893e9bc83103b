"""Intervals cover what they promise, also where rows of a unit resemble each other and few were held out."""

import json
from itertools import pairwise

import numpy as np
import pytest

from convscope.errors import RunError, UsageError
from convscope.kinds.series.remaining_life.intervals import BANDS, LEVELS, LifeIntervals, units_needed

CAP = 100.0


def drawn(rng, units):
    """Lives of units row by row, and predictions that are off by something of the unit's own."""
    true, predicted = [], []
    for _ in range(units):
        lives = np.arange(rng.integers(60, 200))[::-1].astype(float)
        own = rng.normal(0, 10)
        said = np.minimum(lives, CAP) + own * (lives / 150) + rng.normal(0, 2, len(lives))
        true.append(lives)
        predicted.append(np.clip(said, 0, CAP))
    return true, predicted


@pytest.mark.parametrize(("units", "coverage"), [(12, 0.9), (30, 0.8), (9, 0.5)])
def test_a_new_unit_is_covered_as_often_as_promised_in_every_band(units, coverage):
    rng = np.random.default_rng(0)
    held = [[] for _ in range(BANDS)]
    for _ in range(150):
        intervals = LifeIntervals.fit(*drawn(rng, units), CAP)
        (true,), (predicted,) = drawn(rng, 1)
        low, high = intervals.around(predicted, coverage)
        inside = (low <= true) & (true <= high)
        band = np.clip(predicted * BANDS // CAP, 0, BANDS - 1)
        for number in np.unique(band).astype(int):
            held[number].append(inside[band == number].mean())
    means = [np.mean(each) for each in held]
    # 150 units: three standard errors of their mean.
    assert min(means) >= coverage - 3 * np.sqrt(coverage * (1 - coverage) / 150)
    assert np.mean(means) <= coverage + 0.15


def test_a_half_width_is_the_weighted_quantile_of_errors_by_hand():
    true = [np.array([10.0, 10.0]), np.array([10.0])]
    predicted = [np.array([11.0, 12.0]), np.array([15.0])]
    intervals = LifeIntervals.fit(true, predicted, CAP)
    # Weights of the errors 1, 2 and 5 are 1/6, 1/6 and 1/3; 1/3 lies at infinity.
    for coverage, half in ((0.1, 1), (0.16, 1), (0.17, 2), (0.33, 2), (0.34, 5), (0.66, 5), (0.67, np.inf)):
        low, high = intervals.around(np.array([20.0]), coverage)
        assert (low[0], high[0]) == ((20 - half, 20 + half) if np.isfinite(half) else (0, np.inf))


def test_with_too_few_units_an_interval_has_no_ends():
    for coverage in (0.5, 0.9, 0.95):
        for units in range(max(1, units_needed(coverage) - 2), units_needed(coverage) + 2):
            true = [np.full(3, 40.0)] * units
            intervals = LifeIntervals.fit(true, [each + 1 for each in true], CAP)
            high = intervals.around(np.array([41.0]), coverage)[1]
            assert np.isfinite(high[0]) == (units >= units_needed(coverage))


def test_an_interval_that_reaches_the_cap_has_no_upper_end_and_none_reaches_below_zero():
    intervals = LifeIntervals.fit(*drawn(np.random.default_rng(1), 40), CAP)
    said = np.linspace(0, CAP, 50)
    low, high = intervals.around(said, 0.9)
    assert np.all(low >= 0)
    assert np.all((high < CAP) | np.isinf(high))
    assert np.isinf(high[-1])
    assert np.isfinite(high[0])


def test_more_is_covered_by_wider_intervals():
    intervals = LifeIntervals.fit(*drawn(np.random.default_rng(1), 40), CAP)
    said = np.linspace(0, CAP, 50)
    widths = [np.subtract(*intervals.around(said, level)[::-1]) for level in (0.2, 0.5, 0.8, 0.9)]
    assert all(np.all(narrow <= wide) for narrow, wide in pairwise(widths))


def test_intervals_survive_json_and_are_not_narrower_for_it():
    intervals = LifeIntervals.fit(*drawn(np.random.default_rng(1), 5), CAP)
    again = LifeIntervals.from_json(json.loads(json.dumps(intervals.to_json())))
    finite = np.isfinite(intervals.widths)
    np.testing.assert_array_equal(finite, np.isfinite(again.widths))
    apart = again.widths[finite] - intervals.widths[finite]
    assert np.all((apart >= 0) & (apart < 2e-4))
    assert not finite.all()
    for damaged in ({}, {"half_widths": [[1]], "levels": LEVELS.tolist(), "cap": 1, "units": 1}):
        with pytest.raises(RunError, match="calibration"):
            LifeIntervals.from_json(damaged)


@pytest.mark.parametrize("coverage", [0, -1, 1, 0.999, float("nan")])
def test_a_coverage_that_no_interval_has_is_refused(coverage):
    intervals = LifeIntervals.fit(*drawn(np.random.default_rng(1), 5), CAP)
    with pytest.raises(UsageError, match="coverage must be above 0"):
        intervals.around(np.array([1.0]), coverage)
