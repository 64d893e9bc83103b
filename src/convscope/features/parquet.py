"""Pooled features as Parquet: a row for each sample, a fixed-size list for each layer, a file for each part.

Apache Parquet and its Arrow types are read by pandas, Polars, DuckDB and Hugging Face `datasets` alike.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from convscope.features.checksums import checksum
from convscope.features.manifest import SAMPLE_COLUMNS, Manifest
from convscope.features.part_files import (
    CHECKSUMS_KEY,
    METADATA_KEY,
    checksums_metadata,
    metadata_of,
    open_part,
    part_name,
)
from convscope.features.store import Block, Store, synced
from convscope.features.table import column_checksum
from convscope.files import written_whole

_TEXTS = ("path", "label", "split", "prediction")
_WRITTEN: Mapping[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": list(_TEXTS),
    "write_page_checksum": True,
}


def sample_fields() -> list[Any]:
    """The columns that stand before the layers."""
    return [
        pa.field("id", pa.int64()),
        *(pa.field(name, pa.string()) for name in _TEXTS),
        pa.field("confidence", pa.float32()),
    ]


def sample_arrays(block: Block) -> list[Any]:
    """The values of `sample_fields`; a confidence that is not a number is null."""
    return [
        pa.array(range(block.part.start, block.part.stop), pa.int64()),
        *(pa.array(block.samples[name], pa.string()) for name in _TEXTS),
        pa.array(block.samples["confidence"], pa.float32(), from_pandas=True),
    ]


def schema(manifest: Manifest) -> Any:
    """Columns and metadata of each file."""
    fields = sample_fields()
    if manifest.pool != "none":
        value = {"float32": pa.float32(), "float16": pa.float16()}[manifest.dtype]
        fields += [
            pa.field(each.column, pa.list_(pa.field("element", value, nullable=False), each.width))
            for each in manifest.layers
        ]
    return pa.schema(fields, metadata={METADATA_KEY: metadata_of(manifest)})


def _columns_metadata(manifest: Manifest, columns: Mapping[str, list[int | None]]) -> dict[bytes, bytes]:
    return {METADATA_KEY: metadata_of(manifest), CHECKSUMS_KEY: checksums_metadata(manifest, columns)}


def write_part(store: Store, block: Block, arrays: list[Any]) -> None:
    """Writes a part's Parquet file and waits until it is on the disk."""
    table = pa.Table.from_arrays(arrays, schema=schema(store.manifest))
    sums: dict[str, list[int | None]] = {name: [column_checksum(table[name])] for name in SAMPLE_COLUMNS}
    sums |= {name: [checksum(values)] for name, values in block.arrays.items()}
    table = table.replace_schema_metadata(_columns_metadata(store.manifest, sums))
    path = store.place.parts / part_name(block.part.number)
    with written_whole(path) as part:
        with part.open("wb") as file:  # by Python, so that a full disk is an OSError that says so
            pq.write_table(table, file, row_group_size=len(table), **_WRITTEN)
        synced(part)
    synced(path)


class ParquetStore(Store):
    """A folder of Parquet files, or one file that is put together of them at the end."""

    def _make(self) -> None:
        """The folder is enough."""

    def _write(self, block: Block) -> None:
        arrays = sample_arrays(block)
        for each in self.manifest.layers:
            values = block.arrays[each.column].reshape(-1)
            field = schema(self.manifest).field(each.column)
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(values), type=field.type))
        write_part(self, block, arrays)

    def _finish(self) -> None:
        if self.place.kind == "folder":
            super()._finish()
            return
        with written_whole(self.place.target) as whole:
            files = [open_part(self.place.parts / part_name(part.number)) for part in self.parts()]
            sums: dict[str, list[int | None]] = {}
            for name in schema(self.manifest).names:
                sums[name] = [(file.checksums.columns.get(name) or (None,))[0] for file in files]
            columns = schema(self.manifest).with_metadata(_columns_metadata(self.manifest, sums))
            with whole.open("wb") as file, pq.ParquetWriter(file, columns, **_WRITTEN) as writer:
                for part in files:
                    table = pq.read_table(part.path, page_checksum_verification=True)
                    writer.write_table(
                        table.replace_schema_metadata(columns.metadata), row_group_size=len(table)
                    )
            synced(whole)
        synced(self.place.target)
        shutil.rmtree(self.place.parts)
