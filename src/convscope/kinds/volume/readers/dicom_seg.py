"""Segmentations of DICOM series as DICOM segmentation objects, which lie on the slices of the series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.data.masks import Classes, object_classes
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.files import written_whole
from convscope.kinds.volume.readers.dicom import TO_RAS
from convscope.kinds.volume.volume import Volume

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
"""The class of segmentation objects."""
_TISSUE = ("85756007", "SCT", "Tissue")
_SOURCE = ("121322", "DCM", "Source image for image processing operation")
_DERIVED = ("113076", "DCM", "Segmentation")
_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_STUDY = (
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator"),
)


def write_segmentation(
    path: Path, files: Sequence[Path], volume: Volume, classes: Classes, class_names: Sequence[str]
) -> None:
    """Writes a mask of a DICOM series as a binary segmentation object (DICOM PS3.3, A.51).

    Each class but the background is a segment of its name, numbered from 1. The object has the patient, study
    and frame of reference of the series and refers to its slices. Planes without anything inside are left
    out, but for those of the first segment, so that the object has the grid of the series.

    Args:
        path: Ends in `.dcm`.
        files: Of the series.
        volume: As it was read from them.
        classes: Shape (x, y, z).
        class_names: What the classes are called.

    Raises:
        DataError: A file has changed or gone since it was read.
    """
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    heads = []
    for file in files:
        with damage_as_data_error(str(file), "DICOM file"):
            heads.append(pydicom.dcmread(file, stop_before_pixels=True))
    labels = np.asarray(volume.on_source(classes))
    numbers = object_classes(class_names).tolist()
    frames = _frames(labels, numbers)
    with damage_as_data_error(str(files[0]), "DICOM file"):  # elements are decoded when they are asked for
        made = _described(heads[0], class_names, numbers)
        made.SOPClassUID, made.SOPInstanceUID = SEGMENTATION, generate_uid()
        made.SeriesInstanceUID = generate_uid()
        meta = pydicom.dataset.FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SEGMENTATION, made.SOPInstanceUID
        made.file_meta = meta
        _add_places(made, heads, volume, frames)
    made.Rows, made.Columns = labels.shape[1], labels.shape[0]
    made.NumberOfFrames = len(frames)
    made.PixelData = _packed(labels, numbers, frames)
    with written_whole(path) as part:
        pydicom.dcmwrite(part, made, enforce_file_format=True)


def _frames(labels: npt.NDArray[Any], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The segment, from 0, and the slice of each plane that is written."""
    found = []
    for segment, number in enumerate(numbers):
        there = (labels == number).any(axis=(0, 1))
        found += [(segment, int(at)) for at in range(labels.shape[2]) if there[at] or not segment]
    return found


def _packed(labels: npt.NDArray[Any], numbers: Sequence[int], frames: Sequence[tuple[int, int]]) -> bytes:
    """A bit for each pixel of all planes in turn, the lowest bit of a byte first; an even number of bytes."""

    def planes() -> Iterator[npt.NDArray[np.bool_]]:
        for segment, at in frames:
            yield (labels[:, :, at] == numbers[segment]).T.ravel()

    if labels[:, :, 0].size % 8:
        packed = np.packbits(np.concatenate(list(planes())), bitorder="little").tobytes()
    else:
        packed = b"".join(np.packbits(plane, bitorder="little").tobytes() for plane in planes())
    return packed + bytes(len(packed) % 2)


def _described(source: FileDataset, class_names: Sequence[str], numbers: Sequence[int]) -> Dataset:
    """What an object says of its patient, its origin, its pixels and its segments."""
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    made = Dataset()
    for name in (*_PATIENT, *_STUDY):
        setattr(made, name, source.get(name, ""))
    made.FrameOfReferenceUID = source.get("FrameOfReferenceUID") or generate_uid()
    now = datetime.now()
    made.ContentDate = made.SeriesDate = now.strftime("%Y%m%d")
    made.ContentTime = made.SeriesTime = now.strftime("%H%M%S")
    made.Modality, made.SeriesNumber, made.InstanceNumber = "SEG", 1, 1
    made.SeriesDescription = made.ContentDescription = "Segmentation"
    made.Manufacturer = made.ManufacturerModelName = "convscope"
    made.DeviceSerialNumber, made.SoftwareVersions = "0", version("convscope")
    made.ContentLabel, made.ContentCreatorName = "SEGMENTATION", "convscope"
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 1, 1, 0
    made.LossyImageCompression, made.SegmentationType = "00", "BINARY"
    made.SegmentSequence = [
        _item(
            SegmentNumber=segment,
            SegmentLabel=class_names[number][:64],
            SegmentAlgorithmType="AUTOMATIC",
            SegmentAlgorithmName="convscope",
            SegmentedPropertyCategoryCodeSequence=[_code(_TISSUE)],
            SegmentedPropertyTypeCodeSequence=[_code(_TISSUE)],
        )
        for segment, number in enumerate(numbers, 1)
    ]
    organization = generate_uid()
    made.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=organization)]
    made.DimensionIndexSequence = [
        _item(DimensionOrganizationUID=organization, DimensionIndexPointer=what, FunctionalGroupPointer=where)
        for what, where in ((0x0062000B, 0x0062000A), (0x00200032, 0x00209113))
    ]
    return made


