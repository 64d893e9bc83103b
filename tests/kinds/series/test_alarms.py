"""Rows above a threshold become intervals with a cause."""

import numpy as np
import pytest

from convscope.kinds.tasks.alarms import Watch, find_alarms


def alarms_of(scores, threshold=3.0, hold=5, parts=None):
    scores = np.asarray(scores, float)
    return find_alarms(
        scores, scores[:, None] if parts is None else np.asarray(parts, float), threshold, hold
    )


def test_rows_that_are_near_are_one_alarm_with_its_peak():
    (alarm,) = alarms_of([0, 3, 0, 4, 3, 0, 0])
    assert (alarm.start, alarm.end, alarm.peak, alarm.score, alarm.shares) == (1, 4, 3, 4.0, (1.0,))


def test_what_comes_behind_the_hold_is_a_new_alarm():
    found = alarms_of([3] * 12)
    assert [(alarm.start, alarm.end) for alarm in found] == [(0, 4), (5, 9), (10, 11)]


def test_behind_a_pause_a_row_that_is_a_hundred_times_as_rare_begins_an_alarm_of_its_own():
    def told(*scores):
        return [(alarm.start, alarm.end, alarm.score) for alarm in alarms_of(scores, hold=100)]

    calm = [0] * 10
    assert told(3, *calm, 5.0) == [(0, 0, 3.0), (11, 11, 5.0)]
    assert told(3, *calm, 4.9) == [(0, 11, 4.9)]
    assert told(3, *calm[1:], 5.0, 7.1) == [(0, 11, 7.1)]  # no pause: the same alarm rises


def test_a_row_just_below_the_threshold_is_none():
    assert alarms_of([2.999, 0, 2.5]) == ()
    assert len(alarms_of([3.0])) == 1


def test_the_variable_with_the_largest_part_is_the_cause():
    parts = [[0, 0, 0], [1, 4, 0], [0, 5, 2], [0, 0, 0]]
    (alarm,) = alarms_of(np.max(parts, axis=1), parts=parts)
    assert alarm.variable == 1
    assert alarm.shares == pytest.approx((1 / 12, 9 / 12, 2 / 12))


def test_a_stream_is_told_the_same_beginnings():
    scores = np.random.default_rng(0).exponential(2, 500)
    watch = Watch(3.0, 7)
    told = [watch.push(score) for score in scores.tolist()]
    found = find_alarms(scores, scores[:, None], 3.0, 7)
    assert [row for row, (_, begins) in enumerate(told) if begins] == [alarm.start for alarm in found]
    assert [over for over, _ in told] == (scores >= 3.0).tolist()
