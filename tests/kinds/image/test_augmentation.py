"""Random changes to pictures: nothing where nothing is asked, NumPy's own result where one thing is."""

from dataclasses import replace

import numpy as np
import pytest

from convscope.kinds.image.augmentation import ImageAugmentation, zoomed

NOTHING = ImageAugmentation(shift=0.0, flip=False, rotate=0.0, zoom=0.0, contrast=0.0)


def pictures(count=6, height=12, width=10, channels=1):
    shape = (count, height, width, channels)
    return np.random.default_rng(7).integers(0, 256, shape, np.uint8)


def changed(augmentation, batch, seed=0):
    return augmentation(batch, np.random.default_rng(seed))


class Drawn:
    """A random generator whose draws the test chooses: shift along x and y, turn, zoom, contrast."""

    def __init__(self, *draws):
        self._draws = np.array(draws, np.float64)

    def uniform(self, low, high, shape):
        return np.broadcast_to(self._draws, shape)

    def random(self, count):
        return np.ones(count)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_state_gives_the_same_pictures_of_the_same_shape_and_type(channels):
    batch = pictures(channels=channels)
    one, two, other = (changed(ImageAugmentation(), batch, seed) for seed in (1, 1, 2))
    assert one.shape == batch.shape
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_the_pictures_that_came_in_stay_as_they_are():
    batch = pictures()
    before = batch.copy()
    changed(ImageAugmentation(), batch)
    np.testing.assert_array_equal(batch, before)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("nothing", [NOTHING, ImageAugmentation().scaled(0.0)])
def test_without_any_change_the_pictures_come_out_as_they_went_in(nothing, channels):
    batch = pictures(channels=channels)
    np.testing.assert_array_equal(changed(nothing, batch), batch)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("width", [9, 10])
def test_a_flip_is_numpys_flip_for_about_half_of_the_pictures(channels, width):
    batch = pictures(200, 4, width, channels)
    flipped = changed(replace(NOTHING, flip=True), batch)
    mirrored = (flipped == batch[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (flipped == batch).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 60 < mirrored.sum() < 140


@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, 2), (-3, 1), (2, -2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_shift_by_whole_pixels_is_numpys_shift_with_a_repeated_border(right, down, channels):
    batch = pictures(height=10, width=10, channels=channels)
    padded = np.pad(batch, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="edge")
    expected = padded[:, 3 + down : 13 + down, 3 + right : 13 + right]
    shifted = replace(NOTHING, shift=0.3)(batch, Drawn(right / 3, down / 3, 0, 0, 0))
    np.testing.assert_array_equal(shifted, expected)


@pytest.mark.parametrize("quarter", [1, -1])
def test_a_quarter_turn_is_numpys_quarter_turn(quarter):
    batch = pictures(height=10, width=10)
    turned = replace(NOTHING, rotate=90.0)(batch, Drawn(0, 0, quarter, 0, 0))
    np.testing.assert_array_equal(turned, np.rot90(batch, quarter, axes=(1, 2)))


def test_contrast_stretches_around_the_mean_of_each_picture():
    batch = pictures() // 4 + 96
    mean = batch.mean(axis=(1, 2, 3), keepdims=True)
    stretched = replace(NOTHING, contrast=0.5)(batch, Drawn(0, 0, 0, 0, 1))
    np.testing.assert_allclose(stretched, (batch - mean) * 1.5 + mean, atol=0.51)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("share", "side"), [(0.5, 12), (0.0, 8), (-0.5, 4)])
def test_a_zoom_enlarges_and_reduces_about_the_middle(share, side, channels):
    batch = np.zeros((2, 24, 20, channels), np.uint8)
    batch[:, 8:16, 6:14] = 255
    expected = np.zeros_like(batch)
    top, left = 12 - side // 2, 10 - side // 2
    expected[:, top : top + side, left : left + side] = 255
    inside = zoomed(batch, share) > 127
    np.testing.assert_array_equal(inside, expected > 127)


def test_an_even_picture_stays_even_whatever_happens_to_it():
    for value in (0, 77, 255):
        batch = np.full((8, 11, 13, 3), value, np.uint8)
        np.testing.assert_array_equal(changed(ImageAugmentation().scaled(4.0), batch), batch)


def test_strength_scales_every_change():
    twice = ImageAugmentation().scaled(2.0)
    assert (twice.shift, twice.rotate, twice.zoom, twice.contrast) == (0.2, 20.0, 0.2, 0.4)
    assert twice.flip
    assert not replace(ImageAugmentation(), flip=False).scaled(2.0).flip
    assert ImageAugmentation().scaled(100.0).zoom < 1


@pytest.mark.parametrize("channels", [1, 3])
def test_erasing_paints_one_rectangle_over_its_share_of_the_pictures(channels):
    batch = np.full((400, 30, 24, channels), 100, np.uint8)
    erased = changed(replace(NOTHING, erase=0.5), batch)
    touched = 0
    for picture in (erased != 100).any(axis=3):
        if not picture.any():
            continue
        touched += 1
        rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
        box = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert 0.01 < box.size / picture.size < 0.25
        assert box.mean() > 0.9
    assert 150 < touched < 250


def test_erasing_is_drawn_from_the_state_and_scaled_by_the_strength():
    augmentation = replace(NOTHING, erase=0.5)
    batch = pictures()
    np.testing.assert_array_equal(changed(augmentation, batch), changed(augmentation, batch))
    assert augmentation.scaled(0.5).erase == 0.25
    assert augmentation.scaled(4).erase == 1.0
    assert ImageAugmentation().erase == 0
