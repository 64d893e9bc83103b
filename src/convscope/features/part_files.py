"""A Parquet file of features: what its footer says it holds, checked, and its columns as they are stored."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.features.manifest import SAMPLE_COLUMNS, LayerColumn, Manifest
from convscope.json_values import Within, from_json, parse_json, to_json

METADATA_KEY = b"convscope"
CHECKSUMS_KEY = b"convscope.checksums"

Sum = Annotated[int, Within(0, 2**32 - 1)]


@dataclass(frozen=True)
class Checksums:
    """What a file's contents had as CRC-32 when they were written.

    Args:
        manifest: Of the manifest beside them; None where none was written.
        columns: Of each part in the file, in order, by column; None for a part of an earlier version.
    """

    manifest: Sum | None = None
    columns: Mapping[str, tuple[Sum | None, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PartFile:
    """A Parquet file of one part or of all.

    Args:
        path: The file.
        manifest: What its metadata says that it is of.
        rows: How many it has.
        checksums: Of its contents.
        schema: Its columns, as Arrow describes them.
    """

    path: Path
    manifest: Manifest
    rows: int
    checksums: Checksums
    schema: Any = field(repr=False)

    def check_columns(self, layers: tuple[LayerColumn, ...], dtype: str) -> None:
        """Refuses a file without the columns that its manifest names, or with others of that name.

        Args:
            layers: Whose features the file has; none for the sample columns of maps.
            dtype: Of the features.

        Raises:
            DataError: One is missing or has another type.
        """
        types = dict(zip(self.schema.names, map(str, self.schema.types), strict=True))
        values = {"float32": "float", "float16": "halffloat"}[dtype]
        expected = dict.fromkeys(SAMPLE_COLUMNS, "string") | {"id": "int64", "confidence": "float"}
        expected |= {
            each.column: f"fixed_size_list<element: {values} not null>[{each.width}]" for each in layers
        }
        for name, kind in expected.items():
            if types.get(name) != kind:
                raise DataError(
                    f"{self.path} is damaged: expected the column '{name}' of type {kind}, "
                    f"found {types.get(name, 'none')}.",
                    "Restore the file from a copy, or extract the features again.",
                )

    def read_samples(self) -> Any:
        """The columns that say who the samples are, as an Arrow table.

        Raises:
            DataError: They are damaged.
        """
        import pyarrow.parquet as pq

        with self._damage(), pq.ParquetFile(self.path, page_checksum_verification=True) as opened:
            return opened.read(columns=list(SAMPLE_COLUMNS))

    def read_blocks(self, column: LayerColumn) -> Iterator[npt.NDArray[np.floating[Any]]]:
        """The features of one layer as they are stored, shape (some rows, values).

        Raises:
            DataError: They are damaged.
        """
        import pyarrow.parquet as pq

        with self._damage(), pq.ParquetFile(self.path, page_checksum_verification=True) as opened:
            for group in range(opened.num_row_groups):
                for chunk in opened.read_row_group(group, columns=[column.column])[column.column].chunks:
                    yield chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, column.width)

    def _damage(self) -> Any:
        return damage_as_data_error(str(self.path), "Parquet file")


def open_part(path: Path) -> PartFile:
    """Reads the footer of a Parquet file.

    Raises:
        DataError: It is no Parquet file, one without features of convscope, or damaged.
        RunError: Another version wrote it, or what it says of itself cannot be.
    """
    import pyarrow.parquet as pq

    if not path.is_file():
        raise DataError(f"{path} is no regular file.", "Give what `convscope extract` wrote.")
    with damage_as_data_error(str(path), "Parquet file"), pq.ParquetFile(path) as opened:
        schema, rows = opened.schema_arrow, opened.metadata.num_rows
    metadata = schema.metadata or {}
    found = metadata.get(METADATA_KEY)
    if found is None:
        raise DataError(
            f"{path} holds no features: its metadata has no '{METADATA_KEY.decode()}'.",
            "Give what `convscope extract` wrote.",
        )
    sums = Checksums()
    if CHECKSUMS_KEY in metadata:
        sums = from_json(
            Checksums, parse_json(metadata[CHECKSUMS_KEY], str(path)), f"{path} to have checksums"
        )
    if sums.manifest is not None and zlib.crc32(found) != sums.manifest:
        raise DataError(
            f"{path} is damaged: the checksum of its metadata is another.",
            "Restore the file from a copy, or extract the features again.",
        )
    return PartFile(path, Manifest.from_json(parse_json(found, str(path)), str(path)), rows, sums, schema)


def metadata_of(manifest: Manifest) -> bytes:
    """The manifest as a file's metadata holds it."""
    return json.dumps(manifest.to_json(), ensure_ascii=False).encode("utf-8", "surrogatepass")


def checksums_metadata(manifest: Manifest, columns: Mapping[str, list[int | None]]) -> bytes:
    """The checksums as a file's metadata holds them.

    Args:
        manifest: What the file is of.
        columns: Of each part in the file, in order, by column.
    """
    sums = Checksums(zlib.crc32(metadata_of(manifest)), {name: tuple(each) for name, each in columns.items()})
    return json.dumps(to_json(sums)).encode()


def part_name(number: int) -> str:
    """File name of a part."""
    return f"part-{number:05d}.parquet"


def part_count(manifest: Manifest) -> int:
    """The number of parts."""
    return -(-manifest.samples // manifest.part_size)
