"""Which parts of an input speak for a prediction: heat over the input and alone, methods side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, write_missing
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.strips import BARS_HIGH, place_bars
from convscope.lenses.sheet.theme import Colours, Numbers, Scale, find_theme, number, scale_of
from convscope.lenses.views.coloured_text import as_html, place_coloured
from convscope.lenses.views.sample import Sample, fitted, picture_of
from convscope.lenses.views.series_attribution import draw_over_series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.scope.attribution.methods import Attribution

COLUMNS = 3
GUTTER = 40
OPACITY = 0.75  # of the strongest heat over the input
BARS = 16
_ELSEWHERE = ("nonfinite",)  # said below the picture


def draw_attributions(
    sample: Sample,
    attributions: Sequence[Attribution],
    *,
    class_names: Sequence[str] | None = None,
    theme: str = "light",
    title: str = "What speaks for the prediction",
) -> Figure:
    """Draws attributions of one input side by side, each as heat over the input and alone with a colour bar.

    The heat covers the input the more, the stronger it is, so that the input stays visible where nothing
    speaks. Every attribution has its own scale; those with signs are symmetric around 0. Of volumes the
    middle slice is shown, of plain features the strongest as bars.

    Args:
        sample: The input.
        attributions: Their values at the input's resolution.
        class_names: Names of the targets; numbers if None.
        theme: `light` or `dark`.
        title: The heading.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: If there is none, or one does not fit the input.
    """
    if not attributions:
        raise UsageError("There is no attribution to draw.", "Give at least one.")
    sizes = np.shape(sample.values)[: max(sample.rank, 1)]
    for each in attributions:
        if np.shape(each.values) != sizes:
            raise UsageError(
                f"The attribution '{each.method}' has shape {np.shape(each.values)}, the input {sizes}.",
                "Give attributions of this input.",
            )
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    line = "  ·  ".join(part for part in (sample.name, sample.caption, sample.note) if part)
    y = int(sheet.paragraph(MARGIN, y, line, INNER, lines=2, colour=sheet.theme.muted)) + 8
    if sample.tokens is not None:
        y = _draw_texts(sheet, y, sample, attributions, class_names)
    elif sample.rank == 1:
        y = draw_over_series(sheet, y, sample, [(each, _said(each, class_names)) for each in attributions])
    elif sample.rank in (2, 3):
        y = _draw_pictures(sheet, y, sample, attributions, class_names)
    else:
        y = _draw_features(sheet, y, attributions, class_names)
    values = np.stack([_shown(sample, each) for each in attributions])
    y = int(write_missing(sheet, MARGIN, y, values, INNER))
    return sheet.finish(y + MARGIN // 2)


def _said(each: Attribution, class_names: Sequence[str] | None) -> list[str]:
    """The lines above one attribution: target and score, where it was taken, its numbers."""
    known = class_names is not None and 0 <= each.target < len(class_names)
    name = class_names[each.target] if class_names is not None and known else f"{each.output} {each.target}"
    details = [
        f"{key.replace('_', ' ')} {number(value) if isinstance(value, float | int) else value}"
        for key, value in each.details.items()
        if key not in _ELSEWHERE
    ]
    return [f"{name}: {number(each.score)}", f"at {each.path}" if each.path else "at the input", *details]


def _shown(sample: Sample, each: Attribution) -> Numbers:
    """The values that a picture shows: of a text without those of the padding behind it."""
    values = np.asarray(each.values, np.float64)
    row = sample.row()
    return values if row is None else values[: len(row)]


def write_attributions(
    sample: Sample, attributions: Sequence[Attribution], *, class_names: Sequence[str] | None = None
) -> str:
    """Attributions of one text as elements of a page: its tokens in colours, once for each.

    Args:
        sample: The text.
        attributions: Their values at its tokens.
        class_names: Names of the targets; numbers if None.

    Raises:
        UsageError: The sample is no text.
    """
    row = sample.row()
    if row is None:
        raise UsageError(f"The sample '{sample.name}' has no tokens.", "Give a text with its tokens.")
    return "\n".join(
        as_html(row, _shown(sample, each), each.method, ["  ·  ".join(_said(each, class_names))])
        for each in attributions
    )


def _scale(sheet: Sheet, each: Attribution, values: Numbers) -> Scale:
    return scale_of(sheet.theme, values, "diverging" if each.signed else None)


def _overlaid(picture: Colours, heat: Colours, values: Numbers, scale: Scale) -> Colours:
    """Heat over a gray picture, the more opaque the further it is from nothing."""
    low, high = scale.reach
    nothing = 0.0 if scale.kind == "diverging" else min(0.0, low)
    strength = np.abs(np.nan_to_num(values, posinf=0, neginf=0) - nothing) / ((high - nothing) or 1)
    opacity = OPACITY * np.clip(strength, 0, 1)[..., None] ** 0.6
    opacity[~np.isfinite(values)] = 1
    gray = picture[..., :3] @ np.array((0.299, 0.587, 0.114))
    mixed = picture.copy()
    mixed[..., :3] = np.rint((1 - opacity) * gray[..., None] + opacity * heat[..., :3])
    return mixed


def _draw_pictures(
    sheet: Sheet,
    y: int,
    sample: Sample,
    attributions: Sequence[Attribution],
    class_names: Sequence[str] | None,
) -> int:
    """Input, and columns of overlay above raw heat; returns the baseline below."""
    columns = min(COLUMNS, len(attributions))
    side = min(360, (INNER - GUTTER - columns * BAR_ROOM) // (columns + 1 + (columns == 1)))
    picture = picture_of(sample, sheet.theme.missing)
    middle = sample.values.shape[0] // 2
    for start in range(0, len(attributions), columns):
        y = _draw_row(
            sheet, y, sample, picture, attributions[start : start + columns], class_names, (side, middle)
        )
    return y


def _draw_row(
    sheet: Sheet,
    y: int,
    sample: Sample,
    picture: Colours,
    attributions: Sequence[Attribution],
    class_names: Sequence[str] | None,
    measures: tuple[int, int],
) -> int:
    side, middle = measures
    muted = sheet.theme.muted
    pitch = side + BAR_ROOM
    alone_beside = len(attributions) == 1  # a single one has room for everything in a row
    written = [_said(each, class_names) for each in attributions]
    lines = max(len(lines) for lines in written)
    top = y + int(line_height(BODY) + lines * line_height(SMALL)) - 10
    high = 0
    for place, (each, said) in enumerate(zip(attributions, written, strict=True)):
        x = MARGIN + side + GUTTER + place * pitch
        sheet.text(x, y + 8, each.method, bold=True, width=pitch - 20)
        for row, line in enumerate(said):
            sheet.text(x, y + 8 + (row + 1) * 26, line, size=SMALL, colour=muted, width=pitch - 20)
        values = np.asarray(each.values, np.float64)
        values = values[middle] if values.ndim == 3 else values
        scale = _scale(sheet, each, values)
        heat = scale.colours(values)
        over = fitted(_overlaid(picture, heat, values, scale), side, side)
        alone = fitted(heat, side, side)
        high, wide = over.shape[:2]
        spot = (x + wide + 24, top) if alone_beside else (x, top + high + 16)
        for (across, down), colours, name in (((x, top), over, "overlay"), (spot, alone, "heat")):
            sheet.box(across, down, wide, high, edge=sheet.theme.rule, width=0.8)
            sheet.image(across, down, colours, name=f"{name} {each.method}")
            factor = (wide / values.shape[1], high / values.shape[0])
            sheet.missing(across, down, ~np.isfinite(values), factor)
        sheet.colour_bar(spot[0] + wide + BAR_GAP - 4, spot[1], high, scale)
    colours = fitted(picture, side, side)
    sheet.text(MARGIN, y + 8, "input", bold=True)
    sheet.box(MARGIN, top, colours.shape[1], colours.shape[0], edge=sheet.theme.rule, width=0.8)
    sheet.image(MARGIN, top, colours, name="input")
    return top + (high if alone_beside else 2 * high + 16) + 50


def _draw_texts(
    sheet: Sheet,
    y: int,
    sample: Sample,
    attributions: Sequence[Attribution],
    class_names: Sequence[str] | None,
) -> int:
    """The text once for each attribution, its tokens coloured; returns the baseline below."""
    for each in attributions:
        said = "  ·  ".join(line for line in _said(each, class_names) if line)
        drawn = sheet.text(MARGIN, y + 8, each.method, bold=True, width=INNER / 3)
        left = MARGIN + width_of(drawn.get_text(), BODY, bold=True) + 20
        sheet.text(left, y + 8, said, size=SMALL, colour=sheet.theme.muted, width=MARGIN + INNER - left)
        y += 30
        y += place_coloured(sheet, (MARGIN, y, INNER), sample.row() or (), _shown(sample, each)) + 50
    return y


def _draw_features(
    sheet: Sheet, y: int, attributions: Sequence[Attribution], class_names: Sequence[str] | None
) -> int:
    """Bars of the features that matter most, and the strip of all; returns the baseline below."""
    room = INNER - BAR_ROOM
    for each in attributions:
        sheet.text(MARGIN, y + 8, each.method, bold=True, width=INNER)
        said = "  ·  ".join(line for line in _said(each, class_names) if line)
        sheet.text(MARGIN, y + 36, said, size=SMALL, colour=sheet.theme.muted, width=INNER)
        values = np.asarray(each.values, np.float64)
        scale = _scale(sheet, each, np.append(values, 0.0))
        chosen = np.argsort(-np.abs(np.nan_to_num(values, posinf=0, neginf=0)), kind="stable")[:BARS]
        numbers = [int(number_shown) for number_shown in chosen]
        high = place_bars(sheet, (MARGIN, y + 52, room), values, numbers, scale, name=f"heat {each.method}")
        sheet.colour_bar(MARGIN + room + BAR_GAP, y + 52, BARS_HIGH, scale)
        y += 52 + high + 40
    return y
