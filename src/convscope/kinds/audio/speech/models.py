"""The architecture for speech: separable convolutions over log-mel frames, trained by CTC."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops

from convscope.errors import UsageError
from convscope.kinds.audio.layers.log_mel import LogMel
from convscope.kinds.audio.layers.sound_mask import MaskedBatchNormalization, SoundMask
from convscope.kinds.audio.layers.spectrum_masking import SpectrumMasking
from convscope.models.own_loss import OwnLossModel
from convscope.types import Tensor

BLANK = 0
"""The id of a frame that says no character; also what pads labels."""
_NEVER = -1e9
STEM_KERNEL = 11
STRIDE = 2
"""Log-mel frames for each frame of the output."""


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


@keras.saving.register_keras_serializable(package="convscope")
class SpeechModel(OwnLossModel):
    """A functional model from waveforms to probabilities of characters in each frame, trained by CTC.

    Targets are the ids of characters from 1, shape (batch, characters), padded with 0. The loss is that of
    `ctc_loss` in nats for each character; `accuracy` is the share of recordings whose greedy transcript is
    right as a whole. A sample that cannot be aligned counts in neither. Compile it with an optimizer and
    nothing else.

    In training the model gives logits, because the loss takes their logarithms by itself.
    """

    @property
    def emitter(self) -> keras.Model:
        """The same layers from the input to logits."""
        return self.made_once("emitter", lambda: self.get_layer("characters").input)

    def present(self, waveforms: Tensor) -> Tensor:
        """1 for frames of the output and 0 for padding, (batch, frames, 1)."""
        return self.get_layer("present")(self.get_layer("sound")(waveforms))

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """Probabilities; logits in training."""
        if training:
            return self.emitter(inputs, training=True)
        return super().call(inputs, training=training)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Mean CTC loss per character."""
        present = self.present(x)
        scores = y_pred if training else ops.log(ops.maximum(y_pred, 1e-30))
        losses, counted = ctc_loss(scores, present, y)
        self.own_accuracy.update_state(greedy_matches(scores, present, y), sample_weight=counted)
        if sample_weight is not None:
            losses = losses * ops.cast(sample_weight, losses.dtype)
        characters = ops.sum(ops.cast(ops.not_equal(y, 0), "float32") * counted[:, None])
        loss = ops.sum(losses) / ops.maximum(characters, 1.0)
        return self.penalized(loss)


def separable_ctc(
    input_shape: tuple[int | None, ...],
    classes: int,
    rate: int = 16_000,
    mels: int = 64,
    kernel_sizes: Sequence[int] = (11, 13, 15),
    depth: int = 2,
    width: int = 128,
    dropout: float = 0.1,
    masking: float = 0.2,
) -> keras.Model:
    """Residual blocks of time-channel separable convolutions over log-mel frames.

    Each kernel looks along the time of one channel, then all channels of a moment are mixed, which takes
    few weights for kernels that are long. A block is `depth` such convolutions, each normalized and but
    for the last rectified, to which a mixed copy of what came in is added before the last ReLU (Kriman et al.
    2020, "QuartzNet: deep automatic speech recognition with 1D time-channel separable convolutions"). The
    first convolution halves the frames, so that an output frame stands for 20 ms.

    Padding behind a waveform is left out of every convolution and every statistic, so that it changes no
    output; and the receptive field is limited, so that a long recording can be computed in parts.

    Args:
        input_shape: (samples,); None for any number of them.
        classes: Characters and the blank.
        rate: Samples per second.
        mels: Bands of the log-mel frames.
        kernel_sizes: Frames that each kernel of a block looks at, for each block.
        depth: Convolutions of a block.
        width: Kernels of each convolution.
        dropout: Share that is left out in training.
        masking: The widest range of bands that is hidden in training, as a share; a stretch of time that is
            hidden is a quarter of that at most, so that no word is hidden as a whole.

    Returns:
        A `SpeechModel` from waveforms, (batch, samples), float32 from -1 to 1, where 0 is padding, to
        probabilities of the blank (id 0) and the characters, (batch, ceil(samples / (rate / 50)), classes).

    Raises:
        UsageError: A bad shape or option.
    """
    _check(input_shape, classes, kernel_sizes, depth, width, dropout)
    waveform = keras.Input(input_shape, dtype="float32", name="waveform")
    x, present = _stem(waveform, rate, mels, width, masking)
    for number, size in enumerate(kernel_sizes, 1):
        x = _block(x, present, width, size, depth, dropout, f"block{number}")
    x = layers.ReLU(name="last_relu")(_pointwise(x, present, 2 * width, "last"))
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(classes, dtype="float32", name="scores")(x)
    return SpeechModel(waveform, layers.Softmax(dtype="float32", name="characters")(x), name="separable_ctc")


