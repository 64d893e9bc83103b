"""Other samples through the model that features came from: the same layers, settings and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.inference.feature_report import EngineReport
from convscope.engine.inference.features import feature_engine
from convscope.errors import BackendError, RunError, UsageError
from convscope.features.model_and_data import ModelReference, model_fingerprint, whole_paths
from convscope.features.parts import answered
from convscope.features.table import Features
from convscope.types import Progress, no_progress
from convscope.workflows.model_inputs.arrays import array_dataset, open_array
from convscope.workflows.model_inputs.dataset import Dataset
from convscope.workflows.model_inputs.encoder import saved_encoder
from convscope.workflows.model_inputs.reading import unlabelled_dataset


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
        progress: Is told how far reading is.

    Raises:
        UsageError: A layer that the features do not have, or a model that cannot be loaded.
        DataError: Nothing readable was found.
        RunError: The model is not the one that the features came from.
    """
    manifest = features.manifest
    saved = manifest.model if model is None else {**manifest.model, "given": model}
    saved = {**saved, "code": [*saved["code"], *code]}
    loaded = ModelReference.from_json(saved, trust=trust).open()
    if model_fingerprint(loaded.model) != manifest.model["fingerprint"]:
        raise RunError(
            f"The model '{loaded.name}' is not the one that {features.path} came from.",
            "Name that model with --model, or extract the features again.",
        )
    dataset = _dataset(features, inputs, progress)
    chosen = [features.find(layer).layer for layer in layers] or list(features.layers)
    make = partial(
        feature_engine,
        loaded.model,
        chosen,
        manifest.pool,
        dataset.spread(1),
        prepare=dataset.prepare,
        scaling=dataset.scaling,
        predictions=manifest.prediction_names is not None,
        padded=dataset.padded,
        unpack=dataset.unpack,
    )
    settled = EngineReport.from_json(manifest.engine)
    notes = [f"Skipped {each.path}: {each.reason}" for each in dataset.skipped]
    try:
        engine = make(settled=settled)
    except BackendError as error:  # the features come from another machine, such as one with OpenVINO
        engine = make(settled=settled.by_keras(error.message))
        notes.append(f"Keras computes the inputs, not the engine of the features: {error.message}")
    size = engine.report.batch_size
    starts = range(0, len(dataset), size)
    batches = (dataset.take(np.arange(start, min(start + size, len(dataset)))) for start in starts)
    found: dict[str, list[npt.NDArray[np.float32]]] = {layer: [] for layer in chosen}
    predictions: list[str | None] = []
    for computed, answers in engine.run(batches):
        if answers is not None and manifest.prediction_names is not None:
            predictions += answered(answers, manifest.prediction_names)[0]
        for layer in chosen:
            values = computed[layer].astype(manifest.dtype).astype(np.float32)
            found[layer].append(values.reshape(len(values), -1))
    matrices = {layer: np.concatenate(blocks) for layer, blocks in found.items()}
    return Queried(dataset, matrices, tuple(predictions) or (None,) * len(dataset), tuple(notes))


def _dataset(features: Features, inputs: Sequence[str], progress: Progress) -> Dataset:
    """The inputs, read and encoded as the samples on disk were."""
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
            f"{features.path} came from an array.", "Give the inputs as a .npy file of such samples."
        )
    encoder = saved_encoder(reading)
    return unlabelled_dataset(encoder.read(paths, progress), encoder)
