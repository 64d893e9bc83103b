"""How files of volumes become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from convscope.data.labelled import names_data_set
from convscope.data.splits import Samples, Split
from convscope.kinds.contract.model_reader import (
    ModelEncoding,
    ModelMatch,
    ModelReader,
    PlainModel,
    ReadingOptions,
    have_endings,
)
from convscope.kinds.volume.readers.forms import READERS
from convscope.kinds.volume.readers.sources import VolumeSource
from convscope.kinds.volume.representation import fit_representation

ENDINGS = tuple(
    suffix for name, form in READERS.items() if name not in ("tiff", "zarr") for suffix in form.suffixes
)
"""Endings of files that only volumes have."""
_MOST_CHANNELS = 16


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """A model of (x, y, z, channels) with few channels, last."""
    shape = model.only_shape
    if shape is None or len(shape) != 4 or (shape[3] or 0) > _MOST_CHANNELS:
        return None
    sure = have_endings(files, ENDINGS)
    return ModelMatch(0.95 if sure else 0.8, f"its input {shape} is that of volumes")


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Volumes cut or filled to what the model takes, with intensities as a training would scale them.

    Raises:
        UsageError: The model takes no volumes.
        DataError: They have another number of channels.
    """
    shape = model.only_shape
    if shape is None or len(shape) != 4:
        raise model.mismatch("volumes of shape (x, y, z, channels)")
    source = cast(VolumeSource, samples)
    own = source.facts[0].shape
    size = [side or mine for side, mine in zip(shape[:3], own, strict=True)]
    representation, lines = fit_representation(Split(source, [None] * len(source)), voxels=size)  # type: ignore[arg-type]
    return ModelEncoding(representation, notes=tuple(lines))


def is_labelled(paths: Sequence[str]) -> bool:
    """A folder of folders, a table, `.npz`, or a Zarr group."""
    if len(paths) == 1 and Path(paths[0]).suffix.lower() == ".zarr":
        return True
    return names_data_set(paths)


MODEL_READER = ModelReader(
    kind="volume",
    samples="volumes",
    recipe="volume-classification",
    matches=matches,
    encoding=encoding,
    is_labelled=is_labelled,
    endings=ENDINGS,
)
