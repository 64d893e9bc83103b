"""The view of an array of which nothing but its shape is known."""

from __future__ import annotations

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.theme import Numbers
from convscope.lenses.views.raster import RasterView, SlicesView
from convscope.lenses.views.timeline.view import TimelineView
from convscope.lenses.views.vector import VectorView
from convscope.lenses.views.view import Sample, View


def view_of_array(values: Numbers, limits: tuple[float, float] | None = None) -> View:
    """Chooses by the number of axes: features, lines over a length, a picture, or the slices of a volume.

    Args:
        values: One input without the batch axis and with the channel axis.
        limits: The numbers of black and white of a picture; None: as `RasterView` finds them.

    Raises:
        UsageError: More than 4 axes, or an empty one.
    """
    rank = np.ndim(values)
    if not 1 <= rank <= 4 or 0 in np.shape(values):
        raise UsageError(
            f"An input has shape {np.shape(values)}, not 1 to 4 axes, none empty.",
            "Give one input without the batch axis and with the channel axis.",
        )
    if rank <= 2:
        return VectorView(values) if rank == 1 else TimelineView(values)
    return (RasterView if rank == 3 else SlicesView)(values, limits)


def plain_sample(
    values: Numbers, name: str = "input", caption: str = "", limits: tuple[float, float] | None = None
) -> Sample:
    """An array as a sample that can be drawn; its geometry follows from the number of axes."""
    return Sample(view_of_array(values, limits), name, caption)


class _PlainViews:
    """Views of arrays, for models that belong to no kind of data."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """Chosen by the shape."""
        return view_of_array(values)

    def of_sample(self, sample: object) -> View:
        """Chosen by the shape; an image may come without its channel axis."""
        values = np.asarray(sample)
        return view_of_array(values[..., None] if values.ndim == 2 else values)


PLAIN = _PlainViews()
"""The views of a model that belongs to no kind of data."""
