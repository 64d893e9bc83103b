"""Writes a model in a form that runs without Keras, and runs it once to check its outputs."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from convscope.engine.inference.openvino_module import load_openvino
from convscope.errors import BackendError, ConvscopeError, RunError, UsageError

if TYPE_CHECKING:
    import keras

Form = Literal["onnx", "openvino", "litert", "saved-model"]
FORMS: tuple[Form, ...] = get_args(Form)
TOLERANCE = 1e-3
"""Largest deviation of a float32 probability that counts as the same."""

Floats = npt.NDArray[np.float32]
Sample = npt.NDArray[Any] | Mapping[str, npt.NDArray[Any]]

_INSTALL = 'Install what it needs: pip install "convscope[export]"'
_KERAS_FORMAT = {"onnx": "onnx", "openvino": "openvino", "litert": "litert", "saved-model": "tf_saved_model"}
SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "litert": ".tflite", "saved-model": ""}
# Tried with Keras 3.15. On JAX, Keras' OpenVINO export meets operations that OpenVINO cannot convert and its
# ONNX export needs jax2onnx; on PyTorch, its SavedModel export fails and LiteRT needs litert-torch.
_WRITERS = {
    "onnx": ("tensorflow", "torch"),
    "openvino": ("tensorflow", "torch"),
    "litert": ("tensorflow",),
    "saved-model": ("tensorflow", "jax"),
}


@dataclass(frozen=True)
class Exported:
    """A model that was written and checked.

    Args:
        path: The file; for `openvino` the `.xml`, with its weights in the `.bin` beside it; for `saved-model`
            a folder.
        form: How it was written.
        deviation: Largest absolute difference to the model's own output on the sample.
        size_bytes: Size on disk of all its files.
    """

    path: Path
    form: Form
    deviation: float
    size_bytes: int


def export(model: keras.Model, form: Form, out: Path, sample: Sample, *, overwrite: bool = False) -> Exported:
    """Exports a model in float32 and compares the outputs of the artefact with those of the model.

    The artefact appears under `out` only once it is complete and has passed. A model of mixed precision is
    exported, and compared, with the same weights in float32.

    Args:
        model: A built model with one output.
        form: `onnx`, `openvino`, `litert` or `saved-model`.
        out: Where to write; the suffix of the form is `.onnx`, `.xml`, `.tflite` or none.
        sample: Inputs to compare on, shape (n, ...) as the model takes them, n at least 1; of several inputs
            an array for each name.
        overwrite: Replace what is at `out`.

    Returns:
        The path, the form, the deviation and the size.

    Raises:
        UsageError: If the form is not known, `out` exists or has another suffix, or there is no sample.
        BackendError: If a dependency is missing or the current Keras backend cannot write the form.
        RunError: If the export fails, or the artefact deviates by more than 1e-3; nothing is left behind.
    """
    _check(form, out, sample, overwrite=overwrite)
    with muted():
        model = in_float32(model)
        expected = np.asarray(model.predict(sample, verbose=0), np.float32)
    folder = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        folder.mkdir(parents=True)
        deviation = _written(model, form, folder / out.name, sample, expected)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        _move_in(folder, out)
    except OSError as error:
        raise RunError(
            f"{out} cannot be written: {error.strerror}.", "Check the folder and its free space."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Exported(out, form, deviation, size)


def _written(model: keras.Model, form: Form, artefact: Path, sample: Sample, expected: Floats) -> float:
    """Writes the artefact and runs it; how far its output is from what is expected."""
    with _reported(form, "exported"), muted(), _constants_within(model):
        if form == "openvino":
            load_openvino()
        model.export(str(artefact), format=_KERAS_FORMAT[form], verbose=False)
    with _reported(form, "run"), muted():
        found = _RUNNERS[form](artefact, sample)
    if found.shape != expected.shape:
        raise RunError(
            f"The artefact outputs shape {found.shape}, the model {expected.shape}. The artefact was removed."
        )
    deviation = float(np.abs(found - expected).max())
    if not deviation <= TOLERANCE:
        raise RunError(
            f"The {form} artefact deviates from the model by {deviation:.2g}; at most {TOLERANCE:g} is "
            "expected. It was removed.",
            "Export another form, or report this with the model's architecture.",
        )
    return deviation


def _check(form: str, out: Path, sample: Sample, *, overwrite: bool) -> None:
    if form not in FORMS:
        raise UsageError(f"Unknown form '{form}'.", f"Use one of {', '.join(FORMS)}.")
    if out.suffix != SUFFIXES[form] and SUFFIXES[form]:
        raise UsageError(
            f"A file of form {form} ends in '{SUFFIXES[form]}'. Received: {out.name}.",
            f"Write {out.stem}{SUFFIXES[form]}.",
        )
    if len(sample) == 0:
        raise UsageError("export expects at least one sample to compare on. Received: none.")
    taken = next((path for path in _places(out) if path.exists() or path.is_symlink()), None)
    if taken and not overwrite:
        raise UsageError(f"{taken} exists already.", "Choose another name, or allow overwriting.")
    if taken and taken.is_dir() and not (form == "saved-model" and (taken / "saved_model.pb").is_file()):
        raise UsageError(
            f"{taken} is a folder that is not a SavedModel; it is not overwritten.", "Choose another name."
        )
    import keras

    backend = keras.backend.backend()
    if backend not in _WRITERS[form]:
        able = " or ".join(_WRITERS[form])
        raise BackendError(
            f"Keras cannot export {form} on its {backend} backend; it can on {able}.",
            f"Run again with KERAS_BACKEND={_WRITERS[form][0]}.",
        )


def _places(out: Path) -> tuple[Path, ...]:
    return (out, out.with_suffix(".bin")) if out.suffix == ".xml" else (out,)


def in_float32(model: keras.Model) -> keras.Model:
    """The model itself if it computes in float32, else a copy that does, with the same weights."""
    import keras

    if all(layer.dtype_policy.compute_dtype == "float32" for layer in _layers(model)):
        return model

    def plain(value: object) -> object:
        if isinstance(value, dict):
            if value.get("class_name") in ("DTypePolicy", "FloatDTypePolicy"):
                return "float32"
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(plain(each) for each in value)
        return "float32" if value in ("mixed_bfloat16", "mixed_float16") else value

    config = cast("dict[str, object]", plain(keras.saving.serialize_keras_object(model)))
    config.pop("compile_config", None)
    copy = keras.saving.deserialize_keras_object(config)
    copy.set_weights(model.get_weights())
    return copy


def _layers(model: keras.Model) -> list[keras.Layer]:
    return [layer for layer in model._flatten_layers() if layer.dtype_policy is not None]


def _move_in(folder: Path, out: Path) -> None:
    """Puts the finished files in place, the one named `out` last."""
    for made in sorted(folder.iterdir(), key=lambda path: path.name == out.name):
        place = out.with_name(made.name)
        if place.is_symlink() or not place.is_dir():
            made.replace(place)
            continue
        # A folder cannot be replaced in one step: the older one steps aside, and back if that fails.
        aside = folder.with_name(f"{folder.name}.old")
        place.rename(aside)
        try:
            made.rename(place)
        except OSError:
            aside.rename(place)
            raise
        shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def _constants_within(model: keras.Model) -> Iterator[None]:
    """Within it, what a `Normalization` has measured is part of what is exported.

    On TensorFlow, Keras 3.15 keeps it in tensors that are no variables, which ONNX takes for further inputs.
    """
    import keras

    measured = [layer for layer in model._flatten_layers() if type(layer) is keras.layers.Normalization]
    before = [(layer, layer.mean, layer.variance) for layer in measured]
    try:
        for layer, mean, variance in before:
            layer.mean, layer.variance = map(keras.ops.convert_to_numpy, (mean, variance))
        yield
    finally:
        for layer, mean, variance in before:
            layer.mean, layer.variance = mean, variance


@contextlib.contextmanager
def _reported(form: str, doing: str) -> Iterator[None]:
    """Turns whatever a converter or runtime raises into an error of the package."""
    try:
        yield
    except ImportError as error:
        raise BackendError(
            f"{form} models cannot be {doing} without: {error.name or error}.", _INSTALL
        ) from error
    except (ConvscopeError, OSError):
        raise
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise RunError(
            f"The {form} model cannot be {doing}: {first}", "Use --debug to see the cause."
        ) from error


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Keeps converters from printing, and drops the warnings that they cause in each other."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        for message, category in _THEIR_WARNINGS:
            warnings.filterwarnings("ignore", message=message, category=category)
        yield


_THEIR_WARNINGS: tuple[tuple[str, type[Warning]], ...] = (
    (r"In the future `np\.object`", FutureWarning),  # Keras asks NumPy 2 for a name that tf2onnx needs
    (r"__array__ implementation doesn't accept a copy keyword", DeprecationWarning),  # Keras to NumPy 2
    (r"\s*Warning: tf\.lite\.Interpreter is deprecated", UserWarning),  # still what TensorFlow itself ships
    (r"The `(native_serialization|enable_xla)` parameter is deprecated", DeprecationWarning),  # Keras to JAX
    (r"`torch\.jit\.trace(_method)?` is deprecated", DeprecationWarning),  # Keras to PyTorch, for OpenVINO
    (r"You are using the legacy TorchScript-based ONNX export", DeprecationWarning),  # Keras to PyTorch
    (r"The feature will be removed\. Please remove usage", DeprecationWarning),  # PyTorch to itself
    (r"Converting a tensor to a Python (boolean|integer)", Warning),  # tracing of static shapes
)


def _run_onnx(path: Path, sample: Sample) -> Floats:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    named = sample if isinstance(sample, Mapping) else {session.get_inputs()[0].name: sample}
    return np.asarray(session.run(None, named)[0], np.float32)


def _run_openvino(path: Path, sample: Floats) -> Floats:
    import openvino

    # OpenVINO would compute in bfloat16 where the processor can; the check is about the artefact.
    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.asarray(compiled(sample)[0], np.float32)


def _run_litert(path: Path, sample: Floats) -> Floats:
    interpreter = _litert_interpreter()(model_path=str(path))
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, sample.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, sample)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), np.float32)


def _litert_interpreter() -> Callable[..., Any]:
    try:
        from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        import tensorflow as tf

        return tf.lite.Interpreter  # type: ignore[no-any-return]
    return Interpreter  # type: ignore[no-any-return]


def _run_saved_model(path: Path, sample: Floats) -> Floats:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # its variables live only as long as this name
    return np.asarray(loaded.serve(sample), np.float32)


_RUNNERS: dict[str, Callable[[Path, Any], Floats]] = {
    "onnx": _run_onnx,
    "openvino": _run_openvino,
    "litert": _run_litert,
    "saved-model": _run_saved_model,
}
