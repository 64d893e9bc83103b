"""Gradient attributions against gradients by hand, finite differences, and the sums that they promise."""

import keras
import numpy as np
import pytest
from keras import layers
from small_network import SmallNetwork, enlarged, values_of

from convscope.errors import UsageError
from convscope.scope.attribution.methods import attribute

pytestmark = pytest.mark.portable

TARGET = 2


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("guided", [False, True])
def test_saliency_and_guided_backpropagation_are_the_gradient_by_hand(rank, guided):
    network = SmallNetwork(rank)
    expected = np.abs(network.gradient(network.x, TARGET, guided)).max(-1)
    method = "guided-backpropagation" if guided else "saliency"
    found = attribute(network.model, network.x, method, target=TARGET, batch_size=2)
    np.testing.assert_allclose(values_of(found), expected, atol=1e-5)
    assert found[0].path is None
    if guided:
        assert found[0].details["relus"] == 1
        assert "not_reached" not in found[0].details


def test_saliency_equals_finite_differences():
    network = SmallNetwork(1)
    x = network.x[:1].astype("float64")
    steps = np.eye(x.size).reshape(x.size, *x.shape[1:]) * 1e-5
    slopes = (network.logits(x + steps) - network.logits(x - steps))[:, TARGET] / 2e-5
    found = attribute(network.model, x, "saliency", target=TARGET, channels="sum")[0]
    assert found.signed
    np.testing.assert_allclose(found.values, slopes.reshape(x.shape[1:]).sum(-1), atol=1e-4)


def test_behind_a_layer_the_norm_of_its_gradient_is_laid_over_the_input():
    network = SmallNetwork()
    g = network.gradient_at_maps(network.maps(network.x), TARGET)
    found = attribute(network.model, network.x, "saliency", layer="maps", target=TARGET)
    expected = enlarged(np.linalg.norm(g, axis=-1), network.x.shape[1:-1])
    np.testing.assert_allclose(values_of(found), expected, atol=1e-5)
    assert found[0].path == "maps"


@pytest.mark.parametrize("average", ["gradients", "magnitudes"])
def test_smoothgrad_averages_gradients_of_noisy_copies(average):
    network = SmallNetwork()
    draws, noise, seed = 5, 0.1, 3
    drawn = np.random.default_rng(seed).standard_normal((3, draws, *network.x.shape[1:]), dtype="float32")
    spread = np.ptp(network.x.reshape(3, -1), axis=1) * noise
    g = np.stack([network.gradient(network.x[i] + drawn[i] * spread[i], TARGET) for i in range(3)])
    mean = np.abs(g).mean(1) if average == "magnitudes" else np.abs(g.mean(1))
    options = {"draws": draws, "noise": noise, "seed": seed, "average": average, "target": TARGET}
    for batch_size in (2, 32):
        found = attribute(network.model, network.x, "smoothgrad", batch_size=batch_size, **options)
        np.testing.assert_allclose(values_of(found), mean.max(-1), atol=1e-5)


@pytest.mark.parametrize("layer", [None, "maps"])
def test_integrated_gradients_sum_up_to_the_difference_from_the_baseline(layer):
    network = SmallNetwork()
    baseline = np.full(network.x.shape[1:], 0.1, "float32")
    logits, start = network.logits(network.x), network.logits(baseline[None])
    found = attribute(
        network.model,
        network.x,
        "integrated-gradients",
        layer=layer,
        target=TARGET,
        baseline=0.1,
        batch_size=7,
    )
    for each, difference in zip(found, (logits - start)[:, TARGET], strict=True):
        assert each.signed
        assert each.details["difference"] == pytest.approx(difference, abs=1e-4)
        assert each.details["completeness_gap"] < 0.02 * max(1, abs(difference))
        if layer is None:
            assert each.values.sum() == pytest.approx(difference, abs=0.03)


def test_more_steps_close_the_gap_of_integrated_gradients():
    network = SmallNetwork()
    gaps = [
        attribute(network.model, network.x[:1], "integrated-gradients", steps=steps)[0].details[
            "completeness_gap"
        ]
        for steps in (1, 8, 128)
    ]
    assert gaps[0] > gaps[2]
    assert gaps[2] < 5e-3


def test_integrated_gradients_of_a_linear_model_are_weights_times_input():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    weights = keras.ops.convert_to_numpy(model.layers[0].kernel)
    x = np.array([[1.0, -2.0, 3.0, 0.5]], "float32")
    found = attribute(model, x, "integrated-gradients", target=1, steps=3)[0]
    np.testing.assert_allclose(found.values, x[0] * weights[:, 1], atol=1e-6)


