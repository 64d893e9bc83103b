"""Finds the Keras backend before Keras is first imported."""

from __future__ import annotations

import importlib.util
import os
import sys

from convscope.errors import BackendError

BACKENDS = ("tensorflow", "jax", "torch")


def prepare_backend() -> str:
    """Chooses the backend that Keras will import, if the user has not.

    Keras itself reads the variable `KERAS_BACKEND`; where it is unset, the first installed of TensorFlow,
    JAX and PyTorch is taken. TensorFlow's start-up chatter is muted unless its own variable is set.

    Returns:
        The name of the backend: `tensorflow`, `jax` or `torch`.

    Raises:
        BackendError: No backend is installed, or not the one that is asked for.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "keras" in sys.modules:
        import keras

        return str(keras.backend.backend())
    asked = os.environ.get("KERAS_BACKEND")
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if not installed:
        raise BackendError(
            "No Keras backend is installed.", 'Install one: pip install "convscope[tensorflow]"'
        )
    if asked and asked not in installed:
        known = asked in BACKENDS
        what = "is not installed" if known else "convscope does not know"
        raise BackendError(
            f"KERAS_BACKEND names '{asked}', which {what}.",
            f'Install it: pip install "convscope[{asked}]"'
            if known
            else f"Use one of {', '.join(BACKENDS)}.",
        )
    return os.environ.setdefault("KERAS_BACKEND", installed[0])
