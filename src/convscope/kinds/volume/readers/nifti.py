"""NIfTI and Analyze files, compressed or not, by nibabel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.kinds.volume.volume import MOST_BYTES, Affine, Volume

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".img.gz")
_DISAGREE = 1e-2
"""Difference of the two affines of a header that is told, in mm."""


def read_nifti(path: Path, name: str) -> Volume:
    """Reads one volume.

    The affine is that of nibabel: the sform where it is set, else the qform. Values are scaled by
    `scl_slope` and `scl_inter` where these change them. A fourth axis of several times, as of functional MR,
    is refused; a fifth axis of vectors, or a fourth one of length 1, is that of channels.

    Args:
        path: The file.
        name: What it is called.

    Raises:
        DataError: The file is damaged, has other axes, or its header gives voxels no size.
    """
    import nibabel

    with damage_as_data_error(name, "NIfTI file"):
        image = nibabel.load(path)
        shape = tuple(int(each) for each in image.shape)
        _check_shape(name, shape, image.get_data_dtype())
        zooms = image.header.get_zooms()[:3]
        if min(zooms) <= 0 or not np.isfinite(zooms).all():
            raise DataError(
                f"{name}: expected voxels of a size above 0 mm, received"
                f" {' x '.join(f'{each:g}' for each in zooms)}",
                hint="Mend the header, such as nibabel's header.set_zooms.",
            )
        values = _values(image)
    affine, notes = _affine(image, name)
    return Volume.of(_with_channels(values), affine, name, type(image).__name__.removesuffix("Image"), notes)


def _check_shape(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    times = shape[3] if len(shape) > 3 else 1
    if len(shape) < 3 or len(shape) > 5 or 0 in shape:
        raise DataError(f"{name}: expected a volume of three axes, received shape {shape}")
    if times > 1:
        raise DataError(
            f"{name}: expected one volume, received {times} along a fourth axis: shape {shape}",
            hint="Write each as a file of its own, such as nibabel.four_to_three; channels of one scan are"
            " files whose names end in _0000, _0001 and so on.",
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
    if not hasattr(header, "get_sform"):
        return np.asarray(image.affine, np.float64), [f"{name}: Analyze headers do not say left from right"]
    sform, scode = header.get_sform(coded=True)
    qform, qcode = header.get_qform(coded=True)
    if not scode and not qcode:
        return np.asarray(image.affine, np.float64), [
            f"{name}: neither sform nor qform is set; right, anterior and superior are assumed"
        ]
    if scode and qcode:
        apart = float(np.abs(np.asarray(sform) - np.asarray(qform)).max())
        if apart > _DISAGREE:
            return np.asarray(sform, np.float64), [
                f"{name}: sform and qform of the header differ by up to {apart:.3g} mm; the sform is taken"
            ]
    return np.asarray(image.affine, np.float64), []
