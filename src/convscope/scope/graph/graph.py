"""Which layer is called on what: the calls of any Keras model, in order, with shapes and what feeds what.

A model is traced by calling it on symbolic tensors, which computes shapes alone. Models and layers that
call other layers are followed inside; a subclassed model that computes with something other than layers and
`keras.ops` is run once on zeros instead, and then what feeds what stays unknown.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import keras

from convscope.errors import UsageError
from convscope.layer_names import matching_paths, named_path
from convscope.scope.graph.call_hooks import Paths, is_group, operations_of, unfolded, watched
from convscope.scope.graph.model_inputs import knows_its_inputs, names_of, output_names, symbolic_inputs
from convscope.types import ArrayTree, Tensor

Shape = tuple[int | None, ...]
Kind = Literal["layer", "group", "operation", "enter"]

_SAME_VALUE = ("ConvertToTensor", "Cast")
_MASKS = ("mask", "query_mask", "value_mask", "key_mask")


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor between calls.

    Args:
        number: Unique in its graph.
        shape: With the batch axis; None where a length is not known.
        dtype: Such as `float32`.
    """

    number: int
    shape: Shape
    dtype: str


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one layer, or of an operation such as `x + y` between layers.

    Args:
        path: Names of the layers around it and its own, such as `encoder/dense`; a layer's second call ends
            in `#2`.
        layer: What is called.
        kind: `layer`; `group` for a model or composite layer, whose inner calls stand before it;
            `operation`; `enter` for the step into a TimeDistributed layer.
        inputs: What goes in, masks left out.
        outputs: What comes out.
        inner: For TimeDistributed, the outputs of its inner layer for one frame.
        recordable: Whether it is there to be recorded when the model computes.
        arguments: What an operation is called with besides tensors, such as the key of `x[:, 0]`.
    """

    path: str
    layer: keras.Operation
    kind: Kind
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    inner: tuple[Value, ...] = ()
    recordable: bool = True
    arguments: tuple[object, ...] = ()

    @property
    def type(self) -> str:
        """Name of the layer's class."""
        return type(self.layer).__name__

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the inputs, with the batch axis."""
        return tuple(value.shape for value in self.inputs)

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the outputs, with the batch axis."""
        return tuple(value.shape for value in self.outputs)

    @property
    def parent(self) -> str:
        """Path of the call around it; empty at the top."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, eq=False)
class LayerGraph:
    """All calls of a model, in the order in which they are computed.

    Args:
        inputs: What goes into the model.
        input_names: Their names.
        outputs: What comes out of it.
        output_names: Their names.
        steps: Every call, and the steps into TimeDistributed layers.
        linked: Whether it is known which value feeds which call.
    """

    inputs: tuple[Value, ...]
    input_names: tuple[str, ...]
    outputs: tuple[Value, ...]
    output_names: tuple[str, ...]
    steps: tuple[Call, ...]
    linked: bool = True

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The calls alone."""
        return tuple(step for step in self.steps if step.kind != "enter")

    @cached_property
    def by_path(self) -> Mapping[str, Call]:
        """The calls by their paths."""
        return {call.path: call for call in self.calls}

    def find(self, name: str) -> Call:
        """The call of that path, or the only one whose path ends in that name.

        Raises:
            UsageError: There is none, or more than one; the nearest paths are offered.
        """
        return self.by_path[named_path(name, self.by_path)]

    def select(self, names: Sequence[str]) -> list[Call]:
        """The calls of all these names, in the model's order, each once.

        Args:
            names: Paths, unique names, or patterns, as `matching_paths` takes them.

        Raises:
            UsageError: A name or pattern that nothing has.
        """
        chosen = {path for name in names for path in matching_paths(name, self.by_path)}
        return [call for call in self.calls if call.path in chosen]


def check_layers(model: keras.Model, names: Sequence[str]) -> None:
    """Refuses names that no layer has, where the calls of a model are known without its inputs.

    Args:
        model: Any Keras model.
        names: As `LayerGraph.select`.

    Raises:
        UsageError: A name or pattern that nothing has.
    """
    if names and knows_its_inputs(model):
        try:
            graph = trace(model)
        except UsageError:  # it may be computed on real inputs all the same
            return
        graph.select(names)


