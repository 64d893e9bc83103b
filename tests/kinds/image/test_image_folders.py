import os
import random
import shutil

import numpy as np
import pytest
from made_pictures import class_folders, contents, names_of, picture, png, reasons, write

from convscope.kinds.image.readers.reader import read_images
from convscope.kinds.image.regression import read_numbered_images


def test_a_folder_per_class_is_read_and_said(tmp_path):
    splits = read_images(class_folders(tmp_path, {"dog": 20, "cat": 10}))
    assert splits.class_names == ("cat", "dog")
    assert splits.layout == "folder per class: 2 class folders"
    assert splits.counts() == {
        "train": {"cat": 8, "dog": 16},
        "validation": {"cat": 1, "dog": 2},
        "test": {"cat": 1, "dog": 2},
    }


def test_every_sample_has_the_label_of_its_folder_and_its_own_pixels(tmp_path):
    splits = read_images(class_folders(tmp_path, {"a": 5, "b": 5}))
    for split in (splits.train, splits.validation, splits.test):
        for index, (name, label) in enumerate(zip(split.names(), split.labels, strict=True)):
            folder, file = os.path.split(os.path.relpath(name, tmp_path))
            assert splits.class_names[label] == folder
            assert np.array_equal(split.samples.load(index), picture(int(file[0]) + 5 * (folder == "b")))


@pytest.mark.parametrize(
    "folders",
    [
        ("train", "validation", "test"),
        ("Training", "val", "testing"),
        ("train", "valid", "test"),
        ("train", "dev", "test"),
    ],
)
def test_split_folders_are_known_by_their_usual_names(tmp_path, folders):
    for number, folder in enumerate(folders):
        class_folders(tmp_path / folder, {"a": 3 - number, "b": 2}, first_seed=number * 10)
    splits = read_images(tmp_path)
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [5, 4, 3]
    assert all(folder in splits.layout for folder in folders)
    assert names_of(splits, "test", tmp_path)[0] == f"{folders[2]}/a/0.png"
    assert splits.decisions == ()


def test_a_missing_validation_split_is_drawn_from_train_and_said(tmp_path):
    class_folders(tmp_path / "train", {"a": 20, "b": 20})
    class_folders(tmp_path / "test", {"a": 4, "b": 4}, first_seed=100)
    splits = read_images(tmp_path, seed=7)
    assert splits.counts()["validation"] == {"a": 2, "b": 2}
    assert len(splits.test) == 8
    assert len(splits.decisions) == 1
    assert "no validation split" in splits.decisions[0]
    assert "seed 7" in splits.decisions[0]


def test_pictures_below_subfolders_belong_to_the_class(tmp_path):
    class_folders(tmp_path, {"a": 3, "b": 3})
    write(tmp_path / "a" / "more" / "deep" / "x.png", png(picture(50)))
    assert sum(read_images(tmp_path).counts()[name]["a"] for name in ("train", "validation", "test")) == 4


def test_the_same_seed_gives_the_same_splits_whatever_the_order_on_disk(tmp_path):
    first = class_folders(tmp_path / "first", {"a": 20, "b": 20})
    files = list(first.rglob("*.png"))
    random.Random(0).shuffle(files)
    second = tmp_path / "second"
    for file in files:
        target = second / file.relative_to(first)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    one, two, other = read_images(first, seed=1), read_images(second, seed=1), read_images(first, seed=2)
    assert one.fingerprint == two.fingerprint == other.fingerprint
    for name in ("train", "validation", "test"):
        assert names_of(one, name, first) == names_of(two, name, second)
    assert names_of(one, "test", first) != names_of(other, "test", first)


def test_the_fingerprint_changes_with_one_pixel_a_label_or_a_name(tmp_path):
    class_folders(tmp_path, {"a": 3, "b": 3})
    seen = {read_images(tmp_path).fingerprint}
    write(tmp_path / "a" / "0.png", png(picture(99)))
    seen.add(read_images(tmp_path).fingerprint)
    (tmp_path / "a" / "0.png").rename(tmp_path / "a" / "9.png")
    seen.add(read_images(tmp_path).fingerprint)
    (tmp_path / "a").rename(tmp_path / "c")
    seen.add(read_images(tmp_path).fingerprint)
    assert len(seen) == 4


