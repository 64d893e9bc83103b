"""Precision, recall and F1 of one class, or of one type of entity, and the table of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True)
class ClassScores:
    """What one class scored; 0.0 wherever a division by zero would stand.

    Args:
        name: The class name, or the type of entity, such as `PER`.
        precision: Share of the predictions of this class that are right.
        recall: Share of what is of this class that is found; 0.0 for a class without any.
        f1: Harmonic mean of precision and recall.
        support: Samples or entities of this class in the split.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def table_of(scores: Sequence[ClassScores], what: str, counted: str) -> Table:
    """Headings and a row for each class.

    Args:
        scores: Of each class.
        what: What a class is called.
        counted: What its support counts.
    """
    rows: list[tuple[str, ...]] = [
        (each.name, f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}", str(each.support))
        for each in scores
    ]
    return (what, "precision", "recall", "F1", counted), rows
