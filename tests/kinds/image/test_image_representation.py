import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from made_pictures import class_folders, picture, png, write
from sklearn.datasets import load_digits

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Split
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.image.readers.decode import read_image
from convscope.kinds.image.readers.reader import read_images
from convscope.kinds.image.readers.sources import ArrayImages
from convscope.kinds.image.representation import ImageRepresentation


def split_of(*shapes):
    """A split that knows only the shapes of its pictures."""

    class Shapes(list):
        sizes = np.array([shape[:2] for shape in shapes], np.uint32)
        channels = np.array([shape[2] for shape in shapes], np.uint8)

    return Split(Shapes(shapes), np.zeros(len(shapes), np.int64))


@pytest.mark.parametrize(
    ("shapes", "expected", "reason"),
    [
        ([(48, 48, 1)] * 3, (48, 48, 1), "which all train images have"),
        ([(224, 200, 3)] * 3, (224, 200, 3), "which all train images have"),
        ([(300, 150, 3)] * 3, (96, 48, 3), "reduced to 96 pixels"),
        ([(20, 30, 1), (30, 40, 1), (40, 80, 3)], (30, 40, 3), "is the median"),
        ([(200, 400, 1), (100, 400, 1), (300, 400, 1)], (48, 96, 1), "reduced to 96 pixels"),
        ([(1, 5000, 1)] * 2, (1, 96, 1), "reduced"),
    ],
)
def test_size_and_channels_are_chosen_from_the_train_split_and_explained(shapes, expected, reason):
    representation, decisions = ImageRepresentation.fit(split_of(*shapes))
    assert representation.shape == expected
    assert reason in decisions[0]
    assert decisions[1].startswith(f"channels: {expected[2]}")


def test_what_the_user_chose_is_kept():
    representation, decisions = ImageRepresentation.fit(split_of((48, 48, 1)), size=(32, 24), channels=3)
    assert representation.shape == (32, 24, 3)
    assert all("as given" in line for line in decisions)


def test_choices_that_cannot_work_are_refused():
    for choice in ({"size": (0, 5)}, {"channels": 2}):
        with pytest.raises(UsageError, match="positive height and width"):
            ImageRepresentation.fit(split_of((4, 4, 1)), **choice)
    with pytest.raises(UsageError, match="at least one image"):
        ImageRepresentation.fit(Split(ArrayImages("", np.zeros((0, 4, 4), np.uint8)), np.zeros(0, np.int64)))


def test_only_the_train_split_decides(tmp_path):
    class_folders(tmp_path / "train", {"a": 3, "b": 3})
    class_folders(tmp_path / "test", {"a": 3, "b": 3}, first_seed=50, height=20, width=30, channels=3)
    assert ImageRepresentation.fit(read_images(tmp_path).train)[0].shape == (8, 6, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_of_the_right_size_keeps_its_values(channels):
    pixels = picture(1, channels=channels)
    encoded = ImageRepresentation(8, 6, channels).to_pixels([pixels])
    assert np.array_equal(encoded[0], pixels.reshape(8, 6, channels))


def test_gray_becomes_three_equal_channels_and_color_its_luma():
    gray, color = picture(2), picture(3, channels=3)
    assert np.array_equal(ImageRepresentation(8, 6, 3).to_pixels([gray])[0], np.stack([gray] * 3, -1))
    luma = color @ np.array([0.299, 0.587, 0.114])
    assert np.abs(ImageRepresentation(8, 6, 1).to_pixels([color])[0, ..., 0] - luma).max() <= 1


def test_a_smaller_size_averages_over_all_pixels():
    checkered = np.indices((64, 64)).sum(0) % 2 * 255
    encoded = ImageRepresentation(8, 8, 1).to_pixels([checkered.astype(np.uint8)])
    assert np.abs(encoded[0, 2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_a_constant_picture_stays_constant_at_any_size():
    encoded = ImageRepresentation(13, 7, 3).to_pixels(
        [np.full((5, 50, 3), 77, np.uint8), np.full((90, 3), 77, np.uint8)]
    )
    assert encoded.shape == (2, 13, 7, 3)
    assert (encoded == 77).all()


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4)), np.zeros((4, 4, 2), np.uint8), np.zeros(4, np.uint8), np.zeros((0, 4), np.uint8)],
)
def test_an_array_that_is_not_a_picture_is_refused(array):
    with pytest.raises(DataError, match="expected a uint8 image"):
        ImageRepresentation(4, 4, 1).to_pixels([array])