def trace(model: keras.Model, inputs: ArrayTree | None = None) -> LayerGraph:
    """Follows a model through all its calls, without computing anything.

    Args:
        model: Any Keras model: Sequential, functional or subclassed, nested at any depth.
        inputs: An example of what goes in (array, list or dict, with the batch axis), for a model that does
            not know its input shape.

    Returns:
        The calls, inner ones before those around them.

    Raises:
        UsageError: The input shape is not known, or the model cannot take the inputs.
    """
    arguments = symbolic_inputs(model, inputs)
    walk = _Walk()
    try:
        with walk.following():
            outputs = model.call(arguments)
    except Exception:  # noqa: BLE001 - a user's own code may fail in any way on symbolic tensors
        return _trace_by_computing(model, arguments, inputs)
    outputs_flat = _tensors(outputs)
    recordable = {id(operation) for operation in operations_of(model)}
    kept = _without_unused_operations(walk.steps, [walk.value(t) for t in outputs_flat])
    return LayerGraph(
        tuple(walk.value(tensor) for tensor in _tensors(arguments)),
        names_of(arguments, getattr(model, "inputs", None), "input"),
        tuple(walk.value(tensor) for tensor in outputs_flat),
        output_names(model, outputs),
        tuple(step if id(step.layer) in recordable else _replace_recordable(step) for step in kept),
    )


class _Walk:
    """Notes each symbolic call while a model is called."""

    def __init__(self) -> None:
        self.steps: list[Call] = []
        self._paths = Paths()
        self._values: dict[int, Value] = {}
        self._alive: list[Tensor] = []
        self._nodes: dict[int, tuple[keras.Operation, int, int]] = {}

    def value(self, tensor: Tensor) -> Value:
        """The value that stands for a symbolic tensor."""
        if id(tensor) not in self._values:
            self._alive.append(tensor)
            number = len(self._alive)
            self._values[id(tensor)] = Value(number, tuple(tensor.shape), str(tensor.dtype))
        return self._values[id(tensor)]

    @contextmanager
    def following(self) -> Iterator[None]:
        """Within it, symbolic calls in this thread are noted; afterwards no layer remembers them."""
        kinds = (keras.Operation, keras.layers.Layer)
        originals = [kind.symbolic_call for kind in kinds]
        thread = threading.get_ident()

        def noted(operation: keras.Operation, *args: Tensor, **kwargs: object) -> Tensor:
            if threading.get_ident() != thread:
                original = originals[isinstance(operation, keras.layers.Layer)]
                return original(operation, *args, **kwargs)
            return self._call(operation, args, kwargs)

        with _CLASSES:
            for kind in kinds:
                kind.symbolic_call = noted
            try:
                yield
            finally:
                for kind, original in zip(kinds, originals, strict=True):
                    kind.symbolic_call = original
                for operation, inbound, outbound in self._nodes.values():
                    del operation._inbound_nodes[inbound:]
                    del operation._outbound_nodes[outbound:]

    def _call(
        self, operation: keras.Operation, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]
    ) -> Tensor:
        nodes = (operation, len(operation._inbound_nodes), len(operation._outbound_nodes))
        self._nodes.setdefault(id(operation), nodes)
        if type(operation).__name__ in _SAME_VALUE:
            outputs = operation.compute_output_spec(*args, **kwargs)
            self._values[id(outputs)] = self.value(_tensors((args, kwargs))[0])
            self._alive.append(outputs)
            return outputs
        path = self._paths.enter(operation)
        unmasked = {name: value for name, value in kwargs.items() if name not in _MASKS}
        inputs = tuple(self.value(tensor) for tensor in _tensors((args, unmasked)))
        try:
            return self._inside(path, operation, inputs, args, kwargs)
        finally:
            self._paths.leave()

    def _inside(
        self,
        path: str,
        operation: keras.Operation,
        inputs: tuple[Value, ...],
        args: tuple[Tensor, ...],
        kwargs: dict[str, Tensor],
    ) -> Tensor:
        before = (len(self.steps), self._paths.state())
        kind: Kind = "layer" if isinstance(operation, keras.layers.Layer) else "operation"
        inner: tuple[Value, ...] = ()
        if isinstance(operation, keras.layers.TimeDistributed) and kwargs.get("mask") is None:
            frame = keras.KerasTensor((args[0].shape[0], *args[0].shape[2:]), args[0].dtype)
            self.steps.append(Call(path, operation, "enter", inputs, (self.value(frame),)))
            inner = tuple(self.value(tensor) for tensor in _tensors(operation.layer(frame)))
            outputs = operation.compute_output_spec(*args, **kwargs)
        elif is_group(operation):
            try:
                outputs = operation.call(*args, **kwargs)
                kind = "group"
            except Exception:  # noqa: BLE001 - a user's own code may fail in any way on symbolic tensors
                del self.steps[before[0] :]
                self._paths.restore(before[1])
                outputs = operation.compute_output_spec(*args, **kwargs)
        else:
            outputs = operation.compute_output_spec(*args, **kwargs)
        results = tuple(self.value(tensor) for tensor in _tensors(outputs))
        others = (each for each in (*args, *kwargs.values()) if not isinstance(each, keras.KerasTensor))
        given = tuple(others) if kind == "operation" else ()
        self.steps.append(Call(path, operation, kind, inputs, results, inner, arguments=given))
        return outputs


