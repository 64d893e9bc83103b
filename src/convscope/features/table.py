"""Features that were extracted, opened again: who the samples are, and one matrix for each layer."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import BackendError, DataError, RunError, UsageError
from convscope.features.manifest import SAMPLE_COLUMNS, LayerColumn, Manifest

MANIFEST = "_features.json"
"""Stands beside the parts until all of them are there; each says the same in its own metadata."""
METADATA_KEY = b"convscope"
SAMPLES = "_samples"
"""The folder of a Zarr group that holds the sample columns."""
_INSTALL = 'Install it: pip install "convscope[features]"'

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
        confidences: The probability of that answer, shape (samples,), float32; NaN where there is none.
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
    _files: tuple[Path, ...] = field(repr=False)

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
        if self.manifest.pool == "none":
            yield from _zarr_blocks(self.path, column, self.manifest)
            return
        for file in self._files:
            yield from _parquet_blocks(file, column)

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
        import pyarrow.parquet as pq

        from convscope.data.parse_errors import damage_as_data_error

        tables = []
        for file in self._files:
            with (
                damage_as_data_error(str(file), "Parquet file"),
                pq.ParquetFile(file, page_checksum_verification=True) as opened,
            ):
                tables.append(opened.read(columns=list(SAMPLE_COLUMNS)))
        table = pa.concat_tables(tables)
        confidences = table["confidence"].to_numpy().astype(np.float32)
        texts = {name: table[name].to_pylist() for name in ("path", "label", "split", "prediction")}
        return SampleColumns(
            table["id"].to_numpy().astype(np.int64),
            texts["path"],
            texts["label"],
            texts["split"],
            texts["prediction"],
            confidences,
        )


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
    if path.is_file():
        return Features(path, read_metadata(path), (path,))
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such file or folder.", "Check the spelling of the path.")
    place = path / SAMPLES if (path / SAMPLES).is_dir() else path
    if (place / MANIFEST).exists():
        raise RunError(
            f"The extraction to {path} is not finished.",
            "Run the same `convscope extract` with --resume.",
        )
    manifest = manifest_of_parts(place)
    if manifest is None:
        raise DataError(f"{path} holds no features.", "Give what `convscope extract` wrote.")
    files = tuple(place / part_name(number) for number in range(part_count(manifest)))
    missing = [file.name for file in files if not file.exists()]
    if missing:
        raise DataError(
            f"{path} is damaged: {missing[0]} is missing.",
            "Run the same `convscope extract` with --resume.",
        )
    return Features(path, manifest, files)


def part_name(number: int) -> str:
    """File name of a part."""
    return f"part-{number:05d}.parquet"


def part_count(manifest: Manifest) -> int:
    """The number of parts."""
    return -(-manifest.samples // manifest.part_size)


def read_manifest(path: Path) -> Manifest:
    """What a manifest file says.

    Raises:
        RunError: It is damaged, or another version wrote it.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}.") from error
    return Manifest.from_json(content, str(path))


def manifest_of_parts(folder: Path) -> Manifest | None:
    """What the parts in a folder say that they are of; None where there are none.

    Raises:
        DataError: The first one is damaged or holds no features.
        RunError: Another version wrote it.
    """
    first = min(folder.glob("part-*.parquet"), default=None)
    return None if first is None else read_metadata(first)


def read_metadata(path: Path) -> Manifest:
    """What the metadata of a Parquet file says.

    Raises:
        DataError: It is no Parquet file, or one without features of convscope.
        RunError: Another version wrote it.
    """
    import pyarrow.parquet as pq

    from convscope.data.parse_errors import damage_as_data_error

    with damage_as_data_error(str(path), "Parquet file"):
        found = (pq.read_schema(path).metadata or {}).get(METADATA_KEY)
    if found is None:
        raise DataError(
            f"{path} holds no features: its metadata has no '{METADATA_KEY.decode()}'.",
            "Give what `convscope extract` wrote.",
        )
    try:
        content = json.loads(found)
    except ValueError as error:
        raise DataError(f"{path} is damaged: its metadata cannot be read: {error}.") from error
    return Manifest.from_json(content, str(path))


def _zarr_blocks(path: Path, column: LayerColumn, manifest: Manifest) -> Iterator[Floats]:
    """The maps of one layer, flattened, one part at a time."""
    array = zarr_package().open_group(path, mode="r")[column.column]
    for start in range(0, manifest.samples, manifest.part_size):
        rows = np.asarray(array[start : start + manifest.part_size], np.float32)
        yield rows.reshape(len(rows), -1)


def zarr_package() -> Any:
    """The package `zarr`.

    Raises:
        BackendError: It is not installed, or is older than version 3.
    """
    try:
        import zarr
    except ImportError as error:
        raise BackendError("Whole feature maps are written with the package zarr.", _INSTALL) from error
    if int(zarr.__version__.partition(".")[0]) < 3:
        raise BackendError(f"zarr is {zarr.__version__}, and version 3 is needed.", _INSTALL)
    return zarr


def _parquet_blocks(file: Path, column: LayerColumn) -> Iterator[Floats]:
    import pyarrow.parquet as pq

    from convscope.data.parse_errors import damage_as_data_error

    with (
        damage_as_data_error(str(file), "Parquet file"),
        pq.ParquetFile(file, page_checksum_verification=True) as opened,
    ):
        for group in range(opened.num_row_groups):
            chunks = opened.read_row_group(group, columns=[column.column])[column.column].chunks
            for chunk in chunks:
                yield (
                    chunk.flatten()
                    .to_numpy(zero_copy_only=False)
                    .astype(np.float32)
                    .reshape(-1, column.width)
                )
