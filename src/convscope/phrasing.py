"""Numbers and shapes in plain words, the same way everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

_FRACTIONS = ((1 / 4, "a quarter"), (1 / 3, "a third"), (1 / 2, "half"), (2 / 3, "two thirds"))
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def large(number: int) -> str:
    """A count with thousands separated, from a million on with three digits and a word.

    Example:
        >>> large(18496), large(42467328), large(3857925120)
        ('18,496', '42.5 million', '3.86 billion')
    """
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{_digits(number / size)} {word}"
    return f"{number:,}"


def short(number: int) -> str:
    """A count for the column of a table: with a letter for thousands, millions, billions.

    Example:
        >>> short(950), short(18496), short(42467328), short(3857925120)
        ('950', '18.5k', '42.5M', '3.86G')
    """
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{_digits(number / size)}{letter}"
    return str(number)


def _digits(number: float) -> str:
    return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f}"


def percent(part: float, whole: float) -> str:
    """A share as a percentage.

    Example:
        >>> percent(1, 3), percent(1, 2000), percent(0, 5), percent(1998, 2000)
        ('33%', '<0.1%', '0%', '99.9%')
    """
    if not whole or not part:
        return "0%"
    share = 100 * part / whole
    if share < 0.1:
        return "<0.1%"
    if 9.95 <= share < 98.5 or part == whole:
        return f"{share:.0f}%"
    return f"{min(share, 99.9):.1f}".removesuffix(".0") + "%"


def share(part: int, whole: int) -> str:
    """A share in words where a simple fraction is near, else as a percentage.

    Example:
        >>> share(332, 1000), share(9, 10), share(5, 5), share(3, 100)
        ('about a third', '90%', 'all', '3%')
    """
    if part and part == whole:
        return "all"
    for fraction, words in _FRACTIONS:
        if whole and abs(part / whole - fraction) < 0.012:
            return f"about {words}"
    return percent(part, whole)


def size(lengths: Sequence[int | None]) -> str:
    """Lengths along several axes.

    Example:
        >>> size((48, 48)), size((None, 8)), size((16000,))
        ('48x48', '?x8', '16,000')
    """
    if len(lengths) == 1 and lengths[0] is not None:
        return f"{lengths[0]:,}"
    return "x".join("?" if length is None else f"{length}" for length in lengths)


def extent(lengths: Sequence[int | None]) -> str:
    """The size of a kernel or window.

    Example:
        >>> extent((3, 3)), extent((5,)), extent((1,))
        ('3x3', '5 steps', '1 step')
    """
    return plural(lengths[0], "step") if len(lengths) == 1 and lengths[0] is not None else size(lengths)


def values(lengths: Sequence[int | None]) -> str:
    """The shape of one sample, without the batch axis.

    Example:
        >>> values((48, 48, 1)), values((64,)), values(())
        ('48x48x1', '64 values', 'one value')
    """
    if not lengths:
        return "one value"
    if len(lengths) > 1:
        return size(lengths)
    return "values of unknown number" if lengths[0] is None else plural(lengths[0], "value")


def product(lengths: Sequence[int | None]) -> int | None:
    """How many values a shape holds; None where a length is not known."""
    return (
        None if any(length is None for length in lengths) else math.prod(n for n in lengths if n is not None)
    )


def plural(number: int, word: str) -> str:
    """A count with its noun.

    Example:
        >>> plural(1, "kernel"), plural(2048, "kernel"), plural(2, "class"), plural(3, "community")
        ('1 kernel', '2,048 kernels', '2 classes', '3 communities')
    """
    return f"{number:,} {word if number == 1 else many(word)}"


def many(word: str) -> str:
    """The plural of a noun."""
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch")) else f"{word}s"


def counted(number: int, word: str) -> str:
    """A count with its noun, small ones in words.

    Example:
        >>> counted(3, "block"), counted(1, "layer"), counted(16, "block")
        ('three blocks', 'one layer', '16 blocks')
    """
    if number < len(_NUMBERS):
        return f"{_NUMBERS[number]} {word if number == 1 else many(word)}"
    return plural(number, word)


def listed(items: Sequence[str], last: str = "and") -> str:
    """Items as one would say them.

    Example:
        >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
        ('a', 'a and b', 'a, b and c')
    """
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def some(paths: Sequence[str], shown: int = 4) -> str:
    """The first few of several layers by name.

    Example:
        >>> some(["a", "b"]), some(["a", "b", "c"], shown=1)
        ("'a' and 'b'", "'a' and 2 more")
    """
    return first_of([f"'{path}'" for path in paths], shown)


def first_of(items: Sequence[str], shown: int) -> str:
    """The first few items, and how many more there are.

    Example:
        >>> first_of(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    if len(items) > shown:
        return f"{', '.join(items[:shown])} and {len(items) - shown} more"
    return listed(items)


def number(value: float) -> str:
    """A setting as short as it can be said.

    Example:
        >>> number(0.025), number(1e-05), number(2.0), number(0.99)
        ('0.025', '1e-05', '2', '0.99')
    """
    return f"{value:.4g}"


def sentence(text: str) -> str:
    """The text with a capital at its beginning and a full stop at its end."""
    text = text.strip()
    return text and f"{text[0].upper()}{text[1:]}" + ("" if text[-1] in ".!?" else ".")
