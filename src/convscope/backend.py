"""Finds the Keras backend before Keras is first imported."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys

from convscope.errors import BackendError, install_command

BACKENDS = ("tensorflow", "jax", "torch")
JAX_ACCELERATORS = ("jax_cuda12_plugin", "jax_cuda13_plugin", "libtpu")
"""Packages that only an installation of JAX for a GPU or TPU has."""


def _is_no_retracing(record: logging.LogRecord) -> bool:
    """Whether TensorFlow's log says something else than that functions are traced anew."""
    return "triggered tf.function retracing" not in str(record.msg)


def prepare_backend() -> str:
    """Chooses the backend that Keras will import, if the user has not.

    Keras itself reads the variable `KERAS_BACKEND`; where it is unset, JAX is taken if its build for a GPU or
    TPU is installed, else the first installed of TensorFlow, JAX and PyTorch. TensorFlow's start-up
    chatter is muted unless its own variable is set, and so is what it says of functions traced anew.

    Returns:
        The name of the backend: `tensorflow`, `jax` or `torch`.

    Raises:
        BackendError: No backend is installed, or not the one that is asked for.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Folds, seeds and ensembles build models of their own, each with functions of its own.
    logging.getLogger("tensorflow").addFilter(_is_no_retracing)
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
    on_accelerator = "jax" in installed and any(map(importlib.util.find_spec, JAX_ACCELERATORS))
    return os.environ.setdefault("KERAS_BACKEND", "jax" if on_accelerator else installed[0])


def choose_jax() -> None:
    """Chooses JAX, on which alone several processes train a model together, where nothing else is chosen.

    Raises:
        BackendError: JAX is not installed, or another backend is asked for or running.
    """
    asked = os.environ.get("KERAS_BACKEND")
    if "keras" in sys.modules:
        import keras

        asked = str(keras.backend.backend())
    if asked not in (None, "jax"):
        raise BackendError(
            f"A training on a cluster runs on the Keras backend jax. Received: {asked}.",
            "Set KERAS_BACKEND=jax before Keras is imported.",
        )
    if importlib.util.find_spec("jax") is None:
        raise BackendError(
            "A training on a cluster runs on the Keras backend jax, which is not installed.",
            f"Install it: {install_command('jax')}",
        )
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # workers share the GPU with this process
