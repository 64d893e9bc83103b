"""Models that hear are explained as such: what they take, what each frame sees, and what it costs."""

import keras
import numpy as np
import pytest

from convscope.kinds.audio.layers.log_mel import LogMel
from convscope.kinds.registry import build
from convscope.scope import geometries, trace
from convscope.scope.describe.costs import multiply_adds
from convscope.scope.describe.explanation import explain
from convscope.scope.describe.input_readers import input_kind

pytestmark = pytest.mark.portable

RATE = 2000


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build("audio_cnn", (1000,), 3, rate=RATE, mels=8, depth=2, filters=4)


@pytest.fixture(scope="module")
def explained(model):
    return explain(model)


def test_the_input_is_known_for_a_recording(model):
    found = input_kind(trace(model))
    assert (found.noun, found.said) == ("recording", "recordings of 0.5 seconds at 2,000 Hz")
    any_length = keras.Input((None,))
    heard = keras.Model(any_length, LogMel(RATE)(any_length))
    assert input_kind(trace(heard)).said == "recordings of any length at 2,000 Hz"


def test_the_layers_that_hear_are_told_in_words(explained):
    told = {layer.path: layer.here for layer in explained.layers}
    assert told["log_mel"] == (
        "Frames of 25 ms every 10 ms, 8 mel bands from 20 to 1,000 Hz: 1,000 values become 50x8."
    )
    assert "2 time masks of up to 20% of the frames" in told["masking"]


@pytest.mark.parametrize("path", ["log_mel", "stem_conv", "block2_conv2"])
def test_receptive_fields_are_what_a_change_of_the_waveform_reaches(model, path):
    graph = trace(model)
    geometry = geometries(graph)[path]
    part = keras.Model(model.input, model.get_layer(path).output)
    given = np.random.default_rng(0).normal(0, 0.1, (1, 1000)).astype(np.float32)
    before = keras.ops.convert_to_numpy(part(given))
    frames = before.shape[1]
    for place in (0, 1, 333, 500, 999):
        changed = given.copy()
        changed[0, place] += 0.5
        moved = np.abs(keras.ops.convert_to_numpy(part(changed)) - before)[0]
        reached = moved.reshape(frames, -1).max(axis=1) > 1e-6
        for frame in range(frames):
            ((first, behind),) = geometry.window((frame, *(0,) * (before.ndim - 3)))
            assert not reached[frame] or first <= place < behind
    assert geometry.receptive_field[0] > 0


def test_a_frame_sees_its_window_and_frames_are_a_hop_apart(model):
    geometry = geometries(trace(model))["log_mel"]
    assert geometry.receptive_field == (50,)
    assert geometry.stride == (20.0,)
    assert geometry.window((0,)) == ((0, 35),)
    assert geometry.window((10,)) == ((185, 235),)


def test_the_front_end_costs_its_waves_and_its_bands(model):
    graph = trace(model)
    bins = 26
    assert multiply_adds(graph.by_path["log_mel"]) == 50 * bins * (2 * 50 + 8)
    assert multiply_adds(graph.by_path["masking"]) == 0


def test_receptive_fields_are_told_in_audio_samples_not_pixels(explained):
    said = " ".join([*explained.key_points, *(layer.text for layer in explained.layers)])
    assert "pixel" not in said
    assert "audio samples" in said
