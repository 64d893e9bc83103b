"""Rows of words, each with the pieces that it is spelled with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convscope.data.token_rows import TokenRows

SHORTEST, LONGEST = 3, 6
"""Characters of a piece, the marks of a word's ends among them."""
MOST_PIECES = 24
"""Pieces of one word that are kept, short ones first."""


def pieces_of(word: str) -> Iterator[str]:
    """Every run of 3 to 6 characters of a word between `<` and `>`, from short to long, not the whole word.

    Args:
        word: Without white space.

    Example:
        >>> list(pieces_of("fun"))
        ['<fu', 'fun', 'un>', '<fun', 'fun>']
    """
    marked = f"<{word}>"
    for length in range(SHORTEST, min(LONGEST, len(marked) - 1) + 1):
        for start in range(len(marked) - length + 1):
            yield marked[start : start + length]


@dataclass(frozen=True)
class SpelledRows:
    """Words of many samples with their pieces.

    Args:
        words: Rows of places in the table, 0 for padding.
        table: For each word that occurs its id and those of its pieces, 0 where there are no more; shape
            (words, 1 + `MOST_PIECES`), int32. Row 0 is padding.
    """

    words: TokenRows
    table: npt.NDArray[np.int32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Words in each row, shape (rows,)."""
        return self.words.lengths

    def take(self, indices: npt.NDArray[np.int64], length: int | None = None) -> npt.NDArray[np.int32]:
        """The rows at these positions, shape (n, length, 1 + `MOST_PIECES`), int32, padded with 0."""
        spelled: npt.NDArray[np.int32] = self.table[self.words.take(indices, length)]
        return spelled

    def packed(self, indices: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int32]:
        """The same as one array of one length, for whatever takes no others."""
        return self.take(indices, length)
