"""Every position of every kind of map adds up to what the model computes, on every backend."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

from convscope.errors import UsageError
from convscope.scope.channels.position import position
from convscope.scope.record import record

pytestmark = pytest.mark.portable


def one_layer(layer, shape, seed=0):
    """A model of one layer with random weights and biases, and one random sample."""
    rng = np.random.default_rng(seed)
    model = keras.Sequential([keras.Input(shape), layer])
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model, rng.normal(size=(1, *shape)).astype("float32")


def adds_up(model, x, path):
    """Every position of the first map and one of the last, taken apart and compared with the recording."""
    layer = model.get_layer(path)
    recorded = record(model, x, path)[path].array[0]
    if getattr(layer, "data_format", None) == "channels_first":
        recorded = np.moveaxis(recorded, 0, -1)
    last = recorded.shape[-1] - 1
    middle = tuple(size // 2 for size in recorded.shape[:-1])
    tolerance = 2e-6 * (float(np.abs(recorded).max()) + 1)
    for channel, at in [*((0, at) for at in np.ndindex(recorded.shape[:-1])), (last, middle)]:
        found = position(model, x[0], path, channel, at)
        assert (found.channel, found.at) == (channel, at)
        assert found.patch.shape == found.kernel.shape == found.products.shape
        assert found.padded.shape == found.patch.shape[:-1]
        assert not found.patch[found.padded].any()
        np.testing.assert_array_equal(found.products, found.patch * found.kernel)
        assert found.sum == math.fsum(found.products.ravel().tolist())
        assert found.before == found.sum + found.bias
        np.testing.assert_array_equal(found.map, recorded[..., channel])
        assert found.value == pytest.approx(float(found.map[at]), abs=tolerance)
        assert found.rounding == float(found.map[at]) - found.value


LAYERS = {
    "conv1d": (lambda: layers.Conv1D(3, 3, activation="relu"), (5, 2)),
    "conv1d causal": (lambda: layers.Conv1D(2, 3, padding="causal", dilation_rate=2), (7, 2)),
    "conv1d causal strided": (lambda: layers.Conv1D(2, 3, strides=2, padding="causal"), (7, 2)),
    "conv2d same": (lambda: layers.Conv2D(3, (3, 2), padding="same", activation="gelu"), (3, 4, 2)),
    "conv2d strided": (lambda: layers.Conv2D(3, 3, strides=2, padding="same", use_bias=False), (6, 5, 2)),
    "conv2d sparse": (lambda: layers.Conv2D(2, 1, strides=2, padding="same"), (5, 4, 2)),
    "conv2d dilated": (lambda: layers.Conv2D(2, 3, dilation_rate=2, padding="same"), (3, 5, 1)),
    "conv2d grouped": (lambda: layers.Conv2D(4, 2, groups=2, padding="same"), (3, 3, 4)),
    "conv2d softmax": (lambda: layers.Conv2D(3, 2, activation="softmax"), (4, 3, 2)),
    "conv2d channels first": (lambda: layers.Conv2D(3, 2, data_format="channels_first"), (2, 3, 4)),
    "conv3d": (lambda: layers.Conv3D(2, 2, strides=(1, 2, 1), padding="same"), (2, 3, 2, 2)),
    "depthwise1d": (lambda: layers.DepthwiseConv1D(3, padding="same", depth_multiplier=2), (6, 2)),
    "depthwise2d": (lambda: layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2), (7, 5, 2)),
    "separable1d": (lambda: layers.SeparableConv1D(3, 3, padding="same", activation="tanh"), (6, 2)),
    "separable2d": (lambda: layers.SeparableConv2D(3, 3, depth_multiplier=2, padding="same"), (3, 3, 2)),
    "transposed1d": (lambda: layers.Conv1DTranspose(2, 4, strides=3, padding="same"), (3, 3)),
    "transposed2d": (lambda: layers.Conv2DTranspose(2, 3, strides=2, activation="relu"), (1, 2, 2)),
    "transposed2d same": (lambda: layers.Conv2DTranspose(2, 3, strides=2, padding="same"), (2, 2, 2)),
    "transposed2d small kernel": (lambda: layers.Conv2DTranspose(2, 1, strides=3), (1, 2, 2)),
    "transposed3d": (lambda: layers.Conv3DTranspose(2, 2, strides=(1, 2, 1)), (1, 2, 1, 2)),
    "dense": (lambda: layers.Dense(3, activation="softmax"), (6,)),
    "dense over steps": (lambda: layers.Dense(3, activation="sigmoid"), (4, 3)),
    "max pooling": (lambda: layers.MaxPooling2D(3, 2, padding="same"), (5, 5, 2)),
    "average pooling": (lambda: layers.AveragePooling2D(3, 2, padding="same"), (5, 5, 2)),
    "average pooling 1d": (lambda: layers.AveragePooling1D(2), (6, 2)),
    "max pooling 3d": (lambda: layers.MaxPooling3D(2), (4, 2, 2, 2)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_position_adds_up_to_the_recorded_value(name, backend):
    if "channels first" in name and backend == "tensorflow":
        pytest.skip("TensorFlow convolves channels first on a GPU alone")
    make, shape = LAYERS[name]
    model, x = one_layer(make(), shape)
    adds_up(model, x, model.layers[-1].name)


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    size=st.integers(4, 9),
    kernel=st.integers(1, 4),
    stride_or_dilation=st.integers(-2, 3),
    padding=st.sampled_from(["valid", "same", "causal"]),
    groups=st.integers(1, 2),
)
def test_any_convolution_adds_up(size, kernel, stride_or_dilation, padding, groups):
    stride, dilation = max(1, stride_or_dilation), max(1, -stride_or_dilation)
    size = max(size, (kernel - 1) * dilation + 1)
    layer = layers.Conv1D(2, kernel, stride, padding, dilation_rate=dilation, groups=groups)
    model, x = one_layer(layer, (size, 2))
    adds_up(model, x, layer.name)


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    size=st.integers(1, 3),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same"]),
)
def test_any_transposed_convolution_adds_up(size, kernel, stride, padding):
    layer = layers.Conv1DTranspose(2, kernel, stride, padding)
    model, x = one_layer(layer, (size, 2))
    adds_up(model, x, layer.name)


def test_patch_kernel_and_place_are_those_of_the_picture():
    model, x = one_layer(layers.Conv2D(2, 3, strides=2, padding="same", name="conv"), (6, 6, 3))
    found = position(model, x, "conv", 1, (1, 2))
    padded = np.pad(x[0], ((0, 1), (0, 1), (0, 0)))
    np.testing.assert_array_equal(found.patch, padded[2:5, 4:7])
    np.testing.assert_array_equal(found.kernel, np.asarray(model.get_weights()[0])[..., 1])
    np.testing.assert_array_equal(found.padded, [[False, False, True]] * 3)
    assert found.input_window == ((2, 5), (4, 6))
    assert [places.tolist() for places in found.places] == [[2, 3, 4], [4, 5, -1]]
    assert found.channels_read == (0, 1, 2)
    np.testing.assert_array_equal(found.inputs, x[0])


def test_a_kernel_of_a_group_reads_the_channels_of_its_group():
    model, x = one_layer(layers.Conv1D(4, 2, groups=2, name="conv"), (5, 6))
    found = position(model, x, "conv", 3, (1,))
    assert found.channels_read == (3, 4, 5)
    np.testing.assert_array_equal(found.patch, x[0, 1:3, 3:])
    assert position(
        one_layer(layers.DepthwiseConv1D(2, depth_multiplier=2, name="d"), (5, 6))[0], x, "d", 5, (0,)
    ).channels_read == (2,)


def test_a_maximum_pooling_shows_which_value_is_taken():
    model, x = one_layer(layers.MaxPooling2D(2, name="pool"), (4, 4, 2))
    found = position(model, x, "pool", 1, (1, 0))
    assert found.kernel.sum() == 1
    assert found.value == x[0, 2:4, 0:2, 1].max() == found.patch[found.kernel == 1]


def test_by_default_the_strongest_position_of_the_strongest_map_is_shown():
    model, x = one_layer(layers.Conv2D(3, 2, name="conv"), (4, 5, 2))
    maps = record(model, x, "conv")["conv"].array[0]
    *at, channel = np.unravel_index(maps.argmax(), maps.shape)
    found = position(model, x, "conv")
    assert (*found.at, found.channel) == (*at, channel)
    assert position(model, x, "conv", 1).at == np.unravel_index(maps[..., 1].argmax(), maps.shape[:2])


def test_a_layer_deep_inside_and_called_twice_is_found_by_its_path():
    shared = layers.Conv2D(2, 3, padding="same", activation="relu", name="shared")
    inner_input = keras.Input((5, 5, 2))
    inner = keras.Model(inner_input, shared(layers.ReLU()(shared(inner_input))), name="inner")
    model = keras.Sequential([keras.Input((5, 5, 2)), inner, layers.Flatten(), layers.Dense(2, name="out")])
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 2)).astype("float32")
    for path in ("inner/shared", "inner/shared#2", "out"):
        found = position(model, x, path)
        tap = record(model, x, path)[path].array[0]
        assert found.value == pytest.approx(float(tap[(*found.at, found.channel)]), rel=1e-5)
    assert position(model, x, "inner/shared#2", 0, (2, 1)).input_window == ((0, 5), (0, 4))


def test_a_layer_inside_of_time_distributed_has_the_frame_in_front():
    model = keras.Sequential(
        [keras.Input((3, 5, 5, 1)), layers.TimeDistributed(layers.Conv2D(2, 3, name="conv"), name="frames")]
    )
    x = np.random.default_rng(0).normal(size=(1, 3, 5, 5, 1)).astype("float32")
    found = position(model, x, "frames/conv", 1, (2, 0, 1))
    np.testing.assert_array_equal(found.patch, x[0, 2, 0:3, 1:4])
    assert found.value == pytest.approx(float(record(model, x)["frames"].array[0, 2, 0, 1, 1]), rel=1e-5)
    assert found.input_window == ((2, 3), (0, 3), (1, 4))


def test_half_precision_is_shown_as_it_is_computed():
    keras.utils.set_random_seed(0)
    conv = layers.Conv1D(2, 3, name="conv", dtype="mixed_bfloat16")
    model = keras.Sequential([keras.Input((6, 2)), conv])
    x = np.random.default_rng(0).normal(size=(1, 6, 2)).astype("float32")
    found = position(model, x, "conv", 0, (1,))
    assert abs(found.rounding) < 2e-2
    assert not np.array_equal(found.patch, x[0, 1:4])
    np.testing.assert_allclose(found.patch, x[0, 1:4], rtol=1e-2)


def test_several_inputs_are_taken_by_name():
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    joined = layers.Concatenate()([left, right])
    model = keras.Model([left, right], layers.Dense(2, name="out")(joined))
    x = {"left": np.ones(4, "float32"), "right": np.full(3, 2, "float32")}
    np.testing.assert_array_equal(position(model, x, "out").patch, [1, 1, 1, 1, 2, 2, 2])


def test_nan_is_carried_through():
    model, x = one_layer(layers.Conv1D(1, 2, name="conv"), (4, 1))
    x[0, 0] = np.nan
    assert math.isnan(position(model, x, "conv", 0, (0,)).value)
    assert math.isfinite(position(model, x, "conv", 0).value)


class Twice(layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("flat",), "of type Flatten, which has no kernel"),
        (("cnv",), "Did you mean conv"),
        (("conv", 4), "'conv' has channels 0 to 1. Received: channel=4"),
        (("conv", -1), "channels 0 to 1"),
        (("conv", 0, (1,)), r"has 2 indices, one per axis. Received: at=\(1,\)"),
        (("conv", 0, (3, 9)), r"from \(0, 0\) to \(2, 2\)"),
        (("twice",), "overrides the computation"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(arguments, message):
    conv = layers.Conv2D(2, 2, name="conv")
    model, x = one_layer(
        keras.Sequential([conv, layers.Flatten(name="flat"), Twice(2, name="twice")], name="inner"), (4, 4, 1)
    )
    inner = model.get_layer("inner")
    with pytest.raises(UsageError, match=message):
        position(inner, x, *arguments)


def test_more_than_one_sample_is_refused():
    model, x = one_layer(layers.Conv1D(2, 2, name="conv"), (4, 1))
    with pytest.raises(UsageError, match="x must be a single sample"):
        position(model, np.concatenate([x, x]), "conv")
