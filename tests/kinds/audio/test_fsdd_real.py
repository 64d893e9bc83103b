"""The Free Spoken Digit Dataset is read as it is published."""

import os
from pathlib import Path

import numpy as np
import pytest

from convscope.kinds.audio.classification.representation import AudioRepresentation
from convscope.kinds.audio.readers.reader import read_recordings

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def digits():
    place = os.environ.get("CONVSCOPE_DATA")
    if not place:
        pytest.skip("CONVSCOPE_DATA is not set")
    folder = Path(place) / "fsdd" / "recordings"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    return read_recordings(folder, label_pattern=r"^(?P<label>\d)_[a-z]+_\d+\.wav$")


def test_every_recording_is_heard_and_labelled_by_its_name(digits):
    splits = [digits[name] for name in ("train", "validation", "test")]
    assert [len(split) for split in splits] == [2400, 300, 300]
    assert digits.class_names == tuple("0123456789")
    assert not digits.skipped
    for split in splits:
        assert len(set(np.bincount(split.labels))) == 1
        assert all(
            Path(name).name[0] == str(label) for name, label in zip(split.names(), split.labels, strict=True)
        )


def test_rate_and_length_suit_them(digits):
    made, (rate, length, _) = AudioRepresentation.fit(digits.train)
    assert made.rate == 8000
    assert rate == "rate: 8,000 samples per second, which all train recordings have"
    assert 0.6 < made.samples / made.rate < 0.8
    assert "no shorter than 95%" in length
    clips = made.encode(digits.test.samples).take(np.arange(300))
    assert clips.any(axis=1).all()
