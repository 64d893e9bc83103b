"""Statistics of channels agree with plain NumPy over everything at once, however the data is cut."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from convscope.errors import UsageError
from convscope.scope.channels.statistics import statistics
from convscope.scope.record import record

pytestmark = pytest.mark.portable

CLASSES = 3


def small_model():
    """A ReLU convolution whose kernel 1 never fires and whose kernel 3 is kernel 0 once more."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(5, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(CLASSES, activation="softmax", name="out"),
        ]
    )
    kernel, bias = model.get_layer("conv").get_weights()
    bias[1] = -100
    kernel[..., 3], bias[3] = 2 * kernel[..., 0], 2 * bias[0]
    model.get_layer("conv").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(45, 8, 8, 2)).astype("float32")


@pytest.fixture(scope="module")
def labels(x):
    found = np.arange(len(x)) % CLASSES
    found[::7] = -1
    return found


@pytest.fixture(scope="module")
def maps(model, x):
    return record(model, x, "conv")["conv"].array.reshape(len(x), -1, 5).astype("float64")


def test_they_agree_with_numpy_over_everything_at_once(model, x, labels, maps):
    found = statistics(model, x, "conv", labels=labels, top=4)["conv"]
    assert (found.path, found.samples, found.nonfinite) == ("conv", 45, 0)
    np.testing.assert_allclose(found.mean, maps.mean((0, 1)), rtol=1e-10)
    np.testing.assert_allclose(found.spread, maps.std((0, 1)), rtol=1e-10)
    np.testing.assert_array_equal(found.zeros, (maps == 0).mean((0, 1)))
    np.testing.assert_array_equal(found.largest, maps.max((0, 1)))
    best = np.argsort(-maps.max(1), 0, kind="stable")[:4].T
    np.testing.assert_array_equal(found.top_samples, best)
    np.testing.assert_array_equal(found.top_values, np.take_along_axis(maps.max(1).T, best, 1))
    means = [maps[labels == number].mean((0, 1)) for number in range(CLASSES)]
    np.testing.assert_allclose(found.class_means, means, rtol=1e-10)


def test_the_size_of_the_batches_does_not_matter(model, x, labels):
    whole = statistics(model, x, "conv", labels=labels)["conv"]
    for size in (1, 7, 45):
        batches = (x[start : start + size] for start in range(0, len(x), size))
        cut = statistics(model, batches, "conv", labels=labels)["conv"]
        for field in dataclasses.fields(cut):
            ours, theirs = getattr(cut, field.name), getattr(whole, field.name)
            if isinstance(ours, np.ndarray):
                np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7, err_msg=field.name)
            elif field.name == "duplicates":
                assert [pair[:2] for pair in ours] == [pair[:2] for pair in theirs]
            else:
                assert ours == theirs


def test_a_mean_far_from_zero_costs_no_precision():
    model = keras.Sequential([keras.Input((4, 2)), layers.Activation("linear", name="same")])
    x = (np.random.default_rng(0).normal(size=(200, 4, 2)) + 1e4).astype("float32")
    found = statistics(model, x, "same")["same"]
    np.testing.assert_allclose(found.spread, x.astype("float64").std((0, 1)), rtol=1e-9)


def test_dead_and_duplicate_kernels_are_found(model, x):
    found = statistics(model, x, "conv")["conv"]
    assert found.dead.tolist() == [False, True, False, False, False]
    assert [pair[:2] for pair in found.duplicates] == [(0, 3)]
    assert found.duplicates[0][2] == pytest.approx(1)


def test_a_channel_that_rarely_fires_is_no_duplicate_of_another_such():
    model = keras.Sequential([keras.Input((4, 3)), layers.ReLU(name="relu")])
    x = np.full((50, 4, 3), -1, "float32")
    x[7, 2, :2] = 1
    x[:, :, 2] = np.random.default_rng(0).normal(size=(50, 4))
    found = statistics(model, x, "relu")["relu"]
    assert found.duplicates == ()
    assert not found.dead.any()


def test_each_duplicate_is_named_once_with_the_first_of_its_kind():
    model = keras.Sequential([keras.Input((6, 4)), layers.Activation("linear", name="same")])
    one, other = np.random.default_rng(0).normal(size=(2, 30, 6, 1)).astype("float32")
    x = np.concatenate([one, other, 3 * one + 1, one - 2], -1)
    assert [pair[:2] for pair in statistics(model, x, "same")["same"].duplicates] == [(0, 2), (0, 3)]


def test_duplicates_are_found_in_more_data_than_is_kept():
    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((16, 500)), layers.Activation("linear", name="same")])

    def batches():
        for _ in range(6):
            batch = rng.normal(size=(200, 16, 500)).astype("float32")
            batch[..., 499] = batch[..., 5]
            yield batch

    found = statistics(model, batches(), "same", top=1)["same"]
    assert found.samples == 1200
    assert [pair[:2] for pair in found.duplicates] == [(5, 499)]


def test_nan_and_infinite_values_are_counted_and_left_out():
    model = keras.Sequential([keras.Input((4, 2)), layers.Activation("linear", name="same")])
    x = np.random.default_rng(0).normal(size=(20, 4, 2)).astype("float32")
    x[3, 1, 0], x[4, :, 1], x[5, 0, 0] = np.nan, np.inf, -np.inf
    found = statistics(model, x, "same", labels=np.zeros(20, int), top=20)["same"]
    usual = np.where(np.isfinite(x), x, np.nan).astype("float64")
    assert found.nonfinite == 6
    np.testing.assert_allclose(found.mean, np.nanmean(usual, (0, 1)))
    np.testing.assert_allclose(found.spread, np.nanstd(usual, (0, 1)))
    np.testing.assert_allclose(found.class_means[0], np.nanmean(usual, (0, 1)))
    np.testing.assert_array_equal(found.largest, np.nanmax(usual, (0, 1)))
    assert found.top_samples[1, -1] == 4
    assert np.isnan(found.top_values[1, -1])


