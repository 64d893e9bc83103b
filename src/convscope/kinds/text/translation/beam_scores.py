"""The best next words of many unfinished translations, from kept states or from the whole beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.data.token_rows import PADDING, UNKNOWN, padded_length
from convscope.errors import UsageError
from convscope.kinds.text.translation.representation import END, START
from convscope.scope.differentiate import forward_program
from convscope.types import Tensor

Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

NEVER = -1e9
"""Added to the log-probability of what cannot be."""
_SPECIAL = (PADDING, UNKNOWN, START, END)


@dataclass(frozen=True)
class Candidates:
    """How the translations of a beam may go on.

    Args:
        scores: Log-probabilities of the best 2 * beam continuations of each source, falling, (batch, 2 *
            beam).
        tokens: Their last token, (batch, 2 * beam), int32.
        parents: The translation in the beam that each continues, (batch, 2 * beam), int32.
        endings: Log-probability of each translation if it ended here, (batch, beam).
        attention: How much each source token was looked at for the next word, (batch, beam, source).
    """

    scores: Floats
    tokens: Ids
    parents: Ids
    endings: Floats
    attention: Floats


class Scorer(Protocol):
    """Goes through the translations of one batch of sources, word by word."""

    def begin(self, source: Ids, beam: int) -> None:
        """Starts with empty translations of each source, (batch, source)."""

    def advance(self, tokens: Ids, parents: Ids, scores: Floats) -> Candidates:
        """Appends tokens to parents, both (batch, beam); the scores are their log-probabilities."""


class TranslationSteps:
    """Runs the decoder of a `conv_seq2seq` one position at a time.

    A causal convolution of k words needs its last k - 1 inputs and nothing else of what came before; they are
    the state. The source is encoded once. So the cost of a step does not grow with the length of the
    translation.

    Args:
        model: Made by `conv_seq2seq`, trained or loaded from a file. Its layers are called, not changed.

    Raises:
        UsageError: The model is of another architecture.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        layers = {layer.name: layer for layer in model.layers}
        self.depth = sum(name.startswith("decoder") and name.endswith("_attention") for name in layers)
        needed = {"encoder_keys", "encoder_values", "source_mask", "target_embedding", "target_position"}
        if not self.depth or needed - set(layers):
            raise UsageError(
                f"Translation needs a conv_seq2seq model. Received: {model.name}.",
                'Build it with convscope.build("conv_seq2seq", ...).',
            )
        self._layers = layers
        self.kernel_size = int(layers["decoder1_conv"].kernel_size[0])
        self.width = int(layers["target_embedding"].width)
        self.attentions = [layers[f"decoder{number}_attention"].output[1] for number in self._numbers]
        outputs = [layers[name].output for name in ("encoder_keys", "encoder_values", "source_mask")]
        self._encoder = keras.Model(model.input["source"], outputs)

    @property
    def _numbers(self) -> range:
        return range(1, self.depth + 1)

    def state_shape(self, batch: int, beam: int) -> tuple[int, ...]:
        """Of the state: before the first word it is zeros of this shape."""
        return (self.depth, batch, beam, self.kernel_size - 1, self.width)

    def encode(self, source: Tensor) -> list[Tensor]:
        """Keys, values and mask of each source, which each step reads.

        Args:
            source: Ids, (batch, source), int32.

        Returns:
            (batch, source, width), the same, and (batch, source, 1).
        """
        encoded: list[Tensor] = self._encoder(source, training=False)
        return encoded

    def step(
        self, tokens: Tensor, position: Tensor, state: Tensor, encoded: list[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scores the words that may come next.

        Args:
            tokens: The word before, of each of some translations of each source, (batch, beam), int32.
            position: How many words were before that one, int32 scalar.
            state: What the steps before left, shape `state_shape`, float.
            encoded: What `encode` gave.

        Returns:
            Scores (logits) of the next word, (batch, beam, classes); how much each source token was looked
            at, mean over the layers, (batch, beam, source); and the new state.
        """
        batch, beam = tokens.shape
        layers = self._layers
        embedded = layers["target_embedding"](ops.reshape(tokens, (-1, 1)))
        embedded = layers["target_position"](embedded, first=position)
        wanted = ops.reshape(embedded, (batch, beam, self.width))
        x, kept, looks = wanted, [], []
        for number in self._numbers:
            block = f"decoder{number}"
            window = ops.concatenate(
                [state[number - 1], ops.expand_dims(layers[f"{block}_norm"](x), 2)], axis=2
            )
            kept.append(window[:, :, 1:])
            h = layers[f"{block}_gate"](self._convolve(layers[f"{block}_conv"], window))
            question = layers[f"{block}_question"]([layers[f"{block}_query"](h), wanted])
            context, weights = layers[f"{block}_attention"]([question, *encoded])
            looks.append(weights)
            h = layers[f"{block}_answer"]([h, layers[f"{block}_context"](context)])
            x = layers[f"{block}_sum"]([x, h])
        h = layers["output_dense"](layers["decoder_norm"](x))
        scores = layers["target_embedding"](h, reverse=True)
        return scores, ops.mean(ops.stack(looks), axis=0), ops.stack(kept)

    def _convolve(self, convolution: keras.layers.Conv1D, window: Tensor) -> Tensor:
        """The last output of a causal convolution, from (batch, beam, kernel_size, width)."""
        batch, beam = window.shape[:2]
        flat = ops.reshape(window, (batch * beam, -1))
        kernel = ops.reshape(ops.convert_to_tensor(convolution.kernel), (-1, convolution.filters))
        outputs = ops.matmul(flat, ops.cast(kernel, flat.dtype)) + ops.cast(convolution.bias, flat.dtype)
        return ops.reshape(outputs, (batch, beam, convolution.filters))


class CachedScorer:
    """Keeps what each layer needs of the words before: a step costs the same however many they are.

    Args:
        model: Made by `conv_seq2seq`.
    """

    def __init__(self, model: keras.Model) -> None:
        steps = TranslationSteps(model)
        self._steps = steps
        self._encode = forward_program(model, steps.encode)

        def step(
            tokens: Tensor,
            position: Tensor,
            scores: Tensor,
            may_be_unknown: Tensor,
            state: Tensor,
            *encoded: object,
        ) -> list[Tensor]:
            logits, attention, state = steps.step(tokens, position, state, list(encoded))
            return [*_ranked(logits, position, scores, may_be_unknown), attention, state]

        self._step = forward_program(model, step)

    def begin(self, source: Ids, beam: int) -> None:
        """Encodes the sources."""
        # Tensors, which are not copied again in each step.
        self._encoded = list(map(ops.convert_to_tensor, self._encode(source)))
        self._may_be_unknown = _unknown(source)
        self._position = 0
        self._state = np.zeros(self._steps.state_shape(len(source), beam), np.float32)

    def advance(self, tokens: Ids, parents: Ids, scores: Floats) -> Candidates:
        """Takes one step of each layer."""
        state = self._state[:, np.arange(len(parents))[:, None], parents]
        position = np.array(self._position, np.int32)
        *ranked, attention, self._state = self._step(
            tokens, position, scores, self._may_be_unknown, state, *self._encoded
        )
        self._position += 1
        return _candidates(ranked, attention)


class RecomputingScorer:
    """Runs the whole model over all words so far, each time: what the cached states must agree with.

    Args:
        model: Made by `conv_seq2seq`.
    """

    def __init__(self, model: keras.Model) -> None:
        whole = keras.Model(model.input, [model.output, *TranslationSteps(model).attentions])

        def step(
            target: Tensor, position: Tensor, scores: Tensor, may_be_unknown: Tensor, source: Tensor
        ) -> list[Tensor]:
            logits, *looks = whole({"source": source, "target": target}, training=False)
            shape = (*scores.shape, -1)
            last = ops.reshape(ops.take(logits, position, axis=1), shape)
            attention = ops.reshape(ops.take(ops.mean(ops.stack(looks), axis=0), position, axis=1), shape)
            return [*_ranked(last, position, scores, may_be_unknown), attention]

        self._step = forward_program(model, step)

    def begin(self, source: Ids, beam: int) -> None:
        """Repeats each source for its translations."""
        self._may_be_unknown = _unknown(source)
        self._source = np.repeat(source, beam, axis=0)
        self._words = np.zeros((len(source), beam, 0), np.int32)

    def advance(self, tokens: Ids, parents: Ids, scores: Floats) -> Candidates:
        """Computes every word so far again."""
        words = self._words[np.arange(len(parents))[:, None], parents]
        self._words = np.concatenate([words, tokens[..., None]], axis=2)
        length = self._words.shape[2]
        target = np.full((self._words[..., 0].size, padded_length(length)), PADDING, np.int32)
        target[:, :length] = self._words.reshape(-1, length)
        position = np.array(length - 1, np.int32)
        *ranked, attention = self._step(target, position, scores, self._may_be_unknown, self._source)
        return _candidates(ranked, attention)


def _unknown(source: Ids) -> Floats:
    """Is added for the unknown token: it may only stand for something unknown in the source; (batch, 1)."""
    return np.where((source == UNKNOWN).any(axis=1, keepdims=True), 0.0, NEVER).astype(np.float32)


def _ranked(logits: Tensor, position: Tensor, scores: Tensor, may_be_unknown: Tensor) -> list[Tensor]:
    """The best continuations: their log-probabilities, their parents and tokens, and the endings.

    The best of all translations of a source are among the best of each, and those that cannot be are among
    four tokens: so all tokens are looked through twice, and the rest is of a few.
    """
    batch, beam, classes = logits.shape
    rows = ops.reshape(ops.cast(logits, "float32"), (batch * beam, classes))
    total = ops.reshape(ops.logsumexp(rows, axis=-1), (batch, beam))
    some = min(2 * beam + len(_SPECIAL), classes)
    best, tokens = (ops.reshape(each, (batch, beam * some)) for each in ops.top_k(rows, some))

    def are(token: int) -> Tensor:
        return ops.cast(ops.equal(tokens, token), "float32")

    # A source that has words has a translation that has some.
    empty = ops.cast(ops.equal(position, 0), "float32") * NEVER
    cost = (are(PADDING) + are(START)) * NEVER + are(END) * empty + are(UNKNOWN) * may_be_unknown
    reached = best + cost + ops.repeat(scores - total, some, axis=1)
    found, places = ops.top_k(reached, 2 * beam)
    chosen = ops.take_along_axis(tokens, places, axis=1)
    endings = ops.reshape(rows[:, END], (batch, beam)) + empty + scores - total
    return [found, ops.stack([ops.cast(places // some, "int32"), ops.cast(chosen, "int32")]), endings]


def _candidates(ranked: list[Tensor], attention: Floats) -> Candidates:
    best, places, endings = ranked
    parents, tokens = np.asarray(places, np.int32)
    return Candidates(best, tokens, parents, endings, attention)
