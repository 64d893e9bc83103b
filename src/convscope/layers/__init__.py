"""Layers that several kinds share, for every backend; importing this registers them."""

from convscope.layers.filtering import EdgePadding2D, Energy, Standardization
from convscope.layers.pooling import ProportionOfPositiveValues

__all__ = ["EdgePadding2D", "Energy", "ProportionOfPositiveValues", "Standardization"]
