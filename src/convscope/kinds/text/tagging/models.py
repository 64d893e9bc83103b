"""The architecture for tagging: dilated convolutions over words and their characters, and a CRF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
from keras import layers, ops

from convscope.errors import UsageError
from convscope.kinds.text.layers.crf import LinearChainCRF
from convscope.kinds.text.layers.masking import PaddingMask
from convscope.kinds.text.layers.spelling import CharacterMask, MaxOverCharacters
from convscope.models.own_loss import OwnLossModel
from convscope.types import Tensor

CHARACTERS_PER_WORD = 20
"""Characters of a word that the model is given."""
CASINGS = 8
"""Ids of casings, with that of padding."""


class _BestTags(keras.layers.Layer):  # type: ignore[misc]
    """From emissions and mask to the best sequence, and the probability of each of its tags."""

    def __init__(self, crf: LinearChainCRF) -> None:
        super().__init__(dtype="float32")
        self._crf = crf

    def call(self, inputs: Tensor) -> Tensor:
        emissions, mask = inputs
        best = self._crf.viterbi(emissions, mask)
        shares = self._crf([emissions, mask])
        sure = ops.take_along_axis(shares, ops.expand_dims(best, -1), axis=-1)
        return [best, ops.squeeze(sure, -1)]

    def compute_output_spec(self, inputs: Tensor) -> list[keras.KerasTensor]:
        shape = inputs[0].shape[:2]
        return [keras.KerasTensor(shape, dtype="int32"), keras.KerasTensor(shape, dtype="float32")]


@keras.saving.register_keras_serializable(package="convscope")
class TaggingModel(OwnLossModel):
    """A functional model that ends in a `LinearChainCRF` named `tags` and is trained by its likelihood.

    The output is the probability of each tag at each word, given the whole sentence, shape (batch, length,
    tags). Targets are the ids of tags, shape (batch, length), integers, of padding any. The loss is the mean
    negative log-likelihood of a sentence in nats, divided by the mean length; `accuracy` is the share
    of words whose most probable tag is right. Compile it with an optimizer and nothing else.

    In training the model gives emissions, because the loss normalizes them over all tag sequences by itself.
    """

    @property
    def crf(self) -> LinearChainCRF:
        """The last layer."""
        last: LinearChainCRF = self.get_layer("tags")
        return last

    @property
    def emitter(self) -> keras.Model:
        """The same layers from the inputs to [emissions, mask], without the CRF."""
        return self.made_once("emitter", lambda: self.crf.input)

    @property
    def decoder(self) -> keras.Model:
        """The same layers from the inputs to [best tags, their probabilities]; made and compiled once."""
        return self.made_once("decoder", lambda: _BestTags(self.crf)(self.crf.input))

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """Marginal probabilities; emissions in training."""
        if training:
            return self.emitter(inputs, training=True)[0]
        return super().call(inputs, training=training)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Mean negative log-likelihood of the tags, per word."""
        present = ops.cast(ops.not_equal(x["words"], 0), "float32")
        emissions = y_pred if training else self.emitter(x, training=False)[0]
        likelihood, probabilities = self.crf.likelihood_and_marginals(
            emissions, ops.expand_dims(present, -1), y
        )
        right = ops.equal(ops.argmax(probabilities, -1), ops.cast(y, "int32"))
        self.own_accuracy.update_state(ops.cast(right, "float32"), sample_weight=present)
        if sample_weight is not None:
            likelihood = likelihood * ops.cast(sample_weight, likelihood.dtype)
        loss = -ops.sum(likelihood) / ops.maximum(ops.sum(present), 1.0)
        return self.penalized(loss)


