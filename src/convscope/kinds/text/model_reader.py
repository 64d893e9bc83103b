"""How texts become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from convscope.data.splits import Samples
from convscope.errors import UsageError
from convscope.kinds.contract.model_reader import (
    ModelEncoding,
    ModelMatch,
    ModelReader,
    PlainModel,
    ReadingOptions,
)
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.kinds.text.kind import TEXT_READER_OPTIONS
from convscope.kinds.text.plain_tokens import KIND, FileDivider, KerasDivider, PlainTokens
from convscope.scope.attribution.layer import embedding_of


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """A model of token ids, or one with a `TextVectorization` layer in front."""
    if isinstance(model.representation, PlainTokens):
        return ModelMatch(1.0, "its layer TextVectorization takes texts")
    if any(value.dtype == "string" for value in model.graph.inputs):
        return ModelMatch(1.0, "its input is a string")
    if model.only_shape is None or len(model.only_shape) != 1:
        return None
    lookup = embedding_of(model.graph, model.graph.inputs[0])
    return None if lookup is None else ModelMatch(0.97, f"the layer '{lookup.path}' looks up token ids")


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Token ids by the model's own vectorization, or by a vocabulary file.

    Raises:
        UsageError: The vocabulary is not known, or has more tokens than the model.
        DataError: The vocabulary file is malformed.
    """
    own = model.representation
    path = options.get("vocabulary")
    if isinstance(own, PlainTokens):
        if path is not None:
            raise UsageError("The model has a vocabulary of its own.", "Leave --vocabulary out.")
        note = "texts are divided by the model's layer TextVectorization"
        return ModelEncoding(own, notes=(note,))
    shape = model.only_shape
    if shape is None or len(shape) != 1 or model.graph.inputs[0].dtype == "string":
        raise model.mismatch(
            "token ids", "Text goes into models of token ids, or with a TextVectorization layer in front."
        )
    if path is None:
        raise UsageError(
            f"The model '{model.model.name}' takes token ids, and its vocabulary is not known.",
            "Give --vocabulary FILE, one token per line in the order of ids, or give ids as a .npy file.",
        )
    divider = FileDivider.read(str(path))
    _check_size(model, len(divider.vocabulary), str(path))
    representation = PlainTokens(divider, shape[0])
    note = f"vocabulary: {len(divider.vocabulary):,} tokens of {path}, id 0 is padding and 1 an unknown token"
    return ModelEncoding(representation, notes=(note,))


def is_labelled(paths: Sequence[str]) -> bool:
    """Whatever exists and is no `.txt` file."""
    return len(paths) == 1 and Path(paths[0]).suffix.lower() != ".txt" and _exists(paths[0])


def load_representation(saved: Any) -> AnyRepresentation | None:
    """That of a plain model; None for those of runs."""
    return PlainTokens.from_json(saved) if saved.get("kind") == KIND else None


def numeric_part(model: keras.Model) -> tuple[keras.Model, AnyRepresentation] | None:
    """The part behind a `TextVectorization` layer, and how texts become its token ids.

    Returns:
        None if the model does not begin with such a layer.
    """
    functional = getattr(model, "_functional", None) or model
    levels = getattr(functional, "_nodes_by_depth", {})
    nodes = [node for level in levels.values() for node in level]
    vectorizing = [node for node in nodes if isinstance(node.operation, keras.layers.TextVectorization)]
    if len(vectorizing) != 1 or len(functional.inputs) != 1:
        return None
    layer = vectorizing[0].operation
    if layer.get_config()["output_mode"] != "int":
        return None
    ids = vectorizing[0].outputs[0]
    behind = keras.Model(ids, functional.outputs)
    named = keras.models.clone_model(
        behind,
        input_tensors=keras.Input(ids.shape[1:], dtype="int32", name="token_ids"),
        clone_function=lambda each: each,
    )
    named.name = model.name
    return named, PlainTokens(KerasDivider.of(layer), ids.shape[1])


def _check_size(model: PlainModel, tokens: int, path: str) -> None:
    lookup = embedding_of(model.graph, model.graph.inputs[0])
    size = getattr(getattr(lookup, "layer", None), "input_dim", None)
    if size is not None and tokens > size:
        raise UsageError(
            f"{path} has {tokens:,} tokens with padding and the unknown token; the model has {size:,}.",
            "Give the vocabulary that the model was trained with.",
        )


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a path, or holds a NUL character
        return False


MODEL_READER = ModelReader(
    kind="text",
    samples="texts",
    recipe="text-classification",
    matches=matches,
    encoding=encoding,
    is_labelled=is_labelled,
    options=TEXT_READER_OPTIONS,
    labels_in_files=True,
    load_representation=load_representation,
    numeric_part=numeric_part,
)
