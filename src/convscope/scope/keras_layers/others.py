"""Layers that carry, mark or enclose, and those that run code of another kind."""

from __future__ import annotations

from convscope.scope.describe import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import pointwise
from convscope.scope.layer_spec import LayerSpec, register


def _changed(facts: Facts) -> str:
    return phrasing.sentence(facts.changed)


def _masking(facts: Facts) -> str:
    return f"Steps whose values are all {phrasing.number(float(facts.layer.mask_value))}. {facts.stays}"


def _stochastic_depth(facts: Facts) -> str:
    return f"Rate {phrasing.number(float(facts.layer.drop_path_rate))}. {facts.stays}"


register(
    LayerSpec(
        "InputLayer", "other", "The model's input.", lambda facts: f"Shape {facts.outputs}.", pointwise
    ),
    LayerSpec(
        "Identity",
        "other",
        "Passes its input on unchanged.",
        _changed,
        pointwise,
        traits=frozenset({"training only"}),
    ),
    LayerSpec(
        "Masking",
        "other",
        "Masks steps, so that later layers skip them; sequences of different lengths then fit in one batch.",
        _masking,
        pointwise,
    ),
    LayerSpec(
        "LayerScale",
        "other",
        "Multiplies each channel by a learned factor that starts near 0, so that a residual branch starts "
        "small.",
        _changed,
        pointwise,
    ),
    LayerSpec(
        "StochasticDepth",
        "dropout",
        "Skips its residual branch at random in training and passes its input on at inference.",
        _stochastic_depth,
        pointwise,
        traits=frozenset({"training only"}),
    ),
    *(
        LayerSpec(
            name,
            "other",
            f"Runs {what}; its computation is unknown to convscope.",
            _changed,
            multiply_adds=None,
        )
        for name, what in {
            "Lambda": "a Python function",
            "JaxLayer": "a JAX function",
            "FlaxLayer": "a Flax module",
            "TorchModuleWrapper": "a PyTorch module",
            "TFSMLayer": "a TensorFlow SavedModel",
        }.items()
    ),
)
