"""Arrays on disk and in memory that go into a model as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import DataError, UsageError
from convscope.types import Array, ArrayTree
from convscope.workflows.model_inputs.dataset import UNKNOWN, Dataset, Scaled

ENDINGS = (".npy", ".npz")
_BLOCK = 2**20
_BLOCKS = 64


@dataclass(frozen=True)
class ArrayInputs:
    """Rows of an array, in memory or in a `.npy` file that is read some rows at a time.

    Args:
        path: The file, for names.
        array: The rows; None reads them from the file.
        shape: Of the whole array.
        add_channel: Whether a last axis of length 1 is added.
    """

    path: str
    array: Array | None = field(repr=False)
    shape: tuple[int, ...]
    add_channel: bool = False

    def __len__(self) -> int:
        return self.shape[0]

    def name(self, index: int) -> str:
        """The file and row."""
        return f"{self.path}#{index}"

    def take(self, indices: npt.NDArray[np.int64]) -> Array:
        """The chosen rows, uint8 as they are, all else as float32."""
        # A map that stayed open would count every row that was ever read as memory of this process.
        array = np.load(self.path, mmap_mode="r") if self.array is None else self.array
        if array.shape != self.shape:
            raise DataError(
                f"{self.path} has changed while it was read: {self.shape} before, {array.shape} now."
            )
        rows = np.array(array[indices], np.uint8 if array.dtype == np.uint8 else np.float32)
        return rows[..., None] if self.add_channel else rows


def open_array(paths: Sequence[str]) -> ArrayInputs | None:
    """The array in one `.npy` file, or the only one in an `.npz`; None where the paths name something else.

    Raises:
        DataError: The file is damaged, or holds no samples of numbers.
    """
    if len(paths) != 1 or not paths[0].endswith(ENDINGS):
        return None
    path = paths[0]
    found = load_arrays(path, most=1)
    if not found:
        return None
    (array,) = found.values()
    if array.dtype.kind not in "fiub" or array.ndim < 2 or not array.size:
        raise DataError(
            f"{path}: expected samples as numbers of shape (samples, ...), received {array.dtype} of shape "
            f"{array.shape}."
        )
    return ArrayInputs(path, array if path.endswith(".npz") else None, tuple(array.shape))


def load_arrays(path: str, most: int | None = None) -> dict[str, Array]:
    """The arrays of an `.npz` file by name, or the one of a `.npy` file, which stays on disk.

    Args:
        path: The file.
        most: Nothing is loaded of an `.npz` file that holds more arrays.

    Raises:
        DataError: The file is missing or damaged, or holds Python objects.
    """
    try:
        if not path.endswith(".npz"):
            return {"array": np.load(path, mmap_mode="r", allow_pickle=False)}
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files if most is None or len(archive.files) <= most else []
            return {name: archive[name] for name in names}
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file.", "Check the spelling of the path.") from error
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a NumPy file of arrays: {error}") from error


def arrays_for(model: keras.Model, paths: Sequence[str]) -> tuple[ArrayTree, tuple[str, ...]]:
    """Arrays for a model of one input or several, and a name for each sample.

    Args:
        model: The model.
        paths: `.npy` files of one sample or many each; or one `.npz` file with an array for each input.

    Raises:
        DataError: A file is damaged, or the arrays do not go together.
        UsageError: An `.npz` file among others.
    """
    if len(paths) == 1 and paths[0].endswith(".npz"):
        found = load_arrays(paths[0])
        only = len(found) == 1 and len(model.inputs or ()) == 1
        values: ArrayTree = next(iter(found.values())) if only else found
        count = len(keras.tree.flatten(values)[0])
        return values, tuple(f"{paths[0]}#{i}" for i in range(count))
    parts, names = [], []
    rank = len(model.inputs[0].shape) if model.inputs else None
    for path in paths:
        if path.endswith(".npz"):
            raise UsageError("An .npz file holds all inputs and is given alone.")
        (array,) = load_arrays(path).values()
        one = rank is not None and array.ndim == rank - 1
        parts.append(array[None] if one else array)
        names += [path] if one else [f"{path}#{i}" for i in range(len(array))]
    try:
        return np.concatenate(parts), tuple(names)
    except ValueError as error:
        raise DataError(f"The arrays of {', '.join(paths)} do not go together: {error}.") from error


def array_dataset(inputs: ArrayInputs) -> Dataset:
    """Samples of an array, as the model takes them, without labels."""
    what = "x".join(map(str, inputs.shape[1:]))
    return Dataset(
        inputs,
        np.full(len(inputs), UNKNOWN, np.int64),
        (),
        np.full(len(inputs), UNKNOWN, np.int8),
        Scaled(),
        (1.0, 0.0),
        _array_fingerprint(inputs),
        f"{inputs.path}: an array of {len(inputs)} samples of {what}, which go into the model as they are",
    )


def _array_fingerprint(inputs: ArrayInputs) -> str:
    """SHA-256 over type, shape and values; of more than 64 MiB over 64 blocks of 1 MiB, spread evenly."""
    array = np.load(inputs.path, mmap_mode="r") if inputs.array is None else inputs.array
    total = sha256(f"{array.dtype.str} {array.shape}".encode())
    row_bytes = max(1, array.nbytes // len(array))
    rows = max(1, _BLOCK // row_bytes)
    starts = np.arange(0, len(array), rows)
    if len(starts) > _BLOCKS:
        starts = np.linspace(0, len(array) - rows, _BLOCKS).astype(np.int64)
    for start in starts.tolist():
        total.update(np.ascontiguousarray(array[start : start + rows]).tobytes())
    return total.hexdigest()
