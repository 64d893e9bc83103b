"""Which frames of a padded waveform are there, and normalization that leaves the others out."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.errors import UsageError
from convscope.kinds.audio.layers.log_mel import frames_of
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.geometry.sliding import Passage, State
from convscope.scope.keras_layers.normalizations import learned
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class SoundMask(keras.layers.Layer):  # type: ignore[misc]
    r"""Tells the frames of a waveform from padding: $m_t = 1$ where any $x_n \neq 0$, $tH \le n < (t + 1)H$.

    A sample of exactly 0 counts as padding, as the id 0 of a text does; a representation writes real
    samples of 0 as a value far below hearing. Frames are those of `LogMel` with the same hop.

    Args:
        hop: Samples from frame to frame, H.

    Shapes:
        - input: waveforms, float, (batch, samples).
        - output: float, (batch, frames, 1), frames = ceil(samples / hop).

    Example:
        >>> mask = SoundMask(2)(keras.ops.array([[0.5, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0]]))
        >>> keras.ops.convert_to_numpy(mask)[0, :, 0].tolist()
        [1.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, hop: int, **options: object) -> None:
        options.setdefault("trainable", False)
        super().__init__(**options)
        if hop < 1:
            raise UsageError(f"SoundMask needs a hop of a sample at least. Received: hop={hop}.")
        self.hop = hop

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the layer."""
        return {**super().get_config(), "hop": self.hop}

    def call(self, waveforms: Tensor) -> Tensor:
        """Computes the mask."""
        there = ops.cast(ops.not_equal(waveforms, 0), self.compute_dtype)
        padded = ops.expand_dims(ops.pad(there, ((0, 0), (0, self.hop - 1))), -1)
        return ops.max_pool(padded, self.hop, self.hop, "valid", data_format="channels_last")

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Batch, frames and one channel."""
        samples = shape[1]
        return shape[0], None if samples is None else -(-samples // self.hop), 1

    def compute_output_spec(self, waveforms: Tensor) -> keras.KerasTensor:
        """Shape and dtype of the mask."""
        return keras.KerasTensor(self.compute_output_shape(waveforms.shape), dtype=self.compute_dtype)


@keras.saving.register_keras_serializable(package="convscope")
class MaskedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    r"""Batch normalization whose mean and variance are those of the positions that are there.

    $y = \gamma (x - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta$, in a training with $\mu$ and $\sigma^2$ over
    all positions of the batch with a mask of 1, else with their moving averages.

    Source: Ioffe and Szegedy (2015), "Batch normalization: accelerating deep network training by reducing
    internal covariate shift".

    Takes what `keras.layers.BatchNormalization` takes.

    Shapes:
        - input: [x, mask] of (batch, length, channels) and (batch, length, 1).
        - output: (batch, length, channels).
    """

    def build(self, shapes: Tensor) -> None:
        """Makes the weights for x."""
        super().build(shapes[0])
        self.input_spec = None

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Normalizes x."""
        x, mask = inputs
        if not (training and self.trainable):
            return super().call(x, training=False)
        present = ops.cast(mask, "float32")
        values = ops.cast(x, "float32")
        count = ops.maximum(ops.sum(present), 1.0)
        mean = ops.sum(values * present, axis=(0, 1)) / count
        variance = ops.sum(ops.square(values - mean) * present, axis=(0, 1)) / count
        for moving, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + ops.stop_gradient(found) * (1.0 - self.momentum))
        scale = ops.rsqrt(variance + self.epsilon)
        if self.scale:
            scale = scale * ops.cast(self.gamma, "float32")
        shift = -mean * scale
        if self.center:
            shift = shift + ops.cast(self.beta, "float32")
        return ops.cast(values * scale + shift, self.compute_dtype)

    def compute_output_shape(self, shapes: Tensor) -> tuple[int | None, ...]:
        """That of x."""
        return tuple(shapes[0])


def _dependency(at: Passage) -> State:
    """Each frame depends on the samples of its own time."""
    return frames_of(at, at.layer.hop, at.layer.hop, 0)


def _mask(facts: Facts) -> str:
    return f"Frames of {phrasing.plural(facts.layer.hop, 'audio sample')}: {facts.changed}."


def _normalization(facts: Facts) -> str:
    layer = facts.layer
    return (
        f"{phrasing.sentence(learned(layer)).removesuffix('.')}, momentum {phrasing.number(layer.momentum)}, "
        f"epsilon {phrasing.number(layer.epsilon)}. {facts.stays}"
    )


register(
    LayerSpec(
        SoundMask,
        "mask",
        "Recordings of a batch are padded with zeros to the same length. The mask is 1 for frames with sound "
        "and 0 for padding, so that later layers ignore padding.",
        _mask,
        _dependency,
    ),
    LayerSpec(
        MaskedBatchNormalization,
        "normalization",
        "Batch normalization that ignores padding: each channel is brought to mean 0 and variance 1, with "
        "statistics of the batch in training and moving averages at inference.",
        _normalization,
        rules.pointwise,
        component="batch normalization",
    ),
)
