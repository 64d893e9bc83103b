"""Series of any length, rate and scale become arrays of one shape, and the same again from what was saved."""

import json

import numpy as np
import pytest
from scipy.stats import zscore

from convscope.data.splits import Split
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.series.classification.representation import LONGEST, SeriesRepresentation, averaged
from convscope.kinds.series.readers.sources import Series, SeriesSamples


def split_of(series, labels=None):
    made = [each if isinstance(each, Series) else plain(each) for each in series]
    labels = np.arange(len(made)) % 2 if labels is None else np.asarray(labels)
    return Split(SeriesSamples("", [f"s{i}" for i in range(len(made))], made), labels.astype(np.int64))


def plain(values, variables=None, minutes=None):
    values = np.asarray(values, np.float32)
    values = values[:, None] if values.ndim == 1 else values
    times = (
        None
        if minutes is None
        else np.datetime64("2026-01-01", "ns") + np.asarray(minutes) * np.timedelta64(60 * 10**9, "ns")
    )
    return Series(values, variables or tuple("abc"[: values.shape[1]]), times)


def noise(count=20, length=30, variables=2, seed=0):
    return np.random.default_rng(seed).normal(3, 2, (count, length, variables)).astype(np.float32)


def test_each_series_is_scaled_as_scipy_does_where_its_level_tells_nothing():
    values = noise()
    found, notes = SeriesRepresentation.fit(split_of(values))
    assert found.shape == (30, 2)
    assert any("scaling: series, because neither level nor size" in line for line in notes)
    arrays = found.encode(split_of(values).samples)
    np.testing.assert_allclose(arrays.take(np.arange(20)), zscore(values.astype(float), axis=1), atol=1e-5)


@pytest.mark.parametrize("told", ["level", "size"])
def test_a_level_or_size_that_tells_the_class_is_kept(told):
    values = noise()
    values[::2] = values[::2] + 5 if told == "level" else 4 * (values[::2] - 3) + 3
    found, notes = SeriesRepresentation.fit(split_of(values))
    assert any(f"scaling: train, because the {told} of a series differs" in line for line in notes)
    arrays = found.encode(split_of(values).samples).values
    flat = values.reshape(-1, 2).astype(float)
    np.testing.assert_allclose(arrays, (values - flat.mean(0)) / flat.std(0), atol=1e-5)


def test_roundings_and_classes_of_one_series_do_not_tell_a_level():
    values = zscore(noise(), axis=1)
    values[::2] += 1e-4
    assert SeriesRepresentation.fit(split_of(values))[0].scaling == "series"
    alone = SeriesRepresentation.fit(split_of(noise(4), labels=[0, 1, 2, 3]))[0]
    assert alone.scaling == "series"


def test_missing_values_are_between_their_neighbours_or_as_the_nearest():
    train = split_of([[1, np.nan, 3, 4], [np.nan, 2, 4, np.nan]])
    found, notes = SeriesRepresentation.fit(train, scaling="none")
    np.testing.assert_allclose(found.encode(train.samples).values[..., 0], [[1, 2, 3, 4], [2, 2, 4, 4]])
    assert any(line.startswith("missing: 2 of 2 train series") for line in notes)
    nothing = found.to_values(plain([np.nan] * 4))
    np.testing.assert_array_equal(nothing, np.zeros((4, 1)))


def test_constant_series_are_zero_and_never_infinite():
    train = split_of([[5, 5, 5], [1e9, 1e9, 1e9], [0, 0, 0], [1, 2, 3]])
    for scaling in ("series", "train", "auto"):
        arrays = SeriesRepresentation.fit(train, scaling=scaling)[0].encode(train.samples).values
        assert np.isfinite(arrays).all()
    np.testing.assert_array_equal(
        SeriesRepresentation.fit(train, scaling="series")[0].to_values(plain([7, 7])), 0
    )


def test_shorter_series_are_filled_up_and_longer_ones_cut_whatever_is_beside_them():
    train = split_of([np.arange(6.0), np.arange(4.0)])
    found, notes = SeriesRepresentation.fit(train)
    assert found.shape == (6, 1)
    assert any("the shortest has 4" in line for line in notes)
    long, short = plain(np.arange(9.0)), plain(np.arange(4.0))
    together = found.encode(SeriesSamples("", ["a", "b"], [long, short])).values
    alone = found.encode(SeriesSamples("", ["b"], [short])).values
    np.testing.assert_array_equal(together[1], alone[0])
    np.testing.assert_array_equal(together[1, 4:], 0)
    assert found.describe(short).axis.filled == (0, 2)
    assert SeriesRepresentation.fit(train, length=3)[0].encode(train.samples).values.shape == (2, 3, 1)


