"""Which frames are there, and normalization that leaves the others out, beside plain NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.audio.layers import LogMel, MaskedBatchNormalization, SoundMask

pytestmark = pytest.mark.portable


@pytest.mark.parametrize("samples", [1, 7, 8, 9, 23])
@pytest.mark.parametrize("hop", [1, 4, 8])
def test_a_frame_is_there_where_any_of_its_samples_is(samples, hop):
    rng = np.random.default_rng(samples)
    waves = rng.normal(size=(3, samples)) * (rng.uniform(size=(3, samples)) < 0.2)
    padded = np.pad(waves, ((0, 0), (0, -samples % hop)))
    expected = (padded.reshape(3, -1, hop) != 0).any(-1)
    layer = SoundMask(hop)
    found = ops.convert_to_numpy(layer(waves.astype(np.float32)))
    np.testing.assert_array_equal(found[..., 0], expected)
    assert layer.compute_output_shape((3, samples)) == found.shape


def test_there_are_as_many_frames_as_energies():
    for samples in (79, 80, 81, 1000):
        waves = np.ones((1, samples), np.float32)
        front = LogMel(8000, mels=8)
        assert SoundMask(front.strides[0])(waves).shape[1] == front(waves).shape[1]


def test_a_mask_without_a_hop_is_refused():
    with pytest.raises(UsageError, match="hop=0"):
        SoundMask(0)


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (4, 6, 5)).astype(np.float32)
    mask = (np.arange(6) < np.array([6, 3, 0, 1])[:, None]).astype(np.float32)[..., None]
    return x, mask


def test_statistics_are_those_of_the_positions_that_are_there(values):
    x, mask = values
    layer = MaskedBatchNormalization(momentum=0.9, epsilon=1e-3)
    found = ops.convert_to_numpy(layer([x, mask], training=True))
    there = x[mask[..., 0] > 0].astype(np.float64)
    expected = (x - there.mean(0)) / np.sqrt(there.var(0) + 1e-3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.moving_mean), 0.1 * there.mean(0), rtol=1e-5)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.moving_variance), 0.9 + 0.1 * there.var(0), rtol=1e-4
    )


def test_without_padding_it_is_the_normalization_of_keras(values):
    x, mask = values
    ours, theirs = MaskedBatchNormalization(), keras.layers.BatchNormalization()
    for training in (True, True, False):
        one = ours([x, np.ones_like(mask)], training=training)
        other = theirs(x, training=training)
        np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(other), atol=1e-5)


def test_what_is_padding_has_no_part_in_the_answer_of_a_finished_model(values):
    x, mask = values
    layer = MaskedBatchNormalization()
    layer([x, mask], training=True)
    one = ops.convert_to_numpy(layer([x, mask], training=False))
    other = ops.convert_to_numpy(layer([np.where(mask > 0, x, 1e3), mask], training=False))
    there = mask[..., 0] > 0
    np.testing.assert_array_equal(one[there], other[there])


def test_layers_are_rebuilt_from_what_they_tell(tmp_path, values):
    x, mask = values
    wave = keras.Input((None,))
    frames = keras.Input((6, 5))
    sound = SoundMask(3, name="sound")(wave)
    outputs = MaskedBatchNormalization(scale=False, name="norm")([frames, sound])
    model = keras.Model([wave, frames], outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    inputs = [np.repeat(mask[..., 0], 3, axis=1), x]
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(inputs)), ops.convert_to_numpy(model(inputs)))
