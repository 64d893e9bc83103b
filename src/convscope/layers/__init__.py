"""Layers that Keras lacks, for every backend; importing this registers them, so that files with them load."""

from convscope.layers.filtering import EdgePadding2D, Energy, Standardization
from convscope.layers.pooling import ProportionOfPositiveValues

__all__ = ["EdgePadding2D", "Energy", "ProportionOfPositiveValues", "Standardization"]
