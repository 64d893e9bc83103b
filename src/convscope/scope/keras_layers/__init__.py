"""What is known about the layers of Keras: one `LayerSpec` per class, by family; importing registers them."""

from convscope.scope.keras_layers import (
    activations,
    convolutions,
    merging,
    normalizations,
    others,
    pooling,
    preparation,
    sequences,
    shaping,
)

__all__ = [
    "activations",
    "convolutions",
    "merging",
    "normalizations",
    "others",
    "pooling",
    "preparation",
    "sequences",
    "shaping",
]
