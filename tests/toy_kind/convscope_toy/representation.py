"""Rings of any number of values as model inputs of one length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split
from convscope.json_values import from_saved, to_json
from convscope.kinds.contract.representation import SampleDescription
from convscope.types import Progress, no_progress

VERSION = 1
_SAVED = {"kind": "ring", "version": VERSION}


@dataclass(frozen=True)
class Resampled:
    """Rings of one length, in memory."""

    values: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Shape (indices, positions, 1)."""
        return self.values[indices]


@dataclass(frozen=True)
class RingRepresentation:
    """The number of positions around a ring, and the scale of its values.

    Args:
        positions: Values that every ring is resampled to.
        mean: Mean of the train rings.
        deviation: Standard deviation of the train rings.
    """

    positions: int
    mean: float
    deviation: float

    @classmethod
    def fit(
        cls, train: Split, positions: int | None = None, **_: Any
    ) -> tuple[RingRepresentation, Sequence[str]]:
        """Takes the median length and the scale from the train split."""
        rings = [train.samples.load(i) for i in range(len(train))]
        chosen = positions or int(np.median([len(ring) for ring in rings]))
        values = np.concatenate(rings)
        why = "as given" if positions else "the median of the train rings"
        fitted = cls(chosen, float(values.mean()), float(values.std()) or 1.0)
        return fitted, (f"positions: {chosen}, {why}",)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(positions, 1)."""
        return self.positions, 1

    @property
    def sizes(self) -> Mapping[str, Any]:
        """Nothing besides the shape."""
        return {}

    def encode(self, samples: Samples, limit_bytes: int = 0, progress: Progress = no_progress) -> Resampled:
        """Resamples each ring linearly, its end joined to its beginning."""
        made = np.empty((len(samples), self.positions, 1), np.float32)
        for i in range(len(samples)):
            ring = samples.load(i)
            at = np.arange(self.positions) * len(ring) / self.positions
            made[i, :, 0] = np.interp(at, np.arange(len(ring)), ring, period=len(ring))
            progress(i + 1, len(samples), "resampling rings")
        return Resampled(made)

    def to_inputs(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Values of mean 0 and standard deviation 1 over the train rings."""
        scaled: npt.NDArray[np.float32] = ((values - self.mean) / self.deviation).astype(np.float32)
        return scaled

    def describe(self, sample: npt.NDArray[np.float32]) -> SampleDescription:
        """Nothing besides the values."""
        return SampleDescription()

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """Rings of noise."""
        return np.random.default_rng(0).normal(size=(count, self.positions, 1)).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {**_SAVED, **to_json(self)}

    @classmethod
    def from_json(cls, saved: Mapping[str, object]) -> RingRepresentation:
        """Rebuilds what `to_json` wrote."""
        return from_saved(cls, saved, "ring representation", _SAVED)
