"""Hiding parts of spectra in training, so that no band and no moment is relied on alone."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.errors import UsageError
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class SpectrumMasking(keras.layers.Layer):  # type: ignore[misc]
    """Sets some stretches of time and some ranges of bands of each sample to 0, in training only.

    Each stretch begins anywhere and is from 0 to `time` of all frames long, each range from 0 to `bands` of
    all bands wide, drawn anew for every sample (Park et al. 2019, "SpecAugment: a simple data augmentation
    method for automatic speech recognition", without its warping of time). Of normalized energies 0 is the
    mean.

    Args:
        time: The longest stretch, as a share of all frames.
        bands: The widest range, as a share of all bands.
        count: Segments, and ranges.
        seed: What random numbers follow from; drawn where it is None.

    Shapes:
        - input: (batch, frames, bands).
        - output: the same.

    Raises:
        UsageError: Shares that are none, or a negative count.
    """

    def __init__(
        self,
        time: float = 0.2,
        bands: float = 0.2,
        count: int = 2,
        seed: int | None = None,
        **options: object,
    ) -> None:
        super().__init__(**options)
        if not (0 <= time <= 1 and 0 <= bands <= 1) or count < 0:
            raise UsageError(
                "SpectrumMasking needs shares from 0 to 1, and a count of 0 or more. Received: "
                f"time={time}, bands={bands}, count={count}."
            )
        self.time, self.bands, self.count, self.seed = time, bands, count, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the layer."""
        config: dict[str, object] = super().get_config()
        names = ("time", "bands", "count", "seed")
        return {**config, **{name: getattr(self, name) for name in names}}

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Hides parts in training; gives the inputs back otherwise."""
        if not training or not self.count:
            return inputs
        kept = self._kept(inputs, 1, self.time) * self._kept(inputs, 2, self.bands)
        return inputs * ops.cast(kept, inputs.dtype)

    def _kept(self, inputs: Tensor, axis: int, share: float) -> Tensor:
        """1 for positions along an axis that stay and 0 for others, shape of the inputs or 1 elsewhere."""
        batch, length = ops.shape(inputs)[0], ops.shape(inputs)[axis]
        drawn = keras.random.uniform((2, batch, self.count, 1), seed=self.seed_generator, dtype="float32")
        whole = ops.cast(length, "float32")
        size = drawn[0] * share * whole
        start = drawn[1] * (whole - size)
        places = ops.cast(ops.arange(length), "float32") + 0.5
        hidden = ops.any((places >= start) & (places < start + size), axis=1)
        kept = ops.cast(ops.logical_not(hidden), "float32")
        return ops.expand_dims(kept, 3 - axis)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Unchanged."""
        return tuple(shape)


def _here(facts: Facts) -> str:
    layer = facts.layer
    return (
        f"Up to {layer.count} time masks of up to {phrasing.percent(layer.time, 1)} of the frames and "
        f"{layer.count} frequency masks of up to {phrasing.percent(layer.bands, 1)} of the bands. "
        f"{facts.stays}"
    )


register(
    LayerSpec(
        SpectrumMasking,
        "preparation",
        "Masks random time spans and frequency bands in training (SpecAugment), which reduces overfitting. "
        "At inference it does nothing.",
        _here,
        rules.pointwise,
    )
)
