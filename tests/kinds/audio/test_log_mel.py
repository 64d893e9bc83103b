"""Log-mel energies are those of a textbook's Fourier transform, on every backend and in every precision."""

import keras
import numpy as np
import pytest
import scipy.signal

from convscope.engine.inference.infer import predict_batches
from convscope.errors import UsageError
from convscope.kinds.audio.layers.log_mel import LogMel, hertz, mel, mel_bands

pytestmark = pytest.mark.portable

RATE = 8000


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """A sliding tone in soft noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 1e-3, len(time))
    return (0.4 * np.sin(2 * np.pi * (300 + 900 * time) * time) + noise).astype(np.float32)


def referred(waveform: np.ndarray, mels: int = 40, floor: float = 1e-8) -> np.ndarray:
    """The same by SciPy's transform of each frame and by triangles that are summed over fine steps."""
    length, step = 200, 80
    before = (length - step) // 2
    padded = np.concatenate([np.zeros(before), waveform.astype(np.float64), np.zeros(length)])
    frames = -(-len(waveform) // step)
    cut = np.stack([padded[t * step : t * step + length] for t in range(frames)])
    window = scipy.signal.get_window("hann", length)
    power = np.abs(np.fft.rfft(cut * window)) ** 2 / np.sum(window**2)
    corners = 700 * (10 ** (np.linspace(mel(20.0), mel(4000.0), mels + 2) / 2595) - 1)
    fine = np.arange(-0.5, power.shape[1] - 0.5, 1e-3) + 5e-4
    tents = np.stack([np.interp(fine * 40.0, corners[m : m + 3], [0, 1, 0]) for m in range(mels)], axis=1)
    weights = tents.reshape(power.shape[1], -1, mels).mean(axis=1)
    return np.log(power @ weights + floor)


def heard(waveforms: np.ndarray, **options: object) -> np.ndarray:
    layer = LogMel(RATE, mels=40, **options)
    return keras.ops.convert_to_numpy(layer(waveforms))


@pytest.mark.parametrize("seconds", [0.5, 0.333, 0.011, 1 / RATE])
def test_the_energies_are_those_of_scipy(seconds):
    waveform = voice(seconds)
    np.testing.assert_allclose(heard(waveform[None])[0], referred(waveform), atol=2e-3)


def test_only_a_floor_is_heard_in_silence():
    np.testing.assert_allclose(heard(np.zeros((1, 800)), floor=1e-5), np.log(1e-5), rtol=1e-6)


def test_zeros_behind_the_end_change_no_frame_of_the_waveform():
    waveform = voice(0.2501)
    padded = np.concatenate([waveform, np.zeros(1111, np.float32)])
    alone = heard(waveform[None])
    np.testing.assert_array_equal(heard(padded[None])[:, : alone.shape[1]], alone)


def test_a_tone_is_loudest_in_its_band_and_at_its_time():
    waveform = np.zeros(RATE, np.float32)
    waveform[4000:4800] = np.sin(2 * np.pi * 1000 * np.arange(800) / RATE)
    energies = heard(waveform[None])[0]
    frame, band = np.unravel_index(energies.argmax(), energies.shape)
    corners = hertz(np.linspace(mel(20.0), mel(4000.0), 42))
    assert 50 <= frame < 60
    assert corners[band] < 1000 < corners[band + 2]


def test_white_noise_has_the_energy_of_its_variance():
    noise = np.random.default_rng(0).normal(0, 0.1, (8, RATE)).astype(np.float32)
    energies = np.exp(heard(noise)[:, 2:-2].astype(np.float64)).mean(axis=(0, 1))
    widths = mel_bands(101, 40.0, 40, 20.0, 4000.0).sum(axis=0)
    np.testing.assert_allclose((energies / widths)[2:-2], 0.01, rtol=0.1)


def test_no_band_is_empty_however_narrow():
    bands = mel_bands(101, 40.0, 128, 0.0, 4000.0)
    assert (bands.sum(axis=0) > 0).all()
    assert bands.max() <= 1 and bands.min() >= 0


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_precision_of_a_model_does_not_reach_it(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        waveforms = keras.Input((None,), name="waveform")
        model = keras.Model(waveforms, LogMel(RATE, mels=40, name="hears")(waveforms))
    finally:
        keras.config.set_dtype_policy("float32")
    given = np.stack([voice(0.3, seed) for seed in range(2)])
    found = keras.ops.convert_to_numpy(model(given))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, heard(given), atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(loaded(given)), found)
    assert loaded.get_layer("hears").count_params() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0.005}, "no shorter"),
        ({"hop": 0.0}, "hop"),
        ({"high": 5000.0}, "4000 Hz at most"),
        ({"low": -1.0}, "bands that rise"),
        ({"floor": 0.0}, "floor above 0"),
        ({"mels": 0}, "a band at least"),
    ],
)
def test_impossible_times_and_frequencies_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        LogMel(RATE, **options)


def test_only_waveforms_are_taken():
    with pytest.raises(UsageError, match=r"\(batch, samples\)"):
        LogMel(RATE)(np.zeros((1, 100, 2), np.float32))


@pytest.mark.parametrize("seconds", [0.5, 5.2, 0.011, 1 / RATE])
def test_fourier_transforms_on_the_processor_are_those_of_scipy(seconds):
    waveforms = np.stack([voice(seconds, seed) for seed in range(3)])
    layer = LogMel(RATE, mels=40)
    layer.build(waveforms.shape)
    found = layer.on_processor(waveforms)
    assert found.shape == tuple(layer.compute_output_shape(waveforms.shape))
    np.testing.assert_allclose(found, [referred(each) for each in waveforms], atol=1e-3)


def test_predictions_take_the_faster_way_and_the_layer_stays_what_it_is(backend):
    waveforms = np.stack([voice(0.5, seed) for seed in range(4)])
    inputs = keras.Input((len(waveforms[0]),))
    layer = LogMel(RATE, mels=40)
    model = keras.Model(inputs, layer(inputs))
    asked = []
    energies = layer._energies

    def counted(values):
        asked.append(len(values))
        return energies(values)

    layer._energies = counted
    found = np.concatenate([each for (each,) in predict_batches(model, [waveforms, waveforms])])
    assert asked == ([] if backend == "jax" else [4, 4])
    asked.clear()
    np.testing.assert_allclose(found[4:], heard(waveforms), atol=2e-3)
    np.testing.assert_array_equal(found[:4], found[4:])
    assert "call" not in vars(layer) and not asked
