"""Class activation maps against their formulas in NumPy, with gradients worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers
from small_network import SmallNetwork, enlarged, values_of

from convscope.errors import UsageError
from convscope.scope.attribution.methods import attribute

pytestmark = pytest.mark.portable

TARGET = 1


def grad_cam(maps, g):
    axes = tuple(range(1, g.ndim - 1))
    return (maps * g.mean(axes, keepdims=True)).sum(-1)


def grad_cam_plus_plus(maps, g):
    """Equation by equation, with the exponential of the score as 1."""
    axes = tuple(range(1, g.ndim - 1))
    alpha = g**2 / (2 * g**2 + maps.sum(axes, keepdims=True) * g**3)
    alpha = alpha / alpha.sum(axes, keepdims=True)
    return (maps * (alpha * np.maximum(g, 0)).sum(axes, keepdims=True)).sum(-1)


def layer_cam(maps, g):
    return (maps * np.maximum(g, 0)).sum(-1)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    ("method", "formula"),
    [("grad-cam", grad_cam), ("grad-cam++", grad_cam_plus_plus), ("layer-cam", layer_cam)],
)
def test_a_map_is_what_its_formula_gives(method, formula, rank):
    network = SmallNetwork(rank)
    maps = network.maps(network.x)
    expected = np.maximum(formula(maps, network.gradient_at_maps(maps, TARGET)), 0)
    found = attribute(network.model, network.x, method, target=TARGET, batch_size=2)
    np.testing.assert_allclose(values_of(found), enlarged(expected, network.x.shape[1:-1]), atol=1e-4)
    assert [each.path for each in found] == ["maps"] * 3
    assert not found[0].signed
    assert found[0].details["explained"] == "before softmax"
    np.testing.assert_allclose(
        [each.score for each in found], network.outputs(network.x)[:, TARGET], atol=1e-5
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_score_cam_weighs_by_the_score_under_each_map(rank):
    network = SmallNetwork(rank)
    lengths = network.x.shape[1:-1]
    axes = tuple(range(1, rank + 1))
    maps = network.maps(network.x)
    masks = enlarged(maps, lengths)
    low, high = masks.min(axes, keepdims=True), masks.max(axes, keepdims=True)
    masks = (masks - low) / (high - low)
    weights = np.stack(
        [network.outputs(network.x * masks[..., k, None])[:, TARGET] for k in range(maps.shape[-1])], -1
    )
    expected = np.maximum((maps * weights.reshape(3, *[1] * rank, -1)).sum(-1), 0)
    found = attribute(network.model, network.x, "score-cam", target=TARGET, batch_size=2)
    np.testing.assert_allclose(values_of(found), enlarged(expected, lengths), atol=1e-4)
    assert found[0].details["explained"] == "after softmax"


def test_score_cam_takes_the_channels_that_vary_most():
    network = SmallNetwork()
    maps = network.maps(network.x)
    varying = maps[0].std(axis=(0, 1)).argmax()
    found = attribute(network.model, network.x[:1], "score-cam", channels=1)[0]
    shape = enlarged(maps[:1, ..., varying], network.x.shape[1:-1])[0]
    np.testing.assert_allclose(found.values / found.values.max(), shape / shape.max(), atol=1e-5)
    assert found.details["channels"] == 1


def test_grad_cam_of_a_pooled_linear_head_is_the_class_activation_map():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 3, padding="same", name="maps"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 1)).astype("float32")
    maps = keras.ops.convert_to_numpy(model.layers[0](x))
    head = keras.ops.convert_to_numpy(model.layers[-1].kernel)
    for target in range(3):
        expected = np.maximum(maps @ head[:, target], 0) / 36
        found = attribute(model, x, "grad-cam", target=target)
        np.testing.assert_allclose(values_of(found), expected, atol=1e-6)


def test_the_probability_can_be_explained_in_place_of_the_logit():
    network = SmallNetwork()
    maps = network.maps(network.x)
    outputs = network.outputs(network.x)
    each = np.stack([network.gradient_at_maps(maps, k) for k in range(3)])
    mixed = outputs[:, TARGET] * (np.eye(3)[TARGET] - outputs).T
    g = (mixed[:, :, None, None, None] * each).sum(0)
    found = attribute(network.model, network.x, target=TARGET, score="probability")
    expected = enlarged(np.maximum(grad_cam(maps, g), 0), network.x.shape[1:-1])
    np.testing.assert_allclose(values_of(found), expected, atol=1e-5)
    assert found[0].details["explained"] == "after softmax"


def test_centers_are_another_way_to_enlarge():
    network = SmallNetwork(1)
    corners = attribute(network.model, network.x[:1])[0].values
    centers = attribute(network.model, network.x[:1], resize="centers")[0].values
    assert corners.shape == centers.shape
    assert not np.allclose(corners, centers)


def test_a_layer_without_positions_is_refused():
    network = SmallNetwork()
    with pytest.raises(UsageError, match=r"as many spatial axes.*'hidden' of shape \(4,\)"):
        attribute(network.model, network.x, layer="hidden")


def test_a_model_without_maps_says_so():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    with pytest.raises(UsageError, match="no layer with the spatial positions"):
        attribute(model, np.zeros((1, 5)))


def test_channels_below_one_are_refused():
    network = SmallNetwork()
    with pytest.raises(UsageError, match="channels=0"):
        attribute(network.model, network.x, "score-cam", channels=0)


def test_the_layer_chosen_is_none_that_works_in_training_alone():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3, name="look"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Dropout(0.5, name="drop"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    chosen, named = attribute(model, x, target=1), attribute(model, x, target=1, layer="drop")
    assert chosen[0].path == "pool"
    np.testing.assert_allclose(values_of(chosen), values_of(named), atol=1e-6)
