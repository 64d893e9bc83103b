"""Tells which Keras layer a call really runs, so that a renamed subclass is still known for what it is."""

from __future__ import annotations

import keras

_KNOWN = ("keras.", "convscope.")
"""Where the layers are from whose computation is known: Keras, and what this package adds to it."""


LOOKUPS = frozenset({"Embedding", "ReversibleEmbedding", "SubwordEmbedding", "TokenEmbedding"})
"""Layers that look ids up: from whole numbers to vectors."""

FRONT_END = "LogMel"
"""The layer that hears: from waveforms to energies over time and bands."""

MASKS = frozenset({"CharacterMask", "PaddingMask", "SoundMask"})
"""Layers that tell tokens, characters or frames from padding."""

CONVOLUTIONS = frozenset(
    f"{kind}{rank}D{end}"
    for rank in (1, 2, 3)
    for kind, end in (
        ("Conv", ""),
        ("DepthwiseConv", ""),
        ("SeparableConv", ""),
        ("Conv", "Transpose"),
        ("ConvLSTM", ""),
    )
)
RECURRENT = frozenset({"SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional"})
ATTENTION = frozenset(
    {"MultiHeadAttention", "GroupedQueryAttention", "Attention", "AdditiveAttention", "SourceAttention"}
)


def core_class(operation: keras.Operation) -> str | None:
    """The name of the Keras class whose computation an operation runs.

    A subclass that changes only how it is made (a name, defaults, a build) still computes what its Keras
    class does; one with a `call` of its own may do anything.

    Args:
        operation: A layer, or an operation such as the one behind `x + y`.

    Returns:
        The class name, `"Conv2D"` for a subclass of it that has no own `call`; None for a model, a layer
        from outside of Keras and this package, and the base classes that say nothing about what is computed.
    """
    if isinstance(operation, keras.Model):
        return None
    for ancestor in type(operation).__mro__:
        if ancestor.__module__.startswith(_KNOWN):
            named = ancestor.__name__ not in ("Layer", "Operation", "Wrapper")
            return ancestor.__name__ if named else None
        if "call" in vars(ancestor):
            return None
    return None


def is_operation(operation: keras.Operation) -> bool:
    """Whether this is a bare Keras operation between layers, such as the one behind `x + y`."""
    return not isinstance(operation, keras.layers.Layer)
