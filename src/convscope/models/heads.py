"""The last layer of every classifier."""

from __future__ import annotations

import keras


def softmax(classes: int, prefix: str = "") -> keras.layers.Dense:
    """A dense layer whose probabilities stay float32 whatever the precision of the rest.

    Args:
        classes: The number of class names.
        prefix: What the layer's name, `classes`, begins with.
    """
    policy = keras.config.dtype_policy()
    dtype = "float32" if policy.name.startswith("mixed_") else None
    return keras.layers.Dense(classes, activation="softmax", dtype=dtype, name=f"{prefix}classes")
