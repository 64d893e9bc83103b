"""A model is opened by whatever names it; what is no model, or not safe, is told."""

import random
import sys
import zipfile

import keras
import numpy as np
import pytest

from convscope.errors import DataError, UsageError
from convscope.workflows.load_model import open_model

MODULE = """
import keras

@keras.saving.register_keras_serializable("{package}")
class Doubling(keras.layers.Layer):
    def call(self, x):
        return 2 * x

def make(units=3, deep=False):
    layers = [keras.layers.Dense(units) for _ in range(2 if deep else 1)]
    return keras.Sequential([keras.Input((4,)), Doubling(), *layers])

def text():
    return "no model"

def breaks():
    raise RuntimeError("out of order")
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's own, in the folder where the user stands."""
    name = f"own_layers_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE.format(package=name))
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_a_file_is_opened(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "small.keras")
    opened = open_model(tmp_path / "small.keras")
    assert opened.name == "small"
    for old, new in zip(model.get_weights(), opened.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_run_brings_its_classes_and_its_representation(finished):
    opened = open_model(finished.folder)
    assert opened.class_names == ("disc", "horizontal", "vertical")
    assert opened.representation.shape == (16, 16, 1)


def test_fresh_weights_are_the_same_each_time_and_draws_go_on():
    random.seed(7)
    expected = random.Random(7).random()
    first, second = (open_model("compact_cnn").model.get_weights() for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert random.random() == expected


def test_an_architecture_is_built():
    opened = open_model("compact_cnn", input_shape=(32, 32, 3), classes=4)
    assert opened.model.input_shape == (None, 32, 32, 3)
    assert opened.model.output_shape == (None, 4)
    assert "fresh weights" in opened.origin


def test_a_function_gives_a_model(module):
    assert open_model(f"{module}:make").model.output_shape == (None, 3)
    assert open_model(f"{module}:make(5)").model.output_shape == (None, 5)
    assert open_model(f"{module}:make(units=6, deep=True)").name == "make"


def test_a_class_that_is_not_registered_is_named_and_its_module_can_be_given(module, tmp_path):
    model = open_model(f"{module}:make").model
    model.save(tmp_path / "own.keras")
    for name in [name for name in keras.saving.get_custom_objects() if name.endswith(">Doubling")]:
        del keras.saving.get_custom_objects()[name]
    sys.modules.pop(module)
    with pytest.raises(DataError, match=r"'Doubling', which is not registered.*--code MODULE"):
        open_model(tmp_path / "own.keras")
    opened = open_model(tmp_path / "own.keras", code=[module])
    assert opened.model.output_shape == (None, 3)


def test_code_in_a_file_is_refused_unless_it_is_trusted(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "code.keras")
    with pytest.raises(DataError, match=r"holds code.*--trust"):
        open_model(tmp_path / "code.keras")
    trusted = open_model(tmp_path / "code.keras", trust=True)
    result = keras.ops.convert_to_numpy(trusted.model(np.ones((1, 3), np.float32)))
    np.testing.assert_array_equal(result, [[2, 2, 2]])


def test_what_is_no_model_file_is_told(tmp_path):
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(DataError, match="expected a zip archive"):
        open_model(tmp_path / "text.keras")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(DataError, match="cannot be opened as a Keras model"):
        open_model(tmp_path / "other.keras")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"expected a file that ends in \.keras"):
        open_model(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("compact_cn", "compact_cnn"),
        ("nowhere.keras", "no such file"),
        ("nothing_at_all", "module:function"),
        ("no_module:make", "cannot be imported"),
        ("{module}:nothing", "has no function 'nothing'"),
        ("{module}:text", "gave a str, expected a keras.Model"),
        ("{module}:breaks", "RuntimeError: out of order"),
        ("{module}:make(units=open('x'))", "not plain values"),
        ("{module}:make(3, ", "No model is named"),
    ],
)
def test_a_wrong_name_is_told(module, name, words):
    with pytest.raises(UsageError) as error:
        open_model(name.format(module=module))
    assert words in str(error.value)


def test_a_folder_that_is_no_run_is_told(tmp_path):
    with pytest.raises(UsageError, match="no run"):
        open_model(tmp_path)
