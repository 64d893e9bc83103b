"""Kernels are taken out as they are, and what excites them looks like what they look for."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from convscope.errors import UsageError
from convscope.scope.channels.excitation import FourierImage, fourier_basis
from convscope.scope.channels.kernels import kernels
from convscope.scope.channels.position import position

pytestmark = pytest.mark.portable

SOBEL = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], "float32")


def edge_model(bias=0.0):
    """Horizontal and vertical edges, then two layers with random weights."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((9, 9, 1)),
            layers.Conv2D(2, 3, activation="relu", name="edges"),
            layers.Conv2D(3, 3, strides=2, activation="relu", name="shapes"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="out"),
        ]
    )
    model.get_layer("edges").set_weights(
        [np.stack([SOBEL, 2 * SOBEL.T], -1)[:, :, None], np.full(2, bias, "float32")]
    )
    return model


def correlation(ours, theirs):
    return np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]


def filled(layer, shape):
    """A built layer in a model, its weights counted up."""
    model = keras.Sequential([keras.Input(shape), layer])
    for number, weight in enumerate(model.weights):
        weight.assign(np.arange(np.prod(weight.shape)).reshape(weight.shape) + number)
    return model, model.get_weights()


def test_the_weights_of_every_kind_of_kernel_have_one_layout():
    model, (kernel, _) = filled(layers.Conv2D(4, (3, 2), groups=2, name="layer"), (5, 5, 6))
    np.testing.assert_array_equal(kernels(model, "layer").weights, kernel)
    assert kernel.shape == (3, 2, 3, 4)

    model, (kernel, _) = filled(layers.DepthwiseConv2D(3, depth_multiplier=2, name="layer"), (5, 5, 3))
    found = kernels(model, "layer").weights
    assert found.shape == (3, 3, 1, 6)
    np.testing.assert_array_equal(found[..., 0, 5], kernel[..., 2, 1])

    model, (each, mixing, _) = filled(layers.SeparableConv1D(5, 3, depth_multiplier=2, name="layer"), (6, 2))
    found = kernels(model, "layer").weights
    assert found.shape == (3, 2, 5)
    np.testing.assert_allclose(
        found[1, 1, 4], each[1, 1, 0] * mixing[0, 2, 4] + each[1, 1, 1] * mixing[0, 3, 4]
    )

    model, (kernel, _) = filled(layers.Conv3DTranspose(2, 3, name="layer"), (3, 3, 3, 4))
    np.testing.assert_array_equal(kernels(model, "layer").weights, np.swapaxes(kernel, -1, -2))

    model, (kernel, _) = filled(layers.Dense(2, name="layer"), (7,))
    np.testing.assert_array_equal(kernels(model, "layer").weights, kernel)


def test_norms_are_those_of_each_kernel_and_channel_it_reads():
    model, (kernel, _) = filled(layers.Conv2D(4, 3, name="layer"), (5, 5, 2))
    found = kernels(model, "layer")
    assert (found.path, found.type, found.excitations, found.chosen) == ("layer", "Conv2D", None, ())
    expected = [[np.linalg.norm(kernel[..., i, o]) for o in range(4)] for i in range(2)]
    np.testing.assert_allclose(found.norms, expected, rtol=1e-6)


def test_what_excites_a_kernel_of_the_first_layer_looks_like_it():
    found = kernels(edge_model(bias=-100.0), "edges", excite=[0, 1], steps=60)
    assert found.excitations.shape == (2, 3, 3, 1)
    assert found.window == ((3, 6), (3, 6))
    assert correlation(found.excitations[0], SOBEL) > 0.9
    assert correlation(found.excitations[1], SOBEL.T) > 0.9
    assert found.excitations.min() > 0
    assert found.excitations.max() < 1


