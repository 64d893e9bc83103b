"""TIFF stacks by Pillow: pages are slices, and tags say how large a voxel is where they do."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.kinds.volume.volume import MOST_BYTES, Volume
from convscope.types import Array

TIFF = (".tif", ".tiff")
FEWEST_PAGES = 2
"""Pages of a TIFF file that is a stack."""
DESCRIPTION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 270, 282, 283, 296
"""Numbers of tags."""
INCH, CENTIMETER = 25.4, 10.0
MM_OF_CODE = {2: INCH, 3: CENTIMETER}
"""Values of the tag of the unit of resolutions, in mm; 1 stands for none."""
MM_OF = {
    **dict.fromkeys(("nm", "nanometer", "nanometers"), 1e-6),
    **dict.fromkeys(("µm", "um", "micron", "microns", "micrometer", "micrometers"), 1e-3),
    **dict.fromkeys(("mm", "millimeter", "millimeters"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), CENTIMETER),
    **dict.fromkeys(("m", "meter", "meters"), 1000.0),
    **dict.fromkeys(("in", "inch", "inches"), INCH),
}
"""Units of ImageJ and OME in mm."""
Triple = tuple[float, float, float]
Tags = Mapping[int, object]


def read_tiff(path: Path, name: str) -> Volume:
    """Reads the pages of a TIFF file as the slices of a volume, (columns, rows, slices).

    Pages of several channels are told by what ImageJ and OME write into the file, and so is the size of a
    voxel. Tags of the resolution alone say nothing of how far slices are apart, so that it stays unknown.

    Args:
        path: The file.
        name: What it is called.

    Raises:
        DataError: The file is damaged, has one page, several times, or pages of several sizes.
    """
    from PIL import Image

    with damage_as_data_error(name, "TIFF"), Image.open(path) as image:
        pages = int(getattr(image, "n_frames", 1))
        if pages < FEWEST_PAGES:
            raise DataError(f"{name}: expected a stack of pages, received one page")
        if float(image.width) * image.height * pages * 4 > MOST_BYTES:
            raise DataError(f"{name}: too large: {image.width} x {image.height} x {pages} voxels")
        tags: Tags = dict(image.tag_v2)  # type: ignore[attr-defined]
        axes = _axes_of_pages(_described(tags), pages, name)
        values: Array | None = None
        for page in range(pages):
            image.seek(page)
            plane = np.asarray(image)
            values = np.empty((pages, *plane.shape), plane.dtype) if values is None else values
            if plane.shape != values.shape[1:]:
                raise DataError(
                    f"{name}: expected pages of shape {values.shape[1:]}, received {plane.shape} in page"
                    f" {page}"
                )
            values[page] = plane
    parted = _parted(np.asarray(values), *axes)
    stacked: Array = np.moveaxis(parted, (0, 1, 2), (2, 1, 0))
    spacing, said = tiff_spacing(tags)
    return Volume.of(stacked, None, name, "TIFF", [f"{name}: {said}"], spacing or (1.0, 1.0, 1.0))


def _axes_of_pages(description: str, pages: int, name: str) -> tuple[int, bool]:
    """How many channels the pages of a TIFF file have, and whether those of one slice follow one another.

    Args:
        description: As ImageJ, OME or tifffile write it.
        pages: How many there are.
        name: What the file is called.

    Raises:
        DataError: There are several times.
    """
    sizes: dict[str, int] = {}
    order = "czt"
    if description.startswith("ImageJ="):
        pairs = _pairs(description)
        sizes = {axis: int(pairs.get(word, 1)) for axis, word in (("c", "channels"), ("t", "frames"))}
    elif "<OME" in description:
        found = re.findall(r'Size([CT])="(\d+)"', description)[:2]
        sizes = {axis.lower(): int(count) for axis, count in found}
        order = next(iter(re.findall(r'DimensionOrder="XY(\w+)"', description)), order).lower()
    elif re.match(r'\{"shape": \[\d+, \d+, \d+, \d+', description):
        sizes = {"t": 2}
    channels, times = sizes.get("c", 1), sizes.get("t", 1)
    if times > 1 or channels < 1 or pages % channels:
        raise DataError(
            f"{name}: expected pages that are the slices of one volume, received several times or channels",
            hint="Write each time as a file of its own, and each channel as one that ends in _0000, _0001.",
        )
    return channels, order.index("c") < order.index("z")


def _parted(values: Array, channels: int, together: bool) -> Array:
    """Pages of several channels, (pages, rows, columns), as slices (slices, rows, columns, channels)."""
    if channels < 2 or values.ndim != 3:
        return values
    shape = (-1, channels) if together else (channels, -1)
    return np.moveaxis(values.reshape(*shape, *values.shape[1:]), 1 if together else 0, -1)


def tiff_spacing(tags: Tags) -> tuple[Triple | None, str]:
    """Size of a voxel along columns, rows and slices in mm, None where that is not known; and what says so.

    Args:
        tags: Of the first page, by their numbers.
    """
    description = _described(tags)
    if "<OME" in description:
        sizes = [_ome_size(description, axis) for axis in "XYZ"]
        if all(sizes):
            return (sizes[0], sizes[1], sizes[2]), "spacing: PhysicalSizeX, Y and Z of OME in TIFF files"
        return None, _unknown("OME in a TIFF file does not say the sizes of X, Y and Z")
    pairs = _pairs(description) if description.startswith("ImageJ=") else {}
    units = [pairs.get(name, pairs.get("unit", "")) for name in ("unit", "yunit", "zunit")]
    across, down, apart = (_in_mm(unit, tags) for unit in units)
    strange = next((unit for unit in units if unit and not _in_mm(unit, tags)), "")
    columns, rows = (_positive(tags.get(tag)) for tag in (X_RESOLUTION, Y_RESOLUTION))
    slices = _positive(pairs.get("spacing"))
    if strange:
        return None, _unknown(f"ImageJ gives it in {strange!r} in a TIFF file, which is no known length")
    if not (across and down and columns and rows):
        return None, _unknown("a TIFF file has no resolution with a unit")
    if not (slices and apart):
        return None, _unknown("a TIFF file has the resolution of its pages, but not how far they are apart")
    said = f"in {units[0]}" if units[0] else "with the unit that its tag says"
    line = f"spacing: XResolution, YResolution and ImageJ's spacing in TIFF files, {said}"
    return (across / columns, down / rows, apart * slices), line


def _unknown(why: str) -> str:
    return f"spacing: 1 for each axis, because {why}"


def _in_mm(unit: str, tags: Tags) -> float:
    """A unit of ImageJ in mm, or that of the tag where it is not said; 0 where it is not known."""
    if unit:
        return MM_OF.get(_plain(unit), 0.0)
    return MM_OF_CODE.get(int(_positive(tags.get(RESOLUTION_UNIT))), 0.0)


def _ome_size(description: str, axis: str) -> float:
    """What OME says of the size of a voxel along an axis in mm; 0 where it says none in a known unit."""
    size = re.search(rf'\bPhysicalSize{axis}="([^"]+)"', description)
    unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]+)"', description)
    mm = MM_OF.get(_plain(unit[1]) if unit else "µm", 0.0)
    return _positive(size[1] if size else None) * mm


def _described(tags: Tags) -> str:
    """What the first page says of the file; UTF-8 where it is, which Pillow does not expect."""
    text = str(tags.get(DESCRIPTION, ""))
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _pairs(description: str) -> dict[str, str]:
    """The lines NAME=VALUE of ImageJ."""
    parted = (line.partition("=") for line in description.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in parted}


def _plain(unit: str) -> str:
    """A unit in lower case, with the micro sign where a Greek letter or its number stands for it."""
    return unit.replace("\\u00B5", "µ").replace("\N{GREEK SMALL LETTER MU}", "µ").lower()


def _positive(value: object) -> float:
    """A number above 0; 0 for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0
