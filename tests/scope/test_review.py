"""A model is looked through as a reviewer would: what is told is right; good models give no false alarms."""

import keras
import numpy as np
import pytest
from keras import layers

from convscope.kinds.registry import build
from convscope.scope.channels.statistics import ChannelStatistics
from convscope.scope.describe.explanation import explain, unseen


def stack(shape, *rest):
    return keras.Sequential([keras.Input(shape), *rest])


def notes(model, **options):
    return explain(model, **options).notes


def texts(model, topic=None, **options):
    return [note.text for note in notes(model, **options) if topic in (None, note.topic)]


def only(model, topic, **options):
    (note,) = [note for note in notes(model, **options) if note.topic == topic]
    return note


def test_most_parameters_in_one_dense_layer_is_told_with_numbers():
    note = only(build("compact_cnn", (48, 48, 1), 7), "parameters")
    assert note.paths[0].startswith("dense")
    assert "131,136 of 224,263 parameters (58%)" in note.text
    assert "2,048 values to 64 units" in note.text
    assert "8,256" in note.text


def test_the_advice_on_pooling_gives_the_right_number():
    pooled = stack((48, 48, 1), layers.Conv2D(128, 3), layers.GlobalAveragePooling2D(), layers.Dense(64))
    assert pooled.layers[-1].count_params() == 8256


@pytest.mark.parametrize(("rate", "part"), [(0.025, "one value in 40"), (0.8, "keeps only 20%")])
def test_an_odd_dropout_rate_is_told(rate, part):
    note = only(
        stack((8,), layers.Dense(4, activation="relu"), layers.Dropout(rate, name="drop"), layers.Dense(2)),
        "dropout",
    )
    assert note.paths == ("drop",)
    assert f"'drop' has a dropout rate of {rate}" in note.text
    assert part in note.text


def test_usual_dropout_rates_give_no_note():
    assert texts(stack((8,), layers.Dropout(0.3), layers.Dense(2)), "dropout") == []


def test_dropout_of_0_025_in_deep_cnn_is_told():
    assert "dropout rate of 0.025" in only(build("deep_cnn", (48, 48, 1), 7), "dropout").text


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_softmax_in_half_precision_is_told(dtype):
    note = only(stack((8,), layers.Dense(3, activation="softmax", dtype=dtype, name="out")), "precision")
    assert note.paths == ("out",)
    assert dtype in note.text


def test_a_softmax_over_one_unit_is_told():
    assert "always 1" in only(stack((8,), layers.Dense(1, activation="softmax")), "activation").text


def test_several_sigmoids_are_said_to_be_multi_label():
    assert "several labels" in only(stack((8,), layers.Dense(3, activation="sigmoid")), "activation").text


def test_a_receptive_field_smaller_than_the_input_is_told():
    note = only(build("compact_cnn", (48, 48, 1), 7), "receptive field")
    assert "22x22 of 48x48 pixels" in note.text


def test_a_receptive_field_much_larger_than_the_input_is_told():
    deep = [layers.Conv2D(2, 3, padding="same", activation="relu") for _ in range(9)]
    model = stack((8, 8, 1), *deep, layers.GlobalAveragePooling2D(), layers.Dense(2))
    assert "19x19 pixels, 2.4 times the size of the image (8x8)" in only(model, "receptive field").text


def test_a_receptive_field_of_about_the_input_gives_no_note():
    some = [layers.Conv2D(2, 3, padding="same", activation="relu") for _ in range(5)]
    assert (
        texts(stack((8, 8, 1), *some, layers.GlobalAveragePooling2D(), layers.Dense(2)), "receptive field")
        == []
    )


def test_relu_before_normalization_is_told_with_its_places():
    model = stack(
        (8, 8, 1), layers.Conv2D(2, 3, activation="relu", name="conv"), layers.BatchNormalization(name="norm")
    )
    note = only(model, "order")
    assert note.paths == ("conv", "norm")
    assert "after 'conv'." in note.text
    assert "and 2 more" in only(build("deep_cnn", (48, 48, 1), 7), "order").text


def test_a_bias_before_normalization_is_told_and_has_indeed_no_effect():
    model = stack((8, 8, 1), layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization())
    note = only(model, "waste")
    assert note.paths == ("conv",)
    assert "4 parameters" in note.text
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    before = keras.ops.convert_to_numpy(model(x, training=True))
    model.layers[0].bias.assign([1.0, -2.0, 3.0, 5.0])
    after = keras.ops.convert_to_numpy(model(x, training=True))
    np.testing.assert_allclose(before, after, atol=1e-4)
    assert (
        texts(stack((8, 8, 1), layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization()), "waste")
        == []
    )


def test_kernels_that_skip_positions_are_told():
    note = only(stack((8, 8, 2), layers.Conv2D(4, 1, strides=2, name="conv")), "waste")
    assert "kernels of 1x1 move with stride 2" in note.text
    assert "about a quarter of the input positions" in note.text
    assert texts(stack((8, 8, 2), layers.Conv2D(4, 2, strides=2)), "waste") == []


