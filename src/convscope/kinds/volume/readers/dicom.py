"""Series of DICOM files: slices sorted along their normal, gaps and duplicates found, values rescaled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.data.digests import digest_of
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.kinds.volume.volume import MOST_BYTES, UNKNOWN_SPACING, Affine, Volume

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

SUFFIXES = (".dcm", ".dicom", ".ima")
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SAME_PLACE = 1e-2
"""Distance of two slices at one place, in mm."""
_EVEN = 0.02
"""Share by which distances of slices may differ from their median without a word."""
_UNEVEN = 0.25
"""Share from which on slices are missing."""
_TILTED = 1e-2
"""Sine of the angle between the normal and the way from slice to slice, from which on it is said."""

Pixels = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Slice:
    """One plane of a series.

    Args:
        position: Of the first pixel, in mm, towards left, posterior and superior; None where it is not said.
        directions: Of the columns and the rows, shape (2, 3); None where they are not said.
        spacing: Between rows and between columns, in mm.
        thickness: In mm; 1 where it is not said.
        pixels: Reads and rescales it, (rows, columns[, 3]).
        name: The file, and the frame in it.
        segment: The number of what it segments, which its pixels have inside; 0 for images.
    """

    position: npt.NDArray[np.float64] | None
    directions: npt.NDArray[np.float64] | None
    spacing: tuple[float, float]
    thickness: float
    pixels: Callable[[], Pixels]
    name: str
    segment: int = 0


def read_dicom(files: Sequence[Path], name: str) -> Volume:
    """Reads the slices of one series.

    Slices are sorted by their positions along the normal of their plane, whatever their names and numbers
    say. Values are rescaled slice by slice by slope and intercept.

    Args:
        files: Those of the series; or one file of several frames.
        name: What the volume is called.

    Raises:
        DataError: A file is damaged or has no pixels, or slices are missing, lie in several planes, or
            several lie at one place.
    """
    slices = [each for file in files for each in _slices(file)]
    first = slices[0]
    notes: list[str] = []
    if first.directions is None or first.position is None:
        if len(files) > 1:
            raise DataError(
                f"{name}: expected slices with positions, received {len(files)} files without",
                hint="Sort them by hand, and write them as a NIfTI file or a TIFF stack.",
            )
        notes.append(f"{name}: {UNKNOWN_SPACING.format(form='this DICOM file')}")
        return Volume.of(_stacked(slices, name), None, name, "DICOM", notes)
    _check_planes(slices, name)
    normal = np.cross(*first.directions)
    along = np.array([float(normal @ _placed(each)) for each in slices])
    order = np.argsort(along, kind="stable")
    slices, along = [slices[at] for at in order], along[order]
    if first.segment:
        slices, along = _with_all_segments(slices, along, normal)
    else:
        slices, along = _without_twins(slices, along, name, notes)
    step = _step(slices, along, normal, name, notes)
    return Volume.of(_stacked(slices, name), _affine(slices[0], step), name, "DICOM", notes)


def _slices(file: Path) -> Iterator[Slice]:
    """The planes of a file."""
    import pydicom

    with damage_as_data_error(str(file), "DICOM file"):
        data = pydicom.dcmread(file)
        if "PixelData" not in data and "FloatPixelData" not in data:
            raise DataError(f"{file}: expected an image, received a DICOM file without pixels")
        frames = int(data.get("NumberOfFrames", 1) or 1)
        size = float(data.Rows) * data.Columns * frames * 4
    if size > MOST_BYTES:
        raise DataError(f"{file}: too large: {data.Columns} x {data.Rows} x {frames} voxels")
    pixels = _reader_of(data, file, frames)
    for frame in range(frames):
        with damage_as_data_error(str(file), "DICOM file"):
            groups = _functional_groups(data, frame)
            measures = _first(groups, "PixelMeasuresSequence", data)
            spacing = measures.get("PixelSpacing") or data.get("ImagerPixelSpacing") or (1.0, 1.0)
            position = _first(groups, "PlanePositionSequence", data).get("ImagePositionPatient")
            directions = _first(groups, "PlaneOrientationSequence", data).get("ImageOrientationPatient")
            if frames > 1 and "PlanePositionSequence" not in {
                element.keyword for g in groups for element in g
            }:
                position = _moved(data, position, directions, frame)
            thick = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1.0
            rescale = _first(groups, "PixelValueTransformationSequence", data)
            slope = rescale.get("RescaleSlope") or data.get("DoseGridScaling")
            intercept = rescale.get("RescaleIntercept")
            segment = _first(groups, "SegmentIdentificationSequence", data).get("ReferencedSegmentNumber", 0)
            read = _rescaled(pixels, frame, float(slope or 1), float(intercept or 0))
            yield Slice(
                None if position is None else np.array([float(each) for each in position]),
                None if directions is None else np.array([float(each) for each in directions]).reshape(2, 3),
                (float(spacing[0]), float(spacing[1])),
                abs(float(thick)) or 1.0,
                _labels(read, int(segment), int(data.get("MaximumFractionalValue", 1))) if segment else read,
                f"{file}#{frame}" if frames > 1 else str(file),
                int(segment),
            )


def _moved(data: Dataset, position: Any, directions: Any, frame: int) -> Any:
    """Where a frame lies of a file that has one position for all, as of doses: by its offsets.

    Raises:
        DataError: There are none.
    """
    if position is None or directions is None:
        return None
    offsets = data.get("GridFrameOffsetVector")
    if offsets is None or len(offsets) <= frame:
        raise DataError(
            f"{data.filename}: expected a position for each frame, received one for all of them",
            hint="These may be several times or views; write those of one volume as a NIfTI file.",
        )
    rows = np.array([float(each) for each in directions]).reshape(2, 3)
    away = float(offsets[frame]) - float(offsets[0])
    return np.array([float(each) for each in position]) + np.cross(*rows) * away


def _functional_groups(data: Dataset, frame: int) -> list[Dataset]:
    """What is said of one frame of several: of itself first, then of all."""
    each = data.get("PerFrameFunctionalGroupsSequence")
    shared = data.get("SharedFunctionalGroupsSequence")
    own = [each[frame]] if each is not None and frame < len(each) else []
    return [*own, *(shared[:1] if shared else [])]


def _first(groups: Sequence[Dataset], sequence: str, otherwise: Dataset) -> Dataset:
    """The item of a sequence in the first group that has it; else the file itself."""
    return next((group[sequence].value[0] for group in groups if sequence in group), otherwise)


def _reader_of(data: FileDataset, file: Path, frames: int) -> Callable[[int], Pixels]:
    """Reads a frame; those of one file are decoded together once."""
    decoded: list[Pixels] = []

    def read(frame: int) -> Pixels:
        if not decoded:
            try:
                decoded.append(np.asarray(data.pixel_array))
            except Exception as error:
                syntax = data.file_meta.get("TransferSyntaxUID") if hasattr(data, "file_meta") else None
                packed = syntax.name if syntax is not None and syntax.is_compressed else ""
                raise DataError(
                    f"{file}: the pixels cannot be decoded ({str(error).strip().partition(chr(10))[0]})",
                    hint=f"They are packed as {packed}: pip install pylibjpeg[all]." if packed else "",
                ) from error
        return decoded[0][frame] if frames > 1 else decoded[0]

    return read


def _rescaled(
    pixels: Callable[[int], Pixels], frame: int, slope: float, intercept: float
) -> Callable[[], Pixels]:
    """Reads a plane in the units of its modality; whole numbers stay whole where slope and intercept are."""

    def read() -> Pixels:
        stored = pixels(frame)
        if slope == 1 and intercept == 0:
            return stored
        if slope.is_integer() and intercept.is_integer() and stored.dtype.kind in "iu":
            return (stored.astype(np.int32) * int(slope) + int(intercept)).astype(np.int32)
        return (stored * np.float64(slope) + intercept).astype(np.float32)

    return read


def _labels(read: Callable[[], Pixels], segment: int, most: int) -> Callable[[], Pixels]:
    """Reads a plane of a segmentation: the number of the segment inside, 0 outside."""
    return lambda: np.where(read() * 2 >= most, segment, 0).astype(np.uint8)


def _placed(each: Slice) -> npt.NDArray[np.float64]:
    if each.position is None:
        raise DataError(f"{each.name}: expected a position as the other slices have, received none")
    return each.position


def _check_planes(slices: Sequence[Slice], name: str) -> None:
    """Refuses slices of several planes or sizes of pixels."""
    first = slices[0]
    usual = np.zeros((2, 3)) if first.directions is None else first.directions
    for each in slices[1:]:
        turned = each.directions is None or not np.allclose(each.directions, usual, atol=1e-3)
        if turned or not np.allclose(each.spacing, first.spacing, rtol=1e-3):
            raise DataError(
                f"{name}: expected slices of one plane and size of pixels, received others in {each.name}"
                f" than in {first.name}",
                hint="Put each series into a folder of its own.",
            )


def _without_twins(
    slices: list[Slice], along: npt.NDArray[np.float64], name: str, notes: list[str]
) -> tuple[list[Slice], npt.NDArray[np.float64]]:
    """Leaves out slices that repeat others; refuses different ones at one place."""
    kept = [0]
    for at in range(1, len(slices)):
        if along[at] - along[kept[-1]] >= _SAME_PLACE:
            kept.append(at)
            continue
        one, other = slices[kept[-1]], slices[at]
        if _digest(one) != _digest(other):
            raise DataError(
                f"{name}: expected one slice at each place, received {other.name} and {one.name} at one, with"
                " different pixels",
                hint="These are several times, echoes or phases: put each into a folder of its own.",
            )
    if len(kept) < len(slices):
        notes.append(f"{name}: {len(slices) - len(kept)} slices repeat others, and are left out")
    return [slices[at] for at in kept], along[kept]


def _with_all_segments(
    slices: Sequence[Slice], along: npt.NDArray[np.float64], normal: npt.NDArray[np.float64]
) -> tuple[list[Slice], npt.NDArray[np.float64]]:
    """One plane for each place of a segmentation, whose planes without anything inside may be left out.

    Where segments overlap, the one with the larger number is taken.
    """
    steps = np.diff(along)
    steps = steps[steps > _SAME_PLACE]
    step = float(steps.min()) if len(steps) else slices[0].thickness
    places = np.rint((along - along[0]) / step).astype(int)
    made = []
    for place in range(places[-1] + 1):
        here = [slices[at] for at in np.flatnonzero(places == place)]
        position = _placed(here[0]) if here else _placed(slices[0]) + normal * step * place
        made.append(replace(slices[0], pixels=_joined(here, slices[0]), position=position))
    return made, along[0] + step * np.arange(places[-1] + 1)


def _joined(parts: Sequence[Slice], other: Slice) -> Callable[[], Pixels]:
    """Reads the labels of planes at one place; zeros as large as another plane where there are none."""
    if not parts:
        return lambda: np.zeros_like(other.pixels())
    return lambda: np.maximum.reduce([part.pixels() for part in parts])


def _digest(each: Slice) -> bytes:
    return digest_of(np.ascontiguousarray(each.pixels()).tobytes())


def _step(
    slices: Sequence[Slice],
    along: npt.NDArray[np.float64],
    normal: npt.NDArray[np.float64],
    name: str,
    notes: list[str],
) -> npt.NDArray[np.float64]:
    """The way from one slice to the next, in mm; refuses series with slices that are missing."""
    if len(slices) == 1:
        return normal * slices[0].thickness
    steps = np.diff(along)
    usual = float(np.median(steps))
    off = np.abs(steps / usual - 1)
    if off.max() > _UNEVEN:
        at = int(off.argmax())
        raise DataError(
            f"{name}: expected slices {usual:.4g} mm apart, received {slices[at].name} and"
            f" {slices[at + 1].name}, which are {steps[at]:.4g} mm apart",
            hint="Slices are missing, or two series lie in one folder.",
        )
    if off.max() > _EVEN:
        notes.append(
            f"{name}: slices are {steps.min():.4g} to {steps.max():.4g} mm apart; {usual:.4g} mm is taken"
        )
    way = (_placed(slices[-1]) - _placed(slices[0])) / (len(slices) - 1)
    slant = float(np.linalg.norm(way - normal * (normal @ way)) / np.linalg.norm(way))
    if slant > _TILTED:
        degrees = np.degrees(np.arcsin(min(1.0, slant)))
        notes.append(f"{name}: slices are sheared by {degrees:.3g} degrees, as of a tilted gantry")
    return np.asarray(way)


def _affine(first: Slice, step: npt.NDArray[np.float64]) -> Affine:
    """From (column, row, slice) to mm towards right, anterior and superior."""
    affine = np.eye(4)
    if first.directions is not None:
        affine[:3, 0] = first.directions[0] * first.spacing[1]
        affine[:3, 1] = first.directions[1] * first.spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = _placed(first)
    return np.asarray(TO_RAS @ affine)


def _stacked(slices: Sequence[Slice], name: str) -> Pixels:
    """The planes as (columns, rows, slices[, channels])."""
    planes = [each.pixels() for each in slices]
    shapes = {plane.shape for plane in planes}
    if len(shapes) > 1:
        received = " and ".join(map(str, sorted(shapes)))
        raise DataError(f"{name}: expected slices of one size, received {received}")
    stacked = np.stack(planes)
    if stacked.dtype == np.float64:  # of slices in whole numbers beside others with fractions
        stacked = stacked.astype(np.float32)
    return np.moveaxis(stacked, (0, 1, 2), (2, 1, 0))
