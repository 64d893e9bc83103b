"""What goes into a model, as its shapes and the layers that read it tell.

A package of layers that only one kind of data has says so by an `InputReader`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from convscope.scope.describe.input_kind import InputKind, of_array, of_ids
from convscope.scope.describe.overview import Overview
from convscope.scope.geometry.geometry import is_table, main_input
from convscope.scope.graph.graph import Call, LayerGraph, Value
from convscope.scope.layer_spec import has_trait, role_of


@dataclass(frozen=True)
class InputReader:
    """How inputs of one kind of data are known, and what more there is to say about models of them.

    Args:
        layers: Classes that read such inputs and no others.
        input_kind: What an input holds that one of them reads; None where it is something else.
        key_points: Sentences about a model whose first input is of this kind; empty ones are left out.
        task: What a model does, from its graph, the call that gives its output, and its inputs in words;
            empty where there is nothing particular to say.
    """

    layers: tuple[type[keras.layers.Layer], ...]
    input_kind: Callable[[LayerGraph, Value], InputKind | None]
    key_points: Callable[[Overview], list[str]] | None = None
    task: Callable[[LayerGraph, Call, str], str] | None = None


_READERS: list[InputReader] = []


def register_reader(reader: InputReader) -> None:
    """Makes inputs of one kind of data known by the layers that read them."""
    _READERS.append(reader)


def reader_of(graph: LayerGraph, number: int = 0) -> InputReader | None:
    """How an input is known: by a layer that reads it, or another of its length beside it, or its tables.

    Args:
        graph: The model's calls.
        number: Which input.
    """
    value = graph.inputs[number]
    found = _reader(graph, value)
    if found is None and _looked_up(graph, value):
        beside = (other for other in graph.inputs if other.shape[1:2] == value.shape[1:2])
        found = next((reader for other in beside if (reader := _reader(graph, other))), None)
    if found is None and number == main_input(graph):
        tables = (graph.inputs[at] for at in range(len(graph.inputs)) if is_table(graph, at))
        found = next((reader for table in tables if (reader := _reader(graph, table))), None)
    return found


def input_kind(graph: LayerGraph, number: int = 0) -> InputKind:
    """Tells what an input of a model holds, as far as shapes and layers tell.

    Args:
        graph: The model's calls.
        number: Which input.
    """
    value = graph.inputs[number]
    shape = value.shape[1:]
    if value.dtype == "string":
        return InputKind("string", "strings", "position", shape, None)
    reader = reader_of(graph, number)
    known = reader.input_kind(graph, value) if reader is not None else None
    if known is not None:
        return known
    if _looked_up(graph, value):
        return of_ids(shape)
    users = _users(graph, value)
    return of_array(
        shape,
        channels_first=any(getattr(call.layer, "data_format", None) == "channels_first" for call in users),
        frames=graph.input_names[number] == "frames"
        or any(has_trait(call.layer, "frames") for call in users),
    )


def _users(graph: LayerGraph, value: Value) -> list[Call]:
    return [call for call in graph.calls if value in call.inputs and call.kind != "group"]


def _looked_up(graph: LayerGraph, value: Value) -> bool:
    return any(role_of(call.layer) == "lookup" for call in _users(graph, value))


def _reader(graph: LayerGraph, value: Value) -> InputReader | None:
    layers = [call.layer for call in _users(graph, value)]
    return next(
        (reader for reader in _READERS if any(isinstance(layer, reader.layers) for layer in layers)), None
    )
