"""Exported artefacts answer what the model answers, and nothing is left where one failed."""

import builtins

import keras
import numpy as np
import pytest

from convscope.engine import export as exporting
from convscope.engine.export import FORMS, export
from convscope.errors import BackendError, RunError, UsageError

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the backend that writes every form"
)
NAMES = {"onnx": "model.onnx", "openvino": "model.xml", "litert": "model.tflite", "saved-model": "model"}


def small_model(policy="float32"):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.ZeroPadding2D(dtype=policy),
            layers.Conv2D(4, 3, activation="relu", dtype=policy),
            layers.BatchNormalization(dtype=policy),
            layers.MaxPooling2D(dtype=policy),
            layers.Dropout(0.5, dtype=policy),
            layers.Flatten(dtype=policy),
            layers.Dense(3, activation="softmax", dtype="float32"),
        ]
    )


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture
def sample():
    return np.random.default_rng(0).random((5, 12, 12, 1), dtype=np.float32)


@on_tensorflow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_answers_as_the_model_does(form, model, sample, tmp_path, capfd):
    out = tmp_path / NAMES[form]
    exported = export(model, form, out, sample)
    assert (exported.path, exported.form) == (out, form)
    assert exported.deviation < 1e-5
    assert exported.size_bytes == sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert exported.size_bytes > 1000
    companions = {"openvino": {"model.bin"}}.get(form, set())
    assert {path.name for path in tmp_path.iterdir()} == {out.name} | companions
    assert capfd.readouterr().out == ""


@on_tensorflow
def test_the_artefact_takes_any_number_of_samples(model, sample, tmp_path):
    out = tmp_path / "model.onnx"
    export(model, "onnx", out, sample)
    for some in (sample[:1], np.repeat(sample, 4, axis=0)):
        assert np.allclose(exporting._run_onnx(out, some), model.predict(some, verbose=0), atol=1e-5)


@on_tensorflow
@pytest.mark.parametrize("form", FORMS)
def test_an_existing_artefact_is_kept_unless_it_may_be_overwritten(form, model, sample, tmp_path):
    out = tmp_path / NAMES[form]
    export(model, form, out, sample)
    with pytest.raises(UsageError, match="exists already"):
        export(model, form, out, sample)
    export(model, form, out, sample, overwrite=True)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(("form", "name"), NAMES.items())
def test_a_folder_of_something_else_is_never_overwritten(form, name, model, sample, tmp_path):
    (tmp_path / name).mkdir()
    (tmp_path / name / "photo.jpg").write_text("precious")
    with pytest.raises(UsageError, match="not overwritten"):
        export(model, form, tmp_path / name, sample, overwrite=True)
    assert (tmp_path / name / "photo.jpg").exists()


@on_tensorflow
def test_a_model_of_mixed_precision_is_exported_in_float32(sample, tmp_path):
    mixed = small_model("mixed_bfloat16")
    exported = export(mixed, "onnx", tmp_path / "model.onnx", sample)
    assert exported.deviation < 1e-5
    assert np.allclose(
        exporting._run_onnx(exported.path, sample), mixed.predict(sample, verbose=0), atol=0.05
    )


@on_tensorflow
@pytest.mark.parametrize("wrong", [lambda answer: answer + 0.01, lambda answer: answer * np.nan])
def test_an_artefact_that_deviates_is_removed(wrong, model, sample, tmp_path, monkeypatch):
    run = exporting._RUNNERS["onnx"]
    monkeypatch.setitem(exporting._RUNNERS, "onnx", lambda path, some: wrong(run(path, some)))
    with pytest.raises(RunError, match="deviates"):
        export(model, "onnx", tmp_path / "model.onnx", sample)
    assert not list(tmp_path.iterdir())


@on_tensorflow
def test_a_model_that_cannot_be_converted_leaves_nothing(sample, tmp_path):
    import tensorflow as tf

    class OnlyPython(keras.Layer):
        def call(self, inputs):
            return tf.ensure_shape(tf.numpy_function(np.tanh, [inputs], tf.float32), inputs.shape)

    inputs = keras.Input((12, 12, 1))
    unconvertible = keras.Model(inputs, OnlyPython()(inputs))
    with pytest.raises(RunError, match="openvino model cannot be exported"):
        export(unconvertible, "openvino", tmp_path / "model.xml", sample)
    assert not list(tmp_path.iterdir())


@on_tensorflow
def test_a_missing_runtime_says_what_to_install(model, sample, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "onnxruntime":
            raise ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BackendError, match="onnxruntime") as caught:
        export(model, "onnx", tmp_path / "model.onnx", sample)
    assert 'pip install "convscope[export]"' in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_backend_that_cannot_write_the_form_names_one_that_can(model, sample, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(BackendError, match="it can on tensorflow or torch") as caught:
        export(model, "openvino", tmp_path / "model.xml", sample)
    assert "KERAS_BACKEND=tensorflow" in caught.value.hint


@pytest.mark.parametrize(
    ("form", "name", "some", "says"),
    [
        ("pickle", "model", 1, "Unknown form"),
        ("onnx", "model.xml", 1, "ends in '.onnx'"),
        ("onnx", "model.onnx", 0, "at least one sample"),
    ],
)
def test_bad_use_is_refused_before_any_work(form, name, some, says, model, sample, tmp_path):
    with pytest.raises(UsageError, match=says):
        export(model, form, tmp_path / name, sample[:some])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_a_run_error(model, sample, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        export(model, "onnx", tmp_path / "file" / "model.onnx", sample)
