"""Boxes of every form become the same ones, and what is wrong is mended, counted or refused."""

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from made_boxes import (
    NAMES,
    SIDES,
    save,
    scene,
    voc,
    write_coco,
    write_createml,
    write_labelme,
    write_objects,
    write_table,
    write_tasks,
    write_voc,
    write_yolo,
)
from PIL import Image

from convscope.errors import ConvscopeError, DataError
from convscope.kinds.image.detection.forms import _names_of_yaml
from convscope.kinds.image.detection.reader import read_boxed_images, turned_corners
from convscope.kinds.image.readers.decode import turned
from convscope.kinds.registry import choose_spec

sys.path.insert(0, str(Path(__file__).parents[2] / "fuzz"))
import changes

FORMS = {
    "coco": write_coco,
    "yolo": write_yolo,
    "voc": write_voc,
    "table": write_table,
    "shares": lambda folder: write_table(folder, share=True),
    "labelme": write_labelme,
    "tasks": write_tasks,
    "createml": write_createml,
    "objects": write_objects,
    "listed": lambda folder: write_objects(folder, listed=True),
    "sides": lambda folder: write_table(folder, sides=("x", "y", "w", "h")),
}


def by_name(splits):
    """All boxes by the number of their image."""
    found = {}
    for split in (splits.train, splits.validation, splits.test):
        for index in range(len(split)):
            label = split.labels[index]
            names = [splits.class_names[k] for k in label.classes]
            found[int(Path(split.samples.name(index)).stem)] = label.corners, names
    return found


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_boxes_that_were_written(tmp_path, form):
    folder = tmp_path / "data"
    folder.mkdir()
    FORMS[form](folder)
    assert choose_spec(folder)[0].name == "image-detection"
    splits = read_boxed_images(folder)
    assert splits.class_names == NAMES
    found = by_name(splits)
    assert sorted(found) == list(range(24))
    for k, (corners, names) in found.items():
        boxes = scene(k)[1]
        assert np.allclose(corners, np.array([box[:4] for box in boxes]).reshape(-1, 4), atol=1e-3)
        assert names == [NAMES[box[4]] for box in boxes]
    assert any("1 of 24 images have no box; they are kept as negatives" in each for each in splits.decisions)
    given = {"yolo": {"train", "validation"}, "voc": {"train", "validation", "test"}}.get(form, set())
    assert splits.pool.given == given


def test_files_of_coco_for_each_split_have_images_of_the_same_names(tmp_path):
    for k, split in enumerate(("train", "valid", "test")):
        (tmp_path / split).mkdir()
        write_coco(tmp_path / split, 6, seed=6 * k, name="_annotations.coco.json")
    splits = read_boxed_images(tmp_path)
    assert [len(each) for each in (splits.train, splits.validation, splits.test)] == [6, 6, 6]
    assert np.allclose(splits.test.labels[1].corners, [box[:4] for box in scene(13)[1]])


def test_boxes_are_cut_off_left_out_and_counted(tmp_path):
    save(scene(1)[0], tmp_path / "a.png")
    save(scene(2)[0], tmp_path / "b.png")
    rows = ["image,label,x1,y1,x2,y2", "a.png,x,-9,5,20,20", "a.png,x,30,30,30,40", "a.png,x,60,50,40,20"]
    rows += ["a.png,x,200,5,220,20", *(f"b.png,x,{k},5,{k + 9},20" for k in range(3))]
    (tmp_path / "boxes.csv").write_text("\n".join(rows))
    splits = read_boxed_images(tmp_path, seed=None)
    found = dict(zip(splits.test.names(), splits.test.labels, strict=True))
    assert found[str(tmp_path / "a.png")].corners.tolist() == [[0, 5, 20, 20]]
    said = " ".join((*splits.decisions, *splits.warnings))
    assert "1 of 7 cut off at the border" in said
    assert "2 of 7 boxes have no area" in said
    assert "1 of 7 boxes lie outside of their image" in said


