"""Files of models that other programs wrote are opened, or refused by what they are and with what to do."""

import json
import os
import pickle
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from convscope.errors import ConvscopeError, DataError, UsageError
from convscope.kinds.contract.model_reader import PlainModel
from convscope.scope.graph.graph import trace
from convscope.workflows.load_model import open_model
from convscope.workflows.opening.contents import LARGEST_CONFIG

META = json.dumps({"keras_version": keras.__version__, "date_saved": "2026-01-01@00:00:00"})


def small():
    return keras.Sequential([keras.Input((4,)), layers.Dense(2, name="scores")])


def archive(path, config, weights=b""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("metadata.json", META)
        file.writestr("config.json", config if isinstance(config, (str, bytes)) else json.dumps(config))
        file.writestr("model.weights.h5", weights)
    return path


def entry(kind, module="keras.layers", registered=None, **config):
    return {"module": module, "class_name": kind, "config": config, "registered_name": registered}


def sequential(*entries):
    first = entry("InputLayer", batch_shape=[None, 4], dtype="float32", name="values")
    return entry("Sequential", "keras", "Sequential", name="m", layers=[first, *entries])


def write(folder, name, content):
    (folder / name).write_bytes(content)
    return folder / name


def torch_file(folder):
    with zipfile.ZipFile(folder / "net.pt", "w") as file:
        file.writestr("net/data.pkl", b"")
    return folder / "net.pt"


def saved_model(folder):
    (folder / "saved").mkdir()
    return write(folder / "saved", "saved_model.pb", b"").parent


def weights_alone(folder):
    small().save_weights(folder / "only.weights.h5")
    return folder / "only.weights.h5"


def old_weights_alone(folder):
    with h5py.File(folder / "old.h5", "w") as file:
        file.attrs["layer_names"] = [b"dense"]
    return folder / "old.h5"


def other_archive(folder):
    with zipfile.ZipFile(folder / "models.keras", "w") as file:
        file.writestr("best/model.keras", b"")
    return folder / "models.keras"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (saved_model, r"a SavedModel of TensorFlow.*model\.save"),
        (weights_alone, r"weights alone.*load_weights"),
        (old_weights_alone, r"weights alone.*load_weights"),
        (lambda folder: write(folder, "a.json", small().to_json().encode()), "architecture.*model_from_json"),
        (lambda folder: write(folder, "a.json", b'{"modelTopology": {}}'), r"TensorFlow\.js.*tensorflowjs"),
        (lambda folder: write(folder, "a.tflite", b"\0\0\0\0TFL3"), "TensorFlow Lite"),
        (lambda folder: write(folder, "renamed.keras", b"\0\0\0\0TFL3"), "TensorFlow Lite"),
        (lambda folder: write(folder, "a.onnx", b"\x08"), "ONNX"),
        (lambda folder: write(folder, "a.pb", b"\x0a"), "frozen graph"),
        (lambda folder: write(folder, "a.pth", pickle.dumps({})), "PyTorch"),
        (lambda folder: write(folder, "a.joblib", pickle.dumps({})), "pickle.*never read"),
        (lambda folder: write(folder, "a.mlmodel", b"\x08"), "Core ML"),
        (lambda folder: write(folder, "cp.ckpt.data-00000-of-00001", b"\0"), "checkpoint of TensorFlow"),
        (torch_file, "PyTorch"),
        (other_archive, r"holds no config\.json.*best/model\.keras"),
        (lambda folder: write(folder, "empty.keras", b""), "the file is empty"),
        (
            lambda folder: write(folder, "m.h5", b"version https://git-lfs.github.com/spec/v1\n"),
            "git lfs pull",
        ),
        (lambda folder: archive(folder / "m.h5", sequential()), r"Rename it: m\.keras"),
    ],
)
def test_what_keras_did_not_write_is_named_with_what_to_do(tmp_path, make, words):
    with pytest.raises(ConvscopeError, match=words):
        open_model(make(tmp_path))


@pytest.mark.timeout(60)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.keras")
    with pytest.raises(DataError, match=r"p\.keras is a pipe"):
        open_model(tmp_path / "p.keras")


def test_a_folder_of_an_unpacked_file_is_opened(tmp_path):
    model = small()
    model.save(tmp_path / "packed.keras")
    with zipfile.ZipFile(tmp_path / "packed.keras") as packed:
        packed.extractall(tmp_path / "unpacked")
    opened = open_model(tmp_path / "unpacked").model
    np.testing.assert_array_equal(opened.get_weights()[0], model.get_weights()[0])


# Small files that take much memory


