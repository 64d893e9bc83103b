"""The range that uint8 pixels are brought to before a model takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import keras

from convscope.errors import UsageError
from convscope.types import ValueRange

VALUE_RANGES: tuple[ValueRange, ...] = get_args(ValueRange)

_LIMITS: Mapping[ValueRange, tuple[float, float]] = {
    "0..1": (0.0, 1.0),
    "0..255": (0.0, 255.0),
    "-1..1": (-1.0, 1.0),
}
_SCALING_LAYERS = (keras.layers.Rescaling, keras.layers.Normalization)
_FIRST_LAYERS = 3


def check_range(value_range: str) -> None:
    """Refuses an unknown range.

    Raises:
        UsageError: Its name is not one of `VALUE_RANGES`.
    """
    if value_range not in VALUE_RANGES:
        raise UsageError(f"No value range is named '{value_range}'.", f"There are {', '.join(VALUE_RANGES)}.")


def limits_of(value_range: ValueRange) -> tuple[float, float]:
    """Smallest and largest value of a range that is not `auto`."""
    return _LIMITS[value_range]


def range_of(model: keras.Model) -> ValueRange:
    """The range that a model seems to expect: 0..255 if it rescales its input itself, else 0..1."""
    return "0..255" if scales_itself(model) else "0..1"


def scales_itself(model: keras.Model) -> bool:
    """Whether one of the first layers is `Rescaling` or `Normalization`."""
    layers = [layer for layer in model._flatten_layers() if not isinstance(layer, keras.layers.InputLayer)]
    first = [layer for layer in layers if layer is not model][:_FIRST_LAYERS]
    return any(isinstance(layer, _SCALING_LAYERS) for layer in first)
