"""Opens Keras files; what is inside runs only where it is trusted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import keras

from convscope.errors import ConvscopeError, DataError
from convscope.kinds.registry import register_layers
from convscope.workflows.opening.contents import ModelContents, contents_of
from convscope.workflows.opening.custom_objects import check_names_of_lambdas, check_trust, custom_objects
from convscope.workflows.opening.keras2 import is_of_keras_2, readable_by_keras_3
from convscope.workflows.opening.weights import bounded_weights, check_weights


def load_file(path: Path, *, trust: bool = False, modules: Sequence[ModuleType] = ()) -> keras.Model:
    """Loads a Keras file; code inside it runs only if it is trusted.

    Args:
        path: A `.keras` or HDF5 file, or the folder of an unpacked `.keras` file.
        trust: Whether code inside it may run.
        modules: Where classes and functions are looked for that Keras does not know.

    Raises:
        DataError: It is not a Keras model, holds code and is not trusted, needs a class that is not known,
            takes more memory than there is, or has weights that are no numbers.
    """
    contents = contents_of(path)
    register_layers()
    if not trust:
        check_trust(contents)
    objects = custom_objects(contents, modules)
    try:
        with ExitStack() as stack:
            stack.enter_context(bounded_weights(str(path), contents.weight_bytes))
            file = stack.enter_context(readable_by_keras_3(contents)) if is_of_keras_2(contents) else path
            loaded = keras.models.load_model(file, custom_objects=objects, compile=False, safe_mode=not trust)
    except ConvscopeError:
        raise
    except Exception as error:
        raise _unloadable(contents, error) from error
    if not isinstance(loaded, keras.Model):
        raise DataError(f"{path} holds a {type(loaded).__name__}, expected a model.")
    check_names_of_lambdas(loaded, path)
    check_weights(loaded, str(path))
    return loaded


def _unloadable(contents: ModelContents, error: Exception) -> DataError:
    text, path = str(error), contents.path
    missing = re.search(r"Could not locate (?:class|function) '([^']+)'", text) or re.search(
        r"[Uu]nknown (?:layer|activation function|initializer|regularizer|object): '?([\w>]+)", text
    )
    if missing:
        return DataError(
            f"{path} needs '{missing[1]}', which is not registered with Keras.",
            "Name the module that defines and registers it: --code MODULE (code=[...]).",
        )
    inner = re.search(r"Exception encountered: (.+)", text)
    reason = (inner[1] if inner else text.strip().partition("\n")[0]).strip() or type(error).__name__
    unbuilt = "never been built" in text or "has not yet been built" in text
    if unbuilt:
        return DataError(
            f"{path} was saved before it was built, so that it has no weights.",
            "Call it on an example (model(x)) or give it an Input, and save it again.",
        )
    said, hint = "", ""
    written, here = contents.keras_version, keras.__version__
    if written and written.split(".")[:2] != here.split(".")[:2]:
        said = f" It was written by Keras {written}, this is Keras {here}."
        older = written.startswith(("1.", "2."))
        hint = (
            f"Where it was made, save it as HDF5: model.save('{path.stem}.h5')."
            if older and contents.form != "hdf5"
            else f"Install the Keras that wrote it: pip install keras=={written}."
        )
    return DataError(f"{path} cannot be opened as a Keras model: {reason}{said}", hint)
