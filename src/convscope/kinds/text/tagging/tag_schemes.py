"""Schemes that write spans of words as one tag per word: recognized, read by conlleval's rules, converted.

| scheme | an entity of three words, then another of the same type | also written |
|---|---|---|
| IOB1 | I-X I-X I-X B-X: `B` only where an entity follows one of its type | |
| IOB2 | B-X I-X I-X B-X | BIO |
| IOBES | B-X I-X E-X S-X | BIOES, BILOU (`L` for `E`, `U` for `S`), BMEWO (`M` for `I`, `W` for `S`) |
| plain | tags that are no spans, such as parts of speech | |

`O` is a word outside of all. Tags of a letter alone (`B`, `I`, `O`) are of the one type `entity`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Scheme = Literal["IOB1", "IOB2", "IOBES", "plain"]

OUTSIDE = "O"
UNTYPED = "entity"
"""The type of tags that name none."""

_PREFIXES = {
    "B": "B",
    "I": "I",
    "M": "I",
    "E": "E",
    "L": "E",
    "S": "S",
    "U": "S",
    "W": "S",
}
_BEFORE_INSIDE = ("B", "I")


@dataclass(frozen=True, order=True)
class Span:
    """Some words with a type.

    Args:
        start: The first word, from 0.
        end: Behind the last word.
        type: Such as `PER`.
    """

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class Constraints:
    """Which sequences of tags are allowed, in the order of the tag names.

    Args:
        allowed: Which tag may follow which, `allowed[from][to]`.
        starts: Which tags a sentence may begin with.
        ends: Which tags it may end with.
    """

    allowed: list[list[bool]]
    starts: list[bool]
    ends: list[bool]


def parse(tag: str) -> tuple[str, str] | None:
    """Letter and type of a tag, in the letters of IOBES; None where it is no tag of any scheme.

    Example:
        >>> parse("L-PER"), parse("O"), parse("B"), parse("I-"), parse("NN")
        (('E', 'PER'), ('O', ''), ('B', 'entity'), None, None)
    """
    if tag == OUTSIDE:
        return (OUTSIDE, "")
    letter, dash, kind = tag.partition("-")
    if letter not in _PREFIXES or bool(dash) != bool(kind):
        return None
    return (_PREFIXES[letter], kind if dash else UNTYPED)


def recognize(sequences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme of a data set, by all of its tags.

    It is plain where fewer than half of the tags other than `O` are of the form of a scheme. IOB1 and IOB2
    differ in whether an entity may begin with `I`.

    Args:
        sequences: The tags of each sentence.

    Returns:
        The scheme; tags that are not of it may still occur, and `parse` is None for them.
    """
    distinct: set[str] = set()
    begins_inside = False
    for tags in sequences:
        distinct.update(tags)
        begins_inside = begins_inside or _begins_inside(tags)
    names = distinct - {OUTSIDE}
    parsed = [found for name in names if (found := parse(name)) is not None]
    typed = [name for name in names if "-" in name[1:2]]
    bare = OUTSIDE in distinct and names <= set(_PREFIXES)
    if not names or not (bare or (typed and 2 * len(parsed) >= len(names))):
        return "plain"
    letters = {letter for letter, _ in parsed}
    if letters & {"E", "S"}:
        return "IOBES"
    return "IOB1" if begins_inside else "IOB2"


def _begins_inside(tags: Sequence[str]) -> bool:
    """Whether an `I` follows something that it cannot go on with."""
    before = OUTSIDE
    for tag in tags:
        if tag[:1] == "I" and before[2:] != tag[2:]:
            return True
        if tag == "I" and before == OUTSIDE:
            return True
        before = tag
    return False


def spans(tags: Sequence[str]) -> tuple[Span, ...]:
    """The spans that tags of any scheme write, sloppy ones too, as conlleval reads them.

    An entity ends where its tags say so, where a word is outside, and where the type changes; it begins
    with whatever tag comes behind that: `I-PER` behind `O` begins one, and so does `E-LOC` behind `I-PER`.

    Args:
        tags: One tag per word; what is no tag of a scheme counts as outside.

    Returns:
        In the order of the words.

    Example:
        >>> spans(["I-PER", "I-PER", "B-PER", "O"])
        (Span(start=0, end=2, type='PER'), Span(start=2, end=3, type='PER'))
    """
    found = []
    before, start = (OUTSIDE, ""), 0
    for place, tag in enumerate([*tags, OUTSIDE]):
        now = parse(tag) or (OUTSIDE, "")
        apart = now[1] != before[1] or now[0] in ("B", "S", OUTSIDE) or before[0] in ("E", "S", OUTSIDE)
        if apart and before[0] != OUTSIDE:
            found.append(Span(start, place, before[1]))
        if apart:
            start = place
        before = now
    return tuple(found)


def write(found: Iterable[Span], length: int, scheme: Scheme = "IOBES") -> tuple[str, ...]:
    """Tags that write spans.

    Args:
        found: Spans that do not overlap.
        length: The number of words.
        scheme: In which scheme; not `plain`.

    Returns:
        One tag per word.

    Example:
        >>> write([Span(1, 3, "LOC")], 4)
        ('O', 'B-LOC', 'E-LOC', 'O')
    """
    tags = [OUTSIDE] * length
    for span in sorted(found):
        last = span.end - 1
        for place in range(span.start, span.end):
            tags[place] = f"{'B' if place == span.start else 'I'}-{span.type}"
        if scheme == "IOBES":
            tags[last] = f"{'S' if last == span.start else 'E'}-{span.type}"
        elif scheme == "IOB1" and (span.start == 0 or tags[span.start - 1][2:] != span.type):
            tags[span.start] = f"I-{span.type}"
    return tuple(tags)


def to_iobes(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags of any scheme but plain ones, as IOBES."""
    return write(spans(tags), len(tags))


def tag_names(types: Iterable[str]) -> tuple[str, ...]:
    """All tags of IOBES for these types, `O` first; so there is an allowed sequence of any length."""
    return (OUTSIDE, *(f"{letter}-{kind}" for kind in sorted(types) for letter in "BIES"))


def constraints(names: Sequence[str]) -> Constraints | None:
    """Which sequences of tags write spans without a break of the rules.

    Args:
        names: Tags of IOB2 or IOBES, in the order of their numbers.

    Returns:
        What is allowed; None where a name is no tag of a scheme, so that any tag may follow any.
    """
    parsed = [each for name in names if (each := parse(name)) is not None]
    if len(parsed) < len(names):
        return None
    closing = any(letter in ("E", "S") for letter, _ in parsed)

    def may_follow(before: tuple[str, str], now: tuple[str, str]) -> bool:
        goes_on = now[0] in ("I", "E")
        if goes_on:
            return before[0] in _BEFORE_INSIDE and before[1] == now[1]
        return not closing or before[0] not in _BEFORE_INSIDE

    edge = (OUTSIDE, "")
    return Constraints(
        [[may_follow(before, now) for now in parsed] for before in parsed],
        [may_follow(edge, now) for now in parsed],
        [may_follow(before, edge) for before in parsed],
    )


def is_allowed(tags: Sequence[str]) -> bool:
    """Whether a tag sequence of IOBES breaks no rule."""
    return to_iobes(tags) == tuple(tags)
