"""What a model is for, inferred from what goes in and what comes out, and what cannot be known from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from convscope.errors import UsageError
from convscope.scope.describe import phrasing as words
from convscope.scope.describe.input_kind import Subject, subject
from convscope.scope.describe.text_purpose import next_tokens, said_together, scores_tokens
from convscope.scope.graph.core_layers import LOOKUPS, core_class
from convscope.scope.graph.graph import Call, Graph, Value
from convscope.scope.graph.links import PASSING, Links, activation

_NAMES_SHOWN = 12
_SEE_THROUGH = PASSING | {"Flatten", "Reshape", "Permute", "Concatenate", "RepeatVector", "UpSampling2D"}
_POOLED = ("GlobalAveragePooling", "GlobalMaxPooling")
_SCALING = ("Rescaling", "Normalization")
_BETWEEN_0_AND_1 = ("sigmoid", "hard_sigmoid", "sparse_sigmoid")


@dataclass(frozen=True)
class _Output:
    """What is known of one output of the model."""

    name: str
    shape: tuple[int | None, ...]
    activation: str
    maker: Call | None
    loss: str


def purpose(graph: Graph, model: keras.Model, class_names: Sequence[str] | None = None) -> str:
    """Says what a model does, and what cannot be known from the model alone.

    Args:
        graph: The model's calls.
        model: The model; if it is compiled, its loss helps.
        class_names: What the outputs stand for, in their order, if that is known.

    Returns:
        Sentences such as "Classifies 48x48 grayscale pictures into 7 classes. The model does not tell ...".

    Raises:
        UsageError: The number of class names is not that of the outputs.
    """
    outputs = _outputs(graph, model)
    _check(outputs, class_names)
    said = _said(graph)
    if len(outputs) == 1:
        task = _task(outputs[0], said, graph, class_names)
    else:
        parts = [f"'{output.name}': {_in_short(output)}" for output in outputs]
        task = f"Gives {words.counted(len(outputs), 'output')} for {said}: {'; '.join(parts)}"
    return f"{words.sentence(task)} {_unknown(graph, outputs, class_names)}"


def _said(graph: Graph) -> str:
    """The model's inputs in words."""
    subjects = [subject(graph, number) for number in range(len(graph.inputs))]
    several = [each.said for each in subjects]
    if len(several) == 1:
        return several[0]
    if together := said_together(subjects, graph.input_names):
        return together
    named = [f"{said} ('{name}')" for said, name in zip(several, graph.input_names, strict=True)]
    return f"{words.listed(named)} together"


def _outputs(graph: Graph, model: keras.Model) -> list[_Output]:
    links = Links.of(graph)
    losses = _losses(model, graph.output_names)
    found = []
    for value, name, loss in zip(graph.outputs, graph.output_names, losses, strict=True):
        maker = links.maker(value, _SEE_THROUGH) if graph.linked else _last_of_shape(graph, value)
        found.append(_Output(name, value.shape[1:], activation(maker) if maker else "linear", maker, loss))
    return found


def _last_of_shape(graph: Graph, value: Value) -> Call | None:
    """Where values cannot be followed: the last layer that gives this shape."""
    calls = [call for call in graph.calls if call.kind != "group" and value.shape in call.output_shapes]
    return calls[-1] if calls else None


def _losses(model: keras.Model, names: Sequence[str]) -> list[str]:
    """The compiled loss of each output by its class, with `:logits` for one that takes scores."""
    given: Any = getattr(model, "loss", None) if getattr(model, "compiled", False) else None
    if isinstance(given, Mapping):
        each = [given.get(name) for name in names]
    elif isinstance(given, (list, tuple)) and len(given) == len(names):
        each = list(given)
    else:
        each = [given] * len(names)
    return [_loss(loss) for loss in each]


def _loss(loss: Any) -> str:
    if loss is None:
        return ""
    if isinstance(loss, str):
        return loss.replace("_", "").lower()
    name = getattr(loss, "__name__", None) or type(loss).__name__
    try:
        logits = bool(loss.get_config().get("from_logits")) if hasattr(loss, "get_config") else False
    except NotImplementedError:
        logits = False
    return name.replace("_", "").lower() + (":logits" if logits else "")


