"""Whole feature maps as Zarr v3: an array for each layer, a shard of it for each part."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np

from convscope.features.manifest import LayerColumn, Manifest
from convscope.features.parquet import sample_arrays, write_part
from convscope.features.store import Block, Store, synced
from convscope.features.table import SAMPLES, zarr_package

CHUNK_BYTES = 2**20
"""What is compressed, and can be read, as one piece, at most."""


class ZarrStore(Store):
    """A Zarr group with an array for each layer, and Parquet parts of the sample columns inside.

    A part counts once its Parquet file is there; its shards are written before.
    """

    def _make(self) -> None:
        for leftover in self.place.target.iterdir():
            if leftover.is_file():
                leftover.unlink()
            elif leftover.name != SAMPLES:
                shutil.rmtree(leftover)
        group = zarr_package().create_group(self.place.target, zarr_format=3)
        group.attrs["convscope"] = self.manifest.to_json()
        for each in self.manifest.layers:
            chunk = chunk_rows(self.manifest, each)
            group.create_array(
                each.column,
                shape=(self.manifest.samples, *each.shape),
                chunks=(chunk, *each.shape),
                shards=(self.manifest.part_size, *each.shape),
                dtype=self.manifest.dtype,
                dimension_names=("sample", *(None for _ in each.shape)),
                attributes={"layer": each.layer},
                overwrite=True,
            )

    def _write(self, block: Block) -> None:
        group = zarr_package().open_group(self.place.target, mode="r+")
        for each in self.manifest.layers:
            place = self.place.target / each.column / "c" / str(block.part.number)
            for shard in _files_below(place):  # of an attempt that was cut off
                shard.unlink()
            group[each.column][block.part.start : block.part.stop] = block.arrays[each.column]
            for shard in _files_below(place):
                synced(shard)
        write_part(self, block, sample_arrays(block))

    def _finish(self) -> None:
        with warnings.catch_warnings():  # about the sample columns, which are no part of the hierarchy
            warnings.simplefilter("ignore")
            zarr_package().consolidate_metadata(self.place.target)
        synced(self.place.target / "zarr.json")
        super()._finish()


def chunk_rows(manifest: Manifest, column: LayerColumn) -> int:
    """Samples in one chunk: the most that divide a part and take no more than `CHUNK_BYTES`."""
    row_bytes = column.width * np.dtype(manifest.dtype).itemsize
    most = max(1, CHUNK_BYTES // row_bytes)
    size = manifest.part_size
    return next(rows for rows in range(min(most, size), 0, -1) if size % rows == 0)


def _files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
