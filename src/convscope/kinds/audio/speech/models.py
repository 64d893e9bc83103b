"""The architecture for speech: separable convolutions over log-mel frames, trained by CTC."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops

from convscope.errors import UsageError
from convscope.kinds.audio.layers.log_mel import LogMel
from convscope.kinds.audio.layers.sound_mask import MaskedBatchNormalization, SoundMask
from convscope.kinds.audio.layers.spectrum_masking import SpectrumMasking
from convscope.kinds.audio.speech.ctc_model import ctc_loss, greedy_matches
from convscope.models.own_loss import OwnLossModel
from convscope.types import Tensor

STEM_KERNEL = 11
STRIDE = 2
"""Log-mel frames for each frame of the output."""


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
