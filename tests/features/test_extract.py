"""What is extracted is what Keras computes, for every sample once and with the right name."""

import csv

import keras
import numpy as np
import pytest

import convscope
from convscope.errors import DataError, UsageError
from convscope.features.parts import predicted_names
from convscope.kinds.image.classification import RECIPE as IMAGE_CLASSIFICATION
from convscope.scope import record
from convscope.types import SPLITS

REDUCED = {
    "mean": lambda maps: maps.mean(axis=(1, 2)),
    "max": lambda maps: maps.max(axis=(1, 2)),
    "flatten": lambda maps: maps.reshape(len(maps), -1),
    "none": lambda maps: maps.reshape(len(maps), -1),
}


@pytest.fixture(scope="module")
def extracted(small_model, pictures, tmp_path_factory):
    """All samples, both convolutions and the pooled vector, in two parts and a bit."""
    to = tmp_path_factory.mktemp("features") / "all"
    layers = ["edges", "shapes", "pooled"]
    return convscope.extract(small_model, pictures, layers=layers, out=to, precision="float32", part_size=50)


@pytest.mark.parametrize("pool", ["max", "flatten", "none"])
def test_every_pooling_gives_what_keras_gives(small_model, pictures, as_inputs, tmp_path, pool):
    features = convscope.extract(
        small_model,
        pictures,
        layers=["edges", "shapes"],
        pool=pool,
        out=tmp_path / "out",
        precision="float32",
    )
    taps = record(small_model, as_inputs(features.columns().paths))
    for layer in ("edges", "shapes"):
        expected = REDUCED[pool](taps[layer].array)
        np.testing.assert_allclose(features.matrix(layer), expected, atol=1e-5)


def test_the_mean_over_positions_is_the_default(extracted, small_model, as_inputs):
    taps = record(small_model, as_inputs(extracted.columns().paths))
    assert extracted.layers == ("edges", "shapes", "pooled")
    for layer in ("edges", "shapes"):
        np.testing.assert_allclose(extracted.matrix(layer), REDUCED["mean"](taps[layer].array), atol=1e-5)
    np.testing.assert_allclose(extracted.matrix("pooled"), taps["pooled"].array, atol=1e-5)


def test_rows_are_the_samples_of_the_reader_each_once_and_in_order(extracted, pictures):
    splits = IMAGE_CLASSIFICATION.read(pictures)
    columns = extracted.columns()
    expected = [
        (split.samples.name(i), splits.class_names[label], name)
        for name in SPLITS
        for split in (splits[name],)
        for i, label in enumerate(split.labels)
    ]
    assert list(zip(columns.paths, columns.labels, columns.splits, strict=True)) == expected
    assert len(set(columns.paths)) == 120
    np.testing.assert_array_equal(columns.ids, np.arange(120))
    assert extracted.class_names == splits.class_names
    assert extracted.metadata["data"]["fingerprint"] == splits.fingerprint


def test_predictions_are_the_answers_of_the_model(extracted, small_model, as_inputs):
    columns = extracted.columns()
    answers = small_model.predict(as_inputs(columns.paths), verbose=0)
    assert columns.predictions == [extracted.class_names[i] for i in answers.argmax(axis=1)]
    np.testing.assert_allclose(columns.confidences, answers.max(axis=1), atol=1e-5)


def test_a_run_brings_its_own_splits_classes_and_calibration(finished, pictures, tmp_path):
    features = convscope.extract(finished.folder, pictures, out=tmp_path / "run.parquet", precision="float32")
    columns = features.columns()
    with (finished.folder / "splits.csv").open(newline="", encoding="utf-8") as file:
        was = {row["name"]: row["split"] for row in csv.DictReader(file)}
    assert dict(zip(columns.paths, columns.splits, strict=True)) == was
    predictions = convscope.predict(finished.folder, columns.paths).rows
    assert columns.predictions == [row.label for row in predictions]
    surest = [max(row.probabilities.values()) for row in predictions]
    np.testing.assert_allclose(columns.confidences, surest, atol=1e-4)
    assert features.metadata["temperature"] == finished.calibration()["temperature"] != 1.0


def test_data_that_has_grown_since_the_training_keeps_the_splits_of_what_is_known(
    settings, own_pictures, tmp_path
):
    run = convscope.train(own_pictures, out=tmp_path / "run", **{**settings, "epochs": 1})
    with (run.folder / "splits.csv").open(newline="", encoding="utf-8") as file:
        was = {row["name"]: row["split"] for row in csv.DictReader(file)}
    for picture in sorted((own_pictures / "disc").iterdir())[:8]:
        (own_pictures / "disc" / f"more-{picture.name}").write_bytes(picture.read_bytes()[:-12] + bytes(12))
    said = []
    features = convscope.extract(run.folder, own_pictures, out=tmp_path / "out", say=said.append)
    columns = features.columns()
    now = dict(zip(columns.paths, columns.splits, strict=True))
    assert len(now) == 128
    assert {path: now[path] for path in was} == was
    assert any("is not the data" in line for line in said)


