"""Readers of clouds with boxes: KITTI and tables, and what is wrong with them."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_streets import CALIBRATION, CAMERA, NAMES, boxes, write_kitti, write_table

from convscope.errors import DataError
from convscope.kinds.points.detection.boxes import inside
from convscope.kinds.points.detection.calibration import read_calibration
from convscope.kinds.points.detection.labels import kitti_lines, label_of_row, read_kitti_labels
from convscope.kinds.points.detection.reader import read_boxed_clouds, read_inputs


def test_labels_of_kitti_are_boxes_around_points(tmp_path):
    splits = read_boxed_clouds(write_kitti(tmp_path / "data"))
    assert splits.class_names == ("Car", "Pedestrian") and splits.layout.startswith("KITTI")
    assert len(splits.validation) == 2
    assert len(splits.train) + len(splits.test) == 8
    for index, found in enumerate(splits.train.labels):
        true = boxes(int(splits.train.samples.name(index)[-10:-4]))
        assert np.allclose(found.values[:, :6], true.values[:, :6], atol=0.02)
        assert np.allclose(np.cos(found.values[:, 6] - true.values[:, 6]), 1, atol=1e-4)
        assert found.classes.tolist() == true.classes.tolist()
        points = splits.train.samples.load(index).positions
        grown = found.values + np.array([0, 0, 0, 0.05, 0.05, 0.05, 0])
        assert (inside(grown, points).sum(axis=1) > 60).all()


@pytest.mark.parametrize("name", ["boxes.csv", "boxes.json"])
def test_a_table_has_a_row_for_each_box(tmp_path, name):
    splits = read_boxed_clouds(write_table(tmp_path / "data", name=name))
    assert splits.class_names == NAMES
    every = [each for split in (splits.train, splits.validation, splits.test) for each in split.labels]
    assert sum(map(len, every)) == 44 and sum(not len(each) for each in every) == 1
    index = int(np.argmax([len(each) for each in splits.train.labels]))
    true = boxes(int(splits.train.samples.name(index)[-6:-4]))
    assert np.allclose(splits.train.labels[index].values, true.values)


def test_only_what_the_camera_sees_is_taken(tmp_path):
    folder = write_kitti(tmp_path / "data", 4)
    path = folder / "training/velodyne/000001.bin"
    behind = np.array([[-10.0, 0, 0, 0.5], [10, 30, 0, 0.5]], np.float32)
    np.concatenate([np.fromfile(path, np.float32).reshape(-1, 4), behind]).tofile(path)
    samples = read_inputs([str(path)])
    cloud = samples.load(0)
    assert cloud.positions[:, 0].min() > 0 and np.abs(cloud.positions[:, 1]).max() < 20
    assert CAMERA.visible(cloud.positions).all()


def test_boxes_go_to_labels_and_back(tmp_path):
    true = boxes(3)
    names = ["Car"] * len(true)
    (tmp_path / "a.txt").write_text("\n".join(kitti_lines(true.values, names, CAMERA, hidden=[0] * 4)))
    (tmp_path / "calib.txt").write_text(CALIBRATION)
    found = read_kitti_labels(tmp_path / "a.txt", read_calibration(tmp_path / "calib.txt"))
    values = np.array([each.values for each in found])
    assert np.allclose(values[:, :6], true.values[:, :6], atol=0.011)
    assert np.allclose(np.cos(values[:, 6] - true.values[:, 6]), 1, atol=1e-4)
    again = kitti_lines(values, names, CAMERA, scores=np.full(4, 0.5))
    assert all(len(line.split()) == 16 and line.endswith("0.500000") for line in again)


def test_neighbors_of_classes_are_ignored_and_others_left_out(tmp_path):
    folder = write_kitti(tmp_path / "data", names=("Van", "Truck"))
    label = folder / "training/label_2/000000.txt"
    label.write_text(label.read_text().replace("Van", "Car").replace("Truck", "Car"))
    splits = read_boxed_clouds(folder)
    assert splits.class_names == ("Car",)
    every = [each for split in (splits.train, splits.test) for each in split.labels]
    assert sum(int(each.ignored.sum()) for each in every) > 0
    assert any("Truck are left out" in line for line in splits.decisions)


DAMAGE = [
    ("label_2/000000.txt", "Car 0 0", "expected 15 words"),
    ("label_2/000000.txt", "Car a 0 0 0 0 0 0 1 1 1 0 0 9 0", "expected numbers"),
    ("label_2/000000.txt", "Car 0 0 0 0 0 0 0 0 1 1 0 0 9 0", "positive height"),
    ("label_2/000000.txt", "Car 0 0 0 0 0 0 0 1 1 nan 0 0 9 0", "finite numbers"),
    ("calib/000000.txt", "P2: 1 2 3", "expected 12 finite numbers"),
    ("calib/000000.txt", "", "received no P2"),
    ("velodyne/000000.bin", "abc", "rows of 4 float32"),
]


@pytest.mark.parametrize(("file", "content", "said"), DAMAGE)
def test_a_damaged_frame_is_skipped_and_said(tmp_path, file, content, said):
    folder = write_kitti(tmp_path / "data")
    (folder / "training" / file).write_text(content)
    splits = read_boxed_clouds(folder)
    assert [said in each.reason for each in splits.skipped] == [True]
    assert len(splits.train) + len(splits.test) == 7


def test_missing_files_are_skipped_and_frames_without_boxes_kept(tmp_path):
    folder = write_kitti(tmp_path / "data")
    (folder / "training/calib/000001.txt").unlink()
    (folder / "training/velodyne/000002.bin").unlink()
    (folder / "training/label_2/000003.txt").write_text("")
    splits = read_boxed_clouds(folder)
    assert sorted(each.reason for each in splits.skipped) == ["no calib/000001.txt", "no velodyne/000002.bin"]
    assert any("have no box" in line for line in splits.decisions)


def test_boxes_in_other_coordinates_are_an_error(tmp_path):
    folder = write_table(tmp_path / "data")
    table = folder / "boxes.csv"
    lines = table.read_text().splitlines()
    moved = [line.replace("crate,", "crate,1").replace("post,", "post,1") for line in lines]
    table.write_text("\n".join(moved))
    with pytest.raises(DataError, match="that hold none") as caught:
        read_boxed_clouds(folder)
    assert "middle of a box" in caught.value.hint


def test_what_is_wrong_in_a_table_is_said_with_its_line(tmp_path):
    folder = write_table(tmp_path / "data")
    table = folder / "boxes.csv"
    good = table.read_text()
    for old, new, said in (("crate", "", "class of a box"), ("crate,", "crate,a", "number as x")):
        table.write_text(good.replace(old, new, 1))
        with pytest.raises(DataError, match=rf"line \d+: expected.*{said}"):
            read_boxed_clouds(folder)
    table.write_text(good + "gone.bin,crate,1,1,1,1,1,1,0\n")
    assert [each.path for each in read_boxed_clouds(folder).skipped] == ["gone.bin"]


def test_a_folder_without_boxes_is_an_error(tmp_path):
    folder = write_table(tmp_path / "data")
    (folder / "boxes.csv").unlink()
    with pytest.raises(DataError, match="expected clouds with boxes"):
        read_boxed_clouds(folder)
    shutil.rmtree(folder)
    with pytest.raises(DataError, match="no such file"):
        read_boxed_clouds(folder)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200))
def test_any_text_as_labels_is_boxes_or_an_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("labels") / "a.txt"
    path.write_text(text, "utf-8")
    try:
        assert isinstance(read_kitti_labels(path, CAMERA), list)
    except DataError as error:
        assert str(path) in error.message


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(["class", "x", "y", "z", "length", "width", "height"]), st.text()))
def test_any_row_is_a_box_or_an_error(row):
    try:
        assert len(label_of_row("here", row).values) == 7
    except DataError as error:
        assert error.message.startswith("here: expected")