@pytest.fixture
def mixed(tmp_path):
    class_folders(tmp_path, {"a": 20})
    class_folders(tmp_path, {"b": 20}, first_seed=40, height=11, width=9, channels=3)
    return read_images(tmp_path).train.samples


def test_memory_and_lazy_pixels_agree_bit_for_bit(mixed):
    representation = ImageRepresentation(7, 5, 3)
    memory, lazy = representation.encode(mixed), representation.encode(mixed, limit_bytes=100)
    assert isinstance(memory, HeldArrays)
    assert isinstance(lazy, LazyArrays)
    assert memory.shape == lazy.shape == (len(mixed), 7, 5, 3)
    indices = np.array([3, 0, 3, len(mixed) - 1])
    assert np.array_equal(memory.take(indices), lazy.take(indices))
    assert np.array_equal(
        lazy.take(indices), representation.to_pixels([mixed.load(int(index)) for index in indices])
    )
    assert lazy.take(indices[:0]).shape == (0, 7, 5, 3)


def test_lazy_pixels_can_be_taken_from_several_threads(mixed):
    lazy = ImageRepresentation(7, 5, 1).encode(mixed, limit_bytes=0)
    everything = lazy.take(np.arange(len(lazy)))
    orders = [np.random.default_rng(seed).permutation(len(lazy)) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        for order, taken in zip(orders, pool.map(lazy.take, orders), strict=True):
            assert np.array_equal(taken, everything[order])


def test_a_file_that_has_gone_since_the_scan_says_so(tmp_path):
    samples = read_images(class_folders(tmp_path, {"a": 3, "b": 3})).train.samples
    write(tmp_path / "a" / "0.png", b"changed")
    (tmp_path / "b" / "0.png").unlink()
    for limit in (0, 10**6):
        with pytest.raises(DataError, match=r"0\.png"):
            pixels = ImageRepresentation(8, 6, 1).encode(samples, limit_bytes=limit)
            pixels.take(np.arange(len(pixels)))


def test_an_array_of_the_right_size_is_shared_not_copied():
    array = load_digits().images.astype(np.uint8)
    source = ArrayImages("", array).take(np.array([5, 2, 9]))
    pixels = ImageRepresentation(8, 8, 1).encode(source)
    assert np.shares_memory(pixels.array, array)
    assert pixels.shape == (3, 8, 8, 1)
    assert np.array_equal(pixels.take(np.array([2, 0]))[..., 0], array[[9, 5]])


def test_decoding_reports_progress(mixed):
    seen = []
    ImageRepresentation(8, 6, 1).encode(mixed, progress=lambda *step: seen.append(step))
    assert seen[-1] == (len(mixed), len(mixed), "decoding images")


def test_values_are_scaled_to_0_and_1():
    scaled = ImageRepresentation.to_inputs(np.arange(256, dtype=np.uint8))
    assert scaled.dtype == np.float32
    assert scaled[0] == 0
    assert scaled[255] == 1
    assert np.allclose(scaled, np.arange(256) / 255, atol=1e-7)


def test_a_representation_comes_back_from_json():
    representation = ImageRepresentation(48, 40, 3)
    saved = json.loads(json.dumps(representation.to_json()))
    assert saved["kind"] == "image"
    assert ImageRepresentation.from_json(saved) == representation


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "text"},
        {"version": 2},
        {"scale": 1.0},
        {"height": "48"},
        {"width": -1},
        {"channels": 2},
        {"channels": True},
    ],
)
def test_json_that_is_something_else_is_refused(change):
    with pytest.raises(RunError, match="image representation"):
        ImageRepresentation.from_json(ImageRepresentation(48, 48, 1).to_json() | change)
    with pytest.raises(RunError, match="expected a mapping"):
        ImageRepresentation.from_json([])


def test_encoding_is_the_same_for_a_file_and_its_array(tmp_path):
    path = write(tmp_path / "a.png", png(picture(5, 20, 20)))
    representation = ImageRepresentation(9, 9, 1)
    from_file, from_array = representation.to_pixels([read_image(path), picture(5, 20, 20)])
    assert np.array_equal(from_file, from_array)
