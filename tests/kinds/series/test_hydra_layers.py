"""Competing kernels are counted as NumPy counts them, and counts scaled as scikit-learn's neighbors would."""

import keras
import numpy as np
import pytest

from convscope.kinds.series.layers import CompetitionCounts, SparseScaling
from convscope.scope import gradients

pytestmark = pytest.mark.portable


def counted_by_hand(maps, size):
    """Soft counts of the largest and hard counts of the smallest, from the definitions of the paper."""
    samples, length, channels = maps.shape
    soft, hard = np.zeros((2, samples, channels))
    for i in range(samples):
        for t in range(length):
            for group in range(0, channels, size):
                values = maps[i, t, group : group + size]
                soft[i, group + values.argmax()] += values.max()
                hard[i, group + values.argmin()] += 1
    return np.concatenate([soft, hard], axis=1)


@pytest.mark.parametrize(("channels", "size"), [(8, 8), (24, 8), (6, 3)])
def test_counts_are_those_of_their_definitions(channels, size):
    maps = np.random.default_rng(0).normal(size=(3, 25, channels)).astype(np.float32)
    layer = CompetitionCounts(size)
    found = keras.ops.convert_to_numpy(layer(maps))
    np.testing.assert_allclose(found, counted_by_hand(maps, size), atol=1e-4)
    assert found.shape == layer.compute_output_shape(maps.shape)
    np.testing.assert_allclose(found[:, channels:].reshape(3, -1, size).sum(axis=2), 25)


def test_values_that_differ_by_rounding_alone_go_to_the_first_kernel():
    maps = np.array([[1e-7, 0.0, -1e-7], [0.0, 2e-7, 1e-7], [0.0, 0.0, 5.0]], np.float32)[None]
    found = keras.ops.convert_to_numpy(CompetitionCounts(3)(maps))[0]
    np.testing.assert_allclose(found, [3e-7, 0, 5, 3, 0, 0], atol=1e-9)


def test_the_kernel_that_has_a_position_has_its_gradient():
    maps = np.random.default_rng(1).normal(size=(2, 10, 4)).astype(np.float32)
    inputs = keras.Input((10, 4))
    counts = CompetitionCounts(2)(keras.layers.Identity(name="maps")(inputs))
    model = keras.Model(inputs, counts)
    found = gradients(model, maps, ["maps"], keras.ops.sum)["maps"]
    pairs = maps.reshape(2, 10, 2, 2)
    wanted = (pairs == pairs.max(axis=3, keepdims=True)).reshape(maps.shape)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_roots_of_counts_are_standardized_and_zeros_stay():
    counts = np.array([[0.0, 4.0, 9.0], [1.0, 0.0, -2.0]], np.float32)
    layer = SparseScaling()
    layer.build((None, 3))
    mean, spread = np.array([0.5, 1.0, 1.5]), np.array([2.0, 4.0, 0.5])
    layer.set_weights([mean, spread])
    found = keras.ops.convert_to_numpy(layer(counts))
    roots = np.sqrt(np.maximum(counts, 0))
    np.testing.assert_allclose(found, (roots - mean) * (roots != 0) / spread, atol=1e-6)


def test_the_slope_of_a_root_is_finite_where_nothing_was_counted():
    counts = np.array([[0.0, 4.0]], np.float32)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, SparseScaling()(keras.layers.Identity(name="counts")(inputs)))
    found = gradients(model, counts, ["counts"], keras.ops.sum)["counts"]
    np.testing.assert_allclose(found, [[0.0, 0.25]], atol=1e-6)


def test_saved_layers_are_the_same(tmp_path):
    maps = np.random.default_rng(2).normal(size=(3, 12, 6)).astype(np.float32)
    inputs = keras.Input((12, 6))
    model = keras.Model(inputs, SparseScaling()(CompetitionCounts(3, tolerance=0.1)(inputs)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert [each.get_config() for each in loaded.layers] == [each.get_config() for each in model.layers]
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(each(maps)) for each in (model, loaded)))
    assert not model.trainable_weights


@pytest.mark.parametrize("options", [{"group_size": 1}, {"tolerance": -1.0}])
def test_what_cannot_compete_is_refused(options):
    with pytest.raises(ValueError, match="group_size of at least 2"):
        CompetitionCounts(**options)


def test_maps_that_make_no_whole_groups_are_refused():
    with pytest.raises(ValueError, match="a multiple of 8"):
        CompetitionCounts().build((None, 5, 12))
