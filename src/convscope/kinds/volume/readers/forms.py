"""The forms of files that hold volumes, by the endings of their names, and what reads each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from convscope.errors import DataError
from convscope.kinds.volume.readers.dicom import SUFFIXES as DICOM
from convscope.kinds.volume.readers.dicom import read_dicom
from convscope.kinds.volume.readers.nifti import SUFFIXES as NIFTI
from convscope.kinds.volume.readers.nifti import read_nifti
from convscope.kinds.volume.readers.others import ITK, ZARR, read_itk, read_zarr
from convscope.kinds.volume.readers.tiff import TIFF, read_tiff
from convscope.kinds.volume.volume import Volume


@dataclass(frozen=True)
class Form:
    """One form of files.

    Args:
        suffixes: Endings of its files, in lower case; none where names do not tell the form.
        read: `(files of a volume, its name)` to the volume.
    """

    suffixes: tuple[str, ...]
    read: Callable[[Sequence[Path], str], Volume]


def _single(read: Callable[[Path, str], Volume]) -> Callable[[Sequence[Path], str], Volume]:
    def reads(files: Sequence[Path], name: str) -> Volume:
        if len(files) != 1:
            raise DataError(f"{name}: expected one file, received {len(files)}")
        return read(files[0], name)

    return reads


READERS = {
    "nifti": Form(NIFTI, _single(read_nifti)),
    "nifti-channels": Form((), _single(partial(read_nifti, channels=True))),
    "dicom": Form(DICOM, read_dicom),
    "itk": Form(ITK, _single(read_itk)),
    "tiff": Form(TIFF, _single(read_tiff)),
    "zarr": Form(ZARR, _single(read_zarr)),
}
"""By the name of the form."""


def form_of(key: str) -> str:
    """The form that the ending of a name says; empty where it is none.

    Example:
        >>> form_of("a/scan.nii.gz"), form_of("b.MHA"), form_of("c.png")
        ('nifti', 'itk', '')
    """
    lower = key.lower()
    return next((name for name, form in READERS.items() if lower.endswith(form.suffixes)), "")
