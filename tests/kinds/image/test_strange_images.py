"""Layouts of images as people find them on disk."""

import json

import numpy as np
import pytest
from made_pictures import class_folders, picture, png, reasons, write
from PIL import Image

from convscope.data.file_labels import labels_of_names
from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError
from convscope.kinds.image.detect import detect
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.image.readers.reader import read_images


def many(folder, names, first=0):
    for number, name in enumerate(names, first):
        write(folder / name, png(picture(number)))
    return folder


def rows(path, *lines):
    return write(path, ("\n".join(lines) + "\n").encode())


def kaggle(folder, count=12):
    many(folder / "train", [f"{k:04d}.png" for k in range(count)])
    return rows(folder / "train.csv", "id,breed", *(f"{k:04d},{'ab'[k % 2]}" for k in range(count)))


def test_ids_without_ending_are_found_in_the_folder_of_the_tables_name(tmp_path):
    table = kaggle(tmp_path)
    many(tmp_path / "test", [f"{k:04d}.png" for k in range(12)], first=50)
    splits = read_images(table)
    assert splits.class_names == ("a", "b")
    assert all("/train/" in name for name in splits.train.names())
    found = detect(DataSnapshot(table))
    assert found.confidence > 0.9
    assert "without their endings" in found.reason


def test_a_folder_of_table_images_and_a_form_for_answers_is_read(tmp_path):
    kaggle(tmp_path)
    many(tmp_path / "test", [f"t{k}.png" for k in range(3)], first=50)
    rows(tmp_path / "test.csv", "id", "t0", "t1", "t2")
    rows(tmp_path / "sample_submission.csv", "id,breed", "t0,a", "t1,a", "t2,a")
    splits = read_images(tmp_path)
    assert (
        splits.counts()["train"]["a"] + splits.counts()["test"]["a"] + splits.counts()["validation"]["a"] == 6
    )
    assert reasons(splits.skipped)["sample_submission.csv"] == "a table of answers to be filled in"
    assert any("test.csv, a table of images without labels" in line for line in splits.decisions)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_any_delimiter_will_do(tmp_path, delimiter):
    many(tmp_path, [f"{k}.png" for k in range(12)])
    table = rows(
        tmp_path / "labels.csv",
        delimiter.join(("filename", "class")),
        *(delimiter.join((f"{k}.png", "ab"[k % 2])) for k in range(12)),
    )
    assert read_images(table).class_names == ("a", "b")
    assert detect(DataSnapshot(table)).recipe == "image-classification"


def test_a_table_in_a_folder_beside_the_images_is_read(tmp_path):
    many(tmp_path / "images", [f"{k}.JPG" for k in range(12)])
    table = rows(tmp_path / "meta" / "x.csv", "name,kind", *(f"{k},{'ab'[k % 2]}" for k in range(12)))
    assert read_images(table).class_names == ("a", "b")
    assert detect(DataSnapshot(table)).recipe == "image-classification"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("sub/pic 1.png", "sub\\pic 1.png"),
        ("sub/pic 1.png", "sub/pic%201.png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
        ("A1.PNG", "a1.png"),
    ],
)
def test_names_are_found_as_people_write_them(tmp_path, name, written):
    many(tmp_path / "images", [name, *(f"{k}.png" for k in range(5))])
    table = rows(
        tmp_path / "t.csv", "file,label", f"{written},a", *(f"{k}.png,{'ab'[k % 2]}" for k in range(5))
    )
    splits = read_images(table)
    assert reasons(splits.skipped) == {}
    assert (
        splits.counts()["train"]["a"] + splits.counts()["test"]["a"] + splits.counts()["validation"]["a"] == 4
    )


def test_columns_of_which_one_is_1_are_the_classes(tmp_path):
    many(tmp_path, [f"{k}.png" for k in range(12)])
    table = rows(
        tmp_path / "t.csv", "image,MEL,NV", *(f"{k},{int(k % 2 == 0)},{int(k % 2 == 1)}" for k in range(12))
    )
    splits = read_images(table)
    assert splits.class_names == ("MEL", "NV")
    assert "class from 'MEL'" in splits.decisions[0]


def test_several_classes_of_one_image_are_refused_with_what_to_do(tmp_path):
    many(tmp_path, [f"{k}.png" for k in range(4)])
    table = rows(tmp_path / "t.csv", "image,cat,dog", "0,1,0", "1,1,1", "2,0,1", "3,1,0")
    with pytest.raises(DataError, match=r"line 3: .*multi-label") as caught:
        read_images(table)
    assert "--label-column cat" in caught.value.hint
    table = rows(tmp_path / "u.csv", "image,label", "0,cat|dog", "1,cat", "2,dog", "3,cat")
    with pytest.raises(DataError, match="multi-label"):
        read_images(table)