def _check(outputs: Sequence[_Output], class_names: Sequence[str] | None) -> None:
    if class_names is None:
        return
    sizes = {output.shape[-1] if output.shape else 1 for output in outputs}
    fitting = len(class_names) in sizes or (len(class_names) == 2 and 1 in sizes)
    if not fitting and None not in sizes:
        raise UsageError(
            f"The model's last layer has {words.listed([str(s) for s in sizes], 'or')} outputs. "
            f"Received: {words.plural(len(class_names), 'class name')}.",
            "Give one name per output, in their order.",
        )


def _task(output: _Output, said: str, graph: Graph, class_names: Sequence[str] | None) -> str:
    if scores_tokens(output.maker):
        return next_tokens(graph, said, output.shape[-1] or 0)
    if len(output.shape) > 1:
        return _map_task(output, said, subject(graph), graph, class_names)
    size = output.shape[-1] if output.shape else 1
    if _classifies(output) and size and size > 1:
        scores = "" if output.activation == "softmax" else " (by scores; softmax makes them probabilities)"
        return f"Classifies {said} into {_classes(size, class_names)}{scores}"
    if output.activation in _BETWEEN_0_AND_1 or output.loss.startswith("binarycrossentropy"):
        return _scores(output, said, size, class_names)
    return _vectors(output, said, size, graph)


def _vectors(output: _Output, said: str, size: int | None, graph: Graph) -> str:
    """Outputs of one axis that are no scores of classes."""
    maker = core_class(output.maker.layer) or "" if output.maker is not None else ""
    many = words.plural(size or 0, "value")
    if maker == "UnitNormalization":
        return f"Turns {said} into vectors of length 1 with {many} (an embedding, made to be compared)"
    if maker.startswith(_POOLED):
        return f"Turns {said} into {words.plural(size or 0, 'feature')} each; it has no head that decides"
    if _regression(output):
        return f"Estimates {words.plural(size or 0, 'number')} for {said} (regression)"
    one_row = len(graph.inputs) == 1 and subject(graph).noun == "row"
    if one_row and output.shape == graph.inputs[0].shape[1:]:
        return f"Gives back {many} for {said}, as an autoencoder does"
    return _numbers(output, said, size)


def _scores(output: _Output, said: str, size: int | None, class_names: Sequence[str] | None) -> str:
    if size == 1:
        named = (
            f" that tells '{class_names[0]}' from '{class_names[1]}'"
            if class_names and len(class_names) == 2
            else ""
        )
        first = "a score between 0 and 1" if output.activation in _BETWEEN_0_AND_1 else "a score"
        return f"Gives {first}{named} for {said} (yes or no)"
    named = f": {_named(class_names)}" if class_names else ""
    return (
        f"Gives {size or 'several'} independent scores between 0 and 1 for {said}{named}; several may be "
        "high at "
        "once (multi-label)"
    )


def _numbers(output: _Output, said: str, size: int | None) -> str:
    limits = {
        "tanh": "between -1 and 1",
        "softplus": "above 0",
        "relu": "not below 0",
        "exponential": "above 0",
    }
    what = words.plural(size, "number") if size else "numbers"
    limited = limits.get(output.activation)
    if limited:
        return f"Gives {what} {limited} for {said}"
    if size == 1:
        return f"Gives one number without limits for {said}: an estimate, or a score before the sigmoid"
    return f"Gives {what} without limits for {said}: estimates, features, or scores before a softmax"


def _classifies(output: _Output) -> bool:
    return (
        output.activation in ("softmax", "log_softmax", "sparsemax")
        or "categoricalcrossentropy" in output.loss
        or (output.maker is not None and core_class(output.maker.layer) == "LinearChainCRF")
    )


def _regression(output: _Output) -> bool:
    return output.loss.startswith(("mse", "mae", "mean", "huber", "logcosh", "poisson"))


def _classes(size: int, class_names: Sequence[str] | None, word: str = "class") -> str:
    return words.plural(size, word) + (f": {_named(class_names)}" if class_names else "")


def _named(class_names: Sequence[str] | None) -> str:
    names = [str(name) for name in class_names or ()]
    if len(names) <= _NAMES_SHOWN:
        return words.listed(names)
    return f"{', '.join(names[:_NAMES_SHOWN])} and {len(names) - _NAMES_SHOWN} more"


