"""Opens Keras files; what is inside runs only where it is trusted."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import keras

from convscope.errors import ConvscopeError, DataError
from convscope.kinds.registry import register_layers

SUFFIXES = (".keras", ".h5", ".hdf5")


def load_file(path: Path, *, trust: bool = False) -> keras.Model:
    """Loads a Keras file; code inside it runs only if it is trusted.

    Raises:
        DataError: It is not a Keras model, holds code and is not trusted, or needs a class that is not known.
    """
    if path.suffix not in SUFFIXES:
        raise DataError(
            f"{path} is not a Keras model: expected a file that ends in {', '.join(SUFFIXES)}.",
            "Save the model with model.save('model.keras').",
        )
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        raise DataError(f"{path} is not a Keras model: expected a zip archive, which it is not.")
    register_layers()
    try:
        loaded = keras.models.load_model(path, compile=False, safe_mode=not trust)
    except ConvscopeError:
        raise
    except Exception as error:
        raise _unloadable(path, error) from error
    if not isinstance(loaded, keras.Model):
        raise DataError(f"{path} holds a {type(loaded).__name__}, expected a model.")
    return loaded


def _unloadable(path: Path, error: Exception) -> DataError:
    text = str(error)
    if "safe_mode" in text or "enable_unsafe_deserialization" in text:
        return DataError(
            f"{path} holds code, such as a Lambda layer, that would run when it is opened, and was refused.",
            "If you know who made it, allow it with --trust (trust=True).",
        )
    missing = re.search(r"Could not locate (?:class|function) '([^']+)'", text)
    if missing:
        return DataError(
            f"{path} needs '{missing[1]}', which is not registered with Keras.",
            "Name the module that defines and registers it: --code MODULE (code=[...]).",
        )
    first = text.strip().partition("\n")[0] or type(error).__name__
    return DataError(f"{path} cannot be opened as a Keras model: {first}")
