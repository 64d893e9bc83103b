"""Texts to rows of token ids, and what must be remembered to do it again."""

from __future__ import annotations

import json
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split
from convscope.data.token_rows import FIRST, UNKNOWN, TokenRows
from convscope.errors import BackendError, RunError, UsageError
from convscope.json_values import from_saved
from convscope.kinds.contract.representation import InputsAsEncoded, TextDescription
from convscope.kinds.text.words import (
    are_spaced,
    looks_spaced,
    normalizer,
    pre_tokenizer,
    tokenizers_library,
    whole_spans,
)
from convscope.types import Progress, no_progress

Unit = Literal["words", "subwords", "hashed"]

VERSION = 1
VOCABULARY = 20_000
LONGEST = 512
"""Tokens of a text that are read at most, unless said otherwise."""
SPECIAL = ("<padding>", "<unknown>")

_INNER = (" padding", " unknown")  # no word holds a space, so no text can spell them
_CONTINUED = "##"
_BATCH = 1024
_EXAMPLE_LENGTH = 40
_SAVED = {"kind": "text", "version": VERSION}
_WHAT = "text representation"


@dataclass(frozen=True)
class _Saved:
    """What is kept of a representation, as plain values; of hashed words, their number."""

    unit: Unit
    max_length: int
    lowercase: bool
    spaced: bool
    words: int | tuple[str, ...]
    merges: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise UsageError(f"max_length must be at least 1. Received: max_length={self.max_length}.")
        words = self.words
        if (self.unit == "hashed") != isinstance(words, int):
            raise UsageError("words must be a number where they are hashed, else the list of them")
        if isinstance(words, int) and not FIRST < words < 2**31:
            raise UsageError(f"words must be a number of buckets. Received: words={words}.")
        if not isinstance(words, int) and (len(set(words)) < len(words) or words[:FIRST] != SPECIAL):
            raise UsageError(f"words must be different tokens that begin with {', '.join(SPECIAL)}")


