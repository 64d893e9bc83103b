"""One encoded image to one uint8 array, bounded before anything is decoded.

What every kind of image becomes:

| in the file | array |
|---|---|
| gray, 1-bit, palette of grays | (height, width) |
| color, palette, CMYK, YCbCr, Lab | (height, width, 3), RGB |
| alpha or a transparent color | composited on white, then as above |
| 16 bits per value | divided by 257, so that 65535 is white; or by the range found over all images |
| 32-bit integers | as 16 bits where all values are 0 to 65535, else by the range found over all images |
| floats | by the range found over all images; an image on its own: 0 to 1, 0 to 255 or its own range |
| several frames | the first one |
| EXIF orientation | turned as the camera was held; an unreadable EXIF block turns nothing |
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from convscope.data.noise import caught_noise
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError, install_command

_MODES = {1: "L", 3: "RGB"}
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))  # baseline, extended, progressive
_SKIPPED = frozenset((0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)))  # tables, comments, application data
MAX_PIXELS = 64_000_000
"""Largest image that is decoded, in pixels."""
MAX_FILE_BYTES = 256 * 2**20
"""Largest image file that is read, in bytes."""

Reader = Callable[[io.BytesIO], ImageFile.ImageFile]
Levels = tuple[float, float]
"""The values of pixels of more than 8 bits that become black and white; whole numbers where they have 16."""

_JPEG = b"\xff\xd8\xff"
_HEIC = re.compile(rb"....ftyp(hei[cmsx]|hev[cmx]|mif1|msf1)", re.DOTALL)


def _open_heic(data: io.BytesIO) -> ImageFile.ImageFile:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise DataError(
            f"HEIC needs pillow-heif, which is not installed: {install_command('heic')}, or save as JPEG"
        ) from None
    return cast(ImageFile.ImageFile, HeifImageFile(data))


# Called directly because `Image.open` only warns about decompression bombs, and through global state.
_READERS: tuple[tuple[bytes, str, Reader], ...] = (
    (_JPEG, "JPEG", JpegImagePlugin.JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", "PNG", PngImagePlugin.PngImageFile),
    (b"GIF8", "GIF", GifImagePlugin.GifImageFile),
    (b"BM", "BMP", BmpImagePlugin.BmpImageFile),
    (b"II*\0", "TIFF", TiffImagePlugin.TiffImageFile),
    (b"MM\0*", "TIFF", TiffImagePlugin.TiffImageFile),
    (b"RIFF", "WebP", WebPImagePlugin.WebPImageFile),
    *((b"P%d" % digit, "PNM", PpmImagePlugin.PpmImageFile) for digit in range(1, 7)),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000", Jpeg2KImagePlugin.Jpeg2KImageFile),
    (b"\xff\x4f\xff\x51", "JPEG 2000", Jpeg2KImagePlugin.Jpeg2KImageFile),
)
_BOXED: tuple[tuple[re.Pattern[bytes], str, Reader], ...] = (
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "AVIF", AvifImagePlugin.AvifImageFile),
    (_HEIC, "HEIC", _open_heic),
)
FORMATS = tuple(dict.fromkeys(name for _, name, _ in (*_READERS, *_BOXED)))
"""Names of the formats that are read."""

_ORIENTATION_TAG = 0x0112


def decode_plain_jpeg(data: bytes, max_pixels: int) -> npt.NDArray[np.uint8] | None:
    """Decodes an image if it is a plain JPEG.

    Args:
        data: The encoded image.
        max_pixels: Larger ones are left alone.

    Returns:
        Gray (height, width) or RGB (height, width, 3), uint8; None where it is not plain, or damaged.
    """
    try:
        frame = _frame(data)
    except (IndexError, struct.error):
        return None
    if frame is None:
        return None
    width, height, mode = frame
    if not 0 < width * height <= max_pixels:
        return None
    core = Image.core.new(mode, (width, height))  # type: ignore[attr-defined]
    decoder = Image._getdecoder(mode, "jpeg", (mode, ""), ())
    try:
        decoder.setimage(core, (0, 0, width, height))
        consumed, error = decoder.decode(data)
    except (OSError, ValueError):
        return None
    finally:
        decoder.cleanup()
    if consumed >= 0 or error:  # it wants more than there is, or something is wrong
        return None
    encoder = Image._getencoder(mode, "raw", (mode,), ())
    encoder.setimage(core, (0, 0, width, height))
    shape = (height, width) if mode == "L" else (height, width, 3)
    _, _, values = encoder.encode(math.prod(shape))
    pixels = np.frombuffer(values, np.uint8)
    return pixels.reshape(shape) if pixels.size == math.prod(shape) else None


def _frame(data: bytes) -> tuple[int, int, str] | None:
    """Width, height and mode; None if anything before the pixels is unusual."""
    place, frame = 2, None
    while True:
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xDA:
            return frame
        (length,) = struct.unpack_from(">H", data, place + 2)
        if marker in _FRAMES:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, place + 4)
            if bits != 8 or channels not in _MODES or frame is not None:
                return None
            frame = (width, height, _MODES[channels])
        elif marker not in _SKIPPED or data.startswith(b"Exif", place + 4):
            return None
        place += 2 + length


def read_image(path: str | Path) -> npt.NDArray[np.uint8]:
    """Reads and decodes one image file.

    Args:
        path: The file.

    Returns:
        Gray (height, width) or RGB (height, width, 3), uint8 from 0 (black) to 255.

    Raises:
        DataError: The file cannot be read or is not an image; the message names it and says why.
    """
    return decode_image(read_bytes(path), str(path))


def read_bytes(path: str | Path) -> bytes:
    """Reads a whole image file of at most `MAX_FILE_BYTES`.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        DataError: It is missing, not a regular file, not readable or too large.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - a million of them
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path}: not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise DataError(f"{path}: too large: {status.st_size} bytes, expected at most {MAX_FILE_BYTES}")
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a million of them
            return file.read()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except PermissionError:
        raise DataError(f"{path}: permission denied") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def decode_image(
    data: bytes, name: str, intensity_range: Levels | None = None, seen: list[Levels] | None = None
) -> npt.NDArray[np.uint8]:
    """Decodes one image.

    Args:
        data: The encoded image, in one of `FORMATS`.
        name: What error messages call it.
        intensity_range: What values of more than 8 bits become black and white; by default as the table says.
        seen: Learns the least and the greatest value where the image has more than 8 bits: whole numbers
            where it has 16, else floats.

    Returns:
        Gray (height, width) or RGB (height, width, 3), uint8 from 0 (black) to 255.

    Raises:
        DataError: The bytes are empty, not an image, truncated, damaged or too large.
    """
    if not data:
        raise DataError(f"{name}: empty")
    plain = decode_plain_jpeg(data, MAX_PIXELS) if data.startswith(_JPEG) else None
    if plain is not None:
        return plain
    kind, image = open_image(data, name)
    with caught_noise(), damage_as_data_error(name, kind):
        return turned(_to_uint8(image, intensity_range, seen), orientation_of(image))


