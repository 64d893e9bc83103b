"""Recordings are read as published data sets lay them out, and what was made of each layout is said."""

import csv
from pathlib import Path

import numpy as np
import pytest
from made_sounds import manifest, sound, sound_folders, tone
from PIL import Image

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError, UsageError
from convscope.kinds.audio.detect import detect
from convscope.kinds.audio.readers.inputs import read_audio_inputs
from convscope.kinds.audio.readers.reader import read_recordings
from convscope.types import SPLITS

SHORT = {"seconds": 0.05}


def counted(splits):
    return {name: len(splits[name]) for name in SPLITS}


def table(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def said(splits, start):
    return " ".join(line for line in splits.decisions if line.startswith(start))


def environment(root, meta="meta"):
    """As ESC-50: a table in a folder of its own, recordings in another, five folds."""
    rows = []
    for i in range(30):
        name, target = f"{i % 5 + 1}-{1000 + i}-A-{i % 3}.wav", i % 3
        sound(root / "audio" / name, seed=i, **SHORT)
        rows.append([name, i % 5 + 1, target, ["dog", "rain", "clock"][target]])
    table(root / meta / "sounds.csv", ["filename", "fold", "target", "category"], rows)
    return root


@pytest.mark.parametrize("place", ["", "meta/sounds.csv"])
def test_a_table_in_a_folder_beside_the_recordings(tmp_path, place):
    splits = read_recordings(environment(tmp_path) / place)
    assert splits.class_names == ("clock", "dog", "rain")
    assert "label from 'category'" in said(splits, "columns")
    assert "group from 'fold'" in said(splits, "columns")
    assert "not used: 'target'" in said(splits, "columns")
    assert "at audio/1-1000-A-0.wav" in said(splits, "recordings")
    folds = [{Path(name).name[0] for name in splits[split].names()} for split in SPLITS]
    assert not (folds[0] & folds[1] or folds[0] & folds[2] or folds[1] & folds[2])


@pytest.mark.parametrize("place", ["", "meta/sounds.csv", "audio"])
def test_predict_finds_what_train_found(tmp_path, place):
    found = read_audio_inputs([str(environment(tmp_path) / place)])
    assert len(found) == 30
    assert not found.skipped


def test_a_name_that_is_in_several_folds_is_that_of_its_row(tmp_path):
    rows = []
    for i in range(20):
        fold, name = i % 10 + 1, f"{i // 10}.wav"
        sound(tmp_path / "audio" / f"fold{fold}" / name, seed=i, **SHORT)
        rows.append([name, fold, i // 10, ["siren", "drill"][i // 10]])
    path = table(tmp_path / "metadata" / "all.csv", ["slice_file_name", "fold", "classID", "class"], rows)
    splits = read_recordings(tmp_path)
    names = [name for split in SPLITS for name in splits[split].names()]
    assert sorted(names) == sorted(str(each) for each in tmp_path.glob("audio/*/*.wav"))
    table(path, ["slice_file_name", "class"], [[row[0], row[3]] for row in rows])
    with pytest.raises(DataError, match=r"which audio/fold\d+/0.wav and audio/fold\d+/0.wav are called"):
        read_recordings(tmp_path)


def test_columns_that_part_the_rows_differently_are_asked_about(tmp_path):
    for i in range(8):
        sound(tmp_path / f"{i}.wav", seed=i, **SHORT)
    rows = [[f"{i}.wav", "ab"[i % 2], "cd"[i // 4]] for i in range(8)]
    path = table(tmp_path / "all.csv", ["file", "category", "class"], rows)
    with pytest.raises(DataError, match=r"2 that could be it: 'category' .*'class' ") as raised:
        read_recordings(path)
    assert "--label-column" in raised.value.hint
    assert read_recordings(path, column="-1").class_names == ("c", "d")


def test_columns_are_dropped_and_an_encoding_is_given(tmp_path):
    sound_folders(tmp_path, {"a": 6, "b": 6}, **SHORT)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*.wav"))
    rows = [f"{file},é{at % 2},{'xy'[at % 3 == 0]}" for at, file in enumerate(files)]
    path = tmp_path / "list.csv"
    path.write_bytes("\n".join(["file,label,target", *rows]).encode("cp1252"))
    with pytest.raises(DataError, match=r"2 that could be it: 'label' \(2 classes: .*'target'") as caught:
        read_recordings(path)
    assert "--label-column" in caught.value.hint
    splits = read_recordings(path, encoding="cp1252", drop_column=("target",))
    assert splits.class_names == ("é0", "é1")
    assert said(splits, "columns:").endswith("not used: 'target'")
    assert len(read_audio_inputs([str(path)], drop_column=("target", "gone"))) == len(files)
    with pytest.raises(UsageError, match="no column 'gone'"):
        read_recordings(path, drop_column=("gone",))


def test_names_without_endings_whole_paths_of_others_and_backslashes_are_found(tmp_path):
    for i in range(8):
        sound(tmp_path / "sub" / f"clip{i}.wav", seed=i, **SHORT)
    for spelling in ("clip{}", "/home/somebody/sub/clip{}.wav", "sub\\clip{}.wav", "../sub/clip{}.wav"):
        rows = [[spelling.format(i), i % 2] for i in range(8)]
        path = table(tmp_path / "all.csv", ["itemid", "hasbird"], rows)
        assert sum(counted(read_recordings(path)).values()) == 8, spelling


def test_commands_with_lists_and_noise_that_is_no_class(tmp_path):
    sound_folders(tmp_path, {"yes": 8, "no": 8}, **SHORT)
    sound(tmp_path / "_background_noise_" / "long.wav", seconds=2)
    (tmp_path / "validation_list.txt").write_text("yes/0.wav\nno/0.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/1.wav\nno/1.wav\nno/2.wav\n")
    splits = read_recordings(tmp_path)
    assert splits.class_names == ("no", "yes")
    assert counted(splits) == {"train": 11, "validation": 2, "test": 3}


def test_recordings_beside_pictures_of_them(tmp_path):
    for i in range(8):
        sound(tmp_path / "genres_original" / "ab"[i % 2] / f"{'ab'[i % 2]}.{i}.wav", seed=i, **SHORT)
        picture = tmp_path / "images_original" / "ab"[i % 2] / f"{'ab'[i % 2]}{i}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(picture)
    found = detect(DataSnapshot(tmp_path))
    assert found is not None
    assert found.recipe == "audio-classification"
    assert found.confidence == 1
    splits = read_recordings(tmp_path)
    assert splits.class_names == ("a", "b")
    assert "genres_original" in said(splits, "folder")


@pytest.mark.parametrize(
    ("name", "classes", "groups"),
    [
        ("{digit}_{speaker}_{i}", ("0", "1"), 6),
        ("03-01-0{one}-01-02-01-0{actor}", ("calm", "neutral"), 6),
        ("100{actor}_DFA_{mood}_XX", ("ANG", "HAP"), 6),
        ("{digit}_0{actor}_{i}", ("0", "1"), 6),
        ("0{actor}a01{letter}a", ("anger", "sadness"), 6),
    ],
)
def test_labels_and_speakers_in_names_that_data_sets_are_known_for(tmp_path, name, classes, groups):
    for i in range(12):
        actor, one = i // 2 + 1, i % 2
        named = name.format(
            digit=one,
            speaker="abcdef"[i // 2] * 3,
            i=i,
            one=one + 1,
            actor=actor,
            mood=("ANG", "HAP")[one],
            letter="WT"[one],
        )
        sound(tmp_path / f"Actor_0{actor}" / f"{named}.wav", seed=i, **SHORT)
    splits = read_recordings(tmp_path)
    assert splits.class_names == classes
    assert f"groups: {groups}" in said(splits, "groups")
    assert said(splits, "labels")


def test_folders_of_speakers_are_no_classes_where_names_are_those_of_a_known_data_set(tmp_path):
    for i in range(24):
        speaker, digit = f"{i // 4 + 1:02}", i % 2
        sound(tmp_path / speaker / f"{digit}_{speaker}_{i}.wav", seed=i, **SHORT)
    splits = read_recordings(tmp_path)
    assert splits.class_names == ("0", "1")
    assert "groups: 6" in said(splits, "groups")


def test_a_word_before_a_number_is_the_label_in_one_folder(tmp_path):
    for i in range(12):
        sound(tmp_path / f"{('owl', 'jay')[i % 2]} ({i}).wav", seed=i, **SHORT)
    splits = read_recordings(tmp_path)
    assert splits.class_names == ("jay", "owl")
    assert "'jay' of jay (1).wav" in said(splits, "labels")


@pytest.mark.parametrize("name", ["metadata.csv", "labels.txt"])
def test_lines_of_names_and_few_words_are_classes_and_many_words_transcripts(tmp_path, name):
    for i in range(12):
        sound(tmp_path / "wavs" / f"r{i:02}.wav", seed=i, **SHORT)
    lines = [f"r{i:02}|{('glad', 'very sad')[i % 2]}" for i in range(12)]
    (tmp_path / name).write_text("\n".join(lines))
    found = detect(DataSnapshot(tmp_path))
    assert found.recipe == "audio-classification"
    assert "--recipe speech-recognition" in found.reason
    splits = read_recordings(tmp_path)
    assert splits.class_names == ("glad", "very sad")
    assert "few different and short values" in said(splits, "labels")
    (tmp_path / name).write_text("\n".join(f"r{i:02}|the words of number {i}" for i in range(12)))
    assert detect(DataSnapshot(tmp_path)).recipe == "speech-recognition"


def test_a_label_pattern_is_refused_for_a_table(tmp_path):
    place = environment(tmp_path) / "meta" / "sounds.csv"
    with pytest.raises(UsageError, match="folder of files"):
        read_recordings(place, label_pattern="([a-z]+)")


def test_other_names_in_one_folder_are_asked_about(tmp_path):
    for i in range(6):
        sound(tmp_path / f"rec {i} {'ab'[i % 2]}.wav", seed=i, **SHORT)
    with pytest.raises(DataError) as raised:
        read_recordings(tmp_path)
    assert "--label-pattern" in raised.value.hint


def test_clips_of_a_corpus_of_speech(tmp_path):
    for i in range(6):
        sound(tmp_path / "clips" / f"common_{i}.wav", seed=i, **SHORT)
    header = "client_id\tpath\tsentence\tup_votes"
    for split, rows in (("train", (0, 1, 2)), ("dev", (3,)), ("test", (4, 5)), ("other", (0, 1))):
        lines = [header, *(f's{i}\tcommon_{i}.wav\tIt\'s "{i}", said\t2' for i in rows)]
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines))
    splits = read_recordings(tmp_path, "transcript")
    assert counted(splits) == {"train": 3, "validation": 1, "test": 2}
    assert "transcript from 'sentence'" in said(splits, "columns")
    assert any(one.path.endswith("other.tsv") for one in splits.skipped)
    assert len(read_audio_inputs([str(tmp_path)])) == 6


def speakers(folder, splits=("train",) * 6, names="aabbcd"):
    rows = [["file", "text", "speaker", "split"]]
    for i, (split, name) in enumerate(zip(splits, names, strict=True)):
        sound(folder / f"{i}.wav", seed=i, **SHORT)
        rows.append([f"{i}.wav", f"word {i}", name, split])
    return table(folder / "talk.csv", rows[0], rows[1:])


def test_speakers_of_transcripts_that_are_asked_for_are_kept_apart_or_refused(tmp_path):
    given = ("train", "train", "train", "validation", "test", "test")
    splits = read_recordings(speakers(tmp_path, given), "transcript", group="speaker")
    assert not any("groups" in line for line in splits.decisions)
    assert any("1 group has recordings in train and in validation ('b')" in line for line in splits.warnings)
    with pytest.raises(DataError, match="expected groups to draw test and validation from, received 2"):
        read_recordings(speakers(tmp_path, names="aaabbb"), "transcript", group="speaker")


def test_a_table_in_each_folder_of_a_split(tmp_path):
    for split, count in (("train", 6), ("test", 2)):
        rows = []
        for i in range(count):
            sound(tmp_path / split / f"{i}.wav", seed=count * 10 + i, **SHORT)
            rows.append([f"{i}.wav", "ab"[i % 2]])
        table(tmp_path / split / "metadata.csv", ["file_name", "label"], rows)
    splits = read_recordings(tmp_path)
    assert counted(splits)["test"] == 2
    assert all("/test/" in name for name in splits.test.names())


def test_recordings_without_a_label_are_left_out_and_said(tmp_path):
    rows = [{"path": f"{i}.wav", "label": None if i == 0 else "ab"[i % 2]} for i in range(9)]
    for i in range(9):
        sound(tmp_path / f"{i}.wav", seed=i, **SHORT)
    splits = read_recordings(manifest(tmp_path / "m.jsonl", rows))
    assert sum(counted(splits).values()) == 8
    assert any("1" in line and "label" in line for line in splits.warnings)


@pytest.mark.parametrize("ending", ["m4a", "wma", "mp4", "mov"])
def test_what_is_not_decoded_is_refused_with_the_way_to_convert_it(tmp_path, ending):
    for label in "ab":
        for i in range(3):
            path = tmp_path / label / f"{i}.{ending}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"\0\0\0\x18ftypM4A " + bytes(50))
    assert detect(DataSnapshot(tmp_path)).recipe == "audio-classification"
    with pytest.raises(DataError) as raised:
        read_recordings(tmp_path)
    assert f"ffmpeg -i a.{ending} a.wav" in raised.value.hint
    with pytest.raises(DataError) as raised:
        read_audio_inputs([str(tmp_path)])
    assert "ffmpeg" in raised.value.hint


def test_channels_that_cancel_are_one_channel_everywhere(tmp_path):
    sound_folders(tmp_path, {"a": 4, "b": 4}, **SHORT)
    wave = tone(seconds=0.05, seed=99)
    path = sound(tmp_path / "a" / "crossed.wav", np.stack([0.5 * wave, -0.5 * wave], axis=1))
    sound(tmp_path / "a" / "apart.wav", np.stack([wave, tone(700, 0.05, seed=5)], axis=1))
    splits = read_recordings(tmp_path)
    assert "1 of 10 recordings are of channels that cancel" in splits.warnings[0]
    asked = read_audio_inputs([str(path)])
    assert asked.load(0).waveform.shape == (400, 1)
    assert np.abs(asked.load(0).waveform).max() > 0.2
    assert "crossed.wav" in asked.warnings[0]


@pytest.mark.parametrize("ending", ["wav", "aiff", "au", "caf", "w64", "rf64"])
def test_a_file_that_ends_before_its_header_says_is_left_out_and_said(tmp_path, ending):
    sound_folders(tmp_path, {"a": 4, "b": 4}, **SHORT)
    path = sound(tmp_path / "a" / f"cut.{ending}", seconds=1)
    path.write_bytes(path.read_bytes()[:-4000])
    splits = read_recordings(tmp_path)
    (skipped,) = splits.skipped
    assert "cut off" in skipped.reason
    with pytest.raises(DataError, match="cut off"):
        read_audio_inputs([str(path)])


def test_a_header_that_does_not_know_the_length_is_whole(tmp_path):
    path = sound(tmp_path / "piped.wav", seconds=0.1)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(data))
    assert read_audio_inputs([str(path)]).seconds == [0.1]


def test_a_name_that_is_too_long_for_a_file_is_that_of_no_recording(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"file,text\n{'A' * 300}.wav,a word\n")
    with pytest.raises(DataError, match="there is no such file"):
        read_recordings(path, "transcript")


def test_lines_with_a_name_and_a_text_are_transcripts(tmp_path):
    names = []
    for k in range(6):
        sound(tmp_path / "wavs" / f"s{k}.wav", tone(200 + 50 * k))
        names.append(f"s{k}")
    (tmp_path / "metadata.csv").write_text(
        "".join(f'{name}|Say "it {name}|say it {name}\n' for name in names)
    )
    assert detect(DataSnapshot(tmp_path)).recipe == "speech-recognition"
    splits = read_recordings(tmp_path, "transcript")
    assert {label for split in SPLITS for label in getattr(splits, split).labels} == {
        f"say it {name}" for name in names
    }
    assert said(splits, "transcripts: the last column of metadata.csv")


def test_a_file_of_text_for_each_recording_is_its_transcript_unless_it_has_times(tmp_path):
    for k in range(6):
        sound(tmp_path / "wav" / f"p{k % 3}" / f"p{k % 3}_{k}.wav", tone(200 + 50 * k))
        text = tmp_path / "txt" / f"p{k % 3}" / f"p{k % 3}_{k}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(f"please call number {'abcdef'[k]}\n")
    found = detect(DataSnapshot(tmp_path))
    assert found.recipe == "speech-recognition"
    assert "--recipe audio-classification" in found.reason
    splits = read_recordings(tmp_path, "transcript")
    assert sum(len(getattr(splits, split)) for split in SPLITS) == 6
    for text in (tmp_path / "txt").rglob("*.txt"):
        text.write_text("0.5\t1.5\t0\t1\n")
    assert detect(DataSnapshot(tmp_path)).recipe == "audio-classification"


@pytest.mark.parametrize("times", [(58.5, 59.0), (0.3, 0.8)])
def test_times_in_the_recordings_that_these_were_cut_from_are_not_used(tmp_path, times):
    rows = []
    for i in range(12):
        sound(tmp_path / "audio" / f"{i}.wav", seed=i, seconds=0.5)
        rows.append([f"{i}.wav", *times, ["dog", "rain"][i % 2]])
    table(tmp_path / "slices.csv", ["slice_file_name", "start", "end", "class"], rows)
    splits = read_recordings(tmp_path)
    assert "'start' and 'end' tell where recordings were cut out" in said(splits, "times")
    assert "not used: 'start', 'end'" in said(splits, "columns")


@pytest.mark.parametrize(
    ("start", "end", "unit"),
    [
        ("start", "end", 1),
        ("Begin Time (s)", "End Time (s)", 1),
        ("start_seconds", "end_seconds", 1),
        ("start_ms", "stop [ms]", 1000),
    ],
)
def test_a_part_ends_where_its_row_says(tmp_path, start, end, unit):
    sound(tmp_path / "long.wav", seed=0, seconds=2)
    rows = [["long.wav", unit * k / 10, unit * (k / 10 + 0.25), "ab"[k % 2]] for k in range(16)]
    table(tmp_path / "events.csv", ["filename", start, end, "label"], rows)
    splits = read_recordings(tmp_path)
    assert f"start from '{start}', end from '{end}'" in said(splits, "columns")
    heard = splits.train.samples.load(0)
    assert len(heard.waveform) == 0.25 * heard.rate
