"""What a model is for, inferred from what goes in and what comes out, and what cannot be known from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras

from convscope import phrasing
from convscope.errors import UsageError
from convscope.scope.describe.input_kind import InputKind
from convscope.scope.describe.input_readers import reader_of
from convscope.scope.describe.overview import Overview
from convscope.scope.entrance import entrance_of
from convscope.scope.graph.graph import Call, LayerGraph, Value
from convscope.scope.graph.links import Links
from convscope.scope.layer_spec import activation_of, has_trait, role_of

_NAMES_SHOWN = 12
_BETWEEN_0_AND_1 = ("sigmoid", "hard_sigmoid", "sparse_sigmoid")
_LIMITS = {
    "tanh": "between -1 and 1",
    "softplus": "above 0",
    "relu": "of 0 or more",
    "exponential": "above 0",
}


@dataclass(frozen=True)
class _Output:
    """What is known of one output of the model."""

    name: str
    shape: tuple[int | None, ...]
    activation: str
    maker: Call | None
    loss: str

    @property
    def size(self) -> int | None:
        """Values per position."""
        return self.shape[-1] if self.shape else 1

    @property
    def classifies(self) -> bool:
        """Whether it holds scores or probabilities of classes that exclude each other."""
        several = self.size is not None and self.size > 1
        return several and (
            self.activation in ("softmax", "log_softmax", "sparsemax")
            or "categoricalcrossentropy" in self.loss
            or (self.maker is not None and has_trait(self.maker.layer, "classifies"))
        )

    @property
    def bounded(self) -> bool:
        """Whether each value lies between 0 and 1."""
        return self.activation in _BETWEEN_0_AND_1

    @property
    def estimates(self) -> bool:
        """Whether it is trained as a regression."""
        return self.loss.startswith(("mse", "mae", "mean", "huber", "logcosh", "poisson"))


def purpose(
    overview: Overview, model: keras.Model, class_names: Sequence[str] | None = None, known: str = ""
) -> str:
    """Says what a model does, and what cannot be known from the model alone.

    Args:
        overview: What is known about the model.
        model: The model; if it is compiled, its loss helps.
        class_names: What the outputs stand for, in their order, if that is known.
        known: A sentence on how inputs are scaled and what the model was trained on, where that is known.

    Returns:
        Sentences such as "Classifies 48x48 grayscale images into 7 classes. The model does not specify ...".

    Raises:
        UsageError: The number of class names is not that of the outputs.
    """
    outputs = _outputs(overview, model)
    _check(outputs, class_names)
    said = _said(overview)
    particular = [_particular(overview, output, said) for output in outputs]
    if len(outputs) > 1:
        parts = [f"'{output.name}': {_in_short(output)}" for output in outputs]
        task = f"Computes {phrasing.counted(len(outputs), 'output')} from {said}: {'; '.join(parts)}"
    else:
        task = particular[0] or _task(outputs[0], said, overview, class_names)
    unknown = _unknown(overview, outputs, class_names, all(particular), model, bool(known))
    return " ".join(each for each in (phrasing.sentence(task), known, unknown) if each)


def _said(overview: Overview) -> str:
    """The model's inputs in words."""
    kinds = [overview.inputs[at] for at in overview.shown]
    names = [overview.graph.input_names[at] for at in overview.shown]
    if len(kinds) == 1:
        return kinds[0].said
    if kinds[0].one_sample and len({(kind.said, kind.size) for kind in kinds}) == 1:
        return f"{kinds[0].said} (as {phrasing.listed([repr(name) for name in names])})"
    return phrasing.listed([f"{kind.said} ('{name}')" for kind, name in zip(kinds, names, strict=True)])


def _outputs(overview: Overview, model: keras.Model) -> list[_Output]:
    graph = overview.graph
    losses = _losses(model, graph.output_names)
    found = []
    for value, name, loss in zip(graph.outputs, graph.output_names, losses, strict=True):
        maker = _maker(graph, overview.links, value)
        ends = activation_of(maker.layer) if maker else "linear"
        found.append(_Output(name, value.shape[1:], ends, maker, loss))
    return found


def _maker(graph: LayerGraph, links: Links, value: Value) -> Call | None:
    """What computes an output; where values cannot be followed, the last layer that gives its shape."""
    if graph.linked:
        return links.maker(value, "rearranges")
    calls = [call for call in graph.calls if call.kind != "group" and value.shape in call.output_shapes]
    return calls[-1] if calls else None


