"""Layouts of published sets: Tiny ImageNet and CelebA."""

import numpy as np
import pytest
from PIL import Image

from convscope.errors import DataError, UsageError
from convscope.kinds.image.readers.reader import read_images

CLASSES = ("n01443537", "n01629819", "n01641577")


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(map(ord, path.name))
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)).save(path, "JPEG")


def tiny_imagenet(folder):
    for word in CLASSES:
        for number in range(5):
            image(folder / "train" / word / "images" / f"{word}_{number}.JPEG")
        (folder / "train" / word / f"{word}_boxes.txt").write_text(f"{word}_0.JPEG\t0\t10\t63\t58\n")
    lines = [f"val_{at}.JPEG\t{CLASSES[at % 3]}\t0\t32\t44\t62" for at in range(6)]
    for line in lines:
        image(folder / "val" / "images" / line.split("\t")[0])
    (folder / "val" / "val_annotations.txt").write_text("\n".join(lines))
    for number in range(4):
        image(folder / "test" / "images" / f"test_{number}.JPEG")
    (folder / "wnids.txt").write_text("\n".join(CLASSES))


def test_the_labels_of_a_split_stand_in_its_list_and_a_split_without_is_left_out(tmp_path):
    tiny_imagenet(tmp_path)
    splits = read_images(tmp_path)
    assert splits.class_names == CLASSES
    names = [name.rpartition("/")[2] for name in splits.validation.names()]
    assert {name: CLASSES[label] for name, label in zip(names, splits.validation.labels, strict=True)} == {
        f"val_{at}.JPEG": CLASSES[at % 3] for at in range(6)
    }
    assert "labels of val/: by val/val_annotations.txt, which names 6 images" in splits.decisions
    assert "left out: test/, 4 images without class folders: no labels" in splits.decisions


def celeba(folder, ending):
    names = [f"{number:06d}.jpg" for number in range(1, 21)]
    for name in names:
        image(folder / "img_align_celeba" / name)
    rows = [[name, 1 if at % 3 else -1, 1 if at % 2 else -1] for at, name in enumerate(names)]
    parts = [[name, 0 if at < 12 else 1 if at < 16 else 2] for at, name in enumerate(names)]
    gap = " " if ending == "txt" else ","
    listed, parted = ([gap.join(map(str, row)) for row in each] for each in (rows, parts))
    head = ["20", "Male Smiling "] if ending == "txt" else ["image_id,Male,Smiling"]
    (folder / f"list_attr_celeba.{ending}").write_text("\n".join([*head, *listed]))
    head = [] if ending == "txt" else ["image_id,partition"]
    (folder / f"list_eval_partition.{ending}").write_text("\n".join([*head, *parted]))


@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_an_attribute_of_celeba_is_the_label_and_its_list_gives_the_splits(tmp_path, ending):
    celeba(tmp_path, ending)
    splits = read_images(tmp_path, label_column="Smiling")
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [12, 4, 4]
    assert splits.class_names == ("-1", "1")
    assert splits.train.labels.tolist() == [0, 1] * 6
    with pytest.raises(DataError, match="'Smiling'") as caught:
        read_images(tmp_path)
    assert "--label-column" in caught.value.hint
    with pytest.raises(UsageError, match="'Sad'"):
        read_images(tmp_path, label_column="Sad")