@dataclass(frozen=True)
class TextRepresentation(InputsAsEncoded):
    """How texts are divided into tokens, and the id of each token.

    Id 0 is padding, 1 is what is in no vocabulary. A text without any token is one unknown token, so that a
    model has a position to look at.

    Args:
        unit: `words`; `subwords` by byte-pair encoding (Sennrich, Haddow and Birch 2016, "Neural machine
            translation of rare words with subword units"); `hashed` words, whose id is the CRC-32 of their
            UTF-8 (Weinberger and others 2009, "Feature hashing for large scale multitask learning").
        words: The token of each id, frequent words first; where they are hashed, the name of each bucket.
        max_length: Tokens of a text at most; what is behind is cut off.
        lowercase: Whether capital letters are the same as small ones.
        spaced: Whether the texts of train had their words divided already. If so, such texts are divided at
            white space; those with punctuation at their words are divided all the same.
        merges: For sub-words: which pairs of tokens become one, in order.
    """

    unit: Unit
    words: tuple[str, ...] = field(repr=False)
    max_length: int = LONGEST
    lowercase: bool = True
    spaced: bool = False
    merges: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def fit(
        cls,
        train: Split,
        unit: str = "words",
        vocabulary: int = VOCABULARY,
        min_count: int = 1,
        max_length: int = LONGEST,
        lowercase: bool = True,
    ) -> tuple[TextRepresentation, tuple[str, ...]]:
        """Learns a vocabulary from the train split.

        Args:
            train: Its samples are texts.
            unit: `words`, `subwords` or `hashed`.
            vocabulary: Ids at most (hashed: exactly), padding and unknown among them.
            min_count: How often a word must occur in train to be known.
            max_length: Tokens of a text at most.
            lowercase: Whether capital letters are the same as small ones.

        Returns:
            The representation, and one line for each choice with its reason.

        Raises:
            UsageError: The split is empty or an argument cannot work.
            BackendError: The library `tokenizers` is not installed.
        """
        _check_fit(train, unit, vocabulary, min_count, max_length)
        spaced = are_spaced(_texts(train.samples))
        made = cls(cast(Unit, unit), SPECIAL, max_length, lowercase, spaced)
        if unit == "hashed":
            made = cls("hashed", hashed_words(vocabulary), max_length, lowercase, spaced)
            said = f"words: hashed into {vocabulary - FIRST} buckets, nothing is learned"
        else:
            tokens, merges = made._learned(_texts(train.samples), vocabulary, min_count)
            made = cls(made.unit, (*SPECIAL, *tokens), max_length, lowercase, spaced, merges)
            said = f"vocabulary: {len(tokens)} {unit}, learned from {len(train)} train texts"
        lengths = [length for batch in _batches(_texts(train.samples)) for length in made._lengths(batch)]
        cut = sum(length > max_length for length in lengths)
        decisions = [said, f"words: {_REASONS[spaced]}"]
        if cut:
            decisions.append(f"length: {cut} of {len(train)} train texts are cut at {max_length} tokens")
        return made, tuple(decisions)

    @property
    def shape(self) -> tuple[None]:
        """(None,): rows of any length."""
        return (None,)

    @property
    def sizes(self) -> dict[str, int]:
        """What the architecture must know, by the name of its argument."""
        return {"vocabulary": len(self.words)}

    def encode(
        self,
        samples: Samples,
        limit_bytes: int = 0,
        progress: Progress = no_progress,
    ) -> TokenRows:
        """The texts as rows of ids, in memory.

        Args:
            samples: Texts.
            limit_bytes: Not needed.
            progress: Receives the number of texts divided into tokens.

        Returns:
            One row per text, of 1 to `max_length` ids.
        """
        rows: list[npt.NDArray[np.int32]] = []
        for batch in _batches(_texts(samples)):
            rows += self.to_ids(batch)
            progress(len(rows), len(samples), "dividing texts")
        return TokenRows.of(rows)

    def to_ids(self, texts: Sequence[str]) -> list[npt.NDArray[np.int32]]:
        """The ids of texts, each of shape (1 to `max_length`,), int32."""
        hashed = self.unit == "hashed"
        found = []
        for text, encoding in zip(texts, self._encodings(texts, hashed), strict=True):
            ids = self._hashed(text, encoding) if hashed else encoding.ids[: self.max_length]
            found.append(np.array(ids or [UNKNOWN], np.int32))
        return found

    def tokens(self, text: str) -> tuple[str, ...]:
        """What each id of a text stands for, as it is spelled there."""
        return tuple(text[start:end] for start, end in self.offsets(text))

    def offsets(self, text: str) -> tuple[tuple[int, int], ...]:
        """Start and end of each token in the text, in characters."""
        (encoding,) = self._encodings([text], True)
        return whole_spans(text, encoding.offsets)[: self.max_length] or ((0, 0),)

    def describe(self, sample: str) -> TextDescription:
        """What each id stands for."""
        return TextDescription(self.tokens(sample))

    def example(self, count: int) -> npt.NDArray[np.int32]:
        """So many rows of random ids, shape (count, tokens), int32."""
        length = min(self.max_length, _EXAMPLE_LENGTH)
        return np.random.default_rng(0).integers(UNKNOWN, len(self.words), (count, length), np.int32)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json` can write and `from_json` reads."""
        return {
            **_SAVED,
            "unit": self.unit,
            "max_length": self.max_length,
            "lowercase": self.lowercase,
            "spaced": self.spaced,
            "words": len(self.words) if self.unit == "hashed" else list(self.words),
            "merges": [list(pair) for pair in self.merges],
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> TextRepresentation:
        """Rebuilds what `to_json` wrote.

        Raises:
            RunError: It does not describe a text representation of this version.
        """
        read = from_saved(_Saved, saved, _WHAT, _SAVED)
        words = hashed_words(read.words) if isinstance(read.words, int) else read.words
        made = cls(read.unit, words, read.max_length, read.lowercase, read.spaced, read.merges)
        try:
            made.to_ids(["a"])
        except BackendError:
            raise
        except Exception as error:  # the library raises plain exceptions
            raise RunError(f"{_WHAT}: the vocabulary is damaged ({error})") from error
        return made

    def _learned(
        self, texts: Iterable[str], vocabulary: int, min_count: int
    ) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """The tokens by how often they occur, and the merges of sub-words."""
        library = tokenizers_library()
        common: dict[str, Any] = {
            "vocab_size": vocabulary,
            "min_frequency": min_count,
            "special_tokens": list(_INNER),
            "show_progress": False,
        }
        tokenizer = self._tokenizer(self.spaced)
        if self.unit == "words":
            trainer = library.trainers.WordLevelTrainer(**common)
        else:
            trainer = library.trainers.BpeTrainer(
                continuing_subword_prefix=_CONTINUED,
                limit_alphabet=max(1, (vocabulary - FIRST) // 2),
                **common,
            )
        tokenizer.train_from_iterator(texts, trainer)
        ids = tokenizer.get_vocab(with_added_tokens=False)
        tokens = sorted((number, token) for token, number in ids.items() if number >= FIRST)
        model = json.loads(tokenizer.to_str())["model"]
        return tuple(token for _, token in tokens), tuple(map(tuple, model.get("merges", ())))

    def _tokenizer(self, spaced: bool) -> Any:
        library = tokenizers_library()
        numbers = dict(zip((*_INNER, *self.words[FIRST:]), range(len(self.words)), strict=True))
        if self.unit == "subwords":
            model = library.models.BPE(
                numbers,
                list(self.merges),
                unk_token=_INNER[UNKNOWN],
                continuing_subword_prefix=_CONTINUED,
                fuse_unk=True,
            )
        else:
            model = library.models.WordLevel(numbers, unk_token=_INNER[UNKNOWN])
        tokenizer = library.Tokenizer(model)
        tokenizer.normalizer = normalizer(self.lowercase)
        tokenizer.pre_tokenizer = pre_tokenizer(spaced)
        return tokenizer

    @cached_property
    def _tokenizers(self) -> dict[bool, Any]:
        return {spaced: self._tokenizer(spaced) for spaced in {False, self.spaced}}

    def _encodings(self, texts: Sequence[str], with_offsets: bool) -> Sequence[Any]:
        """What `tokenizers` makes of each text; without offsets it is faster."""
        ways = [self.spaced and looks_spaced(text) for text in texts]
        found: list[Any] = [None] * len(texts)
        for way in set(ways):
            places = [place for place, other in enumerate(ways) if other == way]
            tokenizer = self._tokenizers[way]
            encode = tokenizer.encode_batch if with_offsets else tokenizer.encode_batch_fast
            encodings = encode([texts[place] for place in places], add_special_tokens=False)
            for place, encoding in zip(places, encodings, strict=True):
                found[place] = encoding
        return found

    def _hashed(self, text: str, encoding: Any) -> list[int]:
        spans = whole_spans(text, encoding.offsets)[: self.max_length]
        return [self._bucket(text[start:end]) for start, end in spans]

    def _bucket(self, word: str) -> int:
        same = unicodedata.normalize("NFC", word)
        same = same.lower() if self.lowercase else same
        return FIRST + zlib.crc32(same.encode("utf-8", "replace")) % (len(self.words) - FIRST)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(encoding) for encoding in self._encodings(texts, False)]


_REASONS = {
    True: "divided at white space, because punctuation stands apart in the train texts",
    False: "divided with punctuation and English clitics apart",
}


def _check_fit(train: Split, unit: str, vocabulary: int, min_count: int, max_length: int) -> None:
    """Refuses what no vocabulary can be learned with."""
    if unit not in get_args(Unit):
        raise UsageError(f"unit must be one of {', '.join(get_args(Unit))}. Received: unit={unit!r}.")
    for name, value, least in (
        ("vocabulary", vocabulary, FIRST + 1),
        ("min_count", min_count, 1),
        ("max_length", max_length, 1),
    ):
        if value < least:
            raise UsageError(f"{name} must be at least {least}. Received: {name}={value}.")
    if not len(train):
        raise UsageError("a representation is fitted to at least one text, received an empty split")


def hashed_words(count: int) -> tuple[str, ...]:
    """Names of so many ids, the special ones first and then buckets."""
    return (*SPECIAL, *(f"<bucket {number}>" for number in range(FIRST, count)))


def _texts(samples: Samples) -> Iterator[str]:
    return (str(samples.load(index)) for index in range(len(samples)))


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(texts, _BATCH)):
        yield batch
