"""Texts to token ids of a model without a run: by its own vectorization, or by a vocabulary file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.lines import read_lines
from convscope.data.splits import Samples
from convscope.data.token_rows import FIRST, PADDING, UNKNOWN, TokenRows
from convscope.errors import DataError
from convscope.json_values import from_saved
from convscope.kinds.contract.representation import InputsAsEncoded, TextDescription
from convscope.kinds.text.classification.representation import SPECIAL, TextRepresentation
from convscope.types import Progress, no_progress

if TYPE_CHECKING:
    import keras

KIND = "plain text"
VERSION = 1
_SAVED = {"kind": KIND, "version": VERSION}
_PADDINGS = ("", "[pad]", "<pad>", "<padding>")
_UNKNOWNS = ("[unk]", "<unk>", "<unknown>", "[oov]", "<oov>")
_EXAMPLE_LENGTH = 40

Ids = npt.NDArray[np.int32]


class Divider(Protocol):
    """Divides texts into tokens that have ids."""

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The token of each id."""

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text, without padding."""

    def tokens(self, text: str) -> tuple[str, ...]:
        """The token behind each id of a text."""


@dataclass(frozen=True)
class KerasDivider:
    """Divides texts as a `TextVectorization` layer does.

    Args:
        config: Of the layer, plain values, without its vocabulary.
        vocabulary: The token of each id.
    """

    config: Mapping[str, Any] = field(repr=False)
    vocabulary: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, layer: keras.layers.TextVectorization) -> KerasDivider:
        """From a layer with a vocabulary."""
        config = {**layer.get_config(), "output_sequence_length": None, "vocabulary": None}
        config.pop("vocabulary_size", None)
        return cls(config, tuple(map(str, layer.get_vocabulary())))

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text, without padding."""
        rows = np.asarray(self._layer(np.array(list(texts), object)), np.int32)
        return [row[: np.max(np.flatnonzero(row), initial=-1) + 1] for row in rows]

    def tokens(self, text: str) -> tuple[str, ...]:
        """The words as spelled in the text if there is one for each id, else those of the vocabulary."""
        (ids,) = self.encode([text])
        words = text.split()
        if len(words) == len(ids) and self.config.get("split") == "whitespace":
            return tuple(words)
        return tuple(self.vocabulary[number] for number in ids)

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config, "vocabulary": self.vocabulary}  # the layer is built anew

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @cached_property
    def _layer(self) -> keras.layers.TextVectorization:
        import keras

        layer = keras.layers.TextVectorization.from_config(dict(self.config))
        layer.set_vocabulary(list(self.vocabulary[FIRST:]))
        return layer


@dataclass(frozen=True)
class FileDivider:
    """Divides texts into the words of a vocabulary file.

    Args:
        words: Divides into words and punctuation.
    """

    words: TextRepresentation

    @classmethod
    def read(cls, path: str | Path) -> FileDivider:
        """Reads a file with one token per line, in the order of their ids.

        Ids count from 2 as in `keras.layers.TextVectorization`: 0 is padding and 1 an unknown token. The
        first two lines may be those.

        Raises:
            DataError: The file cannot be read, or a token is there twice.
        """
        tokens = [line.strip() for _, line in read_lines(path)]
        if len(tokens) > 1 and tokens[0].lower() in _PADDINGS and tokens[1].lower() in _UNKNOWNS:
            tokens = tokens[FIRST:]
        seen: set[str] = set()
        for number, token in enumerate(tokens, 1):
            if not token or token in seen:
                what = f"'{token}' a second time" if token else "an empty line"
                raise DataError(
                    f"{path}: expected one token per line, each once; received {what} (token {number})"
                )
            seen.add(token)
        return cls.of(tokens)

    @classmethod
    def of(cls, tokens: Sequence[str]) -> FileDivider:
        """From tokens in the order of their ids, which count from 2."""
        lowercase = all(token == token.lower() for token in tokens)
        return cls(TextRepresentation("words", (*SPECIAL, *tokens), lowercase=lowercase))

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The token of each id."""
        return self.words.words

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text, without padding."""
        return [np.array([self._id(token) for token in self.tokens(text)], np.int32) for text in texts]

    def tokens(self, text: str) -> tuple[str, ...]:
        """Words, and punctuation if the vocabulary has some."""
        found = self.words.tokens(text)
        return found if self._has_punctuation else tuple(token for token in found if _has_letters(token))

    def _id(self, token: str) -> int:
        return self._ids.get(token.lower() if self.words.lowercase else token, UNKNOWN)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.vocabulary) if number >= FIRST}

    @cached_property
    def _has_punctuation(self) -> bool:
        return not all(map(_has_letters, self.vocabulary[FIRST:]))


