"""The weights that some epochs left, kept in the run: what the studio's slider over epochs shows."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from convscope.errors import RunError
from convscope.files import written_whole
from convscope.types import Array

FOLDER = "epochs"
"""Of a run, with a file for each epoch that is kept."""


def epochs_to_keep(epochs: int, count: int) -> frozenset[int]:
    """The epochs whose weights are kept: the first, the last, and evenly between them.

    Args:
        epochs: That a training may have, counted from 1.
        count: How many are kept at most; of a single one the last.

    Example:
        >>> sorted(epochs_to_keep(30, 4)), sorted(epochs_to_keep(3, 10)), sorted(epochs_to_keep(9, 0))
        ([1, 11, 20, 30], [1, 2, 3], [])
    """
    if count < 2:
        return frozenset([epochs][:count])
    places = np.linspace(1, epochs, min(count, epochs))
    return frozenset(int(place) for place in np.rint(places))


def write_epoch(run: Path, epoch: int, weights: Sequence[Array]) -> None:
    """Keeps the weights that an epoch left, in the order of `keras.Model.get_weights`.

    Args:
        run: The run folder.
        epoch: Counted from 1.
        weights: Of the model.
    """
    arrays = {f"weight_{i:05d}": _plain(values) for i, values in enumerate(weights)}
    with written_whole(_file(run, epoch)) as part, part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _plain(values: Array) -> Array:
    """An array as NumPy itself can write it: half precision of its own kind, such as bfloat16, as float32."""
    return values if values.dtype.kind in "fiub" else np.asarray(values, np.float32)


def epochs_kept(run: Path) -> list[int]:
    """The epochs whose weights a run has, rising.

    Args:
        run: The run folder.
    """
    names = (path.stem.removeprefix("epoch-") for path in (run / FOLDER).glob("epoch-*.npz"))
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def set_epoch(run: Path, epoch: int, model: keras.Model) -> None:
    """Sets the weights of a model to those that an epoch left.

    Args:
        run: The run folder.
        epoch: Counted from 1.
        model: The model of the run.

    Raises:
        RunError: The epoch is not kept, or its file is damaged or belongs to another model.
    """
    path = _file(run, epoch)
    named = f"{run.name}/{FOLDER}/{path.name}"
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            weights = [file[name] for name in sorted(file.files)]
    except FileNotFoundError as error:
        kept = ", ".join(map(str, epochs_kept(run))) or "none"
        raise RunError(f"{run.name} has not kept epoch {epoch}.", f"Epochs that it has: {kept}.") from error
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise RunError(f"{named} is damaged: {error}.", "Choose another epoch, or train again.") from error
    shapes = [tuple(weight.shape) for weight in model.weights]
    if [values.shape for values in weights] != shapes:
        raise RunError(
            f"{named} belongs to another model: it holds {len(weights)} arrays, and the model has"
            f" {len(shapes)} weights of other shapes or number.",
            "Choose another epoch, or train again.",
        )
    if not all(np.isfinite(values).all() for values in weights):
        raise RunError(
            f"{named} is damaged: it holds NaN or infinity.", "Choose another epoch, or train again."
        )
    model.set_weights(weights)


def _file(run: Path, epoch: int) -> Path:
    return run / FOLDER / f"epoch-{epoch:05d}.npz"
