"""Architectures for text: kernels of several widths over words, and a deeper residual network."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.text.layers.masking import MaskedGlobalMaxPooling1D, PaddingMask
from convscope.kinds.text.layers.subwords import SubwordEmbedding
from convscope.models.ensemble import ensemble_of
from convscope.models.heads import softmax


def text_cnn(
    input_shape: tuple[int | None, ...],
    classes: int,
    vocabulary: int = 20_000,
    widths: Sequence[int] = (3, 4, 5),
    filters: int = 100,
    embedding: int = 300,
    dropout: float = 0.5,
    ensemble: int = 1,
) -> keras.Model:
    """Kernels of several widths over words, each pooled to its maximum.

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
        dropout: Share of word vectors and features that is left out in training.
        ensemble: Networks that learn beside each other, each from weights of its own, and whose mean is the
            output.

    Returns:
        A model from ids, (batch, length[, pieces]) int32, to probabilities (batch, classes); one of several
        is an `EnsembleModel`.

    Raises:
        UsageError: A bad option.
    """
    widths = _checked_widths(widths)
    sizes = {"vocabulary": vocabulary, "filters": filters, "embedding": embedding, "ensemble": ensemble}
    _check("text_cnn", input_shape, **sizes)
    ids, mask = _ids(input_shape)

    def member(prefix: str) -> keras.KerasTensor:
        x = _embedded(ids, mask, vocabulary, embedding, dropout / 2, prefix)
        x = _strongest(x, mask, widths, filters, prefix)
        return softmax(classes, prefix)(layers.Dropout(dropout, name=f"{prefix}dropout")(x))

    return ensemble_of(ids, member, ensemble, "text_cnn")


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
        dropout: Share that is left out in training, of vectors and before the last layer.

    Returns:
        A functional model from ids, (batch, length[, pieces]) int32, to probabilities (batch, classes).

    Raises:
        UsageError: A bad option.
    """
    _checked_widths((kernel_size,))
    _check("residual_text_cnn", input_shape, vocabulary=vocabulary, filters=filters, depth=depth)
    ids, mask = _ids(input_shape)
    x = _embedded(ids, mask, vocabulary, embedding, dropout / 2)
    x = layers.Conv1D(filters, kernel_size, padding="same", name="stem_conv")(x)
    for block in range(depth):
        x = _residual(x, mask, kernel_size, 2**block, dropout / 2, f"block{block + 1}")
    x = layers.LayerNormalization(name="last_norm")(x)
    x = layers.ReLU(name="last_relu")(x)
    x = MaskedGlobalMaxPooling1D(name="pool")([x, mask])
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(ids, softmax(classes)(x), name="residual_text_cnn")


def _ids(input_shape: tuple[int | None, ...]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Ids and their mask."""
    ids = keras.Input(input_shape, dtype="int32", name="ids")
    return ids, PaddingMask(name="mask")(ids)


def _embedded(
    ids: keras.KerasTensor,
    mask: keras.KerasTensor,
    vocabulary: int,
    embedding: int,
    dropout: float,
    prefix: str = "",
) -> keras.KerasTensor:
    """The vectors of ids, with those of padding at exactly zero."""
    make = SubwordEmbedding if len(ids.shape) == 3 else layers.Embedding
    x = make(vocabulary, embedding, name=f"{prefix}embedding")(ids)
    x = layers.SpatialDropout1D(dropout, name=f"{prefix}embedding_dropout")(x)
    return layers.Multiply(name=f"{prefix}embedding_mask")([x, mask])


def _strongest(
    x: keras.KerasTensor, mask: keras.KerasTensor, widths: Sequence[int], filters: int, prefix: str
) -> keras.KerasTensor:
    """The largest value of each kernel of each width over the whole text."""
    found = []
    for width in widths:
        name = f"{prefix}conv{width}"
        maps = layers.Conv1D(filters, width, padding="same", activation="relu", name=name)(x)
        found.append(MaskedGlobalMaxPooling1D(name=f"{name}_pool")([maps, mask]))
    return layers.Concatenate(name=f"{prefix}joined")(found) if len(found) > 1 else found[0]


def _residual(
    x: keras.KerasTensor, mask: keras.KerasTensor, size: int, dilation: int, dropout: float, name: str
) -> keras.KerasTensor:
    """Adds dropout(conv(relu(norm(x)))) to x."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    y = layers.ReLU(name=f"{name}_relu")(y)
    y = layers.Multiply(name=f"{name}_mask")([y, mask])
    y = layers.Conv1D(
        x.shape[-1],
        size,
        padding="same",
        dilation_rate=dilation,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(y)
    y = layers.Dropout(dropout, name=f"{name}_dropout")(y)
    return layers.Add(name=f"{name}_add")([x, y])


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
