"""Pre-trained word vectors as the start of an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras

from convscope.errors import UsageError
from convscope.kinds.text.classification.word_vectors import Vectors, read_vectors


def start_from_vectors(
    model: keras.Model, words: Sequence[str], vectors: str | None, layer: str = "embedding"
) -> None:
    """Sets the vectors of the words that a file has; the others keep their random ones.

    Args:
        model: Has an embedding layer of that name, or one in each of its members.
        words: The word of each id; ids behind these keep their vectors.
        vectors: A `.vec`, `.txt` or `.npz` file; None changes nothing.
        layer: Name of the embedding layer.

    Raises:
        DataError: The file is malformed.
        UsageError: Its vectors have another length than those of the model.
    """
    if vectors is None:
        return
    embeddings = [each for each in model.layers if each.name == layer or each.name.endswith(f"_{layer}")]
    found = read_vectors(Path(vectors), words)
    for embedding in embeddings:
        _set(embedding, found, words, vectors)


def _set(embedding: keras.layers.Layer, found: Vectors, words: Sequence[str], vectors: str) -> None:
    fresh = embedding.get_weights()[0]
    if found.matrix.shape[1] != fresh.shape[1]:
        raise UsageError(
            f"{vectors} has vectors of {found.matrix.shape[1]} dimensions, the embedding of the model "
            f"{fresh.shape[1]}.",
            f"Train with --embedding {found.matrix.shape[1]}.",
        )
    known = found.matrix[found.found]
    scale = fresh.std() / known.std() if len(known) else 1.0
    fresh[: len(words)][found.found] = known * scale
    embedding.set_weights([fresh])
