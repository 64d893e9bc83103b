"""Recordings heard as a whole, in windows and as they come: the same frames and the same words."""

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.audio.readers.sound_rows import as_inputs, stacked
from convscope.kinds.audio.speech.transcription import Transcriber, Window
from convscope.kinds.registry import build

RATE, UNIT = 2000, 40
SEED = 4
CHARACTERS = (" ", "a", "b", "c")


class Waves:
    """Waveforms in memory."""

    def __init__(self, waves):
        self.waves = waves

    def __len__(self):
        return len(self.waves)

    @property
    def lengths(self):
        return np.array([len(wave) for wave in self.waves], np.int64)

    def take(self, indices):
        return stacked([self.waves[i] for i in indices], RATE)

    def pieces(self, index):
        yield from np.split(self.waves[index], range(700, len(self.waves[index]), 700))


@pytest.fixture(scope="module")
def model():
    """Random weights, made so sharp that words come and go."""
    options = {"rate": RATE, "mels": 8, "kernel_sizes": (3, 5), "depth": 1, "width": 8}
    made = build("separable_ctc", (None,), 1 + len(CHARACTERS), **options)
    rng = np.random.default_rng(SEED)
    for weight in made.weights:
        if "kernel" in weight.path:
            size = 10.0 if "scores" in weight.path else 1.0
            weight.assign(size * rng.normal(0, 1 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape))
    return made


@pytest.fixture(scope="module")
def long_wave():
    """Noise whose loudness changes, with a stretch of digital silence in it, shape (samples,), int16."""
    rng = np.random.default_rng(0)
    loud = np.repeat(rng.uniform(10, 8000, 60), 250)
    wave = np.rint(loud * rng.standard_normal(len(loud))).clip(-32767, 32767).astype(np.int16)
    wave[4000:6500] = 0
    return wave[:-13]


def whole(model, wave):
    return np.asarray(model.predict_on_batch(as_inputs(wave)[None]))[0]


def test_a_window_is_what_a_frame_depends_on(model, long_wave):
    window = Window.of(model)
    assert window.unit == UNIT
    before = whole(model, long_wave)
    frame = 150
    for edge, change in ((-window.before - 1, False), (window.behind + 1, False), (0, True)):
        changed = long_wave.copy()
        changed[frame * UNIT + edge] = 30_000
        moved = np.abs(whole(model, changed)[frame] - before[frame]).max() > 0
        assert moved == change


@pytest.mark.parametrize("step", [0.02, 0.5, 3.0, 100.0])
@pytest.mark.parametrize("size", [37, 5000, 10**6])
def test_windows_give_the_frames_of_the_whole(model, long_wave, step, size):
    if step == 0.02 and size != 5000:
        pytest.skip("a window for each frame takes long, and is looked at once")
    wave = long_wave[:5003] if step == 0.02 else long_wave
    hear = Transcriber(model, RATE, CHARACTERS)
    pieces = np.split(wave, range(size, len(wave), size))
    found = np.concatenate(list(hear.frames(pieces, step)))
    np.testing.assert_allclose(found, whole(model, wave), atol=1e-5)


@pytest.mark.parametrize("samples", [0, 1, 39, 40, 41, 799])
def test_so_do_the_shortest_recordings(model, long_wave, samples):
    wave = long_wave[:samples]
    parts = list(Transcriber(model, RATE, CHARACTERS).frames([wave], 1.0))
    found = np.concatenate([np.zeros((0, 5), np.float32), *parts])
    expected = whole(model, wave) if samples else found
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("beam", [1, 8])
def test_a_long_recording_has_the_words_of_the_whole(model, long_wave, beam):
    hear = Transcriber(model, RATE, CHARACTERS, beam)
    rows = Waves([long_wave[:2000], long_wave, long_wave[500:900]])
    at_once = hear(rows, longest=1000.0)
    in_parts = hear(rows, longest=1.0, step=1.0)
    assert len(at_once[1].words) > 5
    for one, other in zip(at_once, in_parts, strict=True):
        assert one.text == other.text
        assert [(w.start, w.end) for w in one.words] == [(w.start, w.end) for w in other.words]
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
    listened = list(hear.stream(rows.pieces(1)))
    assert [w.text for w in listened] == [w.text for w in at_once[1].words]


def test_a_transcript_does_not_depend_on_what_else_is_heard(model, long_wave):
    hear = Transcriber(model, RATE, CHARACTERS)
    waves = [long_wave[a : a + n] for a, n in ((0, 3000), (700, 811), (5000, 9000), (0, 0))]
    together = hear(Waves(waves))
    for wave, transcript in zip(waves, together, strict=True):
        (alone,) = hear(Waves([wave]))
        assert alone.text == transcript.text
        assert alone.confidence == pytest.approx(transcript.confidence, abs=1e-4)


def test_words_have_seconds_and_are_in_order(model, long_wave):
    (heard,) = Transcriber(model, RATE, CHARACTERS)(Waves([long_wave]))
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= -(-len(long_wave) // UNIT) * UNIT / RATE
    assert heard.confidence == min(word.probability for word in heard.words)


def test_words_are_given_while_sound_still_comes(model, long_wave):
    hear = Transcriber(model, RATE, CHARACTERS, beam=1)
    heard = 0

    def pieces():
        nonlocal heard
        for piece in np.split(long_wave, range(100, len(long_wave), 100)):
            heard += len(piece)
            yield piece

    window = Window.of(model)
    late = [heard / RATE - word.end for word in hear.stream(pieces())]
    assert min(late) < (window.behind + UNIT) / RATE + 1.0
    assert sum(moment < 3.0 for moment in late) > len(late) / 2


def test_nothing_is_heard_in_nothing(model):
    (heard,) = Transcriber(model, RATE, CHARACTERS)(Waves([np.zeros(0, np.int16)]))
    assert heard.text == ""
    assert heard.confidence == 1.0


def test_a_model_whose_frames_see_everything_is_refused():
    waveform = keras.Input((None,))
    x = keras.layers.Reshape((-1, 1))(waveform)
    x = keras.layers.LSTM(3, return_sequences=True)(x)
    with pytest.raises(UsageError, match="in parts"):
        Transcriber(keras.Model(waveform, keras.layers.Softmax()(x)), RATE, CHARACTERS)
