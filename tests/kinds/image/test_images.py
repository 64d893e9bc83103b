"""The reference models, layer for layer and number for number, and what every architecture promises."""

import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import convscope
from convscope.errors import UsageError
from convscope.kinds.image.kind import IMAGE
from convscope.kinds.registry import architecture_options, build, find_architecture

pytestmark = pytest.mark.portable

INPUT = (48, 48, 1)
NOT_ONE_LABEL = {"unet", "center_net"}
EVERY = sorted({made.name for made in IMAGE.architectures if made.classifies} - NOT_ONE_LABEL)

COMPACT = [
    ("Conv2D", {"filters": 32, "kernel_size": (3, 3), "padding": "valid", "activation": "relu"}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("Dropout", {"rate": 0.25}),
    ("Conv2D", {"filters": 64, "kernel_size": (3, 3), "padding": "valid", "activation": "relu"}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("Dropout", {"rate": 0.25}),
    ("Conv2D", {"filters": 128, "kernel_size": (3, 3), "padding": "valid", "activation": "relu"}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("Dropout", {"rate": 0.4}),
    ("Flatten", {}),
    ("Dense", {"units": 64, "activation": "relu"}),
    ("Dropout", {"rate": 0.5}),
    ("Dense", {"units": 7, "activation": "softmax"}),
]
DEEP = [
    ("Conv2D", {"filters": 32, "kernel_size": (3, 3), "padding": "same", "activation": "relu"}),
    ("Conv2D", {"filters": 64, "kernel_size": (3, 3), "padding": "same", "activation": "relu"}),
    ("BatchNormalization", {}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("Dropout", {"rate": 0.025}),
    ("Conv2D", {"filters": 128, "kernel_size": (5, 5), "padding": "same", "activation": "relu"}),
    ("BatchNormalization", {}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("Dropout", {"rate": 0.25}),
    ("Conv2D", {"filters": 512, "kernel_size": (3, 3), "padding": "same", "activation": "relu"}),
    ("BatchNormalization", {}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("Dropout", {"rate": 0.25}),
    ("Conv2D", {"filters": 256, "kernel_size": (3, 3), "padding": "same", "activation": "relu"}),
    ("BatchNormalization", {}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("Dropout", {"rate": 0.25}),
    ("Flatten", {}),
    ("Dense", {"units": 256, "activation": "relu"}),
    ("BatchNormalization", {}),
    ("Dropout", {"rate": 0.3}),
    ("Dense", {"units": 512, "activation": "relu"}),
    ("BatchNormalization", {}),
    ("Dropout", {"rate": 0.3}),
    ("Dense", {"units": 7, "activation": "softmax"}),
]
PADDED = [
    ("ZeroPadding2D", {"padding": ((1, 1), (1, 1))}),
    ("Conv2D", {"filters": 32, "kernel_size": (3, 3), "padding": "valid", "activation": "relu"}),
    ("Dropout", {"rate": 0.25}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("ZeroPadding2D", {"padding": ((1, 1), (1, 1))}),
    ("Conv2D", {"filters": 64, "kernel_size": (3, 3), "padding": "valid", "activation": "relu"}),
    ("Dropout", {"rate": 0.25}),
    ("MaxPooling2D", {"pool_size": (2, 2)}),
    ("Flatten", {}),
    ("Dense", {"units": 7, "activation": "softmax"}),
]


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def of_type(model, name):
    return [layer for layer in model.layers if type(layer).__name__ == name]


def kernel_sizes(model):
    return [layer.kernel_size for layer in of_type(model, "Conv2D")]


@pytest.mark.parametrize(("name", "count"), [("compact_cnn", 224_263), ("deep_cnn", 2_726_151)])
def test_a_reference_model_has_exactly_its_number_of_parameters(name, count):
    assert convscope.build(name, input_shape=INPUT, classes=7).count_params() == count


@pytest.mark.parametrize(
    ("name", "table"), [("compact_cnn", COMPACT), ("deep_cnn", DEEP), ("padded_cnn", PADDED)]
)
def test_a_reference_model_has_exactly_these_layers(name, table):
    layers = build(name, INPUT, 7).layers
    assert [type(layer).__name__ for layer in layers] == [kind for kind, _ in table]
    for layer, (kind, expected) in zip(layers, table, strict=True):
        config = layer.get_config()
        assert {key: config[key] for key in expected} == expected
        if kind == "Conv2D":
            assert (config["strides"], config["dilation_rate"], config["groups"]) == ((1, 1), (1, 1), 1)
        if kind in ("Conv2D", "Dense"):
            assert config["use_bias"]
        if kind == "MaxPooling2D":
            assert (config["strides"], config["padding"]) == ((2, 2), "valid")


def test_depth_adds_and_takes_away_blocks():
    assert [len(of_type(build("compact_cnn", INPUT, 7, depth=d), "Conv2D")) for d in (1, 2, 4)] == [1, 2, 4]
    assert [layer.rate for layer in of_type(build("compact_cnn", INPUT, 7, depth=2), "Dropout")] == [
        0.25,
        0.4,
        0.5,
    ]
    deep = build("deep_cnn", INPUT, 7, depth=5)
    assert [layer.filters for layer in of_type(deep, "Conv2D")] == [32, 64, 128, 512, 256, 256]
    assert len(of_type(build("padded_cnn", INPUT, 7, depth=3), "ZeroPadding2D")) == 3
    assert len(of_type(build("residual_cnn", INPUT, 7, depth=2), "Add")) == 3 * 2


def test_kernel_size_is_that_of_every_kernel():
    assert kernel_sizes(build("compact_cnn", INPUT, 7, kernel_size=5)) == [(5, 5)] * 3
    assert kernel_sizes(build("deep_cnn", INPUT, 7, kernel_size=3)) == [(3, 3)] * 5
    assert kernel_sizes(build("padded_cnn", INPUT, 7, kernel_size=5)) == [(5, 5)] * 2
    assert build("padded_cnn", INPUT, 7, kernel_size=5).layers[1].output.shape[1:3] == (48, 48)


@pytest.mark.parametrize("name", EVERY)
def test_pooling_is_max_or_average(name):
    for pooling, there, absent in (
        ("max", "MaxPooling2D", "AveragePooling2D"),
        ("average", "AveragePooling2D", "MaxPooling2D"),
    ):
        model = build(name, INPUT, 7, pooling=pooling)
        assert of_type(model, there)
        assert not of_type(model, absent)
    with pytest.raises(UsageError, match=r"'max' or 'average'. Received: pooling='median'"):
        build(name, INPUT, 7, pooling="median")


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(("shape", "classes"), [((48, 48, 1), 7), ((32, 32, 3), 2), ((24, 40, 3), 11)])
def test_every_architecture_answers_float32_probabilities_that_sum_to_one(name, shape, classes):
    model = build(name, shape, classes)
    pictures = np.random.default_rng(0).random((3, *shape), np.float32)
    answers = model(pictures)
    assert keras.backend.standardize_dtype(answers.dtype) == "float32"
    answers = keras.ops.convert_to_numpy(answers)
    assert answers.shape == (3, classes)
    assert (answers >= 0).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_in_mixed_precision_only_the_last_layer_computes_in_float32(name, mixed_precision):
    model = build(name, (32, 32, 3), 4)
    dtypes = {layer.compute_dtype for layer in model.layers if layer.weights}
    assert dtypes == {"bfloat16", "float32"}
    assert model.layers[-1].compute_dtype == "float32"
    assert all(layer.compute_dtype == "bfloat16" for layer in model.layers[:-1] if layer.weights)
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    answers = model(np.zeros((2, 32, 32, 3), np.float32))
    assert keras.backend.standardize_dtype(answers.dtype) == "float32"


@pytest.mark.parametrize("name", EVERY)
def test_every_architecture_says_what_it_is(name):
    architecture = find_architecture(name)
    assert (architecture.name, architecture in IMAGE.architectures) == (name, True)
    assert architecture.summary
    assert architecture.function.load().__doc__
    assert {"kernel_size", "depth", "pooling"} <= set(architecture_options(architecture))


def convolved(values, kernel, bias):
    """A valid convolution with ReLU of (batch, height, width, channels) in plain NumPy."""
    windows = sliding_window_view(values, kernel.shape[:2], axis=(1, 2))
    return np.maximum(np.einsum("bhwcij,ijcf->bhwf", windows, kernel) + bias, 0)


def pooled(values):
    height, width = values.shape[1] // 2, values.shape[2] // 2
    cut = values[:, : 2 * height, : 2 * width]
    return cut.reshape(len(cut), height, 2, width, 2, -1).max(axis=(2, 4))


def test_compact_cnn_computes_what_plain_numpy_computes():
    model = build("compact_cnn", (22, 30, 2), 5)  # sides of which it sees every pixel
    pictures = np.random.default_rng(0).random((3, 22, 30, 2), np.float32)
    weights = [np.asarray(weight, np.float64) for weight in model.get_weights()]
    values = pictures.astype(np.float64)
    for kernel, bias in zip(weights[0:6:2], weights[1:6:2], strict=True):
        values = pooled(convolved(values, kernel, bias))
    values = np.maximum(values.reshape(3, -1) @ weights[6] + weights[7], 0)
    scores = values @ weights[8] + weights[9]
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(pictures)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "least", "options"),
    [
        ("compact_cnn", 22, {}),
        ("compact_cnn", 36, {"kernel_size": 5}),
        ("deep_cnn", 16, {}),
        ("padded_cnn", 4, {}),
        ("padded_cnn", 8, {"depth": 3}),
        ("residual_cnn", 8, {}),
    ],
)
def test_pictures_that_are_too_small_are_refused_with_what_to_do(name, least, options):
    assert build(name, (least, least, 1), 2, **options).output_shape == (None, 2)
    for shape in ((least - 1, 48, 1), (48, least - 1, 1)):
        with pytest.raises(UsageError) as caught:
            build(name, shape, 2, **options)
        assert f"Images of {shape[0]}x{shape[1]} are too small for {name}" in caught.value.message
        assert "Use larger images" in caught.value.hint


@pytest.mark.parametrize(
    ("asked", "offered"),
    [("compact_cn", "compact_cnn"), ("deepcnn", "deep_cnn"), ("zzz", "compact_cnn, ")],
)
def test_an_unknown_name_offers_the_nearest(asked, offered):
    with pytest.raises(UsageError, match=f"No architecture is named '{asked}'") as caught:
        build(asked, INPUT, 7)
    assert offered in caught.value.hint


def test_an_unknown_option_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="compact_cnn has no option 'kernels'") as caught:
        build("compact_cnn", INPUT, 7, kernels=3)
    assert caught.value.hint == "Its options are depth, kernel_size, pooling."


@pytest.mark.parametrize(
    ("shape", "classes", "options", "received"),
    [
        (INPUT, 1, {}, "classes=1"),
        ((48, 48), 7, {}, r"input_shape=\(48, 48\)"),
        ((48, 0, 1), 7, {}, r"input_shape=\(48, 0, 1\)"),
        (INPUT, 7, {"depth": 0}, "depth=0"),
        (INPUT, 7, {"kernel_size": 0}, "kernel_size=0"),
    ],
)
@pytest.mark.parametrize("name", EVERY)
def test_what_cannot_be_built_is_refused_with_what_was_received(name, shape, classes, options, received):
    with pytest.raises(UsageError, match=f"Received: .*{received}"):
        build(name, shape, classes, **options)


def test_padded_cnn_refuses_an_even_kernel_size():
    with pytest.raises(UsageError, match=r"odd kernel size\. Received: kernel_size=4"):
        build("padded_cnn", INPUT, 7, kernel_size=4)
