"""How samples that are larger than what a model takes are cut into windows, each as a sample of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples
from convscope.kinds.contract.representation import SampleDescription
from convscope.types import Array


class Windows(Samples, Protocol):
    """Parts of samples, such as a model takes them, in the order of the samples."""

    @property
    def belongs(self) -> npt.NDArray[np.int64]:
        """The number of the sample of each part, rising, shape (parts,)."""


@dataclass(frozen=True)
class WindowSteps:
    """How samples are cut into the windows that a model takes, which representations encode as well.

    Args:
        cut: `(representation, samples, apart)` to windows that cover them; with names of their own where they
            are to be told apart.
        labels: `(windows, labels of the samples, class_names)` to an index into the class names for each
            window, -1 where none is known.
    """

    cut: Callable[[Any, Samples, bool], Windows]
    labels: Callable[[Any, Sequence[Any], Sequence[str]], npt.NDArray[np.int64]]


class SampleParts(Protocol):
    """Samples of which a part is shown where they are larger than what a model takes."""

    @property
    def window(self) -> tuple[int, ...]:
        """Positions of a part along each axis."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is shown where nothing chooses a part: that in the middle; empty where that is all."""

    def starts(self, index: int) -> Sequence[tuple[int, ...]]:
        """Where the parts begin that cover a sample once."""

    def middle(self, index: int) -> tuple[int, ...]:
        """Where the part in the middle begins."""

    def around(self, index: int, position: Sequence[int]) -> tuple[int, ...]:
        """Where the part begins that has a position in its middle, as far as the sample reaches."""

    def inputs(self, index: int, starts: Sequence[tuple[int, ...]]) -> Iterator[Array]:
        """Parts of a sample in turn, each as the model takes it."""

    def describe(self, index: int, start: tuple[int, ...]) -> SampleDescription:
        """What is needed to draw the part of a sample that begins there."""
