"""Histories become windows: scaled by train alone, the same one by one and all at once."""

import json

import numpy as np
import pytest

from convscope.data.splits import Split, as_labels
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.series.readers.sources import SeriesSamples
from convscope.kinds.series.remaining_life.conditions import Conditions
from convscope.kinds.series.remaining_life.histories import History
from convscope.kinds.series.remaining_life.representation import START, LifeRepresentation

NAMES = ("setting_1", "setting_2", "heat", "shake", "still")


def history(rng, rows, names=NAMES):
    values = rng.normal(size=(rows, len(names))).astype(np.float32)
    if "still" in names:
        values[:, names.index("still")] = 7
    return History(
        values, tuple(names), cycles=np.arange(1.0, rows + 1), conditions=("setting_1", "setting_2")
    )


def train_of(histories):
    lives = [np.arange(len(each))[::-1].astype(np.float32) for each in histories]
    return Split(SeriesSamples("", [str(i) for i in range(len(histories))], histories), as_labels(lives))


@pytest.fixture
def train():
    rng = np.random.default_rng(0)
    return train_of([history(rng, rows) for rows in (40, 3, 25, 1)])


def test_each_window_is_that_of_the_history_cut_after_its_last_row(train):
    representation, _ = LifeRepresentation.fit(train, window=12)
    every = representation.windows(train.samples)
    cut = [
        train.samples.load(i).until(stop)
        for i in range(len(train))
        for stop in range(1, 1 + len(train.samples.load(i)))
    ]
    alone = representation.encode(SeriesSamples("", [""] * len(cut), cut))
    assert len(every) == len(alone) == 69
    places = np.arange(69)
    np.testing.assert_allclose(every.take(places), alone.take(places), rtol=1e-6)


def test_a_short_history_is_preceded_by_the_mean_of_its_first_rows(train):
    representation, _ = LifeRepresentation.fit(train, window=12)
    short, scaled = train.samples.load(1), representation.encode(train.samples).take(np.array([1]))[0]
    kept = representation.conditions.scale(short.values[:, :4])
    np.testing.assert_allclose(scaled[-3:], kept, rtol=1e-6)
    np.testing.assert_allclose(scaled[:-3], np.repeat(kept.mean(0, keepdims=True), 9, axis=0), rtol=1e-5)
    assert len(kept) < START
    axis = representation.describe(short).axis
    assert axis.filled == (9, 0)
    np.testing.assert_array_equal(axis.places, np.arange(-8, 4))


def test_columns_that_stand_still_in_train_are_left_out_and_said(train):
    representation, decisions = LifeRepresentation.fit(train, window=5)
    assert representation.used == NAMES[:4]
    assert "left out, because they are constant in train: still" in decisions
    rows = representation.windows(train.samples).rows
    np.testing.assert_allclose(rows.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(rows.std(0), 1, atol=1e-5)


def test_a_missing_value_is_the_last_known_one_or_the_mean_of_train(train):
    representation, _ = LifeRepresentation.fit(train, window=4)
    whole = train.samples.load(0)
    values = whole.values[:6].copy()
    values[:2, 2] = np.nan
    values[4:, 3] = np.nan
    holed = History(values, NAMES, cycles=whole.cycles[:6], conditions=whole.conditions)
    window = representation.encode(SeriesSamples("", ["a"], [holed])).take(np.array([0]))[0]
    complete = representation.windows(train.samples).take(np.array([5]))[0]
    np.testing.assert_allclose(window[:, 2], complete[:, 2], rtol=1e-6)
    np.testing.assert_allclose(window[2:, 3], complete[1, 3], rtol=1e-6)
    early = representation.encode(SeriesSamples("", ["a"], [holed.until(2)])).take(np.array([0]))[0]
    np.testing.assert_array_equal(early[:, 2], 0)


def test_sensors_are_scaled_among_rows_of_their_operating_condition():
    rng = np.random.default_rng(0)
    levels = np.array([[0, 100], [10, 100], [20, 60]], np.float32)
    made, which = [], []
    for _ in range(6):
        condition = rng.integers(3, size=80)
        values = rng.normal(size=(80, 5)).astype(np.float32)
        values[:, :2] = levels[condition] + rng.normal(0, 0.002, (80, 2))
        values[:, 2:4] += 50 * condition[:, None]
        made.append(History(values, NAMES, cycles=np.arange(80.0), conditions=NAMES[:2]))
        which.append(condition)
    representation, decisions = LifeRepresentation.fit(train_of(made), window=5)
    assert any(line.startswith("operating conditions: 3, told by setting_1, setting_2") for line in decisions)
    rows, condition = representation.windows(train_of(made).samples).rows, np.concatenate(which)
    for number in range(3):
        np.testing.assert_allclose(rows[condition == number, 2:].mean(0), 0, atol=1e-4)
    assert abs(np.corrcoef(rows[:, 0], condition)[0, 1]) > 0.9, "the condition itself still tells"


def test_levels_that_no_sensor_differs_between_are_no_conditions():
    rng = np.random.default_rng(0)
    rows = np.c_[rng.integers(4, size=300) * 0.1, rng.normal(size=(300, 2))].astype(np.float32)
    assert len(Conditions.fit(rows, [0]).centres) == 1
    rows[:, 1] += 100 * rows[:, 0]
    assert len(Conditions.fit(rows, [0]).centres) == 4


def test_a_representation_survives_json(train):
    representation, _ = LifeRepresentation.fit(train, window=6)
    again = LifeRepresentation.from_json(json.loads(json.dumps(representation.to_json())))
    one, other = (each.windows(train.samples).take(np.arange(20)) for each in (representation, again))
    np.testing.assert_array_equal(one, other)
    assert (again.shape, again.sizes) == (representation.shape, representation.sizes)
    assert representation.example(3).shape == (3, *representation.shape)


def test_columns_in_another_order_are_found_and_missing_ones_are_told(train):
    representation, _ = LifeRepresentation.fit(train, window=6)
    whole = train.samples.load(0)
    order = [3, 0, 4, 2, 1]
    turned = History(whole.values[:, order], tuple(NAMES[k] for k in order), cycles=whole.cycles)
    one, other = (
        representation.encode(SeriesSamples("", ["a"], [each])).take(np.array([0]))
        for each in (whole, turned)
    )
    np.testing.assert_array_equal(one, other)
    less = History(whole.values[:, :3], NAMES[:3], cycles=whole.cycles)
    with pytest.raises(DataError, match="'shake'"):
        representation.encode(SeriesSamples("", ["a"], [less]))


@pytest.mark.parametrize("options", [{"window": 1}, {"window": 5, "cap": 0}, {"window": 5, "cap": -3}])
def test_options_that_cannot_be_are_refused(train, options):
    with pytest.raises(UsageError, match="Received"):
        LifeRepresentation.fit(train, **options)


def test_constant_sensors_alone_are_told():
    rng = np.random.default_rng(0)
    still = train_of([history(rng, 9, ("setting_1", "still")) for _ in range(3)])
    with pytest.raises(DataError, match="expected sensors that change"):
        LifeRepresentation.fit(still, window=5)


@pytest.mark.parametrize("saved", [{}, [], {"kind": "text"}, {"kind": "remaining life", "version": 1}])
def test_what_is_no_representation_is_told(saved):
    with pytest.raises(RunError, match="representation"):
        LifeRepresentation.from_json(saved)