def test_what_excites_a_coloured_wave_is_that_wave():
    y, x = np.mgrid[-4:5, -4:5]
    wave = np.cos(0.8 * x + 0.5 * y) * np.exp(-(x**2 + y**2) / 10)
    model = keras.Sequential([keras.Input((20, 20, 3)), layers.Conv2D(1, 9, strides=2, name="conv")])
    kernel = (wave[..., None] * np.array([1, 0.2, -1]))[..., None]
    model.get_layer("conv").set_weights([kernel, np.zeros(1)])
    found = kernels(model, "conv", excite=1, steps=60)
    assert correlation(found.excitations[0], kernel) > 0.9


@pytest.mark.parametrize("layer", ["shapes", "out"])
def test_excitations_of_deeper_layers_rise_clearly_above_noise(layer):
    model = edge_model()
    found = kernels(model, layer, excite=[2, 0], steps=40, low=-1, high=3)
    rng = np.random.default_rng(0)
    values = 1 + found.excitations.std() * rng.normal(size=(60, 9, 9, 1)).astype("float32")
    at = (1, 1) if layer == "shapes" else ()
    for kernel, reached in zip(found.chosen, found.reached, strict=True):
        noise = [position(model, each, layer, kernel, at).before for each in values[:20]]
        assert reached > np.mean(noise) + 3 * np.std(noise)


def test_what_is_reached_is_what_the_model_computes_for_the_picture():
    model = edge_model(bias=0.5)
    found = kernels(model, "shapes", excite=[1], steps=10, low=-1, high=1)
    (top, bottom), (left, right) = found.window
    x = np.zeros((9, 9, 1), "float32")
    x[top:bottom, left:right] = found.excitations[0]
    assert position(model, x, "shapes", 1, (1, 1)).before == pytest.approx(float(found.reached[0]), rel=1e-3)


def test_the_heaviest_kernels_come_first_and_a_seed_gives_the_same_pictures():
    model = edge_model()
    found = kernels(model, "edges", excite=2, steps=4)
    assert found.chosen == (1, 0)
    assert kernels(model, "edges", excite=9, steps=4).chosen == (1, 0)
    again = kernels(model, "edges", excite=2, steps=4)
    np.testing.assert_array_equal(found.excitations, again.excitations)
    other = kernels(model, "edges", excite=2, steps=4, seed=1)
    assert not np.array_equal(found.excitations, other.excitations)


def test_more_kernels_than_fit_in_one_go_are_found_in_several():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((20, 1)), layers.Conv1D(20, 5, name="conv")])
    found = kernels(model, "conv", excite=range(20), steps=50)
    assert found.excitations.shape == (20, 5, 1)
    for picture, kernel in zip(found.excitations, np.moveaxis(found.weights, -1, 0), strict=True):
        assert correlation(picture, kernel) > 0.85


@pytest.mark.parametrize(
    ("shape", "layer", "size"),
    [
        ((8, 8, 3), lambda: layers.Conv2D(2, 3, name="layer"), (3, 3, 3)),
        ((5, 6, 7, 1), lambda: layers.Conv3D(2, (2, 3, 3), padding="same", name="layer"), (2, 3, 3, 1)),
        ((8, 8, 4), lambda: layers.DepthwiseConv2D(3, name="layer"), (3, 3, 4)),
        ((8, 2), lambda: layers.Conv1DTranspose(2, 4, strides=2, name="layer"), (2, 2)),
        ((None, 2), lambda: layers.Conv1D(2, 3, strides=2, name="layer"), (3, 2)),
        ((6,), lambda: layers.Dense(2, name="layer"), (6,)),
        (
            (3, 4, 5, 1),
            lambda: layers.TimeDistributed(layers.Conv2D(2, 2, name="layer"), name="f"),
            (1, 2, 2, 1),
        ),
    ],
)
def test_any_input_can_be_made(shape, layer, size):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), layer()])
    found = kernels(model, "layer", excite=1, steps=5, low=-2, high=2)
    assert found.excitations.shape == (1, *size)
    assert found.excitations.std() > 0.1
    assert found.reached[0] > 0


