"""Saved files that are fuzzed: what runs, features and checkpoints leave on the disk."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import seeds
from target import Target, load_some, of_bytes, of_values, workplace, written

SAVED_RUN = Path(__file__).parents[1] / "workflows" / "run_of_format_1"


def _saved_run() -> Target:
    from convscope.kinds.registry import find_recipe
    from convscope.run import Run
    from convscope.workflows.predict import recorded_options

    folder = workplace() / "run"
    shutil.copytree(SAVED_RUN, folder)
    run = Run(folder)

    def read(content: bytes) -> None:
        (folder / "run.json").write_bytes(content)
        record = run.record()
        recorded_options(run, find_recipe(record["recipe"]), record["options"])

    return of_values("run", json.loads((SAVED_RUN / "run.json").read_text("utf-8")), read)


def _use_features(file: Path) -> None:
    """Reads all of a features file and what it says of its model and samples."""
    from convscope.engine.inference.feature_report import EngineReport
    from convscope.features.model_and_data import ModelReference
    from convscope.features.samples import samples_of
    from convscope.features.table import open_features

    features = open_features(file)
    features.columns()
    for layer in features.layers:
        features.matrix(layer)
    samples_of(features, [0, 1])
    EngineReport.from_json(features.manifest.engine)
    ModelReference.named_by(features.manifest.model, str(file))


def _features_metadata() -> Target:
    from convscope.features.part_files import METADATA_KEY

    file = workplace() / "features.parquet"
    table, plain = _features_table()

    def read(content: bytes) -> None:
        pq.write_table(table.replace_schema_metadata({METADATA_KEY: content}), file)
        _use_features(file)

    return of_values("features-metadata", plain, read)


def _features_bytes() -> Target:
    from convscope.features.part_files import METADATA_KEY

    file = workplace() / "features.parquet"
    table, plain = _features_table()
    metadata = {METADATA_KEY: json.dumps(plain).encode()}
    whole = seeds.saved(lambda out: pq.write_table(table.replace_schema_metadata(metadata), out))

    def read(content: bytes) -> None:
        file.write_bytes(content)
        _use_features(file)

    return of_bytes("features-bytes", whole, read)


def _features_table() -> tuple[Any, dict[str, Any]]:
    from convscope.kinds.image.representation import ImageRepresentation

    count, width = 8, 4
    array = workplace() / "x.npy"
    np.save(array, np.zeros((count, 8, 8, 1), np.float32))
    text = pa.array(["a", "b"] * 4, pa.string())
    element = pa.field("element", pa.float32(), nullable=False)
    values = pa.FixedSizeListArray.from_arrays(
        pa.array(np.arange(count * width, dtype=np.float32)), type=pa.list_(element, width)
    )
    table = pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "path": pa.array([f"{array}#{i}" for i in range(count)]),
            "label": text,
            "split": pa.array(["train", "test"] * 4, pa.string()),
            "prediction": text,
            "confidence": pa.array([0.5] * count, pa.float32()),
            "conv": values,
        }
    )
    plain = {
        "format": 1,
        "model": {
            "given": "gabor_bank",
            "code": [],
            "input_shape": [8, 8, 1],
            "classes": None,
            "name": "gabor_bank",
            "fingerprint": "0",
        },
        "layers": [{"layer": "conv", "column": "conv", "shape": [width]}],
        "pool": "mean",
        "dtype": "float32",
        "precision": "auto",
        "predictions": True,
        "prediction_names": ["a", "b"],
        "reading": {
            "recipe": "image-classification",
            "representation": ImageRepresentation(8, 8, 1).to_json(),
            "value_range": None,
            "flat": False,
        },
        "data": {
            "paths": [str(array)],
            "fingerprint": "0",
            "layout": "an array",
            "samples": count,
            "class_names": ["a", "b"],
            "splits": None,
        },
        "part_size": 3,
        "engine": {
            "engine": "keras",
            "precision": "float32",
            "batch_size": 4,
            "request_size": 4,
            "streams": 1,
            "device": "x",
        },
        "versions": {"python": "3.11"},
    }
    return table, plain


def _zarr(changed: str) -> Target:
    """A Zarr group of whole maps, of which one file has other bytes, or other values where it is JSON."""
    folder = workplace() / "maps.zarr"
    shutil.rmtree(folder, ignore_errors=True)
    _write_maps(folder)
    file = folder / changed
    content = file.read_bytes()

    def read(content: bytes) -> None:
        file.write_bytes(content)
        _use_features(folder)

    if file.suffix == ".json":
        return of_values(f"zarr-{changed}", json.loads(content), read)
    return of_bytes(f"zarr-{changed}", content, read)


def _write_maps(folder: Path) -> None:
    """Writes maps of eight samples in three parts, as an extraction does."""
    from convscope.features.manifest import Manifest
    from convscope.features.store import Block, Place
    from convscope.features.zarr_store import ZarrStore

    shape = [4, 4, 2]
    table, plain = _features_table()
    layers = [{"layer": "conv", "column": "conv", "shape": shape}]
    manifest = Manifest.from_json({**plain, "pool": "none", "layers": layers}, "maps")
    store = ZarrStore(Place(folder, "zarr"), manifest)
    store.begin()
    for part in store.parts():
        names = ("path", "label", "split", "prediction", "confidence")
        rows = {name: table[name].to_pylist()[part.start : part.stop] for name in names}
        maps = np.arange(len(part) * 32, dtype=np.float32).reshape(-1, *shape)
        store.write(Block(part, rows, {"conv": maps}))
    store.finish()


def _saved_splits() -> Target:
    """The list of samples of a run whose data has changed."""
    from convscope.kinds.registry import find_recipe
    from convscope.run import Run
    from convscope.workflows.recorded_splits import FILE, recorded_test, write_splits

    data = written("text-csv")
    splits = find_recipe("text-classification").read(data, seed=0)
    folder = workplace() / "run-with-splits"
    shutil.copytree(SAVED_RUN, folder)
    write_splits(folder / FILE, splits)

    def read(content: bytes) -> None:
        (folder / FILE).write_bytes(content)
        judged = recorded_test(Run(folder), splits, data)
        load_some(judged.split.samples)

    whole = (folder / FILE).read_bytes()
    return of_bytes("splits", whole, read)


def _saved_history() -> Target:
    """The history of a training that has not ended."""
    from convscope.run import Run

    folder = workplace() / "run-with-history"
    shutil.copytree(SAVED_RUN, folder)
    run = Run(folder)
    run.write_record({**run.record(), "status": "training"})

    def read(content: bytes) -> None:
        (folder / "history.csv").write_bytes(content)
        assert run.unfinished()

    whole = (folder / "history.csv").read_bytes()
    return of_bytes("history", whole, read)


def _saved_metrics() -> Target:
    from convscope.api.runs import metrics
    from convscope.run import Run

    folder = workplace() / "run-with-metrics"
    shutil.copytree(SAVED_RUN, folder)

    def read(content: bytes) -> None:
        (folder / "metrics.json").write_bytes(content)
        found = metrics(Run(folder))
        found.to_line(), found.to_table(), found.to_scores()

    return of_values("metrics", json.loads((SAVED_RUN / "metrics.json").read_text("utf-8")), read)


def _saved_calibration(name: str) -> Target:
    """What a run found besides the weights, as its task reads it."""
    from convscope.run import Run

    plain, use = _CALIBRATIONS[name]()
    folder = workplace() / "run-with-calibration"
    shutil.copytree(SAVED_RUN, folder, dirs_exist_ok=True)

    def read(content: bytes) -> None:
        (folder / "calibration.json").write_bytes(content)
        use(Run(folder).calibration())

    return of_values(f"calibration-{name}", plain, read)


def _of_classes() -> tuple[dict[str, Any], Callable[[Any], object]]:
    from convscope.kinds.tasks.classification import temperature_of, with_temperature

    even = np.full((1, 2), 0.5, np.float32)
    plain = {"temperature": 1.3, "samples": 40, "error_before": 0.2, "error_after": 0.1}
    return plain, lambda found: with_temperature(even, temperature_of(found))


def _of_numbers() -> tuple[dict[str, Any], Callable[[Any], object]]:
    from convscope.kinds.tasks.regression import half_width_of

    return {"half_width": 0.5, "coverage": 0.9}, half_width_of


def _of_lives() -> tuple[dict[str, Any], Callable[[Any], object]]:
    from convscope.kinds.series.remaining_life.intervals import LifeIntervals

    lives = [np.arange(30.0)] * 12
    plain = LifeIntervals.fit(lives, [each + 1 for each in lives], 30).to_json()
    return plain, lambda found: LifeIntervals.from_json(found).around(np.arange(3.0), 0.5)


def _of_forecasts() -> tuple[dict[str, Any], Callable[[Any], object]]:
    from convscope.kinds.series.forecasting.intervals import ForecastIntervals

    plain = ForecastIntervals.fit(np.abs(np.random.default_rng(0).normal(size=(40, 2, 1)))).to_json()
    return plain, lambda found: ForecastIntervals.from_json(found, 2, 1).half(0.5)


def _of_alarms() -> tuple[dict[str, Any], Callable[[Any], object]]:
    from convscope.kinds.series.anomaly.levels import Levels
    from convscope.kinds.series.anomaly.surprisal import Surprisal, checked_histories

    rng, surprisal = np.random.default_rng(0), Surprisal(2)
    for row in np.abs(rng.normal(size=(300, 2))):
        surprisal.push(row.tolist(), row.tolist())
    cube = np.ones((2, 2, 2))

    def use(found: Any) -> None:
        known = checked_histories(found, 2)
        Surprisal(2, known).push([1.0, 2.0], [1.0, 2.0])
        if "levels" in known:
            Levels.from_json(known["levels"], 2).meter().push(np.ones(2), np.ones(2))

    levels = Levels(cube, cube, np.full((2, 2), 5.0)).to_json()
    return {**surprisal.histories(), "levels": levels}, use


_CALIBRATIONS: dict[str, Callable[[], tuple[dict[str, Any], Callable[[Any], object]]]] = {
    "classes": _of_classes,
    "numbers": _of_numbers,
    "lives": _of_lives,
    "forecasts": _of_forecasts,
    "alarms": _of_alarms,
}


def _saved_folds() -> Target:
    """The summary of a cross-validation that is to be resumed."""
    from convscope.workflows.cross_validation import SUMMARY, read_request

    data, file = written("text-csv"), workplace() / SUMMARY
    asked = {
        "path": str(data),
        "place": str(data.resolve()),
        "recipe": "text-classification",
        "why": "",
        "architecture": "text_cnn",
        "options": {"label_column": "label"},
        "settings": {"epochs": 2, "seed": 1},
    }

    def read(content: bytes) -> None:
        file.write_bytes(content)
        read_request(file, None)

    return of_values("folds", {"format": 1, "folds": 3, "asked": asked}, read)


def _saved_checkpoint() -> Target:
    """The state of a training after an epoch."""
    import keras

    from convscope.engine.training.checkpoint import read_checkpoint, state_of, write_checkpoint

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    folder = workplace() / "checkpoints"
    folder.mkdir()
    write_checkpoint(folder, state_of(model), [{"loss": 1.0}, {"loss": 0.5}])
    (file,) = folder.iterdir()
    whole = file.read_bytes()

    def read(content: bytes) -> None:
        file.write_bytes(content)
        rows = read_checkpoint(folder, model)
        assert all(isinstance(value, int | float) for row in rows for value in row.values())

    return of_bytes("checkpoint", whole, read)


TARGETS: dict[str, Callable[[], Target]] = {
    "run": _saved_run,
    "splits": _saved_splits,
    "history": _saved_history,
    "metrics": _saved_metrics,
    "folds": _saved_folds,
    "checkpoint": _saved_checkpoint,
    **{f"calibration-{name}": functools.partial(_saved_calibration, name) for name in _CALIBRATIONS},
    "zarr-group": functools.partial(_zarr, "zarr.json"),
    "zarr-array": functools.partial(_zarr, "conv/zarr.json"),
    "zarr-maps": functools.partial(_zarr, "conv/c/1/0/0/0"),
    "zarr-samples": functools.partial(_zarr, "_samples/part-00001.parquet"),
    "features-metadata": _features_metadata,
    "features-bytes": _features_bytes,
}