def open_image(data: bytes, name: str) -> tuple[str, ImageFile.ImageFile]:
    """The name of its format, and an image with the values of its file: those of a palette are not looked up.

    Args:
        data: The encoded image, in one of `FORMATS`.
        name: What error messages call it.

    Raises:
        DataError: As `decode_image`.
    """
    if not data:
        raise DataError(f"{name}: empty")
    kind, reader = _reader_of(data, name)
    with caught_noise(), damage_as_data_error(name, kind):
        image = reader(io.BytesIO(data))
        _check_size(image.size, name)
        image.load()
        _check_size(image.size, name)
        return kind, image


def _reader_of(data: bytes, name: str) -> tuple[str, Reader]:
    for magic, kind, reader in _READERS:
        if data.startswith(magic) and (kind != "WebP" or data[8:12] == b"WEBP"):
            return kind, reader
    for pattern, kind, reader in _BOXED:
        if pattern.match(data):
            return kind, reader
    raise DataError(f"{name}: not an image, expected one of {', '.join(FORMATS)}")


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise DataError(f"{name}: an image without pixels ({width}x{height})")
    if width * height > MAX_PIXELS:
        raise DataError(f"{name}: too large: {width}x{height} pixels, expected at most {MAX_PIXELS} pixels")


def orientation_of(image: Image.Image) -> int:
    """How a camera was held, from 1 to 8 as EXIF counts it; 1 where nothing says so."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block must not cost the image
        return 1


def turned(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Undoes an EXIF orientation (1 to 8); anything else turns nothing."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _to_uint8(
    image: Image.Image, intensity_range: Levels | None, seen: list[Levels] | None
) -> npt.NDArray[np.uint8]:
    mode = image.mode
    if mode in ("L", "RGB") and "transparency" not in image.info:
        return np.asarray(image)
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _to_8_bits(np.asarray(image), intensity_range, seen)
    gray = mode in ("1", "L", "LA", "La") or (mode == "P" and _has_gray_palette(image))
    if "transparency" in image.info or mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        return _on_white(np.asarray(image.convert("RGBA")), gray)
    if mode == "P" and gray:
        return np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., 0])
    return np.asarray(image.convert("L" if gray else "RGB"))


def _has_gray_palette(image: Image.Image) -> bool:
    colors = np.asarray(image.getpalette("RGB") or (), dtype=np.int64).reshape(-1, 3)
    return bool(np.all(colors == colors[:, :1]))


def _on_white(rgba: npt.NDArray[np.uint8], gray: bool) -> npt.NDArray[np.uint8]:
    """Composites (height, width, 4) on white, rounding to the nearest value; sums stay below 2**16."""
    alpha = rgba[..., 3].astype(np.uint16)
    white = (255 - alpha) * np.uint16(255) + np.uint16(127)
    result = np.empty((*alpha.shape, 1 if gray else 3), np.uint8)
    for channel in range(result.shape[-1]):
        result[..., channel] = (rgba[..., channel] * alpha + white) // 255
    return result[..., 0] if gray else result


def _to_8_bits(
    raw: npt.NDArray[np.integer | np.floating], intensity_range: Levels | None, seen: list[Levels] | None
) -> npt.NDArray[np.uint8]:
    """Scales 16-bit, 32-bit and float gray values (height, width) as the module's table says."""
    integers = raw.dtype.kind in "iu"
    low, high = float(raw.min()), float(raw.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("holds values that are not finite")
    sixteen_bits = integers and low >= 0 and high <= 65535
    if seen is not None:
        seen.append((int(low), int(high)) if sixteen_bits else (low, high))
    if intensity_range is not None:
        black, white = intensity_range
        shares = (raw.astype(np.float64) - black) / max(white - black, float(np.finfo(np.float64).tiny))
        stretched: npt.NDArray[np.uint8] = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
        return stretched
    if sixteen_bits:
        divided: npt.NDArray[np.uint8] = ((raw.astype(np.uint32) + 128) // 257).astype(np.uint8)
        return divided
    values: npt.NDArray[np.float64] = raw.astype(np.float64)
    if integers or low < 0 or high > 255:
        values = (values - low) / max(high - low, float(np.finfo(np.float64).tiny)) * 255.0
    elif high <= 1:
        values *= 255.0
    scaled: npt.NDArray[np.uint8] = np.rint(values).astype(np.uint8)
    return scaled
