"""Features that were extracted, opened again: who the samples are, and one matrix for each layer."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import BackendError, DataError, RunError, UsageError, install_command
from convscope.features.checksums import Verifier, checksum, compare, text_checksum
from convscope.features.manifest import SAMPLE_COLUMNS, LayerColumn, Manifest
from convscope.features.part_files import PartFile, open_part, part_count, part_name
from convscope.json_values import read_json

MANIFEST = "_features.json"
"""Stands beside the parts until all of them are there; each says the same in its own metadata."""
SAMPLES = "_samples"
"""The folder of a Zarr group that holds the sample columns."""
MOST_PARTS = 10**6

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SampleColumns:
    """Who the samples are, one entry a row.

    Args:
        ids: The row's number, shape (samples,), int64.
        paths: The file (or `file#row`) of each.
        labels: Class name, or None where it is not known.
        splits: `train`, `validation`, `test` or None.
        predictions: The class name that the model answered, or None.
        confidences: The probability of that answer, that of a run calibrated by its temperature as `predict`
            does it, without other views of a sample; shape (samples,), float32; NaN where there is none.
    """

    ids: npt.NDArray[np.int64]
    paths: list[str]
    labels: list[str | None]
    splits: list[str | None]
    predictions: list[str | None]
    confidences: Floats

    def codes(self, class_names: tuple[str, ...]) -> npt.NDArray[np.int64]:
        """Labels as indices into class names, shape (samples,), int64; -1 where a label is not known."""
        number_of = {name: number for number, name in enumerate(class_names)}
        return np.fromiter((number_of.get(str(name), -1) for name in self.labels), np.int64, len(self.labels))


@dataclass(frozen=True, eq=False)
class Features:
    """Features on disk; nothing is read before it is asked for.

    Args:
        path: The Parquet file, the folder of Parquet parts, or the Zarr group.
        manifest: Of which model, layers, data and settings they are.
    """

    path: Path
    manifest: Manifest
    _files: tuple[PartFile, ...] = field(repr=False)

    def __len__(self) -> int:
        return self.manifest.samples

    @property
    def layers(self) -> tuple[str, ...]:
        """Paths of the layers, in the model's order."""
        return tuple(each.layer for each in self.manifest.layers)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the labels, sorted; empty where the data has no labels."""
        return tuple(self.manifest.data["class_names"])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The manifest as plain values."""
        return self.manifest.to_json()

    def columns(self) -> SampleColumns:
        """Who the samples are.

        Raises:
            DataError: A file is damaged.
        """
        return self._columns

    def matrix(self, layer: str | None = None) -> Floats:
        """The features of one layer, all samples at once.

        Args:
            layer: A path or the end of one; may be left out where there is one layer.

        Returns:
            Shape (samples, values), float32; whole maps are flattened.

        Raises:
            UsageError: There is no such layer, or several and none was named.
            DataError: A file is damaged.
        """
        column = self.find(layer)
        matrix = np.empty((len(self), column.width), np.float32)
        done = 0
        for rows in self.blocks(column.layer):
            matrix[done : done + len(rows)] = rows
            done += len(rows)
        return matrix

    def blocks(self, layer: str | None = None) -> Iterator[Floats]:
        """The features of one layer, some samples at a time and in order, for sets larger than memory.

        Args:
            layer: As in `matrix`.

        Yields:
            Shape (some samples, values), float32.
        """
        column = self.find(layer)
        verifier = Verifier(
            f"{self.path}, column '{column.column}',", self._sums(column.column), self.manifest.part_size
        )
        rows = 0
        for block in self._stored(column):
            verifier.add(block)
            rows += len(block)
            yield block.reshape(len(block), math.prod(block.shape[1:])).astype(np.float32)
        verifier.close()
        if rows != len(self):
            raise DataError(f"{self.path} is damaged: it has {rows} rows, expected {len(self)}.")

    def _stored(self, column: LayerColumn) -> Iterator[npt.NDArray[np.floating[Any]]]:
        if self.manifest.pool == "none":
            yield from _zarr_blocks(self.path, column, self.manifest)
            return
        for file in self._files:
            yield from file.read_blocks(column)

    def _sums(self, column: str) -> list[int | None]:
        """The checksum of each part."""
        sums: list[int | None] = []
        for file in self._files:
            count = -(-file.rows // self.manifest.part_size)
            known = file.checksums.columns.get(column, ())
            sums += known if len(known) == count else [None] * count
        return sums

    def chosen(self, layer: str | None) -> tuple[LayerColumn, str]:
        """The layer of that name, or by default the last one, and a line that says so where there are more.

        Raises:
            UsageError: There is none of that name, or more than one.
        """
        if layer is None and len(self.layers) > 1:
            last = self.manifest.layers[-1]
            return last, f"by {last.layer}, the last of {len(self.layers)} layers"
        return self.find(layer), ""

    def find(self, layer: str | None) -> LayerColumn:
        """The layer of that path, or the only one whose path ends in that name.

        Raises:
            UsageError: There is none, or more than one.
        """
        if layer is None:
            if len(self.layers) == 1:
                return self.manifest.layers[0]
            raise UsageError(f"{self.path} has {len(self.layers)} layers.", f"Name one of {self._some()}.")
        matching = [each for each in self.manifest.layers if each.layer == layer] or [
            each for each in self.manifest.layers if each.layer.endswith(f"/{layer}")
        ]
        if len(matching) != 1:
            near = difflib.get_close_matches(layer, self.layers, n=2)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"It has {self._some()}."
            raise UsageError(f"{self.path} has no layer '{layer}'.", hint)
        return matching[0]

    def _some(self) -> str:
        return ", ".join(self.layers[:8]) + (", ..." if len(self.layers) > 8 else "")

    @cached_property
    def _columns(self) -> SampleColumns:
        import pyarrow as pa

        table = pa.concat_tables([file.read_samples() for file in self._files])
        self._verify_samples(table)
        confidences = table["confidence"].to_numpy().astype(np.float32)
        with damage_as_data_error(str(self.path), "Parquet file"):
            texts = {name: table[name].to_pylist() for name in ("path", "label", "split", "prediction")}
        return SampleColumns(
            table["id"].to_numpy().astype(np.int64),
            texts["path"],
            texts["label"],
            texts["split"],
            texts["prediction"],
            confidences,
        )

    def _verify_samples(self, table: Any) -> None:
        """Compares the sample columns with their checksums, part by part."""
        size = self.manifest.part_size
        for name in SAMPLE_COLUMNS:
            for part, expected in enumerate(self._sums(name)):
                if expected is not None:
                    found = column_checksum(table[name].slice(part * size, size))
                    compare(f"{self.path}, column '{name}',", part, expected, found)


def column_checksum(values: Any) -> int:
    """The checksum of a sample column, as Arrow holds it: strings, or numbers of which null is NaN."""
    import pyarrow as pa

    if pa.types.is_string(values.type):
        return text_checksum(values.to_pylist())
    return checksum(np.asarray(values.to_numpy(zero_copy_only=False)))


def open_features(path: str | Path) -> Features:
    """Opens what `convscope extract` wrote.

    Args:
        path: A `.parquet` file, a folder of Parquet parts, or a `.zarr` group.

    Raises:
        UsageError: There is nothing of that name.
        DataError: It holds no features of convscope, or is damaged.
        RunError: The extraction is not finished, or another version wrote it.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or folder.", "Check the spelling of the path.")
    if not path.is_dir():
        return _checked(path, open_part(path), [path], maps=False)
    place = path / SAMPLES if (path / SAMPLES).is_dir() else path
    if (place / MANIFEST).exists():
        raise RunError(
            f"The extraction to {path} is not finished.",
            "Run the same `convscope extract` with --resume.",
        )
    first = first_part(place)
    if first is None:
        raise DataError(f"{path} holds no features.", "Give what `convscope extract` wrote.")
    names = [part_name(number) for number in range(min(part_count(first.manifest), MOST_PARTS))]
    missing = next((name for name in names if not (place / name).exists()), None)
    if missing is not None:
        raise DataError(
            f"{path} is damaged: {missing} is missing.",
            "Run the same `convscope extract` with --resume.",
        )
    return _checked(path, first, [place / name for name in names], maps=place != path)


def _checked(path: Path, first: PartFile, paths: Sequence[Path], *, maps: bool) -> Features:
    """Features of files whose columns and rows are those that the first one says."""
    manifest = first.manifest
    if (manifest.pool == "none") is not maps:
        raise DataError(f"{path} is damaged: its metadata says pool '{manifest.pool}'.")
    files = [first if each == first.path else open_part(each) for each in paths]
    for file in files:
        file.check_columns(() if maps else manifest.layers, manifest.dtype)
        if file.manifest != manifest:
            raise DataError(f"{file.path} is of another extraction than {first.path}.")
    rows = sum(file.rows for file in files)
    if rows != manifest.samples:
        raise DataError(f"{path} is damaged: it has {rows} rows, expected {manifest.samples}.")
    return Features(path, manifest, tuple(files))


def read_manifest(path: Path) -> Manifest:
    """What a manifest file says.

    Raises:
        RunError: It is damaged, or another version wrote it.
    """
    return Manifest.from_json(read_json(path), str(path))


def first_part(folder: Path) -> PartFile | None:
    """The first of the parts in a folder; None where there are none.

    Raises:
        DataError: It is damaged or holds no features.
        RunError: Another version wrote it.
    """
    first = min(folder.glob("part-*.parquet"), default=None)
    return None if first is None else open_part(first)


def _zarr_blocks(
    path: Path, column: LayerColumn, manifest: Manifest
) -> Iterator[npt.NDArray[np.floating[Any]]]:
    """The maps of one layer as they are stored, one part at a time."""
    zarr = zarr_package()
    with damage_as_data_error(f"{path}, array '{column.column}'", "Zarr array"):
        array = dict(zarr.open_group(path, mode="r").arrays()).get(column.column)
        shape = (manifest.samples, *column.shape)
        if array is None or array.shape != shape or str(array.dtype) != manifest.dtype:
            found = "none" if array is None else f"{array.dtype} of shape {array.shape}"
            raise DataError(
                f"{path} is damaged: expected the array '{column.column}' of shape {shape} and "
                f"{manifest.dtype}, found {found}."
            )
        if np.prod(array.chunks, dtype=float) > manifest.part_size * column.width:
            raise DataError(f"{path} is damaged: the array '{column.column}' has chunks of {array.chunks}.")
        for start in range(0, manifest.samples, manifest.part_size):
            yield np.asarray(array[start : start + manifest.part_size])


def _install() -> str:
    return f"Install it: {install_command('features')}"


def zarr_package() -> Any:
    """The package `zarr`.

    Raises:
        BackendError: It is not installed, or is older than version 3.
    """
    try:
        import zarr
    except ImportError as error:
        raise BackendError(
            "Whole feature maps are written with the package zarr.",
            f"Install it: {install_command('features')}",
        ) from error
    if int(zarr.__version__.partition(".")[0]) < 3:
        raise BackendError(
            f"zarr is {zarr.__version__}, and version 3 is needed.",
            f"Install it: {install_command('features')}",
        )
    return zarr