def test_very_long_series_are_averaged():
    length = LONGEST * 2 + 1
    train = split_of([np.arange(float(length)), np.ones(length)])
    found, notes = SeriesRepresentation.fit(train, scaling="none")
    assert found.every == 3
    assert found.shape == (-(-length // 3), 1)
    assert any("means of 3 times each" in line for line in notes)
    np.testing.assert_allclose(found.to_values(plain(np.arange(float(length))))[:3, 0], [1, 4, 7])
    values = np.random.default_rng(0).normal(size=(10, 2))
    np.testing.assert_allclose(averaged(values, 4)[1], values[4:8].mean(0))
    np.testing.assert_allclose(averaged(values, 4)[2], values[8:].mean(0))


def test_series_of_another_rate_are_brought_to_that_of_train():
    minutes = np.arange(20)
    train = split_of([plain(minutes * 1.0, minutes=minutes), plain(minutes * 2.0, minutes=minutes)])
    found, _ = SeriesRepresentation.fit(train, scaling="none")
    assert found.step == 60 * 10**9
    rare = plain(minutes[::2] * 1.0, minutes=minutes[::2])
    np.testing.assert_allclose(found.to_values(rare)[:, 0], minutes[:-1])
    axis = found.describe(rare).axis
    assert axis.filled == (0, 1)
    assert (axis.places[1] - axis.places[0]) == np.timedelta64(1, "m")
    assert found.describe(plain([1, 2])).axis.places is None


def test_variables_are_told_by_name_and_without_names_by_place():
    values = noise(4)
    found, _ = SeriesRepresentation.fit(split_of(values), scaling="none")
    np.testing.assert_array_equal(found.to_values(plain(values[0][:, ::-1], ("b", "a"))), values[0])
    np.testing.assert_array_equal(found.to_values(plain(values[0], ("1", "2"))), values[0])
    for other in (("a", "c"), ("a",), ("1", "2", "3")):
        with pytest.raises(DataError, match="expected the variables a, b, received"):
            found.to_values(plain(noise(1, variables=len(other))[0], other))


def test_times_without_a_grid_are_told_with_the_name():
    found, _ = SeriesRepresentation.fit(split_of([plain([1, 2, 3], minutes=[0, 1, 2])] * 2))
    with pytest.raises(DataError, match="s0: a series of 3 rows"):
        found.encode(split_of([plain([1, 2, 3], minutes=[0, 1, 10**7])]).samples)


def test_what_was_saved_does_the_same_again():
    values = noise()
    values[::2] += 5
    found, _ = SeriesRepresentation.fit(split_of(values))
    again = SeriesRepresentation.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    np.testing.assert_array_equal(again.to_values(plain(values[0])), found.to_values(plain(values[0])))
    assert found.example(3).shape == (3, 30, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "text"},
        {"version": 2},
        {"variables": []},
        {"variables": [1]},
        {"length": 0},
        {"length": True},
        {"scaling": "auto"},
        {"step": -1},
        {"every": 0},
        {"every": 10**12, "step": 10**12},
        {"every": 10**30},
        {"means": [1]},
        {"deviations": "12"},
    ],
)
def test_a_damaged_representation_is_told(change):
    saved = SeriesRepresentation.fit(split_of(noise()))[0].to_json() | change
    with pytest.raises(RunError, match=f"{next(iter(change))}.* must be .*Received"):
        SeriesRepresentation.from_json(saved)
    with pytest.raises(RunError, match="expected a mapping"):
        SeriesRepresentation.from_json([])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"scaling": "log"}, "scaling must be one of"), ({"length": 0}, "length must be")],
)
def test_what_cannot_be_fitted_is_told(options, message):
    with pytest.raises(UsageError, match=message):
        SeriesRepresentation.fit(split_of(noise()), **options)
    with pytest.raises(UsageError, match="at least one series"):
        SeriesRepresentation.fit(split_of([]))