def _map_task(
    output: _Output, said: str, inner: Subject, graph: Graph, class_names: Sequence[str] | None
) -> str:
    """Outputs with positions: maps, sequences, texts, volumes."""
    size, positions = output.shape[-1], output.shape[:-1]
    known = {"picture": "pixel", "volume": "voxel", "sequence": "step", "text": inner.unit}
    unit = known.get(inner.noun, "position")
    same = positions == inner.size
    if same or (len(positions) == len(inner.size) and None in positions):
        each = f"each {unit} of {said}"
    else:
        each = f"each of {words.size(positions)} positions over {said}"
    if _classifies(output) and size and size > 1:
        word = {"picture": " (segmentation)", "volume": " (segmentation)", "sequence": " (tagging)"}
        kind = word.get(inner.noun, "") if same else ""
        task = f"Assigns one of {_classes(size, class_names)} to {each}{kind}"
        return f"Gives {each} one of {_classes(size, class_names, 'tag')}" if inner.tokenized else task
    if output.shape == graph.inputs[0].shape[1:] and len(graph.inputs) == 1:
        masks = " or marks parts of them" if output.activation in _BETWEEN_0_AND_1 and size == 1 else ""
        return (
            f"Gives {said} for {said.replace(words.size(inner.size) + ' ', '')}: it restores or changes "
            "them, as an "
            f"autoencoder does{masks}"
        )
    if output.activation in _BETWEEN_0_AND_1:
        scores = "a score" if size == 1 else f"{size} independent scores"
        return f"Gives {scores} between 0 and 1 for {each}{' (a mask)' if same and size == 1 else ''}"
    if inner.noun == "picture" and size in (1, 3) and _larger(positions, inner.size):
        return f"Turns {said} into pictures of {words.size(positions)}, larger than they were"
    if inner.noun == "picture":
        of = "" if None in positions else f" of {words.size(positions)}"
        return f"Turns {said} into {words.plural(size or 0, 'feature map')}{of}; it has no head that decides"
    return f"Gives {words.plural(size or 0, 'number')} for {each}"


def _larger(positions: Sequence[int | None], size: Sequence[int | None]) -> bool:
    return len(positions) == len(size) and all(
        a is not None and b is not None and a > b for a, b in zip(positions, size, strict=True)
    )


def _in_short(output: _Output) -> str:
    """One of several outputs."""
    size = output.shape[-1] if output.shape else 1
    at = f" at each of {words.size(output.shape[:-1])} positions" if len(output.shape) > 1 else ""
    if _classifies(output) and size and size > 1:
        return f"one of {words.plural(size, 'class')}{at}"
    if output.activation in _BETWEEN_0_AND_1:
        return ("a score between 0 and 1" if size == 1 else f"{size} independent scores between 0 and 1") + at
    return (words.counted(size, "number") if size else "numbers") + at


def _unknown(graph: Graph, outputs: Sequence[_Output], class_names: Sequence[str] | None) -> str:
    """What the model does not tell."""
    missing = []
    first = [call for call in graph.calls if graph.inputs[0] in call.inputs and call.kind != "group"]
    looked_up = any(core_class(call.layer) in LOOKUPS for call in first)
    decides = [output for output in outputs if _classifies(output) or output.activation in _BETWEEN_0_AND_1]
    of_text = subject(graph).tokenized
    if decides and class_names is None:
        number = sum(output.shape[-1] or 0 for output in decides if output.shape)
        which = "tags" if of_text and len(decides[0].shape) > 1 else "classes"
        missing.append(
            "what its scores stand for" if number == 1 or len(decides) > 1 else f"which {which} these are"
        )
    elif not decides and not all(scores_tokens(output.maker) for output in outputs):
        missing.append("what its outputs stand for")
    if of_text:
        missing.append(f"which {subject(graph).unit} each number stands for")
    elif looked_up:
        missing.append("which word or thing each number stands for")
    elif graph.inputs[0].dtype != "string" and not any(core_class(call.layer) in _SCALING for call in first):
        missing.append("how its input must be scaled")
    missing.append("what it was trained on")
    return f"The model itself does not tell {words.listed(missing, 'or')}."
