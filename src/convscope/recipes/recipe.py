"""What a recipe is: a value that names every step from a path to a decoded answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Splits
from convscope.kinds import Kind, Progress, Skipped


class Pixels(Protocol):
    """Encoded samples, in memory or decoded on demand."""

    def __len__(self) -> int:
        """The number of samples."""

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """The samples at these positions, stacked."""


class Representation(Protocol):
    """From raw samples to arrays; fitted on the train split, saved with the run."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one model input without the batch axis."""

    def arrays(self, samples: Any, limit_bytes: int = ..., progress: Progress = ...) -> Pixels:
        """Encodes samples, in memory where they take no more than a limit."""

    def scale(self, values: Any) -> npt.NDArray[np.float32]:
        """From encoded samples to model inputs."""

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""


class Inputs(Samples, Protocol):
    """What `predict` is asked about: raw samples without labels."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found and left out."""


@dataclass(frozen=True)
class Recipe:
    """One kind and one task: how to read, represent, model, fit and decode.

    Args:
        name: Such as `image-classification`.
        kind: The kind of data.
        task: What is predicted.
        reads: The layouts that `read` recognizes, one line each.
        architectures: Names of the architectures, the default first.
        settings: Settings and options that differ from the defaults, per architecture.
        options: Names of the options that belong to the recipe and not to the architecture.
        read: `(path, seed=, progress=)` to splits of raw samples.
        read_inputs: `(paths, progress=)`: files, folders and globs to samples without labels.
        fit_representation: The train split and options to a representation and the decisions made.
        load_representation: From the plain values that a representation saved.
        augmentation: Strength and options to a function of a batch and a random generator.
        views: Options to other ways of seeing a batch, over which an answer is averaged.
    """

    name: str
    kind: Kind
    task: str
    reads: tuple[str, ...]
    architectures: tuple[str, ...]
    settings: Mapping[str, Mapping[str, Any]]
    options: tuple[str, ...]
    read: Callable[..., Splits]
    read_inputs: Callable[..., Inputs]
    fit_representation: Callable[..., tuple[Representation, Sequence[str]]]
    load_representation: Callable[[Any], Representation]
    augmentation: Callable[..., Callable[[Any, np.random.Generator], Any]]
    views: Callable[..., Sequence[Callable[[Any], Any]]]

    def divide(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parts values by name: options of the recipe itself, and all others."""
        mine = {name: value for name, value in values.items() if name in self.options}
        return mine, {name: value for name, value in values.items() if name not in mine}