def test_only_the_splits_that_are_asked_for(small_model, pictures, tmp_path):
    features = convscope.extract(small_model, pictures, splits="test", out=tmp_path / "out")
    assert set(features.columns().splits) == {"test"}
    assert len(features) == 12


def test_files_without_labels_have_none(small_model, pictures, tmp_path):
    features = convscope.extract(small_model, f"{pictures}/disc/0*.png", out=tmp_path / "out")
    columns = features.columns()
    assert columns.paths == sorted(map(str, (pictures / "disc").glob("0*.png")))
    assert set(columns.labels) == set(columns.splits) == {None}
    assert set(columns.predictions) <= {"class 0", "class 1", "class 2"}
    flat = convscope.extract(small_model, pictures / "disc", out=tmp_path / "flat")
    assert len(flat) == 40
    np.testing.assert_allclose(flat.matrix()[:10], features.matrix(), atol=1e-2)


@pytest.mark.parametrize("form", ["uint8", "float32", "float64", "npz"])
def test_arrays_go_in_as_they_are(small_model, pictures, as_inputs, tmp_path, form):
    x = as_inputs(sorted((pictures / "disc").iterdir()))
    x = (
        (x * 255).round().astype(np.uint8)
        if form == "uint8"
        else x.astype("float64" if "64" in form else x.dtype)
    )
    path = tmp_path / ("x.npz" if form == "npz" else "x.npy")
    np.savez(path, x=x) if form == "npz" else np.save(path, x)
    features = convscope.extract(small_model, path, out=tmp_path / "out", precision="float32", part_size=16)
    expected = record(small_model, x.astype(np.float32))["shapes"].array.mean(axis=(1, 2))
    np.testing.assert_allclose(features.matrix(), expected, rtol=1e-4, atol=1e-4)
    assert features.columns().paths[17] == f"{path}#17"


def test_without_predictions_there_are_none(small_model, pictures, tmp_path):
    features = convscope.extract(small_model, pictures / "disc", predictions=False, out=tmp_path / "out")
    assert set(features.columns().predictions) == {None}
    assert np.isnan(features.columns().confidences).all()


def test_an_architecture_is_built_for_the_data_with_the_same_weights_every_time(pictures, tmp_path):
    one, two = (
        convscope.extract("padded_cnn", pictures, out=tmp_path / name, precision="float32", splits="test")
        for name in ("one", "two")
    )
    assert one.metadata["model"]["input_shape"] == [16, 16, 1]
    assert set(one.columns().predictions) <= set(one.class_names)
    assert one.metadata["model"]["fingerprint"] == two.metadata["model"]["fingerprint"]
    np.testing.assert_allclose(one.matrix(), two.matrix(), rtol=1e-4, atol=1e-5)


def test_all_layers_are_extracted_and_the_choice_of_one_is_said(small_model, pictures, tmp_path):
    said = []
    last = convscope.extract(small_model, pictures / "disc", out=tmp_path / "last", say=said.append)
    assert last.layers == ("shapes",)
    assert "layer shapes: the last convolution" in said
    every = convscope.extract(small_model, pictures / "disc", layers="all", out=tmp_path / "all")
    assert every.layers == ("edges", "shapes", "pooled", "classes")


def test_a_file_that_goes_while_it_is_extracted_is_named(small_model, own_pictures, tmp_path):
    victim = own_pictures / "vertical" / "39.png"

    def remove(done, total, what):
        if what == "extracting":
            victim.unlink(missing_ok=True)

    with pytest.raises(DataError, match=r"39\.png"):
        convscope.extract(
            small_model, f"{own_pictures}/**/*.png", out=tmp_path / "out", part_size=8, progress=remove
        )


def test_a_damaged_file_is_left_out_and_said(small_model, own_pictures, tmp_path):
    (own_pictures / "disc" / "07.png").write_bytes(b"\x89PNG not a picture")
    said = []
    features = convscope.extract(small_model, own_pictures, out=tmp_path / "out", say=said.append)
    assert len(features) == 119
    assert any("Skipped 1 files" in line and "07.png" in line for line in said)


class Counting(keras.layers.Layer):
    """Puts out nothing."""

    def call(self, x):
        return None


class Noted(keras.Model):
    """Convolves, and calls a layer that puts out nothing."""

    def __init__(self):
        super().__init__(name="noted")
        self.conv = keras.layers.Conv2D(2, 3, name="conv")
        self.count = Counting(name="count")

    def call(self, x):
        x = self.conv(x)
        self.count(x)
        return keras.ops.mean(x, axis=(1, 2))


