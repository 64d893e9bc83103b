"""Whole feature maps as Zarr v3: an array for each layer, a shard of it for each part."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import BackendError
from convscope.features.manifest import LayerColumn, Manifest
from convscope.features.parquet import sample_arrays, write_part
from convscope.features.store import Block, Store, synced
from convscope.features.table import SAMPLES

CHUNK_BYTES = 2**20
"""What is compressed, and can be read, as one piece, at most."""
_INSTALL = 'Install it: pip install "convscope[features]"'


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


def read_blocks(path: Path, column: LayerColumn, manifest: Manifest) -> Iterator[npt.NDArray[np.float32]]:
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


def _files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
