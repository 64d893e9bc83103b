"""Counting with shapes: how many values there are, and what multiplications of them cost."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras

Shape = tuple[int | None, ...]
Shapes = tuple[Shape, ...]
CostRule = Callable[[keras.layers.Layer, Shapes, Shapes], int | None]
"""From a layer and the shapes of what comes in and goes out, batch axes included, to its multiply-adds."""


class UnknownSizeError(Exception):
    """A shape has an axis of unknown length; ends the count."""


def no_multiply_adds(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """What a layer costs that multiplies by no weights: 0."""
    return 0


def count(lengths: Shape) -> int:
    """How many values there are.

    Raises:
        UnknownSizeError: A length is not known.
    """
    if any(length is None for length in lengths):
        raise UnknownSizeError
    return math.prod(length for length in lengths if length is not None)


def positions(shape: Shape, channels: int) -> int:
    """How many positions one map has, wherever the channel axis stands."""
    return count(shape[1:]) // channels


def channels(layer: keras.layers.Layer, shape: Shape) -> int:
    """How many channels there are, where the layer has them."""
    return count((shape[1] if layer.data_format == "channels_first" else shape[-1],))


def scores_of_vectors(rows: int, inputs: Shapes, outputs: Shapes) -> int:
    """What a table costs: nothing for looking up ids, one product per row for comparing vectors with it."""
    looked_up = len(outputs[0]) == len(inputs[0]) + 1
    return 0 if looked_up else count(inputs[0][1:]) * rows


def einsum(equation: str, shapes: Shapes) -> int:
    """The product over all the letters of an equation, with the batch as 1; `...` stands for what is left."""
    sizes: dict[str, int] = {}
    for letters, shape in zip(equation.replace(" ", "").split("->")[0].split(","), shapes, strict=True):
        if "..." in letters:
            before, after = letters.split("...")
            hidden = len(shape) - len(before) - len(after)
            names = [*before, *(f"...{axis - hidden}" for axis in range(hidden)), *after]
        else:
            names = list(letters)
        for axis, (name, size) in enumerate(zip(names, shape, strict=True)):
            known = count((1 if axis == 0 and size is None else size,))
            sizes[name] = max(known, sizes.get(name, 1))
    return math.prod(sizes.values())
