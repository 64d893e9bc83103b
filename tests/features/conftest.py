"""What the tests of features share: a small model, and what it puts out by Keras alone."""

import keras
import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.features.manifest import LayerColumn, Manifest
from convscope.features.parquet import ParquetStore
from convscope.features.store import Block, place_of
from convscope.files import free_path


@pytest.fixture(scope="session")
def small_model():
    """Pictures of 16x16 to three classes; two convolutions of 4 and 6 channels."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = keras.Input((16, 16, 1))
    edges = layers.Conv2D(4, 3, activation="relu", name="edges")(inputs)
    shapes = layers.Conv2D(6, 3, strides=2, name="shapes")(edges)
    pooled = layers.GlobalAveragePooling2D(name="pooled")(shapes)
    outputs = layers.Dense(3, activation="softmax", name="classes")(pooled)
    return keras.Model(inputs, outputs, name="small")


@pytest.fixture(scope="session")
def model_file(small_model, tmp_path_factory):
    """The small model as a Keras file."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    small_model.save(path)
    return path


@pytest.fixture
def as_inputs():
    """Reads pictures as the small model takes them."""

    def read(paths):
        pictures = np.stack([np.asarray(Image.open(path)) for path in paths])
        return pictures[..., None].astype(np.float32) / np.float32(255)

    return read


@pytest.fixture(scope="session")
def everything(finished, pictures, tmp_path_factory):
    """Features of every layer of a finished run for its own pictures; to be read, not changed."""
    to = tmp_path_factory.mktemp("everything") / "all.parquet"
    return convscope.extract(finished.folder, pictures, layers="all", out=to, precision="float32")


@pytest.fixture
def made(tmp_path):
    """Writes features that a test makes up: one matrix for each layer, and who the samples are."""

    def write(matrices, labels=None, splits=None, predictions=None, class_names=None):
        count = len(next(iter(matrices.values())))
        columns = tuple(LayerColumn(name, name, (matrix.shape[1],)) for name, matrix in matrices.items())
        names = sorted({name for name in labels or () if name}) if class_names is None else class_names
        manifest = Manifest(
            model={
                "given": None,
                "name": "made",
                "fingerprint": "",
                "code": (),
                "input_shape": None,
                "classes": None,
            },
            layers=columns,
            pool="mean",
            dtype="float32",
            precision="float32",
            predictions=predictions is not None,
            prediction_names=tuple(names) if predictions is not None else None,
            reading={"recipe": None, "representation": None, "value_range": None, "flat": False},
            data={
                "paths": (),
                "fingerprint": "",
                "layout": "",
                "samples": count,
                "class_names": tuple(names),
                "splits": None,
            },
            part_size=max(1, count // 3),
        )
        samples = {
            "path": [f"{tmp_path}/x.npy#{row}" for row in range(count)],
            "label": labels or [None] * count,
            "split": splits or [None] * count,
            "prediction": predictions or [None] * count,
            "confidence": [float("nan")] * count,
        }
        to = free_path(tmp_path / "made")
        store = ParquetStore(place_of(to, "mean"), manifest)
        store.begin()
        for part in store.parts():
            rows = slice(part.start, part.stop)
            arrays = {name: np.asarray(matrix[rows], np.float32) for name, matrix in matrices.items()}
            store.write(Block(part, {name: values[rows] for name, values in samples.items()}, arrays))
        store.finish()
        return convscope.open_features(to)

    return write
