"""NIfTI and Analyze files, compressed or not, by nibabel."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.files import written_whole
from convscope.kinds.volume.volume import MOST_BYTES, Affine, Volume

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".img.gz")
_DISAGREE = 1e-2
"""Difference of the two affines of a header that is told, in mm."""


def read_nifti(path: Path, name: str, channels: bool = False) -> Volume:
    """Reads one volume.

    The affine is that of nibabel: the sform where it is set, else the qform. Values are scaled by
    `scl_slope` and `scl_inter` where these change them. A fourth axis of several times, as of functional MR,
    is refused; a fifth axis of vectors, or a fourth one of length 1, is that of channels.

    Args:
        path: The file.
        name: What it is called.
        channels: Whether a fourth axis is that of channels.

    Raises:
        DataError: The file is damaged, has other axes, or its header gives voxels no size.
    """
    import nibabel
    from nibabel.imageglobals import LoggingOutputSuppressor

    with damage_as_data_error(name, "NIfTI file"), LoggingOutputSuppressor():
        image = nibabel.load(path)
        shape = tuple(int(each) for each in image.shape)
        _check_shape(name, shape, image.get_data_dtype(), channels)
        values = _values(image)
    affine, notes = _affine(image, name)
    return Volume.of(_with_channels(values), affine, name, type(image).__name__.removesuffix("Image"), notes)


def write_nifti(path: Path, volume: Volume, values: npt.NDArray[Any]) -> None:
    """Writes values of a volume's voxels on the grid of its file, so that they lie on it voxel by voxel.

    Args:
        path: Ends in `.nii` or `.nii.gz`.
        volume: Whose grid they have.
        values: Shape (x, y, z), such as the labels of a mask.
    """
    import nibabel

    with written_whole(path) as partial:
        image = nibabel.Nifti1Image(np.ascontiguousarray(volume.on_source(values)), volume.source.affine)
        image.header.set_xyzt_units("mm")
        content = image.to_bytes()
        partial.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _check_shape(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], channels: bool) -> None:
    times = shape[3] if len(shape) > 3 and not channels else 1
    if len(shape) < 3 or len(shape) > 5 or 0 in shape:
        raise DataError(f"{name}: expected a volume of three axes, received shape {shape}")
    if times > 1:
        raise DataError(
            f"{name}: expected one volume, received {times} along a fourth axis: shape {shape}",
            hint="Where these are channels of one scan, give --channel-layout axis; of several times, write"
            " each as a file of its own, such as by nibabel.four_to_three.",
        )
    if dtype.names or dtype.kind not in "biuf":
        raise DataError(f"{name}: expected numbers, received {dtype}")
    if np.prod(shape, dtype=np.float64) * 4 > MOST_BYTES:
        raise DataError(f"{name}: too large: {' x '.join(map(str, shape))} voxels")


def _values(image: SpatialImage) -> npt.NDArray[Any]:
    """The values as they are stored, in the order of bytes of the machine, or scaled as float32."""
    slope, inter = image.dataobj.slope, image.dataobj.inter
    if slope == 1 and inter == 0:
        stored = np.asarray(image.dataobj.get_unscaled())
        if stored.dtype == np.float64:
            return stored.astype(np.float32)
        return stored.astype(stored.dtype.newbyteorder("="), copy=False)
    scaled: npt.NDArray[Any] = image.get_fdata(dtype=np.float32, caching="unchanged")
    return scaled


def _with_channels(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.reshape((*values.shape[:3], -1))


def _affine(image: SpatialImage, name: str) -> tuple[Affine | None, list[str]]:
    """The affine of a header, and what should be known of it."""
    header = image.header
    flat = _zero_spacing(image)
    if flat and not (hasattr(header, "get_sform") and header.get_sform(coded=True)[1]):
        raise DataError(
            f"{name}: expected voxels of a size above 0 mm, received {flat}",
            hint="Mend the header, such as by nibabel's header.set_zooms.",
        )
    if not hasattr(header, "get_sform"):
        return np.asarray(image.affine, np.float64), [f"{name}: Analyze headers do not say left from right"]
    sform, scode = header.get_sform(coded=True)
    qform, qcode = header.get_qform(coded=True)
    if not scode and not qcode:
        return np.asarray(image.affine, np.float64), [
            f"{name}: neither sform nor qform is set; axes to left, anterior and superior are assumed, as"
            " nibabel does"
        ]
    if flat:
        return np.asarray(sform, np.float64), [
            f"{name}: the header has voxels of {flat}; the sizes of its sform are taken"
        ]
    if scode and qcode:
        apart = float(np.abs(np.asarray(sform) - np.asarray(qform)).max())
        if apart > _DISAGREE:
            return np.asarray(sform, np.float64), [
                f"{name}: sform and qform of the header differ by up to {apart:.3g} mm; the sform is taken"
            ]
    return np.asarray(image.affine, np.float64), []


def _zero_spacing(image: SpatialImage) -> str:
    """The sizes of voxels as the header has them, where one is 0 or no number; empty where all are sizes.

    nibabel itself takes 1 for 0 when it loads a header.
    """
    place = image.file_map.get("header", image.file_map["image"])  # of a pair of files, or a single one
    with place.get_prepare_fileobj() as file:
        stored = type(image.header).from_fileobj(file, check=False)["pixdim"][1:4]
    wrong = not np.isfinite(stored).all() or (stored == 0).any()
    return f"{' x '.join(f'{each:g}' for each in stored.tolist())} mm" if wrong else ""
