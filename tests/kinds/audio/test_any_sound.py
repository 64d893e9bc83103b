"""No byte string given to a reader of recordings ends in anything but samples or a `DataError`."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from made_sounds import sound, sound_folders
from test_any_bytes import check, damaged, made

from convscope.errors import DataError
from convscope.kinds.audio.readers.inputs import read_audio_inputs
from convscope.kinds.audio.readers.reader import read_recordings

SOUNDS = [
    made(lambda folder, ending=ending: sound(folder / f"a.{ending}", seconds=0.05))
    for ending in ("wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64")
]
TABLE = b'{"audio_filepath": "a/0.wav", "label": "a", "offset": 0.0, "duration": 0.1, "split": "train"}\n'
CSV = b"path,label,text,offset\na/0.wav,a,yes,0.1\nb/0.wav,b,no,0\na/1.wav,a,,\nb/1.wav,b,yes,0\n"


@check(max_examples=30)
@given(damaged(SOUNDS))
def test_as_a_recording_in_a_class_folder_and_as_an_input(data):
    with tempfile.TemporaryDirectory() as folder:
        sound_folders(Path(folder), {"a": 2, "b": 2}, seconds=0.02)
        path = Path(folder) / "a" / "any.wav"
        path.write_bytes(data)
        splits = read_recordings(folder)
        found = {name for split in (splits.train, splits.validation, splits.test) for name in split.names()}
        assert len(found) + len(splits.skipped) == 5
        try:
            asked = read_audio_inputs([str(path)])
        except DataError as error:
            assert "any.wav" in error.message
            assert splits.skipped[0].path == str(path)
            return
        waveform = asked.load(0).waveform
        assert np.isfinite(waveform).all()
        assert waveform.ndim == 2
        assert len(waveform)


@check(max_examples=30)
@given(damaged([TABLE * 4, CSV]))
def test_as_a_table_of_recordings(data):
    with tempfile.TemporaryDirectory() as folder:
        sound_folders(Path(folder), {"a": 2, "b": 2}, seconds=0.02)
        for name in ("any.jsonl", "any.csv"):
            path = Path(folder) / name
            path.write_bytes(data)
            for want in ("label", "transcript"):
                try:
                    splits = read_recordings(path, want)
                except DataError as error:
                    assert error.message
                    continue
                assert len(splits.train.samples.load(0).waveform)
