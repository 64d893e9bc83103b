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
