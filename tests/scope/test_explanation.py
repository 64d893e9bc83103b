"""Any Keras model is explained, in full and in plain values."""

import json
import time

import keras
import numpy as np
import pytest
from keras import layers

from convscope.kinds.registry import build
from convscope.scope.describe.explanation import explain

pytestmark = pytest.mark.portable


def stack(shape, *rest):
    return keras.Sequential([keras.Input(shape), *rest])


def shared():
    dense = layers.Dense(4, activation="relu", name="shared")
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    return keras.Model([left, right], layers.Dense(2)(layers.Add()([dense(left), dense(right)])))


def two_inputs():
    picture, row = keras.Input((8, 8, 3), name="photo"), keras.Input((4,), name="facts")
    x = layers.Flatten(name="flat")(layers.Conv2D(2, 3, name="conv")(picture))
    y = layers.Dense(3, name="dense")(row)
    return keras.Model([picture, row], layers.Dense(2, name="out")(layers.Concatenate(name="both")([x, y])))


def nested():
    inner = stack((8, 8, 3), layers.Conv2D(4, 3, name="conv"), layers.GlobalAveragePooling2D(name="pool"))
    inner.name = "inner"
    return stack(
        (8, 8, 3), layers.Rescaling(1 / 255), inner, layers.Dense(2, activation="softmax", name="out")
    )


class Block(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.norm, self.dense = layers.LayerNormalization(), layers.Dense(6, activation="relu")

    def call(self, x):
        return x + self.dense(self.norm(x))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [Block(), Block(), Block()]
        self.out = layers.Dense(2, activation="softmax")

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.out(x)


MODELS = {
    "compact_cnn": lambda: build("compact_cnn", (48, 48, 1), 7),
    "deep_cnn": lambda: build("deep_cnn", (48, 48, 1), 7),
    "residual_cnn": lambda: build("residual_cnn", (16, 16, 3), 4),
    "shared": shared,
    "two_inputs": two_inputs,
    "nested": nested,
    "sequence": lambda: stack(
        (30, 4), layers.Conv1D(6, 3), layers.MaxPooling1D(), layers.LSTM(5), layers.Dense(2)
    ),
    "any length": lambda: stack((None, 4), layers.Conv1D(6, 3), layers.GlobalMaxPooling1D(), layers.Dense(2)),
    "volume": lambda: stack(
        (6, 8, 8, 1), layers.Conv3D(2, 3), layers.GlobalAveragePooling3D(), layers.Dense(2)
    ),
    "frames": lambda: stack(
        (3, 8, 8, 1), layers.TimeDistributed(layers.Conv2D(2, 3)), layers.TimeDistributed(layers.Flatten()),
        layers.GRU(3), layers.Dense(1, activation="sigmoid"),
    ),
}  # fmt: skip
KEYS = {
    "path", "type", "text", "input_shape", "output_shape", "parameters", "multiply_adds", "receptive_field",
    "stride",
}  # fmt: skip


def plain(value):
    """Whether a value is made of what JSON knows, and of nothing else."""
    if isinstance(value, dict):
        return all(type(key) is str and plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(plain(each) for each in value)
    return value is None or type(value) in (str, int, float, bool)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_any_kind_is_explained_in_plain_complete_json(name):
    model = MODELS[name]()
    explanation = explain(model)
    told = explanation.to_json()
    assert plain(told)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert {"parameters", "multiply_adds", "purpose", "notes", "layers", "key_points", "blocks"} <= set(told)
    assert told["parameters"] == model.count_params()
    assert told["purpose"]
    for layer, told_layer in zip(explanation.layers, told["layers"], strict=True):
        assert set(told_layer) >= KEYS
        assert told_layer["text"] == layer.text
        assert told_layer["receptive_field"] == "unknown" or isinstance(told_layer["receptive_field"], list)
    assert json.dumps(told) == json.dumps(explain(model).to_json())


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"any length"}))
def test_the_layers_add_up_to_the_whole(name):
    explanation = explain(MODELS[name]())
    top = [layer for layer in explanation.layers if "/" not in layer.path]
    assert sum(layer.parameters for layer in top if not layer.shared_with) == explanation.parameters
    assert sum(layer.multiply_adds for layer in top) == explanation.multiply_adds


@pytest.mark.parametrize("name", ["compact_cnn", "deep_cnn"])
def test_parameters_and_shapes_are_those_of_keras(name):
    model = MODELS[name]()
    for layer, told in zip(model.layers, explain(model).layers, strict=True):
        assert told.path == layer.name
        assert told.parameters == layer.count_params()
        assert told.input_shape == tuple(layer.input.shape[1:])
        assert told.output_shape == tuple(layer.output.shape[1:])


