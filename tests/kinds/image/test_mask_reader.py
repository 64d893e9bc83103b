"""Images with masks: which layouts are read, what values become, and what happens to what does not fit."""

import json

import numpy as np
import pytest
from made_masks import NAMES, SIDES, shapes, write_pairs
from PIL import Image

from convscope.data.class_table import is_void_name, read_class_table
from convscope.data.masks import VOID
from convscope.errors import DataError
from convscope.kinds.image.readers.mask_coding import VOC_CLASSES, voc_colors
from convscope.kinds.image.readers.mask_pairs import pairs_in
from convscope.kinds.image.readers.mask_reader import read_masked_images
from convscope.kinds.image.readers.mask_shapes import Region, drawn, unpacked
from convscope.kinds.registry import choose_recipe

COLORS = np.array([(0, 0, 0), (220, 20, 60), (0, 0, 142)], np.uint8)


def masks_of(splits):
    """All masks by the names of their images."""
    return {
        split.samples.key(i): mask.load()
        for split in (splits.train, splits.validation, splits.test)
        for i, mask in enumerate(split.labels)
    }


def said(splits, begin):
    return [line for line in splits.decisions if line.startswith(begin)]


def palette(mask, path):
    image = Image.fromarray(mask)
    image.putpalette(COLORS.tobytes())
    image.save(path)


def test_values_of_masks_are_classes_and_a_file_names_them(tmp_path):
    write_pairs(tmp_path)
    (tmp_path / "classes.txt").write_text("\n".join(NAMES))
    splits = read_masked_images(tmp_path)
    assert splits.class_names == NAMES
    assert said(splits, "class names: from classes.txt")
    found = masks_of(splits)
    assert len(found) == 24
    for number in range(24):
        assert np.array_equal(found[f"images/{number:02d}.png"], shapes(number)[1])
    counts = splits.train.labels[0].counts
    assert counts.tolist() == np.bincount(splits.train.labels[0].load().ravel(), minlength=3).tolist()


def test_a_palette_gives_values_and_colors_need_a_table(tmp_path):
    splits = read_masked_images(write_pairs(tmp_path / "palette", save=palette))
    assert splits.class_names == ("0", "1", "2")
    assert said(splits, "class names: the values in masks")
    colored = write_pairs(tmp_path / "c", save=lambda m, p: Image.fromarray(COLORS[m]).save(p))
    assert read_masked_images(colored).class_names == ("#000000", "#00008e", "#dc143c")
    (colored / "class_dict.csv").write_text("name,r,g,b\nnothing,0,0,0\nperson,220,20,60\ncar,0,0,142\n")
    splits = read_masked_images(colored)
    assert splits.class_names == ("nothing", "person", "car")
    assert np.array_equal(masks_of(splits)["images/03.png"], shapes(3)[1])


def test_void_is_named_by_a_value_a_word_or_the_user(tmp_path):
    write_pairs(
        tmp_path, save=lambda m, p: Image.fromarray(np.where(m == 2, 255, m).astype(np.uint8)).save(p)
    )
    splits = read_masked_images(tmp_path)
    assert splits.class_names == ("background", "foreground") or splits.class_names == ("0", "1")
    assert masks_of(splits)["images/00.png"].max() == VOID
    assert said(splits, "void: 255")
    other = write_pairs(tmp_path / "b")
    (other / "classes.txt").write_text("0 ground\n1 disc\n2 void (ignore)\n")
    assert read_masked_images(other).class_names == ("ground", "disc")
    (other / "classes.txt").write_text("ground\ndisc\nsquare\n")
    assert read_masked_images(other, void=["square"]).class_names == ("ground", "disc")
    assert read_masked_images(other, void=["1"]).class_names == ("ground", "square")


def test_black_and_white_masks_are_background_and_foreground(tmp_path):
    write_pairs(tmp_path, save=lambda m, p: Image.fromarray((m > 0).astype(np.uint8) * 255).save(p))
    splits = read_masked_images(tmp_path)
    assert splits.class_names == ("background", "foreground")
    assert np.array_equal(masks_of(splits)["images/05.png"], shapes(5)[1] > 0)


def test_masks_as_jpeg_are_halved_and_those_of_many_values_refused(tmp_path):
    def save(mask, path):
        Image.fromarray((mask > 0).astype(np.uint8) * 255).save(path.with_suffix(".jpg"), quality=90)

    splits = read_masked_images(write_pairs(tmp_path / "a", save=save))
    assert said(splits, "masks: JPEG")
    assert np.mean(masks_of(splits)["images/05.png"] == (shapes(5)[1] > 0)) > 0.97
    many = write_pairs(
        tmp_path / "b", save=lambda m, p: Image.fromarray(m * 70).save(p.with_suffix(".jpg"), quality=80)
    )
    with pytest.raises(DataError, match="received a JPEG"):
        read_masked_images(many)


