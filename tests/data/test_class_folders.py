import json
from collections import Counter

import pytest

from convscope.data.class_folders import class_files
from convscope.data.listing import Listing
from convscope.errors import DataError


def made(root, *keys):
    for key in keys:
        for name in [f"{key}{number}.png" for number in range(3)] if key.endswith("/") else [key]:
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x")
    return root


def found(root):
    listing = Listing(str(root))
    return class_files(listing, "images", lambda key: key.endswith(".png")), listing


def classes_by_split(root):
    files, _ = found(root)
    counts = Counter(zip(files.splits, files.labels, strict=True))
    assert set(counts.values()) == {3}
    return {split: sorted(label for each, label in counts if each == split) for split in set(files.splits)}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("training_set", "test_set"),
        ("20news-bydate-train", "20news-bydate-test"),
        ("Train_Set/images", "Test_Set/images"),
        ("flowers/train", "flowers/test"),
    ],
)
def test_splits_are_known_by_pattern_and_content(tmp_path, train, test):
    made(tmp_path, f"{train}/rose/", f"{train}/lily/", f"{test}/rose/", f"{test}/lily/")
    assert classes_by_split(tmp_path) == {"train": ["lily", "rose"], "test": ["lily", "rose"]}


def test_a_folder_train_beside_other_vehicles_is_a_class_and_that_is_said(tmp_path):
    made(tmp_path, "train/", "bus/", "car/")
    assert classes_by_split(tmp_path) == {None: ["bus", "car", "train"]}
    assert "train too" in found(tmp_path)[0].decisions[0]


def test_splits_of_images_without_class_folders_are_no_classes(tmp_path):
    made(tmp_path, "train/", "test/")
    with pytest.raises(
        DataError, match=r"test/, .*train/ can be splits whose images have no class folders, or classes"
    ):
        found(tmp_path)


def test_unlabeled_images_are_left_out(tmp_path):
    made(tmp_path, "train/cat/", "train/dog/", "test/", "seg_pred/")
    files, listing = found(tmp_path)
    assert set(files.splits) == {"train"}
    assert files.decisions == ("left out: test/, 3 images without class folders: no labels",)
    reasons = {each.path.rpartition("/")[2]: each.reason for each in listing.skipped}
    assert reasons["test"] == "3 images without class folders: no labels"
    assert reasons["seg_pred"] == "a folder next to train/"


def test_folders_of_something_else_are_no_classes(tmp_path):
    made(tmp_path, "yes/", "no/", "_background_noise_/", "masks/", "annotations/a.xml", "yes/notes.xml")
    files, listing = found(tmp_path)
    assert set(files.labels) == {"yes", "no"}
    reasons = {each.path.rpartition("/")[2]: each.reason for each in listing.skipped}
    assert reasons == {
        "_background_noise_": "a folder that is no class by its name",
        "masks": "a folder that is no class by its name",
        "annotations": "a folder without images",
        "notes.xml": "its name is not that of one of the images",
    }


def test_a_folder_around_the_class_folders_is_entered_and_said(tmp_path):
    made(tmp_path, "data/images/cat/", "data/images/dog/", "data/labels.txt")
    assert classes_by_split(tmp_path) == {None: ["cat", "dog"]}
    assert found(tmp_path)[0].decisions == ("folder: data/images/, the only one with images",)


def test_folds_and_speakers_are_groups(tmp_path):
    made(tmp_path, *(f"speaker_{number}/{word}/" for number in (1, 2, 10) for word in ("yes", "no")))
    files, _ = found(tmp_path)
    assert set(zip(files.labels, files.groups, strict=True)) == {
        (word, f"speaker_{number}") for number in (1, 2, 10) for word in ("yes", "no")
    }


def test_folds_without_classes_ask_for_the_table(tmp_path):
    made(tmp_path, "audio/fold1/", "audio/fold2/", "meta/clips.csv")
    with pytest.raises(DataError, match="folds with images and no class folders") as caught:
        found(tmp_path)
    assert caught.value.hint.endswith("meta/clips.csv.")


def test_one_data_set_in_two_forms_is_asked_about(tmp_path):
    made(tmp_path, "images_original/a/", "images_original/b/", "images_gray/a/", "images_gray/b/")
    with pytest.raises(
        DataError, match=r"images_gray/, images_original/ can be the classes, or .* classes a, b"
    ):
        found(tmp_path)


def test_outer_folders_are_classes_where_the_inner_are_called_alike_and_that_is_said(tmp_path):
    made(tmp_path, "cat/day1/", "cat/day2/", "dog/day1/", "dog/day2/")
    files, _ = found(tmp_path)
    assert set(files.labels) == {"cat", "dog"}
    assert "those in them (day1, day2) are not told apart" in files.decisions[0]


