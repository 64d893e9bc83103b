"""Whether the weights of a model are numbers."""

from __future__ import annotations

import keras
import numpy as np

_SHOWN = 3


def strange_weights(model: keras.Model) -> str:
    """Which weights hold values that are no numbers (NaN) or infinite.

    Args:
        model: Any built model.

    Returns:
        The paths of the first of them and how many more there are; empty where all are finite.
    """
    found = []
    for weight in model.weights:
        if "float" in str(weight.dtype):
            values = keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.cast(weight, "float32")))
            if not np.isfinite(values) and not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
                found.append(weight.path)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
