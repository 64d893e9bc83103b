"""The effective receptive field is the derivative of a value by the input, within the theoretical one."""

import keras
import numpy as np
import pytest

from convscope import scope
from convscope.errors import UsageError
from convscope.scope.channels.effective_field import FieldFinder, spans_of

pytestmark = pytest.mark.portable


@pytest.fixture
def model():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((12, 10, 2)),
            keras.layers.Conv2D(4, 3, activation="tanh", name="first"),
            keras.layers.MaxPooling2D(2, name="pooled"),
            keras.layers.Conv2D(3, 3, padding="same", name="second"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(2, activation="relu", name="classes"),
        ]
    )


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(1, 12, 10, 2)).astype(np.float32)


def test_of_one_convolution_it_is_the_kernel(x):
    layer = keras.layers.Conv2D(2, 3, name="edges")
    model = keras.Sequential([keras.Input((12, 10, 2)), layer])
    found = scope.effective_field(model, x, "edges", 1, (4, 5))
    kernel = np.abs(np.asarray(layer.get_weights()[0])[..., 1]).sum(-1)
    expected = np.zeros((12, 10))
    expected[4:7, 5:8] = kernel
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    assert found.spans == ((4, 7), (5, 8))


@pytest.mark.parametrize(
    ("name", "channel", "at"), [("pooled", 2, (1, 3)), ("second", 0, (2, 1)), ("classes", 1, ())]
)
def test_it_is_how_much_the_value_changes(model, x, name, channel, at):
    """By differences of the value at inputs that are changed a little, position by position."""
    found = scope.effective_field(model, x, name, channel, at)

    def value(inputs):
        array = scope.record(model, inputs, name)[name].array
        return array[(slice(None), *at, channel)].astype(np.float64)

    if name == "classes":
        model.get_layer(name).activation = keras.activations.linear  # the value before it
    step = 3e-3
    changed = np.repeat(x, x.size, axis=0).reshape(x.size, -1)
    moved = np.eye(x.size, dtype=np.float32) * step
    slope = value((changed + moved).reshape(-1, *x.shape[1:])) - value(
        (changed - moved).reshape(-1, *x.shape[1:])
    )
    expected = np.abs(slope / (2 * step)).reshape(x.shape[1:]).sum(-1)
    np.testing.assert_allclose(found.values, expected, atol=2e-3)


def test_it_lies_within_the_theoretical_one(model, x):
    finder = FieldFinder(model, "second", x)
    where = scope.record(model, x, "second")["second"].geometry
    for at in ((0, 0), (2, 2), (4, 3)):
        found = finder(x, None, at)
        inside = np.zeros(found.values.shape, bool)
        inside[tuple(slice(*ends) for ends in where.window(at))] = True
        assert not found.values[~inside].any()
        for (start, stop), (first, last) in zip(found.spans, where.window(at), strict=True):
            assert first <= start < stop <= last


def test_the_activation_of_the_layer_is_left_out_and_comes_back(model, x):
    """Behind a ReLU that gives 0 the derivative would be 0, and say nothing of the sum before it."""
    before = model.predict(x, verbose=0)
    weights = np.abs(np.asarray(model.get_layer("classes").get_weights()[0]))
    flat = scope.effective_field(model, x, "flat", None, ())
    assert not flat.before
    for channel in range(2):
        found = scope.effective_field(model, x, "classes", channel, ())
        assert found.before
        assert found.values.any()
        assert found.values.max() <= weights[:, channel].max() * flat.values.sum()
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


def test_of_token_ids_it_is_that_of_their_embedding():
    model = keras.Sequential(
        [
            keras.Input((9,), dtype="int32"),
            keras.layers.Embedding(20, 4),
            keras.layers.Conv1D(3, 3, name="words"),
        ]
    )
    ids = np.arange(9, dtype=np.int32)[None]
    found = scope.effective_field(model, ids, "words", 1, (2,))
    kernel = np.abs(np.asarray(model.get_layer("words").get_weights()[0])[..., 1]).sum(-1)
    np.testing.assert_allclose(found.values, np.pad(kernel, (2, 4)), atol=1e-6)
    assert found.spans == ((2, 5),)


def test_what_is_not_there_is_an_error(model, x):
    with pytest.raises(UsageError, match=r"maps of shape \(3, 5, 4\). Received: channel 3 at \(0, 0\)"):
        scope.effective_field(model, x, "second", 3, (0, 0))
    with pytest.raises(UsageError, match="Received: channel 0 at"):
        scope.effective_field(model, x, "second", 0, (5, 0))
    with pytest.raises(UsageError, match="Received: channel 0 at"):
        scope.effective_field(model, x, "second", 0, (1,))
    counted = keras.Sequential(
        [keras.Input((4,), dtype="int32"), keras.layers.Reshape((2, 2), name="folded")]
    )
    with pytest.raises(UsageError, match="cannot change a little"):
        scope.effective_field(counted, np.ones((1, 4), np.int32), "folded", 0, (0,))


def test_the_shortest_stretch_holds_the_share():
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.random(12) ** 4
        ((start, stop),) = spans_of(values, 0.7)
        assert values[start:stop].sum() >= 0.7 * values.sum() * (1 - 1e-9)
        sums = [values[first : first + stop - start - 1].sum() for first in range(len(values))]
        assert max(sums) < 0.7 * values.sum()
    assert spans_of(np.zeros((3, 2))) == ((0, 0), (0, 0))
