"""Numbers of images: read as images with classes are, by a table or by names."""

import json

import numpy as np
import pytest
from PIL import Image

from convscope.data.snapshot import DataSnapshot
from convscope.kinds.image.detect import detect
from convscope.kinds.image.regression import read_numbered_images


def write_bright(folder, count=48, seed=0):
    """Grey images and a table of how bright each is."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, lines = np.random.default_rng(seed), ["file,target"]
    for number in range(count):
        level = rng.uniform(30, 220)
        pixels = np.clip(rng.normal(level, 12, (32, 32)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{level / 10:.3f}")
    (folder / "intensity_range.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_numbers_of_images_are_read(tmp_path):
    folder = write_bright(tmp_path / "bright")
    for path in (folder, folder / "intensity_range.csv"):
        assert detect(DataSnapshot(path)).recipe == "image-regression"
    splits = read_numbered_images(folder)
    rows = dict(line.split(",") for line in (folder / "intensity_range.csv").read_text().splitlines()[1:])
    for name in ("train", "validation", "test"):
        assert len(splits[name])
        for place in range(len(splits[name])):
            key = splits[name].samples.name(place).rpartition("/")[2]
            assert splits[name].labels[place] == float(rows[key])


def test_a_run_learns_numbers_of_images(tmp_path):
    from convscope.api import evaluate, predict, train

    folder = write_bright(tmp_path / "bright", 96)
    train(folder, out=tmp_path / "run", epochs=6, batch_size=8, learning_rate=3e-3, precision="float32")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["architecture"] == "padded_cnn"
    judged = evaluate(tmp_path / "run")
    assert judged.rmse < judged.baseline_rmse
    (row,) = predict(tmp_path / "run", [folder / "0.png"]).rows
    assert 0 < row.value < 30


def write_numbered(folder, column, numbers):
    folder.mkdir()
    for at in range(len(numbers)):
        Image.fromarray(np.full((4, 4), at % 256, np.uint8)).save(folder / f"{at}.png")
    rows = [f"{at}.png,{number}" for at, number in enumerate(numbers)]
    (folder / "labels.csv").write_text("\n".join([f"file,{column}", *rows]) + "\n")
    return folder


@pytest.mark.parametrize(
    ("column", "recipe"),
    [("label", "image-classification"), ("breed_id", "image-classification"), ("age", "image-regression")],
)
def test_whole_numbers_that_come_again_are_classes_unless_their_column_says_else(tmp_path, column, recipe):
    numbers = np.random.default_rng(0).permutation(np.repeat(np.arange(60), 4))
    found = detect(DataSnapshot(write_numbered(tmp_path / "many", column, numbers)))
    assert found.recipe == recipe
    assert (f"numbers to predict in {column!r}" in found.reason) == (recipe == "image-regression")


def test_whole_numbers_in_the_only_other_column_are_read(tmp_path):
    numbers = np.random.default_rng(0).integers(1, 100, 90)
    splits = read_numbered_images(write_numbered(tmp_path / "scores", "score", numbers))
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) == 90