def test_identical_pictures_stay_on_one_side_of_a_drawn_split(tmp_path):
    for name in ("a", "b"):
        for number in range(30):
            write(tmp_path / name / f"{number}.png", png(picture(number % 10 + 100 * (name == "b"))))
    splits = read_images(tmp_path)
    assert len(splits.test) > 0
    assert len(splits.validation) > 0
    assert not contents(splits.train) & (contents(splits.test) | contents(splits.validation))
    assert not contents(splits.test) & contents(splits.validation)
    assert splits.warnings == ()


def test_sizes_and_channels_are_known_without_reading_again(tmp_path):
    class_folders(tmp_path, {"a": 3}, height=5, width=9)
    class_folders(tmp_path, {"b": 3}, first_seed=9, height=7, width=4, channels=3)
    source = read_images(tmp_path).train.samples
    for index in range(len(source)):
        loaded = source.load(index)
        assert tuple(source.sizes[index]) == loaded.shape[:2]
        assert source.channels[index] == (1 if loaded.ndim == 2 else 3)


def test_progress_ends_at_the_number_of_files(tmp_path):
    seen = []
    read_images(class_folders(tmp_path, {"a": 4, "b": 3}), progress=lambda *step: seen.append(step))
    assert seen[-1] == (7, 7, "reading images")


def test_hidden_files_and_what_file_managers_leave_are_ignored(tmp_path):
    class_folders(tmp_path, {"a": 3, "b": 3})
    for junk in (".DS_Store", "a/Thumbs.db", "a/.hidden.png", "__MACOSX/a/0.png", "b/desktop.ini"):
        write(tmp_path / junk, b"junk")
    splits = read_images(tmp_path)
    assert splits.skipped == ()
    assert splits.class_names == ("a", "b")


def test_links_that_stay_inside_are_followed(tmp_path):
    root = class_folders(tmp_path / "data", {"a": 3, "b": 3})
    write(root / "store" / "x.png", png(picture(70)))
    (root / "a" / "linked.png").symlink_to(root / "store" / "x.png")
    (root / "b" / "more").symlink_to(root / "store")
    (tmp_path / "link").symlink_to(root)
    write(root / "store" / "y.png", png(picture(71)))
    splits = read_images(tmp_path / "link")
    totals = [
        sum(splits.counts()[name][one] for name in ("train", "validation", "test"))
        for one in ("a", "b", "store")
    ]
    assert totals == [4, 5, 2]
    assert splits.skipped == ()


def test_files_beside_class_folders_and_folders_beside_train_are_listed(tmp_path):
    class_folders(tmp_path / "train", {"a": 4, "b": 4})
    write(tmp_path / "README.txt", b"hello")
    write(tmp_path / "train" / "loose.png", png(picture(0)))
    write(tmp_path / "extra" / "c" / "0.png", png(picture(0)))
    assert reasons(read_images(tmp_path).skipped) == {
        "README.txt": "a file next to the class folders",
        "extra": "a folder next to train/",
        "loose.png": "a file next to the class folders",
    }


def test_a_pattern_takes_labels_from_the_names_of_images(tmp_path):
    for number in range(24):
        age, person = (20, 30)[number % 2], f"p{number // 4}"
        write(tmp_path / f"{age}_{person}_{number}.png", png(picture(number)))
    pattern = r"(?P<label>\d+)_(?P<group>p\d)_"
    splits = read_images(tmp_path, label_pattern=pattern)
    assert splits.class_names == ("20", "30")
    assert "groups: 6, by the label pattern; a group stays in one split" in splits.decisions
    ages = read_numbered_images(tmp_path, label_pattern=pattern)
    assert set(ages.train.labels) == {20.0, 30.0}


def test_folders_of_people_whose_images_say_more_are_doubted(tmp_path):
    for number in range(24):
        person, mood = ("ann", "bob", "cyd")[number % 3], ("glad", "sad")[number % 2]
        write(tmp_path / person / f"{person}_{mood}_{number}.png", png(picture(number)))
    splits = read_images(tmp_path)
    (line,) = (line for line in splits.decisions if line.startswith("labels"))
    assert "glad, sad, ... in every folder" in line
    assert "--label-pattern" in line