def test_unknown_lengths_are_null():
    told = explain(MODELS["any length"]()).to_json()
    assert told["layers"][0]["input_shape"] == [None, 4]
    assert told["multiply_adds"] is None
    assert told["layers"][0]["multiply_adds"] is None
    assert told["layers"][0]["receptive_field"] == [3]


def test_a_shared_layer_counts_once_and_says_so():
    explanation = explain(shared())
    first, second = explanation.layers[:2]
    assert (first.shared_with, second.shared_with) == ("", "shared")
    assert first.parameters == second.parameters == 16
    assert explanation.parameters == 16 + 10
    assert "One layer is called more than once; its parameters count once" in explanation.key_points[0]


def test_a_layer_tells_of_the_first_input_that_it_depends_on():
    by_path = {layer.path: layer for layer in explain(two_inputs()).layers}
    assert by_path["conv"].about_input == "photo"
    assert by_path["dense"].about_input == "facts"
    assert by_path["both"].about_input == "photo"
    assert by_path["conv"].receptive_field == (3, 3)
    assert len(by_path["both"].input_shape) == 2


def test_layers_inside_a_nested_model_have_entries_of_their_own():
    explanation = explain(nested())
    paths = [layer.path for layer in explanation.layers]
    assert paths[-4:] == ["inner/conv", "inner/pool", "inner", "out"]
    group = explanation.layers[-2]
    assert group.kind == "group"
    assert "Conv2D" in group.text
    assert group.multiply_adds == explanation.layers[-4].multiply_adds


def test_a_subclassed_model_is_explained_with_an_example_of_its_input():
    explanation = explain(Subclassed(), inputs=np.zeros((1, 5, 6), "float32"))
    (blocks,) = explanation.blocks
    assert [block.name for block in blocks.blocks] == ["block", "block_1", "block_2"]
    assert blocks.text.startswith("Three residual blocks of LayerNormalization, Dense and Add")


def test_an_unknown_layer_says_unknown():
    class Mystery(layers.Layer):
        def call(self, x):
            return keras.ops.sort(x, axis=1)

    told = explain(stack((8, 8, 2), Mystery(), layers.Conv2D(2, 3))).to_json()
    assert [layer["receptive_field"] for layer in told["layers"]] == ["unknown", "unknown"]
    assert told["layers"][0]["multiply_adds"] is None


def test_blocks_tell_how_they_repeat_and_grow():
    compact, deep = explain(MODELS["compact_cnn"]()), explain(MODELS["deep_cnn"]())
    assert compact.blocks[0].text == (
        "Three blocks of Conv2D, MaxPooling2D and Dropout: channels 32 -> 64 -> 128; "
        "size 48x48 -> 23x23 -> 10x10 -> 4x4."
    )
    assert deep.blocks[0].text == (
        "Four blocks of Conv2D, BatchNormalization, MaxPooling2D and Dropout: channels 64 -> 128 -> 512 -> "
        "256; "
        "size 48x48 -> 24x24 -> 12x12 -> 6x6 -> 3x3."
    )


@pytest.mark.parametrize("name", ["compact_cnn", "deep_cnn"])
def test_key_points_tell_size_place_growth_view_and_head(name):
    explanation = explain(MODELS[name]())
    points = " ".join(explanation.key_points)
    assert 3 <= len(explanation.key_points) <= 6
    assert f"{explanation.parameters:,} parameters" in points
    for part in (
        "multiply-adds",
        "are in the",
        "Feature maps shrink from 48x48",
        "Receptive field of the last convolution",
        "Flatten",
    ):
        assert part in points


def test_the_share_of_the_whole_is_told():
    dense = next(layer for layer in explain(MODELS["compact_cnn"]()).layers if layer.type == "Dense")
    assert "131,136 parameters (58% of the model)" in dense.text


@pytest.fixture(scope="module")
def resnet():
    return keras.applications.ResNet50(weights=None)


def test_resnet50_is_explained_as_the_paper_describes_it(resnet):
    explanation = explain(resnet)
    assert explanation.purpose.startswith("Classifies 224x224 color images into 1,000 classes.")
    (blocks,) = explanation.blocks
    assert len(blocks.blocks) == 16
    assert (
        "3 with 256 maps of 56x56, 4 with 512 maps of 28x28, 6 with 1,024 maps of 14x14 and 3 with 2,048"
        in blocks.text
    )
    assert "16 residual connections" in " ".join(explanation.key_points)
    assert explanation.parameters == resnet.count_params() == 25_636_712
    assert 3.8e9 < explanation.multiply_adds < 3.9e9
    assert len(explanation.layers) == len(resnet.layers) - 1


def test_resnet50_takes_less_than_a_second(resnet):
    took = []
    for _ in range(3):
        start = time.process_time()
        explain(resnet)
        took.append(time.process_time() - start)
    assert min(took) < 1.0
