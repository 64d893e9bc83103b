"""Configurations that Keras 2 wrote, brought to what Keras 3 reads."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras

from convscope.errors import DataError
from convscope.workflows.opening.contents import ModelContents

_EVERY_LAYER = frozenset(
    ("name", "trainable", "dtype", "batch_shape", "batch_input_shape", "input_shape", "activity_regularizer")
)
_WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "groups": (1,),
    "time_major": (False,),
    "implementation": (0, 1, 2),
    "ragged": (False,),
    "sparse": (False,),
    "fused": (None, True, False),
    "virtual_batch_size": (None,),
    "renorm": (False,),
    "adjustment": (None,),
    "input_length": (None,),
    "input_dtype": ("float32",),
    "mask_zero": (False,),
    "interpolation": ("nearest",),
}
"""Arguments of Keras 2 that layers of Keras 3 lack, with the values at which they change nothing."""


def is_of_keras_2(contents: ModelContents) -> bool:
    """Whether an HDF5 file was written by Keras 2 or older."""
    return contents.form == "hdf5" and not contents.keras_version.startswith("3.")


@contextmanager
def readable_by_keras_3(contents: ModelContents) -> Iterator[Path]:
    """Within it, there is a copy of an HDF5 file whose configuration Keras 3 reads.

    Args:
        contents: What the file says.

    Yields:
        The copy.

    Raises:
        DataError: A layer needs an argument that Keras 3 does not have.
    """
    import h5py

    mended = _renamed(_mended(contents.config, contents.path), _names_with_slashes(contents))
    with TemporaryDirectory(prefix="convscope-") as folder:
        copy = Path(folder, "model.h5")
        shutil.copyfile(contents.path, copy)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(mended).encode()
        yield copy


def _mended(value: Any, path: Path) -> Any:
    """A nested configuration in which every layer has only arguments that Keras 3 knows."""
    if isinstance(value, list):
        return [_mended(each, path) for each in value]
    if not isinstance(value, dict):
        return value
    mended = {key: _mended(each, path) for key, each in value.items()}
    if isinstance(mended.get("class_name"), str) and isinstance(mended.get("config"), dict):
        mended["config"] = _mended_arguments(mended["class_name"], mended["config"], path)
    return mended


def _mended_arguments(class_name: str, config: dict[str, Any], path: Path) -> dict[str, Any]:
    config = {name: _policy_name(each) if name == "dtype" else each for name, each in config.items()}
    made = getattr(keras.layers, class_name, None) or getattr(keras.initializers, class_name, None)
    if not inspect.isclass(made) or issubclass(made, keras.Model):
        return config
    if issubclass(made, keras.initializers.Initializer):
        return {name: each for name, each in config.items() if name != "dtype"}
    if class_name == "InputLayer":
        config = {name: each for name, each in config.items() if name != "ragged" or each}
        if "batch_input_shape" in config:
            config["batch_shape"] = config.pop("batch_input_shape")
    if class_name == "Lambda":
        return config
    makers = [
        vars(each)["__init__"] for each in made.__mro__ if "__init__" in vars(each) and each is not object
    ]
    known = {name for each in makers for name in inspect.signature(each).parameters} | _EVERY_LAYER
    kept = {name: each for name, each in config.items() if name in known}
    for name, each in config.items():
        if name not in known and each not in _WITHOUT_EFFECT.get(name, (None,)) and name != "input_length":
            raise DataError(
                f"{path}: the layer '{config.get('name')}' ({class_name}) was saved by Keras 2 with "
                f"{name}={each!r}, "
                "which Keras 3 does not support.",
                "Where it was made, save a model without it.",
            )
    return kept


def _policy_name(dtype: Any) -> Any:
    """The name of a dtype policy that Keras 2 wrote as an object."""
    if isinstance(dtype, dict) and dtype.get("class_name") == "Policy":
        return dtype["config"]["name"]
    return dtype


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """A nested configuration with other names of layers; Keras 3 refuses slashes in them."""
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _names_with_slashes(contents: ModelContents) -> dict[str, str]:
    configs = [entry["config"] for entry in contents.entries() if isinstance(entry.get("config"), dict)]
    names = {str(config["name"]) for config in configs if isinstance(config.get("name"), str)}
    return {name: name.replace("/", "_") for name in names if "/" in name}
