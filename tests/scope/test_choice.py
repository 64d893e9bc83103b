"""The last convolution of a model: behind the most others, with all that are joined with it."""

import keras
import pytest
from keras import layers

from convscope.kinds.registry import build
from convscope.scope.choice import last_convolution
from convscope.scope.graph.graph import trace

pytestmark = pytest.mark.portable


def chosen(model):
    call, said = last_convolution(trace(model))
    return None if call is None else (call.path, said)


def with_shortcut():
    """Two convolutions beside a shortcut that is called after them."""
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same", name="second")(
        layers.Conv2D(4, 3, padding="same", name="first")(x)
    )
    return keras.Model(x, layers.Add()([y, layers.Conv2D(4, 1, name="shortcut")(x)]))


def test_a_shortcut_beside_others_is_not_the_last():
    assert chosen(with_shortcut()) == ("second", "the last convolution")


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("compact_cnn", (48, 48, 1), "block3_conv"),
        ("residual_cnn", (16, 16, 1), "stage3_block1_conv2"),
        ("fcn", (32, 1), "conv3"),
    ],
)
def test_of_a_chain_it_is_the_last(name, shape, expected):
    assert chosen(build(name, shape, 3)) == (expected, "the last convolution")


def test_those_that_are_joined_are_taken_together():
    model = build("inception_time", (32, 1), 3, depth=3, filters=2, bottleneck=2)
    assert chosen(model) == ("module3_joined", "the last convolutions, joined")


def test_without_a_convolution_there_is_none():
    assert chosen(keras.Sequential([keras.Input((4,)), layers.Dense(2)])) is None
