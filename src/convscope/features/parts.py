"""Computes parts: samples in, features and answers out, written while the next part is computed."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from convscope.engine.inference.features import FeatureEngine
from convscope.errors import UsageError
from convscope.features.manifest import Manifest
from convscope.features.processes import batches_of
from convscope.features.store import Block, Part, Store
from convscope.kinds.tasks.classification import with_temperature
from convscope.types import Array, Progress, no_progress
from convscope.workflows.model_inputs.dataset import Dataset
from convscope.workflows.model_inputs.windows import JoinedRows


def extract_part(engine: FeatureEngine, dataset: Dataset, part: Part, store: Store) -> None:
    """Computes one part and writes it; the same numbers as if it were computed among others.

    Raises:
        DataError: A sample has changed or gone.
        RunError: The part cannot be written.
    """
    extract_parts(engine, dataset, [part], store)


def extract_parts(
    engine: FeatureEngine,
    dataset: Dataset,
    parts: Sequence[Part],
    store: Store,
    progress: Progress = no_progress,
    processes: int = 0,
) -> None:
    """Computes parts in order and writes each; decoding, computing and writing overlap.

    Batches never reach over the end of a part, so that each part has the same numbers whatever is computed
    before it.

    Args:
        engine: Computes.
        dataset: The samples.
        parts: Which.
        store: Where they go.
        progress: Receives the number of samples done, of all.
        processes: How many processes read the samples; 0 reads in this one.

    Raises:
        DataError: A sample has changed or gone.
        RunError: A part cannot be written, or a process was ended; the parts before it stay.
    """
    size = engine.report.batch_size
    total = len(dataset)
    done = total - sum(map(len, parts))

    batches = cast("Generator[Any]", batches_of(dataset.inputs, _cuts(dataset, parts, size), processes))
    results = cast("Generator[Any]", engine.run(batches))
    written: Future[None] | None = None
    reading, computing = contextlib.closing(batches), contextlib.closing(results)
    with ThreadPoolExecutor(1, "features") as writer, reading, computing:
        for part in parts:
            first, behind = dataset.inputs_of(part.start, part.stop)
            block = _Gathering(part, store.manifest, dataset)
            for start in range(0, behind - first, size):
                features, answers = next(results)
                block.add(start, features, answers)
                share = min(start + size, behind - first) / (behind - first)
                progress(done + int(share * len(part)), total, "extracting")
            done += len(part)
            if written is not None:
                written.result()
            written = writer.submit(store.write, block.finished(dataset))
        if written is not None:
            written.result()


def _cuts(dataset: Dataset, parts: Sequence[Part], size: int) -> Iterator[npt.NDArray[np.int64]]:
    """The inputs of each batch; none reaches over the end of a part."""
    for part in parts:
        first, behind = dataset.inputs_of(part.start, part.stop)
        for start in range(first, behind, size):
            yield np.arange(start, min(start + size, behind))


class _Gathering:
    """Collects the batches of one part."""

    def __init__(self, part: Part, manifest: Manifest, dataset: Dataset) -> None:
        self._part, self._manifest = part, manifest
        self._joined: dict[str, JoinedRows] = {}
        if dataset.firsts is not None:
            counts = np.diff(dataset.firsts[part.start : part.stop + 1])
            largest = manifest.pool == "max"
            self._joined = {each.layer: JoinedRows(counts, largest) for each in manifest.layers}
        self._arrays: dict[str, Array] = {
            each.column: np.empty((len(part), *each.shape), manifest.dtype) for each in manifest.layers
        }
        self._predictions: list[str | None] = [None] * len(part)
        self._confidences = np.full(len(part), np.nan, np.float32)

    def add(
        self,
        start: int,
        features: dict[str, npt.NDArray[np.float32]],
        answers: npt.NDArray[np.float32] | None,
    ) -> None:
        """Takes the results of the inputs from `start` on."""
        for each in self._manifest.layers:
            values = features[each.layer]
            if self._manifest.dtype == "float16":
                _check_float16(each.layer, values)
            if self._joined:
                self._joined[each.layer].add(values)
            else:
                self._arrays[each.column][start : start + len(values)] = values
        if self._joined:
            return
        names = self._manifest.prediction_names
        if answers is None or names is None:
            return
        answers = with_temperature(answers, self._manifest.temperature)
        stop = start + len(answers)
        self._predictions[start:stop], self._confidences[start:stop] = predicted_names(answers, names)

    def finished(self, dataset: Dataset) -> Block:
        """The whole part, with who its samples are."""
        for each in self._manifest.layers if self._joined else ():
            self._arrays[each.column][:] = self._joined[each.layer].values()
        rows = range(self._part.start, self._part.stop)
        samples: dict[str, Sequence[Any]] = {
            "path": [dataset.name(row) for row in rows],
            "label": [dataset.label(row) for row in rows],
            "split": [dataset.split(row) for row in rows],
            "prediction": self._predictions,
            "confidence": self._confidences.tolist(),
        }
        return Block(self._part, samples, self._arrays)


def predicted_names(
    outputs: npt.NDArray[np.float32], names: Sequence[str]
) -> tuple[list[str | None], npt.NDArray[np.float32]]:
    """The predicted class of each sample, by name.

    Args:
        outputs: Of the model, shape (samples, classes); one column is the probability of the second class.
        names: Of the classes.

    Returns:
        The name of the class with the largest output, and its probability: not a number where the outputs of
        a sample are no probabilities.
    """
    if outputs.shape[1] == 1:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    best = outputs.argmax(axis=1)
    largest = outputs[np.arange(len(outputs)), best]
    likely = (outputs.min(axis=1) > -1e-3) & (np.abs(outputs.sum(axis=1) - 1) < 0.02)
    return [names[i] for i in best.tolist()], np.where(likely, largest, np.nan).astype(np.float32)


def _check_float16(layer: str, values: npt.NDArray[np.float32]) -> None:
    sizes = np.abs(values)
    largest = float(sizes.max(initial=0.0, where=np.isfinite(sizes)))
    if largest > float(np.finfo(np.float16).max):
        raise UsageError(
            f"The output of '{layer}' reaches {largest:.3g}, which float16 cannot hold.",
            "Use --dtype float32.",
        )
