"""Speech from recordings with transcripts to a finished run, and that run put to use."""

import io
import json
import shutil

import keras
import numpy as np
import pytest
import soundfile
from interrupting import assert_ended_cleanly, interrupted_follow
from reading_runs import CONTENT, assert_same_run, files_of, interrupted, leftovers, rows
from small_speech import RATE, SETTINGS, WORDS, drawn_text, spoken, write_asked, write_speech

import convscope
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.audio.readers.recordings import decode_recording
from convscope.kinds.audio.speech.representation import SpeechRepresentation
from convscope.kinds.audio.speech.stream import SpeechStream
from convscope.run import Run
from convscope.workflows.predict import Predictor

TEXTS = ("ab", "cab ba", "c ab ba", "ba c")


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A folder of recordings with a manifest."""
    return write_speech(tmp_path_factory.mktemp("speech") / "data")


@pytest.fixture(scope="module")
def said():
    """What is said while the run is trained."""
    return []


@pytest.fixture(scope="module")
def heard(speech, said, tmp_path_factory):
    """A finished run; to be read, not changed."""
    return convscope.train(speech, out=tmp_path_factory.mktemp("run") / "run", say=said.append, **SETTINGS)


@pytest.fixture
def asked(tmp_path):
    """Recordings of several rates and numbers of channels, by text."""
    return write_asked(tmp_path / "asked", TEXTS)


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A file with the words that there are."""
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("\n".join(WORDS).upper())
    return str(path)


def predicted(run, paths, **options):
    return convscope.predict(run.folder, [str(path) for path in paths], **options).rows


def test_it_is_recognized_and_learned_in_seconds(heard, said):
    record = heard.record()
    assert record["recipe"] == "speech-recognition"
    assert record["architecture"] == "separable_ctc"
    assert "recipe: speech-recognition, because manifest.jsonl names recordings with transcripts" in said
    assert f"rate: {RATE:,} samples per second, which all train recordings have" in said
    assert heard.metrics()["test"]["cer"] <= 0.15
    assert float(rows(heard)[-1]["loss"]) < 0.5 * float(rows(heard)[0]["loss"])
    assert files_of(heard) == CONTENT
    assert leftovers(heard.folder) == []
    assert "WER" in (heard.folder / "report.html").read_text("utf-8")


def test_evaluating_gives_the_figures_of_the_training(heard):
    assert convscope.evaluate(heard.folder).to_json() == heard.metrics()["test"]


def test_evaluating_other_recordings_judges_their_test_split(heard, tmp_path):
    judged = convscope.evaluate(heard.folder, write_speech(tmp_path / "other", seed=1, count=40)).to_json()
    assert judged["cer"] <= 0.2
    assert judged != heard.metrics()["test"]


def test_what_is_said_is_heard_at_any_rate_with_the_times_of_its_words(heard, asked):
    answers = predicted(heard, asked.values())
    assert [row.name for row in answers] == [str(path) for path in asked.values()]
    right = [row.text == text for row, text in zip(answers, asked, strict=True)]
    assert sum(right) >= len(right) - 1, [row.text for row in answers]
    for row in answers:
        assert row.text == " ".join(word.text for word in row.words)
        seconds = decode_recording(asked[TEXTS[answers.index(row)]]).seconds
        assert all(0 <= word.start < word.end <= seconds + 0.02 for word in row.words)
        assert all(0 < word.probability <= 1 for word in row.words)
        json.dumps(row.to_json())
        assert all(isinstance(value, str) for value in (row.to_row() | row.to_cells()).values())


def test_words_stand_where_they_were_said(heard, tmp_path):
    quiet = 0.001 * np.random.default_rng(0).standard_normal(RATE)
    parts = [spoken("cab ", 1), quiet, spoken("ba", 2)]
    soundfile.write(tmp_path / "a.wav", np.concatenate(parts), RATE)
    (row,) = predicted(heard, [tmp_path / "a.wav"], beam=1)
    assert len(row.words) == 2
    begin = (len(parts[0]) + len(quiet)) / RATE
    assert row.words[0].end < len(parts[0]) / RATE + 0.1
    assert row.words[-1].start > begin - 0.1


def test_an_answer_does_not_depend_on_the_other_recordings_of_the_call(heard, asked):
    for row in predicted(heard, asked.values()):
        (alone,) = predicted(heard, [row.name])
        assert alone.text == row.text
        assert alone.confidence == pytest.approx(row.confidence, abs=1e-4)


def test_only_listed_words_are_heard(heard, asked, listed):
    for row in predicted(heard, asked.values(), words=listed):
        assert {word.text for word in row.words} <= set(WORDS)


def test_a_list_of_words_lowers_the_errors_or_leaves_them(heard, speech, listed):
    found = [f"{i:02d}.wav" for i in range(40)]
    wrong = []
    for options in ({"beam": 1}, {"beam": 8, "words": listed}):
        answers = predicted(heard, [speech / name for name in found], **options)
        wrong.append(sum(row.text != drawn_text(i) for i, row in enumerate(answers)))
    assert wrong[1] <= wrong[0]


@pytest.mark.parametrize(
    ("options", "error"),
    [({"words": "nowhere.txt"}, DataError), ({"beam": 0}, UsageError), ({"flip": True}, UsageError)],
)
def test_options_that_cannot_work_are_told(heard, asked, options, error):
    with pytest.raises(error):
        predicted(heard, asked.values(), **options)


