"""Layers of point clouds; importing this registers them, so that files with them load."""

import convscope.kinds.points.layers.explanations  # noqa: F401 - registers what to say of clouds
from convscope.kinds.points.layers.neighborhoods import (
    FirstChannels,
    FirstPoints,
    InterpolatePoints,
    NearestPoints,
    PointConv,
    PointPooling,
)
from convscope.kinds.points.layers.pillars import Pillars
from convscope.kinds.points.layers.voxels import FilledCells

__all__ = [
    "FilledCells",
    "FirstChannels",
    "FirstPoints",
    "InterpolatePoints",
    "NearestPoints",
    "Pillars",
    "PointConv",
    "PointPooling",
]