@dataclass(frozen=True)
class PlainTokens(InputsAsEncoded):
    """Token ids, padded behind their end.

    Args:
        divider: Divides texts into tokens.
        length: Tokens of every text: longer texts are cut, shorter ones padded; None keeps their own length.
    """

    divider: Divider
    length: int | None

    @property
    def shape(self) -> tuple[int | None]:
        """(tokens,)."""
        return (self.length,)

    @property
    def sizes(self) -> dict[str, int]:
        """The size of the vocabulary."""
        return {"vocabulary": len(self.divider.vocabulary)}

    def encode(self, samples: Samples, limit_bytes: int = 0, progress: Progress = no_progress) -> Any:
        """All texts as token ids, in memory."""
        rows = self.divider.encode([str(samples.load(index)) for index in range(len(samples))])
        progress(len(rows), len(samples), "encoding texts")
        if self.length is None:
            return TokenRows.of([row if len(row) else np.array([UNKNOWN], np.int32) for row in rows])
        values = np.full((len(rows), self.length), PADDING, np.int32)
        for place, row in enumerate(rows):
            values[place, : len(row)] = row[: self.length]
        return FixedRows(values)

    def tokens(self, text: str) -> tuple[str, ...]:
        """The token behind each id of a text."""
        found = self.divider.tokens(text)[: self.length]
        return found or ("",)

    def describe(self, sample: str) -> TextDescription:
        """The token behind each id of a text."""
        return TextDescription(tuple(self.tokens(sample)))

    def example(self, count: int) -> Ids:
        """So many rows of random ids, shape (count, tokens), int32."""
        shape = (count, self.length or _EXAMPLE_LENGTH)
        return np.random.default_rng(0).integers(UNKNOWN, len(self.divider.vocabulary), shape, np.int32)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json` can write and `from_json` reads."""
        config = dict(self.divider.config) if isinstance(self.divider, KerasDivider) else None
        vocabulary = list(self.divider.vocabulary)
        return {
            **_SAVED,
            "length": self.length,
            "vectorization": config,
            "vocabulary": vocabulary,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> PlainTokens:
        """Rebuilds what `to_json` wrote.

        Raises:
            RunError: Another version wrote it.
        """
        read = from_saved(_Saved, saved, "plain text representation", _SAVED)
        divider: Divider = FileDivider.of(read.vocabulary[FIRST:])
        if read.vectorization is not None:
            divider = KerasDivider(read.vectorization, read.vocabulary)
        return cls(divider, read.length)


@dataclass(frozen=True)
class _Saved:
    """What is kept of a representation, as plain values."""

    length: int | None
    vectorization: Mapping[str, object] | None
    vocabulary: tuple[str, ...]


@dataclass(frozen=True)
class FixedRows:
    """Rows of one length.

    Args:
        values: Shape (rows, length), int32.
    """

    values: Ids = field(repr=False)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: npt.NDArray[np.int64]) -> Ids:
        """The rows at these positions."""
        return np.asarray(self.values[indices])


def _has_letters(token: str) -> bool:
    return any(map(str.isalnum, token))
