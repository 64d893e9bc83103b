"""Rate and characters from the train split, transcripts in one spelling, lists of words, random changes."""

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from convscope.data.splits import Split
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.audio.augmentation import SpeechAugmentation
from convscope.kinds.audio.readers.recordings import Recordings
from convscope.kinds.audio.readers.transcripts import read_words, spelled
from convscope.kinds.audio.speech.representation import SpeechRepresentation


def split_of(folder, transcripts, seconds=0.5, rate=8000):
    folder.mkdir(exist_ok=True)
    for i in range(len(transcripts)):
        waveform = np.random.default_rng(i).uniform(-0.1, 0.1, round(seconds * rate))
        soundfile.write(folder / f"{i}.wav", waveform, rate)
    count = len(transcripts)
    names = [f"{i}.wav" for i in range(count)]
    source = Recordings(str(folder), names, (), [seconds] * count, [rate] * count)
    labels = np.empty(count, object)
    labels[:] = transcripts
    return Split(source, labels)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Two\tWORDS.\n", "two words"),
        ("it's 'quoted', rock 'n' roll", "it's quoted rock n roll"),
        ("Don\u2019t", "don't"),
        ("well-known 3.14", "well known 3 14"),
        ("A\u0308ra", "\u00e4ra"),
        ("\u0928\u092e\u0938\u094d\u0924\u0947!", "\u0928\u092e\u0938\u094d\u0924\u0947"),
        ("\u4f60\u597d\u3002", "\u4f60\u597d"),
        ("?!", ""),
    ],
)
def test_transcripts_are_spelled_in_one_way(text, expected):
    assert spelled(text) == expected


@given(text=st.text(max_size=40))
def test_what_is_spelled_so_stays_so(text):
    once = spelled(text)
    assert spelled(once) == once
    assert once == " ".join(once.split())


def test_rate_and_characters_are_those_of_train(tmp_path):
    made, said = SpeechRepresentation.fit(split_of(tmp_path, ["Ba, ca", "abba"]))
    assert (made.rate, made.characters) == (8000, (" ", "a", "b", "c"))
    assert made.classes == 5
    assert made.ids("Cab a") == [4, 2, 3, 1, 2]
    assert any("in lower case" in line for line in said)
    assert any("4 of train" in line for line in said)


def test_characters_that_train_does_not_have_are_left_out_of_targets(tmp_path):
    made, _ = SpeechRepresentation.fit(split_of(tmp_path, ["ab"]))
    assert made.ids("xaxb?") == [1, 2]
    assert made.targets(["ab", "x"]).take(np.arange(2))[:, :3].tolist() == [[1, 2, 0], [0, 0, 0]]


def test_recordings_too_short_for_their_transcripts_are_told(tmp_path):
    fits, short = "a" * 13, "ab" * 20
    _, said = SpeechRepresentation.fit(split_of(tmp_path, [fits, short], seconds=0.5))
    assert any(line.startswith("left out of the loss: 1 train recordings") for line in said)


def test_a_rate_can_be_asked_for_and_is_resampled_to(tmp_path):
    split = split_of(tmp_path, ["a", "b"], rate=16000)
    made, said = SpeechRepresentation.fit(split, rate=4000)
    assert "rate: 4,000, as given" in said
    rows = made.encode(split.samples)
    assert rows.lengths.tolist() == [2000, 2000]
    assert made.encode(split.samples, limit_bytes=0).lengths.tolist() == [2000, 2000]


def test_nothing_to_learn_from_is_refused(tmp_path):
    with pytest.raises(UsageError, match="characters"):
        SpeechRepresentation.fit(split_of(tmp_path, ["?", "!"]))
    with pytest.raises(UsageError, match="recording"):
        SpeechRepresentation.fit(split_of(tmp_path, []))
    with pytest.raises(UsageError, match="samples per second"):
        SpeechRepresentation.fit(split_of(tmp_path, ["a"]), rate=10)


def test_it_is_read_as_it_was_written():
    made = SpeechRepresentation(8000, (" ", "a"))
    assert SpeechRepresentation.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "text"},
        {"version": 2},
        {"rate": "x"},
        {"rate": 5},
        {"characters": []},
        {"characters": [1]},
        {"characters": ["ab"]},
        {"characters": ["a", "a"]},
    ],
)
def test_what_is_damaged_is_told(change):
    plain = {**SpeechRepresentation(8000, ("a",)).to_json(), **change}
    with pytest.raises(RunError, match="speech representation"):
        SpeechRepresentation.from_json(plain)


def test_words_are_read_with_their_weights(tmp_path):
    (tmp_path / "words.txt").write_text("One\ntwo\t1.5\nwell-known\n\n", "utf-8")
    assert read_words(tmp_path / "words.txt") == {"one": 0.0, "two": 1.5, "well": 0.0, "known": 0.0}


@pytest.mark.parametrize(
    ("content", "reason"), [("one\tmuch\n", "line 1"), ("\n?\n", "none"), (None, "no such")]
)
def test_what_is_no_list_of_words_is_told(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "words.txt").write_text(content)
    with pytest.raises(DataError, match=reason):
        read_words(tmp_path / "words.txt")


@given(data=st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_words_or_a_data_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(data)
    try:
        found = read_words(path)
    except DataError:
        return
    assert all(spelled(word) == word and word for word in found)


def test_random_changes_follow_from_the_generator_and_stay_in_bounds():
    waves = [
        np.random.default_rng(i).integers(-30000, 30000, n).astype(np.int16)
        for i, n in enumerate((900, 0, 5))
    ]
    change = SpeechAugmentation().scaled(1.0)
    one, other = (change(waves, np.random.default_rng(0)) for _ in range(2))
    for before, a, b in zip(waves, one, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.int16
        assert len(before) / 1.12 - 1 <= len(a) <= len(before) * 1.12 + 1
        assert np.abs(a.astype(int)).max(initial=0) <= 32767
    assert not np.array_equal(one[0][:500], waves[0][:500])
    assert SpeechAugmentation().scaled(0) is None


def test_another_speed_moves_pitches():
    tone = (10_000 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)).astype(np.int16)
    change = SpeechAugmentation(speed=0.2, gain=0.0, noise=0.0)
    pitches = set()
    for seed in range(5):
        (moved,) = change([tone], np.random.default_rng(seed))
        spectrum = np.abs(np.fft.rfft(moved * np.hanning(len(moved))))
        pitch = spectrum.argmax() * 8000 / len(moved)
        assert pitch * len(moved) == pytest.approx(500 * 8000, rel=0.01)
        pitches.add(round(pitch))
    assert len(pitches) == 5
