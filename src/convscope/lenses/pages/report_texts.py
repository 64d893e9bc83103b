"""What a report writes instead of pictures: cards of figures, and texts with marks, cut where long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convscope.lenses.sheet.theme import number

if TYPE_CHECKING:
    from convscope.lenses.pages.report import Marked, ReportContent

Score = tuple[str, float | str] | tuple[str, float | str, str]
"""The name of a figure, its value, and a line on it. A number up to 1 is a share."""

LONGEST = 400
CARDS = 6
_NO_METRICS = ("epoch", "learning_rate", "seconds", "loss")
_AS_KNOWN = {"bleu": "BLEU", "chrf": "chrF", "f1": "F1", "rmse": "RMSE"}
_FIRST = ("accuracy", "f1", "bleu")


def metrics_of(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """What curves can be drawn of: metrics of training with their validation pairs, the loss last."""
    if not history:
        return []
    known = dict.fromkeys(key.removeprefix("val_") for row in history for key in row)
    found = [name for name in known if name not in _NO_METRICS and _is_drawn(history, name)]
    found.sort(key=lambda name: next((i for i, word in enumerate(_FIRST) if word in name), len(_FIRST)))
    return [*found, *(["loss"] if _is_drawn(history, "loss") else [])]


def _is_drawn(history: Sequence[Mapping[str, Any]], name: str) -> bool:
    keys = (name, f"val_{name}")
    return any(isinstance(row.get(key), int | float) for row in history for key in keys)


def cards_of(content: ReportContent) -> list[dict[str, str]]:
    """The figures at the top of a page that is not about classes: as given, or all of the metrics."""
    judged = content.metrics or {}
    if not content.scores and "confusion" in judged:
        return []
    scores: Sequence[Score] = content.scores or [
        (titled(name), value)
        for name, value in judged.items()
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    ]
    return [
        {"name": each[0], "value": _written(each[1]), "note": each[2] if len(each) > 2 else ""}
        for each in scores[:CARDS]
    ]


def titled(name: str) -> str:
    """The name of a figure as a heading."""
    words = name.replace("_", " ")
    return _AS_KNOWN.get(words, words[:1].upper() + words[1:])


def _written(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1%}" if 0 <= value <= 1 else number(value)


def pieces_of(told: str | Marked) -> list[tuple[str, str]]:
    """A text in pieces, each with its name, which is empty where nothing is marked."""
    if isinstance(told, str):
        return [(cut_text(told), "")]
    pieces, end = [], 0
    for first, behind, name in sorted(told.spans):
        if first > end:
            pieces.append((told.text[end:first], ""))
        pieces.append((told.text[max(first, end) : behind], name))
        end = max(end, behind)
    return [*pieces, (told.text[end:], "")] if end < len(told.text) else pieces


def cut_text(text: str, longest: int = LONGEST) -> str:
    """The front of a text that is longer than a number of letters."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
