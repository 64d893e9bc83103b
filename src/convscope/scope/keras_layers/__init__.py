"""What is known about the layers of Keras: one `LayerSpec` per class, by family; importing registers them."""

from convscope.scope.keras_layers import (
    activations,
    attention,
    convolutions,
    merging,
    normalizations,
    operations,
    others,
    pooling,
    preparation,
    recurrent,
    shaping,
)

__all__ = [
    "activations",
    "attention",
    "convolutions",
    "merging",
    "normalizations",
    "operations",
    "others",
    "pooling",
    "preparation",
    "recurrent",
    "shaping",
]