def two_inputs():
    one, two = keras.Input((16, 16, 1), name="one"), keras.Input((16, 16, 1), name="two")
    return keras.Model([one, two], keras.layers.Conv2D(2, 3)(one + two))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pool": "median"}, "Unknown pool 'median'"),
        ({"dtype": "float64"}, "Unknown dtype 'float64'"),
        ({"precision": "int8"}, "Unknown precision 'int8'"),
        ({"layers": "edge"}, "no layer 'edge'"),
        ({"splits": "exam"}, "No split is named 'exam'"),
        ({"part_size": 0}, "part_size must be at least 1"),
        ({"preprocess": "0..7"}, "preprocess must be one of"),
        ({"recipe": "poetry"}, "No recipe is named 'poetry'"),
        ({"pool": "none", "out": "out.parquet"}, "written as Zarr"),
        ({"out": "out.zarr"}, "written as Parquet"),
    ],
)
def test_settings_that_cannot_work_are_refused(small_model, pictures, tmp_path, monkeypatch, wrong, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=said):
        convscope.extract(small_model, pictures, **{"out": "out", **wrong})
    assert list(tmp_path.iterdir()) == []


def test_a_model_with_two_inputs_is_refused(pictures, tmp_path):
    with pytest.raises(DataError, match=r"samples of 2 images, one for each input of the model \(one, two\)"):
        convscope.extract(two_inputs(), pictures, out=tmp_path / "out")


def test_a_layer_that_puts_out_no_tensor_is_refused_and_left_out_of_all(pictures, as_inputs, tmp_path):
    np.save(tmp_path / "x.npy", as_inputs(sorted((pictures / "disc").iterdir())[:4]))
    model = Noted()
    model(np.zeros((1, 16, 16, 1), np.float32))
    with pytest.raises(UsageError, match="'count' has no tensor output"):
        convscope.extract(model, tmp_path / "x.npy", out=tmp_path / "out", layers="count")
    features = convscope.extract(model, tmp_path / "x.npy", out=tmp_path / "out", layers="all")
    assert "conv" in features.layers
    assert "count" not in features.layers


def test_samples_that_do_not_fit_the_model_are_refused(small_model, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 8, 8, 1), np.float32))
    with pytest.raises(UsageError, match=r"takes inputs of shape \(samples, 16, 16, 1\)"):
        convscope.extract(small_model, tmp_path / "x.npy", out=tmp_path / "out")
    with pytest.raises(UsageError, match="no splits"):
        convscope.extract(small_model, tmp_path / "x.npy", out=tmp_path / "out", splits="test")


@pytest.mark.parametrize("content", [np.array([{}, {}]), np.zeros(4), np.zeros((0, 16, 16, 1)), None])
def test_files_that_hold_no_samples_are_refused(small_model, tmp_path, content):
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x01") if content is None else np.save(path, content)
    with pytest.raises(DataError, match=r"x\.npy"):
        convscope.extract(small_model, path, out=tmp_path / "out")


def test_float16_is_stored_where_the_values_fit_and_refused_where_not(small_model, pictures, tmp_path):
    half = convscope.extract(small_model, pictures / "disc", out=tmp_path / "half", dtype="float16")
    whole = convscope.extract(small_model, pictures / "disc", out=tmp_path / "whole")
    np.testing.assert_allclose(half.matrix(), whole.matrix(), rtol=2e-2, atol=2e-2)
    np.save(tmp_path / "x.npy", np.full((2, 16, 16, 1), 1e6, np.float32))
    with pytest.raises(UsageError, match="which float16 cannot hold"):
        convscope.extract(small_model, tmp_path / "x.npy", out=tmp_path / "out", dtype="float16")


def test_answers_become_names_and_probabilities():
    names, confidences = predicted_names(np.array([[0.1, 0.9], [0.7, 0.3]], np.float32), ["no", "yes"])
    assert names == ["yes", "no"]
    np.testing.assert_allclose(confidences, [0.9, 0.7])
    names, confidences = predicted_names(np.array([[0.8], [0.1]], np.float32), ["no", "yes"])
    assert names == ["yes", "no"]
    np.testing.assert_allclose(confidences, [0.8, 0.9])
    names, confidences = predicted_names(np.array([[3.0, -2.0, 9.0]], np.float32), "abc")
    assert names == ["c"]
    assert np.isnan(confidences).all()


def test_predictions_have_the_names_of_a_file_which_neighbors_keep(small_model, pictures, tmp_path):
    (tmp_path / "names.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    names = tmp_path / "names.txt"
    made = convscope.extract(small_model, pictures, layers="pooled", out=tmp_path / "out", class_names=names)
    assert set(made.columns().predictions) <= {"one", "two", "three"}
    near = convscope.neighbors(made, made.columns().paths[0], model=small_model)
    assert near.queries[0].prediction == made.columns().predictions[0]
