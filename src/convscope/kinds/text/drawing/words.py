"""A text on a single line, around the tokens that are marked."""

from __future__ import annotations

from collections.abc import Sequence

from convscope.kinds.text.drawing.tokens import written_token
from convscope.lenses.sheet.lettering import line_height, runs_right_to_left, width_of
from convscope.lenses.sheet.sheet import SMALL, Sheet

_SPACE = 12
_LONGEST = 240


def place_words(
    sheet: Sheet,
    spot: tuple[float, float, float],
    tokens: Sequence[str],
    marked: tuple[int, int] | None = None,
    *,
    size: float = SMALL,
) -> None:
    """Writes as much of a text as fits on one line, around the marked tokens, which are outlined.

    Args:
        sheet: Where to.
        spot: x, the baseline and the width.
        tokens: The text.
        marked: Numbers of the first marked token and of the one behind the last; None: from the front on.
        size: Of the letters, in points.
    """
    x, baseline, width = spot
    backwards = runs_right_to_left("".join(tokens))
    first, behind = marked if marked is not None and marked[0] < marked[1] else (0, 0)
    shown = {
        i: written_token(tokens[i], _LONGEST, size, backwards) for i in range(first, min(behind, len(tokens)))
    }
    used = sum(width_of(each, size) + _SPACE for each in shown.values())
    before, after = first - 1, behind
    while before >= 0 or after < len(tokens):
        added = False
        for i in (before, after):
            if 0 <= i < len(tokens) and i not in shown:
                text = written_token(tokens[i], _LONGEST, size, backwards)
                more = width_of(text, size) + _SPACE
                if used + more <= width - 2 * _SPACE:
                    shown[i], used, added = text, used + more, True
        before, after = before - 1, after + 1
        if not added:
            break
    _write(sheet, (x, baseline), shown, (first, behind), size, backwards)


def _write(
    sheet: Sheet,
    spot: tuple[float, float],
    shown: dict[int, str],
    marked: tuple[int, int],
    size: float,
    backwards: bool,
) -> None:
    x, baseline = spot
    edges: list[float] = []
    plain = marked[0] == marked[1]
    for i in sorted(shown, reverse=backwards):
        wide = width_of(shown[i], size)
        inside = marked[0] <= i < marked[1]
        if inside:
            edges += [x, x + wide]
        sheet.text(x, baseline, shown[i], size=size, color=None if inside or plain else sheet.theme.muted)
        x += wide + _SPACE
    if edges:
        high = line_height(size)
        sheet.ring(min(edges) - 5, baseline - high + 8, max(edges) - min(edges) + 10, high)
