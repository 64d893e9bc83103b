"""Sounds from a folder of recordings to a finished run, and that run put to use."""

import json
import shutil

import keras
import numpy as np
import pytest
import soundfile
from drawn import named
from reading_runs import CONTENT, assert_same_run, calibrated, files_of, interrupted, leftovers, rows
from small_sounds import LABELS, RATE, SETTINGS, made_sound, write_asked, write_sounds

import convscope
from convscope.errors import DataError
from convscope.kinds.audio.classification.representation import AudioRepresentation
from convscope.kinds.audio.readers.recordings import decode_recording
from convscope.run import Run


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """A folder of recordings per class."""
    return write_sounds(tmp_path_factory.mktemp("sounds") / "data")


@pytest.fixture(scope="module")
def said():
    """What is said while the run is trained."""
    return []


@pytest.fixture(scope="module")
def heard(sounds, said, tmp_path_factory):
    """A finished run; to be read, not changed."""
    return convscope.train(sounds, out=tmp_path_factory.mktemp("run") / "run", say=said.append, **SETTINGS)


@pytest.fixture
def asked(tmp_path):
    """Recordings of other rates and numbers of channels, by label."""
    return write_asked(tmp_path / "asked")


@pytest.mark.portable
def test_it_is_recognized_and_learned_in_seconds(heard, said):
    record = heard.record()
    assert record["recipe"] == "audio-classification"
    assert record["architecture"] == "audio_cnn"
    assert "recipe: audio-classification, because falling/00.wav is a recording" in said
    assert f"rate: {RATE:,} samples per second, which all train recordings have" in said
    assert heard.metrics()["test"]["accuracy"] >= 0.8
    assert float(rows(heard)[-1]["loss"]) < float(rows(heard)[0]["loss"])
    assert files_of(heard) == CONTENT
    assert leftovers(heard.folder) == []


def test_evaluating_gives_the_figures_of_the_training(heard):
    assert convscope.evaluate(heard.folder).to_json() == heard.metrics()["test"]


def test_evaluating_other_recordings_judges_their_test_split(heard, tmp_path):
    judged = convscope.evaluate(heard.folder, write_sounds(tmp_path / "other", seed=1)).to_json()
    assert judged["accuracy"] >= 0.7
    assert judged != heard.metrics()["test"]


def test_recordings_are_answered_in_the_order_asked_whatever_packs_them(heard, asked):
    paths = [str(path) for path in asked.values()]
    for order in (paths, paths[::-1]):
        answers = convscope.predict(heard.folder, order).rows
        assert [row.name for row in answers] == order
    assert {row.name: row.label for row in answers} == {str(path): label for label, path in asked.items()}
    for row in answers:
        assert sum(row.probabilities.values()) == pytest.approx(1, abs=1e-5)
        json.dumps(row.to_json())


def test_an_answer_does_not_depend_on_the_other_recordings_of_the_call(heard, asked):
    together = convscope.predict(heard.folder, [str(path) for path in asked.values()]).rows
    for row in together:
        (alone,) = convscope.predict(heard.folder, [row.name]).rows
        for label, probability in row.probabilities.items():
            assert alone.probabilities[label] == pytest.approx(probability, abs=1e-5)


@pytest.mark.portable
def test_answers_are_those_of_the_plain_model_on_waveforms(heard, asked):
    model = keras.models.load_model(heard.model_path, safe_mode=True)
    representation = AudioRepresentation.from_json(heard.representation())
    clips = np.stack([representation.to_clip(decode_recording(path)) for path in asked.values()])
    expected = calibrated(heard, keras.ops.convert_to_numpy(model(representation.to_inputs(clips))))
    found = convscope.predict(heard.folder, [str(path) for path in asked.values()]).rows
    np.testing.assert_allclose(
        [[row.probabilities[label] for label in LABELS] for row in found], expected, atol=1e-5
    )


