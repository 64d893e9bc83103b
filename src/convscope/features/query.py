"""Other samples through the model that features came from: the same layers, settings and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.inference.features import EngineReport, feature_engine
from convscope.errors import BackendError, RunError, UsageError
from convscope.features.dataset import Scaled, Source
from convscope.features.model_and_data import Subject, model_fingerprint
from convscope.features.parts import answered
from convscope.features.reading import array_source, open_arrays, scaling_of, unlabelled_source, whole_paths
from convscope.features.table import Features
from convscope.kinds.registry import find_recipe
from convscope.types import Progress, no_progress
from convscope.workflows.model_inputs import limits_of


@dataclass(frozen=True, eq=False)
class Queried:
    """Features of samples that are not among those on disk.

    Args:
        source: The samples.
        matrices: By layer, each of shape (samples, values), float32.
        predictions: The class name that the model answers for each, or None.
        notes: What should be known, one line each.
    """

    source: Source
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
        trust: Whether a file may hold code that runs when it is opened.
        code: Modules to import first, besides those that the features name.
        progress: Is told how far reading is.

    Raises:
        UsageError: A layer that the features do not have, or a model that cannot be opened.
        DataError: Nothing readable was found.
        RunError: The model is not the one that the features came from.
    """
    manifest = features.manifest
    saved = manifest.model if model is None else {**manifest.model, "given": model}
    saved = {**saved, "code": [*saved["code"], *code]}
    opened = Subject.from_json(saved, trust=trust).open()
    if model_fingerprint(opened.model) != manifest.model["fingerprint"]:
        raise RunError(
            f"The model '{opened.name}' is not the one that {features.path} came from.",
            "Name that model with --model, or extract the features again.",
        )
    source = _source(features, inputs, progress)
    chosen = [features.find(layer).layer for layer in layers] or list(features.layers)
    make = partial(
        feature_engine,
        opened.model,
        chosen,
        manifest.pool,
        source.spread(1),
        prepare=source.prepare,
        scaling=source.scaling,
        predictions=manifest.prediction_names is not None,
        padded=source.padded,
        unpack=source.unpack,
    )
    settled = EngineReport.from_json(manifest.engine)
    notes = [f"Skipped {each.path}: {each.reason}" for each in source.skipped]
    try:
        engine = make(settled=settled)
    except BackendError as error:  # the features come from another machine, such as one with OpenVINO
        engine = make(settled=settled.by_keras(error.message))
        notes.append(f"Keras computes the inputs, not the engine of the features: {error.message}")
    size = engine.report.batch_size
    starts = range(0, len(source), size)
    batches = (source.take(np.arange(start, min(start + size, len(source)))) for start in starts)
    found: dict[str, list[npt.NDArray[np.float32]]] = {layer: [] for layer in chosen}
    predictions: list[str | None] = []
    for computed, answers in engine.run(batches):
        if answers is not None and manifest.prediction_names is not None:
            predictions += answered(answers, manifest.prediction_names)[0]
        for layer in chosen:
            values = computed[layer].astype(manifest.dtype).astype(np.float32)
            found[layer].append(values.reshape(len(values), -1))
    matrices = {layer: np.concatenate(blocks) for layer, blocks in found.items()}
    return Queried(source, matrices, tuple(predictions) or (None,) * len(source), tuple(notes))


def _source(features: Features, inputs: Sequence[str], progress: Progress) -> Source:
    """The inputs, read and scaled as the samples on disk were."""
    reading = features.manifest.reading
    paths = whole_paths(inputs)
    arrays = open_arrays(paths)
    if arrays is not None:
        shape = features.manifest.model["input_shape"]
        if shape is not None and len(arrays.shape) == len(shape):
            arrays = replace(arrays, channel=True)
        return array_source(arrays)
    if reading["representation"] is None:
        raise UsageError(
            f"{features.path} came from an array.", "Give the inputs as a .npy file of such samples."
        )
    recipe = find_recipe(reading["recipe"])
    representation = recipe.representation.from_json(reading["representation"])
    prepare: Any = representation.scale
    scaling = scaling_of(representation)
    if reading["value_range"] is not None:
        low, high = limits_of(reading["value_range"])
        prepare = Scaled((high - low) / 255, low)
        scaling = (prepare.factor, prepare.offset)
    return unlabelled_source(
        recipe.read_inputs(paths, progress=progress), representation, prepare, scaling, flat=reading["flat"]
    )
