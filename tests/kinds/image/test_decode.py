import os
import struct
import zlib

import numpy as np
import pytest
from made_pictures import encoded, picture, png, write
from PIL import Image

from convscope.errors import DataError
from convscope.kinds.image.readers.decode import MAX_FILE_BYTES, decode_image, read_image

TURNED_BACK = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_give_back_the_pixels_that_were_saved(kind, channels):
    pixels = picture(1, channels=channels)
    assert np.array_equal(decode_image(encoded(Image.fromarray(pixels), kind), "a"), pixels)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_give_nearly_the_pixels_that_were_saved(kind):
    pixels = np.tile(np.linspace(0, 255, 32).astype(np.uint8)[:, None, None], (1, 24, 3))
    decoded = decode_image(encoded(Image.fromarray(pixels), kind, quality=95), "a")
    assert np.abs(decoded.astype(int) - pixels).max() <= 8


@pytest.mark.parametrize("orientation", TURNED_BACK)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_exif_orientation_is_undone(kind, orientation, channels):
    pixels = picture(2, channels=channels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode_image(encoded(Image.fromarray(pixels), kind, exif=exif), "a")
    assert np.array_equal(decoded, TURNED_BACK[orientation](pixels))


def test_an_exif_block_that_cannot_be_read_turns_nothing():
    pixels = picture(3)
    data = encoded(Image.fromarray(pixels), "PNG", exif=b"Exif\0\0II*\0\xff\xff")
    assert np.array_equal(decode_image(data, "a"), pixels)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_divided_by_257(kind):
    values = np.random.default_rng(0).integers(0, 65536, (9, 7), np.uint16)
    values[0, 0], values[0, 1] = 0, 65535
    decoded = decode_image(encoded(Image.fromarray(values), kind), "a")
    assert np.array_equal(decoded, np.rint(values / 257.0))


def test_thirty_two_bit_integers_beyond_16_bits_are_stretched():
    values = np.array([[-100, 0], [100, 100_000]], np.int32)
    decoded = decode_image(encoded(Image.fromarray(values), "TIFF"), "a")
    assert np.array_equal(decoded, np.rint((values + 100) * 255 / 100_100))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 0.5, 1.0]], [[0, 128, 255]]),
        ([[0.0, 100.4, 255.0]], [[0, 100, 255]]),
        ([[-1.0, 0.0, 1.0]], [[0, 128, 255]]),
        ([[0.0, 500.0, 1000.0]], [[0, 128, 255]]),
    ],
)
def test_floats_are_scaled_by_the_range_that_they_use(values, expected):
    data = encoded(Image.fromarray(np.array(values, np.float32)), "TIFF")
    assert decode_image(data, "a").tolist() == expected


def test_floats_that_are_not_finite_are_refused():
    data = encoded(Image.fromarray(np.array([[np.nan, 1.0]], np.float32)), "TIFF")
    with pytest.raises(DataError, match="not finite"):
        decode_image(data, "a")


def test_one_bit_is_black_and_white():
    bits = picture(4) > 127
    assert np.array_equal(decode_image(encoded(Image.fromarray(bits)), "a"), bits * 255)


def test_a_palette_of_colors_gives_the_colors():
    colors = np.array([[255, 0, 0], [0, 255, 0], [1, 2, 3]], np.uint8)
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(colors.tobytes())
    assert np.array_equal(decode_image(encoded(image), "a"), colors[indices])


def test_a_palette_of_grays_gives_one_channel():
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([9, 9, 9, 50, 50, 50, 200, 200, 200])
    assert decode_image(encoded(image), "a").tolist() == [[9, 50, 200]]


def test_alpha_is_composited_on_white():
    rgba = np.random.default_rng(5).integers(0, 256, (5, 4, 4), np.uint8)
    rgba[0, :, 3], rgba[1, :, 3] = 0, 255
    alpha = rgba[..., 3:] / 255.0
    expected = rgba[..., :3] * alpha + 255 * (1 - alpha)
    decoded = decode_image(png(rgba), "a")
    assert np.abs(decoded - expected).max() <= 0.5 + 1e-9
    assert (decoded[0] == 255).all()


def test_gray_with_alpha_stays_gray():
    pair = np.stack([picture(6), picture(7)], axis=-1)
    alpha = pair[..., 1] / 255.0
    decoded = decode_image(encoded(Image.fromarray(pair, "LA")), "a")
    assert decoded.shape == (8, 6)
    assert np.abs(decoded - (pair[..., 0] * alpha + 255 * (1 - alpha))).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("array", "transparent", "expected"),
    [
        (np.array([[0, 9]], np.uint8), 9, [[0, 255]]),
        (np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), (4, 5, 6), [[[1, 2, 3], [255, 255, 255]]]),
    ],
)
def test_a_transparent_color_becomes_white(array, transparent, expected):
    assert decode_image(encoded(Image.fromarray(array), transparency=transparent), "a").tolist() == expected


def test_a_transparent_palette_entry_becomes_white():
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([255, 0, 0, 0, 0, 255])
    assert decode_image(encoded(image, "GIF", transparency=1), "a").tolist() == [
        [[255, 0, 0], [255, 255, 255]]
    ]


def test_cmyk_becomes_rgb():
    cmyk = np.zeros((16, 16, 4), np.uint8)
    cmyk[..., 0] = 255
    decoded = decode_image(encoded(Image.fromarray(cmyk, "CMYK"), "TIFF"), "a")
    assert (decoded == [0, 255, 255]).all()


def test_of_several_frames_the_first_is_taken():
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (10, 200)]
    for kind in ("GIF", "TIFF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert (decode_image(data, "a") == 10).all()


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [8001, 10_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side):
    with pytest.raises(DataError, match=f"bomb.png: too large: {side}x{side}"):
        decode_image(bomb(side, side), "bomb.png")


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(DataError, match=r"huge.png: too large"):
        read_image(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not an image, expected one of JPEG"),
        (png(picture(8))[:40], "truncated or damaged PNG"),
        (encoded(Image.fromarray(picture(9, 64, 64)), "JPEG")[:400], "truncated or damaged JPEG"),
        (b"\xff\xd8\xff", "truncated or damaged JPEG"),
        (b"P5 0 0 255\n", "PNM"),
    ],
)
def test_what_is_not_a_whole_picture_says_so(tmp_path, data, reason):
    path = write(tmp_path / "a.png", data)
    with pytest.raises(DataError, match=reason) as caught:
        read_image(path)
    assert str(path) in caught.value.message


def test_a_missing_file_a_folder_and_a_pipe_say_so(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "not a regular"),
        (tmp_path / "pipe", "not a regular"),
    ):
        with pytest.raises(DataError, match=reason):
            read_image(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file whatever its permissions")
def test_a_file_without_read_permission_says_so(tmp_path):
    path = write(tmp_path / "a.png", png(picture(0)))
    path.chmod(0)
    with pytest.raises(DataError, match="permission denied"):
        read_image(path)
