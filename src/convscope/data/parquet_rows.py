"""Rows of a Parquet file, read in small batches; what is damaged ends in a `DataError`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError

BATCH_ROWS = 64
"""Rows that are decoded at once; images may be large."""


def parquet_schema(path: Path) -> pa.Schema:
    """The Arrow schema of a file, with its metadata.

    Args:
        path: The Parquet file.

    Raises:
        DataError: It is not a Parquet file, damaged or not readable.
    """
    with damage_as_data_error(str(path), "Parquet file"), pq.ParquetFile(path) as file:
        return file.schema_arrow


def parquet_rows(
    path: Path, columns: Sequence[str], batch_rows: int = BATCH_ROWS
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The chosen columns, one row at a time.

    Args:
        path: The Parquet file.
        columns: Names of top-level columns.
        batch_rows: Rows that are decoded at once.

    Yields:
        The number of the row (from 0), and one Python value per column.

    Raises:
        DataError: The file is damaged or not readable.
    """
    row = 0
    with damage_as_data_error(str(path), "Parquet file"), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_rows, columns=list(columns), use_threads=False):
            values = [batch.column(name).to_pylist() for name in columns]
            for fields in zip(*values, strict=True):
                yield row, fields
                row += 1


def class_label_names(path: Path, schema: pa.Schema, label: str) -> list[str] | None:
    """The names of a ClassLabel column, or of lists of such, from the metadata of Hugging Face `datasets`.

    Args:
        path: The Parquet file, for messages.
        schema: Its schema.
        label: The column.

    Raises:
        DataError: The metadata is not JSON, or has something else in the place of the names.
    """
    raw = (schema.metadata or {}).get(b"huggingface")
    if raw is None:
        return None
    try:
        found: Any = json.loads(raw)
    except (ValueError, RecursionError):
        raise DataError(f"{path}: the metadata 'huggingface' is not JSON") from None
    for step in ("info", "features", label):
        found = found.get(step) if isinstance(found, dict) else None
    found = found.get("feature", found) if isinstance(found, dict) else None
    found = found.get("names") if isinstance(found, dict) else None
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise DataError(f"{path}: expected class names of {label} as a list of text in the metadata")
    return found
