"""Architectures for series against NumPy, and ensembles against their members alone."""

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.registry import build
from convscope.models.ensemble import EnsembleModel

pytestmark = pytest.mark.portable

SMALL = {"fcn": {"filters": (4, 6, 5)}, "inception_time": {"filters": 3, "bottleneck": 2, "depth": 3}}
EVERY = pytest.mark.parametrize("name", SMALL)


def series(count=5, length=24, variables=2, seed=0):
    return np.random.default_rng(seed).normal(size=(count, length, variables)).astype(np.float32)


def stirred(model, seed=0):
    """The model with other weights than fresh ones, so that no normalization is the identity."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.2, 1.0, weight.shape) for weight in model.get_weights()])
    return model


def convolved(x, kernel):
    """Cross-correlation that keeps the length, as Keras pads: the shorter side before."""
    size = len(kernel)
    padded = np.pad(x, ((0, 0), ((size - 1) // 2, size // 2), (0, 0)))
    return sum(padded[:, k : k + x.shape[1]] @ kernel[k] for k in range(size))


def normalized(x, layer):
    gamma, beta, mean, variance = (np.asarray(weight, float) for weight in layer.get_weights())
    return gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta


def softmax(x):
    shares = np.exp(x - x.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def pooled(x):
    """The largest of three neighbours."""
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)), constant_values=-np.inf)
    return np.max([padded[:, k : k + x.shape[1]] for k in range(3)], axis=0)


def weights(model, name):
    return [np.asarray(weight, float) for weight in model.get_layer(name).get_weights()]


def answer(model, x):
    kernel, bias = weights(model, "classes")
    return softmax(x.mean(axis=1) @ kernel + bias)


def test_fcn_is_three_convolutions_and_their_mean():
    model, x = stirred(build("fcn", (24, 2), 3, **SMALL["fcn"])), series()
    found = np.asarray(model.predict_on_batch(x))
    for number in (1, 2, 3):
        x = convolved(x.astype(float), weights(model, f"conv{number}")[0])
        x = np.maximum(normalized(x, model.get_layer(f"norm{number}")), 0)
    np.testing.assert_allclose(found, answer(model, x), atol=1e-4)


def test_an_inception_module_joins_long_and_short_kernels_and_a_pooled_copy():
    model, x = stirred(build("inception_time", (24, 2), 3, **SMALL["inception_time"])), series()
    found = np.asarray(model.predict_on_batch(x))
    x = x.astype(float)
    before = x
    for module in (1, 2, 3):
        name = f"module{module}"
        narrow = convolved(x, weights(model, f"{name}_bottleneck")[0])
        maps = [convolved(narrow, weights(model, f"{name}_conv{size}")[0]) for size in (40, 20, 10)]
        maps.append(convolved(pooled(x), weights(model, f"{name}_pool_conv")[0]))
        x = np.maximum(normalized(np.concatenate(maps, axis=-1), model.get_layer(f"{name}_norm")), 0)
    before = convolved(before, weights(model, "module3_shortcut")[0])
    x = np.maximum(x + normalized(before, model.get_layer("module3_shortcut_norm")), 0)
    np.testing.assert_allclose(found, answer(model, x), atol=1e-4)


def test_the_defaults_are_those_of_the_papers():
    inception = build("inception_time", (100, 1), 2)
    names = [layer.name for layer in inception.layers]
    assert [name for name in names if name.endswith("_add")] == ["module3_add", "module6_add"]
    assert "module1_bottleneck" not in names  # one variable is narrow already
    assert inception.get_layer("module6_joined").output.shape == (None, 100, 128)
    # Six modules of 32 kernels of each length; weights counted by hand.
    first = 32 * (40 + 20 + 10) + 32 + 4 * 128
    later = 128 * 32 + 32 * 32 * (40 + 20 + 10) + 128 * 32 + 4 * 128
    shortcuts = (128 + 4 * 128) + (128 * 128 + 4 * 128)
    assert inception.count_params() == first + 5 * later + shortcuts + 128 * 2 + 2
    blocks = 8 * 128 + 5 * 128 * 256 + 3 * 256 * 128 + 4 * (128 + 256 + 128)
    assert build("fcn", (100, 1), 2).count_params() == blocks + 128 * 2 + 2


@EVERY
def test_any_length_and_number_of_variables_is_taken(name):
    model = build(name, (None, 3), 4, **SMALL[name])
    for length in (1, 7, 50):
        shares = np.asarray(model.predict_on_batch(series(2, length, 3)))
        assert shares.shape == (2, 4)
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)


@EVERY
def test_a_saved_model_answers_the_same(name, tmp_path):
    options = SMALL[name] | ({"ensemble": 2} if name == "inception_time" else {})
    model = stirred(build(name, (24, 2), 3, **options))
    model.save(tmp_path / "any.keras")
    loaded = keras.models.load_model(tmp_path / "any.keras")
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict_on_batch(series()), model.predict_on_batch(series()))


def ensemble():
    return build("inception_time", (24, 2), 3, ensemble=2, **SMALL["inception_time"])


def test_an_ensemble_answers_with_the_mean_of_its_members():
    model = stirred(ensemble())
    assert isinstance(model, EnsembleModel)
    members = np.asarray(model.members.predict_on_batch(series()))
    assert members.shape == (5, 2, 3)
    assert not np.allclose(members[:, 0], members[:, 1])
    np.testing.assert_allclose(model.predict_on_batch(series()), members.mean(axis=1), atol=1e-6)


def test_members_of_an_ensemble_learn_as_each_would_alone():
    x, y = series(8, 12), np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    joined, single = (build("inception_time", (12, 2), 3, depth=1, filters=3, ensemble=k) for k in (2, 1))
    names = [layer.name for layer in single.layers if layer.get_weights()]
    for name in names:
        single.get_layer(name).set_weights(joined.get_layer(f"member2_{name}").get_weights())
    for model in (joined, single):
        model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    for name in names:
        of_member, alone = joined.get_layer(f"member2_{name}"), single.get_layer(name)
        for found, expected in zip(of_member.get_weights(), alone.get_weights(), strict=True):
            np.testing.assert_allclose(found, expected, atol=2e-4)
    loss, accuracy = joined.evaluate(x, y, verbose=0)
    shares = np.asarray(joined.predict_on_batch(x))
    assert loss == pytest.approx(-np.log(shares[y == 1]).mean(), rel=1e-4)
    assert accuracy == pytest.approx((shares.argmax(1) == y.argmax(1)).mean())


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("fcn", (24,), {}, r"fcn takes \(length, variables\)"),
        ("fcn", (0, 1), {}, r"fcn takes \(length, variables\)"),
        ("fcn", (24, 1), {"kernel_sizes": (3, 3)}, "as many kernel_sizes as filters"),
        ("fcn", (24, 1), {"kernel_sizes": (), "filters": ()}, "as many kernel_sizes as filters"),
        ("fcn", (24, 1), {"filters": (4, 0, 4)}, "at least 1"),
        ("inception_time", (24, 1, 1), {}, r"inception_time takes \(length, variables\)"),
        ("inception_time", (24, 1), {"depth": 0}, "at least 1"),
        ("inception_time", (24, 1), {"ensemble": 0}, "at least 1"),
        ("inception_time", (24, 1), {"kernel_sizes": (8, 8)}, "different kernel_sizes"),
        ("inception_time", (24, 1), {"kernel_sizes": ("8",)}, "whole sizes"),
        ("inception_time", (24, 1), {"bottleneck": -1}, "bottleneck of at least 0"),
    ],
)
def test_bad_options_are_told(name, shape, options, message):
    with pytest.raises(UsageError, match=message):
        build(name, shape, 3, **options)