@pytest.mark.parametrize("orientation", range(2, 9))
def test_boxes_turn_as_exif_turns_their_image(tmp_path, orientation):
    mask = np.zeros((40, 60), np.uint8)
    mask[5:12, 30:50] = 255
    seen = turned(mask, orientation)
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    expected = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    assert turned_corners(np.array([[30.0, 5, 50, 12]]), (40, 60), orientation).tolist() == [expected]
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(np.stack([mask] * 3, axis=-1), tmp_path / "1.jpg", exif=exif)
    (tmp_path / "1.xml").write_text(voc("1.jpg", [(30, 5, 50, 12, 0)], (40, 60)))
    splits = read_boxed_images(tmp_path, seed=None)
    own = expected if orientation >= 5 else [30, 5, 50, 12]
    assert splits.test.labels[0].corners.tolist() == [own]
    assert any("EXIF" in line for line in splits.decisions)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "1.xml",
            '<!DOCTYPE a [<!ENTITY b "c">]><annotation><bndbox>&b;</bndbox></annotation>',
            "document type",
        ),
        ("1.xml", "<annotation><object><bndbox>", "expected XML"),
        (
            "1.xml",
            "<annotation><object><name>a</name><bndbox/><bndbox></bndbox></object></annotation>",
            "xmin",
        ),
        ("1.xml", voc("1.png", [(1, 1, "many", 5, 0)]), "numbers of a box"),
        ("1.txt", "0 0.5 0.5 0.2 0.2\n0 0.5 x 0.2 0.2", "line 2: expected numbers"),
        ("1.txt", "0 0.5 0.5 0.2 0.2\n1.5 0.5 0.5 0.2 0.2", "line 2: expected a class"),
        ("1.txt", "0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2", "line 2: expected a class"),
        ("1.txt", "0 500 500 20 20", "1 of 1 outside"),
        ("boxes.csv", "image,xmin,ymin,xmax,ymax\n1.png,1,2,3,b", "line 2: expected numbers"),
        ("boxes.csv", "image,bbox,class\n1.png,[1 2 3],a", "four numbers"),
        ("c.json", '{"images": 3, "annotations": [{"bbox": [1, 2, 3, 4]}]}', "expected images, annotations"),
        ("c.json", '{"images": [], "annotations": [{"bbox": [1]}], "categories": []}', "none of the images"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_where(tmp_path, name, text, said):
    save(scene(1)[0], tmp_path / "1.png")
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said):
        read_boxed_images(tmp_path)