def _losses(model: keras.Model, names: Sequence[str]) -> list[str]:
    """The compiled loss of each output by its class."""
    given: object = getattr(model, "loss", None) if getattr(model, "compiled", False) else None
    if isinstance(given, Mapping):
        return [_loss(given.get(name)) for name in names]
    if isinstance(given, (list, tuple)) and len(given) == len(names):
        return [_loss(each) for each in given]
    return [_loss(given)] * len(names)


def _loss(loss: object) -> str:
    if loss is None:
        return ""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None) or type(loss).__name__
    return str(name).replace("_", "").lower()


def _check(outputs: Sequence[_Output], class_names: Sequence[str] | None) -> None:
    if class_names is None:
        return
    sizes = {output.size for output in outputs}
    fitting = len(class_names) in sizes or (len(class_names) == 2 and 1 in sizes)
    if not fitting and None not in sizes:
        raise UsageError(
            f"The model's last layer has {phrasing.listed([str(s) for s in sizes], 'or')} outputs. "
            f"Received: {phrasing.plural(len(class_names), 'class name')}.",
            "Give one name per output, in their order.",
        )


def _particular(overview: Overview, output: _Output, said: str) -> str:
    """What only the kind of the input can tell."""
    graph = overview.graph
    reader = reader_of(graph, overview.shown[0])
    if reader is None or reader.task is None or output.maker is None:
        return ""
    return reader.task(graph, output.maker, said)


def _task(output: _Output, said: str, overview: Overview, class_names: Sequence[str] | None) -> str:
    if len(output.shape) > 1:
        return _map_task(output, said, overview, class_names)
    if output.classifies:
        scores = "" if output.activation == "softmax" else " (outputs are scores, not probabilities)"
        return f"Classifies {said} into {_classes(output, class_names)}{scores}"
    if output.bounded or output.loss.startswith("binarycrossentropy"):
        return _scores(output, said, class_names)
    return _vectors(output, said, overview)


def _vectors(output: _Output, said: str, overview: Overview) -> str:
    """Outputs of one axis that are no scores of classes."""
    size = output.size
    values = phrasing.plural(size, "value") if size else "values"
    if output.maker is not None and has_trait(output.maker.layer, "unit length"):
        return f"Maps {said} to unit vectors of {values} (embeddings for comparison)"
    if output.maker is not None and role_of(output.maker.layer) == "global pooling":
        return f"Extracts {phrasing.plural(size or 0, 'feature')} from {said}; it has no classification head"
    if output.estimates:
        return f"Estimates {values} from {said} (regression)"
    same = len(overview.inputs) == 1 and output.shape == overview.graph.inputs[0].shape[1:]
    if same and overview.input.layout == "row":
        return f"Reconstructs {said}, as an autoencoder does"
    if output.activation in _LIMITS:
        return f"Computes {values} {_LIMITS[output.activation]} from {said}"
    what = "an estimate or a score" if size == 1 else "estimates, features or scores"
    return f"Computes {values} without activation from {said}: {what}"


def _scores(output: _Output, said: str, class_names: Sequence[str] | None) -> str:
    if output.size == 1:
        named = ""
        if class_names and len(class_names) == 2:
            named = f" of '{class_names[1]}' against '{class_names[0]}'"
        first = "a score between 0 and 1" if output.bounded else "a score"
        return f"Computes {first}{named} from {said} (binary classification)"
    named = f": {_named(class_names)}" if class_names else ""
    scores = f"{output.size or 'several'} independent scores between 0 and 1"
    return f"Computes {scores} from {said}{named} (multi-label classification)"


def _classes(output: _Output, class_names: Sequence[str] | None, word: str = "class") -> str:
    return phrasing.plural(output.size or 0, word) + (f": {_named(class_names)}" if class_names else "")


def _named(class_names: Sequence[str] | None) -> str:
    names = [str(name) for name in class_names or ()]
    return phrasing.first_of(names, _NAMES_SHOWN)


