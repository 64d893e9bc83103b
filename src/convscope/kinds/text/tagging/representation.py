"""Words of sentences as ids, with their characters and casing beside them, and tags as ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split
from convscope.data.token_rows import FIRST, PADDING, UNKNOWN, TokenRows
from convscope.errors import UsageError
from convscope.json_values import Plain
from convscope.kinds.contract.representation import TextDescription
from convscope.kinds.text.readers.sentences import Sentence
from convscope.kinds.text.tagging.tag_schemes import constraints, parse, tag_names
from convscope.types import Progress, no_progress

VERSION = 1
CHARACTERS = 20
"""Characters of a word that are looked at: of a longer one the first and the last ten."""
LARGEST_VOCABULARY = 100_000
CASINGS = ("lower", "upper", "title", "mixed", "number", "part number", "mark")
"""Casings have the ids from 1 in this order."""

_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class TaggingRows:
    """Encoded sentences; each form of a word is encoded once.

    Args:
        forms: Which form stands where; 0 is padding.
        words: The word id of each form, shape (forms + 1,), int32; the first row is that of padding.
        characters: Its character ids, shape (forms + 1, CHARACTERS), int32.
        casings: Its casing, shape (forms + 1,), int32.
    """

    forms: TokenRows
    words: npt.NDArray[np.int32] = field(repr=False)
    characters: npt.NDArray[np.int32] = field(repr=False)
    casings: npt.NDArray[np.int32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.forms)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Words of each sentence, shape (sentences,)."""
        return self.forms.lengths

    def take(
        self, indices: npt.NDArray[np.int64], length: int | None = None
    ) -> dict[str, npt.NDArray[np.int32]]:
        """The sentences at these positions, padded as `TokenRows.take` does.

        Args:
            indices: Which sentences, shape (n,).
            length: To how many words; by default a little more than the longest has.

        Returns:
            By the names of the model's inputs, int32: words (n, length), characters (n, length, CHARACTERS),
            casings (n, length).
        """
        forms = self.forms.take(indices, length)
        return {
            "words": self.words[forms],
            "characters": self.characters[forms],
            "casings": self.casings[forms],
        }

    def packed(self, indices: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int32]:
        """The same as one array: word, casing and characters, shape (n, length, 2 + CHARACTERS), int32."""
        taken = self.take(indices, length)
        parts = (taken["words"][..., None], taken["casings"][..., None], taken["characters"])
        return np.concatenate(parts, axis=-1)


