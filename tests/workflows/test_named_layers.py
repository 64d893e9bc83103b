"""A layer that a model does not have is refused before Keras is imported, or at least before data is read."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import convscope
from convscope.errors import UsageError
from convscope.workflows.opening.layers import check_named_layers

REFUSED = """
import sys
from convscope.errors import UsageError
from convscope.workflows.opening.layers import check_named_layers
try:
    check_named_layers(sys.argv[1], ["enormous"])
except UsageError as error:
    print(error.hint, "keras" in sys.modules)
"""


@keras.saving.register_keras_serializable("tests")
class Wrapped(keras.layers.Layer):
    """Holds a layer that no file lists."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.held = keras.layers.Dense(2, name="held")

    def build(self, shape):
        self.held.build(shape)

    def call(self, x):
        return self.held(x)


def saved(folder, *layers):
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.save(folder / "model.keras")
    return str(folder / "model.keras")


def test_a_run_tells_its_layers_without_keras(finished):
    made = subprocess.run(
        [sys.executable, "-c", REFUSED, str(finished.folder)], capture_output=True, text=True, check=True
    )
    assert made.stdout.startswith(("Did you mean", "It has")) and made.stdout.endswith("False\n")


def test_nested_models_operations_and_second_calls_are_known(tmp_path):
    inside = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="deep")], name="inside")
    entry = keras.Input((4,))
    model = keras.Model(entry, inside(inside(entry)) + entry)
    model.save(tmp_path / "model.keras")
    check_named_layers(str(tmp_path / "model.keras"), ["inside/deep", "deep", "inside#2", "add", "in*"])
    with pytest.raises(UsageError, match="no layer 'depe'") as caught:
        check_named_layers(str(tmp_path / "model.keras"), ["depe"])
    assert "Did you mean inside/deep" in caught.value.hint


def test_what_a_file_does_not_list_is_left_to_the_model(tmp_path):
    path = saved(tmp_path, Wrapped(name="around"))
    check_named_layers(path, ["held", "nothing"])
    assert convscope.look(path, np.zeros((2, 4)), method="statistics", layers="held").arrays
    with pytest.raises(UsageError, match="no layer 'nothing'"):
        convscope.look(path, [str(tmp_path / "not-there.npy")], layers="nothing")


def test_extraction_checks_before_it_reads_and_knows_its_own_words(tmp_path):
    path = saved(tmp_path, keras.layers.Dense(2, name="only"))
    with pytest.raises(UsageError, match="no layer 'onyl'") as caught:
        convscope.extract(
            path, [str(tmp_path / "gone.npy")], layers=["all", "onyl"], out=tmp_path / "f.parquet"
        )
    assert caught.value.hint == "Did you mean only?"


def test_numbers_that_are_no_array_are_told(tmp_path):
    with pytest.raises(UsageError, match="files or arrays"):
        convscope.look(saved(tmp_path, keras.layers.Dense(2, name="only")), [[0.0] * 4])
