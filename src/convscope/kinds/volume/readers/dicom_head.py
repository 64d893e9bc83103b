"""Which files are DICOM, and what they say of patient, study and series, by which they are put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convscope.data.parse_errors import damage_as_data_error

HEAD_TAGS = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "Rows",
    "Columns",
    "NumberOfFrames",
)
"""By which files are put together."""
MAGIC = (128, b"DICM")
"""Where the sign of a DICOM file stands, and what it is."""


def is_dicom(path: Path) -> bool:
    """Whether a file bears the sign of DICOM."""
    try:
        with path.open("rb") as file:
            file.seek(MAGIC[0])
            return file.read(len(MAGIC[1])) == MAGIC[1]
    except OSError:
        return False


@dataclass(frozen=True)
class DicomHead:
    """By what files are put together.

    Args:
        patient: Whom it shows.
        study: The visit.
        series: What was taken in one go.
        number: Of the series in its study; 0 where it is not said.
        description: What the series is called.
        size: Rows and columns; None for a file without an image.
        frames: How many planes it has.
    """

    patient: str
    study: str
    series: str
    number: int
    description: str
    size: tuple[int, int] | None
    frames: int


def dicom_head(path: Path) -> DicomHead:
    """What a file says of its patient, study and series, without its pixels.

    Raises:
        DataError: It is damaged.
    """
    import pydicom

    # Elements are decoded when they are asked for, so that all are asked for here.
    with damage_as_data_error(str(path), "DICOM file"):
        data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(HEAD_TAGS))
        return DicomHead(
            patient=str(data.get("PatientID", "")),
            study=str(data.get("StudyInstanceUID", "")),
            series=str(data.get("SeriesInstanceUID", "")),
            number=_whole(data.get("SeriesNumber")),
            description=str(data.get("SeriesDescription", "")),
            size=(int(data.Rows), int(data.Columns)) if "Rows" in data else None,
            frames=int(data.get("NumberOfFrames", 1) or 1),
        )


def _whole(value: object) -> int:
    """The number of a series, which may be missing or no number."""
    try:
        return int(str(value or 0))
    except ValueError:
        return 0