def test_a_value_that_nobody_named_is_an_error_that_says_where(tmp_path):
    write_pairs(tmp_path)
    (tmp_path / "classes.txt").write_text("ground\ndisc\n")
    with pytest.raises(DataError, match=r"masks/00.png: expected the 2 classes .* the value 2") as caught:
        read_masked_images(tmp_path)
    assert "--void 2" in caught.value.hint


def test_what_does_not_fit_is_left_out_and_said(tmp_path):
    write_pairs(tmp_path)
    (tmp_path / "masks" / "00.png").unlink()
    (tmp_path / "images" / "01.png").unlink()
    Image.fromarray(np.zeros((10, 30), np.uint8)).save(tmp_path / "masks" / "02.png")
    (tmp_path / "masks" / "03.png").write_bytes(b"no image")
    Image.fromarray(np.full(SIDES, 255, np.uint8)).save(tmp_path / "masks" / "04.png")
    Image.fromarray(shapes(5)[1]).resize((64, 48), Image.Resampling.NEAREST).save(
        tmp_path / "masks" / "05.png"
    )
    splits = read_masked_images(tmp_path)
    reasons = {each.path.rpartition("/")[2]: each.reason for each in splits.skipped}
    assert reasons["01.png"] == "a mask without an image"
    assert "different shapes" in reasons["02.png"]
    assert "not an image" in reasons["03.png"]
    assert any("3 of 23 images have no mask" in line for line in splits.warnings)
    assert any("void everywhere" in line for line in splits.warnings)
    assert said(splits, "masks: 1 brought to the size")
    assert np.array_equal(masks_of(splits)["images/05.png"], shapes(5)[1])