def test_the_rate_of_a_recording_does_not_change_what_is_heard(heard, tmp_path):
    for label in LABELS[::2]:
        slow = made_sound(label, 99)
        places = np.arange(2 * len(slow)) / 2
        soundfile.write(tmp_path / "slow.wav", slow, RATE)
        soundfile.write(tmp_path / "fast.wav", np.interp(places, np.arange(len(slow)), slow), 2 * RATE)
        one, two = (
            convscope.predict(heard.folder, [str(tmp_path / f"{n}.wav")]).rows[0] for n in ("slow", "fast")
        )
        assert one.label == two.label == label


def test_what_is_no_recording_is_told_and_the_others_are_answered(heard, asked, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    answers = convscope.predict(heard.folder, [*map(str, asked.values()), str(bad)])
    assert len(answers.rows) == 3
    assert answers.skipped[0].path == str(bad)
    with pytest.raises(DataError, match=r"bad\.wav"):
        convscope.predict(heard.folder, [str(bad)])


def test_a_resumed_training_ends_with_the_same_weights_bit_for_bit(heard, sounds, tmp_path):
    run = interrupted(sounds, tmp_path / "run", SETTINGS, 1, 2)
    assert_same_run(convscope.train(resume=run.folder), heard)


def test_a_run_answers_wherever_it_is(heard, asked, tmp_path):
    moved = Run(shutil.copytree(heard.folder, tmp_path / "moved"))
    paths = [str(path) for path in asked.values()]
    before, after = (convscope.predict(run.folder, paths).rows for run in (heard, moved))
    assert [row.to_json() for row in before] == [row.to_json() for row in after]


def test_a_run_is_explained(heard, asked):
    explained = convscope.explain(heard.folder, data=[str(path) for path in asked.values()])
    assert {"log_mel", "stem_conv", "block2_conv2"} <= {layer.path for layer in explained.layers}
    assert all(layer.here for layer in explained.layers)


@pytest.mark.parametrize(
    "method", ["maps", "position", "why", "statistics", "patches", "kernels", "occlusion"]
)
def test_every_way_to_look_gives_pictures_and_numbers(heard, asked, tmp_path, method):
    given = None if method == "kernels" else [str(asked["rising"])]
    seen = convscope.look(heard.folder, given, method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    assert all(path.stat().st_size > 0 for path in tmp_path.glob("seen*.png"))
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_the_padding_of_a_short_recording_excites_nothing(heard, tmp_path):
    path = tmp_path / "short.wav"
    soundfile.write(path, made_sound("rising", seed=4)[: RATE // 8], RATE)
    samples = heard.representation()["samples"]
    before = (samples - RATE // 8) // 2
    assert before > RATE // 16
    layer = "stem_conv"
    found = convscope.look(heard.folder, [str(path)], method="patches", layers=[layer]).arrays
    windows = found[f"{layer}/windows"][:, 0, 0]
    assert (windows[:, 0] >= before).all()
    assert (windows[:, 1] <= samples - before + 1).all()


def test_features_are_a_row_for_each_recording_and_those_alike_are_near(heard, sounds, tmp_path):
    features = convscope.extract(
        heard.folder, [str(sounds)], out=tmp_path / "all.parquet", precision="float32"
    )
    assert len(features) == 3 * 24
    path = write_asked(tmp_path / "asked", seed=11)["noisy"]
    near = convscope.neighbors(features, [str(path)], count=5)
    (found,) = near.found
    assert sum(each.label == "noisy" for each in found) >= 3
    assert len(named(near.draw(), "spectrogram")) == 6


@pytest.mark.usefixtures("tensorflow_only")
@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_the_front_end_is_exported_with_the_model(heard, tmp_path, form):
    pytest.importorskip({"onnx": "onnxruntime", "openvino": "openvino"}[form])
    out = tmp_path / ("model.onnx" if form == "onnx" else "model.xml")
    assert convscope.export(heard.folder, form, out).deviation < 1e-4
