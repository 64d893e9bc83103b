"""The samples behind rows of features, read again to be drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import ConvscopeError
from convscope.features.table import Features
from convscope.types import SPLITS, Array, no_progress

if TYPE_CHECKING:
    from convscope.data.splits import Samples
    from convscope.lenses.views.view import Sample
    from convscope.workflows.model_inputs.dataset import Dataset
    from convscope.workflows.model_inputs.encoder import Encoder


def samples_of(features: Features, ids: Sequence[int]) -> dict[int, Sample]:
    """The samples of some rows, as far as their files are still there and whole.

    Args:
        features: What was extracted.
        ids: Numbers of rows.

    Returns:
        By row number; without those that cannot be read any more.
    """
    paths = features.columns().paths
    wanted = {row: paths[row] for row in ids}
    encoder = _encoder(features)
    if encoder is not None:
        return _of_data(features, encoder, wanted)
    found = _rows_of_arrays(wanted)
    made = {row: _of_array(features, values, paths[row]) for row, values in found.items()}
    return {row: sample for row, sample in made.items() if sample is not None}


def sample_of(features: Features, dataset: Dataset, index: int) -> Sample | None:
    """One of other samples that were read for the model of features; None where it cannot be drawn.

    Args:
        features: What was extracted.
        dataset: Samples that were read in the same way.
        index: Which of them.
    """
    from convscope.workflows.model_inputs.encoded_inputs import EncodedInputs

    encoder = _encoder(features)
    if encoder is None or not isinstance(dataset.inputs, EncodedInputs):
        return _of_array(features, dataset.take(np.array([index]))[0], dataset.name(index))
    shown = dataset.shown(index)
    taken = dataset.inputs.alone(shown) if dataset.at_once else dataset.take(np.array([shown]))
    return _drawn(encoder, dataset.inputs.load(shown), taken, dataset.name(index))


def _encoder(features: Features) -> Encoder | None:
    """How samples became inputs; None for those that came from an array."""
    if features.manifest.reading["recipe"] is None:
        return None
    from convscope.workflows.model_inputs.encoder import saved_encoder

    return saved_encoder(features.manifest.reading)


def _drawn(encoder: Encoder, raw: Any, taken: Any, name: str) -> Sample:
    """A sample that was encoded alone, with a batch axis: an array, or a mapping of arrays."""
    from convscope.kinds.contract.representation import positions_of
    from convscope.kinds.registry import views_of
    from convscope.lenses.views.view import Sample

    described = encoder.representation.describe(raw)
    positions = positions_of(encoder.representation)
    values = (taken if positions is None else taken[positions.along])[0]
    return Sample(views_of(encoder.recipe.spec).of_input(values, described), name)


def _of_array(features: Features, values: Array, name: str) -> Sample | None:
    """A row of an array in the shape that the model takes."""
    from convscope.lenses.views.plain import view_of_array
    from convscope.lenses.views.view import Sample

    shape = [length or 0 for length in features.manifest.model["input_shape"] or ()]
    if shape and values.size == math.prod(shape):
        values = values.reshape(shape)
    return Sample(view_of_array(values), name) if 2 <= values.ndim <= 4 and values.size else None


def _of_data(features: Features, encoder: Encoder, wanted: Mapping[int, str]) -> dict[int, Sample]:
    """Samples of files: those that still lie under their names, else from the data read as it was."""
    from convscope.workflows.model_inputs.encoded_inputs import EncodedInputs

    rows_of: dict[str, list[int]] = {}
    for row, path in wanted.items():
        rows_of.setdefault(path, []).append(row)
    found: dict[int, Sample] = {}
    for source in _sources(features, encoder, list(rows_of)):
        cut = encoder.cut(source) if encoder.rows == "window" else None
        samples: Samples = source if cut is None else cut
        places = [(place, samples.name(place)) for place in range(len(samples))]
        places = [(place, name) for place, name in places if name in rows_of]
        if places:
            inputs = EncodedInputs((samples,), encoder.representation)
            rows = np.array([place for place, _ in places], np.int64)
            taken = map(inputs.alone, rows.tolist()) if inputs.at_once else inputs.take(rows)[:, None]
            for (place, name), values in zip(places, taken, strict=True):
                sample = _drawn(encoder, samples.load(place), values, name)
                found.update(dict.fromkeys(rows_of.pop(name, ()), sample))
        if not rows_of:
            break
    return found


def _sources(features: Features, encoder: Encoder, names: Sequence[str]) -> Iterator[Samples]:
    """Where samples may be found again: files of their names, the data with labels, and without them."""
    files = [name for name in names if os.path.isfile(name)]  # noqa: PTH113 - False for what is no path
    labelled = encoder.reader is not None and encoder.reader.labels_in_files
    if files and not labelled:
        with suppress(ConvscopeError):  # every one of them is damaged by now
            yield encoder.read(files, no_progress)
    paths = [str(path) for path in features.manifest.data["paths"]]
    if paths and os.path.exists(paths[0]):  # noqa: PTH110 - as above
        with suppress(ConvscopeError):  # it has no labels, or has changed or gone; features do not need it
            splits = encoder.recipe.read(Path(paths[0]), seed=0, **encoder.options)
            yield from (splits[name].samples for name in SPLITS)
    if paths:
        with suppress(ConvscopeError):  # as above
            yield encoder.read(paths, no_progress)


def _rows_of_arrays(wanted: Mapping[int, str]) -> dict[int, Array]:
    found = {}
    opened: dict[str, Array] = {}
    for row, path in wanted.items():
        file, _, number = path.rpartition("#")
        if not (number.isascii() and number.isdigit() and os.path.isfile(file)):  # noqa: PTH113
            continue
        if file not in opened:
            with suppress(ConvscopeError):  # it is damaged, or another file by now
                opened[file] = _array_of(file)
        if file in opened and int(number) < len(opened[file]):
            found[row] = np.array(opened[file][int(number)])
    return found


def _array_of(file: str) -> Array:
    with damage_as_data_error(file, "NumPy file"):
        loaded = np.load(file, mmap_mode=None if file.endswith(".npz") else "r", allow_pickle=False)
        array = np.asarray(loaded[loaded.files[0]] if file.endswith(".npz") else loaded)
        if not array.ndim:
            raise ValueError("it holds a single value")
        return array
