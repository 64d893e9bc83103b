"""Where words begin and end, and vocabularies of sub-words by byte-pair encoding; both by `tokenizers`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from convscope.data.parse_errors import damage_as_data_error
from convscope.data.token_rows import UNKNOWN
from convscope.errors import BackendError, install_command

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
_ALONE = "\\p{Han}\\p{Hiragana}\\p{Katakana}"
_LETTER = f"[[\\p{{L}}\\p{{M}}\\p{{N}}_]&&[^{_ALONE}]]"
_CLITIC = "(?:s|m|d|re|ve|ll)"


def _rules(
    behind: str, abbreviation: str, between_digits: str, between_words: str, marks: str, one: str
) -> str:
    """What a word is: the first rule that fits. Given is in what texts to classify and to tag differ."""
    joint = f"(?:[{between_words}]|['\u2019](?!(?i:{_CLITIC})(?!{_LETTER})))"
    return "|".join(
        [
            f"[{_ALONE}]",
            # Only what is spelled out ignores case: a class that does takes each `ss` for one letter or two,
            # so that the ways through a long run of them are without number.
            f"{_LETTER}+?(?=[nN]['\u2019][tT](?!{_LETTER}))",  # the `do` of don't
            f"[nN]['\u2019][tT](?!{_LETTER})",
            f"{behind}['\u2019](?i:{_CLITIC})(?!{_LETTER})",
            abbreviation,
            f"\\p{{N}}+(?:[{between_digits}]\\p{{N}}+)+",  # 10,000.5
            f"{_LETTER}+(?:{joint}{_LETTER}+)*",  # re-do, o'clock
            f"({marks})\\1*",  # a run of one mark, as ... and !!
            one,  # whatever a person takes for one character, as an emoji of several
        ]
    )


_WORD = _rules("", "(?:\\p{L}\\.){2,}", ".,:", "-\u2010&", "[!-/:-@\\[-`{-~]", "(?!\\s)\\X")
_TAGGED_WORD = _rules(
    "(?<=[\\p{L}\\p{M}\\p{N}_])",
    f"(?:\\p{{L}}\\.)+\\p{{L}}(?!{_LETTER})\\.?",
    ".,:/",
    "-\u2010&@",
    "[[\\p{P}\\p{S}]&&[^\\p{So}]]",
    "(?![\\s\\p{Cc}\\p{Cf}\\p{Z}])\\X",
)
_MARK = "[.,!?;:]"
_STANDS_ALONE = re.compile(rf"(?:^|\s){_MARK}+(?=\s|$)")
_IS_ATTACHED = re.compile(rf"\w(?:{_MARK}+[\"')]*(?=\s|$)|(?:n't|'{_CLITIC})\b)", re.IGNORECASE)
_ENOUGH = 2000
_MOSTLY = 3


def tokenizers_library() -> Any:
    """The library `tokenizers`.

    Raises:
        BackendError: It is not installed; the hint holds the install command.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise BackendError(
            f"Text needs the library tokenizers: {error}.", f"Install it: {install_command('text')}"
        ) from error
    return tokenizers


def normalizer(lowercase: bool) -> Any:
    """Puts composed characters into one form (NFC) and, if wanted, capital letters into small ones."""
    steps = tokenizers_library().normalizers
    return steps.Sequence([steps.NFC(), steps.Lowercase()] if lowercase else [steps.NFC()])


def pre_tokenizer(spaced: bool) -> Any:
    """Divides a text into words, at white space alone where it is divided already.

    Otherwise punctuation stands apart, one mark or a run of the same; so do English clitics, as in the
    Penn Treebank (do n't, it 's), and every character of Chinese and Japanese. Numbers, abbreviations with
    points and words with hyphens stay whole.

    Args:
        spaced: Whether the words stand apart already.
    """
    library = tokenizers_library()
    if spaced:
        return library.pre_tokenizers.WhitespaceSplit()
    return library.pre_tokenizers.Split(library.Regex(_WORD), behavior="removed", invert=True)


@cache
def _tagged_words() -> Any:
    library = tokenizers_library()
    return library.pre_tokenizers.Split(library.Regex(_TAGGED_WORD), behavior="removed", invert=True)


def words_of(text: str) -> tuple[tuple[int, int], ...]:
    """Divides a text into words that can be tagged.

    As texts to classify, but for a few rules of the Penn Treebank and CoNLL: `/` between digits and `@`
    between letters join (`12/30`), `U.S` is one word without its last point, too, a run of any mark is one
    word, and control characters and marks of direction are no part of a word.

    Args:
        text: Any text.

    Returns:
        Start and end of each word, in characters.

    Raises:
        BackendError: The library `tokenizers` is not installed.

    Example:
        >>> [" Don't go!"[start:end] for start, end in words_of(" Don't go!")]
        ['Do', "n't", 'go', '!']
    """
    return tuple(span for _, span in _tagged_words().pre_tokenize_str(text))


def whole_spans(text: str, spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    r"""Tokens with what normalization took off their ends, such as accents that are characters of their own.

    Args:
        text: As it was before normalization.
        spans: Start and end of each token, in order.

    Example:
        >>> whole_spans("cafe\u0301 ok", [(0, 4), (6, 8)])
        ((0, 5), (6, 8))
    """
    if text.isascii() or not spans:
        return tuple(spans)
    found = []
    for (start, end), (limit, _) in zip(spans, (*spans[1:], (len(text), 0)), strict=True):
        whole = end
        while whole < limit and not text[whole].isspace():
            whole += 1
        found.append((start, whole))
    return tuple(found)


def are_spaced(texts: Iterable[str]) -> bool:
    """True of texts whose punctuation stands apart from the words, because they are divided already.

    Args:
        texts: At most the first 2,000 are used.
    """
    alone = attached = 0
    for number, text in enumerate(texts):
        if number == _ENOUGH:
            break
        alone += len(_STANDS_ALONE.findall(text))
        attached += len(_IS_ATTACHED.findall(text))
    return alone > _MOSTLY * attached


def looks_spaced(text: str) -> bool:
    """True of one text unless marks or clitics are attached to its words and none stands apart."""
    return bool(_STANDS_ALONE.search(text)) or not _IS_ATTACHED.search(text)


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


_NO_CHARACTER = "\U0010ffff"


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
        tokenizer.encode(_NO_CHARACTER)  # that the unknown token is missing is told here
        ids = tokenizer.get_vocab().values()
        if sorted(ids) != list(range(len(ids))):
            raise ValueError("ids of tokens must be 0, 1, 2, ...")
    # A text that spells `<end>` is a text; without this it would be the end.
    tokenizer.encode_special_tokens = True
    return tokenizer