def test_an_unknown_category_and_a_class_without_a_name_are_errors(tmp_path):
    write_coco(tmp_path, 3)
    plain = json.loads((tmp_path / "annotations.json").read_text())
    plain["annotations"][0]["category_id"] = 77
    (tmp_path / "annotations.json").write_text(json.dumps(plain))
    with pytest.raises(DataError, match="expected a category that is named, received 77"):
        read_boxed_images(tmp_path)
    (tmp_path / "annotations.json").unlink()
    (tmp_path / "01.txt").write_text("4 0.5 0.5 0.2 0.2")
    (tmp_path / "classes.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match=r"01.txt, line 1: expected a class from 0 to 1, received 4"):
        read_boxed_images(tmp_path)


def test_yolo_in_pixels_polygons_and_images_without_files(tmp_path):
    for k in range(4):
        save(scene(k)[0], tmp_path / f"{k}.png")
    (tmp_path / "1.txt").write_text("0 60 50 20 10\n")
    (tmp_path / "2.txt").write_text("3 10 10 30 12 20 40\n")
    splits = read_boxed_images(tmp_path, seed=None)
    found = {
        Path(name).stem: each for name, each in zip(splits.test.names(), splits.test.labels, strict=True)
    }
    assert found["1"].corners.tolist() == [[50, 45, 70, 55]]
    assert found["2"].corners.tolist() == [[10, 10, 30, 40]]
    assert splits.class_names == ("0", "3")
    said = " ".join(splits.decisions)
    assert "2 images without a file of boxes" in said and "1 polygons" in said and "pixels" in said


@pytest.mark.parametrize(
    "text",
    [
        "names: [cat, dog]",
        "names: ['cat', \"dog\"]  # two",
        "nc: 2\nnames:\n- cat\n- dog\ntrain: a",
        "names:\n  0: cat\n  1: dog\n",
        "names: {0: cat, 1: dog}",
        "names: [\n  cat,\n  dog\n]\nval: b",
    ],
)
def test_names_of_classes_in_every_form_of_yaml(text):
    assert _names_of_yaml(text) == ["cat", "dog"]


def test_outlines_are_left_to_segmentation_unless_boxes_are_asked_for(tmp_path):
    write_coco(tmp_path, 6)
    plain = json.loads((tmp_path / "annotations.json").read_text())
    for each in plain["annotations"]:
        each["segmentation"] = [[1, 1, 9, 1, 9, 9]]
    (tmp_path / "annotations.json").write_text(json.dumps(plain))
    assert choose_spec(tmp_path)[0].name == "image-segmentation"
    assert read_boxed_images(tmp_path).class_names == NAMES


def test_an_image_of_another_size_has_scaled_boxes_and_one_of_another_shape_none(tmp_path):
    write_coco(tmp_path, 4, seed=1)
    Image.fromarray(scene(1)[0]).resize((SIDES[1] // 2, SIDES[0] // 2)).save(tmp_path / "00.png")
    Image.fromarray(scene(2)[0]).resize((50, 90)).save(tmp_path / "01.png")
    splits = read_boxed_images(tmp_path, seed=None)
    assert len(splits.test) == 3
    assert np.allclose(by_name(splits)[0][0] * 2, [box[:4] for box in scene(1)[1]])
    assert any("annotated as 96x128" in each.reason for each in splits.skipped)


@pytest.mark.parametrize("form", FORMS)
def test_changed_bytes_are_read_or_refused(tmp_path, form):
    folder = tmp_path / "data"
    folder.mkdir()
    (write_coco if form == "coco" else FORMS[form])(folder)
    forms = (".json", ".jsonl", ".xml", ".txt", ".csv")
    texts = [path for path in sorted(folder.rglob("*")) if path.suffix in forms]
    file = max(texts, key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    for seed in range(40):
        file.write_bytes(changes.changed_bytes(whole, random.Random(seed), b"nan,-1e999<!ENTITY"))
        try:
            splits = read_boxed_images(folder)
        except ConvscopeError:
            continue
        assert all(np.isfinite(each.corners).all() for each in splits.train.labels)


def test_polygons_of_labelme_are_outlines_unless_boxes_are_asked_for(tmp_path):
    folder = write_labelme(tmp_path, count=6)
    path = folder / "03.json"
    whole = json.loads(path.read_text())
    whole["shapes"][0] |= {"shape_type": "polygon", "points": [[4, 4], [20, 8], [10, 30]]}
    path.write_text(json.dumps(whole))
    assert choose_spec(folder)[0].name == "image-segmentation"
    found = by_name(read_boxed_images(folder))
    assert found[3][0][0].tolist() == [4, 4, 20, 30]


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ({"bbox": [[1, 2, 3]], "categories": ["disc"]}, "expected four numbers and a class for each object"),
        ({"bbox": [[1, 2, 3, 4]], "categories": []}, "received 1 boxes and 0 classes"),
        ({"bbox": [[1, 2, 3, 4]]}, "expected objects with a class"),
        ([{"bbox": [1, 2, "x", 4], "label": 0}], "expected numbers of a box, received 'x'"),
        ("boxes", "expected boxes as Hugging Face datasets writes them"),
    ],
)
def test_objects_of_a_line_that_do_not_fit_are_errors(tmp_path, objects, said):
    folder = write_objects(tmp_path, count=4)
    with (folder / "metadata.jsonl").open("a") as file:
        file.write("\n" + json.dumps({"file_name": "02.png", "objects": objects}))
    with pytest.raises(DataError, match=said):
        read_boxed_images(folder)


def test_class_columns_of_open_images_are_found(tmp_path):
    folder = write_table(tmp_path, count=6, share=True, sides=("XMin", "YMin", "XMax", "YMax"))
    path = next(folder.glob("*.csv"))
    path.write_text(path.read_text().replace("filename,class", "ImageID,LabelName").replace(".png", ""))
    assert read_boxed_images(folder).class_names == NAMES
