"""Computes a function of tensors with Keras: requests of one size, compiled where the backend compiles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.scope.differentiate import forward_program

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


class KerasProgram:
    """A program for requests of one size, one at a time.

    Args:
        function: From one tensor to a list of tensors.
        model: The Keras model that it calls.
        request_size: Samples per request.
        example: An input of the function, shape (n, ...).
    """

    def __init__(
        self, function: Callable[[Any], list[Any]], model: keras.Model, request_size: int, example: Array
    ) -> None:
        self.request_size = request_size
        self._compute = forward_program(model, function)
        self._one_at_a_time = threading.Lock()  # the layers are watched while they compute
        self.shapes = tuple(tuple(array.shape[1:]) for array in self._request(example[:1]))

    def results(self, batches: Iterator[Array]) -> Generator[list[Floats], None, None]:
        """The outputs of each batch, in order, each shape (samples of the batch, ...).

        Args:
            batches: Inputs of any length; the last request of each is filled up.
        """
        for batch in batches:
            outputs = [np.empty((len(batch), *shape), np.float32) for shape in self.shapes]
            for start in range(0, len(batch), self.request_size):
                part = batch[start : start + self.request_size]
                for whole, array in zip(outputs, self._request(part), strict=True):
                    whole[start : start + len(part)] = array[: len(part)]
            yield outputs

    def _request(self, part: Array) -> list[Array]:
        missing = self.request_size - len(part)
        if missing:
            part = np.concatenate([part, np.repeat(part[:1], missing, axis=0)])
        with self._one_at_a_time:
            arrays: list[Array] = self._compute(part)
        return arrays
