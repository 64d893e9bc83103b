"""The predicted classes of a data set, as far as they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.types import Array

UNKNOWN = -1


@dataclass(eq=False)
class PredictedClasses:
    """The predicted class of each sample of a data set, as far as it is known.

    Args:
        classes: Index of the class, -1 where it is not known yet, (samples,), int64.
        confidences: Its probability, (samples,), float32.
        complete: Whether it is known of all.
    """

    classes: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float32]
    complete: bool = False

    @classmethod
    def of(cls, count: int) -> PredictedClasses:
        """Nothing is known of so many samples."""
        return cls(np.full(count, UNKNOWN, np.int64), np.zeros(count, np.float32))

    def note(self, rows: npt.NDArray[np.int64], probabilities: Array) -> None:
        """Takes in the probabilities of some samples."""
        self.classes[rows] = probabilities.argmax(axis=1)
        self.confidences[rows] = probabilities.max(axis=1)
