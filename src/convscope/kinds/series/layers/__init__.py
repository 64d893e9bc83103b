"""Layers of series; importing this registers them, so that files with them load."""

from convscope.kinds.series.layers.member_mean import MemberMean
from convscope.kinds.series.layers.minirocket import ProportionsAbove

__all__ = [
    "MemberMean",
    "ProportionsAbove",
]
