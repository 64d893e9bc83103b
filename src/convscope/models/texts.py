"""Architectures for text: kernels of several widths over words, and a deeper residual network."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.layers.masking import MaskedGlobalMaxPooling1D, PaddingMask
from convscope.layers.subwords import SubwordEmbedding


def text_cnn(
    input_shape: tuple[int | None, ...],
    classes: int,
    vocabulary: int = 20_000,
    widths: Sequence[int] = (3, 4, 5),
    filters: int = 100,
    embedding: int = 300,
    dropout: float = 0.5,
) -> keras.Model:
    """Kernels of several widths over words, each answering with its strongest place.

    Words become vectors; each kernel slides over them and looks at as many neighbouring words as it is wide;
    the largest value of each map says whether what it looks for is anywhere in the text; one dense layer
    weighs these against each other (Kim 2014, "Convolutional neural networks for sentence classification").

    Args:
        input_shape: (None,) for words of texts of any length; (None, pieces) for words with the pieces that
            they are spelled with, the id of the word first.
        classes: The number of class names.
        vocabulary: Ids that there are, of words and pieces, those of padding (0) and unknown words (1) too.
        widths: Words that a kernel looks at, one convolution for each.
        filters: Kernels of each width.
        embedding: Length of a word's vector.
        dropout: Share of the vectors' numbers and of the kernels' answers that is left out in training.

    Returns:
        A functional model from ids, (batch, length[, pieces]) int32, to probabilities (batch, classes).

    Raises:
        UsageError: A bad option.
    """
    widths = _checked_widths(widths)
    _check("text_cnn", input_shape, vocabulary=vocabulary, filters=filters, embedding=embedding)
    ids, mask, x = _embedded(input_shape, vocabulary, embedding, dropout / 2)
    answers = []
    for width in widths:
        maps = layers.Conv1D(filters, width, padding="same", activation="relu", name=f"conv{width}")(x)
        answers.append(MaskedGlobalMaxPooling1D(name=f"conv{width}_pool")([maps, mask]))
    joined = layers.Concatenate(name="joined")(answers) if len(answers) > 1 else answers[0]
    x = layers.Dropout(dropout, name="dropout")(joined)
    return keras.Model(ids, _softmax(classes)(x), name="text_cnn")


def residual_text_cnn(
    input_shape: tuple[int | None, ...],
    classes: int,
    vocabulary: int = 20_000,
    kernel_size: int = 3,
    depth: int = 4,
    filters: int = 192,
    embedding: int = 192,
    dropout: float = 0.4,
) -> keras.Model:
    """A deeper network: residual blocks whose kernels look further apart from block to block.

    Block k computes x + conv(relu(norm(x))) with a dilation of 2^(k-1), so that its receptive field doubles
    where its cost does not (He et al. 2016, "Identity mappings in deep residual networks"; Strubell et al.
    2017, "Fast and accurate entity recognition with iterated dilated convolutions"). Each position is
    normalized by itself (Ba et al. 2016, "Layer normalization"), so that padding plays no part.

    Args:
        input_shape: (None,) for words of texts of any length; (None, pieces) for words with the pieces that
            they are spelled with, the id of the word first.
        classes: The number of class names.
        vocabulary: Ids that there are, of words and pieces, those of padding (0) and unknown words (1) too.
        kernel_size: Positions that a kernel looks at.
        depth: Residual blocks.
        filters: Kernels of each convolution.
        embedding: Length of a word's vector.
        dropout: Share that is left out in training, of vectors and before the answer.

    Returns:
        A functional model from ids, (batch, length[, pieces]) int32, to probabilities (batch, classes).

    Raises:
        UsageError: A bad option.
    """
    _checked_widths((kernel_size,))
    _check("residual_text_cnn", input_shape, vocabulary=vocabulary, filters=filters, depth=depth)
    ids, mask, x = _embedded(input_shape, vocabulary, embedding, dropout / 2)
    x = layers.Conv1D(filters, kernel_size, padding="same", name="stem_conv")(x)
    for block in range(1, depth + 1):
        y = layers.LayerNormalization(name=f"block{block}_norm")(x)
        y = layers.ReLU(name=f"block{block}_relu")(y)
        y = layers.Multiply(name=f"block{block}_mask")([y, mask])
        y = layers.Conv1D(
            filters,
            kernel_size,
            padding="same",
            dilation_rate=2 ** (block - 1),
            kernel_initializer="he_normal",
            name=f"block{block}_conv",
        )(y)
        y = layers.Dropout(dropout / 2, name=f"block{block}_dropout")(y)
        x = layers.Add(name=f"block{block}_add")([x, y])
    x = layers.LayerNormalization(name="last_norm")(x)
    x = layers.ReLU(name="last_relu")(x)
    x = MaskedGlobalMaxPooling1D(name="pool")([x, mask])
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(ids, _softmax(classes)(x), name="residual_text_cnn")


def _embedded(
    input_shape: tuple[int | None, ...], vocabulary: int, embedding: int, dropout: float
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """Ids, their mask, and their vectors with those of padding at exactly zero."""
    ids = keras.Input(input_shape, dtype="int32", name="ids")
    mask = PaddingMask(name="mask")(ids)
    make = SubwordEmbedding if len(input_shape) == 2 else layers.Embedding
    x = make(vocabulary, embedding, name="embedding")(ids)
    x = layers.SpatialDropout1D(dropout, name="embedding_dropout")(x)
    return ids, mask, layers.Multiply(name="embedding_mask")([x, mask])


def _softmax(classes: int) -> keras.layers.Layer:
    """The last layer; its probabilities stay float32 whatever the precision of the rest."""
    policy = keras.config.dtype_policy()
    dtype = "float32" if policy.name.startswith("mixed_") else None
    return layers.Dense(classes, activation="softmax", dtype=dtype, name="classes")


def _checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    made = tuple(widths)
    if not made or min(made) < 1 or len(set(made)) < len(made):
        raise UsageError(f"Kernels need different widths of at least 1. Received: {list(made)}.")
    return made


def _check(name: str, input_shape: tuple[int | None, ...], **sizes: int) -> None:
    if len(input_shape) not in (1, 2):
        raise UsageError(
            f"{name} takes (length,) or (length, pieces). Received: input_shape={tuple(input_shape)}."
        )
    for what, size in sizes.items():
        if size < 1:
            raise UsageError(f"{name} needs {what} of at least 1. Received: {what}={size}.")
