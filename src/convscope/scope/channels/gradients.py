"""How a score changes with what any layer puts out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.scope.differentiate import gradient_program
from convscope.scope.graph.graph import trace
from convscope.scope.record import as_inputs, choose, record, tapped
from convscope.types import ArrayTree, Tensor

Score = Callable[[Tensor], Tensor]


def gradients(
    model: keras.Model, x: ArrayTree, layers: Sequence[str] | str, score: Score
) -> dict[str, npt.NDArray[np.float32]]:
    """Differentiates a score by the outputs of layers.

    A tensor of zeros is added to each layer's output and the score differentiated by it, which needs no
    access to the layer's inside: it works for nested, shared and subclassed models, on every backend.

    Args:
        model: Any Keras model; it is left as it was.
        x: Samples as the model takes them.
        layers: Paths, unique names or patterns.
        score: From the model's outputs, as it gives them, to a scalar, by `keras.ops`; one that sums over
            samples gives every sample's own gradient.

    Returns:
        By path, of the shape of the layer's (first) output, float32.

    Raises:
        UsageError: A layer that the model does not have or whose output is of whole numbers, or inputs that
            it cannot take.

    Example:
        >>> hidden = keras.layers.Dense(3, name="hidden")
        >>> model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(2)])
        >>> found = gradients(model, np.ones((5, 4)), "hidden", lambda y: keras.ops.sum(y[:, 1]))
        >>> found["hidden"].shape
        (5, 3)
    """
    x = as_inputs(model, x)
    paths = [call.path for call in choose(trace(model, x), layers)]
    if not paths:
        raise UsageError("No layer was given.", "Give at least one.")
    arrays = keras.tree.flatten(x)
    zeros = []
    for path, tap in record(model, x, paths).items():
        if tap.array.dtype.kind != "f":
            raise UsageError(f"'{path}' has integer outputs, which have no gradient.")
        zeros.append(np.zeros(tap.array.shape, np.float32))

    def scored(*tensors: Tensor) -> Tensor:
        inputs = keras.tree.pack_sequence_as(x, list(tensors[: len(arrays)]))
        with tapped(model, (), dict(zip(paths, tensors[len(arrays) :], strict=True))):
            return score(model(inputs, training=False)), {}

    wrt = range(len(arrays), len(arrays) + len(zeros))
    found, _ = gradient_program(model, scored, list(wrt), compiled=False)(*arrays, *zeros)
    return {path: np.asarray(array, np.float32) for path, array in zip(paths, found, strict=True)}
