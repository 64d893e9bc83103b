"""Rows of token ids of unequal lengths, kept one behind the other and padded a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

PADDING = 0
UNKNOWN = 1
FIRST = 2
"""Ids: of nothing, of what is in no vocabulary, and the first of a vocabulary."""

_SHORTEST = 8


@dataclass(frozen=True)
class TokenRows:
    """Token ids of many samples.

    Args:
        ids: All rows one behind the other, int32.
        starts: Where each row begins, and the end of the last one, shape (rows + 1,), int64.
    """

    ids: npt.NDArray[np.int32] = field(repr=False)
    starts: npt.NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(cls, rows: Iterable[Sequence[int] | npt.NDArray[np.int32]]) -> TokenRows:
        """From one sequence of ids per sample."""
        parts = [np.asarray(row, np.int32).reshape(-1) for row in rows]
        starts = np.cumsum([0, *(len(part) for part in parts)]).astype(np.int64)
        return cls(np.concatenate([np.zeros(0, np.int32), *parts]), starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens in each row, shape (rows,)."""
        return np.diff(self.starts)

    def row(self, index: int) -> npt.NDArray[np.int32]:
        """The ids of one sample, without padding."""
        return self.ids[self.starts[index] : self.starts[index + 1]]

    def take(self, indices: npt.NDArray[np.int64], length: int | None = None) -> npt.NDArray[np.int32]:
        """The rows at these positions, padded behind their end to one length.

        Args:
            indices: Which rows, shape (n,).
            length: To how many tokens, at least those of the longest; by default `padded_length` of that.

        Returns:
            Shape (n, length), int32.
        """
        lengths = self.lengths[indices]
        longest = int(lengths.max(initial=0))
        padded = np.full((len(indices), length or padded_length(longest)), PADDING, np.int32)
        filled = np.arange(longest) < lengths[:, None]
        sources = self.starts[indices][:, None] + np.arange(longest)
        padded[:, :longest][filled] = self.ids[sources[filled]]
        return padded

    def packed(self, indices: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int32]:
        """The same as one array of one length, for whatever takes no others."""
        return self.take(indices, length)


def padded_length(longest: int) -> int:
    """The length that a batch is padded to: one of few, so that few shapes are compiled.

    Multiples of 8 up to 64, then steps that double with the length; at most a quarter is added.

    Args:
        longest: Tokens of the longest row.

    Returns:
        At least 8 and at least `longest`.

    Example:
        >>> [padded_length(n) for n in (0, 8, 9, 64, 65, 130)]
        [8, 8, 16, 64, 80, 160]
    """
    step = max(_SHORTEST, 1 << max(0, (max(longest, 1) - 1).bit_length() - 3))
    return max(_SHORTEST, -(-longest // step) * step)
