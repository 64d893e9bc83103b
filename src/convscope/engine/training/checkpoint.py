"""All that a training needs to go on as if it had never stopped, in one NumPy file without pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convscope.errors import RunError
from convscope.files import written_whole
from convscope.types import Array

Row = dict[str, float]


def state_of(model: keras.Model) -> list[Array]:
    """Copies of weights, batch statistics, the states of random generators, and the optimizer's variables."""
    return [np.array(v) for v in _state(model)]


def set_state(model: keras.Model, state: Sequence[Array]) -> None:
    """Puts back what `state_of` copied."""
    for variable, values in zip(_state(model), state, strict=True):
        variable.assign(values)


def write_checkpoint(folder: Path, state: Sequence[Array], rows: Sequence[Row]) -> None:
    """Writes weights, optimizer state, random states and history after an epoch; drops the one before.

    Args:
        folder: The run's `checkpoints` folder.
        state: Of a compiled model after the last of the epochs.
        rows: One row of history per finished epoch.
    """
    target = folder / f"epoch-{len(rows):05d}.npz"
    arrays = {f"variable_{i:05d}": values for i, values in enumerate(state)}
    arrays["history"] = np.frombuffer(json.dumps(list(rows)).encode(), np.uint8)
    with written_whole(target) as part, part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    for old in _found(folder):
        if old != target:
            old.unlink()


def read_checkpoint(folder: Path, model: keras.Model) -> list[Row]:
    """Sets a compiled model to the newest checkpoint.

    Args:
        folder: The run's `checkpoints` folder; it may be missing or empty.
        model: A model of the same architecture, compiled with the same settings.

    Returns:
        One row of history per finished epoch; empty where there is no checkpoint yet.

    Raises:
        RunError: The checkpoint is damaged or belongs to another model.
    """
    found = _found(folder)
    if not found:
        return []
    try:
        with found[-1].open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        rows: list[Row] = json.loads(arrays.pop("history").tobytes())
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise RunError(
            f"{found[-1]} is damaged: {error}.", "Start a new training in another folder."
        ) from error
    state = _state(model)
    saved = [arrays[name] for name in sorted(arrays)]
    if [tuple(v.shape) for v in state] != [a.shape for a in saved]:
        raise RunError(
            f"{found[-1]} belongs to another model: it holds {len(saved)} variables, "
            f"and {model.name} has {len(state)} of other shapes or number.",
            "Resume with the settings that the run was started with.",
        )
    set_state(model, saved)
    return rows


def epochs_in(folder: Path) -> int:
    """Epochs after which the newest checkpoint of a `checkpoints` folder was written; 0 without any."""
    found = _found(folder)
    return int(found[-1].stem.rpartition("-")[2]) if found else 0


def _found(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.npz"))


def _state(model: keras.Model) -> list[Any]:
    """The variables that a training goes on from."""
    metrics = {id(v) for v in model.metrics_variables}
    unique = {id(v): v for v in [*model.variables, *model.optimizer.variables] if id(v) not in metrics}
    return list(unique.values())
