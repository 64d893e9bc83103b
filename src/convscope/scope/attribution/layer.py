"""Which layers can be laid over the input, and which of them is the last."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from convscope.errors import UsageError
from convscope.scope.geometry.geometry import is_table, main_input
from convscope.scope.graph.graph import Call, LayerGraph, Shape, Value
from convscope.scope.layer_spec import has_trait, role_of


def last_layer_with_positions(graph: LayerGraph, source: Value, output: Value, rank: int) -> Call:
    """The last call on the way from an input to an output whose maps still have more than one position.

    The call that makes the output itself is not taken, nor are layers that work in training alone. Where a
    layer selects positions, only those before it count, whose maps lie over the input.

    Args:
        graph: Of the model.
        source: The input.
        output: The output.
        rank: Number of axes of such maps, with samples and channels; behind the front end of a waveform they
            may have one more, for the bands.

    Raises:
        UsageError: There is none.
    """
    between: Sequence[Call] = _between(graph, source, output) if graph.linked else graph.calls
    if any(is_table(graph, number) for number in range(len(graph.inputs))):
        between = _before_last_gathering(between)
    thinned = any(has_trait(call.layer, "selects") for call in graph.calls)
    ranks = (rank, rank + 1) if front_end_call(graph, source) is not None else (rank,)
    for call in reversed(between):
        if call.kind == "group" or not call.recordable or not call.outputs:
            continue
        if has_trait(call.layer, "training only"):
            continue
        if thinned and not lies_over(call, source):
            continue
        found = any(has_positions_of(graph, call, each) for each in ranks)
        if found and output.number not in {value.number for value in call.outputs}:
            return call
    raise UsageError(
        "The model has no layer with the spatial positions of the input.",
        "Use a method that needs no layer, such as saliency, integrated-gradients or occlusion.",
    )


def lies_over(call: Call, source: Value) -> bool:
    """Whether a call's output has the positions of an input, one for one."""
    return bool(call.outputs) and call.outputs[0].shape[1:-1] == source.shape[1:-1]


def _before_last_gathering(calls: Sequence[Call]) -> Sequence[Call]:
    """Those in front of the last that joins values of several nodes, whose own maps are the scores."""
    joining = [
        at
        for at, call in enumerate(calls)
        if has_trait(call.layer, "gathers")
        and role_of(call.layer) in ("convolution", "global pooling", "merging")
    ]
    return calls[: joining[-1]] if joining else calls


def front_end_call(graph: LayerGraph, source: Value) -> Call | None:
    """What turns a waveform into energies over time and bands; None where nothing does."""
    users = (call for call in graph.calls if source in call.inputs and call.recordable and call.outputs)
    return next((call for call in users if role_of(call.layer) == "front end"), None)


def has_positions_of(graph: LayerGraph, call: Call, rank: int) -> bool:
    """Whether a call's output has more than one position, and that many axes with samples and channels."""
    shape = _shape_in_samples(graph, call)
    return len(shape) == rank and any(length != 1 for length in shape[1:-1])


def has_channels(graph: LayerGraph, source: Value) -> bool:
    """Whether an input's last (or first) axis holds channels.

    Taken for granted beyond one axis, unless the model first gives the input a channel axis of its own, as
    in `Reshape((28, 28, 1))`, looks it up in an embedding, or flattens a table of numbers.
    """
    if len(source.shape) < 3:
        return False
    value = source
    while True:
        users = [call for call in graph.calls if value in call.inputs and call.kind != "group"]
        if not graph.linked or not users or not users[0].outputs:
            return True
        after = users[0].outputs[0]
        if after.shape == (*value.shape, 1):
            return False
        embedding = embedding_of(graph, value)
        if embedding is not None:  # where no axis is added, pieces of words stand in the place of channels
            return len(embedding.outputs[0].shape) == len(value.shape)
        if has_trait(users[0].layer, "reshapes") and len(after.shape) == 2:
            return len(value.shape) > 3
        if not has_trait(users[0].layer, "training only", "scales"):
            return True
        value = after