def test_two_columns_that_may_be_the_label_are_both_named(tmp_path):
    many(tmp_path, [f"{k}.png" for k in range(8)])
    table = rows(
        tmp_path / "t.csv", "image,genre,topic", *(f"{k},{'ab'[k % 2]},{'cd'[k // 4]}" for k in range(8))
    )
    with pytest.raises(DataError, match=r"'genre' .2 classes: a, b.; 'topic' .2 classes: c, d.") as caught:
        read_images(table)
    assert "--label-column" in caught.value.hint
    assert read_images(table, label_column="topic").class_names == ("c", "d")


def test_metadata_in_each_split_is_read(tmp_path):
    for split, first in (("train", 0), ("test", 20)):
        many(tmp_path / split, [f"{k}.png" for k in range(6)], first=first)
        lines = [json.dumps({"file_name": f"{k}.png", "label": "ab"[k % 2]}) for k in range(6)]
        rows(tmp_path / split / "metadata.jsonl", *lines)
    splits = read_images(tmp_path)
    assert len(splits.test) == 6
    assert len(splits.train) + len(splits.validation) == 6


def test_patients_stay_on_one_side(tmp_path):
    many(tmp_path, [f"{k}.png" for k in range(60)])
    lines = [f"{k}.png,{'ab'[k // 2 % 2]},p{k // 6}" for k in range(60)]
    splits = read_images(rows(tmp_path / "t.csv", "image,label,patient", *lines))
    sides = [
        {int(name.rpartition("/")[2][:-4]) // 6 for name in splits[each].names()}
        for each in ("train", "test")
    ]
    assert not sides[0] & sides[1]


@pytest.mark.parametrize(
    "form", ["{label}.{k}.jpg", "{label}_{k}.png", "{label} ({k}).png", "{label}{k}.png"]
)
def test_labels_before_the_number_of_a_file(tmp_path, form):
    many(tmp_path, [form.format(label=label, k=k) for label in ("cat", "dog") for k in range(4)])
    splits = read_images(tmp_path)
    assert splits.class_names == ("cat", "dog")
    assert splits.decisions[0].startswith("labels: from the names of the files")


def test_labels_in_names_of_each_split(tmp_path):
    many(tmp_path / "train", [f"{label}.{k}.jpg" for label in ("cat", "dog") for k in range(4)])
    many(tmp_path / "test1", [f"{k}.jpg" for k in range(3)], first=50)
    splits = read_images(tmp_path)
    assert splits.class_names == ("cat", "dog")
    assert "left out: test1/, 3 images without labels in their names" in splits.decisions


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{k:03d}.jpg" for k in range(9)],
        [f"{word}.jpg" for word in ("sea", "lake", "pond")],
        [f"{word}_1.jpg" for word in ("sea", "lake", "pond")],
        [f"2024{k:02d}_{k}.png" for k in range(9)],
    ],
)
def test_other_names_say_no_label(names):
    assert labels_of_names(names) is None


@pytest.mark.parametrize(("header", "channels"), [(True, 1), (False, 1), (True, 3)])
def test_rows_of_pixels_are_images(tmp_path, header, channels):
    images = [picture(k, 9, 9, channels) for k in range(8)]
    lines = [f"{k % 2}," + ",".join(map(str, image.ravel())) for k, image in enumerate(images)]
    names = "label," + ",".join(f"pixel{k}" for k in range(81 * channels))
    table = rows(tmp_path / "rows.csv", *([names] if header else []), *lines)
    assert detect(DataSnapshot(table)).recipe == "image-classification"
    splits = read_images(table)
    first = int(splits.train.names()[0].rpartition("#")[2])
    assert np.array_equal(splits.train.samples.load(0), images[first])
    assert np.array_equal(read_inputs([str(table)]).load(3), images[3])


def test_pixels_that_are_no_square_are_refused_as_images(tmp_path):
    names = ",".join(f"pixel{k}" for k in range(20))
    lines = [f"{k % 2}," + ",".join(str(k + each) for each in range(20)) for k in range(4)]
    table = rows(tmp_path / "rows.csv", f"label,{names}", *lines)
    assert detect(DataSnapshot(table)).recipe == "image-classification"
    with pytest.raises(DataError, match="pixels of a square image, received 20") as caught:
        read_images(table)
    assert ".npz" in caught.value.hint