def _add_places(
    made: Dataset, heads: Sequence[FileDataset], volume: Volume, frames: Sequence[tuple[int, int]]
) -> None:
    """Adds where each plane lies, and which slice of the series it is of."""
    affine = TO_RAS @ volume.source.affine  # towards left, posterior and superior, as DICOM counts
    columns, rows, step = affine[:3, 0], affine[:3, 1], affine[:3, 2]
    sizes = [float(np.linalg.norm(each)) for each in (columns, rows, step)]
    normal = np.cross(columns / sizes[0], rows / sizes[1])
    apart = _decimal(abs(float(normal @ step)))
    made.SharedFunctionalGroupsSequence = [
        _item(
            PlaneOrientationSequence=[
                _item(ImageOrientationPatient=list(map(_decimal, [*columns / sizes[0], *rows / sizes[1]])))
            ],
            PixelMeasuresSequence=[
                _item(
                    PixelSpacing=[_decimal(sizes[1]), _decimal(sizes[0])],
                    SliceThickness=apart,
                    SpacingBetweenSlices=apart,
                )
            ],
        )
    ]
    slices = _slices_of(heads, affine, volume.source.shape[2])
    groups = []
    for segment, at in frames:
        position = affine[:3, 3] + step * at
        groups.append(
            _item(
                FrameContentSequence=[_item(DimensionIndexValues=[segment + 1, at + 1])],
                PlanePositionSequence=[_item(ImagePositionPatient=list(map(_decimal, position)))],
                SegmentIdentificationSequence=[_item(ReferencedSegmentNumber=segment + 1)],
                DerivationImageSequence=[
                    _item(
                        SourceImageSequence=[_reference(*slices[at], purpose=True)],
                        DerivationCodeSequence=[_code(_DERIVED)],
                    )
                ]
                if at in slices
                else [],
            )
        )
    made.PerFrameFunctionalGroupsSequence = groups
    made.ReferencedSeriesSequence = [
        _item(
            SeriesInstanceUID=heads[0].get("SeriesInstanceUID", ""),
            ReferencedInstanceSequence=[_reference(head, 0) for head in heads],
        )
    ]


def _slices_of(
    heads: Sequence[FileDataset], affine: npt.NDArray[np.float64], count: int
) -> dict[int, tuple[FileDataset, int]]:
    """The file of each slice of a series, and the frame in it, from 1, or 0 where it has one alone."""
    if len(heads) == 1:
        return {at: (heads[0], at + 1 if count > 1 else 0) for at in range(count)}
    step = affine[:3, 2]
    found: dict[int, tuple[FileDataset, int]] = {}
    for head in heads:
        away = np.array([float(each) for each in head.ImagePositionPatient]) - affine[:3, 3]
        found.setdefault(round(float(away @ step / (step @ step))), (head, 0))
    return found


def _reference(head: FileDataset, frame: int, *, purpose: bool = False) -> Dataset:
    """A reference to an instance, or to a frame of it."""
    if "SOPInstanceUID" not in head:
        raise DataError(f"{head.filename}: expected a DICOM file with SOPInstanceUID, received one without")
    made = _item(ReferencedSOPClassUID=head.SOPClassUID, ReferencedSOPInstanceUID=head.SOPInstanceUID)
    if frame:
        made.ReferencedFrameNumber = frame
    if purpose:
        made.PurposeOfReferenceCodeSequence = [_code(_SOURCE)]
        made.SpatialLocationsPreserved = "YES"
    return made


def _item(**values: object) -> Dataset:
    from pydicom.dataset import Dataset

    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def _code(words: tuple[str, str, str]) -> Dataset:
    value, scheme, meaning = words
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _decimal(value: float) -> str:
    """A number in the 16 characters that DICOM allows."""
    return next(text for digits in range(12, 3, -1) if len(text := f"{value:.{digits}g}") <= 16)
