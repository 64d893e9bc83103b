"""Layers of series; importing this registers them, so that files with them load."""

from convscope.kinds.series.layers.hydra import CompetitionCounts, SparseScaling
from convscope.kinds.series.layers.member_mean import MemberMean
from convscope.kinds.series.layers.minirocket import ProportionsAbove
from convscope.kinds.series.layers.multirocket import StatisticsAbove

__all__ = [
    "CompetitionCounts",
    "MemberMean",
    "ProportionsAbove",
    "SparseScaling",
    "StatisticsAbove",
]