def test_arrays_in_files_of_their_own_are_read(tmp_path):
    images = np.stack([picture(k, 9, 9) for k in range(8)])
    np.save(tmp_path / "X_train.npy", images)
    np.save(tmp_path / "y_train.npy", np.arange(8) % 2)
    assert detect(DataSnapshot(tmp_path)).recipe == "image-classification"
    assert read_images(tmp_path).class_names == ("0", "1")
    (tmp_path / "y_train.npy").unlink()
    assert len(read_inputs([str(tmp_path / "X_train.npy")])) == 8


def test_twelve_bits_of_sixteen_use_all_grays_and_predict_likewise(tmp_path):
    for k in range(8):
        values = np.full((8, 8), 1000 + 100 * (k % 4), np.uint16)
        (tmp_path / "ab"[k % 2]).mkdir(exist_ok=True)
        values[0, 0] = 1000 + k
        Image.fromarray(values).save(tmp_path / "ab"[k % 2] / f"{k}.png")
    splits = read_images(tmp_path)
    assert splits.reading == {"intensity_range": [1000, 1300]}
    assert any(
        line.startswith("intensity_range: 1,000 is black and 1,300 is white") for line in splits.decisions
    )
    inputs = read_inputs([str(tmp_path / "b")], intensity_range=[1000, 1300])
    assert sorted({int(inputs.load(k)[1, 1]) for k in range(4)}) == [85, 255]


def test_decimals_keep_their_steps_by_one_range_of_all_images_and_predict_likewise(tmp_path):
    for k in range(8):
        (tmp_path / "ab"[k % 2]).mkdir(exist_ok=True)
        values = np.full((8, 8), 20 + k / 4, np.float32)
        values[0, 0] = 20 + k / 8
        Image.fromarray(values).save(tmp_path / "ab"[k % 2] / f"{k}.tif")
    splits = read_images(tmp_path)
    assert splits.reading == {"intensity_range": [20.0, 21.75]}
    assert any(
        line.startswith("intensity_range: 20 is black and 21.75 is white") for line in splits.decisions
    )
    inputs = read_inputs([str(tmp_path / "b")], intensity_range=[20.0, 21.75])
    assert [int(inputs.load(k)[1, 1]) for k in range(4)] == [36, 109, 182, 255]


@pytest.mark.parametrize(
    ("name", "options"), [("a.avif", {"quality": 100}), ("a.jp2", {"irreversible": False})]
)
def test_newer_formats_are_read(tmp_path, name, options):
    image = np.full((16, 16, 3), 128, np.uint8)
    Image.fromarray(image).save(tmp_path / name, **options)
    assert np.abs(read_inputs([str(tmp_path / name)]).load(0).astype(int) - 128).max() <= 2


def test_heic_without_its_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    write(tmp_path / "a.heic", b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(DataError, match=r"\[heic\]"):
        read_inputs([str(tmp_path / "a.heic")])


def test_class_folders_with_a_table_that_says_the_same_are_class_folders(tmp_path):
    class_folders(tmp_path, {"a": 4, "b": 4})
    rows(tmp_path / "labels.csv", "path,label", *(f"{c}/{k}.png,{c}" for c in "ab" for k in range(4)))
    assert read_images(tmp_path).layout.startswith("folder per class")


def test_lists_with_numbers_and_the_names_of_classes(tmp_path):
    many(tmp_path / "images", [f"i{k}.png" for k in range(12)])
    rows(tmp_path / "train.txt", *(f"images/i{k}.png {k % 2}" for k in range(8)))
    rows(tmp_path / "test.txt", *(f"images/i{k}.png {k % 2}" for k in range(8, 12)))
    rows(tmp_path / "classes.txt", "cat", "dog")
    splits = read_images(tmp_path)
    assert splits.counts()["test"] == {"cat": 2, "dog": 2}
    assert "classes: named by the lines of classes.txt" in splits.decisions


def test_a_name_of_several_images_is_no_name(tmp_path):
    for c in "ab":
        many(tmp_path / c, [f"{k}.png" for k in range(4)])
    table = rows(tmp_path / "t.csv", "file,label", *(f"{k}.png,{k % 2}" for k in range(4)))
    with pytest.raises(DataError, match=r"line 2: several images are called 0\.png"):
        read_images(table)


def test_several_sources_are_read_one_at_a_time(tmp_path):
    table = kaggle(tmp_path)
    assert len(read_inputs([str(table)])) == 12
    with pytest.raises(DataError, match="holds many images"):
        read_inputs([str(table), str(tmp_path / "train")])


def test_a_table_beside_those_of_the_splits_is_set_aside_and_another_gives_the_reason(tmp_path):
    for split in ("Train", "Test", "Meta"):
        rows = [f"{split}/{k}.png,{k % 2}\n" for k in range(4)]
        (tmp_path / f"{split}.csv").write_text("Path,ClassId\n" + "".join(rows))
        for k in range(4):
            write(tmp_path / split / f"{k}.png", png(picture(k + 10 * len(split), 9, 9)))
    (tmp_path / "sample_submission.csv").write_text("Path,ClassId\nTest/0.png,0\n")
    assert detect(DataSnapshot(tmp_path)).reason.startswith("Train.csv")
    splits = read_images(tmp_path)
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (4, 4)
    assert any("Meta.csv, a table beside those of the splits" in line for line in splits.decisions)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels/train/0.txt", "0 0.5 0.5 0.25 0.25\n"),
        ("annotations/instances.json", '{"annotations": [{"bbox": [1, 2, 3, 4], "category_id": 1}]}'),
        ("labels/0.xml", "<annotation><object><bndbox><xmin>1</xmin></bndbox></object></annotation>"),
    ],
)
def test_boxes_of_objects_are_refused_by_name(tmp_path, name, text):
    for k in range(4):
        write(tmp_path / "images" / "train" / f"{k}.png", png(picture(k, 9, 9)))
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=f"{name}, which says where objects are") as caught:
        read_images(tmp_path)
    assert "--recipe image-detection" in caught.value.hint
    assert "cut each box out" in caught.value.hint


