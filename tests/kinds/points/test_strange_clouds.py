"""Clouds as published data sets and tools write them into text, and which recipe reads them."""

import json

import numpy as np
import pytest

from convscope.errors import DataError
from convscope.kinds.points.readers.forms import read_cloud
from convscope.kinds.points.readers.reader import read_clouds
from convscope.kinds.points.segmentation.reader import read_scenes
from convscope.kinds.registry import choose_spec


def ball(seed, count=60):
    """Points on a sphere, which are their own normals."""
    found = np.random.default_rng(seed).normal(size=(count, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def write(path, *columns, mark=",", head=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, np.column_stack(columns), delimiter=mark, header=head, comments="", fmt="%.6g")


def test_text_with_normals_in_class_folders_beside_lists_of_splits(tmp_path):
    names = []
    for kind, size in (("ball", 1.0), ("egg", 3.0)):
        for number in range(1, 9):
            points = ball(number)
            names.append(f"{kind}_{number:04}")
            write(tmp_path / kind / f"{names[-1]}.txt", points * (1, 1, size), points)
    test = names[6:8] + names[14:]
    (tmp_path / "set_test.txt").write_text("\n".join(test))
    (tmp_path / "set_train.txt").write_text("\n".join(name for name in names if name not in test))
    assert choose_spec(tmp_path)[0].name == "points-classification"
    splits = read_clouds(tmp_path)
    assert splits.class_names == ("ball", "egg")
    assert splits.pool.given == {"train", "test"}
    assert splits.train.samples.load(0).names == ("nx", "ny", "nz")


def test_a_column_of_few_whole_numbers_behind_normals_has_labels(tmp_path):
    for number in range(9):
        points = ball(number)
        write(tmp_path / "0269" / f"{number}.txt", points * 2, points, points[:, 2] > 0, mark=" ")
    assert choose_spec(tmp_path)[0].name == "points-segmentation"
    splits = read_scenes(tmp_path)
    assert splits.class_names == ("0", "1")
    assert any("the last column, of whole numbers, is taken for labels" in line for line in splits.warnings)


def test_many_whole_numbers_behind_colors_are_a_feature(tmp_path):
    points, colors = ball(0), np.random.default_rng(0).integers(0, 255, (60, 3))
    write(tmp_path / "a.txt", points, colors, np.arange(60), mark=" ")
    cloud = read_cloud(tmp_path / "a.txt", "a.txt")
    assert cloud.names == ("red", "green", "blue", "column6")
    assert cloud.labels is None


def test_names_of_cloudcompare_are_known_and_tell_labels(tmp_path):
    for number in range(9):
        points = ball(number) + np.array([5e5, 4e6, 100])
        rows = (points, np.full((60, 3), number), points[:, 2] > 100)
        write(tmp_path / f"{number}.csv", *rows, head="//X,Y,Z,R,G,B,Scalar_field_label")
    assert choose_spec(tmp_path)[0].name == "points-segmentation"
    assert read_scenes(tmp_path).class_names == ("0", "1")


@pytest.mark.parametrize("read", [read_clouds, read_scenes])
def test_a_file_for_each_object_is_refused_with_the_way_to_labels(tmp_path, read):
    for area in ("Area_1", "Area_2"):
        for room in ("hall_1", "office_1"):
            colors = np.random.default_rng(0).integers(0, 255, (60, 3))
            for place, name in enumerate(("chair_1", "wall_1")):
                path = tmp_path / area / room / "Annotations" / f"{name}.txt"
                write(path, ball(place), colors, mark=" ")
            write(tmp_path / area / room / f"{room}.txt", ball(2), colors, mark=" ")
    assert choose_spec(tmp_path)[0].name.startswith("points-")
    with pytest.raises(DataError, match="Annotations/ with a file for each object") as caught:
        read(tmp_path)
    assert "numpy.savez" in caught.value.hint


def test_rows_of_a_sensor_are_not_taken_for_points(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("walk", "run"):
        for number in range(4):
            write(tmp_path / kind / f"{number}.txt", rng.normal(size=(60, 6)))
    with pytest.raises(DataError, match="no recipe recognizes"):
        choose_spec(tmp_path)


def test_lists_in_json_beside_scenes_give_the_splits(tmp_path):
    for number in range(6):
        points = ball(number)
        write(tmp_path / "0269" / f"{number}.txt", points * 2, points, points[:, 2] > 0, mark=" ")
    for split, numbers in (("train", (0, 1, 2)), ("val", (3,)), ("test", (4,))):
        names = [f"shape_data/0269/{number}" for number in numbers]
        (tmp_path / f"shuffled_{split}_file_list.json").write_text(json.dumps(names))
    splits = read_scenes(tmp_path)
    assert [len(each) for each in (splits.train, splits.validation, splits.test)] == [3, 1, 1]
    assert splits.skipped[0].reason == "in none of the lists of splits"