def test_words_with_other_characters_are_told(heard, asked, tmp_path):
    (tmp_path / "words.txt").write_text("ab\nxyz\n")
    with pytest.raises(UsageError, match="'xyz'"):
        predicted(heard, asked.values(), words=str(tmp_path / "words.txt"))
    (tmp_path / "words.txt").write_text("ab\n")
    with pytest.raises(UsageError, match="beam of 2"):
        predicted(heard, asked.values(), words=str(tmp_path / "words.txt"), beam=1)


def test_what_is_no_recording_is_told_and_the_others_are_answered(heard, asked, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    answers = convscope.predict(heard.folder, [*map(str, asked.values()), str(bad)])
    assert len(answers.rows) == len(TEXTS)
    assert answers.skipped[0].path == str(bad)


def test_sound_that_is_still_coming_has_the_words_of_the_whole(heard, tmp_path):
    waveform = np.concatenate([spoken(drawn_text(i), i) for i in range(6)])
    soundfile.write(tmp_path / "long.wav", waveform, RATE, subtype="PCM_16")
    (whole,) = predicted(heard, [tmp_path / "long.wav"])
    listener = SpeechStream(Predictor(Run(heard.folder)).fitted)
    assert listener.rate == RATE
    bare = soundfile.read(tmp_path / "long.wav", dtype="int16")[0].astype("<i2").tobytes()
    wav = (tmp_path / "long.wav").read_bytes()
    for stream in (io.BytesIO(bare), io.BytesIO(wav)):
        words = list(listener.listen(stream))
        assert [word.text for word in words] == [word.text for word in whole.words]
        np.testing.assert_allclose([word.start for word in words], [word.start for word in whole.words])
    pieces = np.split(np.frombuffer(bare, "<i2") / 32768, range(0, len(waveform), 333))
    assert [word.text for word in listener.listen(pieces)] == [word.text for word in whole.words]


def test_ctrl_c_ends_what_is_followed_with_whole_answers(heard):
    waveform = np.concatenate([spoken(drawn_text(i), i) for i in range(6)])
    content = np.rint(np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes()
    assert_ended_cleanly(interrupted_follow(heard.folder, content))


def test_answers_are_those_of_the_plain_model(heard, asked):
    model = keras.models.load_model(heard.model_path, safe_mode=True)
    representation = SpeechRepresentation.from_json(heard.representation())
    waveform = decode_recording(asked["ab"]).waveform[:, 0]
    shares = keras.ops.convert_to_numpy(model(waveform[None]))[0]
    ids = [label for i, label in enumerate(shares.argmax(1)) if i == 0 or label != shares.argmax(1)[i - 1]]
    (row,) = predicted(heard, [asked["ab"]], beam=1)
    assert row.text == "".join(representation.characters[label - 1] for label in ids if label).strip()


@pytest.mark.slow
def test_a_resumed_training_ends_with_the_same_weights_bit_for_bit(heard, speech, tmp_path):
    run = interrupted(speech, tmp_path / "run", SETTINGS, 1, 2)
    assert_same_run(convscope.train(resume=run.folder), heard)


def test_a_run_answers_wherever_it_is(heard, asked, tmp_path):
    moved = Run(shutil.copytree(heard.folder, tmp_path / "moved"))
    before, after = (predicted(run, asked.values()) for run in (heard, moved))
    assert [row.to_json() for row in before] == [row.to_json() for row in after]


def test_a_damaged_representation_is_told(heard, asked, tmp_path):
    moved = Run(shutil.copytree(heard.folder, tmp_path / "moved"))
    (moved.folder / "representation.json").write_text("{}")
    with pytest.raises((RunError, DataError), match="representation"):
        predicted(moved, asked.values())


def test_a_run_is_explained(heard, asked):
    explained = convscope.explain(heard.folder, data=[str(path) for path in asked.values()])
    assert {"log_mel", "stem_conv", "block1_1_conv", "scores"} <= {layer.path for layer in explained.layers}
    assert all(layer.here for layer in explained.layers)


@pytest.mark.parametrize(
    "method", ["maps", "position", "why", "statistics", "patches", "kernels", "occlusion"]
)
def test_every_way_to_look_gives_pictures_and_numbers(heard, asked, tmp_path, method):
    given = None if method == "kernels" else [str(asked["cab ba"])]
    seen = convscope.look(heard.folder, given, method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    assert all(path.stat().st_size > 0 for path in tmp_path.glob("seen*.png"))
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_features_do_not_depend_on_what_else_is_extracted(heard, asked, tmp_path):
    paths = [str(path) for path in asked.values()]
    soundfile.write(tmp_path / "long.wav", np.concatenate([spoken("cab ba", i) for i in range(4)]), RATE)
    few, more = (
        convscope.extract(heard.folder, given, out=tmp_path / f"{len(given)}.parquet", precision="float32")
        for given in (paths, [*paths, str(tmp_path / "long.wav")])
    )
    (layer,) = few.layers
    one, other = (np.asarray(features.matrix(layer)) for features in (few, more))
    assert len(other) == len(paths) + 1
    assert np.isfinite(other).all()
    np.testing.assert_allclose(one, other[: len(paths)], atol=1e-4)


@pytest.mark.usefixtures("tensorflow_only")
def test_a_run_is_exported_and_answers_the_same(heard, tmp_path):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    assert convscope.export(heard.folder, "onnx", tmp_path / "model.onnx").deviation < 1e-3
