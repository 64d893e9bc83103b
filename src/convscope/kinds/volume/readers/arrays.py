"""Volumes in arrays of a NumPy archive, as MedMNIST has them, or of a Zarr group."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.digests import digests_of
from convscope.data.heads import ArrayHead
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.split_names import words_beside
from convscope.data.stored_arrays import array_roles, label_texts, stored_in_archive
from convscope.errors import DataError
from convscope.kinds.volume.readers.scan import ALIKE, NOUNS, constant
from convscope.kinds.volume.readers.sources import ArrayVolumes
from convscope.kinds.volume.volume import MOST_BYTES, UNKNOWN_SPACING
from convscope.types import Progress, Skipped, SplitName

VOLUME_WORDS = frozenset({"x", "images", "image", "data", "volumes", "volume", "voxels", "scans", "scan"})
"""What an array of volumes may be called beside a word for the split."""
LABEL_WORDS = frozenset({"y", "labels", "label", "target", "targets", "class", "classes"})
CLASS_NAMES = frozenset({"class_names", "label_names", "names", "target_names"})
"""Arrays of what whole numbers stand for."""
SMALLEST_SIDE = 4
"""Voxels along the shortest axis of an array that is taken for volumes."""


@dataclass(frozen=True)
class Opened:
    """An array whose values were not read yet."""

    where: str
    shape: tuple[int, ...]
    nbytes: int
    read: Callable[[], npt.NDArray[Any]]


def is_volumes(shape: Sequence[int]) -> bool:
    """Whether a shape is that of volumes: (n, x, y, z), or (n, x, y, z, channels).

    Example:
        >>> is_volumes((10, 28, 28, 28)), is_volumes((10, 28, 28, 3)), is_volumes((10, 8, 8, 8, 2))
        (True, False, True)
    """
    if len(shape) not in (4, 5) or min(shape[1:4], default=0) < SMALLEST_SIDE:
        return False
    return len(shape) == 4 or 0 < shape[4] <= min(shape[1:4])


def volume_array(arrays: Mapping[str, ArrayHead]) -> str | None:
    """The first array of volumes that has an array of labels beside it; None where there is none."""
    labels = [head.shape[:1] for name, head in arrays.items() if _called(name, LABEL_WORDS)]
    return next(
        (
            name
            for name, head in arrays.items()
            if _called(name, VOLUME_WORDS)
            and is_volumes(head.shape)
            and head.dtype[1:2] in "uifb"
            and head.shape[:1] in labels
        ),
        None,
    )


def _called(name: str, words: frozenset[str]) -> bool:
    rest = words_beside(name)
    return bool(rest) and rest <= words


def read_npz(path: Path, progress: Progress, labelled: bool = True) -> Found:
    """Reads volumes and labels of a NumPy archive; pickled objects are refused.

    Args:
        path: The `.npz` file.
        progress: Receives the number of volumes read.
        labelled: Whether labels are read.

    Raises:
        DataError: The archive is damaged, its names are not understood, or an array does not fit.
    """
    with damage_as_data_error(str(path), "NumPy archive"), zipfile.ZipFile(path) as archive:
        keys = [info.filename.removesuffix(".npy") for info in archive.infolist()]

        def opened(key: str) -> Opened:
            stored = stored_in_archive(path, archive, key)
            return Opened(stored.where, stored.shape, stored.nbytes, stored.read)

        return _read(path, "NumPy archive", keys, opened, progress, labelled)


def read_zarr_group(path: Path, progress: Progress, labelled: bool = True) -> Found:
    """Reads volumes and labels of a Zarr group, named as those of a NumPy archive.

    Raises:
        DataError: The group is damaged, its names are not understood, or an array does not fit.
    """
    import zarr

    with damage_as_data_error(str(path), "Zarr group"):
        arrays = dict(zarr.open_group(str(path), mode="r").arrays())

        def opened(key: str) -> Opened:
            array = arrays[key]
            size = int(array.size) * array.dtype.itemsize
            return Opened(f"{path}/{key}", tuple(array.shape), size, lambda: np.asarray(array[...]))

        return _read(path, "Zarr group", sorted(arrays), opened, progress, labelled)


def _read(
    path: Path,
    form: str,
    keys: Sequence[str],
    opened: Callable[[str], Opened],
    progress: Progress,
    labelled: bool,
) -> Found:
    volumes, labels, others = array_roles(path, keys, labelled, VOLUME_WORDS, LABEL_WORDS, "volumes")
    names = next((opened(key).read().tolist() for key in others if key in CLASS_NAMES), None)
    parts = {split: opened(key) for split, key in volumes.items()}
    _check_parts(path, list(parts.values()))
    said: list[str | None] = []
    splits: list[SplitName | None] = []
    segments: list[tuple[str, int]] = []
    arrays = []
    for split, part in parts.items():
        values = part.read()
        _check_values(part.where, values)
        arrays.append(values if values.ndim == 5 else values[..., None])
        segments.append((f"{path.name}[{volumes[split]}]", len(said)))
        count = len(values)
        said += _labels(opened(labels[split]), count, names) if labelled else [None] * count
        splits += [split] * count
        progress(len(said), sum(each.shape[0] for each in parts.values()), "reading arrays")
    if not said:
        raise DataError(f"{path}: expected volumes, received none")
    source = ArrayVolumes.of(str(path.parent), np.concatenate(arrays), tuple(segments), form)
    left = [key for key in others if key not in CLASS_NAMES]
    return Found(
        where=str(path),
        layout=f"{form}: {path.name} has {', '.join((*volumes.values(), *labels.values()))}",
        source=source,
        labels=said,
        splits=splits,
        digests=digests_of(row.tobytes() for row in source.array),
        nouns=NOUNS,
        alike=ALIKE,
        decisions=(UNKNOWN_SPACING.format(form=f"a {form}"),),
        warnings=constant(source),
        skipped=[Skipped(f"{path}[{key}]", "neither volumes nor labels by its name") for key in left],
    )


def _check_parts(path: Path, parts: Sequence[Opened]) -> None:
    """Refuses arrays that are no volumes, of several shapes, or too large together."""
    first = parts[0]
    for part in parts:
        if not is_volumes(part.shape) or part.shape[1:] != first.shape[1:]:
            raise DataError(
                f"{part.where}: expected volumes of shape (n, x, y, z[, channels])"
                + (f" as {first.where} has: {first.shape[1:]}" if part is not first else "")
                + f", received {part.shape}"
            )
    total = sum(part.nbytes for part in parts)
    if total > MOST_BYTES:
        raise DataError(f"{path}: too large: {total} bytes, expected at most {MOST_BYTES}")


def _check_values(where: str, values: npt.NDArray[Any]) -> None:
    if values.dtype.kind not in "biuf":
        raise DataError(f"{where}: expected volumes of numbers, received {values.dtype}")
    wrong = 0 if values.dtype.kind != "f" else int((~np.isfinite(values)).sum())
    if wrong:
        raise DataError(
            f"{where}: expected finite values, received {wrong:,} that are not",
            hint="Replace them, such as by numpy.nan_to_num.",
        )


def _labels(stored: Opened, count: int, names: Sequence[str] | None) -> list[str]:
    """The label of each volume, by its name where the archive says what numbers stand for."""
    if stored.shape not in ((count,), (count, 1)):
        raise DataError(
            f"{stored.where}: expected one label for each of {count} volumes, received shape {stored.shape}",
            hint="Save one number for each volume; of a column for each class, numpy.argmax(y, axis=1).",
        )
    labels = label_texts(stored.read(), stored.where)
    if names is None or not all(label.isdigit() and int(label) < len(names) for label in labels):
        return labels
    return [str(names[int(label)]) for label in labels]
