"""Statistics of what lies above thresholds are those that NumPy finds by their definitions."""

import keras
import numpy as np
import pytest

from convscope.kinds.series.layers import StatisticsAbove
from convscope.kinds.series.layers import multirocket as source
from convscope.scope import gradients

pytestmark = pytest.mark.portable


def layer_with(thresholds, length, **options):
    layer = StatisticsAbove(thresholds.shape[1], **options)
    layer.build((None, length, len(thresholds)))
    layer.set_weights([thresholds.astype(np.float32)])
    return layer


def drawn(length=20, channels=5, count=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, length, channels)).astype(np.float32), rng.normal(size=(channels, count))


def longest_run(positive):
    lengths, run = [0], 0
    for each in positive:
        run = run + 1 if each else 0
        lengths.append(run)
    return max(lengths)


def statistics_by_hand(values, threshold):
    """Proportion, mean value, mean position and longest run, from the definitions of the paper."""
    z = values.astype(np.float64) - np.float32(threshold)
    positive = z > 0
    if not positive.any():
        return [0.0, 0.0, -1.0, 0.0]
    return [positive.mean(), z[positive].mean(), np.flatnonzero(positive).mean(), longest_run(positive)]


def by_hand(maps, thresholds, margin, first):
    found = np.zeros((len(maps), *thresholds.shape, 4))
    for channel, row in enumerate(thresholds):
        inner = (channel + first) % 2 == 1
        seen = maps[:, margin : maps.shape[1] - margin, channel] if inner else maps[:, :, channel]
        for place, threshold in enumerate(row):
            found[:, channel, place] = [statistics_by_hand(values, threshold) for values in seen]
    return found.reshape(len(maps), -1)


@pytest.mark.parametrize(("margin", "first"), [(0, 0), (3, 0), (3, 1), (9, 1)])
@pytest.mark.parametrize("at_once", [1, 2**19])
def test_statistics_are_those_of_their_definitions(monkeypatch, margin, first, at_once):
    monkeypatch.setattr(source, "AT_ONCE", at_once)
    maps, thresholds = drawn()
    layer = layer_with(thresholds, 20, margin=margin, first=first)
    found = keras.ops.convert_to_numpy(layer(maps))
    np.testing.assert_allclose(found, by_hand(maps, thresholds, margin, first), atol=1e-5)
    assert found.shape == layer.compute_output_shape(maps.shape)


@pytest.mark.parametrize(
    ("values", "run"),
    [
        ([1, 1, 1, 1, 1], 5),
        ([0, 1, 1, 0, 1], 2),
        ([1, 0, 0, 1, 1], 2),
        ([0, 0, 0, 0, 0], 0),
        ([0, 0, 1, 0, 0], 1),
    ],
)
def test_runs_reach_to_both_ends_and_a_value_on_a_threshold_ends_one(values, run):
    layer = layer_with(np.zeros((1, 1)), 5)
    found = keras.ops.convert_to_numpy(layer(np.array(values, np.float32).reshape(1, 5, 1)))
    assert found[0, 3] == run


def test_the_slope_is_that_of_logistic_functions_in_place_of_steps():
    maps, thresholds = drawn()
    inputs = keras.Input(maps.shape[1:])
    layer = StatisticsAbove(3, margin=4, first=1, name="statistics")
    model = keras.Model(inputs, layer(keras.layers.Identity(name="maps")(inputs)))
    layer.set_weights([thresholds.astype(np.float32)])

    def slope_of(statistic):
        def score(outputs):
            return keras.ops.sum(keras.ops.reshape(outputs, (4, 5, 3, 4))[..., statistic])

        return gradients(model, maps, ["maps"], score)["maps"]

    z = maps[..., None] - thresholds.astype(np.float32)
    width = thresholds.astype(np.float32).std() / 4
    near = 1 / (1 + np.exp(-z.astype(np.float64) / width))
    inner = (np.arange(5) + 1) % 2 == 1
    counts = np.where(inner[None] & ((np.arange(20) < 4) | (np.arange(20) >= 16))[:, None], 0.0, 1.0)
    wanted = (near * (1 - near) / width).sum(axis=3) * counts / counts.sum(axis=0)
    np.testing.assert_allclose(slope_of(0), wanted, atol=1e-5)
    for statistic in (1, 2):
        found = slope_of(statistic)
        assert np.isfinite(found).all()
        assert np.abs(found).max() > 0
        np.testing.assert_array_equal(found[:, :4, inner], 0)
    np.testing.assert_array_equal(slope_of(3), 0)


def test_a_saved_layer_is_the_same(tmp_path):
    maps, thresholds = drawn()
    inputs = keras.Input(maps.shape[1:])
    layer = StatisticsAbove(3, margin=2, first=1, deviation=2.0, name="statistics")
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights([thresholds])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.get_layer("statistics").get_config() == layer.get_config()
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(each(maps)) for each in (model, loaded)))
    assert not model.trainable_weights
