"""Sentences as words that know where they stand in their text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convscope.kinds.text.words import words_of


@dataclass(frozen=True)
class Sentence:
    """Words and the text that they stand in.

    Args:
        words: The words, in order.
        text: The text.
        offsets: Start and end of each word in the text, in characters.
    """

    words: tuple[str, ...]
    text: str = field(repr=False)
    offsets: tuple[tuple[int, int], ...] = field(repr=False)

    @classmethod
    def of(cls, words: Iterable[str]) -> Sentence:
        """From words alone; the text is the words with spaces between.

        Example:
            >>> Sentence.of(["Ada", "wrote", "."]).offsets
            ((0, 3), (4, 9), (10, 11))
        """
        words = tuple(words)
        offsets, at = [], 0
        for word in words:
            offsets.append((at, at + len(word)))
            at += len(word) + 1
        return cls(words, " ".join(words), tuple(offsets))

    @classmethod
    def read(cls, text: str) -> Sentence:
        """From text, which `words_of` splits."""
        offsets = words_of(text)
        return cls(tuple(text[start:end] for start, end in offsets), text, offsets)


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences in memory.

    Args:
        root: The folder that the keys are relative to.
        keys: Where each sentence came from, such as `train.txt#17` for the line that it begins at.
        sentences: The sentences.
    """

    root: str
    keys: Sequence[str]
    sentences: Sequence[Sentence] = field(repr=False)

    def __len__(self) -> int:
        return len(self.sentences)

    def load(self, index: int) -> Sentence:
        """One sentence."""
        return self.sentences[index]

    def name(self, index: int) -> str:
        """The file and the line that a sentence begins at."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The name below the folder that was read."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> TaggedSentences:
        """Some of the sentences, in this order."""
        rows = indices.tolist()
        return TaggedSentences(
            self.root, [self.keys[row] for row in rows], [self.sentences[row] for row in rows]
        )
