"""What a model expects of pixels follows from its layers: what they do to values, or their names."""

import importlib

import keras
import numpy as np
import pytest
from keras import layers, ops

from convscope.errors import UsageError
from convscope.kinds.contract.preprocessing import FAMILIES, family_of, preprocessing_of, steps_of
from convscope.scope.graph.graph import trace
from convscope.workflows.model_inputs.dataset import Scaled

AUGMENT = (layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1))


def network(*first, nested=False, channels=3):
    """A small network behind some layers, at the top or in models of their own."""
    inner = [keras.Sequential(list(first), name="preparing")] if nested else list(first)
    shape = (12, 12, channels)
    return keras.Sequential(
        [keras.Input(shape), *inner, layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)]
    )


def normalized(mean, variance):
    return layers.Normalization(mean=mean, variance=variance)


def trained_norm(mean, variance):
    """A network whose first layer has learned mean and variance."""
    model = network(layers.BatchNormalization(name="first_norm"))
    ones, zeros = np.ones(3), np.zeros(3)
    model.get_layer("first_norm").set_weights([ones, zeros, mean * ones, variance * ones])
    return model


def functional(change):
    inputs = keras.Input((12, 12, 3))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(layers.Conv2D(2, 3)(change(inputs)))))


def standardized(x):
    return (x - ops.mean(x, axis=(1, 2, 3), keepdims=True)) / (
        ops.std(x, axis=(1, 2, 3), keepdims=True) + 1e-3
    )


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: network(layers.Rescaling(1 / 255)), "0..255"),
        (lambda: network(*AUGMENT, layers.Rescaling(1 / 255)), "0..255"),
        (lambda: network(*AUGMENT, layers.Rescaling(1 / 127.5, -1), nested=True), "0..255"),
        (
            lambda: network(keras.Sequential([*AUGMENT]), layers.ZeroPadding2D(2), layers.Rescaling(1 / 255)),
            "0..255",
        ),
        (lambda: network(normalized([118.0] * 3, [3600.0] * 3)), "0..255"),
        (lambda: network(normalized([0.48] * 3, [0.06] * 3)), "0..1"),
        (lambda: network(layers.Rescaling(2.0, -1.0)), "0..1"),
        (lambda: network(layers.Rescaling(127.5, 127.5)), "-1..1"),
        (lambda: network(layers.Rescaling(1 / 255), channels=1), "0..255"),
        (lambda: functional(lambda x: x / 127.5 - 1), "0..255"),
        (lambda: functional(keras.applications.vgg16.preprocess_input), "0..255"),
        (lambda: functional(keras.applications.densenet.preprocess_input), "0..255"),
        (lambda: functional(standardized), "0..255"),
        (lambda: trained_norm(117.0, 3600.0), "0..255"),
        (lambda: trained_norm(0.45, 0.07), "0..1"),
    ],
)
def test_layers_before_the_first_weights_tell_the_range(make, expected):
    found = preprocessing_of(make())
    assert found.preprocessing == expected
    assert found.reason.startswith("the model scales its input itself")


@pytest.mark.parametrize("make", [network, lambda: network(*AUGMENT), lambda: trained_norm(0.0, 1.0)])
def test_a_model_that_scales_nothing_says_nothing(make):
    model = make()
    found = preprocessing_of(model, trace(model))
    assert (found.preprocessing, found.reason) == ("0..1", "")


def test_an_input_of_whole_numbers_takes_pixels_as_they_are():
    inputs = keras.Input((12, 12, 3), dtype="uint8")
    model = keras.Model(inputs, layers.Conv2D(2, 3)(layers.Rescaling(1 / 255)(inputs)))
    assert preprocessing_of(model).preprocessing == "0..255"


# Networks of keras.applications

SMALLEST = {
    "vgg16": "VGG16",
    "resnet": "ResNet50",
    "resnet_v2": "ResNet50V2",
    "mobilenet": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "xception": "Xception",
    "densenet": "DenseNet121",
}


@pytest.mark.parametrize(("module", "name"), SMALLEST.items())
def test_a_network_of_keras_gets_what_its_own_preprocessing_makes(module, name):
    made = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(96, 96, 3))
    model = keras.Sequential([keras.Input((96, 96, 3)), *AUGMENT[:1], made, layers.GlobalAveragePooling2D()])
    found = preprocessing_of(model, trace(model))
    assert found.reason.endswith("of keras.applications expects it")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), np.uint8)
    own = importlib.import_module(f"keras.applications.{module}").preprocess_input(pixels.astype(np.float32))
    np.testing.assert_allclose(Scaled(steps_of(found.preprocessing))(pixels), own, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0"])
def test_a_network_of_keras_that_scales_itself_gets_pixels(name):
    model = getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3))
    assert preprocessing_of(model, trace(model)).preprocessing == "0..255"


def test_a_network_of_gray_pictures_is_none_of_keras():
    model = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 1))
    assert family_of(trace(model)) is None
    assert len({each.name for each in FAMILIES}) == len(FAMILIES)


def test_a_preprocessing_of_colors_is_refused_for_gray_pictures():
    with pytest.raises(UsageError, match="red, green and blue"):
        steps_of("caffe", 1)
