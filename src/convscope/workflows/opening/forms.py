"""What a path to a model is, by its first bytes and its contents; nothing here needs Keras."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from convscope.errors import DataError, UsageError

SUFFIXES = (".keras", ".h5", ".hdf5")
Form = Literal["archive", "folder", "hdf5"]
"""A `.keras` file, such a file unpacked into a folder, or an HDF5 file."""

HDF5 = b"\x89HDF\r\n\x1a\n"
_PICKLE = b"\x80"
_LARGEST_JSON = 64 * 2**20
_AS_FUNCTION = "module:function, a function of your own that returns the model"
_CONVERT = (
    "convscope opens models of Keras: build the same architecture in Keras, copy the weights into it, and "
)
_SAVE = "save it: model.save('model.keras')."


@dataclass(frozen=True)
class OtherForm:
    """A form of model that is no file of Keras.

    Args:
        what: What the file is, in words that go on after "is".
        hint: What turns it into something that can be opened.
    """

    what: str
    hint: str


_SAVED_MODEL = OtherForm(
    "a SavedModel of TensorFlow: a compiled graph, in which no layers can be told apart",
    "Where the model was made, save it as Keras does: model.save('model.keras'). One that Keras 2 wrote "
    "is read "
    "with TensorFlow 2.15: tf.keras.models.load_model('FOLDER').save('model.h5').",
)
_KERAS_CHECKPOINT = OtherForm(
    "a checkpoint of TensorFlow: weights without the model that they belong to",
    f"Build the model in Python, load them (model.load_weights), and {_SAVE}",
)
_ONNX = OtherForm("an ONNX model", f"{_CONVERT}{_SAVE}")
_TORCH = OtherForm("a file of PyTorch", f"{_CONVERT}{_SAVE}")
_TFLITE = OtherForm(
    "a TensorFlow Lite model, from which training layers and names are gone",
    f"Open the Keras model from which it was converted, and {_SAVE}",
)
_PICKLED = OtherForm(
    "a pickle, which runs code when it is opened and is never read",
    f"Load it where you made it (pickle.load, joblib.load), and {_SAVE}",
)
_ARCHITECTURE = OtherForm(
    "the architecture of a Keras model as JSON, without weights",
    "In Python: model = keras.models.model_from_json(open('FILE').read()); "
    "model.load_weights('FILE.weights.h5'); "
    "model.save('model.keras').",
)
_TENSORFLOW_JS = OtherForm(
    "a model of TensorFlow.js",
    "Convert it: tensorflowjs_converter --input_format tfjs_layers_model --output_format keras "
    "model.json model.h5",
)
WEIGHTS_ALONE = OtherForm(
    "a file of weights alone: it does not say which layers they belong to",
    f"Build the model in Python, model.load_weights('FILE'), and {_SAVE} Or give {_AS_FUNCTION}.",
)
_BY_SUFFIX: Mapping[str, OtherForm] = {
    ".pb": OtherForm("a frozen graph of TensorFlow, without layers", _SAVED_MODEL.hint),
    ".onnx": _ONNX,
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".safetensors": OtherForm("a file of weights in safetensors format, without a model", WEIGHTS_ALONE.hint),
    ".tflite": _TFLITE,
    ".lite": _TFLITE,
    ".pkl": _PICKLED,
    ".pickle": _PICKLED,
    ".joblib": _PICKLED,
    ".mlmodel": OtherForm("a Core ML model", f"Open the model from which it was converted, and {_SAVE}"),
    ".mlpackage": OtherForm("a Core ML model", f"Open the model from which it was converted, and {_SAVE}"),
    ".caffemodel": OtherForm("a file of weights of Caffe", f"{_CONVERT}{_SAVE}"),
    ".prototxt": OtherForm("an architecture of Caffe", f"{_CONVERT}{_SAVE}"),
    ".mat": OtherForm(
        "a file of MATLAB", f"Export the network to Keras (exportNetworkToTensorFlow), and {_SAVE}"
    ),
    ".engine": OtherForm("a TensorRT engine", f"Open the model from which it was converted, and {_SAVE}"),
    ".ckpt": _KERAS_CHECKPOINT,
    ".index": _KERAS_CHECKPOINT,
}
"""Endings that say what a file is where its bytes do not."""


def is_other_form(path: Path) -> bool:
    """Whether the ending of a path is that of a model of another package."""
    return path.suffix.lower() in _BY_SUFFIX or ".data-00000-of-" in path.name


def form_of(path: Path) -> Form:
    """The form of a Keras model at a path that exists.

    Args:
        path: A file, or the folder of an unpacked `.keras` file.

    Raises:
        DataError: It is no Keras model; the message says what it is, the hint how to make one of it.
        UsageError: It is a folder of something else.
    """
    if path.is_dir():
        return _form_of_folder(path)
    if not path.is_file():
        raise DataError(
            f"{path} is a pipe, a socket or a device, expected a file of a model.",
            "Write the model to a file first: cat PIPE > model.keras.",
        )
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if head.startswith(HDF5):
        return _named("hdf5", path, (".h5", ".hdf5"))
    if zipfile.is_zipfile(path):
        return _form_of_zip(path)
    other = _other_of(path, head)
    if other is not None:
        raise refusal(path, other)
    if path.suffix not in SUFFIXES:
        raise DataError(
            f"{path} is not a Keras model: expected a file that ends in {', '.join(SUFFIXES)}.",
            "Save the model with model.save('model.keras').",
        )
    expected = "a zip archive" if path.suffix == ".keras" else "an HDF5 file"
    empty = "the file is empty" if not head else "it is none"
    pointer = " It is a pointer of Git LFS." if head.startswith(b"version https://git-lfs") else ""
    raise DataError(
        f"{path} is not a Keras model: expected {expected}, {empty}.{pointer}",
        "Fetch the file itself: git lfs pull." if pointer else "Copy or download it again.",
    )


def refusal(path: Path, other: OtherForm) -> DataError:
    """The error for a form that cannot be opened."""
    return DataError(f"{path} is {other.what}.", other.hint)


def _form_of_folder(path: Path) -> Form:
    if (path / "config.json").is_file() and (path / "model.weights.h5").is_file():
        return "folder"
    if (path / "saved_model.pb").exists() or (path / "saved_model.pbtxt").exists():
        raise refusal(path, _SAVED_MODEL)
    if path.suffix in _BY_SUFFIX:
        raise refusal(path, _BY_SUFFIX[path.suffix])
    if (path / "checkpoint").is_file() or next(path.glob("*.index"), None) is not None:
        raise refusal(path, _KERAS_CHECKPOINT)
    if (path / "model.json").is_file() and (other := _other_of(path / "model.json", b"")) is not None:
        raise refusal(path, other)
    if any((path / name).is_file() for name in ("pytorch_model.bin", "model.safetensors")):
        raise refusal(path, OtherForm("a model of Hugging Face Transformers", f"{_CONVERT}{_SAVE}"))
    raise UsageError(
        f"{path} is a folder but not a run: it has no run.json.",
        "Give the folder that `convscope train` printed on its last line, or a .keras file.",
    )


def _form_of_zip(path: Path) -> Form:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{path} is a damaged zip archive: {error}.", "Copy or download it again.") from error
    if "config.json" in names:
        return _named("archive", path, (".keras",))
    if any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        raise refusal(path, _TORCH)
    inside = [name for name in names if Path(name).suffix in SUFFIXES]
    found = f"Unpack it and give {inside[0]}." if inside else "Save the model with model.save('model.keras')."
    raise DataError(
        f"{path} cannot be opened as a Keras model: the archive holds no config.json, but "
        f"{', '.join(names[:3]) or 'nothing'}.",
        found,
    )


def _named(form: Form, path: Path, endings: tuple[str, ...]) -> Form:
    """The form, where the ending is that by which Keras knows it."""
    if path.suffix not in endings:
        what = "a .keras archive" if form == "archive" else "an HDF5 file"
        raise DataError(
            f"{path} is {what}, which Keras opens only under the ending {endings[0]}.",
            f"Rename it: {path.with_suffix(endings[0]).name}.",
        )
    return form


def _other_of(path: Path, head: bytes) -> OtherForm | None:
    """What a file is that no Keras wrote; None if nothing says so."""
    suffix = path.suffix.lower()
    if head[4:8] == b"TFL3":
        return _TFLITE
    if suffix == ".json":
        return _json_form(path)
    if ".data-00000-of-" in path.name:
        return _KERAS_CHECKPOINT
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    return _PICKLED if head.startswith(_PICKLE) and suffix not in SUFFIXES else None


def _json_form(path: Path) -> OtherForm | None:
    if path.stat().st_size > _LARGEST_JSON:
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    forms: tuple[tuple[Callable[[dict[str, object]], bool], OtherForm], ...] = (
        (lambda found: "modelTopology" in found, _TENSORFLOW_JS),
        (lambda found: {"class_name", "config"} <= set(found), _ARCHITECTURE),
    )
    return next((other for fits, other in forms if fits(content)), None)
