"""The end of an output: its last softmax or sigmoid, and how to compute the model without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import keras

from convscope.scope.graph.graph import LayerGraph, Value
from convscope.scope.layer_spec import base_spec_of

Ending = Literal["softmax", "sigmoid", "none", "unknown"]


@dataclass(frozen=True)
class Head:
    """How an output ends.

    Args:
        ending: The last activation; `none` for any but softmax and sigmoid, `unknown` where it cannot be
            followed what computes the output.
        layer: The layer or operation that holds it.
    """

    ending: Ending
    layer: keras.Operation | None = None

    def removed(self) -> AbstractContextManager[None]:
        """Within it, the model gives the values before the last activation."""
        if self.layer is None:
            return nullcontext()
        if ends_in_activation(self.layer):
            return instead(self.layer, "activation", keras.activations.linear)
        return instead(self.layer, "call", lambda inputs, *_, **__: inputs)


def find_head(graph: LayerGraph, output: Value) -> Head:
    """Goes back from an output to its last softmax or sigmoid, through layers that change no value.

    A softmax that the model also uses elsewhere cannot be taken out here alone and counts as unknown.
    """
    makers = {v.number: call for call in graph.calls if call.kind != "group" for v in call.outputs}
    call = makers.get(output.number) if graph.linked else None
    while call is not None:
        ending = _ending(call.layer)
        if ending is not None:
            if ending == "none":
                return Head("none")
            alone = sum(other.layer is call.layer for other in graph.calls) == 1
            return Head(ending, call.layer) if alone and call.recordable else Head("unknown")
        call = makers.get(call.inputs[0].number) if call.inputs else None
    return Head("unknown")


def ends_in_activation(layer: keras.Operation) -> bool:
    """Whether a layer's attribute `activation` is the last thing that it computes."""
    spec = base_spec_of(layer)
    return spec is not None and "ends in activation" in spec.traits


def ending_activation(layer: keras.Operation) -> str:
    """Name of the activation that a layer or operation ends in, such as `relu`."""
    if ends_in_activation(layer):
        activation = layer.activation
        return str(getattr(activation, "__name__", type(activation).__name__.lower()))
    return type(layer).__name__.lower()


def _ending(layer: keras.Operation) -> Ending | None:
    """None: it gives the values that it takes."""
    name = ending_activation(layer)
    if name in ("softmax", "sigmoid"):
        return "softmax" if name == "softmax" else "sigmoid"
    spec = base_spec_of(layer)
    same = spec is not None and not spec.traits.isdisjoint({"training only", "reshapes"})
    passes = same or (isinstance(layer, keras.layers.Activation) and name == "linear")
    return None if passes or name in ("reshape", "squeeze") else "none"


@contextmanager
def instead(layer: keras.Operation, name: str, value: object) -> Iterator[None]:
    """Within it, one layer has another function or setting in place of its own; nothing of it remains.

    It is put into the instance alone, past the layer's own bookkeeping, which would keep a trace.
    """
    own = vars(layer)
    missing = object()
    before = own.get(name, missing)
    own[name] = value
    try:
        yield
    finally:
        if before is missing:
            del own[name]
        else:
            own[name] = before
