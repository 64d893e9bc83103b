import numpy as np
import pytest
from sklearn.datasets import load_digits

from convscope.data.splits import Split
from convscope.kinds.image.classification import mirroring_of
from convscope.kinds.image.readers.sources import ArrayImages


def found(images, labels, names):
    split = Split(ArrayImages("", np.asarray(images, np.uint8)), np.asarray(labels, np.int64))
    return mirroring_of(split, names, seed=0)


def blobs(count, side=12):
    """Noise with a bright square in the upper half (class 0) or in the lower half (class 1)."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (count, side, side))
    labels = np.arange(count) % 2
    for image, label, column in zip(images, labels, rng.integers(0, side - 3, count), strict=True):
        image[label * 6 + 1 : label * 6 + 4, column : column + 3] = 230
    return images, labels


def test_digits_are_not_mirrored():
    digits = load_digits()
    answer = found(digits.images * 15, digits.target, tuple(map(str, range(10))))
    assert not answer.allowed
    assert "of 599 train images" in answer.line


def test_images_that_are_known_as_well_when_mirrored_are():
    images, labels = blobs(600)
    answer = found(images, labels, ("up", "down"))
    assert answer.allowed
    assert answer.line.startswith("flip: on, because a first model knows")


def test_two_classes_that_swap_are_named():
    images, labels = blobs(600)
    answer = found(images.swapaxes(1, 2), labels, ("left", "right"))
    assert not answer.allowed
    assert "'left' become 'right'" in answer.line


def test_one_pair_of_many_is_enough():
    (rows, halves), (columns, sides) = blobs(800), blobs(100)
    images = np.concatenate([rows, columns.swapaxes(1, 2)])
    answer = found(images, [*halves, *(sides + 2)], ("up", "down", "left", "right"))
    assert not answer.allowed


@pytest.mark.parametrize("count", [20, 600])
def test_what_cannot_be_told_is_not_mirrored(count):
    noise = np.random.default_rng(1).integers(0, 255, (count, 8, 8))
    answer = found(noise, np.arange(count) % 2, ("a", "b"))
    assert not answer.allowed
    assert "too few" in answer.line


def test_a_class_of_one_image_is_not_learned_by_the_first_model(recwarn):
    images, labels = blobs(600)
    labels[0] = 2
    answer = found(images, labels, ("up", "down", "once"))
    assert answer.allowed
    assert not recwarn.list
