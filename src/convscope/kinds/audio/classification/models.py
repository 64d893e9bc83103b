"""The architecture for sounds of one length: a small residual network over log-mel energies."""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.audio.layers.log_mel import LogMel
from convscope.kinds.audio.layers.spectrum_masking import SpectrumMasking
from convscope.models.heads import softmax


def audio_cnn(
    input_shape: tuple[int | None, ...],
    classes: int,
    rate: int = 16_000,
    mels: int = 40,
    depth: int = 3,
    filters: int = 24,
    floor: float = 1e-6,
    dropout: float = 0.3,
    masking: float = 0.2,
) -> keras.Model:
    """Residual blocks over time and bands, as over an image, then the mean of each map over time.

    The front end is part of the model: the input is a waveform. Each band is brought to zero mean and unit
    variance with the statistics of the train split (Ioffe and Szegedy 2015, "Batch normalization"). Block k
    has filters * 2^(k-1) kernels of 3x3 in each of two convolutions and, from the second block on, halves
    both axes (He et al. 2016, "Deep residual learning for image recognition"). The last kernels look at all
    bands at once, because how high a sound is matters, and when it comes does not.

    Args:
        input_shape: (samples,).
        classes: The number of class names.
        rate: Samples per second.
        mels: Bands of the log-mel energies.
        depth: Residual blocks.
        filters: Kernels of each convolution in the first block.
        floor: Added to each energy before its logarithm is taken, so that what is quieter has no influence.
        dropout: Share of the last features that is left out in training.
        masking: The longest stretch of time and the widest range of bands that are hidden in training, as a
            share.

    Returns:
        A functional model from waveforms, (batch, samples), float32 from -1 to 1, to probabilities
        (batch, classes).

    Raises:
        UsageError: A bad shape or option.
    """
    _check(input_shape, depth, filters)
    waveform = keras.Input(input_shape, dtype="float32", name="waveform")
    x = _spectrum(LogMel(rate, mels=mels, floor=floor, name="log_mel")(waveform), masking)
    x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(x)
    x = layers.ReLU(name="stem_relu")(_normalized(x, "stem_norm"))
    for number in range(depth):
        x = _block(x, filters * 2**number, 2 if number else 1, f"block{number + 1}")
    x = layers.Conv2D(x.shape[-1], (1, x.shape[2]), use_bias=False, name="bands_conv")(x)
    x = layers.ReLU(name="bands_relu")(_normalized(x, "bands_norm"))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(waveform, softmax(classes)(x), name="audio_cnn")


def _check(input_shape: tuple[int | None, ...], depth: int, filters: int) -> None:
    if len(input_shape) != 1 or input_shape[0] is None:
        raise UsageError(
            f"audio_cnn takes waveforms of one length. Received: input_shape={tuple(input_shape)}."
        )
    for what, size in {"depth": depth, "filters": filters}.items():
        if size < 1:
            raise UsageError(f"audio_cnn needs {what} of at least 1. Received: {what}={size}.")


def _spectrum(x: keras.KerasTensor, masking: float) -> keras.KerasTensor:
    """Normalized bands as an image of one channel."""
    x = _normalized(x, "log_mel_norm", scale=False, center=False, dtype="float32")
    x = SpectrumMasking(masking, masking, name="masking")(x)
    return layers.Reshape((*x.shape[1:], 1), name="picture")(x)


def _block(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    """relu(x + norm(conv(relu(norm(conv(x)))))), where x is brought to the shape of the sum if it differs."""
    short = x
    if stride > 1 or x.shape[-1] != filters:
        short = layers.Conv2D(filters, 1, strides=stride, use_bias=False, name=f"{name}_shortcut")(x)
        short = _normalized(short, f"{name}_shortcut_norm")
    y = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_conv1")(x)
    y = layers.ReLU(name=f"{name}_relu1")(_normalized(y, f"{name}_norm1"))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv2")(y)
    y = _normalized(y, f"{name}_norm2")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([short, y]))


def _normalized(x: keras.KerasTensor, name: str, **options: object) -> keras.KerasTensor:
    """Statistics that follow the train split within an epoch, also where it is small."""
    return layers.BatchNormalization(momentum=0.9, name=name, **options)(x)