def test_two_layers_without_an_activation_between_are_told():
    model = stack((8,), layers.Dense(6, name="one"), layers.Dropout(0.2), layers.Dense(4, name="two"))
    note = only(model, "activation")
    assert note.paths == ("one", "two")
    narrow = stack((8,), layers.Dense(2), layers.Dense(8))
    assert texts(narrow, "activation") == []
    assert texts(stack((8,), layers.Dense(6, activation="relu"), layers.Dense(4)), "activation") == []


def test_rows_left_out_by_pooling_are_told():
    note = next(n for n in notes(build("compact_cnn", (48, 48, 1), 7)) if "Pooling" in n.text)
    assert "row and column" in note.text
    assert "(21x21)" in note.text
    assert texts(stack((8, 8, 1), layers.MaxPooling2D(), layers.Flatten()), "borders") == []


def test_a_border_of_the_input_that_nothing_depends_on_is_told_and_indeed_does_nothing():
    model = build("compact_cnn", (48, 48, 1), 7)
    ends = "The last 2 of 48 rows and the last 2 of 48 columns of the input never reach the output"
    assert any(ends in text for text in texts(model))
    x = np.random.default_rng(0).uniform(size=(1, 48, 48, 1)).astype("float32")
    changed = x.copy()
    changed[:, 46:], changed[:, :, 46:] = 0, 0
    before = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_array_equal(before, keras.ops.convert_to_numpy(model(changed)))
    changed[:, 45] = 0
    assert np.any(before != keras.ops.convert_to_numpy(model(changed)))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((224, 180, 3), "the last 2 of 224 rows and the last 6 of 180 columns"),
        ((47, 53, 1), "the last of 47 rows"),
        ((46, 46, 1), ""),
        ((28, 28, 1), ""),
    ],
)
def test_borders_that_are_never_seen_are_told_axis_by_axis(shape, said):
    assert unseen(build("compact_cnn", shape, 7)) == said


def test_what_is_not_seen_of_series_is_told_in_steps():
    layers_ = (layers.Conv1D(4, 3), layers.MaxPooling1D(2), layers.Flatten(), layers.Dense(2))
    assert unseen(stack((33, 2), *layers_)) == "the last of 33 steps"
    assert unseen(stack((None, 2), layers.Conv1D(4, 3), layers.GlobalMaxPooling1D(), layers.Dense(2))) == ""


def test_a_layer_that_is_never_called_is_told():
    class Forgetful(keras.Model):
        def __init__(self):
            super().__init__()
            self.used, self.idle = layers.Dense(2, name="used"), layers.Dense(3, name="idle")

        def call(self, x):
            return self.used(x)

    assert only_unused(Forgetful()) == ("idle",)


def only_unused(model):
    (note,) = [n for n in explain(model, inputs=np.zeros((1, 4), "float32")).notes if n.topic == "unused"]
    assert "'idle' is part of the model but is never called" in note.text
    return note.paths


def test_frozen_layers_are_told():
    model = stack((4,), layers.Dense(3, name="fixed", activation="relu"), layers.Dense(2))
    model.layers[0].trainable = False
    note = only(model, "frozen")
    assert note.paths == ("fixed",)
    assert "15 parameters" in note.text


def test_weights_that_are_not_numbers_are_told():
    model = stack((4,), layers.Dense(3, name="broken"))
    kernel = np.ones((4, 3), "float32")
    kernel[0, 1] = np.nan
    model.layers[0].kernel.assign(kernel)
    note = only(model, "weights")
    assert "1 of 12 weights of 'broken' (kernel)" in note.text


def test_kernels_that_are_all_zero_are_told():
    model = stack((8, 8, 1), layers.Conv2D(4, 3, name="conv"))
    kernel = np.ones((3, 3, 1, 4), "float32")
    kernel[..., [1, 3]] = 0
    model.layers[0].kernel.assign(kernel)
    note = only(model, "weights")
    assert "2 of 4 kernels of 'conv' are all zero (indices 1 and 3)" in note.text


def measured(path, dead, duplicates=(), nonfinite=0):
    channels = len(dead)
    zeros = np.zeros(channels)
    return ChannelStatistics(
        path, 12, zeros, zeros, zeros, zeros, np.array(dead), tuple(duplicates),
        np.zeros((channels, 1), int), np.zeros((channels, 1)), None, nonfinite,
    )  # fmt: skip


def test_kernels_that_never_fire_are_told_with_data_at_hand():
    model = stack((8, 8, 1), layers.Conv2D(4, 3, name="conv", activation="relu"))
    found = {"conv": measured("conv", [False, True, False, True], [(2, 0, 0.999)], 5)}
    said = texts(model, "kernels", statistics=found)
    assert "2 of 4 kernels of 'conv' never activate on 12 samples (indices 1 and 3)" in said[0]
    assert "2 and 0" in said[1]
    assert "5 NaN or infinite values" in said[2]
    assert texts(model, "kernels") == []


NETWORKS = {
    "ResNet50": {"waste", "receptive field"},
    "MobileNetV2": {"receptive field"},
    "EfficientNetV2B0": set(),
    "ConvNeXtTiny": {"receptive field"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_well_known_networks_give_no_false_alarms(tensorflow_only, name):
    model = getattr(keras.applications, name)(weights=None)
    assert {note.topic for note in notes(model)} == NETWORKS[name]


def test_the_networks_of_the_package_made_for_accuracy_give_no_notes():
    assert notes(build("residual_cnn", (48, 48, 1), 7)) == ()
