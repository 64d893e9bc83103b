"""Looking at models of series and of sound: every way to look, with true times, and the numbers behind it."""

import json

import keras
import numpy as np
import pytest
from drawn import named, texts
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.audio.layers.log_mel import LogMel
from convscope.kinds.audio.speech.models import separable_ctc
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import find_theme
from convscope.lenses.views.timeline.view import TimelineView
from convscope.scope.attribution.methods import attribute
from convscope.scope.describe.input_readers import input_kind
from convscope.scope.graph.graph import trace
from convscope.types import Axis
from convscope.workflows.inspect.context import InspectionRequest
from convscope.workflows.inspect.front_end import front_end_of, spectrograms_of
from convscope.workflows.inspect.inspect import inspect_model
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

RATE, LENGTH = 4000, 1600
NAMES = ("monday.csv", "tuesday.csv")
START = np.datetime64("2014-04-01", "ns")
METHODS = ("maps", "position", "why", "statistics", "patches")


def series_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((120, 2), name="series")
    x = layers.Conv1D(6, 7, padding="same", activation="relu", name="look")(inputs)
    x = layers.GlobalAveragePooling1D(name="mean")(layers.MaxPooling1D(2, name="pool")(x))
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="classes")(x), name="series")


def sound_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((LENGTH,), name="waveform")
    x = LogMel(RATE, mels=12, name="hear")(inputs)
    x = layers.Reshape((*x.shape[1:], 1), name="picture")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="look")(x)
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="again")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="classes")(x), name="sounds")


def given_series():
    x = np.random.default_rng(0).normal(0, 1, (2, 120, 2)).astype(np.float32)
    times = START + np.arange(120) * np.timedelta64(1, "h")
    axis = Axis(times, variables=("heat", "load"))
    return ModelInputs(NAMES, lambda indices: x[indices], view=lambda i, values: TimelineView(values, axis))


def waves():
    return np.random.default_rng(0).normal(0, 0.1, (2, LENGTH)).astype(np.float32)


def given_sound():
    x = waves()
    axis = Axis(np.arange(LENGTH) / RATE, "s", filled=(0, 100))
    return ModelInputs(NAMES, lambda indices: x[indices], view=lambda i, values: TimelineView(values, axis))


def seen(model, given, method, **wishes):
    opened = LoadedModel(model, model.name, "a test", ("calm", "alarm"))
    return inspect_model(opened, given, InspectionRequest(method=method, channels=4, **wishes))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["series", "sound"])
def test_every_way_to_look_draws_what_lies_in_time(kind, method, tmp_path):
    model, given = (series_model(), given_series()) if kind == "series" else (sound_model(), given_sound())
    found = seen(model, given, method, layers=() if method == "why" else ("look",))
    said = [text for figure in found.figures("dark")[:1] for text in texts(figure)]
    wanted = {"series": "2014 UTC", "sound": "seconds"}[kind]
    if method == "patches":
        wanted = {"series": "2014-04-", "sound": " s"}[kind]
    assert method == "statistics" or any(wanted in text for text in said)
    assert found.save(tmp_path / "seen.npz")
    json.dumps(dict(found.about))


def test_what_is_shown_of_a_recording_is_what_its_model_hears():
    model, x = sound_model(), waves()
    graph = trace(model, x)
    heard = spectrograms_of(model, graph, x)
    ear = keras.Model(model.input, model.get_layer("hear").output)
    np.testing.assert_allclose([each.values for each in heard], ear.predict_on_batch(x), atol=1e-4)
    path, layer = front_end_of(graph)
    assert path == "hear"
    assert heard[0].centers[10] == pytest.approx(10.5 * layer.strides[0], abs=1)
    bands = layer.frequencies
    assert (np.diff(bands) > 0).all()
    assert bands[0] > 20
    assert bands[-1] < RATE / 2


def test_a_model_that_does_not_hear_shows_no_spectrogram():
    model = series_model()
    assert spectrograms_of(model, trace(model), np.zeros((1, 120, 2))) is None
    figure = seen(model, given_series(), "maps").figures()[0]
    assert named(figure, "spectrogram") == []


