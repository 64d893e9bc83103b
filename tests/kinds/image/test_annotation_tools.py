"""Exports of tools that annotate images are read, or refused with the lines that write a table of them."""

import json

import numpy as np
import pytest
from PIL import Image

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError
from convscope.kinds.image.detect import detect
from convscope.kinds.image.readers.mask_reader import read_masked_images
from convscope.kinds.image.readers.reader import read_images


def images(folder, names, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for name in names:
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / name)


NAMES = [f"{number}.jpg" for number in range(12)]


def test_an_export_of_via_is_told_with_the_lines(tmp_path):
    images(tmp_path, NAMES)
    header = (
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    )
    row = '{},9,"{{}}",{},0,"{{""name"":""rect""}}","{{""kind"":""cat""}}"'
    lines = [row.format(name, at % 2) for at, name in enumerate(NAMES)]
    (tmp_path / "via.csv").write_text("\n".join([header, *lines]))
    with pytest.raises(DataError, match="export of VIA") as caught:
        read_images(tmp_path)
    assert "region_attributes" in caught.value.hint


def test_an_export_of_cvat_and_labels_of_matlab_are_told(tmp_path):
    images(tmp_path / "cvat" / "images", NAMES)
    xml = '<annotations><image id="0" name="0.jpg"><tag label="cat"></tag></image></annotations>'
    (tmp_path / "cvat" / "annotations.xml").write_text(xml)
    with pytest.raises(DataError, match="export of CVAT") as caught:
        read_images(tmp_path / "cvat")
    assert "labels.csv" in caught.value.hint
    images(tmp_path / "flowers" / "jpg", NAMES)
    (tmp_path / "flowers" / "imagelabels.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(DataError, match="MATLAB") as caught:
        read_images(tmp_path / "flowers")
    assert "scipy.io.loadmat" in caught.value.hint


def test_boxes_alone_are_no_masks(tmp_path):
    for split in ("train", "valid"):
        images(tmp_path / split, NAMES, seed=len(split))
        boxes = {
            "images": [
                {"id": at, "file_name": name, "height": 8, "width": 8} for at, name in enumerate(NAMES)
            ],
            "annotations": [
                {"id": at, "image_id": at, "category_id": 1, "bbox": [1, 1, 2, 2], "segmentation": []}
                for at in range(12)
            ],
            "categories": [{"id": 1, "name": "cat"}],
        }
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(boxes))
    with pytest.raises(DataError, match=r"received boxes in train/_annotations\.coco\.json") as caught:
        read_masked_images(tmp_path)
    assert "--recipe image-detection" in caught.value.hint


def test_one_folder_of_named_images_is_told_with_patterns(tmp_path):
    images(tmp_path / "faces", [f"{20 + at}_{at % 2}_{at % 3}_2017{at:04}.jpg" for at in range(12)])
    with pytest.raises(DataError, match="received faces") as caught:
        read_images(tmp_path)
    assert "--label-pattern" in caught.value.hint


def test_a_row_that_pandas_took_for_names_is_no_image(tmp_path):
    rng = np.random.default_rng(0)
    lines = [",".join(["0", *(f"0.{number}" for number in range(1, 82))])]
    for row in range(20):
        lines.append(",".join(map(str, [row % 2, *rng.integers(0, 256, 81)])))
    (tmp_path / "letters.csv").write_text("\n".join(lines))
    found = detect(DataSnapshot(tmp_path / "letters.csv"))
    assert found.recipe == "image-classification"
    splits = read_images(tmp_path / "letters.csv", label_column="0")
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) == 20
    assert splits.train.samples.load(0).shape[:2] == (9, 9)
