"""The weights of a model: how many it may declare, and whether all of them are numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from convscope.engine.finite import strange_weights
from convscope.errors import DataError
from convscope.types import Tensor
from convscope.workflows.opening.contents import memory_available

_ROOM = 64 * 2**20
"""Bytes that a model may declare beyond what its file holds, such as states of random generators."""
_WIDER = 4
"""How much wider weights may become in memory than they are in the file."""


@contextmanager
def bounded_weights(what: str, stored: int | None = None) -> Iterator[None]:
    """Within it, a model that declares more weights than can be meant is refused before memory is taken.

    Args:
        what: What is opened, for the message.
        stored: Bytes of weights in its file; None: as much as there is memory for.

    Raises:
        DataError: More are declared.
    """
    free = memory_available()
    most = math.inf if free is None else free
    if stored is not None:
        most = min(most, stored * _WIDER + _ROOM)
    original = keras.layers.Layer.add_weight
    declared = 0

    def counted(layer: keras.layers.Layer, shape: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        nonlocal declared
        dtype = kwargs.get("dtype") or layer.variable_dtype
        lengths = (shape,) if isinstance(shape, int) else tuple(shape or ())
        declared += math.prod(lengths) * np.dtype(_numpy_type(str(dtype))).itemsize
        if declared > most:
            held = (
                f"its file holds {_size(stored)}" if stored is not None and most < (free or most + 1) else ""
            )
            raise DataError(
                f"{what} declares weights of more than {_size(declared)} up to the layer '{layer.name}' "
                f"{tuple(lengths)}; {held or f'{_size(int(most))} of memory is free'}.",
                "Save the model again." if held else "Choose a smaller input or model.",
            )
        return original(layer, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = counted
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original


def check_weights(model: keras.Model, what: str) -> None:
    """Refuses a model whose weights are no numbers: every output behind them is none either.

    Args:
        model: Any built model.
        what: What was opened, for the message.

    Raises:
        DataError: Some weights are NaN or infinite; they are named.
    """
    strange = strange_weights(model)
    if strange:
        raise DataError(
            f"{what}: weights are NaN or infinite in {strange}, so that its outputs mean nothing.",
            "Train it again with a smaller learning rate, or give a file that was saved before they "
            "became so.",
        )


def _numpy_type(dtype: str) -> str:
    """The type of NumPy that is as wide."""
    return {"bfloat16": "float16", "string": "uint8"}.get(dtype, "uint8" if "8" in dtype else dtype)


def _size(count: int | None) -> str:
    count = count or 0
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.1f} MB"
