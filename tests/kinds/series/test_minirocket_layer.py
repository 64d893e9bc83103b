"""Shares above thresholds are counted as NumPy counts them, and have a slope that can be followed."""

import keras
import numpy as np
import pytest

from convscope.kinds.series.layers import ProportionsAbove
from convscope.kinds.series.layers.minirocket import spread_quantiles
from convscope.scope import gradients

pytestmark = pytest.mark.portable


def layer_with(thresholds, length, **options):
    layer = ProportionsAbove(thresholds.shape[1], **options)
    layer.build((None, length, len(thresholds)))
    layer.set_weights([thresholds.astype(np.float32)])
    return layer


def drawn(length=20, channels=5, count=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, length, channels)).astype(np.float32), rng.normal(size=(channels, count))


def shares_by_hand(maps, thresholds, margin, first):
    found = np.zeros((len(maps), *thresholds.shape))
    for channel, row in enumerate(thresholds):
        inner = (channel + first) % 2 == 1
        seen = maps[:, margin : maps.shape[1] - margin if inner else None, channel]
        seen = seen if inner else maps[:, :, channel]
        for place, threshold in enumerate(row):
            found[:, channel, place] = (seen > threshold).mean(axis=1)
    return found.reshape(len(maps), -1)


@pytest.mark.parametrize(("margin", "first"), [(0, 0), (3, 0), (3, 1), (9, 1)])
def test_shares_are_those_that_numpy_counts(margin, first):
    maps, thresholds = drawn()
    layer = layer_with(thresholds, 20, margin=margin, first=first)
    found = keras.ops.convert_to_numpy(layer(maps))
    np.testing.assert_allclose(found, shares_by_hand(maps, thresholds, margin, first), atol=1e-6)
    assert found.shape == layer.compute_output_shape(maps.shape)


def test_a_value_on_a_threshold_is_not_above_it():
    layer = layer_with(np.zeros((1, 1)), 4)
    assert keras.ops.convert_to_numpy(layer(np.array([[[0.0], [0.0], [1.0], [-1.0]]]))).tolist() == [[0.25]]


def test_the_slope_is_that_of_logistic_functions_in_place_of_steps():
    maps, thresholds = drawn()
    inputs = keras.Input(maps.shape[1:])
    taken = keras.layers.Identity(name="maps")(inputs)
    layer = ProportionsAbove(3, margin=4, first=1, name="shares")
    model = keras.Model(inputs, layer(taken))
    layer.set_weights([thresholds.astype(np.float32)])
    weights = np.cos(np.arange(15, dtype=np.float32))

    def score(outputs):
        return keras.ops.sum(outputs * keras.ops.convert_to_tensor(weights))

    def softly(values):
        """The score with logistic functions, in float64."""
        width = thresholds.std() / 4
        total = 0.0
        for channel, row in enumerate(thresholds):
            edge = 4 if (channel + 1) % 2 else 0
            seen = values[:, edge : values.shape[1] - edge, channel]
            near = 1 / (1 + np.exp(-(seen[..., None] - row) / width))
            total += (near.mean(axis=1) * weights.reshape(5, 3)[channel]).sum()
        return total

    found = gradients(model, maps, ["maps"], score)["maps"]
    step = 1e-5
    for at in [(0, 0, 0), (1, 3, 0), (2, 4, 0), (3, 10, 1), (0, 19, 3), (1, 17, 2)]:
        high, low = maps.astype(np.float64), maps.astype(np.float64)
        high[at] += step
        low[at] -= step
        assert found[at] == pytest.approx((softly(high) - softly(low)) / (2 * step), abs=1e-5)


def test_fresh_thresholds_are_quantiles_of_noise():
    layer = ProportionsAbove(10, deviation=3.0)
    layer.build((None, 50, 84))
    (thresholds,) = layer.get_weights()
    assert thresholds.std() == pytest.approx(3.0, rel=0.05)
    assert thresholds.mean() == pytest.approx(0.0, abs=0.1)


def test_quantiles_leave_no_gap_wherever_they_are_cut():
    for count in (5, 50, 500):
        gaps = np.diff(np.sort(spread_quantiles(count)), prepend=0, append=1)
        assert gaps.max() < 2.7 / count


def test_a_saved_layer_is_the_same(tmp_path):
    maps, thresholds = drawn()
    inputs = keras.Input(maps.shape[1:])
    layer = ProportionsAbove(3, margin=2, first=1, deviation=2.0, name="shares")
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights([thresholds])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.get_layer("shares").get_config() == layer.get_config()
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(each(maps)) for each in (model, loaded)))
    assert not model.trainable_weights


@pytest.mark.parametrize("options", [{"thresholds": 0}, {"margin": -1}, {"first": 2}])
def test_what_cannot_be_counted_is_refused(options):
    with pytest.raises(ValueError, match="at least 1 threshold"):
        ProportionsAbove(**{"thresholds": 1, **options})


@pytest.mark.parametrize("length", [None, 6])
def test_maps_that_are_all_margin_are_refused(length):
    with pytest.raises(ValueError, match="leaves out 3 positions at each end"):
        ProportionsAbove(1, margin=3).build((None, length, 2))
