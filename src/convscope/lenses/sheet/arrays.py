"""The numbers of a figure as a file: NPZ without pickle, or JSON."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from convscope.errors import UsageError
from convscope.files import write_json, written_whole
from convscope.lenses.sheet.theme import Numbers

SUFFIXES = (".npz", ".json")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP file can hold: the same arrays give the same bytes


def save_arrays(path: str | Path, arrays: Mapping[str, Numbers], about: Mapping[str, Any]) -> Path:
    """Writes arrays with what is to be known about them, whole or not at all.

    An NPZ file holds each array by its name, and `about` as the text of a JSON object. A JSON file holds
    `about` and `arrays`: by name its `shape`, `dtype` and `values` as nested lists; what is not finite is
    null. The same content gives the same bytes.

    Args:
        path: Ends in `.npz` or `.json`.
        arrays: Numbers or truth values by name.
        about: Plain values, such as the model's name and the layer's path.

    Returns:
        The path.

    Raises:
        UsageError: For another suffix, an array of objects, or the name `about` for an array of an NPZ file.

    Example:
        >>> import tempfile
        >>> path = save_arrays(Path(tempfile.mkdtemp()) / "maps.npz", {"conv": np.eye(2)}, {"model": "tiny"})
        >>> with np.load(path, allow_pickle=False) as read:
        ...     read["conv"].shape, str(read["about"])
        ((2, 2), '{"model": "tiny"}')
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"Arrays cannot be written to '{path.name}'.", f"The name must end in {' or '.join(SUFFIXES)}."
        )
    known = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in known.items():
        if array.dtype.kind not in "biufU":
            raise UsageError(
                f"The array '{name}' has type {array.dtype}, expected numbers, booleans or text."
            )
    if suffix == ".json":
        write_json(
            path, {"about": dict(about), "arrays": {name: _plain(array) for name, array in known.items()}}
        )
        return path
    if "about" in known:
        raise UsageError("An array cannot be named 'about' in an NPZ file.", "Give it another name.")
    known["about"] = np.asarray(json.dumps(dict(about), ensure_ascii=False))
    with written_whole(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in known.items():
            content = BytesIO()
            np.save(content, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.getvalue())
    return path


def _plain(array: Numbers) -> dict[str, Any]:
    values: Any = array.tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        objects = array.astype(object)
        objects[~np.isfinite(array)] = None
        values = objects.tolist()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "values": values}
