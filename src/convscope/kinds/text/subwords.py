"""Vocabularies of sub-words, learned by byte-pair encoding, and texts that are too long for a row of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from convscope.data.parse_errors import damage_as_data_error
from convscope.data.token_rows import UNKNOWN
from convscope.kinds.text.words import tokenizers_library

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL = ("<padding>", "<unknown>", "<start>", "<end>")
"""The first tokens of every vocabulary, by their ids."""
SPACE = "\u2581"
"""Stands for a space at the beginning of a sub-word."""

_RARE = 5
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u2026\u3002\uff01\uff1f])[\"'\u201d\u2019\u00bb)]*(?:\s+|(?<=[\u3002\uff01\uff1f]))"
)


def parts_of(text: str, offsets: Sequence[tuple[int, int]], room: int) -> tuple[str, ...]:
    """A text in parts of at most so many tokens, cut behind sentences, else between words, else anywhere.

    Args:
        text: More tokens than there is room for.
        offsets: Where each token begins and ends in it, in characters.
        room: Tokens of a part at most.
    """
    sentence_ends = {found.end() for found in _SENTENCE_END.finditer(text)}
    parts, first = [], 0
    while first < len(offsets):
        last = _cut(text, offsets, first, room, sentence_ends)
        begin = offsets[first][0]
        end = offsets[last][0] if last < len(offsets) else len(text)
        parts.append(text[begin:end].strip())
        first = last
    return tuple(part for part in parts if part)


def _cut(
    text: str, offsets: Sequence[tuple[int, int]], first: int, room: int, sentence_ends: set[int]
) -> int:
    """The token with which the next part begins."""
    last = first + room
    if last >= len(offsets):
        return len(offsets)
    begins = [offsets[place][0] for place in range(first + 1, last + 1)]
    for place in range(len(begins) - 1, -1, -1):
        at = begins[place]
        if at in sentence_ends or (at and at + 1 in sentence_ends and text[at].isspace()):
            return first + 1 + place
    for place in range(len(begins) - 1, -1, -1):
        at = begins[place]
        if text[at].isspace() or text[at - 1].isspace():
            return first + 1 + place
    return last


def learn_subwords(texts: Iterable[str], size: int) -> str:
    """A byte-pair encoding of at most so many tokens, as JSON.

    Args:
        texts: From the train split.
        size: Tokens at most, the special ones included.

    Raises:
        BackendError: The library `tokenizers` is not installed.
    """
    library = tokenizers_library()
    listed = list(texts)
    tokenizer = library.Tokenizer(library.models.BPE(unk_token=SPECIAL[UNKNOWN], fuse_unk=True))
    one_space = library.normalizers.Replace(library.Regex(r"\s+"), " ")
    tokenizer.normalizer = library.normalizers.Sequence(
        [library.normalizers.NFC(), one_space, library.normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = library.pre_tokenizers.Sequence(
        [
            library.pre_tokenizers.Metaspace(SPACE),
            library.pre_tokenizers.Punctuation("isolated"),
            library.pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    tokenizer.decoder = library.decoders.Metaspace(SPACE)
    characters = Counter(character for text in listed for character in text)
    common = sum(count >= _RARE for count in characters.values())
    trainer = library.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        limit_alphabet=max(1, min(common + 1, size // 2)),
        show_progress=False,
    )
    tokenizer.train_from_iterator(listed, trainer)
    return str(tokenizer.to_str())


def load_subwords(saved: str) -> Tokenizer:
    """A vocabulary ready for use.

    Args:
        saved: What `learn_subwords` gave.

    Raises:
        DataError: It is no such JSON.
        BackendError: The library `tokenizers` is not installed.
    """
    library = tokenizers_library()
    with damage_as_data_error("vocabulary", "tokenizer"):
        tokenizer: Tokenizer = library.Tokenizer.from_str(saved)
    # A text that spells `<end>` is a text; without this it would be the end.
    tokenizer.encode_special_tokens = True
    return tokenizer
