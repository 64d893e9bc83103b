"""One test for each row of the table in `convscope.kinds.image.readers.reader`."""

import os
import re

import pytest
from made_pictures import class_folders, picture, png, reasons, write
from test_decode import bomb

from convscope.errors import DataError
from convscope.kinds.image.readers.reader import read_images


def fails(path, *words):
    with pytest.raises(DataError) as caught:
        read_images(path)
    for word in words:
        assert re.search(word, caught.value.message), caught.value.message
    assert "\n" not in caught.value.message


@pytest.fixture
def folder(tmp_path):
    return class_folders(tmp_path / "data", {"cat": 4, "dog": 4})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"not a picture at all", "not an image"),
        (png(picture(0, 40, 40))[:200], "truncated or damaged PNG"),
        (bomb(50_000, 50_000), "too large"),
    ],
)
def test_a_bad_picture_is_skipped_and_listed(folder, data, reason):
    write(folder / "cat" / "bad.png", data)
    splits = read_images(folder)
    assert [one.path for one in splits.skipped] == [str(folder / "cat" / "bad.png")]
    assert splits.skipped[0].reason.startswith(reason)
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) == 8


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file whatever its permissions")
def test_a_file_without_permission_is_skipped_and_listed(folder):
    (folder / "cat" / "0.png").chmod(0)
    assert reasons(read_images(folder).skipped) == {"0.png": "permission denied"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder whatever its permissions")
def test_a_folder_without_permission_stops(folder):
    (folder / "cat").chmod(0)
    try:
        fails(folder, "cat", "cannot be read")
    finally:
        (folder / "cat").chmod(0o700)


def test_no_readable_picture_stops(tmp_path):
    for name in ("a/1.png", "b/1.png"):
        write(tmp_path / name, b"nothing")
    fails(tmp_path, "2 of 2 images are not readable", "1.png: not an image")


def test_more_than_half_unreadable_stops_and_half_does_not(folder):
    for number in range(8):
        write(folder / "dog" / f"bad{number}.png", b"bad")
    assert len(read_images(folder).skipped) == 8
    write(folder / "dog" / "one_more.png", b"bad")
    fails(folder, "9 of 17")


def test_a_class_with_one_picture_stops(folder):
    write(folder / "bird" / "0.png", png(picture(80)))
    fails(folder, "at least two images per class", "'bird'")


def test_a_class_that_is_only_in_test_stops(tmp_path):
    class_folders(tmp_path / "train", {"a": 3, "b": 3})
    class_folders(tmp_path / "test", {"a": 2, "c": 2}, first_seed=50)
    fails(tmp_path, "class 'c' is not in train, only in test")


def test_one_class_stops(tmp_path):
    fails(class_folders(tmp_path, {"only": 4}), "at least two classes, received only")


def test_split_folders_without_train_stop(tmp_path):
    class_folders(tmp_path / "test", {"a": 3, "b": 3})
    class_folders(tmp_path / "val", {"a": 3, "b": 3}, first_seed=30)
    fails(tmp_path, "expected a train split, received only validation, test")


def test_two_folders_for_one_split_stop(tmp_path):
    for folder in ("train", "val", "valid"):
        class_folders(tmp_path / folder, {"a": 3, "b": 3})
    fails(tmp_path, "one folder for validation, received val and valid")


def test_identical_pictures_across_given_splits_are_counted_in_a_warning(tmp_path):
    for folder, count in (("train", 6), ("validation", 3), ("test", 2)):
        class_folders(tmp_path / folder, {"a": count}, first_seed=0)
        class_folders(
            tmp_path / folder, {"b": count}, first_seed={"train": 50, "validation": 60, "test": 70}[folder]
        )
    assert read_images(tmp_path).warnings == (
        "3 validation images are identical to a train image",
        "2 test images are identical to a train image",
    )


def test_identical_pictures_with_different_labels_are_counted_in_a_warning(folder):
    for name in ("cat", "dog"):
        write(folder / name / "same.png", png(picture(99)))
    assert read_images(folder).warnings == ("1 group of identical images carries different labels",)


def test_links_out_of_the_folder_are_skipped(folder, tmp_path):
    outside = class_folders(tmp_path / "outside", {"x": 2}, first_seed=70)
    (folder / "cat" / "file.png").symlink_to(outside / "x" / "0.png")
    (folder / "cat" / "more").symlink_to(outside / "x")
    (folder / "elsewhere").symlink_to(outside)
    found = read_images(folder)
    assert reasons(found.skipped) == dict.fromkeys(
        ("file.png", "more", "elsewhere"), "a link that leaves the folder"
    )
    assert found.class_names == ("cat", "dog")


def test_broken_links_are_skipped(folder):
    (folder / "cat" / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "cat" / "itself").symlink_to(folder / "cat" / "itself")
    assert reasons(read_images(folder).skipped) == {"gone.png": "a broken link", "itself": "a broken link"}


def test_links_in_a_circle_end(folder):
    (folder / "cat" / "up").symlink_to(folder)
    (folder / "cat" / "self").symlink_to(folder / "cat")
    (folder / "cat" / "across").symlink_to(folder / "dog")
    (folder / "dog" / "across").symlink_to(folder / "cat")
    found = reasons(read_images(folder).skipped)
    assert found["up"] == found["self"] == "a link to a folder that contains it"
    assert found["across"] == "a link to a folder that was already read"


def test_a_pipe_does_not_hang(folder):
    os.mkfifo(folder / "cat" / "pipe.png")
    assert reasons(read_images(folder).skipped) == {"pipe.png": "not a regular file"}


def test_a_name_that_is_not_utf8_is_skipped(folder):
    write(folder / "cat" / os.fsdecode(b"\xff.png"), png(picture(1)))
    assert [one.reason for one in read_images(folder).skipped] == ["the name is not UTF-8"]


def test_a_missing_path_stops(tmp_path):
    fails(tmp_path / "nothing", "no such file or folder")
    fails(tmp_path / ("x" * 5000), "cannot be read")


def test_an_empty_folder_stops(tmp_path):
    fails(tmp_path, "class folders", "empty folder")


def test_loose_pictures_without_class_folders_stop(tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.png", png(picture(number)))
    fails(tmp_path, "0 folders and 3 files")


def test_an_empty_class_folder_is_listed(folder):
    (folder / "unicorn").mkdir()
    assert reasons(read_images(folder).skipped) == {"unicorn": "a class folder without files"}


def test_an_unknown_kind_of_file_stops(tmp_path):
    fails(write(tmp_path / "data.zip", b"PK"), "expected a folder", r"received '\.zip'")
