"""The size of a voxel in TIFF stacks: read where tags and descriptions say it, else not known."""

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from convscope.kinds.volume.readers.forms import READERS
from convscope.kinds.volume.readers.inputs import read_inputs

VALUES = np.random.default_rng(0).integers(0, 255, (9, 8, 5), np.uint8)
CENTIMETER, NONE, INCH = 3, 1, 2


def write(path, description="", resolution=None, unit=None):
    """A stack with the tags that programs write, resolutions as (columns, rows) for each unit."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if description:
        tags.tagtype[270] = 2
        tags[270] = description.encode()
    if resolution is not None:
        tags[282], tags[283] = map(float, resolution)
    if unit is not None:
        tags[296] = unit
    pages = [Image.fromarray(np.ascontiguousarray(VALUES[:, :, at].T)) for at in range(VALUES.shape[2])]
    pages[0].save(path, save_all=True, append_images=pages[1:], tiffinfo=tags)
    return path


def read(path):
    volume = READERS["tiff"].read([path], path.name)
    assert np.array_equal(volume.values[..., 0], VALUES)
    assert not volume.source.spaced, "sides are not known, whatever the spacing"
    return volume


def imagej(unit, spacing, **more):
    lines = {"ImageJ": "1.54f", "images": 5, "slices": 5, "unit": unit, "spacing": spacing, **more}
    return "".join(f"{name}={value}\n" for name, value in lines.items() if value is not None)


def ome(unit=None, z="2.5"):
    sizes = {"X": "0.5", "Y": "0.25", "Z": z}
    said = " ".join(
        f'PhysicalSize{axis}="{size}"' + (f' PhysicalSize{axis}Unit="{unit}"' if unit else "")
        for axis, size in sizes.items()
        if size
    )
    return f'<OME><Pixels DimensionOrder="XYZCT" SizeC="1" SizeT="1" SizeZ="5" {said}/></OME>'


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"description": imagej("micron", 3), "resolution": (2, 4), "unit": NONE}, (5e-4, 2.5e-4, 3e-3)),
        ({"description": imagej("\\u00B5m", 3), "resolution": (2, 4), "unit": NONE}, (5e-4, 2.5e-4, 3e-3)),
        ({"description": imagej("µm", 3), "resolution": (2, 4)}, (5e-4, 2.5e-4, 3e-3)),
        ({"description": imagej("mm", 1.5), "resolution": (2, 4)}, (0.5, 0.25, 1.5)),
        ({"description": imagej("cm", 0.1), "resolution": (20, 40), "unit": CENTIMETER}, (0.5, 0.25, 1.0)),
        ({"description": imagej(None, 0.1), "resolution": (20, 40), "unit": CENTIMETER}, (0.5, 0.25, 1.0)),
        ({"description": imagej("inch", 0.1), "resolution": (254, 127), "unit": INCH}, (0.1, 0.2, 2.54)),
        ({"description": imagej("micron", 2, zunit="mm"), "resolution": (2, 4)}, (5e-4, 2.5e-4, 2.0)),
        ({"description": ome()}, (5e-4, 2.5e-4, 2.5e-3)),
        ({"description": ome("mm")}, (0.5, 0.25, 2.5)),
        ({"description": ome("\N{GREEK SMALL LETTER MU}m")}, (5e-4, 2.5e-4, 2.5e-3)),
    ],
)
def test_spacing_is_read_where_a_file_says_it_with_a_unit(tmp_path, given, expected):
    volume = read(write(tmp_path / "a.tif", **given))
    assert volume.spacing == pytest.approx(expected)
    assert ": spacing: " in volume.notes[0] and "because" not in volume.notes[0]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "no resolution with a unit"),
        ({"resolution": (72, 72), "unit": INCH}, "not how far they are apart"),
        ({"resolution": (72, 72), "unit": NONE}, "no resolution with a unit"),
        ({"description": imagej("micron", None), "resolution": (2, 4)}, "not how far they are apart"),
        ({"description": imagej("pixel", 3), "resolution": (2, 4)}, "in 'pixel'"),
        ({"description": imagej(None, 3), "resolution": (2, 4), "unit": NONE}, "no resolution with a unit"),
        ({"description": imagej("micron", 3)}, "no resolution with a unit"),
        ({"description": imagej("micron", "nan"), "resolution": (2, 4)}, "not how far they are apart"),
        ({"description": imagej("micron", 3), "resolution": (0, 4)}, "no resolution with a unit"),
        ({"description": ome("mm", z="")}, "does not say the sizes"),
        ({"description": ome("pixel")}, "does not say the sizes"),
    ],
)
def test_spacing_that_is_not_said_in_full_stays_unknown(tmp_path, given, why):
    volume = read(write(tmp_path / "a.tif", **given))
    assert volume.spacing == (1, 1, 1)
    assert "spacing: 1 for each axis, because" in volume.notes[0]
    assert why in volume.notes[0]


def test_many_files_say_it_once(tmp_path):
    for at in range(3):
        write(tmp_path / f"{at}.tif", imagej("mm", 1 + at), (2, 4))
    found = read_inputs([str(tmp_path)])
    assert [fact.spacing for fact in found.facts] == [(0.5, 0.25, 1.0 + at) for at in range(3)]
    assert not found.warnings
