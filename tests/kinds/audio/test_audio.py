"""Recordings are read from every layout, and what is wrong with any of them is said."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from made_sounds import manifest, sound, sound_folders, tone

from convscope.errors import DataError, UsageError
from convscope.kinds.audio.readers.reader import read_recordings
from convscope.kinds.audio.readers.recordings import Excerpt
from convscope.types import SPLITS


def counted(splits):
    return {name: len(splits[name]) for name in ("train", "validation", "test")}


def reasons(splits):
    return {one.path.rpartition("/")[2]: one.reason for one in splits.skipped}


def test_a_folder_for_each_class_is_divided_with_the_seed(tmp_path):
    sound_folders(tmp_path, {"low": 10, "high": 10})
    splits = read_recordings(tmp_path)
    assert splits.class_names == ("high", "low")
    assert counted(splits) == {"train": 16, "validation": 2, "test": 2}
    assert splits.train.samples.seconds[0] == 0.25
    assert set(splits.train.samples.rates) == {8000}
    again = read_recordings(tmp_path)
    assert splits.test.names() == again.test.names()
    assert splits.fingerprint == again.fingerprint


def test_folders_of_splits_are_kept(tmp_path):
    sound_folders(tmp_path, {"a": 3, "b": 2}, ("train", "dev", "test"))
    splits = read_recordings(tmp_path)
    assert counted(splits) == {"train": 5, "validation": 5, "test": 5}
    assert all("/dev/" in name for name in splits.validation.names())


@pytest.mark.parametrize(
    ("ending", "subtype"),
    [("wav", "PCM_U8"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", None), ("ogg", None), ("mp3", None)],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_packing_is_decoded(tmp_path, ending, subtype, channels):
    values = np.stack([tone(440, 0.5, 16000)] * channels, axis=1)
    for name in ("a/1", "a/2", "b/1", "b/2"):
        sound(tmp_path / f"{name}.{ending}", values, 16000, subtype)
    splits = read_recordings(tmp_path)
    recording = splits.train.samples.load(0)
    assert recording.rate == 16000
    assert recording.waveform.shape == (8000, channels)
    spectrum = np.abs(np.fft.rfft(recording.waveform[:, 0]))
    assert spectrum.argmax() == 220


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_a_table_names_recordings_with_labels_and_splits(tmp_path, kind):
    rows = []
    for number in range(12):
        sound(tmp_path / "sounds" / f"{number}.wav", seed=number)
        split = "train" if number < 8 else "valid" if number < 10 else "test"
        rows.append({"audio_filepath": f"sounds/{number}.wav", "label": "ab"[number % 2], "split": split})
    path = tmp_path / f"all.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind.startswith("json"):
        manifest(path, rows)
    else:
        mark = "," if kind == "csv" else "\t"
        lines = [mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]
        path.write_text("\n".join(lines))
    for place in (path, tmp_path):
        splits = read_recordings(place)
        assert counted(splits) == {"train": 8, "validation": 2, "test": 2}
        assert splits.class_names == ("a", "b")


def test_manifests_of_nemo_are_one_for_each_split_and_name_whole_paths_and_parts(tmp_path):
    sound(tmp_path / "long.wav", tone(seconds=4, seed=5))
    row = {"audio_filepath": str(tmp_path / "long.wav"), "duration": 0.5}
    train = [{**row, "text": f"word {i}", "offset": i / 2} for i in range(6)]
    manifest(tmp_path / "train_manifest.json", train)
    manifest(tmp_path / "val_manifest.json", [{**row, "text": "six", "offset": 3.0}])
    manifest(tmp_path / "test_manifest.json", [{**row, "text": "seven", "offset": 3.55}])
    splits = read_recordings(tmp_path, "transcript")
    assert counted(splits) == {"train": 6, "validation": 1, "test": 1}
    assert splits.train.labels.tolist() == [f"word {i}" for i in range(6)]
    assert splits.class_names == ()
    samples = splits.train.samples
    assert samples.part(1) == Excerpt(0.5, 0.5)
    whole = tone(seconds=4, seed=5)
    np.testing.assert_allclose(samples.load(1).waveform[:, 0], whole[4000:8000], atol=1e-4)
    assert splits.test.samples.load(0).seconds == pytest.approx(0.45)


def test_a_duration_without_an_offset_is_that_of_the_file(tmp_path):
    rows = [{"audio_filepath": f"{i}.wav", "duration": 99.0, "text": "yes"} for i in range(9)]
    for i in range(9):
        sound(tmp_path / f"{i}.wav", seed=i)
    splits = read_recordings(manifest(tmp_path / "m.jsonl", rows), "transcript", seed=3)
    assert counted(splits) == {"train": 7, "validation": 1, "test": 1}
    assert any("drawn with seed 3" in line for line in splits.decisions)


def test_librispeech_is_read_as_it_is(tmp_path):
    for split, speaker in (("train-clean-100", 19), ("dev-clean", 84), ("test-clean", 61)):
        folder = tmp_path / split / str(speaker) / "70"
        names = [f"{speaker}-70-{i:04d}" for i in range(3)]
        for i, name in enumerate(names):
            sound(folder / f"{name}.flac", seed=speaker + i)
        lines = [f"{name} HELLO {i}" for i, name in enumerate([*names, "none"])]
        (folder / f"{speaker}-70.trans.txt").write_text("\n".join(lines))
    splits = read_recordings(tmp_path, "transcript")
    assert counted(splits) == {"train": 3, "validation": 3, "test": 3}
    assert splits.test.labels.tolist() == ["HELLO 0", "HELLO 1", "HELLO 2"]
    assert all("61-70" in name for name in splits.test.names())
    assert len(splits.skipped) == 3
    assert "there is no recording none" in splits.skipped[0].reason


def test_a_pattern_finds_labels_and_splits_in_names(tmp_path):
    for label in "ab":
        for i in range(4):
            sound(tmp_path / f"{label}_{i}_{'test' if i == 3 else 'train'}.wav", seed=hash(label) % 99 + i)
    sound(tmp_path / "other.wav")
    splits = read_recordings(tmp_path, label_pattern=r"^(?P<label>[a-z])_\d_(?P<split>\w+)\.")
    assert splits.class_names == ("a", "b")
    assert len(splits.test) == 2
    assert "no label" in reasons(splits)["other.wav"]
    assert read_recordings(tmp_path, label_pattern=r"^([a-z])_").class_names == ("a", "b")
    for pattern, message in (("(", "not a regular expression"), ("a", "no group")):
        with pytest.raises(UsageError, match=message):
            read_recordings(tmp_path, label_pattern=pattern)
    with pytest.raises(DataError) as raised:
        read_recordings(tmp_path)
    assert "--label-pattern" in raised.value.hint


def test_a_speaker_stays_on_one_side_of_drawn_splits(tmp_path):
    speakers = ("ann", "bob", "cyd", "dan", "eve", "fay")
    for number, speaker in enumerate(speakers):
        for label in "01":
            for i in range(3):
                sound(tmp_path / f"{label}_{speaker}_{i}.wav", seed=100 * number + 10 * int(label) + i)
    splits = read_recordings(tmp_path, label_pattern=r"^(?P<label>\d)_(?P<speaker>[a-z]+)_", seed=1)
    heard = [{Path(name).name.split("_")[1] for name in splits[split].names()} for split in SPLITS]
    assert [len(each) for each in heard] == [4, 1, 1]
    assert set.union(*heard) == set(speakers)
    assert any("6, by the label pattern; a group stays in one split" in line for line in splits.decisions)
    mixed = read_recordings(tmp_path, label_pattern=r"^(?P<label>\d)_", seed=1)
    assert len({Path(name).name.split("_")[1] for name in mixed.train.names()}) == 6
    asked = read_recordings(tmp_path, label_pattern=r"^(?P<label>\d)_", group="_([a-z]+)_")
    assert len({Path(name).name.split("_")[1] for name in asked.train.names()}) == 4


def test_a_column_tells_the_speakers_of_transcripts_too(tmp_path):
    lines = ["path,text,speaker"]
    for i in range(12):
        sound(tmp_path / f"{i}.wav", seed=i)
        lines.append(f"{i}.wav,word {i},{i // 2}")
    (tmp_path / "all.csv").write_text("\n".join(lines))
    splits = read_recordings(tmp_path, "transcript")
    assert counted(splits) == {"train": 8, "validation": 2, "test": 2}
    assert "groups: 6, by column 'speaker'; a group stays in one split" in splits.decisions
    heard = [{int(Path(name).stem) // 2 for name in splits[split].names()} for split in SPLITS]
    assert not (heard[0] & heard[1] or heard[0] & heard[2] or heard[1] & heard[2])


def test_two_speakers_are_too_few_to_be_kept_apart(tmp_path):
    for speaker in ("ann", "bob"):
        for label in "01":
            for i in range(3):
                sound(tmp_path / f"{label}_{speaker}_{i}.wav", seed=len(list(tmp_path.iterdir())))
    splits = read_recordings(tmp_path, label_pattern=r"^(?P<label>\d)_(?P<speaker>[a-z]+)_")
    assert any("has 2 different ones" in line for line in splits.warnings)
    assert counted(splits)["train"] == 8


BAD = {
    "text.wav": lambda path: path.write_text("no sound"),
    "empty.wav": lambda path: path.write_bytes(b""),
    "nothing.wav": lambda path: sound(path, np.zeros(0, np.float32)),
    "nan.wav": lambda path: sound(path, np.array([0.1, np.nan] * 50, np.float32), subtype="FLOAT"),
    "infinite.wav": lambda path: sound(path, np.array([0.1, np.inf] * 50, np.float32), subtype="FLOAT"),
    "huge.wav": lambda path: sound(path, np.full(99, 32767.0, np.float32), subtype="FLOAT"),
    "slow.wav": lambda path: sound(path, rate=400),
    "fast.wav": lambda path: sound(path, rate=2_000_000, seconds=0.001),
    "long.wav": lambda path: sound(path, np.zeros(1000 * 3601, np.int16), 1000, "PCM_U8"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_heard_is_skipped_and_listed(tmp_path, name):
    sound_folders(tmp_path, {"a": 3, "b": 3})
    BAD[name](tmp_path / "a" / name)
    splits = read_recordings(tmp_path)
    assert sum(counted(splits).values()) == 6
    ((found, reason),) = reasons(splits).items()
    assert found == name
    assert reason


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_a_file_that_is_cut_off_is_never_taken_for_a_whole_one(tmp_path, ending):
    sound_folders(tmp_path, {"a": 3, "b": 3})
    path = sound(tmp_path / "a" / f"cut.{ending}", seconds=2)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    splits = read_recordings(tmp_path)
    lengths = [
        *splits.train.samples.seconds,
        *splits.validation.samples.seconds,
        *splits.test.samples.seconds,
    ]
    # Some formats have no checksum: what is there of it is a recording then.
    assert path.name in reasons(splits) or max(lengths) < 1.5


def test_where_most_cannot_be_heard_the_reasons_are_told(tmp_path):
    sound_folders(tmp_path, {"a": 1, "b": 1})
    for i in range(3):
        (tmp_path / "a" / f"{i}.wav").write_text("no sound")
    with pytest.raises(DataError, match="3 of 4 recordings are not readable"):
        read_recordings(tmp_path)


def test_silence_and_clipping_are_told(tmp_path):
    sound_folders(tmp_path, {"a": 3, "b": 3})
    sound(tmp_path / "a" / "silent.wav", np.zeros(800, np.float32))
    sound(tmp_path / "a" / "loud.wav", np.clip(3 * tone(), -1, 1))
    splits = read_recordings(tmp_path)
    assert not splits.skipped
    silent, clipped = splits.warnings
    assert "1 of 8 recordings are silent" in silent
    assert "silent.wav" in silent
    assert "1 of 8 recordings are clipped" in clipped
    assert "loud.wav" in clipped


def test_identical_recordings_are_found_whatever_packs_them(tmp_path):
    sound_folders(tmp_path, {"a": 3, "b": 3}, ("train", "val", "test"))
    values, rate = soundfile.read(tmp_path / "train" / "a" / "0.wav", dtype="int16")
    sound(tmp_path / "test" / "a" / "copy.flac", values, rate)
    splits = read_recordings(tmp_path)
    assert "1 test recording is identical to a train recording" in splits.warnings


def test_identical_recordings_stay_on_one_side_of_drawn_splits(tmp_path):
    rows = [{"audio": f"{i}.wav", "text": "x"} for i in range(20)]
    for i in range(20):
        sound(tmp_path / f"{i}.wav", seed=i // 2)
    splits = read_recordings(manifest(tmp_path / "m.jsonl", rows), "transcript")
    assert not splits.warnings
    assert counted(splits) == {"train": 16, "validation": 2, "test": 2}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"audio_filepath": "../x.wav"}, "below the folder"),
        ({"audio_filepath": "/etc/x.wav"}, "below the folder"),
        ({"audio_filepath": 3}, "a path as text"),
        ({"offset": "soon"}, "seconds as offset"),
        ({"offset": -1.0}, "seconds as offset"),
        ({"offset": 1, "duration": 0}, "above 0"),
        ({"split": "later"}, "expected a split"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, row, message):
    good = {"audio_filepath": "0.wav", "label": "a", "offset": 0.0, "duration": 0.1, "split": "train"}
    sound(tmp_path / "0.wav")
    path = manifest(tmp_path / "m.jsonl", [good, {**good, **row}])
    with pytest.raises(DataError, match=rf"line 2: .*{message}"):
        read_recordings(path)


def test_rows_without_a_file_or_beyond_its_end_are_skipped(tmp_path):
    rows = [{"path": f"{i}.wav", "label": "ab"[i % 2], "offset": 0.0, "duration": 0.2} for i in range(8)]
    for i in range(8):
        sound(tmp_path / f"{i}.wav", seed=i)
    rows[0]["path"] = "gone.wav"
    rows[1] |= {"offset": 0.2, "duration": 0.5}
    rows[2] |= {"offset": 3.0, "duration": None}
    splits = read_recordings(manifest(tmp_path / "m.jsonl", rows))
    assert sum(counted(splits).values()) == 5
    said = " ".join(one.reason for one in splits.skipped)
    assert "no such file" in said
    assert "at least 0.70 seconds" in said
    assert "at least 3.00 seconds" in said


def test_empty_transcripts_are_skipped_and_other_columns_can_be_chosen(tmp_path):
    rows = [{"file": f"{i}.wav", "text": " " if i == 0 else "x", "english": f"e{i}"} for i in range(8)]
    for i in range(8):
        sound(tmp_path / f"{i}.wav", seed=i)
    path = manifest(tmp_path / "m.jsonl", rows)
    assert sum(counted(read_recordings(path, "transcript")).values()) == 7
    chosen = read_recordings(path, "transcript", column="english")
    assert sorted(chosen.train.labels)[0].startswith("e")
    with pytest.raises(UsageError, match="has no column 'french'"):
        read_recordings(path, "transcript", column="french")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: sound_folders(path, {"a": 3}), "at least two classes"),
        (lambda path: sound_folders(path, {"a": 3, "b": 1}), "at least two recordings per class"),
        (lambda path: sound_folders(path, {"a": 2, "b": 2}, ("test",)), "expected a train split"),
        (lambda path: path, "expected class folders"),
        (lambda path: path / "nowhere", "no such file or folder"),
    ],
)
def test_data_that_cannot_be_learned_from_is_refused(tmp_path, make, message):
    with pytest.raises(DataError, match=message):
        read_recordings(make(tmp_path))


def test_words_without_transcripts_are_refused(tmp_path):
    sound_folders(tmp_path, {"a": 2, "b": 2})
    with pytest.raises(DataError, match="transcripts"):
        read_recordings(tmp_path, "transcript")


def test_links_that_leave_the_folder_are_skipped(tmp_path):
    outside = sound(tmp_path / "outside.wav")
    root = tmp_path / "root"
    sound_folders(root, {"a": 3, "b": 3})
    (root / "a" / "link.wav").symlink_to(outside)
    splits = read_recordings(root)
    assert "leaves the folder" in reasons(splits)["link.wav"]
