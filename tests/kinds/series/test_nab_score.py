"""The rules of the Numenta Anomaly Benchmark: its corner cases, and its published reference point."""

import math

import numpy as np
import pytest

from convscope.kinds.series.anomaly.metrics import (
    FALSE_POSITIVE,
    OUTSIDE,
    UNSCORED,
    normalized,
    raw_score,
    worth,
)

WINDOWS = ((40, 59), (80, 89))


def figure(detections, windows=WINDOWS, unscored=15):
    each = worth(120, windows, unscored)
    return normalized(raw_score(each, detections), len(windows))


def test_silence_is_0_and_the_first_row_of_each_window_alone_100():
    assert figure([]) == pytest.approx(0)
    assert figure([40, 80]) == pytest.approx(100)


def test_more_rows_of_a_window_that_is_found_change_nothing():
    assert figure([40, 41, 45, 59, 80, 88]) == pytest.approx(100)


def test_a_later_row_of_a_window_is_worth_less_but_more_than_none():
    figures = [figure([row]) for row in range(40, 60)]
    assert figures == sorted(figures, reverse=True)
    assert 25 < figures[-1] < figures[0] == pytest.approx(50)


def test_a_false_alarm_costs_its_whole_weight_before_any_window_and_far_behind_one():
    each = worth(120, WINDOWS)
    assert each.points[20] == -FALSE_POSITIVE
    assert each.points[119] == -FALSE_POSITIVE  # more than three widths behind the second window
    assert figure([20]) == pytest.approx(-100 * FALSE_POSITIVE / 4)


def test_just_behind_a_window_it_costs_less_and_less_the_nearer_it_is():
    each = worth(120, WINDOWS)
    behind = each.points[60:80]
    assert np.all(np.diff(behind) < 0)
    assert behind[0] == pytest.approx(FALSE_POSITIVE * (2 / (1 + math.exp(5 / 19)) - 1))


def test_the_beginning_is_not_scored():
    assert figure(range(15)) == pytest.approx(0)
    each = worth(120, WINDOWS, 15)
    assert set(each.window[:15]) == {UNSCORED}
    assert set(each.window[15:40]) == {OUTSIDE}


def test_a_row_that_is_named_twice_counts_once():
    assert figure([20, 20]) == figure([20])


@pytest.mark.parametrize("row", [0, 3])
def test_a_window_of_one_row_is_a_window(row):
    assert figure([row + 20], windows=((row + 20, row + 20),)) == pytest.approx(100)