def test_of_several_inputs_the_one_that_the_layer_depends_on_is_made():
    keras.utils.set_random_seed(0)
    picture, more = keras.Input((6, 6, 1), name="picture"), keras.Input((2,), name="more")
    x = layers.Flatten()(layers.Conv2D(2, 3, name="conv")(picture))
    joined = layers.Concatenate()([x, layers.Dense(3, name="think")(more)])
    model = keras.Model([picture, more], layers.Dense(2, name="out")(joined))
    assert kernels(model, "out", excite=1, steps=4).excitations.shape == (1, 6, 6, 1)
    assert kernels(model, "think", excite=1, steps=4).excitations.shape == (1, 2)


class Doubled(layers.Conv1D):
    def call(self, inputs):
        return 2 * super().call(inputs)


def test_a_layer_with_a_computation_of_its_own_is_climbed_at_its_output():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((9, 1)), Doubled(2, 3, name="layer")])
    found = kernels(model, "layer", excite=[1], steps=40)
    assert correlation(found.excitations[0], found.weights[..., 1]) > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": "flatten"}, "has no kernel. Layers with a kernel: edges, shapes, out"),
        ({"layer": "edgs"}, "Did you mean edges"),
        ({"excite": [2]}, "'edges' has kernels 0 to 1. Received: kernel 2"),
        ({"excite": -1}, "excite=-1"),
        ({"excite": 1, "low": 1, "high": 1}, "low=1, high=1"),
        ({"excite": 1, "steps": 0}, "steps=0"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(arguments, message):
    model = edge_model()
    model.layers[2].name = "flatten"
    with pytest.raises(UsageError, match=message):
        kernels(model, **{"layer": "edges", **arguments})


def test_an_input_of_whole_numbers_is_refused():
    model = keras.Sequential(
        [keras.Input((6,), dtype="int32"), layers.Embedding(9, 4), layers.Conv1D(2, 3, name="conv")]
    )
    with pytest.raises(UsageError, match="continuous input"):
        kernels(model, "conv", excite=1)


@pytest.mark.parametrize("side", [1, 2, 5, 8])
def test_the_fourier_basis_is_orthonormal(side):
    basis = fourier_basis(side)
    np.testing.assert_allclose(basis @ basis.T, np.eye(side), atol=1e-6)


def test_pictures_have_one_contrast_and_keep_to_their_window_and_range():
    canvas = FourierImage((6, 8, 3), 2, ((1, 5), (2, 8)), -1.0, 3.0)
    point = np.random.default_rng(0).normal(size=(2, *canvas.size)).astype("float32")
    point[1] *= 50
    inputs = keras.ops.convert_to_numpy(
        canvas.paint(keras.ops.convert_to_tensor(point), *tensors(canvas, None))
    )
    assert inputs.shape == (2, 6, 8, 3)
    assert canvas.cut(inputs).shape == (2, 4, 6, 3)
    assert (inputs[:, 0] == 1).all()
    assert (inputs[:, :, :2] == 1).all()
    z = np.log((inputs + 1) / (3 - inputs))
    np.testing.assert_allclose(np.square(canvas.cut(z)).mean((1, 2, 3)), 0.75**2, rtol=1e-3)


def test_moves_share_out_each_position_among_its_neighbours():
    canvas = FourierImage((9, 7, 1), 2, ((0, 9), (0, 7)), 0.0, 1.0)
    places, shares = canvas.moves(np.random.default_rng(0))
    assert places.shape == shares.shape == (63, 4)
    inner = shares.reshape(9, 7, 4)[3:6, 2:5].sum(-1)
    np.testing.assert_allclose(inner, 1, atol=1e-6)
    places, shares = canvas.moves(None)
    np.testing.assert_array_equal(places[:, 0], np.arange(63))
    np.testing.assert_array_equal(shares, [[1, 0, 0, 0]] * 63)


def tensors(canvas, rng):
    return map(keras.ops.convert_to_tensor, canvas.moves(rng))
