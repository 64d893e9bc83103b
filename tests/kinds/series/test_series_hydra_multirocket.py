"""The architecture hydra_multirocket, from a path to a run that is put to use."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from reading_runs import CONTENT, files_of, rows
from small_series import write_waves

import convscope
from convscope.data.encoded import HeldArrays
from convscope.engine.inference.infer import predict_probabilities

pytest.importorskip("pandas")
pytest.importorskip("numba")

SETTINGS = {
    "architecture": "hydra_multirocket",
    "options": {"features": 672, "dilations": 2, "groups": 2},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run and its data; to be read, not changed."""
    folder = tmp_path_factory.mktemp("solved")
    data = write_waves(folder / "data")
    run = convscope.train(data, out=folder / "run", **SETTINGS)
    return SimpleNamespace(run=run, folder=run.folder, data=data)


def test_it_is_solved_and_what_that_means_is_said(trained):
    assert trained.run.metrics()["test"]["accuracy"] > 0.9
    assert files_of(trained) == CONTENT
    (row,) = rows(trained.run)
    assert float(row["accuracy"]) >= float(row["val_accuracy"]) > 0.8
    record = trained.run.record()
    assert record["settings"] == {"seed": 0, "class_weights": False}
    assert record["device"]["policy"] == "float32"
    assert any("hydra_multirocket is solved in closed form" in line for line in record["decisions"])


def test_the_saved_model_answers_by_keras_as_by_compiled_loops(trained):
    model = keras.models.load_model(trained.run.model_path, safe_mode=True)
    x = np.random.default_rng(0).normal(size=(12, *model.input_shape[1:])).astype(np.float32)
    found = predict_probabilities(model, HeldArrays(x), np.asarray)
    np.testing.assert_allclose(found, np.asarray(model.predict_on_batch(x)), atol=2e-3)
    assert convscope.evaluate(trained.folder).to_json() == trained.run.metrics()["test"]


@pytest.mark.parametrize("method", ["maps", "why", "kernels"])
def test_it_can_be_looked_at(trained, method):
    given = [] if method == "kernels" else [trained.data]
    found = convscope.look(trained.folder, *given, method=method)
    assert found.pictures
    attributions = [array for name, array in found.arrays.items() if method == "why"]
    assert all(np.abs(array).max() > 0 for array in attributions)


def test_it_is_explained_and_its_features_are_taken(trained, tmp_path):
    told = str(convscope.explain(trained.folder))
    assert "compete" in told
    assert "longest run" in told
    made = convscope.extract(trained.folder, trained.data, layers=["features"], out=tmp_path / "features")
    assert np.isfinite(made.matrix("features")).all()
    answers = {row.name: row.label for row in convscope.predict(trained.folder, [trained.data]).rows}
    columns = made.columns()
    assert dict(zip(columns.paths, columns.predictions, strict=True)) == answers


@pytest.mark.parametrize(("form", "name"), [("onnx", "model.onnx"), ("openvino", "model.xml")])
def test_it_is_exported(trained, tmp_path, form, name):
    pytest.importorskip("openvino" if form == "openvino" else "tf2onnx")
    assert convscope.export(trained.folder, form, tmp_path / name).deviation < 1e-3
