"""Translation by convolution alone: an encoder, and a decoder that attends to it in every layer."""

from __future__ import annotations

import keras

from convscope.errors import UsageError
from convscope.kinds.text.layers.gating import GatedLinearUnit, ScaledSum
from convscope.kinds.text.layers.masking import PaddingMask
from convscope.kinds.text.layers.source_attention import SourceAttention
from convscope.kinds.text.layers.token_embedding import PositionEmbedding, TokenEmbedding
from convscope.kinds.text.translation.loss import token_loss
from convscope.types import Tensor

_KERNEL = "he_normal"  # the gates let about a quarter of the variance pass


@keras.saving.register_keras_serializable(package="convscope")
class TranslationModel(keras.Model):  # type: ignore[misc]
    r"""From source ids and the target so far to scores of the next target token.

    The loss of a batch is the mean over all target positions that are no padding of

    $$-(1 - \varepsilon) \log p_t(y_t) - \frac{\varepsilon}{V} \sum_v \log p_t(v)$$

    with the label smoothing $\varepsilon$ of the compiled loss in training, and $\varepsilon = 0$ in
    validation. Targets stay ids: no row of V zeros and ones is made for them.

    Source: Szegedy et al. (2016), "Rethinking the inception architecture for computer vision" (label
    smoothing).

    Shapes:
        - input: {"source": ids (batch, source), "target": ids (batch, target)}; 0 is padding, and the target
          begins with the start token.
        - output: scores (logits), float32, (batch, target, classes).
        - y: the ids that follow, (batch, target); padding where there is none.
    """

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """The smoothed cross-entropy of tokens, in nats."""
        compiled = self.loss
        smoothing = float(getattr(compiled, "label_smoothing", 0.0)) if training else 0.0
        return token_loss(y, y_pred, smoothing)


