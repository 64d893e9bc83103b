import numpy as np
import pytest
from made_pictures import class_folders, picture, png, reasons, write

from convscope.errors import DataError
from convscope.kinds.image.readers.inputs import read_inputs


def test_files_folders_and_patterns_are_read_in_the_order_given(tmp_path):
    class_folders(tmp_path, {"b": 2, "a": 2})
    write(tmp_path / "one.png", png(picture(30)))
    inputs = read_inputs([str(tmp_path / "one.png"), str(tmp_path / "b"), str(tmp_path / "a" / "*.png")])
    assert [inputs.name(index) for index in range(len(inputs))] == [
        str(tmp_path / name) for name in ("one.png", "b/0.png", "b/1.png", "a/0.png", "a/1.png")
    ]
    assert np.array_equal(inputs.load(0), picture(30))
    assert inputs.sizes.tolist() == [[8, 6]] * 5


def test_folders_are_read_at_any_depth_and_every_file_once(tmp_path):
    class_folders(tmp_path, {"a/b/c": 2, "d": 1})
    inputs = read_inputs([str(tmp_path), str(tmp_path / "**" / "*.png"), str(tmp_path / "**")])
    assert len(inputs) == 3


def test_a_name_with_brackets_is_that_file(tmp_path):
    path = write(tmp_path / "scan[1].png", png(picture(0)))
    assert len(read_inputs([str(path)])) == 1


def test_what_is_not_a_picture_is_skipped_and_listed(tmp_path):
    class_folders(tmp_path, {"a": 1})
    write(tmp_path / "notes.txt", b"hello")
    write(tmp_path / "empty.png", b"")
    (tmp_path / "away.png").symlink_to("/etc/hostname")
    found = reasons(read_inputs([str(tmp_path)]).skipped)
    assert found["empty.png"] == "empty"
    assert found["away.png"] == "a link that leaves the folder"
    assert found["notes.txt"].startswith("not an image")


@pytest.mark.parametrize(
    ("name", "reason"), [("none.png", "no such file"), ("*.png", "matches no file"), ("", "received none")]
)
def test_nothing_to_read_stops(tmp_path, name, reason):
    with pytest.raises(DataError, match=reason):
        read_inputs([str(tmp_path / name)])


def test_no_paths_stop():
    with pytest.raises(DataError, match="no inputs"):
        read_inputs([])