def test_padding_counts_in_no_statistic():
    conv = layers.Conv1D(2, 1, activation="relu", name="conv")
    model = keras.Sequential([keras.Input((10, 1)), conv])
    conv.set_weights([np.array([[[1, -1]]], np.float32), np.array([0, 7], np.float32)])
    x = np.zeros((3, 10, 1), np.float32)
    x[0, 2:6], x[1, :9], x[2] = 1, 2, 3
    ends = [(2, 4), (0, 1), (0, 0)]
    found = statistics(model, x, "conv", labels=[0, 1, 1], filled=lambda i, length: ends[i], top=1)["conv"]
    there = np.concatenate([np.full(4, 1), np.full(9, 2), np.full(10, 3)])
    np.testing.assert_allclose(found.mean, [there.mean(), 7 - there.mean()])
    np.testing.assert_allclose(found.spread, there.std(), rtol=1e-6)
    assert (found.zeros.tolist(), found.nonfinite, found.largest.tolist()) == ([0, 0], 0, [3, 6])
    np.testing.assert_allclose(found.class_means[:, 0], [1, there[4:].mean()])


def test_ids_of_padding_count_in_no_statistic():
    words = keras.Input((None,), dtype="int32")
    vectors = layers.Embedding(5, 1, embeddings_initializer="ones", name="vectors")(words)
    conv = layers.Conv1D(1, 1, activation="relu", name="conv")
    model = keras.Model(words, conv(vectors))
    model.get_layer("vectors").set_weights([np.array([[9], [1], [1], [1], [1]], np.float32)])
    conv.set_weights([np.ones((1, 1, 1), np.float32), np.zeros(1, np.float32)])
    batches = [np.array([[1, 2, 0, 0]], np.int32), np.array([[3, 4, 4, 0, 0, 0]], np.int32)]
    assert statistics(model, batches, "conv")["conv"].largest.tolist() == [1]


def test_a_channel_without_a_finite_value_has_no_statistics_and_spoils_no_other():
    model = keras.Sequential([keras.Input((4, 3)), layers.Activation("linear", name="same")])
    x = np.random.default_rng(0).normal(size=(20, 4, 3)).astype("float32")
    x[..., 0] = np.nan
    x[..., 2] = x[..., 1]
    found = statistics(model, x, "same")["same"]
    assert np.isnan([found.mean[0], found.spread[0], found.zeros[0], found.largest[0]]).all()
    assert not found.dead.any()
    assert [pair[:2] for pair in found.duplicates] == [(1, 2)]


def test_channels_are_found_where_the_layer_puts_them(backend):
    if backend == "tensorflow":
        pytest.skip("TensorFlow convolves channels first on a GPU alone")
    conv = layers.Conv1D(2, 3, data_format="channels_first", name="conv")
    pool = layers.MaxPooling1D(2, data_format="channels_first", name="pool")
    model = keras.Sequential([keras.Input((3, 9)), conv, pool])
    x = np.random.default_rng(0).normal(size=(6, 3, 9)).astype("float32")
    found = statistics(model, x, ["conv", "pool"])
    for path, tap in record(model, x, ["conv", "pool"]).items():
        np.testing.assert_allclose(found[path].mean, tap.array.mean((0, 2)), rtol=1e-5)


def test_layers_with_kernels_and_activations_are_taken_by_default(x):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(2, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Flatten(name="flat"),
            layers.Dense(2, name="out"),
        ]
    )
    assert list(statistics(model, x)) == ["conv", "relu", "out"]


def test_a_class_without_samples_has_no_mean(model, x):
    found = statistics(model, x[:5], "out", labels=[0, 0, 2, 2, -1], classes=4)["out"]
    assert found.class_means.shape == (4, CLASSES)
    assert np.isnan(found.class_means).all(1).tolist() == [False, True, False, True]


def test_inputs_by_name_are_cut_together():
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    model = keras.Model([left, right], layers.Add(name="sum")([left, right]))
    x = {name: np.random.default_rng(0).normal(size=(70, 4)).astype("float32") for name in ("left", "right")}
    found = statistics(model, x, "sum")["sum"]
    assert found.samples == 70
    np.testing.assert_allclose(found.mean, (x["left"] + x["right"]).mean(0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batches": []}, "no samples"),
        ({"batches": np.zeros((0, 8, 8, 2))}, "no samples"),
        ({"batches": 3}, "an array or an iterable of arrays"),
        ({"layers": "cnv"}, "Did you mean conv"),
        ({"labels": [0, 1]}, r"more samples than labels \(2\)"),
        ({"labels": [0] * 50}, "50 labels for 45 samples"),
        ({"labels": [0.5] * 45}, "labels must be integers"),
        ({"labels": [5] * 45, "classes": 3}, "labels must be 0 to 2"),
        ({"top": -1}, "top=-1"),
    ],
)
def test_what_cannot_be_gathered_is_refused_with_the_reason(model, x, changes, message):
    arguments = {"batches": x, "layers": "conv", **changes}
    with pytest.raises(UsageError, match=message):
        statistics(model, **arguments)
