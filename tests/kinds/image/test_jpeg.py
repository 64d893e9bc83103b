"""The short way to decode a plain JPEG gives what Pillow gives, and steps aside for everything else."""

import io

import numpy as np
import pytest
from PIL import Image

from convscope.errors import DataError
from convscope.kinds.image.readers.decode import decode_image, decode_plain_jpeg

MOST = 10_000


def noise(height, width, mode="RGB", seed=0):
    channels = {"L": (), "RGB": (3,), "CMYK": (4,)}[mode]
    values = np.random.default_rng(seed).integers(0, 256, (height, width, *channels), dtype=np.uint8)
    return (
        Image.fromarray(values, mode=None)
        if mode != "CMYK"
        else Image.fromarray(values[..., :3]).convert("CMYK")
    )


def encoded(picture, **options):
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def by_pillow(data):
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (48, 48), (64, 33)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quality": 30, "optimize": True},
        {"progressive": True},
        {"subsampling": 0},
        {"subsampling": 2},
        {"comment": b"said", "dpi": (72, 72), "icc_profile": b"none"},
        {"restart_marker_blocks": 1},
        {"keep_rgb": True},
    ],
)
def test_it_gives_what_pillow_gives(mode, size, options):
    data = encoded(noise(*size, mode), **options)
    found = decode_plain_jpeg(data, MOST)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, by_pillow(data))
    np.testing.assert_array_equal(decode_image(data, "it"), found)


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(noise(8, 6), exif=exif)


@pytest.mark.parametrize(
    "data",
    [
        turned(),
        encoded(noise(8, 6, "CMYK")),
        encoded(noise(101, 100)),
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\0",
    ],
    ids=["exif", "cmyk", "large", "begun", "cut in a header"],
)
def test_what_is_not_plain_is_left_to_others(data):
    assert decode_plain_jpeg(data, MOST) is None


def test_a_camera_held_upright_is_still_turned():
    assert decode_image(turned(), "it").shape == (6, 8, 3)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_picture_cut_anywhere_is_damaged_as_before(options):
    data = encoded(noise(24, 24, "L"), **options)
    for stop in range(4, len(data) - 2):
        assert decode_plain_jpeg(data[:stop], MOST) is None
        with pytest.raises(DataError, match="it"):
            decode_image(data[:stop], "it")


def test_any_changed_byte_gives_what_pillow_gives_or_an_error():
    data = encoded(noise(16, 16, "L"))
    rng = np.random.default_rng(1)
    for place in range(2, len(data)):
        changed = data[:place] + bytes([int(rng.integers(256))]) + data[place + 1 :]
        found = decode_plain_jpeg(changed, MOST)
        if found is not None:
            np.testing.assert_array_equal(found, by_pillow(changed))