_CLASSES = threading.RLock()


def _replace_recordable(step: Call) -> Call:
    return replace(step, recordable=False)


def _tensors(structure: Tensor) -> list[Tensor]:
    return [item for item in keras.tree.flatten(structure) if isinstance(item, keras.KerasTensor)]


def _without_unused_operations(steps: Sequence[Call], outputs: Sequence[Value]) -> list[Call]:
    """Leaves out operations that nothing uses, such as the making of masks."""
    used = {value.number for value in outputs}
    kept = []
    for step in reversed(steps):
        if step.kind == "operation" and not any(value.number in used for value in step.outputs):
            continue
        used.update(value.number for value in (*step.inputs, *step.inner))
        kept.append(step)
    return kept[::-1]


def _trace_by_computing(model: keras.Model, arguments: ArrayTree, example: ArrayTree | None) -> LayerGraph:
    """Runs the model once, for the shapes alone; which value feeds which call is not found out."""
    steps: list[Call] = []
    numbers = iter(range(1, 2**31))

    def values(structure: Tensor, frames: tuple[int, ...] = ()) -> tuple[Value, ...]:
        found = []
        for tensor in keras.tree.flatten(structure):
            if keras.ops.is_tensor(tensor):
                shape = tuple(unfolded(tensor, frames).shape)
                dtype = str(keras.backend.standardize_dtype(tensor.dtype))
                found.append(Value(next(numbers), (None, *shape[1:]), dtype))
        return tuple(found)

    def note(
        path: str, operation: keras.Operation, inputs: ArrayTree, outputs: Tensor, frames: tuple[int, ...]
    ) -> Tensor:
        kind: Kind = "group" if is_group(operation) else "layer"
        steps.append(Call(path, operation, kind, values(inputs, frames), values(outputs, frames)))
        return outputs

    def zeros(tensor: keras.KerasTensor) -> Tensor:
        return keras.ops.zeros([length or 1 for length in tensor.shape], tensor.dtype)

    try:
        given = keras.tree.map_structure(
            zeros if example is None else (lambda array: keras.ops.convert_to_tensor(array[:1])),
            arguments if example is None else example,
        )
        if not model.built:
            model(given, training=False)  # building may call it more than once
        with watched(model, note):
            outputs = model(given, training=False)
    except Exception as error:
        raise UsageError(
            f"The model '{model.name}' cannot be computed on inputs of shape "
            f"{[tuple(tensor.shape) for tensor in _tensors(arguments)]}: {_first_line(error)}"
        ) from error
    return LayerGraph(
        values(given),
        names_of(arguments, getattr(model, "inputs", None), "input"),
        values(outputs),
        output_names(model, outputs),
        tuple(steps),
        linked=False,
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
