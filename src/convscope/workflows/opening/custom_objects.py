"""Classes and functions that a model needs besides those of Keras, found where the user says they are."""

from __future__ import annotations

import builtins
import dis
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import keras

from convscope.errors import DataError
from convscope.workflows.opening.contents import ModelContents

_PACKAGES = (
    "layers",
    "models",
    "initializers",
    "regularizers",
    "constraints",
    "activations",
    "dtype_policies",
)
_OF_TENSORFLOW = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod")
_HELD_IN_FILES = "__lambda__"


def check_trust(contents: ModelContents) -> None:
    """Refuses a file that holds code.

    Raises:
        DataError: It does; the layers are named.
    """
    layers = sorted({str(entry["config"].get("name")) for entry in _lambda_layers(contents)})
    held = any(entry["class_name"] == _HELD_IN_FILES for entry in contents.entries())
    if layers or held:
        which = f" (layer {', '.join(layers)})" if layers else ""
        raise DataError(
            f"{contents.path} holds code, such as a Lambda layer{which}, that would run when it is "
            "opened, and was "
            "refused.",
            "If you know who made it, allow it with --trust (trust=True).",
        )


def custom_objects(contents: ModelContents, modules: Sequence[ModuleType]) -> dict[str, Any]:
    """The classes and functions that a model needs and Keras does not know, by name.

    Args:
        contents: What the file says.
        modules: Where they are looked for, registered with Keras or not.

    Raises:
        DataError: Some are nowhere, or the model was made of operations that Keras 3 cannot read.
    """
    found: dict[str, Any] = {}
    missing: list[str] = []
    for entry in contents.entries():
        name, registered = _names(entry)
        if entry["class_name"] in _OF_TENSORFLOW:
            raise _operations_of_tensorflow(contents)
        if not name or _is_known(entry, name, registered):
            continue
        own = next((vars(module)[name] for module in modules if name in vars(module)), None)
        if own is None:
            missing.append(name)
        else:
            found |= {name: own, registered: own}
    if missing:
        names = ", ".join(f"'{name}'" for name in dict.fromkeys(missing))
        where = " and ".join(module.__name__ for module in modules)
        looked = f" It is not in {where} either." if where else ""
        raise DataError(
            f"{contents.path} needs {names}, which is not registered with Keras.{looked}",
            "Name the module that defines it: --code MODULE (code=[...]), such as --code my_layers for "
            "my_layers.py.",
        )
    return found


def check_names_of_lambdas(model: keras.Model, path: Path) -> None:
    """Refuses functions of Lambda layers that use names which no file holds, before one of them is called.

    Raises:
        DataError: Such a function; layer and names are named.
    """
    for layer in model._flatten_layers():
        function = getattr(layer, "function", None)
        if not isinstance(layer, keras.layers.Lambda) or not isinstance(function, FunctionType):
            continue
        known = {*function.__globals__, *vars(builtins)}
        missing = [name for name in dict.fromkeys(_globals_of(function.__code__)) if name not in known]
        if missing:
            raise DataError(
                f"{path}: the function of the Lambda layer '{layer.name}' uses {', '.join(missing)}, "
                "which the file "
                "does not hold: only the body of a function is saved.",
                "Import what it needs inside the function, or write a layer of your own "
                "(keras.layers.Layer) and "
                "give its module with --code; then save the model again.",
            )


def _names(entry: dict[str, Any]) -> tuple[str, str]:
    """The name of a class or function, and that under which it is registered."""
    name = entry["class_name"]
    if name.startswith("__") or "config" not in entry:
        return "", ""
    if name == "function":
        name = entry["config"] if isinstance(entry["config"], str) else ""
        return name, name
    return name, str(entry.get("registered_name") or name)


def _is_known(entry: dict[str, Any], name: str, registered: str) -> bool:
    if keras.saving.get_registered_object(registered) or keras.saving.get_registered_object(name):
        return True
    module = entry.get("module")
    if isinstance(module, str) and (module == "keras" or module.startswith("keras.")):
        return True
    if entry["class_name"] == "function":
        places = (
            keras.activations,
            keras.initializers,
            keras.regularizers,
            keras.losses,
            keras.metrics,
            keras.ops,
        )
        return any(hasattr(place, name) for place in places)
    if "module" in entry and module is not None:
        return module.partition(".")[0] in ("keras_hub", "keras_cv", "keras_nlp") or module == "builtins"
    legacy = {"Policy", "Functional", "Model", "Sequential", "InputLayer", *_OF_TENSORFLOW}
    return name in legacy or any(hasattr(getattr(keras, package), name) for package in _PACKAGES)


def _lambda_layers(contents: ModelContents) -> Iterator[dict[str, Any]]:
    for entry in contents.entries():
        if entry["class_name"] == "Lambda" and isinstance(entry.get("config"), dict):
            function = entry["config"].get("function")
            registered = isinstance(function, dict) and function.get("class_name") == "function"
            if not registered and not isinstance(function, str):
                yield entry


def _operations_of_tensorflow(contents: ModelContents) -> DataError:
    layers = [entry for entry in contents.entries() if entry["class_name"] in _OF_TENSORFLOW]
    names = [str(entry["config"].get("name")) for entry in layers if isinstance(entry.get("config"), dict)]
    shown = ", ".join(dict.fromkeys(names[:3]))
    return DataError(
        f"{contents.path} was written by Keras 2 with functions of TensorFlow between its layers "
        f"({shown}), which "
        "Keras 3 cannot read.",
        "Where it was made, write these steps as layers (Rescaling, Normalization, Add, Reshape, or a "
        "layer of your "
        "own), or in Keras 3 with keras.ops; copy the weights with set_weights, and save it: "
        "model.save('model.keras').",
    )


def _globals_of(code: CodeType) -> Iterator[str]:
    """Names that a function takes from outside, also from functions inside."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)