def _stem(waveform: Tensor, rate: int, mels: int, width: int, masking: float) -> tuple[Tensor, Tensor]:
    """The maps of the first convolution, and 1 for their frames and 0 for padding."""
    front = LogMel(rate, mels=mels, name="log_mel")
    sound = SoundMask(front.strides[0], dtype="float32", name="sound")(waveform)
    x = front(waveform)
    x = _normalized(x, sound, "log_mel_norm", scale=False, center=False, dtype="float32")
    x = layers.Multiply(name="log_mel_masked")([x, sound])
    x = SpectrumMasking(masking / 4, masking, name="masking")(x)
    # Padding of its own: that of `same` depends on the length where the stride is not 1.
    x = layers.ZeroPadding1D(STEM_KERNEL // 2, name="stem_padding")(x)
    x = layers.SeparableConv1D(width, STEM_KERNEL, strides=STRIDE, use_bias=False, name="stem_conv")(x)
    present = layers.MaxPooling1D(1, strides=STRIDE, dtype="float32", name="present")(sound)
    x = _normalized(x, present, "stem_norm")
    return layers.ReLU(name="stem_relu")(x), present


def _block(
    x: Tensor, present: Tensor, width: int, size: int, depth: int, dropout: float, name: str
) -> Tensor:
    beside = _pointwise(x, present, width, f"{name}_beside")
    for number in range(1, depth + 1):
        part = f"{name}_{number}"
        x = layers.Multiply(name=f"{part}_masked")([x, present])
        x = layers.SeparableConv1D(width, size, padding="same", use_bias=False, name=f"{part}_conv")(x)
        x = _normalized(x, present, f"{part}_norm")
        if number == depth:
            x = layers.Add(name=f"{name}_add")([x, beside])
        x = layers.ReLU(name=f"{part}_relu")(x)
        x = layers.Dropout(dropout, name=f"{part}_dropout")(x)
    return x


def _pointwise(x: Tensor, present: Tensor, width: int, name: str) -> Tensor:
    """Mixes the channels of each moment."""
    x = layers.Conv1D(width, 1, use_bias=False, name=f"{name}_conv")(x)
    return _normalized(x, present, f"{name}_norm")


def _normalized(x: Tensor, present: Tensor, name: str, **options: object) -> Tensor:
    """Statistics that follow the train split within an epoch, also where it is small."""
    return MaskedBatchNormalization(momentum=0.9, name=name, **options)([x, present])


def _check(
    input_shape: tuple[int | None, ...],
    classes: int,
    kernel_sizes: Sequence[int],
    depth: int,
    width: int,
    dropout: float,
) -> None:
    if len(input_shape) != 1:
        raise UsageError(f"separable_ctc takes (samples,). Received: input_shape={tuple(input_shape)}.")
    if classes < 2:
        raise UsageError(f"separable_ctc needs a blank and a character. Received: classes={classes}.")
    if not kernel_sizes or any(size < 1 or size % 2 == 0 for size in kernel_sizes):
        raise UsageError(
            f"separable_ctc needs odd kernel sizes. Received: kernel_sizes={tuple(kernel_sizes)}."
        )
    if depth < 1 or width < 1:
        raise UsageError(
            f"separable_ctc needs a depth and a width of at least 1. Received: depth={depth}, width={width}."
        )
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be at least 0 and below 1. Received: dropout={dropout}.")
