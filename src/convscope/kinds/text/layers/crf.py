"""A linear-chain conditional random field: the tags of a sentence are predicted together, not one by one."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import attention
from convscope.scope.layer_spec import LayerSpec, register
from convscope.scope.sizes import Shapes, count
from convscope.types import Tensor

FORBIDDEN = -1e4
"""Added to the score of what is not allowed: its probability is 0 in float32, and no arithmetic overflows."""


@keras.saving.register_keras_serializable(package="convscope")
class LinearChainCRF(keras.layers.Layer):  # type: ignore[misc]
    r"""Probability of each tag at each position, given the whole sentence.

        score(y | x) = start[y_1] + sum_t x[t, y_t] + sum_t transitions[y_t, y_t+1] + end[y_T]
        p(y | x) = exp(score(y | x)) / sum over all y' of exp(score(y' | x))

    The sum runs over all tag sequences and is computed by messages that pass along the sentence in both
    directions at once (forward-backward), in logarithms and float32 whatever the precision of the model.
    Padding may stand behind the end of a sentence only.

    Source: Lafferty, McCallum and Pereira (2001), "Conditional random fields: probabilistic models for
    segmenting and labeling sequence data"; above a network, Collobert et al. (2011), "Natural language
    processing (almost) from scratch".

    Shapes:
        - input: [emissions, mask] of (batch, length, tags) and (batch, length, 1); the mask is 1 for tokens.
        - output: (batch, length, tags), float32; sums to 1 at each token, 0 at padding.

    Args:
        allowed: Which tag may follow which, `allowed[from][to]`, shape (tags, tags); None allows all.
        starts: Which tags a sentence may begin with, shape (tags,).
        ends: Which tags it may end with, shape (tags,).

    Example:
        >>> crf = LinearChainCRF()
        >>> tuple(crf([keras.ops.zeros((1, 3, 2)), keras.ops.ones((1, 3, 1))]).shape)
        (1, 3, 2)
    """

    def __init__(
        self,
        allowed: Sequence[Sequence[bool]] | None = None,
        starts: Sequence[bool] | None = None,
        ends: Sequence[bool] | None = None,
        **options: object,
    ) -> None:
        options.setdefault("dtype", "float32")
        super().__init__(**options)
        self.allowed, self.starts, self.ends = allowed, starts, ends

    def get_config(self) -> dict[str, object]:
        """Plain lists."""
        return {
            **super().get_config(),
            "allowed": self.allowed,
            "starts": self.starts,
            "ends": self.ends,
        }

    def build(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        """Makes the weights.

        Raises:
            ValueError: The constraints are not of as many tags as the emissions.
        """
        tags = shapes[0][-1]
        for name, shape in (("allowed", (tags, tags)), ("starts", (tags,)), ("ends", (tags,))):
            given = getattr(self, name)
            if given is not None and np.shape(given) != shape:
                raise ValueError(
                    f"LinearChainCRF: {name} must have the shape {shape} of the emissions' tags."
                    f" Received: shape {np.shape(given)}."
                )
        self.transitions = self.add_weight(shape=(tags, tags), initializer="zeros", name="transitions")
        self.start = self.add_weight(shape=(tags,), initializer="zeros", name="start")
        self.end = self.add_weight(shape=(tags,), initializer="zeros", name="end")
        self.built = True

    def compute_output_shape(self, shapes: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """That of the emissions."""
        return tuple(shapes[0])

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the marginal probabilities; gradients pass."""
        emissions, mask = self._masked(*inputs)
        before, after = self._messages(emissions, mask, self._scores())
        return ops.softmax(before + emissions + after, axis=-1) * mask

    def log_likelihood(self, emissions: Tensor, mask: Tensor, tags: Tensor) -> Tensor:
        """Logarithm of the probability of whole tag sequences.

        Args:
            emissions: Score of each tag at each position, shape (batch, length, tags), float.
            mask: 1 for tokens, 0 for padding, shape (batch, length, 1), float.
            tags: Which tag stands where, shape (batch, length), integers; of padding any.

        Returns:
            Shape (batch,), float32, in nats; 0 for a sentence without tokens.
        """
        return self.likelihood_and_marginals(emissions, mask, tags)[0]

    def likelihood_and_marginals(
        self, emissions: Tensor, mask: Tensor, tags: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Log-likelihood and marginal probabilities by one pass.

        The slope of the normalizing sum by a score is the probability of what is scored. The messages give
        it, so that no gradient has to pass back through them; second derivatives are therefore not to be had.

        Args:
            emissions: As `log_likelihood`.
            mask: As `log_likelihood`.
            tags: As `log_likelihood`.

        Returns:
            As `log_likelihood`, and as the layer's output; gradients pass through the first only.
        """
        emissions, mask = self._masked(emissions, mask)
        scores = self._scores()
        transitions, start, end = scores
        still = [ops.stop_gradient(each) for each in scores]
        fixed = ops.stop_gradient(emissions)
        before, after = self._messages(fixed, mask, still)
        joint = before + fixed + after
        total = ops.logsumexp(joint, axis=-1, keepdims=True)
        probabilities = ops.exp(joint - total) * mask
        pairs = (
            ops.expand_dims((before + fixed)[:, :-1], 3)
            + still[0]
            + ops.expand_dims((fixed + after)[:, 1:] - total[:, 1:], 2)
        )
        pairs = ops.exp(pairs) * ops.expand_dims(mask[:, 1:], 3)

        here = ops.one_hot(tags, emissions.shape[-1], dtype=emissions.dtype) * mask
        last = here - here * ops.pad(mask[:, 1:], ((0, 0), (0, 1), (0, 0)))
        likely_last = probabilities - probabilities * ops.pad(mask[:, 1:], ((0, 0), (0, 1), (0, 0)))
        followed = ops.expand_dims(here[:, :-1], 3) * ops.expand_dims(here[:, 1:], 2)

        def score(nodes: Tensor, edges: Tensor, ends: Tensor) -> Tensor:
            return (
                ops.sum(nodes * emissions, (1, 2))
                + ops.sum(edges * transitions, (1, 2, 3))
                + ops.sum(nodes[:, 0] * start, -1)
                + ops.sum(ends * end, (1, 2))
            )

        expected = score(probabilities, pairs, likely_last)
        normalizer = total[:, 0, 0] * mask[:, 0, 0] + expected - ops.stop_gradient(expected)
        return score(here, followed, last) - normalizer, probabilities

    def viterbi(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """The most probable tag sequence (Viterbi 1967).

        Args:
            emissions: As `log_likelihood`.
            mask: As `log_likelihood`.

        Returns:
            Tag of each position, shape (batch, length), int32; 0 at padding. It is an allowed sequence
            wherever there is one of its length.
        """
        emissions, mask = self._masked(emissions, mask)
        transitions, start, end = self._scores()
        steps = _steps(emissions, mask)

        def advance(best: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
            emission, there = step[:, :-1], step[:, -1:]
            arrived = ops.max(ops.expand_dims(best, 2) + transitions, axis=1) + emission
            best = ops.where(there > 0, arrived, best)
            return best, best

        def retreat(tag: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
            best, there = step[:, :-1], step[:, -1]
            came = ops.argmax(best + ops.take(ops.transpose(transitions), tag, axis=0), axis=-1)
            tag = ops.where(there > 0, ops.cast(came, "int32"), tag)
            return tag, tag

        first = start + steps[0, :, :-1]
        last, bests = ops.scan(advance, first, steps[1:])
        bests = ops.concatenate([ops.expand_dims(first, 0), bests])
        final = ops.cast(ops.argmax(last + end, axis=-1), "int32")
        backwards = ops.concatenate([bests[:-1], steps[1:, :, -1:]], axis=-1)
        _, tags = ops.scan(retreat, final, ops.flip(backwards, 0))
        tags = ops.concatenate([ops.flip(tags, 0), ops.expand_dims(final, 0)])
        return ops.transpose(tags) * ops.cast(mask[..., 0], "int32")

    def _scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """Transitions, start and end, where what is not allowed costs."""

        def limited(weight: Tensor, given: Tensor) -> Tensor:
            return weight + (
                0.0 if given is None else ops.where(ops.convert_to_tensor(given), 0.0, FORBIDDEN)
            )

        return (
            limited(self.transitions, self.allowed),
            limited(self.start, self.starts),
            limited(self.end, self.ends),
        )

    @staticmethod
    def _masked(emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        mask = ops.cast(mask, "float32")
        return ops.cast(emissions, "float32") * mask, mask

    @staticmethod
    def _messages(emissions: Tensor, mask: Tensor, scores: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """What the words before and behind each position say about its tag, both (batch, length, tags).

        A message goes on as m'[j] = log sum_i exp(m[i] + emission[i] + score[i, j]). Backwards that is the
        same with the scores transposed, so that both directions are computed in one loop. It begins at
        the padding, where it waits.
        """
        transitions, start, end = scores
        steps = _steps(emissions, mask)
        steps = ops.stack([steps, ops.flip(steps, 0)], axis=1)
        ways = ops.expand_dims(ops.stack([transitions, ops.transpose(transitions)]), 1)

        def advance(message: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
            emission, here = step[..., :-1], step[..., -1:]
            arrived = ops.expand_dims(message + emission, 3) + ways
            largest = ops.max(arrived, axis=2)
            summed = ops.log(ops.sum(ops.exp(arrived - ops.expand_dims(largest, 2)), axis=2)) + largest
            return ops.where(here > 0, summed, message), message

        ends = ops.expand_dims(ops.stack([start, end]), 1)
        _, messages = ops.scan(advance, ends + steps[0, ..., :-1] * 0, steps)
        before, after = messages[:, 0], ops.flip(messages[:, 1], 0)
        return ops.transpose(before, (1, 0, 2)), ops.transpose(after, (1, 0, 2))


def _steps(emissions: Tensor, mask: Tensor) -> Tensor:
    """Emissions with the mask behind them, (length, batch, tags + 1).

    One tensor: Keras 3.15 cannot scan several of a length that is not known on TensorFlow.
    """
    return ops.transpose(ops.concatenate([emissions, mask], axis=-1), (1, 0, 2))


def forbidden_pairs(layer: LinearChainCRF) -> int:
    """How many pairs of a tag and the next are not allowed."""
    return sum(not may for row in layer.allowed or () for may in row)


def _here(facts: Facts) -> str:
    tags, never = facts.shape_out[-1] or 0, forbidden_pairs(facts.layer)
    forbidden = f", {never:,} forbidden" if never else ""
    return f"{phrasing.plural(tags, 'tag')}, {tags * tags:,} transitions{forbidden}: {facts.changed}."


def _cost(layer: LinearChainCRF, inputs: Shapes, outputs: Shapes) -> int:
    """At each position a message in either direction, from all tags to all tags.

    They count as the products of probabilities that they are, though computed in logarithms.
    """
    length, tags = count(inputs[0][1:2]), count(inputs[0][2:])
    return 2 * length * tags * tags


register(
    LayerSpec(
        LinearChainCRF,
        "other",
        "A conditional random field (CRF) scores whole sequences of tags: to the score of each tag at each "
        "word it adds a learned score for each transition from a tag to the next. It returns the probability "
        "of each tag at each word.",
        _here,
        attention,
        _cost,
        frozenset({"classifies"}),
        component="CRF",
    )
)
