"""Sentences of two languages to rows of sub-word ids, and ids back to a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split
from convscope.data.token_rows import PADDING, UNKNOWN, TokenRows
from convscope.errors import DataError, RunError, UsageError
from convscope.json_values import from_saved
from convscope.kinds.contract.representation import TextDescription
from convscope.kinds.text.words import (
    SPACE,
    SPECIAL,
    learn_subwords,
    load_subwords,
    parts_of,
)
from convscope.types import Progress, no_progress

if TYPE_CHECKING:
    from tokenizers import Tokenizer

START = 2
END = 3
"""Ids of what stands before the first token of a translation, and behind the last one of any sentence."""
VERSION = 1
_SAVED = {"kind": "translation", "version": VERSION}
SOURCE_VOCABULARY = 8000
TARGET_VOCABULARY = 6000
LONGEST = 128
"""Tokens of a sentence that are read at most, unless said otherwise."""

_BATCH = 1024


@dataclass(frozen=True)
class _Saved:
    """What is kept of a representation: the JSON of both tokenizers."""

    longest: int
    source: object
    target: object

    def __post_init__(self) -> None:
        if self.longest < 2:
            raise UsageError(f"longest must be at least 2 tokens. Received: longest={self.longest}.")


@dataclass(frozen=True)
class TranslationRepresentation:
    """A vocabulary of sub-words for each language, learned from the train split.

    Words are divided by byte-pair encoding, after Unicode normalization (NFC), with white space put into one
    form and with punctuation and digits apart. Each language has its own vocabulary: the scores of all target
    tokens are the dearest part of the model, and tokens of the other language would be scored for nothing.

    A character that the train split holds fewer than five times is unknown (id 1), one after the other as one
    token; where a translation says unknown, `decode` copies what it points at in the source. An empty text is
    an empty row.

    Source: Sennrich, Haddow and Birch (2016), "Neural machine translation of rare words with subword units".

    Args:
        source_tokenizer: As the library `tokenizers` writes it, JSON.
        target_tokenizer: The same, for the other language.
        longest: Tokens of a row at most, the end token included; what is behind is cut off.
    """

    source_tokenizer: str = field(repr=False)
    target_tokenizer: str = field(repr=False)
    longest: int = LONGEST

    @classmethod
    def fit(
        cls,
        split: Split,
        vocabulary: int = SOURCE_VOCABULARY,
        target_vocabulary: int = TARGET_VOCABULARY,
        longest: int = LONGEST,
    ) -> tuple[TranslationRepresentation, tuple[str, ...]]:
        """Learns both vocabularies.

        Args:
            split: The train split: sources as samples, translations as labels.
            vocabulary: Tokens of the source vocabulary at most.
            target_vocabulary: Tokens of the target vocabulary at most.
            longest: Tokens of a row at most.

        Returns:
            The representation, and one line for each choice.

        Raises:
            UsageError: The split is empty or a size cannot work.
            BackendError: The library `tokenizers` is not installed.
        """
        if not len(split):
            raise UsageError("a representation is fitted to at least one sentence, received an empty split")
        for name, size in (("vocabulary", vocabulary), ("target_vocabulary", target_vocabulary)):
            if size < 16:
                raise UsageError(f"{name} must be at least 16 tokens. Received: {name}={size}.")
        if longest < 2:
            raise UsageError(f"longest must be at least 2 tokens. Received: longest={longest}.")
        sources = [str(split.samples.load(index)) for index in range(len(split))]
        made = cls(
            learn_subwords(sources, vocabulary),
            learn_subwords(map(str, split.labels), target_vocabulary),
            longest,
        )
        source_count, target_count = made.sizes["vocabulary"], made.classes
        decisions = [
            f"vocabularies: {source_count} source and {target_count} target sub-words, learned from"
            f" {len(split)} train pairs by byte-pair encoding"
        ]
        for side, texts in (("source", sources), ("target", list(map(str, split.labels)))):
            counts = [len(row) for batch in _batches(texts) for row in made._encode(side, batch)]
            cut = sum(count >= longest for count in counts)
            if cut:
                decisions.append(f"longest: {cut} {side} sentences of train are cut at {longest} tokens")
        return made, tuple(decisions)

    @property
    def shape(self) -> tuple[None]:
        """(None,): rows of any length."""
        return (None,)

    @property
    def sizes(self) -> dict[str, int]:
        """What the architecture must know, by the name of its argument."""
        return {"vocabulary": int(self._tokenizers["source"].get_vocab_size())}

    @property
    def classes(self) -> int:
        """Tokens of the target vocabulary, which the model chooses from."""
        return int(self._tokenizers["target"].get_vocab_size())

    @cached_property
    def _tokenizers(self) -> dict[str, Tokenizer]:
        sides = {"source": self.source_tokenizer, "target": self.target_tokenizer}
        return {side: load_subwords(saved) for side, saved in sides.items()}

    def encode(self, samples: Any, limit_bytes: int = 0, progress: Progress = no_progress) -> TokenRows:
        """The sources as rows of ids, each with the end token behind it.

        Args:
            samples: Texts, as `data.splits.Samples`.
            limit_bytes: Not needed: rows are always in memory.
            progress: Receives the number of texts divided into tokens.

        Returns:
            One row per text, at most `longest` ids; an empty one for a text without a character.
        """
        return self._rows(
            "source", (str(samples.load(i)) for i in range(len(samples))), len(samples), progress
        )

    def targets(self, texts: Iterable[str], progress: Progress = no_progress) -> TokenRows:
        """Translations as rows of ids, each with the end token behind it: what the model must answer.

        Args:
            texts: One per source.
            progress: Receives the number of texts divided into tokens.
        """
        listed = [str(text) for text in texts]
        return self._rows("target", listed, len(listed), progress)

    def _rows(self, side: str, texts: Iterable[str], total: int, progress: Progress) -> TokenRows:
        rows: list[Sequence[int]] = []
        for batch in _batches(texts):
            rows += self._encode(side, batch)
            progress(len(rows), total, f"dividing the {side} into tokens")
        return TokenRows.of(rows)

    def _encode(self, side: str, texts: list[str]) -> list[list[int]]:
        encoded = self._tokenizers[side].encode_batch(texts, add_special_tokens=False)
        return [[*each.ids[: self.longest - 1], END] if each.ids else [] for each in encoded]

    def tokens(self, text: str) -> tuple[str, ...]:
        """The sub-words of a source as they are written in it, one for each id of its row but the last."""
        return tuple(text[start:end].strip() for start, end in self.offsets(text))

    def describe(self, sample: str) -> TextDescription:
        """The sub-words of a source."""
        return TextDescription(self.tokens(sample))

    def target_tokens(self, ids: Iterable[int]) -> tuple[str, ...]:
        """The sub-words that target ids stand for, without the end token and padding."""
        known = self._tokenizers["target"].id_to_token
        return tuple((known(int(i)) or "").replace(SPACE, "") for i in ids if i not in (PADDING, START, END))

    def offsets(self, text: str) -> tuple[tuple[int, int], ...]:
        """Where each sub-word of a source begins and ends in it, in characters."""
        encoded = self._tokenizers["source"].encode(text, add_special_tokens=False)
        return tuple(encoded.offsets[: self.longest - 1])

    def pieces(self, text: str) -> tuple[str, ...]:
        """A source as it is, or in parts that fit into `longest` tokens each, to be translated one by one.

        A text that is too long is cut behind the ends of its sentences; a sentence that is too long by itself
        between words, or in a word that fills a row alone.

        Args:
            text: Of any length.

        Returns:
            One or more texts that hold all of its characters but white space between them.
        """
        offsets = self._tokenizers["source"].encode(text, add_special_tokens=False).offsets
        room = self.longest - 1
        if len(offsets) <= room:
            return (text,)
        return parts_of(text, offsets, room)

    def decode(
        self,
        ids: Sequence[int] | npt.NDArray[np.int32],
        attention: npt.NDArray[np.float32] | None = None,
        source: str = "",
    ) -> str:
        """A translation as text.

        Args:
            ids: Target ids; the end token and padding are left out.
            attention: How much each target token looked at each source token, shape (ids, source tokens),
                float32.
            source: The text that was translated.

        Returns:
            The text. An unknown token becomes the unknown characters of the source that it looked at most, or
            nothing where the source has none or no attention is given.
        """
        tokenizer = self._tokenizers["target"]
        pieces = []
        copies = self._unknown_parts(source) if attention is not None else {}
        for place, token in enumerate(ids):
            if token == UNKNOWN and copies and attention is not None:
                looked = {at: float(attention[place, at]) for at in copies if at < attention.shape[1]}
                pieces += [copies[max(looked, key=lambda at: looked[at])]] if looked else []
            elif token not in (PADDING, UNKNOWN, START, END):
                pieces.append(tokenizer.id_to_token(int(token)) or "")
        return str(tokenizer.decoder.decode(pieces)).strip()

    def _unknown_parts(self, source: str) -> dict[int, str]:
        """The unknown parts of a source by their place in its row, marked where a word begins with them."""
        encoded = self._tokenizers["source"].encode(source, add_special_tokens=False)
        places = zip(encoded.ids, encoded.offsets, strict=True)
        return {at: source[start:end] for at, (token, (start, end)) in enumerate(places) if token == UNKNOWN}

    @staticmethod
    def to_inputs(values: Any) -> dict[str, Any]:
        """Sources, with a translation of which only the start is written."""
        return {"source": values, "target": values[:, :1] * 0 + START}

    def example(self, count: int) -> dict[str, npt.NDArray[np.int32]]:
        """So many pairs of random ids, by the names of the inputs."""
        rng = np.random.default_rng(0)
        source = rng.integers(UNKNOWN, self.sizes["vocabulary"], (count, 12), np.int32)
        return {"source": source, "target": rng.integers(UNKNOWN, self.classes, (count, 9), np.int32)}

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json` can write and `from_json` reads."""
        return {
            **_SAVED,
            "longest": self.longest,
            "source": json.loads(self.source_tokenizer),
            "target": json.loads(self.target_tokenizer),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> TranslationRepresentation:
        """Rebuilds what `to_json` wrote.

        Raises:
            RunError: It does not describe a translation representation of this version.
        """
        what = "translation representation"
        read = from_saved(_Saved, saved, what, _SAVED)
        made = cls(_dump(read.source), _dump(read.target), read.longest)
        try:
            loaded = made._tokenizers
        except DataError as error:
            raise RunError(f"{what}: {error.message}") from error
        for side, tokenizer in loaded.items():
            if [tokenizer.id_to_token(number) for number in range(len(SPECIAL))] != list(SPECIAL):
                raise RunError(f"{what}: the {side} vocabulary lacks {', '.join(SPECIAL)}")
        return made


def start_shifted(answers: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """What the decoder has read before each answer: the start token, then the answers but the last.

    Args:
        answers: Rows of target ids with the end token, padded, shape (n, length), int32.

    Returns:
        The same shape and dtype; padding where the answers have it.

    Example:
        >>> start_shifted(np.array([[7, 8, 3, 0]], np.int32)).tolist()
        [[2, 7, 8, 0]]
    """
    shifted = np.concatenate([np.full((len(answers), 1), START, np.int32), answers[:, :-1]], axis=1)
    return np.where(answers == PADDING, PADDING, shifted).astype(np.int32)


def _dump(tokenizer: object) -> str:
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
