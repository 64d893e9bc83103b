"""What excites kernels most: the same as going through all positions of all samples by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from convscope.errors import UsageError
from convscope.scope.channels.patches import patches
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import trace
from convscope.scope.record import record

pytestmark = pytest.mark.portable


def cut(x, size):
    return [x[start : start + size] for start in range(0, len(x), size)]


def by_hand(model, x, path, top, counts=lambda sample, spot: True):
    """Every position of every sample looked at on its own."""
    tap = record(model, x, path)[path]
    where = geometries(trace(model, x))[path]
    maps, sizes = tap.array, tap.array.shape[1:-1]
    found = []
    for kernel in range(maps.shape[-1]):
        best = []
        for sample in range(len(maps)):
            spots = [
                (float(maps[(sample, *spot, kernel)]), sample, spot)
                for spot in np.ndindex(*sizes)
                if counts(sample, spot) and any(a < b for a, b in where.window(spot))
            ]
            best += [max(spots, key=lambda each: each[0])] if spots else []
        best.sort(key=lambda each: (-each[0], each[1]))
        found.append([(value, sample, spot, where.window(spot)) for value, sample, spot in best[:top]])
    return found


def assert_same(found, expected):
    for kernel, rows in enumerate(expected):
        for place, (value, sample, spot, window) in enumerate(rows):
            assert found.values[kernel, place] == pytest.approx(value, rel=1e-4, abs=1e-5)
            assert found.samples[kernel, place] == sample
            assert tuple(found.positions[kernel, place]) == spot
            assert tuple(map(tuple, found.windows[kernel, place])) == window


def series():
    return (9, 2), [layers.Conv1D(3, 3, name="a"), layers.Conv1D(4, 2, strides=2, name="look")]


def pictures():
    return (8, 7, 2), [layers.Conv2D(3, 3, padding="same", name="a"), layers.Conv2D(4, 3, name="look")]


def padded():
    return (6, 6, 1), [layers.ZeroPadding2D(3), layers.Conv2D(4, 2, use_bias=True, name="look")]


def volumes():
    return (5, 4, 5, 1), [layers.Conv3D(3, 2, name="look")]


def frames():
    return (3, 6, 6, 1), [layers.TimeDistributed(layers.Conv2D(2, 3, name="inner"), name="look")]


def dense():
    return (6,), [layers.Dense(4, name="look")]


@pytest.mark.parametrize("make", [series, pictures, padded, volumes, frames, dense])
@pytest.mark.parametrize("size", [2, 5])
def test_the_strongest_places_are_those_found_by_hand(make, size):
    keras.utils.set_random_seed(1)
    shape, stack = make()
    model = keras.Sequential([keras.Input(shape), *stack])
    x = np.random.default_rng(0).normal(0, 1, (11, *shape)).astype("float32")
    path = "look/inner" if make is frames else "look"
    path = next(p for p in record(model, x[:1]) if p.endswith(path))
    found = patches(model, cut(x, size), path, top=4)[path]
    assert found.values.shape == found.samples.shape
    assert_same(found, by_hand(model, x, path, 4))


def text_model(padding="same", dilation=1, strides=1):
    keras.utils.set_random_seed(2)
    words = keras.Input((None,), dtype="int32")
    x = layers.Embedding(30, 5, name="vectors")(words)
    x = layers.Conv1D(6, 3, padding=padding, dilation_rate=dilation, strides=strides, name="look")(x)
    return keras.Model(words, layers.Dense(2)(layers.GlobalMaxPooling1D()(x)))


def texts(lengths, longest=None):
    rng = np.random.default_rng(3)
    x = np.zeros((len(lengths), longest or max(lengths)), np.int32)
    for row, length in zip(x, lengths, strict=True):
        row[:length] = rng.integers(1, 30, length)
    return x


@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
@pytest.mark.parametrize("dilation", [1, 2])
def test_the_padding_of_texts_never_counts(padding, dilation):
    model, lengths = text_model(padding, dilation), [7, 9, 12, 8]
    x = texts(lengths)
    found = patches(model, [x], "look", top=3)["look"]

    def counts(sample, spot):
        return spot[0] + (dilation if padding == "valid" else 0) < lengths[sample]

    expected = by_hand(model, x, "look", 3, counts)
    np.testing.assert_array_equal(found.samples, [[each[1] for each in rows] for rows in expected])
    np.testing.assert_array_equal(
        found.positions[..., 0], [[each[2][0] for each in rows] for rows in expected]
    )
    ends = np.array(lengths)[found.samples]
    assert (found.windows[..., 0, 1] <= ends).all()
    assert (found.windows[..., 0, 0] < found.windows[..., 0, 1]).all()


def test_batches_of_texts_of_other_lengths_find_the_same():
    model, lengths = text_model(), [4, 6, 9, 3, 12, 5]
    whole = texts(lengths)
    together = patches(model, [whole], "look", top=4)["look"]
    # Each part keeps a position of padding, as the vector of padding counts for the last word of this model.
    apart = patches(model, [whole[:2, :8], whole[2:5], whole[5:, :7]], "look", top=4)["look"]
    np.testing.assert_allclose(apart.values, together.values, rtol=1e-5)
    for name in ("samples", "positions", "windows"):
        np.testing.assert_array_equal(getattr(apart, name), getattr(together, name))


def test_a_text_of_padding_alone_excites_nothing():
    found = patches(text_model(), [np.zeros((2, 4), np.int32), texts([4, 3])], "look", top=3)["look"]
    assert set(found.samples[:, :2].ravel()) == {2, 3}
    assert (found.samples[:, 2] == -1).all()
    assert np.isnan(found.values[:, 2]).all()


def front_loud_in_silence(stride=1):
    """A convolution over waveforms whose answer is largest where there is none, and its samples."""
    conv = layers.Conv1D(1, 3, strides=stride, padding="same", name="look")
    model = keras.Sequential([keras.Input((12, 1)), conv])
    conv.set_weights([-np.ones((3, 1, 1), np.float32), np.full(1, 5, np.float32)])
    x = np.zeros((2, 12, 1), np.float32)
    x[0, 3:9], x[1, :7] = 1, 2
    return model, x, [(3, 3), (0, 5)]


@pytest.mark.parametrize("stride", [1, 2])
def test_padding_at_both_ends_never_counts(stride):
    model, x, ends = front_loud_in_silence(stride)
    found = patches(model, [x[:1], x[1:]], "look", filled=lambda number, length: ends[number])["look"]
    for sample, window in zip(found.samples[0, :2], found.windows[0, :2, 0], strict=True):
        before, behind = ends[sample]
        assert before <= window[0] < window[1] <= 12 - behind
    inside = [
        array[before // stride : (12 - behind) // stride]
        for array, (before, behind) in zip(model.predict(x, verbose=0)[..., 0], ends, strict=True)
    ]
    assert sorted(found.values[0, :2]) <= sorted(part.max() for part in inside)
    assert (patches(model, [x], "look")["look"].values[0, :2] == 5).all()


def test_a_sample_shorter_than_a_step_counts_where_it_is_nearest_and_padding_alone_nowhere():
    model, x, _ = front_loud_in_silence(stride=4)
    ends = [(6, 5), (12, 0)]
    found = patches(model, [x], "look", filled=lambda number, length: ends[number])["look"]
    assert found.samples[0, :2].tolist() == [0, -1]


def test_what_is_no_number_is_left_out():
    model = keras.Sequential([keras.Input((6, 1)), layers.Conv1D(2, 2, name="look")])
    x = np.ones((3, 6, 1), np.float32)
    x[1] = np.nan
    found = patches(model, [x], "look", top=3)["look"]
    assert found.samples.tolist() == [[0, 2, -1]] * 2


def test_bad_requests_say_what_to_do():
    model = text_model()
    with pytest.raises(UsageError, match="no samples"):
        patches(model, [], "look")
    with pytest.raises(UsageError, match="top=0"):
        patches(model, [texts([3])], "look", top=0)
    with pytest.raises(UsageError, match="look"):
        patches(model, [texts([3])], "lok")
