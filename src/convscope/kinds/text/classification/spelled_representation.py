"""Texts to words with the pieces that these are spelled with, so that new words are not wholly unknown."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split
from convscope.data.token_rows import UNKNOWN, TokenRows
from convscope.errors import UsageError
from convscope.json_values import from_saved
from convscope.kinds.contract.representation import InputsAsEncoded, TextDescription
from convscope.kinds.text.classification.representation import TextRepresentation
from convscope.types import Progress, no_progress

SHORTEST, LONGEST = 3, 6
"""Characters of a piece, the marks of a word's ends among them."""
MOST_PIECES = 24
"""Pieces of one word that are kept, short ones first."""
PIECES = 50_000
"""Pieces at most, the most frequent ones."""
VERSION = 1

_SAVED = {"kind": "spelled text", "version": VERSION}

_LEAST_WORDS = 2  # a piece of one word only says no more than the word


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


@dataclass(frozen=True)
class _Saved:
    """What is kept of a representation, as plain values."""

    divided: Mapping[str, object]
    pieces: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.pieces)) < len(self.pieces):
            raise UsageError("pieces must be different, received some twice")


@dataclass(frozen=True)
class SpelledRepresentation(InputsAsEncoded):
    """A vocabulary of words, and one of the pieces that they are spelled with.

    Ids of pieces follow those of words. See `SubwordEmbedding` for what becomes of them.

    Args:
        divided: How texts are divided into words, and the id of each word.
        pieces: The piece of each id behind those of the words, frequent pieces first.
    """

    divided: TextRepresentation
    pieces: tuple[str, ...] = field(repr=False)

    @classmethod
    def fit(
        cls, train: Split, most: int = PIECES, **options: Any
    ) -> tuple[SpelledRepresentation, tuple[str, ...]]:
        """Learns both vocabularies from the train split.

        Args:
            train: Its samples are texts.
            most: Pieces at most.
            **options: As `TextRepresentation.fit` takes them.

        Returns:
            The representation, and one line for each choice with its reason.

        Raises:
            UsageError: The split is empty or an argument cannot work.
            BackendError: The library `tokenizers` is not installed.
        """
        divided, decisions = TextRepresentation.fit(train, unit="words", **options)
        counts: Counter[str] = Counter()
        for word in _words(divided, train.samples):
            counts.update(set(islice(pieces_of(word), MOST_PIECES)))
        common = sorted((-count, piece) for piece, count in counts.items() if count >= _LEAST_WORDS)
        pieces = tuple(piece for _, piece in common[:most])
        said = f"spelling: {len(pieces)} pieces of 3 to 6 characters that several words of train share"
        return cls(divided, pieces), (*decisions, said)

    @property
    def shape(self) -> tuple[None, int]:
        """(None, ids of a word and its pieces)."""
        return (None, 1 + MOST_PIECES)

    @property
    def sizes(self) -> dict[str, int]:
        """What the architecture must know, by the name of its argument."""
        return {"vocabulary": len(self.divided.words) + len(self.pieces)}

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each id, without those of pieces."""
        return self.divided.words

    def encode(self, samples: Samples, limit_bytes: int = 0, progress: Progress = no_progress) -> SpelledRows:
        """The texts as rows of words and the table of these, in memory.

        Args:
            samples: Texts.
            limit_bytes: Not needed.
            progress: Receives the number of texts divided into words.

        Returns:
            One row per text, of at least one word.
        """
        places: dict[str, int] = {}
        table = [np.zeros(1 + MOST_PIECES, np.int32)]
        rows = []
        for index in range(len(samples)):
            row = []
            for token in self.divided.tokens(str(samples.load(index))):
                word = _same(self.divided, token)
                place = places.get(word)
                if place is None:
                    place = places[word] = len(table)
                    table.append(self._ids(word))
                row.append(place)
            rows.append(row)
            if index % 1024 == 0 or index + 1 == len(samples):
                progress(index + 1, len(samples), "dividing texts")
        return SpelledRows(TokenRows.of(rows), np.stack(table))

    def tokens(self, text: str) -> tuple[str, ...]:
        """The words of a text, as they are spelled there."""
        return self.divided.tokens(text)

    def offsets(self, text: str) -> tuple[tuple[int, int], ...]:
        """Start and end of each word in the text, in characters."""
        return self.divided.offsets(text)

    def describe(self, sample: str) -> TextDescription:
        """What each id stands for."""
        return TextDescription(self.tokens(sample))

    def example(self, count: int) -> npt.NDArray[np.int32]:
        """So many rows of random ids, shape (count, words, ids of a word), int32."""
        length = self.divided.example(count).shape[1]
        most = self.sizes["vocabulary"]
        shape = (count, length, 1 + MOST_PIECES)
        return np.random.default_rng(0).integers(UNKNOWN, most, shape, np.int32)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json` can write and `from_json` reads."""
        return {
            **_SAVED,
            "divided": self.divided.to_json(),
            "pieces": list(self.pieces),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> SpelledRepresentation:
        """Rebuilds what `to_json` wrote.

        Raises:
            RunError: It does not describe a representation of this version.
        """
        read = from_saved(_Saved, saved, "spelled text representation", _SAVED)
        return cls(TextRepresentation.from_json(read.divided), read.pieces)

    def _ids(self, word: str) -> npt.NDArray[np.int32]:
        ids = np.zeros(1 + MOST_PIECES, np.int32)
        ids[0] = self._word_ids.get(word, UNKNOWN)
        known = [self._piece_ids[piece] for piece in pieces_of(word) if piece in self._piece_ids]
        ids[1 : 1 + len(known[:MOST_PIECES])] = known[:MOST_PIECES]
        return ids

    @cached_property
    def _word_ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.divided.words) if number > UNKNOWN}

    @cached_property
    def _piece_ids(self) -> dict[str, int]:
        first = len(self.divided.words)
        return {piece: first + number for number, piece in enumerate(self.pieces)}


def _words(divided: TextRepresentation, samples: Samples) -> list[str]:
    """Every word of the texts once, in the order in which they occur."""
    found: dict[str, None] = {}
    for index in range(len(samples)):
        tokens = divided.tokens(str(samples.load(index)))
        found.update(dict.fromkeys(_same(divided, token) for token in tokens))
    return list(found)


def _same(divided: TextRepresentation, token: str) -> str:
    """A word as the vocabulary has it."""
    word = unicodedata.normalize("NFC", token)
    return word.lower() if divided.lowercase else word
