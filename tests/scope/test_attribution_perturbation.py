"""Occlusion and RISE against plain loops, and against models in which one patch alone matters."""

import keras
import numpy as np
import pytest
from keras import layers
from small_network import SmallNetwork, values_of

from convscope.errors import UsageError
from convscope.scope.attribution.methods import attribute
from convscope.scope.attribution.perturbation import drawn_masks

pytestmark = pytest.mark.portable

TARGET = 0


def one_patch_matters():
    """A linear model of 12x10 pictures that sees rows 4 to 5 and columns 6 to 7 alone."""
    weights = np.zeros((12, 10, 1), "float32")
    weights[4:6, 6:8] = 1
    model = keras.Sequential([keras.Input((12, 10, 1)), layers.Flatten(), layers.Dense(1, use_bias=False)])
    model.set_weights([weights.reshape(-1, 1)])
    return model, weights[..., 0] > 0


def test_occlusion_finds_the_only_patch_that_matters():
    model, patch = one_patch_matters()
    found = attribute(model, np.ones((1, 12, 10, 1)), "occlusion", window=2, stride=1)[0]
    assert found.values[patch].min() > found.values[~patch].max()
    assert found.values[:3].max() == found.values[:, :4].max() == 0
    exact = attribute(model, np.ones((1, 12, 10, 1)), "occlusion", window=2, stride=2)[0]
    np.testing.assert_allclose(exact.values, 4 * patch)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_occlusion_equals_a_plain_loop(rank):
    network = SmallNetwork(rank)
    lengths = network.x.shape[1:-1]
    falls, times = np.zeros((3, *lengths)), np.zeros(lengths)
    whole = network.outputs(network.x)[:, TARGET]
    starts = [[0, 2, 4] if n == 7 else sorted({*range(0, n - 3, 2), n - 3}) for n in lengths]
    for corner in np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, rank):
        place = tuple(slice(first, first + 3) for first in corner)
        covered = network.x.copy()
        covered[(slice(None), *place)] = 0.5
        fall = whole - network.outputs(covered)[:, TARGET]
        falls[(slice(None), *place)] += fall.reshape(3, *[1] * rank)
        times[place] += 1
    found = attribute(
        network.model, network.x, "occlusion", target=TARGET, window=3, stride=2, baseline=0.5, batch_size=5
    )
    np.testing.assert_allclose(values_of(found), falls / times, atol=1e-5)
    assert found[0].signed
    assert found[0].details["window"] == " x ".join("3" * rank)


def test_occlusion_covers_token_ids_with_the_padding():
    words = keras.Input((5,), dtype="int32")
    x = layers.Embedding(9, 3, name="vectors")(words)
    model = keras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    vectors, head = (keras.ops.convert_to_numpy(weight) for weight in model.weights[:2])
    x = np.array([[1, 2, 3, 4, 5]], "int32")
    found = attribute(model, x, "occlusion", target=1, window=1, baseline=0)[0]
    np.testing.assert_allclose(found.values, ((vectors[x[0]] - vectors[0]) @ head[:, 1]) / 5, atol=1e-6)


def test_by_default_a_token_becomes_an_unknown_one_and_padding_stays():
    words = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 3, name="vectors")(words)
    model = keras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    vectors, head = (keras.ops.convert_to_numpy(weight) for weight in model.weights[:2])
    x = np.array([[5, 2, 3, 4, 0, 0]], "int32")
    found = attribute(model, x, "occlusion", target=1)[0]
    expected = ((vectors[x[0]] - vectors[1]) @ head[:, 1]) / 6
    expected[4:] = 0
    np.testing.assert_allclose(found.values, expected, atol=1e-6)


def test_rise_finds_the_only_word_that_matters():
    words = keras.Input((12,), dtype="int32")
    x = layers.Embedding(9, 1, name="vectors", embeddings_initializer="zeros")(words)
    model = keras.Model(words, layers.Dense(1, kernel_initializer="ones")(layers.Flatten()(x)))
    table = np.zeros((9, 1), "float32")
    table[7] = 5
    model.get_layer("vectors").set_weights([table])
    x = np.array([[2, 3, 4, 7, 5, 6, 2, 3, 4, 5, 0, 0]], "int32")
    found = attribute(model, x, "rise", target=0, masks=200)[0]
    assert found.values.argmax() == 3


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_rise_is_the_mean_of_masks_weighted_by_scores(rank):
    network = SmallNetwork(rank)
    lengths = network.x.shape[1:-1]
    cells = [min(7, length) for length in lengths]
    drawn = drawn_masks(lengths, cells, 0.4, seed=5)
    masks = np.stack([next(drawn) for _ in range(20)])
    scores = np.stack([network.outputs(x * masks[..., None])[:, TARGET] for x in network.x])
    expected = np.tensordot(scores, masks, axes=1) / (20 * 0.4)
    found = attribute(
        network.model, network.x, "rise", target=TARGET, masks=20, visible=0.4, seed=5, batch_size=8
    )
    np.testing.assert_allclose(values_of(found), expected, atol=1e-5)
    assert not found[0].signed


def test_masks_leave_every_position_visible_with_the_same_probability():
    drawn = drawn_masks((20, 9), (5, 3), 0.3, seed=0)
    masks = np.stack([next(drawn) for _ in range(2000)])
    assert masks.shape == (2000, 20, 9)
    assert masks.min() >= 0
    assert masks.max() <= 1
    np.testing.assert_allclose(masks.mean(0), 0.3, atol=0.05)


def test_rise_finds_the_only_patch_that_matters():
    model, patch = one_patch_matters()
    found = attribute(model, np.ones((1, 12, 10, 1)), "rise", masks=300, cells=(6, 5), batch_size=50)[0]
    assert found.values[patch].min() > np.quantile(found.values[~patch], 0.9)


def test_the_same_seed_gives_the_same_and_another_another():
    network = SmallNetwork()
    first, again, other = (
        attribute(network.model, network.x[:1], "rise", masks=8, seed=seed)[0].values for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("occlusion", {"window": 99}, "window=99"),
        ("occlusion", {"window": 2, "stride": 3}, "stride=3"),
        ("occlusion", {"window": (1, 2, 3)}, "each of 2 axes"),
        ("rise", {"masks": 0}, "masks=0"),
        ("rise", {"visible": 1}, "visible=1"),
        ("rise", {"cells": 99}, "cells=99"),
        ("rise", {"layer": "maps"}, "takes no layer"),
    ],
)
def test_options_out_of_range_are_refused(method, options, message):
    network = SmallNetwork()
    with pytest.raises(UsageError, match=message):
        attribute(network.model, network.x, method, **options)