def a_text_model():
    words = keras.Input((5,), dtype="int32")
    x = layers.Embedding(11, 3, name="vectors")(words)
    model = keras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    vectors, head = (keras.ops.convert_to_numpy(weight) for weight in model.weights[:2])
    return model, np.array([[1, 2, 3, 4, 0]], "int32"), vectors, head


@pytest.mark.parametrize(
    "method", ["saliency", "smoothgrad", "integrated-gradients", "guided-backpropagation"]
)
def test_token_ids_are_explained_at_their_embedding_and_it_is_said(method):
    model, x, _, _ = a_text_model()
    found, named = (attribute(model, x, method, layer=layer)[0] for layer in (None, "vectors"))
    assert found.path == named.path == "vectors"
    assert found.values.shape == (5,)
    assert "embedding" in found.details["layer"]
    assert "layer" not in named.details
    if method != "integrated-gradients":
        np.testing.assert_allclose(found.values, named.values, atol=1e-6)


def test_the_shares_of_tokens_start_from_no_vector_or_from_that_of_the_padding():
    model, x, vectors, head = a_text_model()
    found = attribute(model, x, "integrated-gradients", target=1)[0]
    np.testing.assert_allclose(found.values, (vectors[x[0]] @ head[:, 1]) / 5, atol=1e-6)
    assert found.details["completeness_gap"] < 1e-5
    named = attribute(model, x, "integrated-gradients", layer="vectors", target=1)[0]
    np.testing.assert_allclose(named.values, ((vectors[x[0]] - vectors[0]) @ head[:, 1]) / 5, atol=1e-6)


def test_whole_numbers_that_nothing_looks_up_have_no_gradient():
    ids = keras.Input((5,), dtype="int32")
    counted = layers.CategoryEncoding(11, output_mode="count")(ids)
    model = keras.Model(ids, layers.Dense(2)(counted))
    with pytest.raises(UsageError, match="has integer ids"):
        attribute(model, np.array([[1, 2, 3, 4, 5]], "int32"), "saliency")


class OwnCode(keras.Model):
    """Calls ReLU as an operation, which no layer holds."""

    def __init__(self):
        super().__init__()
        self.edges = layers.Conv2D(2, 3, activation="relu", name="edges")
        self.more = layers.Conv2D(2, 3, name="more")
        self.head = layers.Dense(2, name="head")

    def call(self, x):
        return self.head(keras.ops.mean(keras.ops.relu(self.more(self.edges(x))), axis=(1, 2)))


def test_guided_backpropagation_names_the_relus_that_it_cannot_reach():
    x = np.ones((1, 7, 7, 1), "float32")
    details = attribute(OwnCode(), x, "guided-backpropagation")[0].details
    assert details["relus"] == 1
    assert details["not_reached"] == "relu"


@pytest.mark.parametrize("make", ["layer", "activation", "operation", "instance"])
def test_guided_backpropagation_reaches_every_make_of_relu(make):
    x = inputs = keras.Input((4,))
    x = layers.Dense(6, activation=layers.ReLU() if make == "instance" else None)(x)
    if make != "instance":
        x = {
            "layer": layers.ReLU(),
            "activation": layers.Activation("relu"),
            "operation": keras.ops.relu,
        }[make](x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    first, bias, second, _ = (keras.ops.convert_to_numpy(weight) for weight in model.weights)
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    expected = (np.maximum(second[:, 0], 0) * (x @ first + bias > 0)) @ first.T
    found = attribute(model, x, "guided-backpropagation", channels="sum")
    np.testing.assert_allclose(values_of(found), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("smoothgrad", {"draws": 0}, "draws=0"),
        ("smoothgrad", {"noise": -1}, "noise=-1"),
        ("smoothgrad", {"average": "median"}, "average='median'"),
        ("integrated-gradients", {"steps": 0}, "steps=0"),
        ("integrated-gradients", {"baseline": np.zeros(99)}, r"shape \(7, 6, 2\). Received: shape \(99,\)"),
        ("saliency", {"channels": "mean"}, "channels='mean'"),
    ],
)
def test_options_out_of_range_are_refused(method, options, message):
    network = SmallNetwork()
    with pytest.raises(UsageError, match=message):
        attribute(network.model, network.x, method, **options)
