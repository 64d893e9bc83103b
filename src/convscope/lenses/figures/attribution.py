"""How much each part of an input mattered for one prediction, by one method or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.blocks import write_missing
from convscope.lenses.sheet.sheet import INNER, MARGIN, Sheet
from convscope.lenses.sheet.theme import find_theme, number
from convscope.lenses.views.view import Overlay, Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.scope.attribution.methods import Attribution

_ELSEWHERE = ("nonfinite",)  # said below the input


def draw_attributions(
    sample: Sample,
    attributions: Sequence[Attribution],
    *,
    class_names: Sequence[str] | None = None,
    theme: str = "light",
    title: str = "Attribution of the prediction",
) -> Figure:
    """Draws attributions of one input, each with a color bar.

    Every attribution has its own scale; those with signs are symmetric around 0.

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
    view = sample.view
    counted = np.shape(view.unpadded(np.zeros(view.positions)))
    for each in attributions:
        if np.shape(each.values) not in (view.positions, counted):
            raise UsageError(
                f"The attribution '{each.method}' has shape {np.shape(each.values)}, "
                f"the input {view.positions}.",
                "Give attributions of this input.",
            )
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    y = int(sheet.paragraph(MARGIN, y, sample.heading, INNER, lines=2, color=sheet.theme.muted)) + 8
    y = view.place_overlay(sheet, y, overlays_of(attributions, class_names))
    values = np.stack([view.unpadded(each.values) for each in attributions])
    y = int(write_missing(sheet, MARGIN, y, values, INNER))
    return sheet.finish(y + MARGIN // 2)


def overlays_of(
    attributions: Sequence[Attribution], class_names: Sequence[str] | None = None
) -> list[Overlay]:
    """Attributions with what is written beside them: target and score, the layer, and details.

    Args:
        attributions: Of one input.
        class_names: Names of the targets; numbers if None.
    """
    return [Overlay(each, _lines(each, class_names)) for each in attributions]


def _lines(each: Attribution, class_names: Sequence[str] | None) -> list[str]:
    """The lines above one attribution: target and score, where it was taken, its numbers."""
    known = class_names is not None and 0 <= each.target < len(class_names)
    name = class_names[each.target] if class_names is not None and known else f"{each.output} {each.target}"
    details = [
        f"{key.replace('_', ' ')} {number(value) if isinstance(value, float | int) else value}"
        for key, value in each.details.items()
        if key not in _ELSEWHERE
    ]
    spot = "" if each.at is None else f" at position {','.join(map(str, each.at))}"
    taken = f"at {each.path}" if each.path else "at the input"
    return [f"{name}: {number(each.score)}{spot}", taken, *details]
