"""Stands beside every layer of a model while it computes: paths of calls, and what goes in and out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import keras
from keras import ops

from convscope.types import Tensor


class Watcher(Protocol):
    """What is told of each call."""

    def __call__(
        self, path: str, operation: keras.Operation, inputs: Tensor, outputs: Tensor, frames: tuple[int, ...]
    ) -> Tensor:
        """Sees one call that has just been computed, and gives its outputs, changed or not.

        Args:
            path: Such as `encoder/dense#2`.
            operation: The layer.
            inputs: Its arguments, (positional, by name).
            outputs: Its outputs.
            frames: Lengths of the axes that TimeDistributed layers around it have folded into the batch.
        """


class Paths:
    """Names calls by the layers around them; a second call of the same layer ends in `#2`."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self._counts: Counter[str] = Counter()

    def enter(self, operation: keras.Operation) -> str:
        """Steps into a call and gives its path."""
        parts = [*self.stack[-1:], name_of(operation)]
        path = "/".join(parts)
        self._counts[path] += 1
        if self._counts[path] > 1:
            path = f"{path}#{self._counts[path]}"
        self.stack.append(path)
        return path

    def leave(self) -> None:
        """Steps out of the call entered last."""
        self.stack.pop()

    def state(self) -> tuple[list[str], Counter[str]]:
        """What `restore` takes to forget all calls since."""
        return list(self.stack), Counter(self._counts)

    def restore(self, state: tuple[list[str], Counter[str]]) -> None:
        """Forgets the calls since `state`."""
        self.stack, self._counts = list(state[0]), Counter(state[1])


def name_of(operation: keras.Operation) -> str:
    """A layer's own name; an operation such as `x + y` is named by what it does: its own name counts up."""
    if isinstance(operation, keras.layers.Layer):
        return str(operation.name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(operation).__name__).lower()


def is_group(operation: keras.Operation) -> bool:
    """Whether it is a model or a layer of the user's own that calls other layers.

    Keras' own layers with layers inside (recurrent cells, attention) are taken as one: what is inside runs in
    loops or is part of one formula.
    """
    if isinstance(operation, keras.Model):
        return True
    own = not type(operation).__module__.startswith("keras.")
    return isinstance(operation, keras.layers.Layer) and own and bool(operation._layers)


def operations_of(model: keras.Model) -> list[keras.Operation]:
    """Every layer inside a model, at any depth, and the operations between them that its graph holds."""
    found: dict[int, keras.Operation] = {}
    for layer in model._flatten_layers(include_self=True, recursive=True):
        found[id(layer)] = layer
        for operation in getattr(layer, "_operations", ()):
            found[id(operation)] = operation
    functional = getattr(model, "_functional", None)
    if functional is not None:  # what a Sequential model runs; it has no place in a path
        found.pop(id(functional), None)
    found.pop(id(model), None)
    inner = {id(each._functional) for each in found.values() if getattr(each, "_functional", None)}
    return [operation for key, operation in found.items() if key not in inner]


@contextmanager
def watched(
    model: keras.Model, watcher: Watcher, before: Callable[[keras.Operation, Tensor], None] | None = None
) -> Iterator[None]:
    """Within it, every call of a layer inside the model is told to the watcher.

    Only instances are changed, and only until the end of the context.

    Args:
        model: Any Keras model.
        watcher: Receives every call, inner ones first.
        before: Receives every call that is about to be computed, outer ones first.
    """
    paths = Paths()
    frames: list[int] = []
    inside: list[bool] = [False]
    replaced: list[tuple[dict[str, Tensor], str, Tensor]] = []

    def wrap(operation: keras.Operation, call: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def watched_call(*args: Tensor, **kwargs: Tensor) -> Tensor:
            if inside[0]:
                return call(*args, **kwargs)
            around = tuple(frames)
            path = paths.enter(operation)
            try:
                if before is not None:
                    before(operation, (args, kwargs))
                if isinstance(operation, keras.layers.TimeDistributed) and kwargs.get("mask") is None:
                    outputs = _folded(operation, frames, *args, **kwargs)
                elif is_group(operation):
                    outputs = call(*args, **kwargs)
                else:
                    inside[0] = True
                    try:
                        outputs = call(*args, **kwargs)
                    finally:
                        inside[0] = False
            finally:
                paths.leave()
            return watcher(path, operation, (args, kwargs), outputs, around)

        return watched_call

    try:
        for operation in operations_of(model):
            name = "quantized_call" if getattr(operation, "quantization_mode", None) else "call"
            own = vars(operation)
            replaced.append((own, name, own.get(name)))
            own[name] = wrap(operation, getattr(operation, name))
        yield
    finally:
        for own, name, original in replaced:
            if original is None:
                own.pop(name, None)
            else:
                own[name] = original
        model._clear_losses()


def _folded(
    wrapper: keras.layers.TimeDistributed,
    frames: list[int],
    inputs: Tensor,
    training: bool | None = None,
    mask: None = None,
) -> Tensor:
    """TimeDistributed as one call over all frames at once, so that its inner layer can be watched."""
    shape = ops.shape(inputs)
    flat = ops.reshape(inputs, (-1, *shape[2:]))
    options = {"training": training} if wrapper.layer._call_has_training_arg else {}
    frames.append(shape[1])
    try:
        outputs = wrapper.layer(flat, **options)
    finally:
        frames.pop()
    return ops.reshape(outputs, (-1, shape[1], *ops.shape(outputs)[1:]))


def unfolded(tensor: Tensor, frames: tuple[int, ...]) -> Tensor:
    """Splits folded axes off the batch: (samples * frames, ...) to (samples, frames, ...)."""
    return ops.reshape(tensor, (-1, *frames, *ops.shape(tensor)[1:])) if frames else tensor


def refolded(tensor: Tensor, frames: tuple[int, ...]) -> Tensor:
    """The reverse of `unfolded`."""
    return ops.reshape(tensor, (-1, *ops.shape(tensor)[1 + len(frames) :])) if frames else tensor