def dilated_tagger(
    input_shape: tuple[int | None, ...],
    classes: int,
    vocabulary: int = 20_000,
    characters: int = 100,
    constraints: Mapping[str, Sequence[Tensor]] | None = None,
    kernel_size: int = 3,
    dilations: Sequence[int] = (1, 2, 4, 1),
    depth: int = 1,
    width: int = 256,
    word_width: int = 100,
    character_width: int = 64,
    dropout: float = 0.5,
) -> keras.Model:
    """Dilated convolutions over words, each of which is an embedding beside a convolution of its characters.

    The characters of a word pass one convolution and the largest value of each kernel stays (Ma and Hovy
    2016, "End-to-end sequence labeling via bi-directional LSTM-CNNs-CRF"). Over the words, each
    convolution looks further than the one before by its dilation, so that a few see the sentence (Strubell
    et al. 2017, "Fast and accurate entity recognition with iterated dilated convolutions"); here every layer
    has its own weights and adds to what comes in: x + dropout(relu(conv(norm(x)))).

    Args:
        input_shape: (length,) of a sentence in words; None for any.
        classes: The number of tags.
        vocabulary: Word ids, with those of padding and unknown words.
        characters: Character ids, with those of padding and unknown characters.
        constraints: As `LinearChainCRF` takes them: `allowed`, `starts`, `ends`; None allows all sequences.
        kernel_size: Words that each kernel looks at.
        dilations: Steps between them, for each layer of a block.
        depth: How often the block is repeated.
        width: Kernels of each layer.
        word_width: Size of a word's embedding.
        character_width: Kernels over the characters.
        dropout: Of the embeddings, and half of it within the blocks.

    Returns:
        A `TaggingModel` from a dictionary of words (batch, length), characters (batch, length, 20) and
        casings (batch, length), all int32, to float32 probabilities of shape (batch, length, classes).

    Raises:
        UsageError: A bad shape or option.
    """
    _check(input_shape, kernel_size, dilations, depth, dropout)
    length = input_shape[0]
    words = keras.Input((length,), dtype="int32", name="words")
    letters = keras.Input((length, CHARACTERS_PER_WORD), dtype="int32", name="characters")
    casings = keras.Input((length,), dtype="int32", name="casings")
    mask = PaddingMask(name="mask")(words)
    each = [
        _embedding(vocabulary, word_width, "word_embedding")(words),
        _spelling(letters, characters, character_width, dropout),
        _embedding(CASINGS, 16, "casing_embedding")(casings),
    ]
    x = _joined(each, mask, width, dropout)
    for block in range(1, depth + 1):
        for number, dilation in enumerate(dilations, 1):
            x = _layer(x, mask, width, kernel_size, dilation, dropout / 2, f"block{block}_{number}")
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    emissions = layers.Dense(classes, name="emissions")(x)
    tags = LinearChainCRF(**(constraints or {}), name="tags")([emissions, mask])
    inputs = {"words": words, "characters": letters, "casings": casings}
    return TaggingModel(inputs, tags, name="dilated_tagger")


def _joined(parts: list[Tensor], mask: Tensor, width: int, dropout: float) -> Tensor:
    """What is known of each word, as one vector."""
    x = layers.Concatenate(name="word")(parts)
    x = layers.Dropout(dropout, name="word_dropout")(x)
    x = layers.Dense(width, name="word_projection")(x)
    return layers.Multiply(name="word_masked")([x, mask])


def _spelling(letters: Tensor, characters: int, width: int, dropout: float) -> Tensor:
    """The largest value of each kernel over the characters of a word."""
    x = _embedding(characters, 32, "character_embedding")(letters)
    there = CharacterMask(name="character_mask")(letters)
    x = layers.Multiply(name="character_masked")([x, there])
    x = layers.Dropout(dropout / 2, name="character_dropout")(x)
    x = layers.Conv2D(width, (1, 3), padding="same", activation="relu", name="character_conv")(x)
    return MaxOverCharacters(name="character_pool")([x, there])


def _layer(
    x: Tensor, mask: Tensor, width: int, size: int, dilation: int, dropout: float, name: str
) -> Tensor:
    """Adds dropout(relu(conv(norm(x)))) to x."""
    y = layers.LayerNormalization(name=f"{name}_norm")(x)
    y = layers.Multiply(name=f"{name}_masked")([y, mask])
    y = layers.Conv1D(
        width, size, padding="same", dilation_rate=dilation, activation="relu", name=f"{name}_conv"
    )(y)
    y = layers.Dropout(dropout, name=f"{name}_dropout")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def _embedding(ids: int, width: int, name: str) -> keras.layers.Layer:
    """Starts with values of variance 1 / width."""
    side = (3 / width) ** 0.5
    return layers.Embedding(
        ids, width, embeddings_initializer=keras.initializers.RandomUniform(-side, side), name=name
    )


def _check(
    input_shape: tuple[int | None, ...],
    kernel_size: int,
    dilations: Sequence[int],
    depth: int,
    dropout: float,
) -> None:
    if len(input_shape) != 1:
        raise UsageError(f"dilated_tagger takes (length,). Received: input_shape={input_shape}.")
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise UsageError(f"dilated_tagger needs an odd kernel size. Received: kernel_size={kernel_size}.")
    if depth < 1 or not dilations or min(dilations) < 1:
        raise UsageError(
            "dilated_tagger needs a block or more of dilations of at least 1."
            f" Received: depth={depth}, dilations={tuple(dilations)}."
        )
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be at least 0 and below 1. Received: dropout={dropout}.")
