"""Whether a path holds volumes with labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from convscope.data.heads import suffix_of
from convscope.data.snapshot import DataSnapshot
from convscope.kinds.contract.kind import Detection
from convscope.kinds.volume.progression.folders import tell_visits
from convscope.kinds.volume.readers.arrays import LABEL_WORDS, volume_array
from convscope.kinds.volume.readers.dicom_head import is_dicom
from convscope.kinds.volume.readers.masks import is_masked
from convscope.kinds.volume.readers.tiff import FEWEST_PAGES

CLASSES = "volume-classification"
SEGMENTATION = "volume-segmentation"
PROGRESSION = "volume-progression"
SUFFIXES = frozenset((".nii", ".hdr", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".dicom", ".ima"))
_SURE = 0.97
_OPENED = 3
_FEWEST_PATIENTS = 3
_PARTS = re.compile(r"[^a-z0-9]+")
_MASKS = frozenset(("seg", "mask", "label", "labels", "segmentation", "gt"))
_SORTS = _MASKS | {
    *("flair", "t1", "t1ce", "t1c", "t1n", "t1w", "t1gd", "t2", "t2w", "t2f", "pd", "dwi", "adc", "swi"),
    *("bold", "ct", "pet", "mri", "image", "img", "brain"),
}
"""What the scans of one patient, and their masks, are called."""
_STACKS = frozenset((".tif", ".tiff"))
_METADATA = ("zarr.json", ".zarray", ".zgroup")


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The surest sign of volumes; None where there is none.

    An archive of arrays is told from pictures and series by its shape: three axes of voxels beside that of
    the samples.
    """
    known = [*_masked(snapshot), *_visits(snapshot)]
    found = [
        *(known or _patients(snapshot)),
        *_files(snapshot),
        *_arrays(snapshot),
        *_stacks(snapshot),
        *_zarr(snapshot),
    ]
    return max(found, key=lambda each: each.confidence, default=None)


def _masked(snapshot: DataSnapshot) -> Iterator[Detection]:
    if snapshot.path.is_dir() and is_masked(snapshot.path):
        yield Detection(SEGMENTATION, 1.0, "imagesTr/ and labelsTr/ hold scans and their masks")


def _visits(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Scans of several visits of subjects, by the usual names of folders."""
    if not snapshot.path.is_dir():
        return
    said = tell_visits([snapshot.named(file) for file in snapshot.ending_in(SUFFIXES)])
    if said:
        yield Detection(PROGRESSION, 0.98, f"paths name several visits of subjects, as {said}")


def _patients(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A folder for each patient with the same sorts of scans in each: such folders are no classes."""
    sorts: dict[Path, set[str]] = {}
    for file in snapshot.ending_in(SUFFIXES):
        name = file.name.partition(".")[0].removeprefix(file.parent.name).strip("_- ").lower()
        sorts.setdefault(file.parent, set()).add(name)
    found = next(iter(sorts.values()), set())
    known = {name for name in found if set(_PARTS.split(name)) & _SORTS}
    if len(sorts) < _FEWEST_PATIENTS or len(found) < 2 or 2 * len(known) < len(found):
        return
    if all(each == found for each in sorts.values()):
        scan = next(iter(sorted(known - _MASKS)), "scan")
        yield Detection(
            CLASSES,
            1.0,
            f"each of its {len(sorts)} folders has the same {len(found)} volumes"
            f" ({', '.join(sorted(found))}), as those of patients, so that no folder is a class",
            "To find structures in them, copy one sort of scan and the masks into two folders, under the"
            f" same names: for scan in pathlib.Path('.').glob('*/*{scan}*'):"
            " shutil.copy(scan, f'imagesTr/{scan.parent.name}.nii.gz'), and likewise the masks into"
            " labelsTr/. To classify patients, put one scan of each into a folder for its class.",
        )


def _files(snapshot: DataSnapshot) -> Iterator[Detection]:
    volumes = snapshot.ending_in(SUFFIXES)
    if volumes:
        confidence = _SURE if snapshot.prevails(SUFFIXES) else 0.8
        yield Detection(CLASSES, confidence, f"{snapshot.named(volumes[0])} is a volume")
    bare = [file for file in snapshot.data_files if not suffix_of(file)]
    sign = next((file for file in islice(bare, _OPENED) if is_dicom(file)), None)
    if sign is not None:
        yield Detection(CLASSES, _SURE, f"{snapshot.named(sign)} is a DICOM file")


def _arrays(snapshot: DataSnapshot) -> Iterator[Detection]:
    for file in snapshot.ending_in(frozenset([".npz"]))[:_OPENED]:
        arrays = snapshot.arrays(file)
        name = volume_array(arrays)
        if name is not None:
            shape = " x ".join(map(str, arrays[name].shape))
            yield Detection(CLASSES, _SURE, f"{file.name} has volumes ({name}: {shape}) and labels")


def _stacks(snapshot: DataSnapshot) -> Iterator[Detection]:
    """TIFF files of several pages, which no picture has."""
    for file in snapshot.ending_in(_STACKS)[:_OPENED]:
        pages = _pages(file)
        if pages >= FEWEST_PAGES:
            yield Detection(CLASSES, 1.0, f"{snapshot.named(file)} is a stack of {pages} pages")
            return


def _pages(file: Path) -> int:
    from PIL import Image

    try:
        with Image.open(file) as image:
            return int(getattr(image, "n_frames", 1))
    except (OSError, ValueError, SyntaxError):
        return 0


def _zarr(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Zarr arrays in class folders, or a group of volumes and labels."""
    path = snapshot.path
    if path.suffix.lower() == ".zarr" and path.is_dir():
        names = {each.name for each in path.iterdir()}
        if names & set(_METADATA) and any(set(name.lower().split("_")) & LABEL_WORDS for name in names):
            yield Detection(CLASSES, _SURE, f"{path.name} is a Zarr group with labels")
        return
    for file in snapshot.files:
        if file.name in _METADATA and file.parent.suffix.lower() == ".zarr":
            yield Detection(CLASSES, 0.9, f"{snapshot.named(file.parent)} is a Zarr array")
            return
