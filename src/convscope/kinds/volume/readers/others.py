"""NRRD and MetaImage by SimpleITK, TIFF stacks by Pillow, and Zarr arrays."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import BackendError, DataError, install_command
from convscope.kinds.volume.volume import MOST_BYTES, UNKNOWN_SPACING, Affine, Volume

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813 - as its documentation does
    import zarr

ITK = (".nrrd", ".nhdr", ".mha", ".mhd")
TIFF = (".tif", ".tiff")
ZARR = (".zarr",)
FEWEST_PAGES = 2
"""Pages of a TIFF file that is a stack."""
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_ALONE = Lock()
"""One thread reads by ITK at a time."""
_LONGEST_HEADER, _LONGEST_WORD = 2**20, 100
"""In bytes. Longer words in a header of NRRD end the process in ITK, which keeps them in a short buffer."""
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
        image = reader.Execute()
        values = sitk.GetArrayFromImage(image)
    moved = np.moveaxis(values, (0, 1, 2), (2, 1, 0))
    return Volume.of(moved, _itk_affine(image), name, path.suffix[1:].upper())


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


def read_tiff(path: Path, name: str) -> Volume:
    """Reads the pages of a TIFF file as the slices of a volume, (columns, rows, pages).

    Args:
        path: The file.
        name: What it is called.

    Raises:
        DataError: The file is damaged, has one page, or pages of several sizes.
    """
    from PIL import Image

    with damage_as_data_error(name, "TIFF"), Image.open(path) as image:
        pages = int(getattr(image, "n_frames", 1))
        if pages < FEWEST_PAGES:
            raise DataError(f"{name}: expected a stack of pages, received one page")
        if float(image.width) * image.height * pages * 4 > MOST_BYTES:
            raise DataError(f"{name}: too large: {image.width} x {image.height} x {pages} voxels")
        values: npt.NDArray[Any] | None = None
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
    stacked: npt.NDArray[Any] = np.moveaxis(np.asarray(values), (0, 1, 2), (2, 1, 0))
    return Volume.of(stacked, None, name, "TIFF", [f"{name}: {UNKNOWN_SPACING.format(form='TIFF')}"])


def read_zarr(path: Path, name: str) -> Volume:
    """Reads a Zarr array of three axes and channels, or the only array or first level of a group.

    The spacing is that of the attribute `spacing`, where there is one: three numbers in mm, in the order of
    the axes; and of `affine`, 4 x 4 numbers, which goes before it.

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
        array = opened if isinstance(opened, zarr.Array) else _only_array(opened, name)
        if array.size * 4 > MOST_BYTES:
            raise DataError(f"{name}: too large: shape {array.shape}")
        values = np.asarray(array[...])
        attributes = {**dict(opened.attrs), **dict(array.attrs)}
    affine = _zarr_affine(attributes, name)
    notes = [] if affine is not None else [f"{name}: {UNKNOWN_SPACING.format(form='Zarr')}"]
    return Volume.of(values, affine, name, "Zarr", notes)


def _only_array(group: zarr.Group, name: str) -> zarr.Array:
    """The array of a group: the only one, or the full size of several levels, `0`."""
    arrays = dict(group.arrays())
    if "0" in arrays or len(arrays) == 1:
        return arrays.get("0", next(iter(arrays.values())))
    received = ", ".join(sorted(arrays)) or "none"
    raise DataError(f"{name}: expected one array, received {received}")


def _zarr_affine(attributes: dict[str, Any], name: str) -> Affine | None:
    try:
        if "affine" in attributes:
            return np.asarray(attributes["affine"], np.float64).reshape(4, 4)
        if "spacing" in attributes:
            return np.diag([*np.asarray(attributes["spacing"], np.float64).reshape(3), 1.0])
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: expected an affine or a spacing of numbers ({error})") from error
    return None
