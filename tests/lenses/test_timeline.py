"""Positions of a series on a sheet: in time, under what they see, with marks that a person can read."""

import numpy as np
import pytest
from drawn import assert_tidy
from hypothesis import given
from hypothesis import strategies as st

from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import LIGHT
from convscope.lenses.views.timeline.timeline import Timeline, evenly, place_axis, runs
from convscope.lenses.views.timeline.traces import Trace
from convscope.types import Axis

LEFT, WIDE = 100, 800


def dated(count, step, start="2014-04-01T00:00"):
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(step, "s")


def written(timeline):
    ticks, said = timeline.ticks()
    return [tick.text for tick in ticks], said


def test_counted_positions_share_the_width_evenly():
    timeline = Timeline(10, LEFT, WIDE)
    np.testing.assert_allclose(timeline.across(np.arange(10)), LEFT + (np.arange(10) + 0.5) * 80)
    assert timeline.edges(2, 4) == (LEFT + 160, LEFT + 320)
    assert timeline.edges(-3, 99) == (LEFT, LEFT + WIDE)


def test_positions_stand_where_their_times_are_and_a_gap_stays_a_gap():
    times = dated(4, 60)[[0, 1, 2, 3]].copy()
    times[3] += np.timedelta64(60 * 6, "s")  # as if six rows were missing
    timeline = Timeline(4, LEFT, WIDE, Axis(times))
    apart = np.diff(timeline.across(np.arange(4)))
    assert apart == pytest.approx([80, 80, 560])
    drawn, there = timeline.spread(np.arange(4.0)[None], np.arange(4))
    assert drawn[0, 30] == 0
    assert drawn[0, -30] == 3
    assert there.all()


@given(st.integers(1, 400), st.integers(0, 399), st.floats(0.1, 50))
def test_pixels_and_positions_are_each_others_inverse(length, place, step):
    timeline = Timeline(length, LEFT, WIDE, Axis(np.arange(length) * step, "s"))
    place = min(place, length - 1)
    assert timeline.positions(timeline.across(place)) == pytest.approx(place, abs=1e-6)


@given(st.integers(1, 3000), st.integers(1, 60), st.integers(0, 10_000))
def test_each_pixel_holds_a_value_from_right_under_it(length, stride, seed):
    values = np.random.default_rng(seed).normal(size=(1, length))
    timeline = Timeline(length * stride, LEFT, WIDE)
    centers = np.arange(length) * stride + (stride - 1) / 2
    drawn, there = timeline.spread(values, centers)
    assert drawn.min() >= values.min() - 1e-9
    assert drawn.max() <= values.max() + 1e-9
    assert there.all()
    if length <= WIDE / 4:
        middles = np.clip((timeline.across(centers) - LEFT).astype(int), 0, WIDE - 1)
        np.testing.assert_array_equal(drawn[0, middles], values[0])


def test_where_many_values_lie_on_a_pixel_it_has_their_mean():
    timeline = Timeline(8 * WIDE, LEFT, WIDE)
    values = np.arange(8 * WIDE, dtype=float)[None]
    drawn, _ = timeline.spread(values, np.arange(8 * WIDE))
    np.testing.assert_allclose(drawn[0], values.reshape(WIDE, 8).mean(1), atol=1.0)
    assert timeline.crowding(np.arange(8 * WIDE)) == 8


def test_a_map_ends_where_what_it_sees_ends():
    timeline = Timeline(100, 0, 1000)
    _, there = timeline.spread(np.zeros((1, 20)), 10 + np.arange(20) * 2)
    assert runs(there) == [
        (95, 495)
    ]  # from half a step before the first center to half a step behind the last


