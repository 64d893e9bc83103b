"""Pooled features as Parquet: a row for each sample, a fixed-size list for each layer, a file for each part.

Apache Parquet and its Arrow types are read by pandas, Polars, DuckDB and Hugging Face `datasets` alike.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from convscope.features.manifest import Manifest
from convscope.features.store import Block, Store, synced
from convscope.features.table import METADATA_KEY, part_name
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
    content = json.dumps(manifest.to_json(), ensure_ascii=False)
    return pa.schema(fields, metadata={METADATA_KEY: content.encode()})


def write_part(store: Store, block: Block, arrays: list[Any]) -> None:
    """Writes a part's Parquet file and waits until it is on the disk."""
    table = pa.Table.from_arrays(arrays, schema=schema(store.manifest))
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
            with (
                whole.open("wb") as file,
                pq.ParquetWriter(file, schema(self.manifest), **_WRITTEN) as writer,
            ):
                for part in self.parts():
                    table = pq.read_table(
                        self.place.parts / part_name(part.number), page_checksum_verification=True
                    )
                    writer.write_table(table, row_group_size=len(table))
            synced(whole)
        synced(self.place.target)
        shutil.rmtree(self.place.parts)
