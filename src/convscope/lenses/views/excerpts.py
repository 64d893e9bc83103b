"""A part of an input as a thumbnail or a line: a crop, a snippet of a series, or tokens of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convscope.lenses.sheet.lettering import line_height, runs_right_to_left, width_of
from convscope.lenses.sheet.sheet import SMALL, Sheet
from convscope.lenses.views.sample import Sample, limits_of_values, place_line, place_picture
from convscope.lenses.views.tokens import written_token

Window = Sequence[Sequence[int]]
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
        sheet.text(x, baseline, shown[i], size=size, colour=None if inside or plain else sheet.theme.muted)
        x += wide + _SPACE
    if edges:
        high = line_height(size)
        sheet.ring(min(edges) - 5, baseline - high + 8, max(edges) - min(edges) + 10, high)


def cut_out(sample: Sample, window: Window) -> Sample:
    """The part of a picture, a volume or a series that a window holds, in the colours of the whole.

    Args:
        sample: The input.
        window: First position and the one behind the last, for each of its spatial axes.
    """
    part = tuple(slice(int(first), int(behind)) for first, behind in window[: sample.rank])
    limits = sample.limits or limits_of_values(np.asarray(sample.values))
    return replace(sample, values=np.asarray(sample.values)[part], limits=limits)


def place_thumbnail(sheet: Sheet, sample: Sample, spot: tuple[float, float, int], name: str) -> int:
    """Places a small picture or line at x, y in a width; returns its height."""
    x, y, side = spot
    if sample.rank in (2, 3):
        return place_picture(sheet, sample, (x, y, side, int(1.4 * side)), name=name)[1]
    if sample.rank == 1:
        place_line(sheet, sample, (x, y, side, 60), ticks=False)
        return 60
    return 0