def test_arrays_with_channels_first_are_refused_with_the_way_to_turn_them(tmp_path):
    np.save(tmp_path / "data.npy", np.zeros((6, 3, 9, 10), np.uint8))
    np.save(tmp_path / "labels.npy", np.arange(6) % 2)
    assert detect(DataSnapshot(tmp_path)).recipe == "image-classification"
    with pytest.raises(DataError, match="channels come first") as caught:
        read_images(tmp_path)
    assert "transpose(0, 2, 3, 1)" in caught.value.hint


def stored(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)).save(path)


@pytest.mark.parametrize("folders", ["set_part_{}", "images_00{}"])
def test_numbered_parts_are_no_classes_where_a_table_names_the_images(tmp_path, folders):
    rows = ["image_id,dx,sex"]
    for k in range(24):
        stored(tmp_path / folders.format(k % 2 + 1) / f"ISIC_{k}.jpg", k)
        rows.append(f"ISIC_{k},{['nv', 'mel', 'bkl'][k // 2 % 3]},{['male', 'female'][k // 6 % 2]}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(DataError, match=r"'dx' \(3 classes.*'sex' \(2 classes"):
        read_images(tmp_path)
    assert read_images(tmp_path, label_column="dx").class_names == ("bkl", "mel", "nv")


def test_class_folders_beside_a_table_of_several_columns_are_said_to_be_the_labels(tmp_path):
    rows = ["image_id,dx,sex"]
    for k in range(24):
        stored(tmp_path / ("cats", "dogs")[k % 2] / f"{k}.jpg", k)
        rows.append(f"{k},{['nv', 'mel', 'bkl'][k // 2 % 3]},{['male', 'female'][k // 6 % 2]}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    splits = read_images(tmp_path)
    assert splits.class_names == ("cats", "dogs")
    assert any("labels: the folders, although a table names images, too" in line for line in splits.decisions)


def pixel_table(path, count, label=True):
    rng = np.random.default_rng(count)
    names = [*(["label"] if label else []), *(f"pixel{k}" for k in range(64))]
    rows = [[*([k % 3] if label else []), *rng.integers(0, 256, 64)] for k in range(count)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")


@pytest.mark.parametrize("given", ["", "mnist_train.csv"])
def test_rows_of_pixels_lie_in_a_table_for_each_split_beside_a_stray_picture(tmp_path, given):
    pixel_table(tmp_path / "mnist_train.csv", 30)
    pixel_table(tmp_path / "mnist_test.csv", 12)
    stored(tmp_path / "example.png", 0)
    splits = read_images(tmp_path / given)
    assert len(splits.test) == 12 and len(splits.train) + len(splits.validation) == 30
    assert splits.test.names()[0].endswith("mnist_test.csv#0")


def test_rows_of_pixels_of_a_test_table_without_labels_are_left_out(tmp_path):
    pixel_table(tmp_path / "train.csv", 30)
    pixel_table(tmp_path / "test.csv", 12, label=False)
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n2,0\n")
    splits = read_images(tmp_path)
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) == 30
    assert any("test.csv, a table of images without labels" in line for line in splits.decisions)