def test_a_model_that_leaves_silence_out_still_takes_recordings():
    model = separable_ctc((LENGTH,), 5, rate=RATE, width=8, depth=1, kernel_sizes=(3,))
    assert input_kind(trace(model)).noun == input_kind(trace(sound_model())).noun
    said = " ".join(texts(seen(model, given_sound(), "maps", layers=("stem_conv",)).figures()[0]))
    assert "token" not in said


def test_recordings_given_as_arrays_have_the_seconds_of_the_layer_that_hears():
    x = waves()
    figure = seen(
        sound_model(), ModelInputs(NAMES, lambda indices: x[indices]), "maps", layers=("look",)
    ).figures()[0]
    assert "seconds" in texts(figure)
    assert len(named(figure, "spectrogram hear")) == 1


def test_a_tone_is_seen_at_its_own_frequency_and_time():
    wave = np.zeros((1, LENGTH), np.float32)
    wave[0, 800:1200] = np.sin(2 * np.pi * 700 * np.arange(400) / RATE)
    model = sound_model()
    (heard,) = spectrograms_of(model, trace(model, wave), wave)
    frame, band = np.unravel_index(heard.values.argmax(), heard.values.shape)
    assert 800 <= heard.centers[frame] <= 1200
    assert np.abs(heard.frequencies - 700).argmin() == band


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam", "score-cam"])
def test_class_activation_of_a_waveform_lies_over_frames_and_bands(method):
    found = attribute(sound_model(), waves(), method)
    assert [each.path for each in found] == ["again", "again"]
    for each in found:
        assert each.values.shape == (LENGTH,)
        assert each.parts.shape == (40, 12)
        assert (each.parts >= 0).all()


@pytest.mark.parametrize("method", ["integrated-gradients", "saliency"])
def test_gradients_at_what_is_heard_lie_over_frames_and_bands(method):
    found = seen(sound_model(), given_sound(), method)
    assert any(f"{method} at hear" in note for note in found.notes)
    each = attribute(sound_model(), waves(), method, layer="hear")[0]
    assert each.parts.shape == (40, 12)
    if method == "integrated-gradients":
        assert each.parts.sum() == pytest.approx(each.details["difference"], abs=1e-3)


def test_parts_of_variables_add_up_to_the_attribution():
    model, x = series_model(), given_series().first(2)
    for each in attribute(model, x, "integrated-gradients"):
        np.testing.assert_allclose(each.parts.sum(-1), each.values, atol=1e-6)
    for each in attribute(model, x, "saliency"):
        np.testing.assert_allclose(each.parts.max(-1), each.values, atol=1e-6)
    assert attribute(model, x, "grad-cam")[0].parts is None
    assert attribute(model, x, "occlusion")[0].parts is None


def test_frequencies_of_kernels_are_in_hertz_where_the_model_knows_its_rate():
    inputs = keras.Input((LENGTH,))
    x = LogMel(RATE, mels=8, name="hear")(inputs)
    x = layers.Conv1D(4, 5, name="look")(x)
    model = keras.Model(inputs, layers.GlobalMaxPooling1D()(x), name="sounds")
    said = texts(seen(model, None, "kernels", layers=("look",)).figures()[0])
    assert any("in Hz" in text for text in said)
    assert {"20", "40"} <= set(said)  # frames come a hundred times a second
    said = texts(seen(series_model(), None, "kernels", layers=("look",)).figures()[0])
    assert any("in cycles per step" in text for text in said)


def test_answers_are_drawn_by_the_task_of_a_run_alone():
    def answers(labels, progress):
        return [LazyFigure(lambda theme: Sheet(find_theme(theme)).finish(60), "the answer")]

    x = given_series()
    told = ModelInputs(NAMES, x.take, view=x.view, predictions=answers)
    assert [picture.label for picture in seen(series_model(), told, "answers").pictures] == ["the answer"]
    with pytest.raises(UsageError, match="predictions of 'series' cannot be plotted"):
        seen(series_model(), given_series(), "answers")
