"""Clouds from above with true and found boxes, and what each class scored."""

from __future__ import annotations

from collections.abc import Sequence

from convscope.data.splits import Split
from convscope.kinds.points.detection.results import SpaceDetections
from convscope.lenses.pages.pages import LazyFigure


def plot_space_boxes(outputs: SpaceDetections, split: Split, class_names: Sequence[str]) -> list[LazyFigure]:
    """To come."""
    return []