def test_a_configuration_that_unpacks_to_much_is_refused(tmp_path):
    path = archive(tmp_path / "m.keras", b'{"a": "' + b"a" * LARGEST_CONFIG + b'"}')
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match=r"config\.json is larger than 32 MB"):
        open_model(path)


def test_weights_that_the_file_does_not_hold_are_not_made(tmp_path):
    path = archive(tmp_path / "m.keras", sequential(entry("Dense", name="wide", units=25_000_000)))
    with pytest.raises(DataError, match=r"declares weights.*'wide'.*its file holds"):
        open_model(path)


def test_an_architecture_that_no_memory_holds_is_refused():
    with pytest.raises(DataError, match="declares weights"):
        open_model("padded_cnn", input_shape=(400_000, 400_000, 3))


@pytest.mark.parametrize("config", ["[1]", "{", "[" * 100_000, b"\xff"])
def test_a_configuration_that_is_none_is_told(tmp_path, config):
    with pytest.raises(DataError, match=r"m\.keras: its config"):
        open_model(archive(tmp_path / "m.keras", config))


# Classes and code


def test_all_classes_that_are_missing_are_named_at_once(tmp_path):
    own = [entry("Mine", "theirs", "P>Mine", name="a"), entry("Other", "theirs", "P>Other", name="b")]
    with pytest.raises(DataError, match=r"'Mine', 'Other'.*--code MODULE"):
        open_model(archive(tmp_path / "m.keras", sequential(*own)))