def test_a_mask_is_turned_as_exif_turns_its_image(tmp_path):
    write_pairs(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(tmp_path / "images" / "07.png").save(tmp_path / "images" / "07.png", exif=exif)
    splits = read_masked_images(tmp_path)
    assert said(splits, "masks: 1 turned as EXIF")
    assert np.array_equal(masks_of(splits)["images/07.png"], np.rot90(shapes(7)[1], -1))


LAYOUTS = {
    "camvid": ("train/{}.png", "trainannot/{}.png"),
    "folders in splits": ("train/images/{}.png", "train/masks/{}.png"),
    "splits in folders": ("images/train/{}.jpg", "labels/train/{}.png"),
    "voc": ("JPEGImages/{}.jpg", "SegmentationClass/{}.png"),
    "carvana": ("train/{}.jpg", "train_masks/{}_mask.gif"),
    "one folder": ("{}.jpg", "{}_mask.png"),
    "cityscapes": ("leftImg8bit/train/ulm/{}_leftImg8bit.png", "gtFine/train/ulm/{}_gtFine_labelIds.png"),
    "fronts": ("images/image_{}.png", "masks/mask_{}.png"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_recognized_by_names(layout):
    image, mask = LAYOUTS[layout]
    keys = [form.format(f"{n}a") for n in range(4) for form in (image, mask)]
    found = pairs_in(keys)
    assert found is not None
    assert [(pair.image, pair.mask) for pair in found.pairs] == [
        (image.format(f"{n}a"), mask.format(f"{n}a")) for n in range(4)
    ]
    assert {pair.split for pair in found.pairs} <= {"train", None}


def test_classes_called_mask_are_no_masks():
    keys = [f"{folder}/{n}.jpg" for folder in ("mask", "no_mask", "with_mask", "cat") for n in range(4)]
    found = pairs_in(keys)
    assert found is None or found.known == 4  # a folder of cats beside one of masks cannot be told by names


def test_several_masks_for_one_image_are_refused(tmp_path):
    write_pairs(tmp_path)
    Image.fromarray(np.zeros(SIDES, np.uint8)).save(tmp_path / "masks" / "00_mask.png")
    with pytest.raises(DataError, match=r"images/00\.png: expected one mask, received 2"):
        read_masked_images(tmp_path)


def test_the_lists_of_voc_divide_its_images_and_its_values_have_names(tmp_path):
    write_pairs(tmp_path, images="JPEGImages", masks="SegmentationClass")
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("\n".join(f"{n:02d}" for n in range(14)))
    (lists / "val.txt").write_text("\n".join(f"{n:02d}" for n in range(14, 20)))
    (lists / "trainval.txt").write_text("\n".join(f"{n:02d}" for n in range(20)))
    splits = read_masked_images(tmp_path)
    assert len(splits.validation) == 6
    assert len(splits.train) + len(splits.test) == 14
    assert splits.class_names == VOC_CLASSES[:3]
    assert said(splits, "splits: by ImageSets/Segmentation/train.txt")
    assert [f"{color:06x}" for color in voc_colors()[:4]] == ["000000", "800000", "008000", "808000"]


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("0 sky\n1 road\n", [("sky", 0, None), ("road", 1, None)]),
        ("sky\nroad\n", [("sky", None, None), ("road", None, None)]),
        ("128 64 128 road\n", [("road", None, 0x804080)]),
        ("# label:color_rgb:parts:actions\nroad:128,64,128::\n", [("road", None, 0x804080)]),
        ("name,r,g,b\nroad,128,64,128\n", [("road", None, 0x804080)]),
        ("2 wheeler\nroad\n", [("2 wheeler", None, None), ("road", None, None)]),
    ],
)
def test_names_of_classes_are_read_in_many_forms(tmp_path, text, classes):
    path = tmp_path / "classes.txt"
    path.write_text(text)
    assert [(each.name, each.number, each.color) for each in read_class_table(path).classes] == classes
    assert is_void_name("don't care")


def test_images_with_masks_are_recognized(tmp_path):
    recipe, reason = choose_recipe(write_pairs(tmp_path))
    assert recipe.name == "image-segmentation"
    assert "images/00.png with masks/00.png" in reason


def packed(runs):
    """Run lengths as COCO packs them, the way back from what is tested."""
    letters = []
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        while True:
            six, value = value & 31, value >> 5
            last = value == (-1 if six & 16 else 0)
            letters.append(chr(48 + six + (0 if last else 32)))
            if last:
                break
    return "".join(letters)


def test_packed_run_lengths_are_unpacked():
    rng = np.random.default_rng(0)
    for _ in range(50):
        runs = rng.integers(0, 5000, rng.integers(1, 30)).tolist()
        assert unpacked("x", packed(runs)) == runs
    with pytest.raises(DataError, match="packed run lengths"):
        unpacked("x", "!")


def test_pixels_belong_to_a_polygon_where_their_middle_lies_in_it():
    from matplotlib.path import Path as Outline

    rows, columns = np.mgrid[:24, :30] + 0.5
    middles = np.stack([columns.ravel(), rows.ravel()], axis=1)
    rng = np.random.default_rng(0)
    for _ in range(20):
        corners = rng.uniform(-3, 33, (5, 2))
        corners = corners[np.argsort(np.arctan2(*(corners - corners.mean(axis=0)).T))]
        found = drawn([Region(1, "x", polygons=(tuple(corners.ravel()),))], (24, 30))
        assert np.array_equal(found == 1, Outline(corners).contains_points(middles).reshape(24, 30))


def write_coco(folder, count=12):
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(count):
        pixels, mask = shapes(number)
        Image.fromarray(pixels).save(folder / "images" / f"{number:02d}.png")
        images.append({"id": number, "file_name": f"{number:02d}.png", "height": 24, "width": 32})
        for k in (1, 2):
            flat = (mask == k).T.ravel()
            edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [0]])))
            runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
            counts = packed(runs) if k == 1 else runs
            segmentation = {"counts": counts, "size": [24, 32]}
            annotations.append({"image_id": number, "category_id": 7 * k, "segmentation": segmentation})
    categories = [{"id": 7, "name": "disc"}, {"id": 14, "name": "square"}]
    plain = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(plain))
    return folder, plain


def test_regions_of_coco_are_drawn_over_a_background(tmp_path):
    folder, plain = write_coco(tmp_path / "data")
    assert choose_recipe(folder)[0].name == "image-segmentation"
    splits = read_masked_images(folder)
    assert splits.class_names == NAMES
    for key, mask in masks_of(splits).items():
        assert np.array_equal(mask, shapes(int(key[-6:-4]))[1])
    plain["annotations"][0]["iscrowd"] = 1
    plain["images"][1]["height"] = 99
    (folder / "annotations.json").write_text(json.dumps(plain))
    splits = read_masked_images(folder)
    assert (masks_of(splits)["images/00.png"] == VOID).any()
    assert any("annotated as 99x32" in each.reason for each in splits.skipped)
    plain["annotations"][2]["category_id"] = 5
    (folder / "annotations.json").write_text(json.dumps(plain))
    with pytest.raises(DataError, match="expected a category that is named, received 5"):
        read_masked_images(folder)