def test_published_lists_give_the_splits(tmp_path):
    made(tmp_path, "yes/", "no/")
    (tmp_path / "validation_list.txt").write_text("yes/0.png\nno\\0.png\n")
    (tmp_path / "testing_list.txt").write_text("yes/1.png\n")
    files, listing = found(tmp_path)
    assert Counter(files.splits) == {"validation": 2, "test": 1, "train": 3}
    assert "testing_list.txt is test, validation_list.txt is validation" in files.decisions[0]
    assert listing.skipped == []


def test_lists_that_name_train_too_leave_out_the_rest(tmp_path):
    made(tmp_path, "images/pie/", "images/soup/")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "train.txt").write_text("pie/0\nsoup/0\nsoup/1\n")
    (tmp_path / "meta" / "test.txt").write_text("pie/1\n")
    files, listing = found(tmp_path)
    assert Counter(files.splits) == {"train": 3, "test": 1}
    assert [each.reason for each in listing.skipped].count("in none of the lists of splits") == 2


def test_a_sample_in_lists_of_two_splits_is_an_error(tmp_path):
    made(tmp_path, "a/", "b/")
    for name in ("train.txt", "test.txt"):
        (tmp_path / name).write_text("a/0.png\n")
    with pytest.raises(DataError, match=r"a/0\.png in lists of"):
        found(tmp_path)


def test_a_text_that_is_no_list_gives_no_splits(tmp_path):
    made(tmp_path, "a/", "b/")
    (tmp_path / "test.txt").write_text("These images were taken\nby nobody in particular.\n")
    assert set(found(tmp_path)[0].splits) == {None}


def test_a_list_of_numbered_files_and_marks_of_train_and_test_gives_the_splits(tmp_path):
    made(tmp_path, "images/1.gull/", "images/2.tern/")
    (tmp_path / "images.txt").write_text(
        "".join(f"{at} {name}/{at % 3}.png\n" for at, name in enumerate(["1.gull"] * 3 + ["2.tern"] * 3))
    )
    (tmp_path / "train_test_split.txt").write_text("0 1\n1 1\n2 0\n3 1\n4 0\n5 1\n")
    files, _ = found(tmp_path)
    assert dict(zip(files.keys, files.splits, strict=True))["images/2.tern/1.png"] == "test"
    assert Counter(files.splits) == {"train": 4, "test": 2}
    assert any("train_test_split.txt is train and test" in line for line in files.decisions)


def test_a_list_with_several_columns_behind_the_names_gives_the_splits(tmp_path):
    made(tmp_path, "gull/", "tern/")
    (tmp_path / "trainval.txt").write_text("# name class kind\ngull/0 1 1\ngull/1 1 1\ntern/0 2 1\n")
    (tmp_path / "test.txt").write_text("tern/1 2 1\n")
    assert Counter(found(tmp_path)[0].splits) == {"train": 3, "test": 1}


def test_a_list_of_a_split_that_cannot_be_used_is_named(tmp_path):
    made(tmp_path, "gull/", "tern/")
    (tmp_path / "test.txt").write_text("what\nis\nthis\n")
    files, _ = found(tmp_path)
    assert set(files.splits) == {None}
    assert any("test.txt is not used" in line for line in files.decisions)


def test_splits_within_each_class_are_the_splits(tmp_path):
    made(tmp_path, *(f"{name}/{split}/" for name in ("chair", "sofa") for split in ("train", "test")))
    assert classes_by_split(tmp_path) == {"train": ["chair", "sofa"], "test": ["chair", "sofa"]}


def test_splits_beside_other_folders_within_classes_are_no_splits(tmp_path):
    made(tmp_path, "chair/train/", "chair/more/", "sofa/train/", "sofa/more/")
    files, _ = found(tmp_path)
    assert set(zip(files.splits, files.labels, strict=True)) == {(None, "chair"), (None, "sofa")}


@pytest.mark.parametrize("together", [True, False])
def test_lists_in_json_give_the_splits(tmp_path, together):
    made(tmp_path, "chair/", "sofa/")
    lists = {
        "train": ["shapes/chair/0", "shapes/chair/2", "shapes/sofa/0.png", "shapes/sofa/1.png"],
        "test": ["shapes/chair/1", "shapes/sofa/2.png"],
    }
    if together:
        (tmp_path / "splits.json").write_text(json.dumps(lists))
    else:
        (tmp_path / "lists").mkdir()
        for name, keys in lists.items():
            (tmp_path / "lists" / f"shuffled_{name}_files.json").write_text(json.dumps(keys))
    files, _ = found(tmp_path)
    splits = dict(zip(files.keys, files.splits, strict=True))
    assert splits["chair/1.png"] == splits["sofa/2.png"] == "test"
    assert sorted(key for key, split in splits.items() if split == "train") == [
        "chair/0.png",
        "chair/2.png",
        "sofa/0.png",
        "sofa/1.png",
    ]


@pytest.mark.parametrize("content", ['["nothing", "of", "these"]', '{"train": [1, 2]}', '["chair/0"', "{}"])
def test_other_json_is_no_list(tmp_path, content):
    made(tmp_path, "chair/", "sofa/")
    (tmp_path / "train.json").write_text(content)
    assert set(found(tmp_path)[0].splits) == {None}
