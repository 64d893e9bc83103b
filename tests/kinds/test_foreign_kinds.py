"""What other packages bring, and what lies in a folder, never ends in a traceback or waits for ever."""

import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import convscope
from convscope.data.snapshot import DataSnapshot
from convscope.errors import BackendError, DataError, UsageError
from convscope.kinds import registry
from convscope.kinds.image.kind import IMAGE
from convscope.lazy import Lazy
from convscope.option import Option, validated


def entry(value):
    return EntryPoint("other", value, registry.ENTRY_POINTS)


@pytest.mark.parametrize(
    ("value", "message"),
    [("no_such_module:KIND", "cannot be imported"), ("math:pi", "is a float, expected a Kind")],
)
def test_an_entry_point_that_brings_no_kind_is_named(value, message):
    with pytest.raises(UsageError, match=f"entry point 'other'.*{message}"):
        registry._brought(entry(value), [])


@pytest.mark.parametrize("name", ["random_convolution", "compact_cnn"])
def test_an_architecture_of_a_name_that_is_taken_is_refused(name):
    ours = replace(
        IMAGE, name="other", recipes=(), architectures=(replace(IMAGE.architectures[0], name=name),)
    )
    with pytest.raises(UsageError, match=f"architecture '{name}' of place has a name that is taken"):
        registry._check_new([IMAGE], ours, "place")


def raising(snapshot):
    raise ValueError("boom")


def test_a_detection_that_fails_names_its_kind(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "raising_kind", sys.modules[__name__])
    kind = replace(IMAGE, name="other", detect=Lazy("raising_kind:raising"))
    with pytest.raises(DataError, match="detection of the kind other failed: ValueError: boom"):
        registry._detection(kind, DataSnapshot(tmp_path))


def test_a_package_that_is_missing_is_told_with_what_to_install(monkeypatch):
    needy = replace(IMAGE, requires=("no_such_package.part",))
    monkeypatch.setattr(registry, "kind_of", lambda spec: needy)
    with pytest.raises(BackendError, match=r"needs no_such_package\.part") as caught:
        registry.find_recipe("image-classification")
    assert caught.value.hint == "Install it."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.csv")
    assert DataSnapshot(tmp_path).files == ()


def test_a_name_with_signs_of_a_pattern_is_no_file():
    with pytest.raises(DataError, match="there is no such file or folder"):
        registry.choose_spec(Path("x**"))


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_number_has_to_be_finite(value):
    with pytest.raises(UsageError, match="floor must be a finite number"):
        validated([Option("floor", float, 1.0, "")], {"floor": value}, "nobody")


def test_plain_keras_loads_layers_of_ours_after_they_are_registered(tmp_path):
    convscope.build("text_cnn", (12,), 3, vocabulary=50).save(tmp_path / "text.keras")
    code = (
        "import sys, convscope, keras; convscope.register_layers();"
        "print(keras.models.load_model(sys.argv[1]).count_params() > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "text.keras")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "True"
