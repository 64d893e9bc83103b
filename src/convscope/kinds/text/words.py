"""Where the words of a text begin and end, by the library `tokenizers`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from convscope.errors import BackendError

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
            f"(?i:{_LETTER}+?(?=n['\u2019]t(?!{_LETTER})))",  # the `do` of don't
            f"(?i:n['\u2019]t(?!{_LETTER}))",
            f"(?i:{behind}['\u2019]{_CLITIC}(?!{_LETTER}))",
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
            f"Text needs the library tokenizers: {error}.", 'Install it: pip install "convscope[text]"'
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
        texts: At most the first 2,000 are looked at.
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