def conv_seq2seq(
    input_shape: tuple[int | None, ...],
    classes: int,
    vocabulary: int = 8000,
    width: int = 256,
    encoder_depth: int = 6,
    decoder_depth: int = 4,
    kernel_size: int = 3,
    dropout: float = 0.3,
    positions: int = 256,
) -> keras.Model:
    r"""Gated convolutions that read a sentence, and causal ones that write its translation word by word.

    A block of the encoder: $x \leftarrow x + \mathrm{GLU}(\mathrm{conv}(\mathrm{norm}(x)))$. A block of the
    decoder, with g the embedding of the target so far, z the encoder's output and e the embedding of the
    source:

    $$h = \mathrm{GLU}(\mathrm{conv}(\mathrm{norm}(x))) \qquad q = \sqrt{1/2}\,(W_q h + b_q + g)
    \qquad x \leftarrow x + \sqrt{1/2}\,(h + W_c\, \mathrm{attention}(q, z, \sqrt{1/2}\,(z + e)) + b_c)$$

    Layer normalization takes the place of the paper's weight normalization and of its scaling of residual
    sums. The table of target vectors also gives the scores. The weights of each attention are the second
    output of `decoder1_attention`, `decoder2_attention`, ...

    Source: Gehring, Auli, Grangier, Yarats and Dauphin (2017), "Convolutional sequence to sequence learning";
    Ba, Kiros and Hinton (2016), "Layer normalization".

    Args:
        input_shape: (None,): sentences of any length.
        classes: Tokens of the target vocabulary.
        vocabulary: Tokens of the source vocabulary.
        width: Channels of every vector.
        encoder_depth: Blocks of the encoder; each sees kernel_size - 1 more words.
        decoder_depth: Blocks of the decoder.
        kernel_size: Words that a convolution sees, odd.
        dropout: Share of values left out in training: of the embeddings, before each convolution, before
            scores.
        positions: Places in a sentence that have a vector.

    Returns:
        A model from {"source": (batch, source), "target": (batch, target)}, int32, to scores (batch, target,
        classes).

    Raises:
        UsageError: A size that cannot work.
    """
    _check(input_shape, classes, vocabulary, width, encoder_depth, decoder_depth, kernel_size, dropout)
    source = keras.Input((input_shape[0],), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    mask = PaddingMask(name="source_mask")(source)
    embedded = TokenEmbedding(vocabulary, width, name="source_embedding")(source)
    embedded = _placed(embedded, "source", positions, dropout)
    encoded = [*_encode(embedded, mask, encoder_depth, kernel_size, dropout), mask]
    table = TokenEmbedding(classes, width, tied=True, name="target_embedding")
    wanted = _placed(table(target), "target", positions, dropout)
    x = wanted
    for number in range(1, decoder_depth + 1):
        x = _decoder_block(f"decoder{number}", x, wanted, encoded, kernel_size, dropout)
    x = keras.layers.LayerNormalization(name="decoder_norm")(x)
    x = keras.layers.Dense(width, name="output_dense")(x)
    x = keras.layers.Dropout(dropout, name="output_dropout")(x)
    return TranslationModel({"source": source, "target": target}, table(x, reverse=True), name="conv_seq2seq")


def _check(
    input_shape: tuple[int | None, ...],
    classes: int,
    vocabulary: int,
    width: int,
    encoder_depth: int,
    decoder_depth: int,
    kernel_size: int,
    dropout: float,
) -> None:
    if len(input_shape) != 1:
        raise UsageError(f"conv_seq2seq takes rows of ids, input shape (None,). Received: {input_shape}.")
    sizes = {
        "width": width,
        "encoder_depth": encoder_depth,
        "decoder_depth": decoder_depth,
        "kernel_size": kernel_size,
    }
    for name, size in sizes.items():
        if size < 1:
            raise UsageError(f"{name} must be at least 1. Received: {name}={size}.")
    if kernel_size % 2 == 0:
        raise UsageError(
            f"kernel_size must be odd, for as many words on each side. Received: kernel_size={kernel_size}."
        )
    if classes < 5 or vocabulary < 5:
        raise UsageError(
            "Vocabularies need padding, unknown, start, end and at least one token."
            f" Received: vocabulary={vocabulary}, classes={classes}."
        )
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be in [0, 1). Received: dropout={dropout}.")


def _placed(embedded: Tensor, side: str, positions: int, dropout: float) -> Tensor:
    placed = PositionEmbedding(positions, name=f"{side}_position")(embedded)
    return keras.layers.Dropout(dropout, name=f"{side}_dropout")(placed)


def _encode(
    embedded: Tensor, mask: Tensor, depth: int, kernel_size: int, dropout: float
) -> tuple[Tensor, Tensor]:
    """The keys z and the values z + e."""
    width = embedded.shape[-1]
    x = embedded = keras.layers.Multiply(name="source_masked")([embedded, mask])
    for number in range(1, depth + 1):
        block = f"encoder{number}"
        h = keras.layers.LayerNormalization(name=f"{block}_norm")(x)
        h = keras.layers.Dropout(dropout, name=f"{block}_dropout")(h)
        h = keras.layers.Multiply(name=f"{block}_masked")([h, mask])
        h = keras.layers.Conv1D(
            2 * width, kernel_size, padding="same", kernel_initializer=_KERNEL, name=f"{block}_conv"
        )(h)
        h = GatedLinearUnit(name=f"{block}_gate")(h)
        x = keras.layers.Add(name=f"{block}_sum")([x, h])
    x = keras.layers.LayerNormalization(name="encoder_norm")(x)
    keys = keras.layers.Multiply(name="encoder_keys")([x, mask])
    return keys, ScaledSum(name="encoder_values")([keys, embedded])


def _decoder_block(
    block: str, x: Tensor, wanted: Tensor, encoded: list[Tensor], kernel_size: int, dropout: float
) -> Tensor:
    width = x.shape[-1]
    h = keras.layers.LayerNormalization(name=f"{block}_norm")(x)
    h = keras.layers.Dropout(dropout, name=f"{block}_dropout")(h)
    h = keras.layers.Conv1D(
        2 * width, kernel_size, padding="causal", kernel_initializer=_KERNEL, name=f"{block}_conv"
    )(h)
    h = GatedLinearUnit(name=f"{block}_gate")(h)
    query = keras.layers.Dense(width, name=f"{block}_query")(h)
    query = ScaledSum(name=f"{block}_question")([query, wanted])
    context, _ = SourceAttention(name=f"{block}_attention")([query, *encoded])
    context = keras.layers.Dense(width, name=f"{block}_context")(context)
    h = ScaledSum(name=f"{block}_answer")([h, context])
    return keras.layers.Add(name=f"{block}_sum")([x, h])
