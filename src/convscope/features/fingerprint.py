"""By what a model is known again: its layers with their settings, and all its weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import keras
import numpy as np

from convscope.scope.graph.graph import trace


def model_fingerprint(model: keras.Model) -> str:
    """SHA-256 (hex) over a model's layers with their settings, and all its weights."""
    total = sha256()
    try:
        config = keras.saving.serialize_keras_object(model)
        total.update(json.dumps(_lasting(config), sort_keys=True).encode())
    except (NotImplementedError, TypeError, ValueError):  # the model cannot say in plain values what it is
        for call in trace(model).calls:
            total.update(f"{call.path} {call.type} {call.input_shapes} {call.output_shapes}\0".encode())
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight)
        total.update(f"{values.dtype} {values.shape}\0".encode())
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def _lasting(config: Any) -> Any:
    """A configuration without what training and loading change, and without names, which Keras counts up."""
    numbers = {name: f"#{number}" for number, name in enumerate(dict.fromkeys(_names(config)))}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            passing = ("compile_config", "build_config", "registered_name")
            return {key: plain(each) for key, each in value.items() if key not in passing}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        return numbers.get(value, value) if isinstance(value, str) else value

    return plain(config)


def _names(config: Any) -> Iterator[str]:
    """Every name in a configuration, in order."""
    if isinstance(config, dict):
        if isinstance(config.get("name"), str):
            yield config["name"]
        for value in config.values():
            yield from _names(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from _names(value)
