"""Masks that tables and annotation tools write: run lengths, names of files, polygons."""

import csv
import json

import numpy as np
import pytest
from made_masks import NAMES, shapes, write_pairs
from PIL import Image

from convscope.data.masks import VOID
from convscope.errors import DataError
from convscope.kinds.image.readers.mask_coding import CITYSCAPES_CLASSES
from convscope.kinds.image.readers.mask_reader import read_masked_images
from convscope.kinds.registry import choose_recipe

COUNT = 12


def masks_of(splits):
    return {
        split.samples.key(i): mask.load()
        for split in (splits.train, splits.validation, splits.test)
        for i, mask in enumerate(split.labels)
    }


def write_images(folder, **options):
    (folder / "train").mkdir(parents=True)
    for number in range(COUNT):
        Image.fromarray(shapes(number)[0]).save(folder / "train" / f"{number:02d}.png", **options)
    return folder


def pairs(inside):
    """Run lengths as Kaggle writes them."""
    flat = np.concatenate([[0], inside.T.ravel(), [0]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(flat) == 1), np.flatnonzero(np.diff(flat) == -1)
    return " ".join(f"{start + 1} {end - start}" for start, end in zip(starts, ends, strict=True))


def write_table(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def is_read(folder, names, expected):
    assert choose_recipe(folder)[0].name == "image-segmentation"
    splits = read_masked_images(folder)
    assert splits.class_names == names
    found = masks_of(splits)
    assert len(found) == COUNT
    for key, mask in found.items():
        assert np.array_equal(mask, expected(shapes(int(key[-6:-4]))[1])), key
    return splits


def test_run_lengths_of_one_class_may_have_several_rows_or_none(tmp_path):
    folder = write_images(tmp_path / "data")
    rows = [(f"{n:02d}.png", pairs(shapes(n)[1] == k)) for n in range(COUNT) for k in (1, 2)]
    write_table(folder / "train.csv", [("ImageId", "EncodedPixels"), *rows])
    is_read(folder, ("background", "foreground"), lambda mask: mask > 0)
    names = [(f"{n:02d}", "" if n == 3 else pairs(shapes(n)[1] > 0)) for n in range(COUNT)]
    write_table(folder / "train.csv", [("id", "rle_mask"), *names])
    assert masks_of(read_masked_images(folder))["train/03.png"].max() == 0


@pytest.mark.parametrize("joined", [False, True])
def test_run_lengths_of_several_classes(tmp_path, joined):
    folder = write_images(tmp_path / "data")
    rows = [(f"{n:02d}.png", str(k), pairs(shapes(n)[1] == k)) for n in range(COUNT) for k in (1, 2)]
    if joined:
        table = [("ImageId_ClassId", "EncodedPixels"), *((f"{name}_{k}", runs) for name, k, runs in rows)]
    else:
        table = [("ImageId", "ClassId", "EncodedPixels"), *rows]
    write_table(folder / "train.csv", table)
    is_read(folder, ("background", "1", "2"), lambda mask: mask)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ("3 4 5", "pairs of a start"),
        ("0 4", "pairs of a start"),
        ("1 9 5 2", "overlap"),
        ("700 99", "within"),
    ],
)
def test_run_lengths_that_cannot_be_are_errors_with_the_line(tmp_path, runs, message):
    folder = write_images(tmp_path / "data")
    rows = [(f"{n:02d}.png", runs if n == 1 else "5 3") for n in range(COUNT)]
    write_table(folder / "train.csv", [("ImageId", "EncodedPixels"), *rows])
    with pytest.raises(DataError, match=rf"line 3: .*{message}"):
        read_masked_images(folder)


def test_a_table_names_images_and_masks_and_their_splits(tmp_path):
    folder = write_pairs(tmp_path / "data", COUNT, images="a", masks="b")
    rows = [(f"a/{n:02d}.png", f"b/{n:02d}.png", "train" if n < 8 else "test") for n in range(COUNT)]
    write_table(folder / "pairs.csv", [("image", "mask", "split"), *rows])
    assert len(is_read(folder, ("0", "1", "2"), lambda mask: mask).test) == 4
    assert len(masks_of(read_masked_images(folder / "pairs.csv"))) == COUNT
    write_table(folder / "pairs.csv", [("image", "mask"), ("a/00.png", "b/99.png")])
    with pytest.raises(DataError, match=r"received 'b/99\.png', which is not there"):
        read_masked_images(folder)


def corners_of(mask, number):
    rows, columns = np.nonzero(mask == number)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def square_alone(mask):
    """The square as a rectangle, on which the disc may lie."""
    left, top, right, bottom = corners_of(mask, 2)
    alone = np.zeros_like(mask)
    alone[top:bottom, left:right] = 1
    return alone


