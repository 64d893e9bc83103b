"""Models that something faster than Keras can answer for: a registry by the class of one of their layers.

The Keras model stays what is trained, saved, exported and inspected; its compiled form gives its answers.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import keras

from convscope.engine.device import backend_file
from convscope.lazy import Lazy
from convscope.types import Array, ArrayTree

Answer = Callable[[ArrayTree], list[Array]]
"""From a batch to one array for each output."""
CompiledForm = Callable[[keras.Model], Answer | None]
"""From a model to what answers for it, with the weights that it has now; None where it cannot."""

_FORMS: dict[type[keras.layers.Layer], tuple[str, Lazy[CompiledForm]]] = {}


def register_compiled_form(layer: type[keras.layers.Layer], needs: str, form: Lazy[CompiledForm]) -> None:
    """Says what can answer for models with layers of a class.

    Args:
        layer: The class.
        needs: The package that it needs, by the name that Python imports; where it is missing, Keras answers.
        form: What makes the compiled form.
    """
    _FORMS[layer] = (needs, form)


def compiled_answer(model: keras.Model) -> Answer | None:
    """What answers for a model faster than Keras; None where nothing does, and on a GPU or TPU."""
    found = next((_FORMS[type(layer)] for layer in model.layers if type(layer) in _FORMS), None)
    if found is None or find_spec(found[0]) is None or backend_file().accelerator() is not None:
        return None
    return found[1].load()(model)