@pytest.mark.parametrize(
    ("axis", "length", "expected", "said"),
    [
        (None, 100, ["0", "20", "40", "60", "80"], ""),
        (Axis(np.arange(8000) / 8000, "s"), 8000, ["0", "0.2", "0.4", "0.6", "0.8"], "seconds"),
        (Axis(np.arange(31.0, 43.0), "cycle"), 12, ["32", "34", "36", "38", "40", "42"], "cycle"),
        (Axis(dated(3, 86_400)), 3, ["04-01", "04-02", "04-03"], "2014 UTC"),
        (Axis(dated(49, 3600)), 49, ["04-01", "12:00", "04-02", "12:00", "04-03"], "2014 UTC"),
        (Axis(dated(60, 60, "2014-04-01T10:00")), 60, None, "2014-04-01 UTC"),
        (Axis(dated(6, 86_400 * 366)), 6, ["2014", "2015", "2016", "2017", "2018", "2019"], "UTC"),
    ],
)
def test_marks_are_round_and_say_what_they_count(axis, length, expected, said):
    texts, caption = written(Timeline(length, LEFT, WIDE, axis))
    assert caption == said
    assert expected is None or [text for text in texts if text in expected] == expected
    assert 2 <= len(texts) <= 10


def test_places_and_ranges_are_said_in_words():
    hours = Timeline(48, LEFT, WIDE, Axis(dated(48, 3600)))
    assert hours.during(1, 4) == "2014-04-01 01:00 to 03:00"
    assert hours.during(23, 25) == "2014-04-01 23:00 to 2014-04-02 00:00"
    assert Timeline(9, LEFT, WIDE, Axis(np.arange(9) / 8, "s")).during(2, 5) == "0.25 to 0.5 s"
    assert Timeline(9, LEFT, WIDE, Axis(np.arange(9.0), "cycle")).during(2, 5) == "2 to 4 cycles"
    assert Timeline(5000, LEFT, WIDE).during(1200, 1201) == "1,200"


@pytest.mark.parametrize(
    "places",
    [
        np.array([], float),
        np.array([np.nan] * 5),
        np.zeros(5),
        np.array(["NaT"] * 5, "datetime64[ns]"),
        np.array([5.0, 4.0, 3.0, 2.0, 1.0]),
        dated(3, 60),
        dated(5, 0),
    ],
)
def test_no_axis_however_broken_keeps_a_series_from_being_drawn(places):
    timeline = Timeline(5, LEFT, WIDE, Axis(places, "s"))
    across = timeline.across(np.arange(5))
    assert np.isfinite(across).all()
    assert (np.diff(across) >= 0).all()
    timeline.ticks()
    assert timeline.during(0, 5)


def test_no_spike_of_a_long_series_is_lost_and_what_is_missing_breaks_the_line():
    values = np.sin(np.arange(50_000) * 2.9)  # faster than pixels: its picture is a band, not a slow wave
    values[31_234] = 9
    values[40_000:42_000] = np.nan
    sheet = Sheet(LIGHT)
    row = Trace.of(Timeline(len(values), LEFT, WIDE), 0, 100, values)
    row.draw(sheet, values)
    line = next(each for each in sheet.axes.lines if len(each.get_xdata()) > WIDE)
    xs, ys = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert ys[np.isfinite(ys)].min() == pytest.approx(float(row.down(9.0)))
    assert abs(xs[np.nanargmin(ys)] - (LEFT + 31_234 / 50_000 * WIDE)) < 2
    beside = ys[(xs > LEFT + 100) & (xs < LEFT + 300)]
    assert beside.max() - beside.min() == pytest.approx(float(row.down(-1.0) - row.down(1.0)), rel=0.01)
    gap = (xs > LEFT + 0.81 * WIDE) & (xs < LEFT + 0.83 * WIDE)
    assert np.isnan(ys[gap]).all()
    assert any(each.get_gid() == "missing" for each in sheet.axes.get_children())


@pytest.mark.parametrize(
    "values", [np.zeros(4), np.full(4, np.nan), np.array([3.0]), np.array([1.0, np.nan, 2.0])]
)
def test_constant_missing_and_lonely_values_are_drawn(values):
    sheet = Sheet(LIGHT)
    timeline = Timeline(len(values), LEFT, WIDE)
    row = Trace.of(timeline, 40, 100, values)
    row.frame(sheet)
    row.draw(sheet, values)
    row.numbers(sheet, "name")
    height = 150 + place_axis(sheet, timeline, 140)
    assert_tidy(sheet.finish(height))


def test_maps_of_unknown_place_are_spread_over_the_middle():
    assert evenly(4, 8).tolist() == [0.5, 2.5, 4.5, 6.5]
    assert evenly(2, 8, 2).tolist() == [2.5, 4.5]
