"""NRRD and MetaImage by SimpleITK, and Zarr arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import BackendError, DataError, install_command
from convscope.kinds.volume.volume import MOST_BYTES, UNKNOWN_SPACING, Affine, Volume, spacing_of

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813 - as its documentation does
    import zarr

ITK = (".nrrd", ".nhdr", ".mha", ".mhd")
ZARR = (".zarr",)
MM_OF = {"millimeter": 1.0, "micrometer": 1e-3, "nanometer": 1e-6, "centimeter": 10.0}
"""Units of OME-Zarr in mm."""
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_ALONE = Lock()
"""One thread reads by ITK at a time."""
_LONGEST_HEADER, _LONGEST_WORD = 2**20, 100
"""In bytes. Longer words in a header of NRRD end the process in ITK, which keeps them in a short buffer."""
_DIRECTIONS = (b"\nspace directions:", b"\nspace:", b"transformmatrix", b"\norientation", b"\nrotation")
"""What lines begin with that say where axes point."""
UNKNOWN_SIDES = (
    "the header does not say where axes point; left, posterior and superior are assumed, as ITK does"
)
_FREE = (b"#", b"content:", b"data file:", b"datafile:")
"""How lines of a header of NRRD begin whose words may have any length."""


def read_itk(path: Path, name: str) -> Volume:
    """Reads NRRD, MHA or MHD; the spacing and directions of its header become the affine.

    Args:
        path: The file.
        name: What it is called.

    Raises:
        DataError: The file is damaged or holds no volume.
    """
    import SimpleITK as sitk  # noqa: N813 - as its documentation does

    if path.suffix.lower() in (".nrrd", ".nhdr"):
        _check_header(path, name)
    with _ALONE, damage_as_data_error(name, path.suffix[1:].upper()):
        sitk.ProcessObject.SetGlobalWarningDisplay(False)
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        size = reader.GetSize()
        if len(size) != 3:
            raise DataError(f"{name}: expected a volume of three axes, received size {tuple(size)}")
        if np.prod(size, dtype=np.float64) * 4 > MOST_BYTES:
            raise DataError(f"{name}: too large: {' x '.join(map(str, size))} voxels")
        image = _executed(reader, name)
        values = sitk.GetArrayFromImage(image)
    moved = np.moveaxis(values, (0, 1, 2), (2, 1, 0))
    notes = [] if _says_directions(path) else [f"{name}: {UNKNOWN_SIDES}"]
    return Volume.of(moved, _itk_affine(image), name, path.suffix[1:].upper(), notes)


def _executed(reader: sitk.ImageFileReader, name: str) -> sitk.Image:
    """Reads the image.

    Raises:
        DataError: Its voxels have no size.
        RuntimeError: It is damaged; the message is one line.
    """
    try:
        return reader.Execute()
    except RuntimeError as error:
        spacing = reader.GetSpacing()
        if 0 in spacing:
            shown = " x ".join(f"{each:g}" for each in spacing)
            raise DataError(
                f"{name}: expected voxels of a size above 0 mm, received {shown} mm",
                hint="Mend the spacing in the header.",
            ) from error
        raise RuntimeError(str(error).rpartition("ITK ERROR: ")[2]) from error


def _says_directions(path: Path) -> bool:
    """Whether a header says where axes point; ITK takes left, posterior and superior where it does not."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER).lower()
    return any(word in head for word in _DIRECTIONS)


def _check_header(path: Path, name: str) -> None:
    """Refuses a header of NRRD that cannot be one, before ITK takes it apart."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER).replace(b"\r\n", b"\n")
    header, _, _ = head.partition(b"\n\n")
    for number, line in enumerate(header.split(b"\n"), 1):
        is_pair = b":=" in line and b": " not in line.partition(b":=")[0]
        if is_pair or line.lower().startswith(_FREE):
            continue
        if max(map(len, line.split()), default=0) > _LONGEST_WORD or b"\0" in line:
            raise DataError(
                f"{name}, line {number} of the header: expected words of at most {_LONGEST_WORD} characters,"
                f" received {line[:40]!r}...",
                hint="The file is damaged, or no NRRD.",
            )


def _itk_affine(image: sitk.Image) -> Affine:
    """From the indices of an ITK image to mm: its frame is LPS."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return _TO_RAS @ affine