def test_a_class_is_found_in_a_module_that_does_not_register_it(tmp_path, monkeypatch):
    code = "import keras\nclass Twice(keras.layers.Layer):\n    def call(self, x):\n        return 2 * x\n"
    (tmp_path / "unregistered_layers.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_group("layers")
    config = sequential(entry("Twice", "gone", "Twice", name="t"))
    path = archive(tmp_path / "m.keras", config, (tmp_path / "w.h5").read_bytes())
    try:
        model = open_model(path, code=["unregistered_layers"]).model
    finally:
        sys.modules.pop("unregistered_layers", None)
    np.testing.assert_array_equal(model(np.ones((1, 4), np.float32)), [[2, 2, 2, 2]])


def test_a_function_that_uses_a_name_from_outside_is_refused_before_it_runs(tmp_path):
    model = keras.Sequential(
        [keras.Input((4,)), layers.Lambda(lambda x: keras.ops.relu(x) + 0, output_shape=(4,), name="bends")]
    )
    model.save(tmp_path / "m.keras")
    with pytest.raises(DataError, match=r"layer bends.*--trust"):
        open_model(tmp_path / "m.keras")
    with pytest.raises(DataError, match=r"Lambda layer 'bends' uses keras, which the file does not hold"):
        open_model(tmp_path / "m.keras", trust=True)


# Files of Keras 2


def image_model():
    inputs = keras.Input((8, 8, 3), name="picture")
    x = layers.Conv2D(4, 3, name="conv_1", padding="same")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.DepthwiseConv2D(3, name="deep")(x)
    return keras.Model(inputs, layers.Dense(2, name="scores")(layers.Flatten(name="flat")(x)))


def as_keras_2(path, change):
    """Writes into an HDF5 file what Keras 2 wrote."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            layer.pop("module", None)
            change(layer)
        text = json.dumps(config).replace("conv_1", "conv/1")
        file.attrs["model_config"] = text.encode()
        file.attrs["keras_version"] = b"2.15.0"


def old_arguments(layer):
    config = layer["config"]
    if "batch_shape" in config:
        config["batch_input_shape"] = config.pop("batch_shape")
        config |= {"sparse": False, "ragged": False}
    if layer["class_name"] == "DepthwiseConv2D":
        config["groups"] = 1
    if layer["class_name"] == "BatchNormalization":
        config["axis"] = [3]
    if layer["class_name"] == "Conv2D":
        seeded = {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}
        config["kernel_initializer"] = seeded
        config["dtype"] = {"class_name": "Policy", "config": {"name": "float32"}}


def test_a_file_of_keras_2_is_mended(tmp_path):
    model = image_model()
    model.save(tmp_path / "old.h5")
    as_keras_2(tmp_path / "old.h5", old_arguments)
    before = (tmp_path / "old.h5").read_bytes()
    opened = open_model(tmp_path / "old.h5").model
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(opened(x), model(x), rtol=1e-5, atol=1e-6)
    assert [layer.name for layer in opened.layers][1] == "conv_1"
    assert (tmp_path / "old.h5").read_bytes() == before


def test_an_argument_of_keras_2_that_changes_the_result_is_refused(tmp_path):
    image_model().save(tmp_path / "old.h5")

    def change(layer):
        old_arguments(layer)
        if layer["class_name"] == "DepthwiseConv2D":
            layer["config"]["groups"] = 2

    as_keras_2(tmp_path / "old.h5", change)
    with pytest.raises(DataError, match=r"'deep' \(DepthwiseConv2D\) was saved by Keras 2 with groups=2"):
        open_model(tmp_path / "old.h5")


def test_functions_of_tensorflow_between_layers_are_refused(tmp_path):
    image_model().save(tmp_path / "old.h5")

    def change(layer):
        old_arguments(layer)
        if layer["class_name"] == "Flatten":
            layer["class_name"] = "TFOpLambda"

    as_keras_2(tmp_path / "old.h5", change)
    with pytest.raises(DataError, match=r"functions of TensorFlow between its layers \(flat\).*Rescaling"):
        open_model(tmp_path / "old.h5")


# Weights that are no numbers, and models without a shape


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_found(tmp_path, value):
    model = small()
    weights = model.get_weights()
    weights[0][1, 1] = value
    model.set_weights(weights)
    with pytest.raises(DataError, match=r"NaN or infinite in .*scores/kernel"):
        open_model(model)
    model.save(tmp_path / "m.keras")
    with pytest.raises(DataError, match=r"m\.keras: weights are NaN"):
        open_model(tmp_path / "m.keras")


def test_a_model_without_an_input_is_built_for_the_shape_that_is_given():
    opened = open_model(keras.Sequential([layers.Conv2D(2, 3), layers.Flatten()]), input_shape=(8, 8, 1))
    assert opened.model.output_shape == (None, 72)
    with pytest.raises(UsageError, match=r"takes inputs of shape \(4,\).*Leave --input-shape out"):
        open_model(small(), input_shape=(5,))
    with pytest.raises(UsageError, match="does not take inputs of shape"):
        open_model(keras.Sequential([layers.Conv2D(2, 3)]), input_shape=(8,))


# Names of classes


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("names.txt", "cat\nsea lion\n"),
        ("labels.txt", "0 cat\n1 sea lion\n"),
        ("labels.txt", "1: sea lion\n0: cat\n"),
        ("names.json", '["cat", "sea lion"]'),
        ("names.json", '{"1": "sea lion", "0": "cat"}'),
        ("class_indices.json", '{"cat": 0, "sea lion": 1}'),
        ("imagenet_class_index.json", '{"0": ["n01", "cat"], "1": ["n02", "sea lion"]}'),
    ],
)
def test_names_of_classes_are_read(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert open_model(small(), class_names=tmp_path / name).class_names == ("cat", "sea lion")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("names.txt", b"cat\n", "holds 1 class names; the model has 2 outputs"),
        ("names.txt", b"cat\n\ndog\n", r"names\.txt:2: expected a class name"),
        ("names.txt", b"", "holds no names"),
        ("names.txt", b"\xff\xfe\x00", "not UTF-8"),
        ("names.json", b'{"0": "cat", "2": "dog"}', "no class has the index 1"),
        ("names.json", b'{"cat": "dog"}', "no index with a name"),
        ("names.json", b"3", "holds no list of names"),
        ("names.json", b"{", "is no JSON"),
    ],
)
def test_names_that_cannot_be_meant_are_told(tmp_path, name, content, words):
    with pytest.raises(DataError, match=words):
        open_model(small(), class_names=write(tmp_path, name, content))


# What layers and inputs are called


def test_a_name_is_taken_as_it_is_before_it_is_taken_for_a_pattern():
    named = [layers.Conv2D(2, 3, name=name) for name in ("conv[a]", "conv*", "-größe $x$", "conva")]
    graph = trace(keras.Sequential([keras.Input((12, 12, 1)), *named]))
    for name in ("conv[a]", "conv*", "-größe $x$", "conva"):
        assert [call.path for call in graph.select([name])] == [name]
    assert len(graph.select(["conv?a?"])) == 1


def test_the_inputs_of_a_model_of_two_pictures_are_named():
    left, right = (keras.Input((8, 8, 3), name=name) for name in ("left", "right"))
    model = keras.Model([left, right], layers.Flatten()(layers.Subtract()([left, right])), name="pairs")
    error = PlainModel(model, trace(model)).mismatch("images")
    assert "takes 2 inputs: 'left' (8, 8, 3), 'right' (8, 8, 3)" in error.message
    assert "np.savez('inputs.npz', left=..., right=...)" in error.hint
