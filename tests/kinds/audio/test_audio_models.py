"""The network for sounds learns from waveforms, on every backend, and takes only what it can."""

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.registry import build

pytestmark = pytest.mark.portable

SMALL = {"rate": 4000, "mels": 16, "depth": 2, "filters": 4}


def small(**options):
    keras.utils.set_random_seed(0)
    return build("audio_cnn", (2000,), 3, **{**SMALL, **options})


def waveforms(count=4):
    return np.random.default_rng(0).uniform(-1, 1, (count, 2000)).astype(np.float32)


def test_waveforms_become_probabilities():
    found = keras.ops.convert_to_numpy(small()(waveforms()))
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_an_answer_does_not_depend_on_the_rest_of_the_batch():
    model, given = small(), waveforms()
    together = keras.ops.convert_to_numpy(model(given))
    alone = np.concatenate([keras.ops.convert_to_numpy(model(given[i : i + 1])) for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_blocks_halve_time_and_bands_and_double_the_kernels():
    model = small(depth=3)
    shapes = [tuple(model.get_layer(f"block{number}_relu2").output.shape[1:]) for number in (1, 2, 3)]
    assert model.get_layer("log_mel").output.shape[1:] == (50, 16)
    assert shapes == [(25, 8, 4), (13, 4, 8), (7, 2, 16)]


def test_parts_are_hidden_in_training_only():
    model, given = small(dropout=0.0, masking=0.5), waveforms()
    used = [keras.ops.convert_to_numpy(model(given)) for _ in range(2)]
    np.testing.assert_array_equal(*used)
    bands = keras.Model(model.input, model.get_layer("masking").output)
    hidden = keras.ops.convert_to_numpy(bands(given, training=True)) == 0
    assert hidden.all(axis=1).any()
    assert hidden.all(axis=2).any()


def test_it_learns_and_is_saved_with_what_it_learned(tmp_path):
    model = small(dropout=0.0, masking=0.0)
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    time = np.arange(2000) / 4000
    labels = np.arange(24) % 3
    noise = np.random.default_rng(0).normal(0, 0.1, (24, 2000))
    tones = (np.sin(2 * np.pi * (200 + 400 * labels[:, None]) * time) + noise).astype(np.float32)
    first, *_, last = model.fit(tones, labels, epochs=8, batch_size=8, verbose=0).history["loss"]
    assert last < first / 4
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    answers = [keras.ops.convert_to_numpy(each(tones)) for each in (model, loaded)]
    np.testing.assert_array_equal(*answers)


def test_probabilities_stay_exact_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output.dtype == "float32"
    assert model.get_layer("log_mel").output.dtype == "float32"
    assert model.get_layer("stem_conv").compute_dtype == "bfloat16"


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((None,), {}, "waveforms of one length"),
        ((2000, 1), {}, "waveforms of one length"),
        ((2000,), {"depth": 0}, "depth of at least 1"),
        ((2000,), {"filters": 0}, "filters of at least 1"),
        ((2000,), {"masking": 2.0}, "shares from 0 to 1"),
        ((2000,), {"mels": 0}, "a band at least"),
    ],
)
def test_what_it_cannot_take_is_refused(shape, options, message):
    with pytest.raises(UsageError, match=message):
        build("audio_cnn", shape, 3, **{**SMALL, **options})
