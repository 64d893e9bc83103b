"""Turns a data set into features on disk: part by part, in bounded memory, and so that it can go on later."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from convscope.engine.cluster import check_cluster
from convscope.engine.device import cores, versions
from convscope.engine.inference.feature_report import EngineReport
from convscope.engine.inference.features import FeatureEngine
from convscope.engine.training.settings import PRECISIONS
from convscope.errors import RunError, UsageError
from convscope.features.cluster import extract_on_cluster
from convscope.features.dataset_engine import dataset_engine
from convscope.features.fingerprint import model_fingerprint
from convscope.features.manifest import DTYPES, Dtype, LayerColumn, Manifest, column_names
from convscope.features.model_and_data import (
    ModelAndData,
    ModelReference,
    bring_together,
    chosen_layers,
    whole_paths,
)
from convscope.features.parquet import ParquetStore
from convscope.features.parts import extract_parts
from convscope.features.processes import Read, processes_for, read_some
from convscope.features.store import Place, Store, place_of
from convscope.features.table import Features, open_features, zarr_package
from convscope.features.zarr_store import ZarrStore
from convscope.files import locked
from convscope.kinds.tasks.classification import temperature_of
from convscope.scope.graph.graph import trace
from convscope.types import POOLS, Pool, Progress, Say, no_progress, silent
from convscope.workflows.model_inputs.dataset import Dataset
from convscope.workflows.opening.layers import CHOICES, check_named_layers

if TYPE_CHECKING:
    from convscope.engine.training.settings import Precision
    from convscope.kinds.contract.model_reader import ReadingOptions

PART_SIZE = 4096
"""Samples in one part, unless they take more than `PART_BYTES`."""
PART_BYTES = 64 * 2**20
SAMPLE = 128
"""Samples that the engine is chosen and compared by."""


@dataclass(frozen=True)
class ExtractionRequest:
    """What is to be extracted.

    Args:
        layers: Paths, unique names, patterns, `last` or `all`.
        pool: `mean`, `max`, `flatten`, or `none` for whole maps.
        dtype: Of the stored values.
        precision: Of the computation; `auto` takes bfloat16 where the device has it.
        splits: Names of the splits wanted; None takes all.
        predictions: Whether to keep what the model answers.
        part_size: Samples in one part; None chooses.
        windows: Whether each window that the model of a segmentation takes has a row.

    Raises:
        UsageError: One of them is unknown or cannot be.
    """

    layers: tuple[str, ...] = ()
    pool: Pool = "mean"
    dtype: Dtype = "float32"
    precision: Precision = "auto"
    splits: tuple[str, ...] | None = None
    predictions: bool = True
    part_size: int | None = None
    windows: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("pool", self.pool, POOLS),
            ("dtype", self.dtype, DTYPES),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in known:
                raise UsageError(f"Unknown {what} '{value}'.", f"Choose one of {', '.join(known)}.")
        if self.part_size is not None and self.part_size < 1:
            raise UsageError(f"part_size must be at least 1. Received: part_size={self.part_size}.")


@dataclass(frozen=True)
class Job:
    """All that a process needs to compute and write any part; can be pickled.

    Args:
        reference: How to open the model.
        dataset: The samples.
        store: Where parts go, and what they are of.
    """

    reference: ModelReference
    dataset: Dataset
    store: Store

    def engine(self) -> FeatureEngine:
        """Opens the model and compiles what the manifest settled.

        Raises:
            RunError: What is loaded is not the model of the manifest.
        """
        manifest = self.store.manifest
        loaded = self.reference.open()
        if model_fingerprint(loaded.model) != manifest.model["fingerprint"]:
            raise RunError(f"The model '{loaded.name}' has changed since the extraction was started.")
        settled = EngineReport.from_json(manifest.engine)
        return _engine(loaded.model, manifest, self.dataset, self.dataset.spread(1), settled, silent)


def extract(
    reference: ModelReference,
    paths: Sequence[str],
    to: str,
    request: ExtractionRequest,
    *,
    recipe: str | None = None,
    options: ReadingOptions | None = None,
    resume: bool = False,
    cluster: str | None = None,
    progress: Progress = no_progress,
    say: Say = silent,
) -> Features:
    """Extracts the features of all samples that the paths name.

    Args:
        reference: The model.
        paths: The samples; see `reading`.
        to: A name that ends in `.parquet` is one file, any other a folder of parts; whole maps go to `.zarr`.
        request: What is to be extracted.
        recipe: Reads the files, for what is not a run; by default that of the kind that the model takes.
        options: Of the reader of the model, such as `preprocess` or `rate`, for what is not a run.
        resume: Whether to go on with what is there.
        cluster: Address of a Ray cluster, or `local`; None computes in this process.
        progress: Receives the number of samples done.
        say: Receives what was found and decided.

    Returns:
        The features.

    Raises:
        UsageError: A name or setting that cannot work, or `to` exists.
        DataError: The data is malformed.
        RunError: What exists is of another model, data or setting; or it cannot be written.
        BackendError: A package is missing.
    """
    place = place_of(to, request.pool)
    if place.kind == "zarr":
        zarr_package()
    if cluster is not None:
        check_cluster(cluster)
    if isinstance(reference.given, str):
        check_named_layers(reference.given, [name for name in request.layers if name not in CHOICES])
    with locked(place.target):
        found = place.begun(resume=resume)
        pair = bring_together(
            reference,
            paths,
            recipe=recipe,
            options=options,
            splits=request.splits,
            windows=request.windows,
            progress=progress,
        )
        _check_pool(pair.dataset, request.pool)
        if cluster is not None and pair.dataset.at_once:
            raise UsageError(
                "Samples of several arrays are computed by one process.",
                "Leave --cluster out (cluster=None).",
            )
        _describe(pair, say)
        manifest = _manifest(pair, request, _layers(pair, request, say), paths)
        if found is not None:
            manifest = _same(found[0], manifest, request, place)
        if found is not None and found[1]:
            say(f"{place.target} is complete already.")
        else:
            fresh = found is None
            _compute(pair, request, place, manifest, fresh=fresh, cluster=cluster, progress=progress, say=say)
        place.clear_leftovers()
        return open_features(place.target)


def _compute(
    pair: ModelAndData,
    request: ExtractionRequest,
    place: Place,
    manifest: Manifest,
    *,
    fresh: bool,
    cluster: str | None,
    progress: Progress,
    say: Say,
) -> None:
    """Computes and writes all parts that are missing."""
    dataset = pair.dataset
    engine, read = None, None
    if fresh or cluster is None:
        read = read_some(dataset.inputs, SAMPLE)
        settled = None if fresh else EngineReport.from_json(manifest.engine)
        engine = _engine(pair.loaded.model, manifest, dataset, read.samples, settled, say)
    if fresh and engine is not None:
        manifest = _settled(manifest, engine, request, pair)
    store = (ZarrStore if place.kind == "zarr" else ParquetStore)(place, manifest)
    store.begin()
    parts = store.missing()
    if not fresh:
        say(f"Resuming: {len(store.parts()) - len(parts)} of {len(store.parts())} parts are complete.")
    if cluster is not None:
        elsewhere = replace(pair.reference, class_names=None)  # the manifest has the names
        extract_on_cluster(Job(elsewhere, dataset, store), parts, cluster, progress, say)
    elif engine is not None and read is not None:
        here = not parts or dataset.at_once
        processes = 0 if here else _processes(read, len(dataset.inputs), engine.report, say)
        extract_parts(engine, dataset, parts, store, progress, processes)
    store.finish()


def _check_pool(dataset: Dataset, pool: Pool) -> None:
    """Refuses features of positions for samples that a model sees in several windows.

    Raises:
        UsageError: There are such samples.
    """
    several = 0 if dataset.firsts is None else int(np.sum(np.diff(dataset.firsts) > 1))
    if several and pool not in ("mean", "max"):
        raise UsageError(
            f"{several} of {len(dataset)} samples are larger than what the model takes, which sees them in"
            f" several windows: there is no one map with --pool {pool}.",
            "Use --pool mean or --pool max, or --windows for a row of each window.",
        )


def _layers(pair: ModelAndData, request: ExtractionRequest, say: Say) -> list[str]:
    dataset = pair.dataset
    graph = trace(pair.loaded.model, dataset.example())
    layers, said = chosen_layers(graph, request.layers, pair.loaded)
    if said:
        say(said)
    return layers


def _describe(pair: ModelAndData, say: Say) -> None:
    dataset = pair.dataset
    say(f"{pair.loaded.name}: {pair.loaded.origin}")
    say(f"{len(dataset)} samples; {dataset.layout}")
    for line in dataset.notes:
        say(line)
    if dataset.skipped:
        first = dataset.skipped[0]
        say(f"Skipped {len(dataset.skipped)} files: {first.path} ({first.reason}), ...")


def _engine(
    model: Any, manifest: Manifest, dataset: Dataset, sample: Any, settled: EngineReport | None, say: Say
) -> FeatureEngine:
    return dataset_engine(
        model,
        [each.layer for each in manifest.layers],
        manifest.pool,
        dataset,
        sample,
        precision=manifest.precision,
        predictions=manifest.predictions,
        settled=settled,
        say=say,
    )


def _processes(read: Read, count: int, report: EngineReport, say: Say) -> int:
    computed = max((rate.samples_per_second for rate in report.rates), default=inf)
    processes = processes_for(read, count, computed, cores())
    if processes:
        say(f"Samples are read by {processes} more process{'es' if processes > 1 else ''}.")
    return processes


def _manifest(
    pair: ModelAndData, request: ExtractionRequest, layers: list[str], paths: Sequence[str]
) -> Manifest:
    """What is known before the engine is: no shapes yet."""
    dataset, loaded = pair.dataset, pair.loaded
    columns = column_names(layers, flat=request.pool == "none")
    return Manifest(
        model=pair.reference.saved(loaded.name, model_fingerprint(loaded.model)),
        layers=tuple(LayerColumn(layer, name, ()) for layer, name in zip(layers, columns, strict=True)),
        pool=request.pool,
        dtype=request.dtype,
        precision=request.precision,
        predictions=request.predictions and (loaded.architecture is None or not loaded.architecture.is_bank),
        prediction_names=None,
        reading=pair.reading,
        data={
            "paths": tuple(whole_paths(paths)),
            "fingerprint": dataset.fingerprint,
            "layout": dataset.layout,
            "samples": len(dataset),
            "class_names": tuple(dataset.class_names),
            "splits": request.splits,
        },
        part_size=request.part_size or 0,
        temperature=temperature_of(loaded.calibration),
    )


def _settled(
    manifest: Manifest, engine: FeatureEngine, request: ExtractionRequest, pair: ModelAndData
) -> Manifest:
    """Adds what the engine tells: shapes, classes, the size of parts."""
    shapes = {column.layer: column.shape for column in engine.columns}
    layers = tuple(replace(each, shape=shapes[each.layer]) for each in manifest.layers)
    most = max(PART_SIZE, pair.dataset.at_once or 0)
    size = request.part_size or _part_size(layers, np.dtype(request.dtype).itemsize, engine.report, most)
    return replace(
        manifest,
        layers=layers,
        part_size=size,
        prediction_names=_prediction_names(engine.classes, pair),
        engine=engine.report.to_json(),
        versions=_versions(),
    )


def _part_size(
    layers: Sequence[LayerColumn], item_bytes: int, report: EngineReport, most: int = PART_SIZE
) -> int:
    """As many whole batches as `PART_BYTES` holds, or where not one fits, whole requests; at least one."""
    row_bytes = item_bytes * sum(each.width for each in layers)
    most = min(most, PART_BYTES // max(1, row_bytes))
    unit = report.batch_size if report.batch_size <= most else report.request_size
    return max(1, most // unit) * unit


def _prediction_names(classes: int | None, pair: ModelAndData) -> tuple[str, ...] | None:
    if classes is None:
        return None
    count = 2 if classes == 1 else classes
    for names in (pair.loaded.class_names, pair.dataset.class_names):
        if names and len(names) == count:
            return names
    return tuple(f"class {number}" for number in range(count))


def _same(old: Manifest, new: Manifest, request: ExtractionRequest, place: Place) -> Manifest:
    """The manifest to go on with, if nothing that features follow from has changed."""
    if request.part_size is None:
        new = replace(new, part_size=old.part_size)
    differing = old.differences(new)
    if differing:
        raise RunError(
            f"{place.target} was extracted with other settings: {'; '.join(differing)}.",
            "Give the same model, data and settings, or another --out.",
        )
    return old


def _versions() -> dict[str, str]:
    found = versions()
    for package in ("pyarrow", "openvino", "zarr"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
