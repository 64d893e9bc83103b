"""What is fuzzed: every reader and every saved file, each by a function that takes bytes or refuses them."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import changes
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import seeds

from convscope.errors import ConvscopeError

SAVED_RUN = Path(__file__).parents[1] / "workflows" / "run_of_format_1"
SHM = Path("/dev/shm")


@dataclass(frozen=True)
class Target:
    """One thing that is fuzzed.

    Args:
        name: Of the layout or saved file.
        seed: Valid bytes.
        run: Reads bytes in their place; raises `ConvscopeError` where they are refused.
        change: Makes other bytes of the seed.
    """

    name: str
    seed: bytes
    run: Callable[[bytes], None]
    change: Callable[[bytes, random.Random], bytes]

    def accepts(self, content: bytes) -> bool:
        """Whether the bytes were read, not refused.

        Raises:
            Exception: What is neither samples nor an error of the package, which is a defect.
        """
        try:
            self.run(content)
        except ConvscopeError as error:
            assert error.message.strip(), "an error without a message"
            return False
        return True


@functools.cache
def workplace() -> Path:
    """A folder in memory, where there is one."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=SHM if SHM.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def names() -> list[str]:
    """Of all targets."""
    return [*seeds.layouts(), *(f"representation-{name}" for name in _FITTED), *_SAVED]


def target(name: str) -> Target:
    """The target of a name."""
    if name in _SAVED:
        return _SAVED[name]()
    kind, _, recipe = name.partition("-")
    if kind == "representation":
        return _saved_representation(recipe)
    return _of_layout(name, seeds.layouts()[name])


def _written(name: str) -> Path:
    """Writes a layout and gives the path that is read: the file that is changed, or the folder around it."""
    layout = seeds.layouts()[name]
    folder = workplace() / name
    for path, content in layout.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    alone = layout.changed.endswith((".csv", ".npz", ".parquet", ".jsonl")) or len(layout.files) == 1
    return folder / layout.changed if alone else folder


def _of_layout(name: str, layout: seeds.Layout) -> Target:
    root = _written(name)
    read = _read_vectors if layout.recipe == "vectors" else functools.partial(_read, layout.recipe)

    def run(content: bytes) -> None:
        (workplace() / name / layout.changed).write_bytes(content)
        read(root)

    others = b"".join(layout.files.values())[:20000]
    return Target(
        name,
        layout.files[layout.changed],
        run,
        lambda content, rng: changes.changed_bytes(content, rng, others),
    )


def _read_vectors(path: Path) -> None:
    from convscope.kinds.text.classification.word_vectors import read_vectors

    read_vectors(path, ["a", "b", "film"])


def _read(name: str, path: Path) -> None:
    """Detects, reads and loads some samples, as a training does, and reads them without labels too."""
    from convscope.kinds.registry import choose_spec, find_recipe

    with contextlib.suppress(ConvscopeError):
        choose_spec(path)
    recipe = find_recipe(name)
    try:
        splits = recipe.read(path, seed=0)
        for split in (splits.train, splits.validation, splits.test):
            _load(split.samples)
            split.names()
    finally:
        with contextlib.suppress(ConvscopeError):
            _load(recipe.read_inputs([str(path)]))


def _load(samples: Any) -> None:
    for index in range(min(2, len(samples))):
        samples.name(index)
        samples.load(index)


def _of_values(name: str, plain: Any, read: Callable[[Any], None]) -> Target:
    """Saved plain values; half of the inputs have other values, half other bytes."""

    def change(content: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return changes.changed_bytes(content, rng, content)
        return changes.as_json(changes.changed_values(plain, rng))

    return Target(name, changes.as_json(plain), read, change)


def _parsed(content: bytes) -> Any:
    from convscope.json_values import parse_json

    return parse_json(content, "the file")


_FITTED = {
    "image-classification": "image-png",
    "audio-classification": "audio-wav",
    "text-classification": "text-csv",
    "text-tagging": "tags-conll",
    "translation": "pairs-tsv",
    "series-classification": "series-tsv",
    "series-anomaly": "stream-csv",
    "series-remaining-life": "life-cmapss",
    "speech-recognition": "speech-manifest",
}


def _saved_representation(name: str) -> Target:
    from convscope.kinds.registry import find_recipe

    recipe = find_recipe(name)
    train = recipe.read(_written(_FITTED[name]), seed=0).train
    representation, _ = recipe.representation.fit(train)

    def read(content: bytes) -> None:
        made = recipe.representation.from_json(_parsed(content))
        assert all(length is None or length < 2**32 for length in made.shape)
        made.encode(train.samples.take(np.arange(1)), limit_bytes=0).take(np.arange(1))

    return _of_values(f"representation-{name}", representation.to_json(), read)


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

    return _of_values("run", json.loads((SAVED_RUN / "run.json").read_text("utf-8")), read)


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

    return _of_values("features-metadata", plain, read)


def _features_bytes() -> Target:
    from convscope.features.part_files import METADATA_KEY

    file = workplace() / "features.parquet"
    table, plain = _features_table()
    metadata = {METADATA_KEY: json.dumps(plain).encode()}
    whole = seeds.saved(lambda out: pq.write_table(table.replace_schema_metadata(metadata), out))

    def read(content: bytes) -> None:
        file.write_bytes(content)
        _use_features(file)

    return Target(
        "features-bytes", whole, read, lambda content, rng: changes.changed_bytes(content, rng, whole)
    )


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


_SAVED: dict[str, Callable[[], Target]] = {
    "run": _saved_run,
    "features-metadata": _features_metadata,
    "features-bytes": _features_bytes,
}
