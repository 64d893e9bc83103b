"""Arrays of NumPy archives and files, their headers checked before a value is read, and their labels."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from convscope.data.npy_header import npy_header
from convscope.data.parse_errors import COPY_AGAIN, damage_as_data_error
from convscope.data.split_names import split_of, words_beside
from convscope.errors import DataError
from convscope.types import SPLITS, SplitName

_MOST_EXPANSION = 1100  # deflate cannot expand more than 1032 times
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class StoredArray:
    """An array in a file that has not been read yet.

    Args:
        where: The file and the array in it, for messages.
        shape: From the header.
        dtype: From the header; never of objects.
        open: Opens the values, the header already passed.
        fortran: Stored with the first axis fastest.
    """

    where: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    open: Callable[[], AbstractContextManager[IO[bytes]]] = field(repr=False)
    fortran: bool = False

    @property
    def nbytes(self) -> int:
        """Size in bytes, as stored."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> npt.NDArray[Any]:
        """All values, in memory of their own.

        Raises:
            DataError: The file is damaged or ends too early.
        """
        values = np.empty(self.shape, self.dtype, order="F" if self.fortran else "C")
        flat = values.T.reshape(-1) if self.fortran else values.reshape(-1)
        with damage_as_data_error(self.where, "array"), self.open() as file:
            flat[:] = np.frombuffer(exactly(file, self.nbytes, self.where), self.dtype)
        return values

    def first(self, rows: int) -> npt.NDArray[Any]:
        """The first values along the first axis; none where the axes are stored the other way round.

        Raises:
            DataError: As `read`.
        """
        if self.fortran or not self.shape:
            return np.empty((0, *self.shape[1:]), self.dtype)
        shape = (min(rows, self.shape[0]), *self.shape[1:])
        with damage_as_data_error(self.where, "array"), self.open() as file:
            data = exactly(file, math.prod(shape) * self.dtype.itemsize, self.where)
        return np.frombuffer(data, self.dtype).reshape(shape)


def stored_in_archive(path: Path, archive: zipfile.ZipFile, key: str) -> StoredArray:
    """Reads the header of one array and checks that the archive can hold what it promises."""
    where = f"{path}[{key}]"
    info = next(info for info in archive.infolist() if info.filename.removesuffix(".npy") == key)
    if info.compress_type not in _COMPRESSIONS or info.file_size > info.compress_size * _MOST_EXPANSION:
        raise DataError(f"{where}: expected a stored or deflated array, received an impossible compression")
    with archive.open(info) as file:
        shape, fortran, dtype = npy_header(file, where)
        header_bytes = file.tell()

    @contextmanager
    def values() -> Iterator[IO[bytes]]:
        with archive.open(info) as file:
            file.read(header_bytes)
            yield file

    stored = StoredArray(where, shape, dtype, values, fortran)
    if dtype.hasobject or not dtype.itemsize:
        raise DataError(f"{where}: expected numbers or text, received {dtype}; objects are never unpickled")
    if header_bytes + stored.nbytes != info.file_size:
        raise DataError(
            f"{where}: expected {header_bytes + stored.nbytes} bytes by its header, received {info.file_size}"
        )
    return stored


def check_arrays(path: Path) -> None:
    """Stops at stored arrays that cannot be read; anything else passes.

    Raises:
        DataError: The file is damaged, or an array is of objects.
    """
    if path.suffix.lower() == ".npy":
        stored_npy(path)
    elif path.suffix.lower() == ".npz":
        with damage_as_data_error(str(path), "NumPy archive"), zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                stored_in_archive(path, archive, name.removesuffix(".npy"))


def stored_npy(path: Path) -> StoredArray:
    """Reads the header of one file and checks that the file can hold what it promises."""
    with damage_as_data_error(str(path), "NumPy array"), path.open("rb") as file:
        shape, fortran, dtype = npy_header(file, str(path))
        header_bytes = file.tell()
    if dtype.hasobject or not dtype.itemsize:
        raise DataError(f"{path}: expected numbers or text, received {dtype}; objects are never unpickled")

    @contextmanager
    def values() -> Iterator[IO[bytes]]:
        with path.open("rb") as file:
            file.seek(header_bytes)
            yield file

    stored = StoredArray(str(path), shape, dtype, values, fortran)
    expected = header_bytes + stored.nbytes
    if expected != path.stat().st_size:
        raise DataError(
            f"{path}: truncated or damaged array: expected {expected} bytes by its header, received"
            f" {path.stat().st_size}",
            hint=COPY_AGAIN,
        )
    return stored


def array_roles(
    path: Path,
    keys: Sequence[str],
    labelled: bool,
    sample_words: frozenset[str],
    label_words: frozenset[str],
    noun: str,
) -> tuple[dict[SplitName | None, str], dict[SplitName | None, str], list[str]]:
    """Which key holds the samples and which the labels of each split, and the keys that hold neither.

    Args:
        path: For messages.
        keys: Names of the arrays.
        labelled: Whether labels are wanted.
        sample_words: What an array of samples may be called besides its split, in lower case.
        label_words: What one of labels may be called.
        noun: What samples are called.

    Raises:
        DataError: Two arrays have one role, or samples or labels of a split are missing.
    """
    samples: dict[SplitName | None, str] = {}
    labels: dict[SplitName | None, str] = {}
    others: list[str] = []
    for key in sorted(keys):
        split, rest = split_of(key), words_beside(key)
        role = samples if rest and rest <= sample_words else labels if rest and rest <= label_words else None
        if role is None:
            others.append(key)
            continue
        if split in role:
            raise DataError(f"{path}: expected one array for each role, received {role[split]} and {key}")
        role[split] = key
    if not samples or (labelled and samples.keys() != labels.keys()):
        received = ", ".join(keys[:20]) or "none"
        raise DataError(
            f"{path}: expected {noun} and labels of the same splits, received {received}",
            hint=f"Name the arrays x_train, y_train, x_test, y_test, or {noun} and labels.",
        )
    order: tuple[SplitName | None, ...] = (None, *SPLITS)
    return {name: samples[name] for name in order if name in samples}, labels, others


def label_texts(values: npt.NDArray[Any], where: str) -> list[str]:
    """The labels of an array, whole numbers from 0 or names.

    Args:
        values: One label for each sample.
        where: The file and the array, for messages.

    Raises:
        DataError: They are something else.
    """
    if values.dtype.kind not in "iubU":
        raise DataError(f"{where}: expected labels as whole numbers or text, received {values.dtype}")
    plain = values.reshape(-1).tolist()
    names = [str(int(value) if isinstance(value, bool) else value).strip() for value in plain]
    for row, name in enumerate(names):
        if not name or name.startswith("-"):
            raise DataError(f"{where}#{row}: expected a label from 0 or a name, received {name!r}")
    return names


def exactly(file: IO[bytes], count: int, where: str) -> bytes:
    """So many bytes.

    Raises:
        DataError: The file ends before.
    """
    data = file.read(count)
    if len(data) != count:
        said = f"{where}: truncated: expected {count} more bytes, received {len(data)}"
        raise DataError(said, hint=COPY_AGAIN)
    return data
