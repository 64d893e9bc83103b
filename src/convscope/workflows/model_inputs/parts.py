"""Parts of samples that are shown, of those samples alone that were chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.windows import SampleParts
from convscope.types import Array


@dataclass(frozen=True, eq=False)
class ChosenParts:
    """Parts of some samples, as `SampleParts` has it.

    Args:
        whole: Parts of all samples.
        rows: The numbers of those that were chosen.
    """

    whole: SampleParts
    rows: npt.NDArray[np.int64]

    @property
    def window(self) -> tuple[int, ...]:
        """Positions of a part along each axis."""
        return self.whole.window

    @property
    def notes(self) -> tuple[str, ...]:
        """What is shown where nothing chooses a part."""
        return self.whole.notes

    def starts(self, index: int) -> Sequence[tuple[int, ...]]:
        """Where the parts begin that cover a sample once."""
        return self.whole.starts(int(self.rows[index]))

    def middle(self, index: int) -> tuple[int, ...]:
        """Where the part in the middle begins."""
        return self.whole.middle(int(self.rows[index]))

    def around(self, index: int, position: Sequence[int]) -> tuple[int, ...]:
        """Where the part begins that has a position in its middle."""
        return self.whole.around(int(self.rows[index]), position)

    def inputs(self, index: int, starts: Sequence[tuple[int, ...]]) -> Iterator[Array]:
        """Parts of a sample in turn, each as the model takes it."""
        return self.whole.inputs(int(self.rows[index]), starts)

    def describe(self, index: int, start: tuple[int, ...]) -> SampleDescription:
        """What is needed to draw the part of a sample that begins there."""
        return self.whole.describe(int(self.rows[index]), start)
