"""Receptive fields are what gradients say they are, position by position."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from many_models import SMALL

from convscope.errors import UsageError
from convscope.scope import geometries, trace
from convscope.scope.differentiate import gradient_program
from convscope.scope.record import tapped

pytestmark = pytest.mark.portable


def with_positive_weights(model):
    """So that nothing that an output depends on cancels out."""
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


def seen(model, graph, path, positions):
    """For each position, the first and last input place of each axis with a gradient that is not zero."""
    shape = [length or 1 for length in graph.inputs[0].shape]
    output = graph.by_path[path].outputs[0].shape

    def at(x, mask):
        with tapped(model, [path]) as taps:
            model(x, training=False)
        return keras.ops.sum(taps[path] * mask), {}

    program = gradient_program(model, at, [0], compiled=False)
    x = np.random.default_rng(1).uniform(0.5, 1.5, shape).astype(np.float32)
    for position in positions:
        mask = np.zeros((1, *output[1:]), np.float32)
        mask[(0, *position)] = 1
        (gradient,), _ = program(x, mask)
        found = gradient[0] != 0
        spans = []
        for axis in range(found.ndim - 1):
            others = tuple(other for other in range(found.ndim) if other != axis)
            places = np.flatnonzero(found.any(axis=others))
            spans.append((int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0))
        yield position, tuple(spans)


def corners_and_middle(shape):
    """Positions at both ends of each axis, next to them, and in the middle."""
    places = [sorted({0, 1, length // 2, length - 2, length - 1} & set(range(length))) for length in shape]
    return list(itertools.product(*places))


def check(model, path=None, every=False):
    with_positive_weights(model)
    graph = trace(model)
    geometry = geometries(graph)
    assert geometries(model) == geometry
    paths = [path] if path else [call.path for call in graph.calls if len(call.outputs[0].shape) > 2]
    for each in paths:
        shape = graph.by_path[each].outputs[0].shape[1:]
        positions = corners_and_middle(shape)
        if not every and len(positions) > 12:
            positions = positions[:: len(positions) // 12]
        for position, spans in seen(model, graph, each, positions):
            assert geometry[each].window(position) == spans, (each, position)
        assert geometry[each].known


def stack(shape, *inner):
    return keras.Sequential([keras.Input(shape), *inner])


LINEAR = {
    "valid": lambda: stack((12, 2), layers.Conv1D(3, 4), layers.Conv1D(2, 3)),
    "strides": lambda: stack((17, 1), layers.Conv1D(2, 3, strides=2), layers.Conv1D(2, 4, strides=3)),
    "same": lambda: stack(
        (13, 1), layers.Conv1D(2, 4, strides=2, padding="same"), layers.Conv1D(2, 5, padding="same")
    ),
    "causal": lambda: stack((12, 1), layers.Conv1D(2, 3, padding="causal", dilation_rate=2)),
    "dilation": lambda: stack(
        (15, 1), layers.Conv1D(2, 3, dilation_rate=3), layers.Conv1D(2, 2, dilation_rate=2)
    ),
    "pooling": lambda: stack(
        (14, 1), layers.AveragePooling1D(3, 2), layers.AveragePooling1D(2, padding="same")
    ),
    "depthwise": lambda: stack((12, 3), layers.DepthwiseConv1D(3, strides=2, depth_multiplier=2)),
    "separable": lambda: stack((12, 3), layers.SeparableConv1D(4, 3, dilation_rate=2)),
    "transposed": lambda: stack((7, 1), layers.Conv1DTranspose(2, 3, strides=2), layers.Conv1D(1, 2)),
    "transposed same": lambda: stack((7, 1), layers.Conv1DTranspose(2, 5, strides=3, padding="same")),
    "transposed wide": lambda: stack((5, 1), layers.Conv1DTranspose(1, 2, strides=3), layers.Conv1D(1, 3)),
    "up-sampling": lambda: stack((6, 1), layers.Conv1D(1, 3), layers.UpSampling1D(3), layers.Conv1D(1, 4)),
    "padding": lambda: stack((8, 1), layers.ZeroPadding1D((3, 1)), layers.Conv1D(1, 3, strides=2)),
    "cropping": lambda: stack((12, 1), layers.Cropping1D((3, 2)), layers.Conv1D(1, 5, padding="same")),
    "pointwise": lambda: stack(
        (9, 2), layers.Conv1D(2, 3), layers.Dense(3), layers.LayerNormalization(), layers.PReLU()
    ),
    "permuted": lambda: stack((6, 4), layers.Permute((2, 1)), layers.Conv1D(3, 2), layers.Permute((2, 1))),
    "reshaped": lambda: stack(
        (6, 4), layers.Conv1D(4, 2), layers.Reshape((5, 2, 2)), layers.Conv2D(1, (3, 1))
    ),
}


@pytest.mark.parametrize("make", LINEAR.values(), ids=LINEAR)
def test_along_one_axis(make):
    check(make(), every=True)


def flat():
    return stack(
        (13, 17, 2),
        layers.Conv2D(3, (3, 5), strides=(1, 2), padding="same"),
        layers.AveragePooling2D((2, 3)),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.Conv2DTranspose(2, (3, 2), strides=2, padding="same"),
        layers.UpSampling2D((2, 1), interpolation="bilinear"),
        layers.ZeroPadding2D(((1, 0), (0, 2))),
        layers.Cropping2D(((0, 1), (2, 0))),
        layers.SeparableConv2D(2, 3, dilation_rate=2),
    )


def solid():
    return stack(
        (7, 8, 9, 1),
        layers.Conv3D(2, (2, 3, 1), strides=(1, 2, 1), padding="same"),
        layers.AveragePooling3D((2, 1, 2)),
        layers.UpSampling3D(2),
        layers.Conv3DTranspose(1, 2, strides=2),
        layers.ZeroPadding3D(1),
        layers.Cropping3D((1, 0, 2)),
    )


def branches():
    x = inputs = keras.Input((12, 11, 1))
    x = layers.Conv2D(2, 3, padding="same")(x)
    wide = layers.Conv2D(2, 5, padding="same", dilation_rate=2)(x)
    narrow = layers.Conv2D(2, 1)(x)
    x = layers.Concatenate()([layers.Add()([wide, narrow]), x])
    short = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(4, 3, strides=2, padding="valid")(layers.ZeroPadding2D(((0, 1), (1, 0)))(x))
    x = layers.Cropping2D(((0, 0), (0, 1)))(x) if x.shape[2] > short.shape[2] else x
    return keras.Model(inputs, layers.Maximum()([layers.Conv2D(4, 1)(short), x]) * 2.0)


@pytest.mark.parametrize("make", [flat, solid, branches])
def test_along_several_axes(make):
    check(make())


def test_max_pooling_reaches_as_far_as_average_pooling():
    def model(pool):
        return stack((15, 15, 1), layers.Conv2D(2, 3), pool(3, 2, padding="same"), layers.Conv2D(2, 2))

    one, other = (
        [g.receptive_field for g in geometries(trace(model(pool))).values()]
        for pool in (layers.MaxPooling2D, layers.AveragePooling2D)
    )
    assert one == other


WAYS = {
    "conv": lambda size, step, padding: layers.Conv1D(1, size, strides=step, padding=padding),
    "dilated": lambda size, step, padding: layers.Conv1D(1, size, dilation_rate=step, padding=padding),
    "causal": lambda size, step, padding: layers.Conv1D(1, size, strides=step, padding="causal"),
    "pool": lambda size, step, padding: layers.AveragePooling1D(size, step, padding=padding),
    "transposed": lambda size, step, padding: layers.Conv1DTranspose(1, size, strides=step, padding=padding),
    "up": lambda size, step, padding: layers.UpSampling1D(step),
    "pad": lambda size, step, padding: layers.ZeroPadding1D((size - 1, step - 1)),
    "crop": lambda size, step, padding: layers.Cropping1D((size - 1, step - 1)),
}
CHOICES = st.tuples(
    st.sampled_from(sorted(WAYS)), st.integers(1, 4), st.integers(1, 3), st.sampled_from(["valid", "same"])
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(6, 16), st.lists(CHOICES, min_size=1, max_size=4))
def test_any_stack_of_layers(length, chosen):
    shape = (None, length, 1)
    fitting = []
    for way, size, step, padding in chosen:
        layer = WAYS[way](size, step, padding)
        try:
            after = layer.compute_output_shape(shape)
        except ValueError:
            continue
        if 0 < after[1] < 60:
            fitting.append(layer)
            shape = after
    model = stack((length, 1), *fitting, layers.Activation("linear"))
    check(model, path=model.layers[-1].name, every=True)


def test_published_receptive_fields():
    """Araujo, Norris and Sim (2019) give 483 for ResNet-50."""
    network = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(64, 64, 3))
    last = geometries(trace(network))["conv5_block3_out"]
    assert last.receptive_field == (483, 483)
    assert last.stride == (32.0, 32.0)


@pytest.mark.parametrize(
    "layer",
    [
        layers.GlobalAveragePooling2D(),
        layers.GlobalMaxPooling2D(keepdims=True),
        layers.LayerNormalization(axis=(1, 2, 3)),
        layers.GroupNormalization(2),
    ],
    ids=lambda layer: layer.name,
)
def test_some_layers_see_everything(layer):
    geometry = geometries(trace(stack((9, 7, 2), layers.Conv2D(2, 3), layer)))[layer.name]
    assert geometry.everything
    assert geometry.receptive_field == (9, 7)


def test_a_dense_layer_sees_what_reaches_it():
    """Pooling drops the last row of an odd number of rows, and nothing behind it can see that row."""
    model = stack((9, 8, 1), layers.MaxPooling2D(2), layers.Flatten(name="flat"), layers.Dense(3, name="all"))
    found = geometries(trace(model))
    assert found["flat"].receptive_field == (2, 2)
    assert found["all"].receptive_field == (8, 8)
    assert found["all"].window((0,)) == ((0, 8), (0, 8))
    assert not found["all"].everything


def test_inside_time_distributed_a_position_sees_its_own_frame():
    model, _ = SMALL["over_time"]()
    found = geometries(trace(model))
    edges = found["each/frame/edges"]
    assert edges.receptive_field == (1, 3, 3)
    assert edges.shape == (4, 6, 6, 3)
    assert edges.window((2, 1, 0, 0)) == ((2, 3), (1, 4), (0, 3))
    assert found["each"].receptive_field == (1, 3, 3)
    assert found["lstm" if "lstm" in found else next(p for p in found if "lstm" in p)].everything


def test_a_layer_that_is_not_known_is_said_to_be_unknown():
    class Odd(layers.Layer):
        def call(self, x):
            return x[:, ::2]

    model = stack(
        (8, 8, 1), layers.Conv2D(2, 3, name="before"), Odd(name="odd"), layers.Conv2D(2, 3, name="behind")
    )
    found = geometries(trace(model))
    assert found["before"].known
    assert not found["odd"].known
    assert not found["behind"].known
    assert found["behind"].receptive_field is None
    with pytest.raises(UsageError, match="unknown"):
        found["behind"].window((0, 0))


def test_what_does_not_depend_on_an_input_sees_nothing_of_it():
    model, _ = SMALL["two_inputs"]()
    graph = trace(model)
    assert geometries(graph, 0)["think"].receptive_field == (0, 0)
    assert geometries(graph, 1)["think"].receptive_field == (3,)
    assert geometries(graph, 0)["look"].receptive_field == (3, 3)
    assert geometries(graph, 1)["look"].receptive_field == (0,)


def test_channels_may_come_first():
    model = stack((2, 9, 9), layers.Conv2D(3, 3, data_format="channels_first", name="look"))
    found = geometries(trace(model))["look"]
    assert found.channels == 3
    assert found.receptive_field == (3, 3)
    assert found.window((0, 2, 4)) == ((2, 5), (4, 7))


def test_an_input_of_unknown_size():
    model = stack(
        (None, None, 1),
        layers.Conv2D(3, 3),
        layers.MaxPooling2D(2, name="pool"),
        layers.GlobalMaxPooling2D(name="all"),
    )
    found = geometries(trace(model))
    assert found["pool"].receptive_field == (4, 4)
    assert found["all"].receptive_field == (None, None)
    assert found["all"].everything
    with pytest.raises(UsageError, match="size of the input"):
        found["all"].window((0,))


def test_scaling_in_front_says_nothing_of_where_channels_are():
    source = keras.Input((3, 20, 20))
    value = layers.Rescaling(1 / 255)(source)
    for filters in (4, 5):
        value = layers.Conv2D(filters, 3, data_format="channels_first")(value)
        value = layers.MaxPooling2D(data_format="channels_first")(value)
    found = geometries(trace(keras.Model(source, value)))
    assert [each.receptive_field for each in found.values()][1:] == [(3, 3), (4, 4), (8, 8), (10, 10)]


def flipped(x):
    """As `preprocess_input` of the models that were trained with Caffe."""
    return keras.ops.stack([x[..., number] for number in (2, 1, 0)], axis=-1) - 0.5


CHANNELS = {
    "stack of items": flipped,
    "flip": lambda x: keras.ops.flip(x, axis=-1),
    "step back": lambda x: x[..., ::-1],
    "take": lambda x: keras.ops.take(x, [2, 0], axis=-1),
    "split": lambda x: keras.ops.concatenate(keras.ops.split(x, 3, axis=-1)[::-1], axis=-1),
    "unstack": lambda x: keras.ops.stack(keras.ops.unstack(x, axis=-1)[:2], axis=3),
    "one": lambda x: keras.ops.expand_dims(x[:, :, :, 1], -1),
    "squeeze": lambda x: keras.ops.squeeze(x[:, None], 1),
    "crop": lambda x: x[:, 1:-1, 2:],
    "step": lambda x: x[:, ::2, 1::3],
    "pad": lambda x: keras.ops.pad(x, ((0, 0), (1, 0), (2, 1), (0, 0))),
    "transpose": lambda x: keras.ops.transpose(x, (0, 2, 1, 3)),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_operations_on_channels_and_crops_pass_receptive_fields(name):
    if name == "step back" and keras.backend.backend() == "torch":
        pytest.skip("PyTorch takes no steps back")
    make = CHANNELS[name]
    source = keras.Input((11, 12, 3))
    value = layers.Conv2D(2, 3, name="behind")(make(layers.AveragePooling2D(2, strides=1)(source)))
    check(keras.Model(source, value), "behind")


@pytest.mark.parametrize(
    "make",
    [
        lambda x: keras.ops.flip(x, axis=1),
        lambda x: x[:, ::-1],
        lambda x: keras.ops.roll(x, 2, axis=2),
        lambda x: keras.ops.take(x, [4, 1, 3, 2], axis=1),
        lambda x: keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect"),
    ],
)
def test_operations_that_move_positions_otherwise_are_unknown(make):
    source = keras.Input((8, 8, 3))
    found = geometries(trace(keras.Model(source, layers.Conv2D(2, 3, name="behind")(make(source)))))
    assert not found["behind"].known
