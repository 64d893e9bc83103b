"""Inputs to compare with features: run through the same model in the same way, or rows that exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.errors import BackendError, RunError, UsageError
from convscope.features.rows import gather
from convscope.features.table import Features
from convscope.types import Progress, no_progress

if TYPE_CHECKING:
    import keras

    from convscope.engine.inference.features import FeatureEngine
    from convscope.lenses.views.view import Sample
    from convscope.workflows.load_model import LoadedModel
    from convscope.workflows.model_inputs.dataset import Dataset

ROW = "id:"
NAME = "name:"


@dataclass(frozen=True, eq=False)
class Query:
    """What is compared with features.

    Args:
        name: The file, or `id:17` or `name:ADA` as it was asked for.
        short: A name for a picture.
        id: The row, where it is one of the features.
        label: Its class name, where it is known.
        prediction: What the model takes it for, or None.
        sample: The input, to be drawn; None for a row.
    """

    name: str
    short: str
    id: int | None = None
    label: str | None = None
    prediction: str | None = None
    sample: Sample | None = None


def queries_of(
    features: Features,
    layer: str,
    inputs: Sequence[str],
    *,
    model: keras.Model | str | None = None,
    trust: bool = False,
    code: Sequence[str] = (),
    progress: Progress = no_progress,
) -> tuple[list[Query], npt.NDArray[np.float32], list[str]]:
    """Features of inputs: computed for files, read for rows.

    Args:
        features: What they are to be compared with.
        layer: The layer's path.
        inputs: Files, folders and patterns, or rows: `id:17` by number, `name:ADA` by the name of a sample.
        model: The model; None opens what the features say.
        trust: Whether a model file may hold code that runs when it is opened.
        code: Modules to import first.
        progress: Receives how much is done.

    Returns:
        The queries, rows first; their features, shape (queries, values), float32; and what should be known.

    Raises:
        UsageError: No input, or no such row.
        DataError: An input cannot be read.
        RunError: The model is not the one of the features.
    """
    if not inputs:
        raise UsageError("No input was given.", "Give files, or a row of the features such as id:17.")
    asked = [text for text in inputs if is_row(text)]
    numbers = [check_row(features, text) for text in asked]
    paths = [text for text in inputs if not is_row(text)]
    queries = _rows(features, numbers, asked)
    rows, place_of = np.unique(np.array(numbers, np.int64), return_inverse=True)
    vectors = [gather(features, layer, rows)[place_of]]
    notes: list[str] = []
    if paths:
        found = query(features, paths, [layer], model=model, trust=trust, code=code, progress=progress)
        samples = zip(range(len(found.dataset)), found.predictions, strict=True)
        queries += [_of_dataset(features, found.dataset, i, prediction) for i, prediction in samples]
        vectors.append(found.matrices[layer])
        notes += found.notes
    return queries, np.concatenate(vectors), notes


def is_row(text: str) -> bool:
    """Whether a row of features is asked for, not a file."""
    return text.startswith((ROW, NAME))


def check_row(features: Features, text: str) -> int:
    """The row that `id:17` or `name:ADA` means.

    Raises:
        UsageError: There is no such row.
    """
    if text.startswith(NAME):
        names, name = features.columns().paths, text.removeprefix(NAME)
        if name not in names:
            near = get_close_matches(name, names, 3, 0.0)
            raise UsageError(
                f"{features.path} has no sample of the name '{name}'.", f"The nearest: {', '.join(near)}."
            )
        return names.index(name)
    number = text.removeprefix(ROW)
    if not (number.isascii() and number.isdigit()) or int(number) >= len(features):
        raise UsageError(
            f"{features.path} has no row '{number}'.", f"Its rows are id:0 to id:{len(features) - 1}."
        )
    return int(number)


def _rows(features: Features, numbers: Sequence[int], asked: Sequence[str]) -> list[Query]:
    columns = features.columns()
    return [
        Query(text, text, row, columns.labels[row], columns.predictions[row])
        for row, text in zip(numbers, asked, strict=True)
    ]


def _of_dataset(features: Features, dataset: Dataset, index: int, prediction: str | None) -> Query:
    from convscope.features.samples import sample_of

    name = dataset.name(index)
    return Query(name, Path(name).name, None, None, prediction, sample_of(features, dataset, index))


@dataclass(frozen=True, eq=False)
class Queried:
    """Features of samples that are not among those on disk.

    Args:
        dataset: The samples.
        matrices: By layer, each of shape (samples, values), float32.
        predictions: The class name that the model answers for each, or None.
        notes: What should be known, one line each.
    """

    dataset: Dataset
    matrices: dict[str, npt.NDArray[np.float32]]
    predictions: tuple[str | None, ...]
    notes: tuple[str, ...] = ()


def query(
    features: Features,
    inputs: Sequence[str],
    layers: Sequence[str] = (),
    *,
    model: keras.Model | str | None = None,
    trust: bool = False,
    code: Sequence[str] = (),
    progress: Progress = no_progress,
) -> Queried:
    """Computes features of files or an array as those on disk were computed.

    Args:
        features: Say which model, layers and settings.
        inputs: Files, folders and patterns, or one `.npy` or `.npz` array.
        layers: Some of the features' layers; none means all.
        model: The model, where it was in memory or lies elsewhere now.
        trust: Whether a file may hold code that runs when it is loaded.
        code: Modules to import first, besides those that the features name.
        progress: Receives how much is done.

    Raises:
        UsageError: A layer that the features do not have, or a model that cannot be loaded.
        DataError: Nothing readable was found.
        RunError: The model is not the one that the features came from.
    """
    from convscope.features.parts import predicted_names

    loaded = _model_of(features, model, trust, code)
    dataset = _dataset(features, inputs, progress)
    chosen = [features.find(layer).layer for layer in layers] or list(features.layers)
    engine, notes = _engine(features, loaded, dataset, chosen)
    names = features.manifest.prediction_names
    found: dict[str, list[npt.NDArray[np.float32]]] = {layer: [] for layer in chosen}
    predictions: list[str | None] = []
    for computed, outputs in engine.run(_batches(dataset, engine.report.batch_size)):
        if outputs is not None and names is not None:
            predictions += predicted_names(outputs, names)[0]
        for layer in chosen:
            values = computed[layer].astype(features.manifest.dtype).astype(np.float32)
            found[layer].append(values.reshape(len(values), -1))
    matrices = {layer: _of_samples(features, dataset, blocks) for layer, blocks in found.items()}
    return Queried(dataset, matrices, tuple(predictions) or (None,) * len(dataset), notes)


def _model_of(
    features: Features, model: keras.Model | str | None, trust: bool, code: Sequence[str]
) -> LoadedModel:
    """The model that the user names, or by default the one that the features name."""
    from convscope.features.fingerprint import model_fingerprint
    from convscope.features.model_and_data import ModelReference

    saved = features.manifest.model
    if model is None:
        reference = ModelReference.named_by(saved, str(features.path))
        if trust or code:
            raise UsageError(
                f"{'--trust' if trust else '--code'} is for a model that you name, not for the one that "
                f"{features.path} names.",
                f"Name it: --model {reference.given}",
            )
    else:
        reference = ModelReference(model, trust, tuple(code), saved["input_shape"], saved["classes"])
    loaded = reference.open()
    if model_fingerprint(loaded.model) != features.manifest.model["fingerprint"]:
        raise RunError(
            f"The model '{loaded.name}' is not the one that {features.path} was computed with.",
            "Give that model with --model, or extract the features again.",
        )
    return loaded


def _engine(
    features: Features, loaded: LoadedModel, dataset: Dataset, layers: Sequence[str]
) -> tuple[FeatureEngine, tuple[str, ...]]:
    """What computes as the features were computed, and what should be known."""
    from convscope.engine.inference.feature_report import EngineReport
    from convscope.features.dataset_engine import dataset_engine

    manifest = features.manifest
    make = partial(
        dataset_engine,
        loaded.model,
        layers,
        manifest.pool,
        dataset,
        dataset.spread(1),
        predictions=manifest.prediction_names is not None,
    )
    settled = EngineReport.from_json(manifest.engine)
    notes = [f"Skipped {each.path}: {each.reason}" for each in dataset.skipped]
    try:
        return make(settled=settled), tuple(notes)
    except BackendError as error:  # the features come from another machine, such as one with OpenVINO
        notes.append(f"Keras computes the inputs, not the engine of the features: {error.message}")
        return make(settled=settled.by_keras(error.message)), tuple(notes)


def _batches(dataset: Dataset, size: int) -> Iterator[Any]:
    _, count = dataset.inputs_of(0, len(dataset))
    for start in range(0, count, size):
        yield dataset.take(np.arange(start, min(start + size, count)))


def _of_samples(
    features: Features, dataset: Dataset, blocks: Sequence[npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    """The values of each sample, from those of all inputs in order."""
    if dataset.firsts is None:
        return np.concatenate(blocks)
    from convscope.workflows.model_inputs.windows import JoinedRows

    joined = JoinedRows(np.diff(dataset.firsts), features.manifest.pool == "max")
    for block in blocks:
        joined.add(block)
    return joined.values()


def _dataset(features: Features, inputs: Sequence[str], progress: Progress) -> Dataset:
    """The inputs, read and encoded as the samples on disk were."""
    from convscope.features.model_and_data import whole_paths
    from convscope.workflows.model_inputs.arrays import array_dataset, open_array
    from convscope.workflows.model_inputs.encoder import saved_encoder
    from convscope.workflows.model_inputs.reading import unlabelled_dataset

    reading = features.manifest.reading
    paths = whole_paths(inputs)
    arrays = open_array(paths)
    if arrays is not None:
        shape = features.manifest.model["input_shape"]
        if shape is not None and len(arrays.shape) == len(shape):
            arrays = replace(arrays, add_channel=True)
        return array_dataset(arrays)
    if reading["representation"] is None:
        raise UsageError(
            f"The samples of {features.path} came from an array.",
            "Give the inputs as a .npy file of such samples.",
        )
    encoder = saved_encoder(reading)
    return unlabelled_dataset(encoder.read(paths, progress), encoder)
