"""How rare a value is: against an exponential distribution, and against sorting anew for each value."""

import math

import numpy as np
import pytest

from convscope.kinds.tasks.alarms import FEWEST, KEPT, RAREST, WARM, Tail


def sorted_anew(values, value, share=0.02):
    """The same by the formula, from all values at once."""
    ordered = np.sort(values)
    above = max(int(len(ordered) * share), FEWEST)
    tail = ordered[-above:]
    excess = max(tail.mean() - tail[0], 1e-3 * max(abs(tail[0]), 1.0))
    rarity = (value - tail[0]) / excess / math.log(10) - math.log10(above / len(ordered))
    return min(max(rarity, 0.0), RAREST)


def test_it_is_what_sorting_anew_gives_for_each_value_of_a_rolling_memory():
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, size=900)
    tail = Tail(memory=250)
    for row, value in enumerate(values.tolist()):
        if len(tail) >= WARM:
            before = values[max(row - 250, 0) : row]
            assert tail.surprisal(value) == pytest.approx(sorted_anew(before, value), abs=1e-9)
        tail.add(value)
    assert len(tail) == 250
    assert tail.values() == values[-250:].tolist()


def test_of_an_exponential_distribution_it_is_the_logarithm_of_the_tail_far_beyond_what_was_seen():
    values = np.random.default_rng(1).exponential(size=8_000)
    tail = Tail(values.tolist())
    for rarity in (2.0, 3.0, 5.0):
        assert tail.surprisal(rarity * math.log(10)) == pytest.approx(rarity, rel=0.1)


def test_as_many_rows_reach_a_threshold_as_it_says():
    rng = np.random.default_rng(2)
    tail, reached = Tail(memory=2_000), 0
    for value in np.abs(rng.normal(size=20_000)).tolist():
        reached += tail.surprisal(value) >= 2.0
        tail.add(value)
    assert 100 <= reached <= 300  # 1 in 100 of 20,000; a normal tail falls off faster than the exponential


def test_what_is_met_is_remembered_but_an_anomaly_only_as_far_as_it_is_kept():
    values = np.random.default_rng(3).exponential(size=1_000).tolist()
    tail, same = Tail(values), Tail(values)
    assert tail.met(1.0) == same.surprisal(1.0)
    same.add(1.0)
    assert tail.values() == same.values()
    assert tail.met(1e6) == RAREST
    assert same.surprisal(tail.values()[-1]) == pytest.approx(KEPT)
    assert tail.surprisal(1e6) == RAREST  # the second one is as rare as the first


def test_nothing_is_rare_before_there_are_enough_values():
    tail = Tail([1.0] * (WARM - 1))
    assert tail.surprisal(1e9) == 0.0
    tail.add(1.0)
    assert tail.surprisal(1e9) == RAREST


def test_equal_values_are_not_rare_and_noise_below_the_finest_difference_is_none():
    tail = Tail([5.0] * 500)
    assert tail.surprisal(5.0) == pytest.approx(-math.log10(10 / 500))
    assert tail.surprisal(5.0 + 1e-6) == pytest.approx(tail.surprisal(5.0), abs=1e-3)
    assert tail.surprisal(6.0) > 10
