"""Turns a data set into features on disk: part by part, in bounded memory, and so that it can go on later."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from convscope.engine.device import cores, versions
from convscope.engine.inference.features import EngineReport, FeatureEngine, feature_engine
from convscope.engine.training.settings import PRECISIONS
from convscope.errors import RunError, UsageError
from convscope.features.cluster import check_cluster, extract_on_cluster
from convscope.features.dataset import Source
from convscope.features.inputs import Array
from convscope.features.manifest import DTYPES, Dtype, LayerColumn, Manifest, column_names
from convscope.features.model_and_data import (
    Setting,
    Subject,
    bring_together,
    chosen_layers,
    model_fingerprint,
)
from convscope.features.parquet import ParquetStore
from convscope.features.parts import extract_parts
from convscope.features.processes import Read, processes_for, read_some
from convscope.features.reading import whole_paths
from convscope.features.store import Place, Store, place_of
from convscope.features.table import Features, open_features
from convscope.features.zarr_store import ZarrStore, zarr_package
from convscope.scope.channels.pooled import POOLS, Pool
from convscope.scope.graph.graph import trace
from convscope.types import Progress, Say, no_progress, silent

if TYPE_CHECKING:
    from convscope.engine.training.settings import Precision
    from convscope.workflows.model_inputs import ValueRange

PART_SIZE = 4096
"""Samples in one part, unless they take more than `PART_BYTES`."""
PART_BYTES = 64 * 2**20
SAMPLE = 128
"""Samples that the engine is chosen and compared by."""


@dataclass(frozen=True)
class Wanted:
    """What is to be extracted.

    Args:
        layers: Paths, unique names, patterns, `last` or `all`.
        pool: `mean`, `max`, `flatten`, or `none` for whole maps.
        dtype: Of the stored values.
        precision: Of the computation; `auto` takes bfloat16 where the device has it.
        splits: Names of the splits wanted; None takes all.
        predictions: Whether to keep what the model answers.
        part_size: Samples in one part; None chooses.

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

    def __post_init__(self) -> None:
        for what, value, known in (
            ("pool", self.pool, POOLS),
            ("dtype", self.dtype, DTYPES),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in known:
                raise UsageError(f"There is no {what} '{value}'.", f"There are {', '.join(known)}.")
        if self.part_size is not None and self.part_size < 1:
            raise UsageError(f"A part holds at least one sample. Received: {self.part_size}.")


@dataclass(frozen=True)
class Job:
    """All that a process needs to compute and write any part; can be pickled.

    Args:
        subject: How to open the model.
        source: The samples.
        store: Where parts go, and what they are of.
    """

    subject: Subject
    source: Source
    store: Store

    def engine(self) -> FeatureEngine:
        """Opens the model and compiles what the manifest settled.

        Raises:
            RunError: What is opened is not the model of the manifest.
        """
        manifest = self.store.manifest
        opened = self.subject.open()
        if model_fingerprint(opened.model) != manifest.model["fingerprint"]:
            raise RunError(f"The model '{opened.name}' has changed since the extraction was started.")
        settled = EngineReport.from_json(manifest.engine)
        return _engine(opened.model, manifest, self.source, self.source.spread(1), settled, silent)


def extract(
    subject: Subject,
    paths: Sequence[str],
    to: str,
    wanted: Wanted,
    *,
    recipe: str,
    value_range: ValueRange = "auto",
    resume: bool = False,
    cluster: str | None = None,
    progress: Progress = no_progress,
    say: Say = silent,
) -> Features:
    """Extracts the features of all samples that the paths name.

    Args:
        subject: The model.
        paths: The samples; see `reading`.
        to: A name that ends in `.parquet` is one file, any other a folder of parts; whole maps go to `.zarr`.
        wanted: What is to be extracted.
        recipe: Reads labelled data, for what is no run.
        value_range: What pixels become, for what is no run.
        resume: Whether to go on with what is there.
        cluster: Address of a Ray cluster, or `local`; None computes in this process.
        progress: Is told how many samples are done.
        say: Is told what was found and decided.

    Returns:
        The features.

    Raises:
        UsageError: A name or setting that cannot work, or `to` exists.
        DataError: The data is malformed.
        RunError: What is there is of another model, data or setting; or it cannot be written.
        BackendError: A package is missing.
    """
    place = place_of(to, wanted.pool)
    if place.kind == "zarr":
        zarr_package()
    if cluster is not None:
        check_cluster(cluster)
    found = _found(place, resume)
    setting = bring_together(
        subject, paths, recipe=recipe, value_range=value_range, splits=wanted.splits, progress=progress
    )
    _describe(setting, say)
    source = setting.source
    graph = trace(setting.opened.model, source.unpack(source.prepare(source.spread(1))))
    layers, said = chosen_layers(graph, wanted.layers, setting.opened)
    if said:
        say(said)
    manifest = _manifest(setting, wanted, layers, paths)
    if found is not None:
        manifest = _same(found[0], manifest, wanted, place)
    if found is not None and found[1]:
        say(f"{place.target} is complete already.")
        return open_features(place.target)
    engine, read = None, None
    if found is None or cluster is None:
        read = read_some(source.inputs, SAMPLE)
        settled = None if found is None else EngineReport.from_json(manifest.engine)
        engine = _engine(setting.opened.model, manifest, source, read.samples, settled, say)
    if found is None and engine is not None:
        manifest = _settled(manifest, engine, wanted, setting)
    store = (ZarrStore if place.kind == "zarr" else ParquetStore)(place, manifest)
    store.begin()
    parts = store.missing()
    if found is not None:
        say(f"Going on: {len(store.parts()) - len(parts)} of {len(store.parts())} parts are there.")
    if cluster is not None:
        extract_on_cluster(Job(setting.subject, setting.source, store), parts, cluster, progress, say)
    elif engine is not None and read is not None:
        processes = _processes(read, len(source), engine.report, say) if parts else 0
        extract_parts(engine, setting.source, parts, store, progress, processes)
    store.finish()
    return open_features(place.target)


def _found(place: Place, resume: bool) -> tuple[Manifest, bool] | None:
    found = place.found()
    if found is not None and not resume:
        if found[1]:
            raise UsageError(f"{place.target} exists.", "Choose another --to, or remove it.")
        raise UsageError(
            f"{place.target} was begun and is not finished.",
            f"Go on with it: --resume. Or remove {place.parts if place.kind == 'file' else place.target}.",
        )
    return found


def _describe(setting: Setting, say: Say) -> None:
    source = setting.source
    say(f"{setting.opened.name}: {setting.opened.origin}")
    say(f"{len(source)} samples; {source.layout}")
    for line in source.notes:
        say(line)
    if source.skipped:
        first = source.skipped[0]
        say(f"Skipped {len(source.skipped)} files: {first.path} ({first.reason}), ...")


def _engine(
    model: Any, manifest: Manifest, source: Source, sample: Array, settled: EngineReport | None, say: Say
) -> FeatureEngine:
    return feature_engine(
        model,
        [each.layer for each in manifest.layers],
        manifest.pool,
        sample,
        prepare=source.prepare,
        scaling=source.scaling,
        precision=manifest.precision,
        predictions=manifest.predictions,
        padded=source.padded,
        unpack=source.unpack,
        settled=settled,
        count=len(source),
        say=say,
    )


def _processes(read: Read, count: int, report: EngineReport, say: Say) -> int:
    computed = max((rate.samples_per_second for rate in report.rates), default=inf)
    processes = processes_for(read, count, computed, cores())
    if processes:
        say(f"Samples are read by {processes} other process{'es' if processes > 1 else ''}.")
    return processes


def _manifest(setting: Setting, wanted: Wanted, layers: list[str], paths: Sequence[str]) -> Manifest:
    """What is known before the engine is: no shapes yet."""
    source, opened = setting.source, setting.opened
    columns = column_names(layers, flat=wanted.pool == "none")
    return Manifest(
        model={
            **setting.subject.to_json(),
            "name": opened.name,
            "fingerprint": model_fingerprint(opened.model),
        },
        layers=tuple(LayerColumn(layer, name, ()) for layer, name in zip(layers, columns, strict=True)),
        pool=wanted.pool,
        dtype=wanted.dtype,
        precision=wanted.precision,
        predictions=wanted.predictions and (opened.architecture is None or not opened.architecture.is_bank),
        prediction_names=None,
        reading=setting.reading,
        data={
            "paths": whole_paths(paths),
            "fingerprint": source.fingerprint,
            "layout": source.layout,
            "samples": len(source),
            "class_names": list(source.class_names),
            "splits": None if wanted.splits is None else list(wanted.splits),
        },
        part_size=wanted.part_size or 0,
    )


def _settled(manifest: Manifest, engine: FeatureEngine, wanted: Wanted, setting: Setting) -> Manifest:
    """Adds what the engine tells: shapes, classes, the size of parts."""
    shapes = {column.layer: column.shape for column in engine.columns}
    layers = tuple(replace(each, shape=shapes[each.layer]) for each in manifest.layers)
    size = wanted.part_size or _part_size(layers, np.dtype(wanted.dtype).itemsize, engine.report)
    return replace(
        manifest,
        layers=layers,
        part_size=size,
        prediction_names=_prediction_names(engine.classes, setting),
        engine=engine.report.to_json(),
        versions=_versions(),
    )


def _part_size(layers: Sequence[LayerColumn], item_bytes: int, report: EngineReport) -> int:
    """As many whole batches as `PART_BYTES` holds, or where not one fits, whole requests; at least one."""
    row_bytes = item_bytes * sum(each.width for each in layers)
    most = min(PART_SIZE, PART_BYTES // max(1, row_bytes))
    unit = report.batch_size if report.batch_size <= most else report.request_size
    return max(1, most // unit) * unit


def _prediction_names(classes: int | None, setting: Setting) -> tuple[str, ...] | None:
    if classes is None:
        return None
    count = 2 if classes == 1 else classes
    for names in (setting.opened.class_names, setting.source.class_names):
        if names and len(names) == count:
            return names
    return tuple(f"class {number}" for number in range(count))


def _same(old: Manifest, new: Manifest, wanted: Wanted, place: Place) -> Manifest:
    """The manifest to go on with, if nothing that features follow from has changed."""
    if wanted.part_size is None:
        new = replace(new, part_size=old.part_size)
    differing = old.differences(new)
    if differing:
        raise RunError(
            f"{place.target} was extracted with something else: {'; '.join(differing)}.",
            "Give the same model, data and settings, or another --to.",
        )
    return old


def _versions() -> dict[str, str]:
    found = versions()
    for package in ("pyarrow", "openvino", "zarr"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