def read_zarr(path: Path, name: str) -> Volume:
    """Reads a Zarr array of three axes and channels, or the only array or first level of a group.

    The spacing is that of the attribute `spacing`, where there is one: three numbers in mm, in the order of
    the axes; and of `affine`, 4 x 4 numbers, which goes before it. OME-Zarr names its axes and their scale.

    Args:
        path: The folder.
        name: What it is called.

    Raises:
        DataError: It is no such array, or it is damaged.
        BackendError: Zarr is not installed.
    """
    try:
        import zarr
    except ImportError:
        raise BackendError(
            "Zarr arrays need zarr, which is not installed.",
            f"Install the extra: {install_command('volume')}",
        ) from None
    with damage_as_data_error(name, "Zarr array"):
        opened = zarr.open(str(path), mode="r")
        levels = _multiscales(dict(opened.attrs))
        first = str(levels["datasets"][0]["path"]) if levels else ""
        array = opened if isinstance(opened, zarr.Array) else _only_array(opened, first, name)
        if array.size * 4 > MOST_BYTES:
            raise DataError(f"{name}: too large: shape {array.shape}")
        values = np.asarray(array[...])
        attributes = {**dict(opened.attrs), **dict(array.attrs)}
        if levels:
            values, attributes = _ome(values, levels, name)
    affine, spacing = _zarr_places(attributes, name)
    notes = [f"{name}: {UNKNOWN_SPACING.format(form='this Zarr array')}"] if spacing is None else []
    return Volume.of(values, affine, name, "Zarr", notes, spacing or (1.0, 1.0, 1.0))


def is_single_zarr(place: Path) -> bool:
    """Whether a folder is a single Zarr array, or one of several levels as OME-Zarr has it."""
    import zarr

    opened = zarr.open(str(place), mode="r")
    return isinstance(opened, zarr.Array) or bool(_multiscales(dict(opened.attrs)))


def _multiscales(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The levels of OME-Zarr; empty where there are none."""
    said = attributes.get("ome")
    found = (said if isinstance(said, Mapping) else attributes).get("multiscales")
    return found[0] if isinstance(found, list) and found else {}


def _ome(
    values: npt.NDArray[Any], levels: Mapping[str, Any], name: str
) -> tuple[npt.NDArray[Any], dict[str, Any]]:
    """Values (x, y, z, channels) of a level of OME-Zarr, and their spacing where its unit is known.

    Raises:
        DataError: It has several times, or no three axes of space.
    """
    axes = [each["name"] if isinstance(each, Mapping) else str(each) for each in levels.get("axes", "tczyx")]
    sizes = dict(zip(axes, values.shape, strict=True))
    if sizes.pop("t", 1) > 1 or not {"x", "y", "z"} <= set(axes) <= set("tczyx"):
        raise DataError(
            f"{name}: expected axes x, y, z and channels, received {', '.join(axes)} of shape {values.shape}",
            hint="Write each time as an array of its own.",
        )
    order = [axes.index(each) for each in "txyzc" if each in axes]
    moved = values.transpose(order)
    moved = moved[0] if "t" in axes else moved
    units = {each["name"]: each.get("unit") for each in levels.get("axes", ()) if isinstance(each, Mapping)}
    steps = [
        *levels["datasets"][0].get("coordinateTransformations", ()),
        *levels.get("coordinateTransformations", ()),
    ]
    scale = np.prod(
        [each["scale"] for each in steps if each.get("type") == "scale"] or [[0] * len(axes)], axis=0
    )
    sized = [float(scale[axes.index(each)]) * MM_OF.get(str(units.get(each)), 0.0) for each in "xyz"]
    return moved, {"spacing": sized} if min(sized) > 0 else {}


def _only_array(group: zarr.Group, first: str, name: str) -> zarr.Array:
    """The array of a group: the named one, the only one, or the full size of several levels, `0`."""
    arrays = dict(group.arrays())
    if first in arrays:
        return arrays[first]
    if "0" in arrays or len(arrays) == 1:
        return arrays.get("0", next(iter(arrays.values())))
    received = ", ".join(sorted(arrays)) or "none"
    raise DataError(f"{name}: expected one array, received {received}")


def _zarr_places(attributes: dict[str, Any], name: str) -> tuple[Affine | None, list[float] | None]:
    """The affine of an array and the size of its voxels; None for what it does not say."""
    try:
        if "affine" in attributes:
            affine = np.asarray(attributes["affine"], np.float64).reshape(4, 4)
            return affine, list(spacing_of(affine))
        if "spacing" in attributes:
            return None, np.asarray(attributes["spacing"], np.float64).reshape(3).tolist()
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: expected an affine or a spacing of numbers ({error})") from error
    return None, None