def test_shapes_of_labelme_are_drawn(tmp_path):
    folder = write_images(tmp_path / "data")
    for number in range(COUNT):
        left, top, right, bottom = map(int, corners_of(shapes(number)[1], 2))
        square = {"label": "square", "points": [[left, top], [right, bottom]], "shape_type": "rectangle"}
        line = {"label": "edge", "points": [[1, 1], [5, 5]], "shape_type": "line"}
        plain = {
            "version": "5",
            "flags": {},
            "shapes": [square, line],
            "imagePath": f"..\\x\\{number:02d}.png",
        }
        (folder / "train" / f"{number:02d}.json").write_text(json.dumps(plain))
    splits = is_read(folder, ("background", "square"), square_alone)
    assert any("a line, which has no area" in each.reason for each in splits.skipped)


def test_tasks_of_label_studio_are_drawn(tmp_path):
    folder, tasks = write_images(tmp_path / "data"), []
    for number in range(COUNT):
        left, top, right, bottom = (
            100 * each / side
            for each, side in zip(corners_of(shapes(number)[1], 2), (32, 24, 32, 24), strict=True)
        )
        points = [[left, top], [right, top], [right, bottom], [left, bottom]]
        result = {
            "type": "polygonlabels",
            "original_width": 32,
            "original_height": 24,
            "value": {"points": points, "polygonlabels": ["square"]},
        }
        data = {"image": f"/data/upload/1/0a1b2c3d-{number:02d}.png"}
        tasks.append({"id": number, "data": data, "annotations": [{"result": [result]}]})
    (folder / "export.json").write_text(json.dumps(tasks))
    is_read(folder, ("background", "square"), square_alone)
    tasks[0]["annotations"][0]["result"][0]["value"] = {"rle": [1, 2], "brushlabels": ["square"]}
    (folder / "export.json").write_text(json.dumps(tasks))
    with pytest.raises(DataError, match="drawn with a brush") as caught:
        read_masked_images(folder)
    assert "PNG masks" in caught.value.hint


def test_annotations_of_supervisely_are_refused_with_what_to_export(tmp_path):
    folder = write_images(tmp_path / "data")
    plain = {"objects": [{"classTitle": "car", "geometryType": "bitmap"}]}
    (folder / "train" / "00.png.json").write_text(json.dumps(plain))
    assert choose_recipe(folder)[0].name == "image-segmentation"
    with pytest.raises(DataError, match="Supervisely") as caught:
        read_masked_images(folder)
    assert "COCO" in caught.value.hint


def test_regions_of_coco_are_turned_as_exif_turns_their_images(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = write_images(tmp_path / "data", exif=exif)
    images, annotations = [], []
    for number in range(COUNT):
        images.append({"id": number, "file_name": f"{number:02d}.png", "height": 24, "width": 32})
        left, top, right, bottom = map(int, corners_of(shapes(number)[1], 2))
        polygon = [left, top, right, top, right, bottom, left, bottom]
        annotations.append({"image_id": number, "category_id": 1, "segmentation": [polygon]})
    plain = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "square"}]}
    (folder / "all.json").write_text(json.dumps(plain))
    splits = is_read(folder, ("background", "square"), lambda mask: np.rot90(square_alone(mask), -1))
    assert any(line.startswith("masks: turned as EXIF") for line in splits.decisions)


def test_the_values_of_cityscapes_have_names_and_those_left_out_are_void(tmp_path):
    for number in range(COUNT):
        pixels, mask = shapes(number)
        for kind, name, array in (
            ("leftImg8bit", f"{number:02d}_leftImg8bit.png", pixels),
            ("gtFine", f"{number:02d}_gtFine_labelIds.png", np.choose(mask, [7, 26, 3]).astype(np.uint8)),
        ):
            path = tmp_path / kind / "train" / "ulm" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
    splits = read_masked_images(tmp_path)
    assert splits.class_names == ("road", "car")
    first = splits.train.labels[0]
    assert first.void > 0
    assert set(np.unique(first.load())) == {0, 1, VOID}
    assert sum(map(bool, CITYSCAPES_CLASSES)) == 19


def test_255_of_a_palette_is_void(tmp_path):
    def save(mask, path):
        image = Image.fromarray(np.where(mask == 2, 255, mask).astype(np.uint8))
        image.putpalette(list(range(256)) * 3)
        image.save(path)

    write_pairs(tmp_path, COUNT, images="JPEGImages", masks="SegmentationClass", save=save)
    splits = read_masked_images(tmp_path)
    assert splits.class_names == ("background", "aeroplane")
    assert splits.train.labels[0].void > 0
    assert NAMES[0] == splits.class_names[0]