def takes_channels_first(graph: LayerGraph) -> bool:
    """Whether the first layer that tells channels from positions has them on the first axis."""
    layers = (call.layer for call in graph.calls if not has_trait(call.layer, "scales"))
    told = (getattr(layer, "data_format", None) for layer in layers)
    return next((each for each in told if each is not None), "") == "channels_first"


def embedding_of(graph: LayerGraph, source: Value) -> Call | None:
    """What looks an input of token ids up: learned, from whole numbers to vectors; None if nothing does."""
    users = [call for call in graph.calls if source in call.inputs and call.recordable and call.outputs]
    return next((call for call in users if _looks_up(call, source)), None)


def _looks_up(call: Call, source: Value) -> bool:
    if role_of(call.layer) == "lookup":
        return True
    learned = isinstance(call.layer, keras.layers.Layer) and bool(call.layer.weights)
    adds_channels = call.outputs[0].shape[:-1] == source.shape
    return learned and adds_channels and "int" in source.dtype and "float" in call.outputs[0].dtype


def behind(graph: LayerGraph, source: Value) -> frozenset[str]:
    """The paths of all calls that depend on an input."""
    reached = {source.number}
    for step in graph.steps:
        if any(value.number in reached for value in step.inputs):
            reached.update(value.number for value in step.outputs)
    return frozenset(
        call.path for call in graph.calls if any(value.number in reached for value in call.outputs)
    )


def first_to_explain(graph: LayerGraph, ranks: Sequence[int]) -> int:
    """The number of the input that stands for all: ids of tokens, or else the first with positions.

    Of several inputs of ids it is one with a single id at each position, and of these the one with the
    largest vocabulary: words, neither their characters nor how they are written.

    Args:
        graph: Of the model.
        ranks: Axes of each input, with samples.
    """
    main = main_input(graph)
    if is_table(graph, 0) and ranks[main] > 2:
        return main
    tables: dict[int, int] = {}
    for number, (value, rank) in enumerate(zip(graph.inputs, ranks, strict=True)):
        embedding = embedding_of(graph, value)
        if embedding is not None and rank > 1 and value.shape[1] != 1:
            weights = getattr(embedding.layer, "weights", None) or ()
            tables[number] = max((int(each.shape[0]) for each in weights), default=0)
        elif rank > 2 and not tables:
            return number
    return max(tables, key=lambda number: (-ranks[number], tables[number]), default=0)


def joined(graph: LayerGraph, source: Value) -> tuple[Call, tuple[int, ...]] | None:
    """Where all that is known of a token becomes one vector, and the numbers of the other inputs in it.

    Args:
        graph: Of the model.
        source: An input of token ids.

    Returns:
        The first layer that puts values of several inputs side by side at each token; None if there is none.
    """
    if len(graph.inputs) < 2 or not graph.linked:
        return None
    reached = [behind(graph, value) for value in graph.inputs]
    mine = list(graph.inputs).index(source)
    for call in graph.calls:
        if not isinstance(call.layer, keras.layers.Concatenate) or call.path not in reached[mine]:
            continue
        others = tuple(at for at, paths in enumerate(reached) if at != mine and call.path in paths)
        shape = call.output_shapes[0]
        if others and len(shape) == 3 and shape[1] == source.shape[1]:
            return call, others
    return None


def _shape_in_samples(graph: LayerGraph, call: Call) -> Shape:
    """The output's shape with the frames of the TimeDistributed layers around it."""
    frames = [
        step.inputs[0].shape[1]
        for step in graph.steps
        if step.kind == "enter" and call.path.startswith(f"{step.path}/")
    ]
    shape = call.output_shapes[0]
    return (shape[0], *frames, *shape[1:]) if shape else shape


def _between(graph: LayerGraph, source: Value, output: Value) -> list[Call]:
    """The calls that depend on the input and on which the output depends."""
    reached = {source.number}
    for step in graph.steps:
        if any(value.number in reached for value in step.inputs):
            reached.update(value.number for value in step.outputs)
    needed = {output.number}
    found = []
    for step in reversed(graph.steps):
        if step.kind != "group" and any(value.number in needed for value in step.outputs):
            needed.update(value.number for value in (*step.inputs, *step.inner))
            if step.kind != "enter" and any(value.number in reached for value in step.outputs):
                found.append(step)
    return found[::-1]
