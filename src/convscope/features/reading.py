"""Where the samples of an extraction come from: labelled data sets, files without labels, or arrays.

| PATH | what it is taken for |
|---|---|
| one `.npy`, or an `.npz` with one array | inputs as the model takes them, without labels |
| a folder of folders, a table, `.npz`, IDX | a labelled data set, as `convscope train` reads it |
| pictures, a folder of nothing but pictures, patterns, several paths | files without labels |

A `.npy` file stays on disk and pictures are decoded when they are asked for, so that memory does not grow
with the number of samples save for their names and labels.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.listing import Listing
from convscope.data.splits import Split, Splits
from convscope.errors import DataError, UsageError
from convscope.features.dataset import UNKNOWN, Scaled, Source
from convscope.features.inputs import Array, ArrayInputs, EncodedInputs
from convscope.kinds.contract.recipe import AnyRecipe, Inputs
from convscope.kinds.contract.representation import Representation
from convscope.kinds.image.readers.idx import idx_files, is_idx
from convscope.kinds.image.representation import SCALE, ImageRepresentation
from convscope.run import Run
from convscope.types import SPLITS, Progress, SplitName, no_progress

_TABLES = (".csv", ".parquet", ".pq", ".npz")
_BLOCK = 2**20
_BLOCKS = 64


def whole_paths(names: Sequence[str]) -> list[str]:
    """Absolute paths of what is there, so that it is found again from elsewhere; all else as it is.

    Args:
        names: Files, folders and patterns; of texts also a text itself, or `-`.
    """
    whole = []
    for name in names:
        full = os.path.abspath(name)  # noqa: PTH100 - keeps links; `..` behind one is rare
        is_text = name == "-" or (any(letter.isspace() for letter in name) and not os.path.lexists(full))
        whole.append(name if is_text and not any(mark in name for mark in "*?[") else full)
    return whole


def open_arrays(paths: Sequence[str]) -> ArrayInputs | None:
    """The array in one `.npy` file, or the only one in an `.npz`; None where the paths name something else.

    Raises:
        DataError: The file is damaged, or holds no samples of numbers.
    """
    if len(paths) != 1 or not paths[0].endswith((".npy", ".npz")):
        return None
    path = paths[0]
    array: Array
    try:
        if path.endswith(".npz"):
            with np.load(path, allow_pickle=False) as archive:
                if len(archive.files) != 1:
                    return None
                array = archive[archive.files[0]]
        else:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file.", "Check the spelling of the path.") from error
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is no NumPy file of numbers: {error}") from error
    if array.dtype.kind not in "fiub" or array.ndim < 2 or not array.size:
        raise DataError(
            f"{path}: expected samples as numbers of shape (samples, ...), received {array.dtype} of shape "
            f"{array.shape}."
        )
    return ArrayInputs(path, array if path.endswith(".npz") else None, tuple(array.shape))


def array_source(inputs: ArrayInputs) -> Source:
    """Samples of an array, as the model takes them, without labels."""
    what = "x".join(map(str, inputs.shape[1:]))
    return Source(
        inputs,
        _unknown(len(inputs)).astype(np.int64),
        (),
        _unknown(len(inputs)),
        Scaled(),
        (1.0, 0.0),
        _array_fingerprint(inputs),
        f"{inputs.path}: an array of {len(inputs)} samples of {what}, which go into the model as they are",
    )


def is_labelled(paths: Sequence[str], kind: str = "image") -> bool:
    """Whether the paths name one data set with labels, told by its layout.

    Args:
        paths: What names the samples.
        kind: Of texts, all but `.txt` files and standard input are expected to have labels.
    """
    if len(paths) != 1:
        return False
    path = Path(paths[0])
    if kind == "text":
        return path.exists() and path.suffix.lower() != ".txt"
    if path.is_dir():
        folders, files = Listing(str(path)).children("")
        return bool(folders or idx_files(path) or any(name.lower().endswith(_TABLES) for name in files))
    return path.is_file() and (path.suffix.lower() in _TABLES or is_idx(path.name))


def read_labelled(
    recipe: AnyRecipe, path: str, run: Run | None = None, progress: Progress = no_progress
) -> Splits:
    """Reads a labelled data set; the seed of a run draws the splits that the data does not have.

    Raises:
        DataError: The data is malformed.
    """
    record = run.record() if run is not None else {"settings": {"seed": 0}, "options": {}}
    options, _ = recipe.divide(record["options"])
    try:
        return recipe.read(Path(path), seed=record["settings"]["seed"], progress=progress, **options)
    except DataError as error:
        if not Path(path).is_dir():
            raise
        hint = f"To read files without labels, give a pattern such as '{Path(path) / '**' / '*'}'."
        raise DataError(error.message, f"{error.hint} {hint}".strip()) from error


def labelled_source(
    splits: Splits,
    representation: Representation,
    chosen: Sequence[str] | None = None,
    run: Run | None = None,
) -> Source:
    """Samples of a labelled data set: train, validation and test, or those of them that are asked for.

    Args:
        splits: What was read.
        representation: Encodes the samples.
        chosen: Names of splits; None takes all.
        run: Whose samples keep the split that they were trained or judged in, where the data is another now.

    Raises:
        UsageError: An unknown split, or one without samples.
    """
    wanted = _codes_of(chosen)
    known, notes = _splits_of(run, splits)
    samples, labels, codes = [], [], []
    for code, name in enumerate(SPLITS):
        split = splits[name]
        own = np.full(len(split), code, np.int8)
        if known:
            own = np.array([known.get(each, code) for each in split.names()], np.int8)
        rows = np.flatnonzero(np.isin(own, wanted)).astype(np.int64)
        if len(rows):
            samples.append(split.samples if len(rows) == len(split) else split.samples.take(rows))
            whole = np.issubdtype(split.labels.dtype, np.integer)
            labels.append(split.labels[rows] if whole else _unknown(len(rows)))
            codes.append(own[rows])
    if not samples:
        names = ", ".join(SPLITS[code] for code in wanted)
        raise UsageError(f"The data has no sample in {names}.", "Choose another split.")
    return Source(
        EncodedInputs(tuple(samples), representation),
        np.concatenate(labels).astype(np.int64),
        splits.class_names,
        np.concatenate(codes),
        representation.scale,
        scaling_of(representation),
        splits.fingerprint,
        splits.layout,
        (*notes, *(f"Warning: {line}" for line in splits.warnings)),
        splits.skipped,
        padded_ids(representation),
        representation.unpack,
    )


def unlabelled_source(
    found: Inputs,
    representation: Representation,
    prepare: Callable[[Any], npt.NDArray[np.float32]],
    scaling: tuple[float, float] | None,
    *,
    flat: bool = False,
) -> Source:
    """Samples of files without labels.

    Args:
        found: The files.
        representation: Encodes them.
        prepare: From encoded samples to what the model takes.
        scaling: (factor, offset) where that is all that `prepare` does.
        flat: Whether a last axis of length 1 is dropped.
    """
    count = len(found)
    return Source(
        EncodedInputs((found,), representation, flat),
        _unknown(count).astype(np.int64),
        (),
        _unknown(count),
        prepare,
        scaling,
        _file_fingerprint(found),
        f"{count} files without labels",
        (),
        tuple(found.skipped),
        padded_ids(representation),
        representation.unpack,
    )


def scaling_of(representation: Representation) -> tuple[float, float] | None:
    """Factor and offset of a representation that scales by nothing else."""
    return (SCALE, 0.0) if isinstance(representation, ImageRepresentation) else None


def padded_ids(representation: Representation) -> bool:
    """Whether samples are rows of token ids, padded with 0."""
    return None in representation.shape


def as_split(found: Any) -> Split:
    """Samples without labels as a split, for what is fitted to one."""
    return Split(found, _unknown(len(found)).astype(np.int64))


def _unknown(count: int) -> npt.NDArray[np.int8]:
    return np.full(count, UNKNOWN, np.int8)


def _codes_of(chosen: Sequence[str] | None) -> list[int]:
    names: Sequence[SplitName] = SPLITS
    unknown = [name for name in chosen or () if name not in SPLITS]
    if unknown:
        raise UsageError(f"No split is named '{unknown[0]}'.", f"There are {', '.join(SPLITS)}.")
    return [code for code, name in enumerate(names) if not chosen or name in chosen]


def _splits_of(run: Run | None, splits: Splits) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Which samples a run has in which split, where reading the data anew does not give the same."""
    if run is None:
        return {}, splits.decisions
    if run.record()["data"]["fingerprint"] == splits.fingerprint:
        return {}, (f"splits are those that {run.folder} was trained with",)
    path = run.folder / "splits.csv"
    known: dict[str, int] = {}
    if path.exists():
        codes = {name: code for code, name in enumerate(SPLITS)}
        with path.open(newline="", encoding="utf-8") as file:
            known = {row["name"]: codes[row["split"]] for row in csv.DictReader(file)}  # type: ignore[index]
    warning = f"Warning: this is not the data that {run.folder} was trained on"
    return known, (f"{warning}; files of the same name keep their split", *splits.decisions)


def _file_fingerprint(found: Inputs) -> str:
    """SHA-256 over names and lengths in bytes; files are not read for it."""
    total = sha256()
    for index in range(len(found)):
        name = found.name(index)
        total.update(f"{name}\0{os.stat(name).st_size if os.path.exists(name) else ''}\0".encode())  # noqa: PTH110, PTH116 - a million of them
    return total.hexdigest()


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
