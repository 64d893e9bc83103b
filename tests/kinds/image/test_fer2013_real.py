import os
from pathlib import Path

import pytest

from convscope.kinds.image.readers.reader import read_images
from convscope.kinds.image.representation import ImageRepresentation

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def faces():
    place = os.environ.get("CONVSCOPE_DATA")
    if not place:
        pytest.skip("CONVSCOPE_DATA is not set")
    folder = Path(place) / "fer2013"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    return read_images(folder)


def test_the_official_splits_are_kept(faces):
    assert [len(faces[name]) for name in ("train", "validation", "test")] == [28_709, 3_589, 3_589]
    assert faces.class_names == ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    assert sum(counts["disgust"] for counts in faces.counts().values()) == 547
    assert faces.decisions == ()
    assert faces.skipped == ()


def test_duplicates_across_splits_and_contradicting_labels_are_counted(faces):
    assert "288 test images are identical to a train image" in faces.warnings
    assert "57 groups of identical images carry different labels" in faces.warnings


def test_the_representation_is_48_by_48_gray(faces):
    assert ImageRepresentation.fit(faces.train)[0].shape == (48, 48, 1)
