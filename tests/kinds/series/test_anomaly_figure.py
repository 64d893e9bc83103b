"""Anomalies and remaining lives in pictures: tidy, complete, and drawn where the numbers are."""

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, image, named, texts

from convscope.errors import UsageError
from convscope.kinds.series.anomaly.figure import draw_anomalies
from convscope.kinds.series.remaining_life.figure import UnitLife, draw_life
from convscope.lenses.sheet.theme import LIGHT, Scale

TIMES = np.datetime64("2014-04-01", "ns") + np.arange(500) * np.timedelta64(5, "m")


def watched(length, variables, seed=0):
    rng = np.random.default_rng(seed)
    parts = np.abs(rng.normal(0, 0.5, (length, variables)))
    return rng.normal(0, 1, (length, variables)), parts.sum(axis=1), parts


@pytest.mark.parametrize(
    ("length", "variables", "times", "alarms"),
    [
        (500, 1, TIMES, [(100, 130, 0), (400, 401, -1)]),
        (500, 3, TIMES, []),
        (40_000, 20, None, [(i * 1000, i * 1000 + 5, i % 20) for i in range(30)]),
        (3, 2, np.array([1.0, 2.0, 4.0]), [(0, 3, 1)]),
    ],
)
def test_series_with_alarms_of_any_size_are_drawn_tidily(length, variables, times, alarms):
    values, scores, parts = watched(length, variables)
    values[:2] = np.nan
    for theme in THEMES:
        names = [f"variable {'of a long name ' * 5}{i}" for i in range(variables)]
        figure = draw_anomalies(
            values,
            times,
            scores,
            parts,
            2.5,
            alarms,
            windows=[(0, 2)],
            names=names,
            caption="x " * 90,
            theme=theme,
        )
        assert_tidy(figure)


def test_alarms_are_marked_on_their_variable_and_on_the_scores_and_listed_by_score():
    values, scores, parts = watched(500, 3)
    scores[100], scores[400] = 9, 12
    figure = draw_anomalies(
        values, TIMES, scores, parts, 5, [(95, 105, 2), (400, 401, 0)], names=("a", "b", "c")
    )
    marks = named(figure, "alarm")
    assert len(marks) == 4  # each on one variable and on the scores
    frames = sorted({mark.get_y() for mark in marks})
    assert len(frames) == 3
    wide = {round(mark.get_width(), 1) for mark in marks}
    assert wide == {round(10 / 500 * 1038, 1), 3.0}  # a single point is still seen
    said = texts(figure)
    assert said.index("2014-04-02 09:20") < said.index("2014-04-01 07:55 to 08:40")
    assert said[said.index("2014-04-02 09:20") - 1] == "12"
    assert said[-1] == "c"


def test_the_variables_that_caused_alarms_are_shown_where_not_all_have_room():
    values, scores, parts = watched(300, 40)
    said = texts(draw_anomalies(values, None, scores, parts, 50, [(5, 6, 33), (9, 10, 21)]))
    assert {"variable 33", "variable 21"} <= set(said)
    assert any("40 variables (8 shown)" in text for text in said)


def test_a_peak_of_one_point_in_a_long_series_is_seen_in_the_strips():
    values, scores, parts = watched(40_000, 2)
    parts[12_345, 1] = 50
    figure = draw_anomalies(values, None, scores, parts, 5, [])
    strip = image(figure, "part 1")
    hot = np.flatnonzero((strip[5] == Scale(LIGHT, 0, 50).colors(np.array(50.0))).all(axis=-1))
    assert hot.mean() / strip.shape[1] == pytest.approx(12_345 / 40_000, abs=2e-3)


def test_labeled_windows_are_gray_and_known():
    values, scores, _ = watched(500, 1)
    figure = draw_anomalies(values, None, scores, None, 5, [], windows=[(100, 200), (300, 350)])
    widths = sorted({round(each.get_width(), 1) for each in named(figure, "labeled")})
    assert widths == [round(50 / 500 * 1038, 1), round(100 / 500 * 1038, 1)]
    assert any("gray: 2 labeled windows" in text for text in texts(figure))


@pytest.mark.parametrize(
    ("scores", "parts", "alarms"),
    [
        (np.zeros(9), None, []),
        (np.zeros(10), np.zeros((10, 3)), []),
        (np.zeros(10), None, [(3, 11, 0)]),
        (np.zeros(10), None, [(3, 3, 0)]),
        (np.zeros(10), None, [(3, 4, 2)]),
    ],
)
def test_what_does_not_belong_together_is_refused(scores, parts, alarms):
    with pytest.raises(UsageError):
        draw_anomalies(np.zeros((10, 2)), None, scores, parts, 1.0, alarms)


def unit(name, cycles, seed=0, **more):
    rng = np.random.default_rng(seed)
    true = np.minimum(125.0, cycles + 10 - np.arange(cycles))
    predicted = true + rng.normal(0, 5, cycles)
    known = {"low": predicted - 10, "high": predicted + 10, "true": true}
    return UnitLife(name, np.arange(1, cycles + 1), predicted, **{**known, **more})


@pytest.mark.parametrize("count", [1, 2, 5, 60])
def test_lives_of_few_and_many_units_are_drawn_tidily(count):
    units = [unit(f"unit {i} " + "name " * 10, 1 + 7 * (i % 30), i) for i in range(count)]
    for theme in THEMES:
        assert_tidy(draw_life(units, coverage=0.9, cap=125, theme=theme, caption="FD001"))


def test_the_interval_is_filled_from_its_lower_to_its_upper_end():
    figure = draw_life([unit("one", 50)], coverage=0.8)
    band = named(figure, "interval")[0].get_path().vertices
    drawn = next(line for line in figure.axes[0].lines[::-1] if len(line.get_xdata()) == 50)
    below = band[:50, 1] - np.asarray(drawn.get_ydata())
    above = np.asarray(drawn.get_ydata()) - band[50:100, 1][::-1]
    np.testing.assert_allclose(below, above, atol=1e-6)
    assert "80% prediction interval" in texts(figure)


def test_an_interval_without_an_upper_end_reaches_to_the_top():
    open_ended = unit("one", 30, high=np.full(30, np.inf))
    band = named(draw_life([open_ended]), "interval")[0].get_path().vertices
    assert len(band) == 61
    assert np.isfinite(band).all()


def test_units_without_intervals_or_truth_say_only_what_is_known():
    assert "2 of 100 units" in texts(draw_life([unit("one", 30), unit("two", 40)], of=100))
    said = texts(draw_life([unit("one", 30, low=None, high=None, true=None)]))
    assert "predicted" in said
    assert "true" not in said
    assert not any("interval" in text for text in said)


def test_lives_that_do_not_belong_together_are_refused():
    with pytest.raises(UsageError, match="a number for each cycle"):
        UnitLife("one", np.arange(5), np.zeros(4))
    with pytest.raises(UsageError, match="both ends"):
        UnitLife("one", np.arange(5), np.zeros(5), low=np.zeros(5))
    with pytest.raises(UsageError, match="no unit"):
        draw_life([])
