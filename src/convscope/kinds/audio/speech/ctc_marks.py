"""Where the characters of a text stand in time: a chain from the last one back to the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Mark:
    """One character of a text.

    Args:
        label: Its id.
        start: The first frame that says it.
        end: The frame behind the last one.
        probability: Its highest in these frames.
        previous: The character before it; None for the first.
    """

    label: int
    start: int
    end: int
    probability: float
    previous: Mark | None

    def longer(self, frame: int, probability: float) -> Mark:
        """The same character, up to a frame that has it with this probability."""
        return Mark(self.label, self.start, frame + 1, max(self.probability, probability), self.previous)


def chain(last: Mark | None) -> list[Mark]:
    """All characters of a chain, the first one first."""
    return list(backwards(last))[::-1]


def backwards(last: Mark | None) -> Iterator[Mark]:
    """All characters of a chain, the last one first."""
    while last is not None:
        yield last
        last = last.previous


def cut(last: Mark | None, count: int) -> Mark | None:
    """The chain without all but the last so many characters, which it forgets."""
    if count <= 0:
        return None
    for number, mark in enumerate(backwards(last), 1):
        if number == count:
            mark.previous = None
            break
    return last
