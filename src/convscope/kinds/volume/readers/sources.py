"""Where volumes come from: files, several for one where they are slices or channels, or rows of an array."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.volume.readers.forms import READERS
from convscope.kinds.volume.volume import Volume, same_grid

ChannelLayout = Literal["files", "axis", "none"]
"""Where the channels of a scan are: in files of their own, along a fourth axis, or nowhere."""


@dataclass(frozen=True)
class StoredVolume:
    """The files of one volume.

    Args:
        key: What it is called below the folder that was read.
        form: Which of `READERS` reads it.
        channels: Files relative to that folder: those of each channel, of which only slices are several.
        subject: Whom the files say that it is of; empty where they do not say.
    """

    key: str
    form: str
    channels: tuple[tuple[str, ...], ...]
    subject: str = ""


@dataclass(frozen=True)
class VolumeFacts:
    """What is known of a volume that was read once.

    Args:
        shape: Voxels along x, y and z.
        channels: Values of each voxel.
        spacing: Size of a voxel, in mm.
        spaced: Whether the file says so.
        dtype: NumPy's name of the type of its values, such as `uint8`.
        low: The smallest value.
        high: The largest value.
    """

    shape: tuple[int, int, int]
    channels: int
    spacing: tuple[float, float, float]
    spaced: bool
    dtype: str
    low: float
    high: float

    @classmethod
    def of(cls, volume: Volume) -> VolumeFacts:
        """Those of a volume in memory."""
        values = volume.values
        return cls(
            volume.shape,
            volume.channels,
            volume.spacing,
            volume.source.spaced,
            values.dtype.name,
            float(values.min()),
            float(values.max()),
        )


class VolumeSource(Protocol):
    """Volumes of which the most important is known without reading them again."""

    @property
    def facts(self) -> Sequence[VolumeFacts]:
        """Of each volume."""

    def __len__(self) -> int:
        """The number of volumes."""

    def load(self, index: int) -> Volume:
        """Reads one volume; safe from several threads."""

    def name(self, index: int) -> str:
        """The file, folder or `file#row` of a volume."""

    def key(self, index: int) -> str:
        """The name below the folder that was read."""

    def take(self, indices: npt.NDArray[np.int64]) -> Self:
        """Only these volumes, in this order."""


@dataclass(frozen=True)
class FileVolumes:
    """Volumes in files below one folder.

    Args:
        root: The folder, or an empty string where the names are whole paths.
        stored: The files of each.
        facts: Of each; empty as long as they were not read.
    """

    root: str
    stored: Sequence[StoredVolume]
    facts: Sequence[VolumeFacts] = ()

    def __len__(self) -> int:
        return len(self.stored)

    def load(self, index: int) -> Volume:
        """Reads the files of one volume; the channels of several files must lie on one grid.

        Raises:
            DataError: A file is damaged or holds something else, or channels do not fit.
        """
        found, name = self.stored[index], self.name(index)
        read = READERS[found.form].read
        parts = [
            finite(read([Path(self.root, file) for file in files], self._called(found, files, name)))
            for files in found.channels
        ]
        for part in parts[1:]:
            differs = same_grid(parts[0], part)
            if differs:
                raise DataError(
                    f"{part.name}: expected the grid of {parts[0].name}, received {differs}",
                    hint="Resample the channels of a scan to one grid first.",
                )
        if len(parts) == 1:
            return parts[0]
        joined = np.concatenate([part.values for part in parts], axis=3)
        first = parts[0]
        notes = tuple(note for part in parts for note in part.notes)
        return Volume(joined, first.affine, name, first.source, notes)

    def _called(self, found: StoredVolume, files: Sequence[str], name: str) -> str:
        """What messages call a channel: its file, where there are several."""
        return name if len(found.channels) == 1 else str(Path(self.root, files[0]))

    def name(self, index: int) -> str:
        """The file or folder of a volume."""
        return os.path.join(self.root, self.stored[index].key)  # noqa: PTH118 - many of them

    def key(self, index: int) -> str:
        """The file or folder relative to the root."""
        return self.stored[index].key

    def take(self, indices: npt.NDArray[np.int64]) -> FileVolumes:
        """The same source with only these volumes."""
        rows = indices.tolist()
        facts = [self.facts[row] for row in rows] if self.facts else ()
        return FileVolumes(self.root, [self.stored[row] for row in rows], facts)


@dataclass(frozen=True)
class ArrayVolumes:
    """Rows of one array; a source with only some of them shares the array.

    Args:
        root: The folder that the names of the segments are relative to.
        array: Shape (rows, x, y, z, channels).
        segments: What the rows came from: (name, its first row) in order; the first starts at row 0.
        form: What the file is.
        facts: Of each volume of the source.
        rows: The rows that belong to this source, shape (volumes,), int64.
    """

    root: str
    array: npt.NDArray[Any] = field(repr=False)
    segments: tuple[tuple[str, int], ...]
    form: str
    facts: Sequence[VolumeFacts] = field(repr=False)
    rows: npt.NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(
        cls, root: str, array: npt.NDArray[Any], segments: tuple[tuple[str, int], ...], form: str
    ) -> ArrayVolumes:
        """All rows of an array."""
        flat = array.reshape(len(array), -1)
        shape, channels = (array.shape[1], array.shape[2], array.shape[3]), array.shape[4]
        ranges = zip(flat.min(axis=1).tolist(), flat.max(axis=1).tolist(), strict=True)
        facts = [
            VolumeFacts(shape, channels, (1.0, 1.0, 1.0), False, array.dtype.name, float(low), float(high))
            for low, high in ranges
        ]
        return cls(root, array, segments, form, facts, np.arange(len(array)))

    def __len__(self) -> int:
        return len(self.rows)

    def load(self, index: int) -> Volume:
        """One row, as a view."""
        return Volume.of(self.array[int(self.rows[index])], None, self.name(index), self.form)

    def name(self, index: int) -> str:
        """The file and row of a volume."""
        return os.path.join(self.root, self.key(index))  # noqa: PTH118 - many of them

    def key(self, index: int) -> str:
        """The segment's name and the row in it."""
        row = int(self.rows[index])
        name, first = self.segments[bisect_right(self.segments, row, key=lambda segment: segment[1]) - 1]
        return f"{name}#{row - first}"

    def take(self, indices: npt.NDArray[np.int64]) -> ArrayVolumes:
        """The same source with only these volumes."""
        facts = [self.facts[row] for row in indices.tolist()]
        return ArrayVolumes(self.root, self.array, self.segments, self.form, facts, self.rows[indices])


AnyVolumes = FileVolumes | ArrayVolumes
"""Volumes, wherever they come from."""


def channel_layout(samples: object) -> dict[str, ChannelLayout]:
    """Where the channels of volumes were found, as the option `channel_layout`; empty without channels."""
    stored: Sequence[StoredVolume] = getattr(samples, "stored", ())
    if any(len(each.channels) > 1 for each in stored):
        return {"channel_layout": "files"}
    return {"channel_layout": "axis"} if any(each.form == "nifti-channels" for each in stored) else {}


def finite(volume: Volume) -> Volume:
    """A volume whose values that are not finite became its smallest finite one, which a note says.

    Raises:
        DataError: No value is finite.
    """
    values = volume.values
    if values.dtype.kind != "f":
        return volume
    wrong = ~np.isfinite(values)
    count = int(wrong.sum())
    if not count:
        return volume
    if count == values.size:
        raise DataError(f"{volume.name}: expected finite values, received none")
    mended = np.where(wrong, values[~wrong].min(), values)
    note = f"{volume.name}: {count:,} of {values.size:,} values are not finite, and become the smallest one"
    return Volume(mended, volume.affine, volume.name, volume.source, (*volume.notes, note))
