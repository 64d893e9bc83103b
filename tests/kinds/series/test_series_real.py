"""Series of the UCR archive, as published."""

import os
from pathlib import Path

import numpy as np
import pytest

from convscope.data.snapshot import DataSnapshot
from convscope.kinds.series.detect import detect

pytest.importorskip("pandas")

from convscope.kinds.series.classification.representation import SeriesRepresentation
from convscope.kinds.series.readers.frames import read_frame
from convscope.kinds.series.readers.reader import read_series

pytestmark = pytest.mark.realdata


def archive():
    place = os.environ.get("CONVSCOPE_DATA")
    if not place:
        pytest.skip("CONVSCOPE_DATA is not set")
    if not (Path(place) / "ucr2018").is_dir():
        pytest.skip(f"{Path(place) / 'ucr2018'} is missing")
    return Path(place) / "ucr2018"


def test_every_set_is_recognized():
    found = {folder.name: detect(DataSnapshot(folder)) for folder in archive().iterdir() if folder.is_dir()}
    missed = [name for name, each in found.items() if each is None or each.recipe != "series-classification"]
    assert missed == []


@pytest.mark.parametrize(
    ("name", "train", "test", "shape", "classes"),
    [
        ("GunPoint", 50, 150, (150, 1), 2),
        ("Fungi", 18, 186, (201, 1), 18),
        ("SyntheticControl", 270, 300, (60, 1), 6),
        ("MelbournePedestrian", 1074, 2439, (24, 1), 10),
    ],
)
def test_official_splits_are_kept_and_values_are_those_of_the_file(name, train, test, shape, classes):
    splits = read_series(archive() / name)
    assert (len(splits.train), len(splits.test), len(splits.class_names)) == (train, test, classes)
    assert (splits.validation is splits.train) == (train < 270)
    assert splits.class_names == tuple(sorted(splits.class_names, key=int))
    found, _ = SeriesRepresentation.fit(splits.train)
    assert found.shape == shape
    raw = read_frame(archive() / name / f"{name}_TEST.tsv").to_numpy()
    for place in (0, test - 1):
        np.testing.assert_allclose(splits.test.samples.load(place).values[:, 0], raw[place, 1:], rtol=1e-6)
        assert splits.class_names[splits.test.labels[place]] == str(int(raw[place, 0]))
    assert np.isfinite(found.encode(splits.test.samples).values).all()
