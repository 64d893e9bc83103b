"""Connectionist temporal classification: how probable a text is, over all the ways to spread it in time."""

from __future__ import annotations

from keras import ops

from convscope.types import Tensor

BLANK = 0
"""The id of a frame that says no character; also what pads labels."""
_NEVER = -1e9


def ctc_loss(scores: Tensor, present: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    r"""Negative log-probability of labels, summed over their alignments to frames.

    An alignment gives each frame a character or the blank; without its repetitions and then without its
    blanks it reads as the label, so that a character that is doubled has a blank in between:

    $-\log p(l) = -\log \sum_{\pi \in B^{-1}(l)} \prod_t p_t(\pi_t)$

    The slope by the log-probability of a character at a frame is the negative share of the alignments that
    have it there, which the messages from both ends of time give. So no gradient has to pass back through
    them, and second derivatives are not to be had.

    Source: Graves, Fernández, Gomez and Schmidhuber (2006), "Connectionist temporal classification:
    labelling unsegmented sequence data with recurrent neural networks".

    Args:
        scores: Logits of the blank (id 0) and the characters, float, (batch, frames, ids).
        present: 1 for frames and 0 for padding behind them, float, (batch, frames, 1).
        labels: Ids of characters from 1, padded behind with 0, integers, (batch, characters).

    Returns:
        The loss of each sample in nats, float32, (batch,); and 1 for samples that can be aligned, (batch,).
        A label with more characters, and blanks between doubled ones, than there are frames has no alignment:
        its loss and its gradient are 0. So are those of a sample without frames.
    """
    present = ops.cast(present, "float32")
    labels = ops.cast(labels, "int32")
    states = ops.one_hot(_with_blanks(labels), scores.shape[-1], dtype="float32")
    logs = ops.log_softmax(ops.cast(scores, "float32"), axis=-1)
    emissions = ops.einsum("btc,bsc->bts", logs, states)
    fixed = ops.stop_gradient(emissions)
    joint = _messages(fixed, present, labels) + fixed
    total = ops.logsumexp(joint, axis=-1, keepdims=True)
    shares = ops.exp(joint - total) * present
    expected = ops.sum(shares * emissions, axis=(1, 2))
    likelihood = total[:, 0, 0] + expected - ops.stop_gradient(expected)
    alignable = _alignable(present, labels)
    return ops.where(alignable, -likelihood, 0.0), ops.cast(alignable, "float32")


def greedy_matches(scores: Tensor, present: Tensor, labels: Tensor) -> Tensor:
    """Whether the most probable alignment reads exactly as the label.

    Args:
        scores: As `ctc_loss`, or probabilities.
        present: As `ctc_loss`.
        labels: As `ctc_loss`.

    Returns:
        1 or 0 for each sample, float32, (batch,).
    """
    labels = ops.cast(labels, "int32")
    best = ops.cast(ops.argmax(scores, axis=-1), "int32") * ops.cast(present[..., 0], "int32")
    before = ops.pad(best[:, :-1], ((0, 0), (1, 0)), constant_values=BLANK)
    spoken = ops.cast((best != BLANK) & (best != before), "int32")
    place = ops.cumsum(spoken, axis=1) - 1
    padded = ops.pad(labels, ((0, 0), (0, 1)))
    wanted = ops.take_along_axis(padded, ops.clip(place, 0, ops.shape(labels)[1]), axis=1)
    wrong = ops.sum(spoken * ops.cast(wanted != best, "int32"), axis=1)
    as_many = ops.sum(spoken, axis=1) == ops.sum(ops.cast(labels != BLANK, "int32"), axis=1)
    return ops.cast((wrong == 0) & as_many, "float32")


def _with_blanks(labels: Tensor) -> Tensor:
    """A blank in front of, between and behind all characters: (batch, 2 * characters + 1)."""
    pairs = ops.stack([ops.zeros_like(labels), labels], axis=2)
    flat = ops.reshape(pairs, (-1, 2 * ops.shape(labels)[1]))
    return ops.pad(flat, ((0, 0), (0, 1)), constant_values=BLANK)


def _alignable(present: Tensor, labels: Tensor) -> Tensor:
    """Whether there are as many frames as the shortest alignment has, and at least one."""
    real = labels != BLANK
    doubled = real[:, 1:] & (labels[:, 1:] == labels[:, :-1])
    needed = ops.sum(ops.cast(real, "float32"), axis=1) + ops.sum(ops.cast(doubled, "float32"), axis=1)
    return ops.sum(present[..., 0], axis=1) >= ops.maximum(needed, 1.0)


def _messages(emissions: Tensor, present: Tensor, labels: Tensor) -> Tensor:
    """What comes before and what follows say about the state of each frame, their sum, as logarithms.

    From one frame to the next, a state stays, goes one on, or skips a blank between two different
    characters. Backwards in time the same holds for the states backwards, so that both directions run in one
    loop, in which padding is waited for.
    """
    states = _with_blanks(labels)
    differs = (states[:, 2:] != states[:, :-2]) & (states[:, 2:] != BLANK)
    skips = ops.where(differs, 0.0, _NEVER)
    both_skips = ops.stack(
        [
            ops.pad(skips, ((0, 0), (2, 0)), constant_values=_NEVER),
            ops.pad(ops.flip(skips, 1), ((0, 0), (2, 0)), constant_values=_NEVER),
        ]
    )
    place = ops.arange(ops.shape(states)[1])[None]
    last = 2 * ops.sum(ops.cast(labels != BLANK, "int32"), axis=1)[:, None]
    starts = ops.broadcast_to(place < 2, ops.shape(states))
    ends = (place == last) | (place == last - 1)
    begin = ops.where(ops.stack([starts, ops.flip(ends, 1)]), 0.0, _NEVER)

    steps = ops.transpose(ops.concatenate([emissions, present], axis=-1), (1, 0, 2))
    backwards = ops.concatenate([ops.flip(steps[..., :-1], 2), steps[..., -1:]], axis=-1)
    steps = ops.stack([steps, ops.flip(backwards, 0)], axis=1)

    def advance(message: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        here = message + step[..., :-1]
        padded = ops.pad(here, ((0, 0), (0, 0), (2, 0)), constant_values=_NEVER)
        skipped = padded[..., :-2] + both_skips
        went_on = padded[..., 1:-1]
        largest = ops.maximum(ops.maximum(here, went_on), skipped)
        summed = largest + ops.log(
            ops.exp(here - largest) + ops.exp(went_on - largest) + ops.exp(skipped - largest)
        )
        return ops.where(step[..., -1:] > 0, summed, message), message

    _, messages = ops.scan(advance, begin, steps)
    after = ops.flip(ops.flip(messages[:, 1], 0), 2)
    return ops.transpose(messages[:, 0] + after, (1, 0, 2))
