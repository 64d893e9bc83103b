"""How samples that are larger than what a model takes are cut into windows, each as a sample of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples


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
