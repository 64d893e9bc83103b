"""Inputs beside the samples nearest to them: images with label and distance, a row for each input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import find_theme
from convscope.lenses.views.view import Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THUMB = 132
GAP = 20
ASCENT = 18  # from the top of a line to its baseline
QUERY = THUMB + 48
"""Room of an input, with the space right of it."""
WORDS, NUMBERS, NAMES = 190, 90, 90
"""Room of the label, the distance and the id of a sample on a line."""
PER_LINE = (INNER - QUERY + GAP) // (THUMB + GAP)


@dataclass(frozen=True, eq=False)
class Card:
    """A sample with lines below it.

    Args:
        sample: What is drawn; None leaves an empty frame.
        words: Label or name.
        notes: What else is to be said: name, distance.
        other: Whether it is of another class than the input is.
    """

    sample: Sample | None
    words: str = ""
    notes: tuple[str, ...] = ()
    other: bool = False


def draw_neighbors(
    rows: Sequence[tuple[Card, Sequence[Card]]],
    *,
    theme: str = "light",
    title: str = "Nearest samples",
    lead: str = "",
) -> Figure:
    """Draws inputs and the samples nearest to them.

    Args:
        rows: Each input with its neighbors, nearest first.
        theme: `light` or `dark`.
        title: The heading.
        lead: A line below it.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    muted = sheet.theme.muted
    y = sheet.title(title)
    said = [lead] if lead else []
    cards = [card for _, of_row in rows for card in of_row]
    lines = any(map(_takes_a_line, cards))
    said.append(f"the input {'above' if lines else 'at the left'}, then the nearest first")
    if any(card.other for card in cards):
        said.append("orange: another class than the input")
    if any(card.sample is None for card in [*cards, *(query for query, _ in rows)]):
        said.append("empty frames: the sample can no longer be read")
    y = int(sheet.paragraph(MARGIN, y, "; ".join(said), INNER, size=SMALL, color=muted)) + 4
    for query, nearest in rows:
        sheet.line([MARGIN, MARGIN + INNER], [y, y], color=sheet.theme.rule, width=0.6)
        y += 22
        if any(map(_takes_a_line, (query, *nearest))):
            y = _place_lines(sheet, y, query, nearest)
            continue
        lowest = _place(sheet, MARGIN, y, query)
        for start in range(0, len(nearest), PER_LINE):
            line = nearest[start : start + PER_LINE]
            ends = [
                _place(sheet, MARGIN + QUERY + place * (THUMB + GAP), y, card)
                for place, card in enumerate(line)
            ]
            y = max(ends) + 14
        y = max(y, lowest + 14)
    return sheet.finish(y + MARGIN // 2)


def _takes_a_line(card: Card) -> bool:
    """Whether the sample is drawn on a line of its own."""
    return card.sample is not None and card.sample.view.tile is None


def _place_lines(sheet: Sheet, y: int, query: Card, nearest: Sequence[Card]) -> int:
    """Places a sample above those nearest to it, a line each; returns where they end."""
    theme, pitch = sheet.theme, int(line_height(SMALL)) + 8
    for card in (query, *nearest):
        baseline = y + int(line_height(SMALL))
        first, *others = card.notes or ("",)
        if card is query:
            sheet.text(MARGIN, baseline, card.words, size=SMALL, bold=True, width=WORDS - 12)
        else:
            color = theme.second if card.other else theme.ink
            sheet.text(MARGIN, baseline, card.words, size=SMALL, color=color, width=WORDS - 12)
            sheet.text(MARGIN + WORDS + NUMBERS - 16, baseline, first, size=SMALL, across="right")
        if card.sample is not None:
            room = INNER - WORDS - NUMBERS - NAMES
            card.sample.view.thumbnail(sheet, (MARGIN + WORDS + NUMBERS, baseline - ASCENT, room, THUMB))
        note = "" if card is query else " ".join(others)
        right = MARGIN + INNER
        sheet.text(right, baseline, note, size=TINY, color=theme.muted, across="right", width=NAMES - 12)
        y += pitch + (6 if card is query else 0)
    return y + 14


def _place(sheet: Sheet, x: int, y: int, card: Card) -> int:
    """Places a card; returns where it ends."""
    theme, sample, high = sheet.theme, card.sample, THUMB
    if sample is None:
        sheet.box(x, y, THUMB, THUMB, edge=theme.rule, width=0.8)
    else:
        high = sample.view.thumbnail(sheet, (x, y, THUMB, int(1.3 * THUMB)))
    baseline = y + high + int(line_height(SMALL))
    if card.words:
        color = theme.second if card.other else theme.ink
        sheet.text(x, baseline, card.words, size=SMALL, color=color, width=THUMB)
        baseline += int(line_height(TINY)) + 2
    for note in card.notes:
        sheet.text(x, baseline, note, size=TINY, color=theme.muted, width=THUMB)
        baseline += int(line_height(TINY))
    return baseline - int(line_height(TINY)) + 6