@dataclass(frozen=True)
class TaggingRepresentation(Plain):
    """From sentences and tags to ids and back; fitted on the train split alone.

    Args:
        words: Known words, the most frequent first, as `normalized` writes them; their ids count from 2.
        characters: Known characters, the most frequent first; their ids count from 2.
        tags: Tag names; their ids count from 0.
        rare_from: Words of this id and above occur once in train.
    """

    _WHAT = "tagging representation"
    _KEPT: ClassVar = {"kind": "tagging", "version": VERSION}

    words: tuple[str, ...] = field(repr=False)
    characters: tuple[str, ...] = field(repr=False)
    tags: tuple[str, ...]
    rare_from: int

    def __post_init__(self) -> None:
        if not self.tags:
            raise UsageError("a representation for tagging needs at least one tag, received none")
        for name in ("words", "characters", "tags"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                raise UsageError(f"a representation for tagging needs different {name}, received some twice")

    @classmethod
    def fit(
        cls, split: Split, vocabulary: int = LARGEST_VOCABULARY
    ) -> tuple[TaggingRepresentation, tuple[str, ...]]:
        """Learns words, characters and tags.

        Args:
            split: Train sentences with their tags, of IOBES or plain.
            vocabulary: The most words that are known.

        Returns:
            The representation and what was decided, one line each.

        Raises:
            UsageError: The split is empty, or the vocabulary smaller than 1.
        """
        if not len(split) or vocabulary < 1:
            raise UsageError(
                "a representation for tagging is fitted to at least one sentence and one word, received"
                f" {len(split)} sentences and vocabulary={vocabulary}"
            )
        forms: Counter[str] = Counter()
        for index in range(len(split)):
            forms.update(split.samples.load(index).words)
        counts: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        for form, count in forms.items():
            counts[normalized(form)] += count
            letters.update(dict.fromkeys(form, count))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[:vocabulary]
        names = _tag_names({tag for tags in split.labels for tag in tags})
        once = sum(counts[word] == 1 for word in ranked)
        made = cls(
            tuple(ranked),
            tuple(sorted(letters, key=lambda letter: (-letters[letter], letter))),
            names,
            FIRST + len(ranked) - once,
        )
        left_out = len(counts) - len(ranked)
        return made, (
            f"words: {len(ranked)} of train, in lower case and with 0 for every digit; {once} occur once"
            + (f"; {left_out} more are unknown, because the vocabulary has {vocabulary}" if left_out else ""),
            f"characters: {len(letters)} of train, at most {CHARACTERS} of a word, beside its casing",
        )

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Words, of any number."""
        return (None,)

    @property
    def sizes(self) -> dict[str, Any]:
        """What the architecture has to know: options by name, plain values."""
        rules = constraints(self.tags)
        return {
            "vocabulary": FIRST + len(self.words),
            "characters": FIRST + len(self.characters),
            "constraints": None if rules is None else asdict(rules),
        }

    @property
    def rare(self) -> range:
        """Ids of words that occur once in train."""
        return range(self.rare_from, FIRST + len(self.words))

    @cached_property
    def _word_ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, FIRST)}

    @cached_property
    def _character_ids(self) -> dict[str, int]:
        return {letter: number for number, letter in enumerate(self.characters, FIRST)}

    @cached_property
    def _tag_ids(self) -> dict[str, int]:
        return {tag: number for number, tag in enumerate(self.tags)}

    def encode(
        self, samples: Samples | Sequence[Sentence], limit_bytes: int = 0, progress: Progress = no_progress
    ) -> TaggingRows:
        """Encodes sentences.

        Args:
            samples: The sentences.
            limit_bytes: Not used: ids of the words take a small part of what the words take.
            progress: Receives the number of sentences encoded.

        Returns:
            The ids, in memory.
        """
        places: dict[str, int] = {}
        rows = []
        for index in range(len(samples)):
            sentence = samples[index] if isinstance(samples, Sequence) else samples.load(index)
            rows.append([places.setdefault(word, 1 + len(places)) for word in sentence.words])
            if index % 1000 == 0:
                progress(index, len(samples), "encoding sentences")
        words = np.full(1 + len(places), PADDING, np.int32)
        casings = np.zeros(1 + len(places), np.int32)
        characters = np.full((1 + len(places), CHARACTERS), PADDING, np.int32)
        for form, place in places.items():
            words[place] = self._word_ids.get(normalized(form), UNKNOWN)
            casings[place] = casing(form)
            letters = _ends(form)
            characters[place, : len(letters)] = [self._character_ids.get(each, UNKNOWN) for each in letters]
        return TaggingRows(TokenRows.of(rows), words, characters, casings)

    def tag_rows(self, labels: Sequence[Sequence[str]] | npt.NDArray[np.object_]) -> TokenRows:
        """Tags as ids; a tag that train does not have becomes the first one, which is `O` in IOBES.

        Args:
            labels: Tags of each sentence.

        Returns:
            Ids from 0; what `take` pads with is no tag.
        """
        return TokenRows.of([self._tag_ids.get(tag, 0) for tag in tags] for tags in labels)

    def with_unknown(
        self, batch: Mapping[str, npt.NDArray[np.int32]], rng: np.random.Generator, rate: float = 0.5
    ) -> dict[str, npt.NDArray[np.int32]]:
        """A training batch in which some words that occur once are unknown, so that this is learned.

        Args:
            batch: As `TaggingRows.take` gives it; is left as it is.
            rng: Draws the words.
            rate: The share of them, from 0 to 1.

        Returns:
            The batch with other words.
        """
        words = batch["words"]
        chosen = (words >= self.rare_from) & (rng.random(words.shape) < rate)
        return {**batch, "words": np.where(chosen, np.int32(UNKNOWN), words)}

    @staticmethod
    def to_inputs(values: Any) -> dict[str, Any]:
        """The inputs by name, from what `TaggingRows.take` or `TaggingRows.packed` gives."""
        if isinstance(values, Mapping):
            return dict(values)
        return {"words": values[..., 0], "casings": values[..., 1], "characters": values[..., 2:]}

    @staticmethod
    def describe(sample: Sentence) -> TextDescription:
        """The words of a sentence."""
        return TextDescription(sample.words)

    def example(self, count: int) -> dict[str, npt.NDArray[np.int32]]:
        """So many sentences of random ids, by the names of the inputs."""
        rng = np.random.default_rng(0)
        known = FIRST + len(self.words), FIRST + len(self.characters)
        return {
            "words": rng.integers(UNKNOWN, known[0], (count, 12), np.int32),
            "casings": rng.integers(1, 1 + len(CASINGS), (count, 12), np.int32),
            "characters": rng.integers(UNKNOWN, known[1], (count, 12, CHARACTERS), np.int32),
        }


def normalized(word: str) -> str:
    """A word as the vocabulary has it: in lower case, with 0 for every digit."""
    return _DIGIT.sub("0", word.lower())


def casing(word: str) -> int:
    """How a word is written: an id from 1 into `CASINGS`.

    Example:
        >>> [CASINGS[casing(word) - 1] for word in ("Ada", "USA", "1996", "F16", "McKay", "...")]
        ['title', 'upper', 'number', 'part number', 'mixed', 'mark']
    """
    if not any(char.isalnum() for char in word):
        name = "mark"
    elif any(char.isdigit() for char in word):
        name = "part number" if any(char.isalpha() for char in word) else "number"
    elif word == word.lower():
        name = "lower"
    elif word == word.upper() and len(word) > 1:
        name = "upper"
    else:
        name = "title" if word[1:] == word[1:].lower() else "mixed"
    return 1 + CASINGS.index(name)


def _ends(word: str) -> str:
    half = CHARACTERS // 2
    return word if len(word) <= CHARACTERS else word[:half] + word[-half:]


def _tag_names(found: set[str]) -> tuple[str, ...]:
    """All tags of IOBES for the types that were found, or plain tags in order."""
    parsed = [each for tag in found if (each := parse(tag)) is not None]
    if len(parsed) < len(found):
        return tuple(sorted(found))
    return tag_names({kind for letter, kind in parsed if kind})
