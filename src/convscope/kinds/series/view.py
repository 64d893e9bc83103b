"""How series are drawn: as lines over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convscope.kinds.contract.representation import TimelineDescription
from convscope.lenses.sheet.theme import Numbers
from convscope.lenses.views.timeline.view import TimelineView
from convscope.lenses.views.view import View
from convscope.types import Axis

if TYPE_CHECKING:
    from convscope.kinds.series.readers.sources import Series


class _SeriesViews:
    """Makes the views of series."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A series as a model takes it."""
        return TimelineView(
            values, description.axis if isinstance(description, TimelineDescription) else None
        )

    def of_sample(self, sample: Series) -> View:
        """A series as it was read, with its times and its variables."""
        return TimelineView(sample.values, Axis(sample.times, variables=sample.variables))


VIEW = _SeriesViews()
