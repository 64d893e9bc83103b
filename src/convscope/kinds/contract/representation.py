"""What every representation offers: raw samples to arrays, and back to what a person can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.types import Progress


class Encoded(Protocol):
    """Encoded samples, in memory or decoded on demand."""

    def __len__(self) -> int:
        """The number of samples."""

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """The samples at these positions, stacked."""


class Representation(Protocol):
    """From raw samples to arrays; fitted on the train split, saved with the run."""

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of one model input without the batch axis."""

    @property
    def sizes(self) -> Mapping[str, Any]:
        """What an architecture has to know besides, such as the size of a vocabulary."""

    def arrays(self, samples: Any, limit_bytes: int = ..., progress: Progress = ...) -> Encoded:
        """Encodes samples, in memory where they take no more than a limit."""

    def scale(self, values: Any) -> Any:
        """From encoded samples to model inputs."""

    def unpack(self, values: Any) -> Any:
        """From one array of scaled samples to the inputs of the model; works on tensors as well."""

    def example(self, count: int) -> Any:
        """So many model inputs of random content, to try a model with."""

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
