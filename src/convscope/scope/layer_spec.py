"""What is known about a class of layers: one value beside the class, from which all of `scope` draws.

Keras' own classes are described in `scope.keras_layers`, the layers of convscope and of other packages where
they are defined, and all of them are found here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import keras

from convscope.errors import UsageError
from convscope.scope.facts import Facts
from convscope.scope.geometry.sliding import DependencyRule
from convscope.scope.sizes import CostRule, no_multiply_adds

Role = Literal[
    "activation",
    "attention",
    "convolution",
    "dense",
    "dropout",
    "front end",
    "global pooling",
    "lookup",
    "mask",
    "merging",
    "normalization",
    "pooling",
    "preparation",
    "recurrent",
    "shaping",
    "wrapper",
    "other",
]
"""What a layer is there for; `front end` turns a waveform into energies, `lookup` ids into vectors."""

Trait = Literal[
    "adds",
    "aligns",
    "batch statistics",
    "classifies",
    "ends in activation",
    "exact",
    "fixed weights",
    "frames",
    "gathers",
    "joins",
    "linear",
    "pads",
    "rearranges",
    "reshapes",
    "scales",
    "selects",
    "slides",
    "training only",
    "unit length",
]
"""What else matters about a class:

- `adds`, `joins`: merges its inputs by addition, side by side;
- `aligns`: attention whose weights are an output of their own;
- `batch statistics`: normalizes each channel over the batch;
- `classifies`: its output is a probability for each class;
- `ends in activation`: its attribute `activation` is the last thing that it computes;
- `exact`: chooses positions by comparing numbers, which a shorter type than float32 would round to others;
- `fixed weights`: has weights that are measured, not trained;
- `frames`: reads a sequence frame by frame;
- `gathers`: its first input holds values, each other one a table that tells which of them belong together;
- `linear`: without an activation, it could be merged with another such layer;
- `pads`: puts a border around maps;
- `rearranges`, `reshapes`: moves values without changing them; into another shape, in the same order;
- `scales`: brings inputs to another range;
- `selects`: keeps some positions and leaves out the others, so that what follows does not lie over the input;
- `slides`: a kernel that moves by strides;
- `training only`: passes its input on unchanged at inference;
- `unit length`: gives vectors of length 1.
"""

Layout = Literal["convolution", "depthwise", "separable", "transposed", "dense"]
"""How a layer keeps its kernel."""


@dataclass(frozen=True)
class LayerSpec:
    """All that is known about a class of layers.

    Args:
        layer: The class; for one of Keras its name.
        role: What it is there for.
        about: What such layers do and why one uses them; may depend on the settings.
        here: Writes what one call does, from its settings and shapes.
        receptive_field: How it moves receptive fields; None where that is not known.
        multiply_adds: What one call computes per sample; None where that is not known.
        traits: What else matters about it.
        kernel: How it keeps its kernel; None for a layer without one.
        activation: The activation function that it is, such as `relu`.
        component: What a model with such layers is built with, such as `batch normalization`.
    """

    layer: type[keras.layers.Layer] | str
    role: Role
    about: str | Callable[[Facts], str]
    here: Callable[[Facts], str]
    receptive_field: DependencyRule | None = None
    multiply_adds: CostRule | None = no_multiply_adds
    traits: frozenset[Trait] = frozenset()
    kernel: Layout | None = None
    activation: str = ""
    component: str = ""

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.layer if isinstance(self.layer, str) else self.layer.__name__


_OF_KERAS: dict[str, LayerSpec] = {}
_OF_OTHERS: dict[type[keras.layers.Layer], LayerSpec] = {}
_OPERATIONS: dict[str, LayerSpec] = {}
_OTHER_OPERATIONS: list[Callable[[str], LayerSpec]] = []


def register(*specs: LayerSpec) -> None:
    """Makes classes of layers known.

    Args:
        specs: One per class.

    Raises:
        UsageError: A class is known already.
    """
    for spec in specs:
        if spec.layer in _OF_KERAS or spec.layer in _OF_OTHERS:
            raise UsageError(f"The layer {spec.name} has a LayerSpec already.")
        if isinstance(spec.layer, str):
            _OF_KERAS[spec.layer] = spec
        else:
            _OF_OTHERS[spec.layer] = spec


def register_operations(*specs: LayerSpec, otherwise: Callable[[str], LayerSpec]) -> None:
    """Makes Keras' operations between layers known, such as the one behind `x + y`.

    Args:
        specs: One per class, by its name.
        otherwise: From the name of any other operation of Keras to what can be said about it.
    """
    _OPERATIONS.update({spec.name: spec for spec in specs})
    _OTHER_OPERATIONS.append(otherwise)


def registered() -> tuple[LayerSpec, ...]:
    """All classes of layers that are known so far."""
    return (*_OF_KERAS.values(), *_OF_OTHERS.values())


def spec_of(operation: keras.Operation) -> LayerSpec | None:
    """What is known about the class whose computation a layer or operation runs.

    A subclass that changes only how it is made (a name, defaults, a build) still computes what its base
    does; one with a `call` of its own may do anything.

    Args:
        operation: A layer, or an operation such as the one behind `x + y`.

    Returns:
        The spec of the class or of the nearest base whose `call` it runs; None for a model and for a layer
        that is not known.
    """
    return _find(operation, own_call=False)


def base_spec_of(operation: keras.Operation) -> LayerSpec | None:
    """The same, where a subclass with a `call` of its own counts as its base."""
    return _find(operation, own_call=True)


def role_of(operation: keras.Operation) -> Role | None:
    """The role of a layer or operation; None where it is not known."""
    spec = spec_of(operation)
    return None if spec is None else spec.role


def has_trait(operation: keras.Operation, *traits: Trait) -> bool:
    """Whether a layer or operation is known for one of some traits."""
    spec = spec_of(operation)
    return spec is not None and not spec.traits.isdisjoint(traits)


def _find(operation: keras.Operation, *, own_call: bool) -> LayerSpec | None:
    if isinstance(operation, keras.Model):
        return None
    if is_operation(operation):
        return _operation(type(operation))
    for ancestor in type(operation).__mro__:
        spec = _OF_OTHERS.get(ancestor)
        if spec is None and ancestor.__module__.startswith("keras."):
            spec = _OF_KERAS.get(ancestor.__name__)
        if spec is not None or ("call" in vars(ancestor) and not own_call):
            return spec
    return None


def _operation(kind: type[keras.Operation]) -> LayerSpec | None:
    if kind.__name__ in _OPERATIONS or not kind.__module__.startswith("keras."):
        return _OPERATIONS.get(kind.__name__)
    return next((otherwise(kind.__name__) for otherwise in _OTHER_OPERATIONS), None)


def is_operation(operation: keras.Operation) -> bool:
    """Whether this is a bare Keras operation between layers, such as the one behind `x + y`."""
    return not isinstance(operation, keras.layers.Layer)


def activation_of(layer: keras.Operation) -> str:
    """The name of the activation function that a layer or operation is or ends with, `linear` if none."""
    spec = spec_of(layer)
    if spec is not None and spec.activation:
        six = spec.activation == "relu" and getattr(layer, "max_value", None) == 6
        return "relu6" if six else spec.activation
    return activation_name(layer)


def activation_name(layer: keras.Operation) -> str:
    """The name of a layer's activation function, `linear` where it has none."""
    function = getattr(layer, "activation", None)
    if function is None:
        return "linear"
    name = str(getattr(function, "__name__", "") or getattr(function, "name", "") or type(function).__name__)
    return _SAME_FUNCTION.get(name, name)


_SAME_FUNCTION = {"swish": "silu", "hard_swish": "hard_silu", "hardsilu": "hard_silu"}
