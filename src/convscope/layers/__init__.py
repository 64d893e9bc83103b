"""Layers that several kinds share, for every backend; importing this registers them."""

from convscope.layers.over_positions import ProportionOfPositiveValues, Standardization

__all__ = ["ProportionOfPositiveValues", "Standardization"]
