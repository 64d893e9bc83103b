"""The configuration in a model file, read within bounds and before Keras sees it."""

from __future__ import annotations

import difflib
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convscope.errors import DataError, UsageError
from convscope.kinds.registry import architectures
from convscope.workflows.opening.forms import (
    SUFFIXES,
    WEIGHTS_ALONE,
    Form,
    form_of,
    is_other_form,
    refusal,
)

LARGEST_CONFIG = 32 * 2**20
"""Bytes of a configuration at most; those of the largest models of `keras.applications` take about 1 MB."""
WEIGHTS = "model.weights.h5"
_COPIES = 2
"""How often weights lie in memory while they are loaded."""


@dataclass(frozen=True)
class ModelContents:
    """What a model file says of itself.

    Args:
        path: The file or folder.
        form: Its form.
        config: Of the model: nested plain values.
        keras_version: Of the Keras that wrote it; empty if it is not known.
        weight_bytes: What its weights take, unpacked.
    """

    path: Path
    form: Form
    config: dict[str, Any] = field(repr=False)
    keras_version: str
    weight_bytes: int

    def entries(self) -> Iterator[dict[str, Any]]:
        """Every object in the configuration that has a class, such as layers, outer ones first."""
        yield from _entries(self.config)


def contents_of(path: Path) -> ModelContents:
    """Reads what a model file says of itself.

    Args:
        path: A file that exists, or the folder of an unpacked `.keras` file.

    Raises:
        DataError: It is no Keras model, it is damaged, or it unpacks to more than there is memory for.
    """
    form = form_of(path)
    if form == "hdf5":
        return _of_hdf5(path)
    if form == "folder":
        texts = [
            _file_text(path, path / name) if (path / name).exists() else "{}"
            for name in ("config.json", "metadata.json")
        ]
        return _contents(path, form, texts[0], texts[1], (path / WEIGHTS).stat().st_size)
    return _of_archive(path)


def memory_available() -> int | None:
    """Bytes of memory that are free or can be freed; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _of_archive(path: Path) -> ModelContents:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            _check_sizes(path, sizes)
            texts = [
                _unpacked(path, archive, name) if name in sizes else "{}"
                for name in ("config.json", "metadata.json")
            ]
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise DataError(f"{path} is a damaged zip archive: {error}.", "Copy or download it again.") from error
    return _contents(path, "archive", texts[0], texts[1], sizes.get(WEIGHTS, 0))


def _check_sizes(path: Path, sizes: dict[str, int]) -> None:
    """Refuses what unpacks to more than memory holds, before anything is unpacked."""
    free = memory_available()
    whole = sum(sizes.values())
    if free is not None and whole * _COPIES > free:
        raise DataError(
            f"{path} unpacks to {_size(whole)}, which takes {_size(whole * _COPIES)} of memory to load; "
            f"{_size(free)} is free."
        )


def _unpacked(path: Path, archive: zipfile.ZipFile, name: str) -> str:
    """The text of one entry, of which no more is unpacked than is allowed, whatever the directory says."""
    with archive.open(name) as file:
        return _text(path, name, file.read(LARGEST_CONFIG + 1))


def _file_text(path: Path, file: Path) -> str:
    with file.open("rb") as opened:
        return _text(path, file.name, opened.read(LARGEST_CONFIG + 1))


def _text(path: Path, name: str, content: bytes) -> str:
    if len(content) > LARGEST_CONFIG:
        raise DataError(f"{path}: its {name} is larger than {_size(LARGEST_CONFIG)}, which no model needs.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: its {name} is not UTF-8: {error.reason} at byte {error.start}.") from error


def unknown_model(name: str) -> UsageError:
    """The error where a name is neither a file, a run nor an architecture.

    Args:
        name: As the user gave it.
    """
    path = Path(name)
    if path.suffix in SUFFIXES or is_other_form(path):
        return UsageError(f"{path}: there is no such file.", "Check the spelling of the path.")
    near = difflib.get_close_matches(name, architectures(), n=2) or sorted(architectures())
    return UsageError(
        f"No model is named '{name}'.",
        f"Give a .keras file, a run folder, module:function, or an architecture such as {' or '.join(near)}.",
    )


def _of_hdf5(path: Path) -> ModelContents:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            attributes = {name: _decoded(file.attrs[name]) for name in file.attrs}
            keys = set(file)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise DataError(
            f"{path} is a damaged HDF5 file: {_line(error)}.", "Copy or download it again."
        ) from error
    config = attributes.get("model_config")
    if config is None:
        if "layer_names" in attributes or keys & {"layers", "_layer_checkpoint_dependencies", "vars"}:
            raise refusal(path, WEIGHTS_ALONE)
        raise DataError(
            f"{path} is an HDF5 file, but no Keras model: it holds "
            f"{', '.join(sorted(keys)[:5]) or 'nothing'}.",
            "Save the model with model.save('model.keras').",
        )
    metadata = json.dumps({"keras_version": attributes.get("keras_version", "")})
    return _contents(path, "hdf5", config, metadata, path.stat().st_size)


def _decoded(value: Any) -> str:
    """An attribute as text; empty for one that is no text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _contents(path: Path, form: Form, config: str, metadata: str, weight_bytes: int) -> ModelContents:
    read = []
    for name, text in (("configuration", config), ("metadata", metadata)):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: its {name} is no JSON: {_line(error)}.") from error
        if not isinstance(found, dict):
            raise DataError(f"{path}: its {name} is a {type(found).__name__}, expected an object.")
        read.append(found)
    return ModelContents(path, form, read[0], str(read[1].get("keras_version") or ""), weight_bytes)


def _entries(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("class_name"), str):
                yield each
            waiting += list(each.values())[::-1]
        elif isinstance(each, list):
            waiting += each[::-1]


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"
