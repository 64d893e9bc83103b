"""What is asked about is found: files, folders, patterns and tables of parts."""

import pytest
from made_sounds import manifest, sound, sound_folders

from convscope.errors import DataError
from convscope.kinds.audio.readers.inputs import read_audio_inputs


def test_files_folders_and_patterns_are_read_in_order_and_once(tmp_path):
    sound_folders(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "a" / "notes.txt").write_text("about them")
    found = read_audio_inputs(
        [str(tmp_path / "b" / "1.wav"), str(tmp_path / "a"), str(tmp_path / "*" / "1.*")]
    )
    names = [found.name(i).removeprefix(f"{tmp_path}/") for i in range(len(found))]
    assert names == ["b/1.wav", "a/0.wav", "a/1.wav"]
    assert not found.skipped


def test_a_table_names_parts(tmp_path):
    sound(tmp_path / "x.wav", seconds=2)
    rows = [{"audio_filepath": "x.wav", "offset": i / 2, "duration": 0.5} for i in range(4)]
    found = read_audio_inputs([str(manifest(tmp_path / "m.jsonl", rows))])
    assert len(found) == 4
    assert found.name(2).endswith("x.wav#1s")
    assert [found.load(i).seconds for i in range(4)] == [0.5] * 4


def test_no_recording_is_too_long_to_be_asked_about(tmp_path):
    import numpy as np

    path = sound(tmp_path / "long.wav", np.zeros(1000 * 3601, np.int16), 1000, "PCM_U8")
    found = read_audio_inputs([str(path)])
    assert found.seconds == [3601]
    assert "silent" in found.warnings[0]


@pytest.mark.parametrize("name", ["nowhere.wav", "*.wav", "text.wav"])
def test_what_is_no_recording_is_told(tmp_path, name):
    (tmp_path / "text.wav").write_text("no sound")
    place = tmp_path / name if name != "*.wav" else tmp_path / "none" / name
    with pytest.raises(DataError):
        read_audio_inputs([str(place)])


def test_nothing_asked_is_told():
    with pytest.raises(DataError, match="no inputs"):
        read_audio_inputs([])
