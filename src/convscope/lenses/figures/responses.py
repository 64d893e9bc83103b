"""Kernels over a series: weights over time, and the magnitude of their frequency response."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, count, mixed, number
from convscope.scope.channels.kernels import frequency_response

if TYPE_CHECKING:
    from convscope.scope.channels.kernels import Kernels

LINES = 3
"""Input channels whose weights are drawn for each kernel."""
MOST = 24
PLOT = (236, 110)
LEFT = 76
_BESIDE, _APART = 46, 70
_POINTS = 129
_DOTS = 16  # taps up to which each weight has a mark


def draw_responses(
    sheet: Sheet, y: int, kernels: Kernels, weights: Numbers, numbers: list[int], rate: float | None
) -> int:
    """Draws weights and frequency responses of kernels over a length, two kernels in a row.

    Args:
        sheet: Where to.
        y: The first baseline.
        kernels: What they are of.
        weights: (taps, input channels, kernels).
        numbers: Which kernels.
        rate: Positions of the model's input per second; None: frequencies are in cycles per step.

    Returns:
        The next baseline.
    """
    chosen = numbers[:MOST]
    step = kernels.step or 1.0
    hertz = None if rate is None else rate / step
    y = sheet.section(y, "Weights and frequency response", _explained(weights, len(chosen), step, hertz))
    finite = np.where(np.isfinite(weights), weights, 0)
    response = frequency_response(finite[..., chosen], dilation=kernels.dilation, points=_POINTS)
    furthest = float(np.abs(finite).max(initial=0)) or 1.0
    highest = float(response.max(initial=0)) or 1.0
    wide, high = PLOT
    pitch = LEFT + 2 * wide + _BESIDE + _APART
    down = high + 78
    for place, kernel in enumerate(chosen):
        row, column = divmod(place, 2)
        x, top = MARGIN + LEFT + column * pitch, y - 8 + row * down
        title = f"kernel {kernel}"
        sheet.text(x, top + 16, title, size=SMALL)
        _weights(sheet, (x, top + 26), weights[..., kernel], furthest, x + width_of(title, SMALL) + 20)
        right = x + wide + _BESIDE + 30
        _response(sheet, (right, top + 26), response[:, place], highest, hertz)
    rows = -(-len(chosen) // 2)
    return y - 8 + rows * down + 16


def _explained(weights: Numbers, shown: int, step: float, hertz: float | None) -> str:
    taps, into, there = weights.shape
    of = f" of the {LINES} input channels of largest norm" if into > LINES else ""
    combined = ", all input channels together (root of the sum of squares)" if into > 1 else ""
    unit = "in Hz" if hertz is not None else "in cycles per step"
    steps = f" One step of this layer is {step:g} steps of the input." if step != 1 and hertz is None else ""
    return (
        f"Left: weights{of} at the {taps} positions of the kernel. Right: magnitude of the frequency "
        f"response, {unit}{combined}.{steps} Shown: {shown} of "
        f"{count(there, 'kernel')}, on one scale."
    )


def _weights(sheet: Sheet, spot: tuple[int, int], each: Numbers, furthest: float, named_from: float) -> None:
    """The weights of one kernel, a line for each of its heaviest input channels."""
    theme, (x, y), (wide, high) = sheet.theme, spot, PLOT
    strongest = np.argsort(-np.square(np.nan_to_num(each.astype(np.float64))).sum(axis=0), kind="stable")[
        :LINES
    ]
    colors = (theme.first, theme.second, theme.muted)
    sheet.box(x, y, wide, high, edge=theme.rule, width=0.8)
    sheet.line([x, x + wide], [y + high / 2, y + high / 2], color=theme.rule, width=0.6)
    xs = x + (np.arange(len(each)) + 0.5) / len(each) * wide
    for channel, color in reversed(list(zip(strongest, colors, strict=False))):
        ys = y + high / 2 - each[:, channel].astype(np.float64) / furthest * (high / 2 - 8)
        sheet.line(list(xs), list(ys), color=color, width=1.1)
        for across, down in zip(xs, ys, strict=True) if len(each) <= _DOTS else ():
            if np.isfinite(down):
                sheet.box(across - 3, down - 3, 6, 6, fill=color, edge=theme.ground, width=0.3)
    right = x + wide - 2.0
    for channel, color in reversed(list(zip(strongest, colors, strict=False))) if each.shape[1] > 1 else ():
        if right - width_of(str(channel), TINY) > named_from:
            sheet.text(right, y - 10, str(channel), size=TINY, color=color, across="right")
            right -= width_of(str(channel), TINY) + 12
    for value, down in ((furthest, 14), (0.0, high / 2 + 6), (-furthest, high)):
        sheet.text(x - 8, y + down, number(value, 2), size=TINY, color=theme.muted, across="right")
    for tap in (0, len(each) - 1) if len(each) > 1 else (0,):
        sheet.text(xs[tap], y + high + 22, str(tap), size=TINY, color=theme.muted, across="center")


def _response(
    sheet: Sheet, spot: tuple[int, int], response: Numbers, highest: float, hertz: float | None
) -> None:
    """The response of one kernel, from 0 to half of the rate."""
    theme, (x, y), (wide, high) = sheet.theme, spot, PLOT
    xs = x + np.linspace(0, wide, len(response))
    ys = y + high - response / highest * (high - 8)
    fill = mixed(theme.first, theme.ground, 0.25)
    sheet.area(xs, np.full(len(xs), float(y + high)), ys, fill)
    sheet.line(list(xs), list(ys), color=theme.first, width=1.1)
    sheet.box(x, y, wide, high, edge=theme.rule, width=0.8)
    for value, down in ((highest, 14), (0.0, high)):
        sheet.text(x - 8, y + down, number(value, 2), size=TINY, color=theme.muted, across="right")
    end = 0.5 * (hertz or 1.0)
    free = -np.inf
    for tick in MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(0, end):
        if not 0 <= tick <= end * (1 + 1e-9):
            continue
        place = x + tick / end * wide
        sheet.line([place, place], [y + high, y + high + 5], color=theme.muted, width=0.5)
        text = number(float(tick))
        half = width_of(text, TINY) / 2
        if place - half > free + 8:
            sheet.text(
                place, y + high + line_height(TINY) + 1, text, size=TINY, color=theme.muted, across="center"
            )
            free = place + half