def _map_task(output: _Output, said: str, overview: Overview, class_names: Sequence[str] | None) -> str:
    """Outputs with positions: maps, sequences, texts, volumes."""
    kind, size, positions = overview.input, output.size, output.shape[:-1]
    same = positions == kind.size
    each = _each_position(kind, positions, said)
    if output.classifies:
        word = "tag" if kind.tokenized else "class"
        return f"Assigns one of {_classes(output, class_names, word)} to {each}{_task_name(kind, same)}"
    if output.shape == overview.graph.inputs[0].shape[1:] and len(overview.inputs) == 1:
        return _same_shape(output, said, overview)
    if output.bounded:
        scores = "a score" if size == 1 else f"{size} independent scores"
        return f"Computes {scores} between 0 and 1 for {each}{' (a mask)' if same and size == 1 else ''}"
    if kind.layout == "raster" and size in (1, 3) and _larger(positions, kind.size):
        return f"Upsamples {said} to {phrasing.size(positions)}"
    if kind.layout == "raster":
        of = "" if None in positions else f" of {phrasing.size(positions)}"
        maps = phrasing.plural(size or 0, "feature map")
        return f"Extracts {maps}{of} from {said}; it has no classification head"
    return f"Computes {phrasing.plural(size or 0, 'value')} for {each}"


def _same_shape(output: _Output, said: str, overview: Overview) -> str:
    """One output that has the shape of the only input."""
    if not output.bounded and any(getattr(call.layer, "padding", "") == "causal" for call in overview.leaves):
        return (
            f"Computes for each {overview.input.unit} of {said} as many values from it and those before it, "
            "such as a forecast of the next"
        )
    masks = ", or masks" if output.bounded and output.size == 1 else ""
    return f"Reconstructs or transforms {said}: input and output have the same shape{masks}"


def _each_position(kind: InputKind, positions: tuple[int | None, ...], said: str) -> str:
    if kind.layout == "nodes":
        return f"each {kind.unit} that is asked of {said}"
    if positions == kind.size or (len(positions) == len(kind.size) and None in positions):
        return f"each {kind.unit} of {said}"
    return f"each of {phrasing.size(positions)} positions of {said}"


def _task_name(kind: InputKind, same: bool) -> str:
    names = {"raster": "segmentation", "volume": "segmentation", "sequence": "tagging"}
    return f" ({names[kind.layout]})" if same and kind.layout in names else ""


def _larger(positions: Sequence[int | None], size: Sequence[int | None]) -> bool:
    return len(positions) == len(size) and all(
        a is not None and b is not None and a > b for a, b in zip(positions, size, strict=True)
    )


def _in_short(output: _Output) -> str:
    """One of several outputs."""
    positions = output.shape[:-1]
    at = f" at each of {phrasing.size(positions)} positions" if len(output.shape) > 1 else ""
    if output.classifies:
        return f"one of {phrasing.plural(output.size or 0, 'class')}{at}"
    if output.bounded:
        scores = "a score" if output.size == 1 else f"{output.size} independent scores"
        return f"{scores} between 0 and 1{at}"
    return (phrasing.counted(output.size, "value") if output.size else "values") + at


def _scales(model: keras.Model, first: Sequence[Call]) -> bool:
    """Whether a model brings its input to a scale itself before its first weights take it."""
    if any(has_trait(call.layer, "scales") for call in first):
        return True
    entrance = entrance_of(model)
    return entrance is not None and (entrance.changes or entrance.takes_integers)


def _unknown(
    overview: Overview,
    outputs: Sequence[_Output],
    class_names: Sequence[str] | None,
    particular: bool,
    model: keras.Model,
    has_run: bool,
) -> str:
    """What the model does not tell; a run tells all but what is computed and how outputs are named."""
    missing = []
    kind, value = overview.input, overview.graph.inputs[overview.shown[0]]
    decides = [output for output in outputs if output.classifies or output.bounded]
    if decides and class_names is None:
        tags = kind.tokenized and len(decides[0].shape) > 1
        missing.append(f"the names of the {'tags' if tags else 'classes'}")
    elif not decides and not particular and not has_run:
        missing.append("the meaning of the outputs")
    first = [call for call in overview.graph.calls if value in call.inputs and call.kind != "group"]
    if has_run:
        return f"The model does not specify {phrasing.listed(missing, 'or')}." if missing else ""
    if kind.id_of:
        missing.append(f"which {kind.id_of} each id stands for")
    elif value.dtype != "string" and not _scales(model, first):
        missing.append("the expected scaling of the input")
    missing.append("the training data")
    return f"The model does not specify {phrasing.listed(missing, 'or')}."
