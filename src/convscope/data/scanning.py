"""Reads every sample of a source once: is it readable, what is known of it, which others are identical?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Generic, NamedTuple, TypeVar

from convscope.data.splits import Samples
from convscope.data.threads import in_threads
from convscope.errors import DataError
from convscope.types import Progress, Skipped

F = TypeVar("F")
SHOWN = 5
"""Notes of one sort that are listed."""


class Seen(NamedTuple, Generic[F]):
    """What is known of a sample that was read once.

    Args:
        facts: In a form of the kind's own.
        digest: Of its content.
        notes: What should be known of its file, each beginning with its name.
    """

    facts: F
    digest: bytes
    notes: Sequence[str]


def read_each(
    source: Samples, look: Callable[[int], Seen[F]], progress: Progress, what: str
) -> tuple[dict[int, Seen[F]], list[Skipped]]:
    """Reads every sample of a source in a few threads.

    Args:
        source: Samples that were not read yet.
        look: From the number of a sample, which it reads, to what is known of it.
        progress: Receives the number of samples.
        what: What is done, for the progress.

    Returns:
        What is known of the readable samples by their numbers in the source, and the others with the reason.
    """
    seen: dict[int, Seen[F]] = {}
    skipped: list[Skipped] = []

    def read(index: int) -> Seen[F] | Skipped:
        name = source.name(index)
        try:
            return look(index)
        except DataError as error:
            return Skipped(name, error.message.removeprefix(f"{name}: "))

    with closing(in_threads(read, range(len(source)))) as every:
        for index, found in enumerate(every):
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                seen[index] = found
            progress(index + 1, len(source), what)
    return seen, skipped


def in_few_lines(notes: Sequence[str], many: str) -> list[str]:
    """Notes of many samples, those of one sort up to a few.

    Args:
        notes: Each begins with the name of a sample and a colon.
        many: What samples are called.
    """
    sorts: dict[str, list[str]] = {}
    for note in notes:
        said = note.partition(": ")[2]
        sort = "".join(letter for letter in said if not letter.isdigit() and letter not in ".,-")
        sorts.setdefault(sort, []).append(note)
    lines = []
    for same in sorts.values():
        lines += same[:SHOWN]
        if len(same) > SHOWN:
            lines.append(f"{len(same) - SHOWN} more {many} like {same[0].partition(': ')[0]}")
    return lines
