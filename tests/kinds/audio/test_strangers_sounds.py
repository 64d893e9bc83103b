"""Recordings beside files of other tools: read, or refused with the way to a table."""

import numpy as np
import pytest
import soundfile

from convscope.errors import DataError
from convscope.kinds.audio.readers.reader import read_recordings


def sound(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 400), 8000)


def test_classes_of_physionet_stand_in_the_folders_of_the_recordings(tmp_path):
    for place, folder in enumerate(("training-a", "training-b")):
        names = [f"{folder[-1]}{number:04}" for number in range(8)]
        for number, name in enumerate(names):
            sound(tmp_path / folder / f"{name}.wav", 10 * place + number)
            (tmp_path / folder / f"{name}.hea").write_text(f"{name} 1 2000 400")
        rows = [f"{name},{1 - number % 2 * 2}" for number, name in enumerate(names)]
        (tmp_path / folder / "REFERENCE.csv").write_text("\n".join(rows))
    splits = read_recordings(tmp_path)
    assert splits.class_names == ("-1", "1")
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) == 16


@pytest.mark.parametrize(("ending", "told"), [("txt", "Audacity"), ("eaf", "ELAN"), ("TextGrid", "Praat")])
def test_stretches_of_other_tools_are_told_as_a_table(tmp_path, ending, told):
    for number in range(6):
        sound(tmp_path / f"take{number}.wav", number)
        (tmp_path / f"take{number}.{ending}").write_text("0.0\t0.02\tspeech\n")
    with pytest.raises(DataError) as caught:
        read_recordings(tmp_path)
    assert told in caught.value.hint and "file, start, end" in caught.value.hint


def parts_of(folder, header, row, name="labels.csv", count=3):
    """The parts that a table names in recordings of four seconds at 1600 samples a second."""
    for number in range(count):
        values = np.random.default_rng(number).normal(0, 0.1, 6400)
        soundfile.write(folder / f"r{number}.wav", values, 1600)
    rows = [row(f"r{number}.wav", place, "ab"[place % 2]) for number in range(count) for place in range(4)]
    (folder / name).write_text("\n".join([header, *rows]))
    splits = read_recordings(folder)
    names = ("train", "validation", "test")
    parts = sorted({(part.start, part.seconds) for name in names for part in splits[name].samples.parts})
    return parts, "\n".join(splits.decisions)


SECONDS = [(float(place), 0.5) for place in range(4)]


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        *(("file,start_sample,end_sample,label", 1600), ("file,start_ms,end_ms,label", 1000)),
        *(("filename,onset,offset,event_label", 1), ("Begin File,Begin Samp,End Samp,Species", 1600)),
    ],
)
def test_stretches_are_in_the_unit_of_their_names(tmp_path, header, unit):
    def row(file, place, label):
        return f"{file},{place * unit:g},{(place + 0.5) * unit:g},{label}"

    assert parts_of(tmp_path, header, row)[0] == SECONDS


def test_selections_in_text_with_tabs_are_read(tmp_path):
    def row(file, place, label):
        return f"{file}\t{place}\t{place + 0.5}\t{label}"

    header = "Begin File\tBegin Time (s)\tEnd Time (s)\tSpecies"
    assert parts_of(tmp_path, header, row, "selections.txt")[0] == SECONDS


def test_whole_numbers_beyond_the_milliseconds_of_files_are_samples(tmp_path):
    def row(file, place, label, rate=8000):
        return f"{file},{place * rate},{place * rate + rate // 2},{label}"

    for number in range(3):
        soundfile.write(
            tmp_path / f"s{number}.wav", np.random.default_rng(number).normal(0, 0.1, 32_000), 8000
        )
    rows = [row(f"s{number}.wav", place, "ab"[place % 2]) for number in range(3) for place in range(4)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,start,end,label", *rows]))
    splits = read_recordings(tmp_path)
    assert {(part.start, part.seconds) for part in splits.train.samples.parts} <= set(SECONDS)
    assert "'start' and 'end' are counted in samples" in "\n".join(splits.decisions)


def test_what_may_be_milliseconds_or_samples_is_asked_for(tmp_path):
    with pytest.raises(DataError, match="may be milliseconds or samples") as caught:
        parts_of(
            tmp_path,
            "file,start,end,label",
            lambda file, place, label: f"{file},{place * 500},{place * 500 + 250},{label}",
        )
    assert "start_ms or start_sample" in caught.value.hint


def test_frames_are_refused_with_the_way_to_seconds(tmp_path):
    with pytest.raises(DataError, match="received frames in 'onset_frame' and 'offset_frame'") as caught:
        parts_of(
            tmp_path,
            "file,onset_frame,offset_frame,label",
            lambda file, place, label: f"{file},{place * 50},{place * 50 + 25},{label}",
        )
    assert "* hop / rate" in caught.value.hint
