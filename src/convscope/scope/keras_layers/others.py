"""Layers that work in training alone, that carry, mark or enclose, and that run code of another kind."""

from __future__ import annotations

from collections.abc import Callable

from convscope.scope.describe import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import pointwise
from convscope.scope.layer_spec import LayerSpec, Role, register

_LATER = "At inference it does nothing."


def _dropout(facts: Facts) -> str:
    rate = float(facts.layer.rate)
    if not rate:
        return f"Rate 0: it does nothing. {facts.stays}"
    shape = getattr(facts.layer, "noise_shape", None)
    shared = f", values along axes of length 1 in {tuple(shape)} dropped together" if shape else ""
    return f"Rate {phrasing.number(rate)}{shared}. {facts.stays}"


def _noise(facts: Facts) -> str:
    return f"Standard deviation {phrasing.number(facts.layer.stddev)}. {facts.stays}"


def _gaussian_dropout(facts: Facts) -> str:
    rate = float(facts.layer.rate)
    spread = (rate / (1 - rate)) ** 0.5
    return f"Rate {phrasing.number(rate)} (standard deviation {spread:.3g}). {facts.stays}"


def _penalty(facts: Facts) -> str:
    weights = [
        f"{phrasing.number(float(factor))} times the sum of {what}"
        for factor, what in ((facts.layer.l1, "absolute values"), (facts.layer.l2, "squares"))
        if factor
    ]
    return f"Penalty: {phrasing.listed(weights) or 'none'}. {facts.stays}"


def _of(name: str, about: str, here: Callable[[Facts], str], role: Role = "dropout") -> LayerSpec:
    return LayerSpec(name, role, about, here, pointwise, traits=frozenset({"training only"}))


def _changed(facts: Facts) -> str:
    return phrasing.sentence(facts.changed)


def _masking(facts: Facts) -> str:
    return f"Steps whose values are all {phrasing.number(float(facts.layer.mask_value))}. {facts.stays}"


def _stochastic_depth(facts: Facts) -> str:
    return f"Rate {phrasing.number(float(facts.layer.drop_path_rate))}. {facts.stays}"


register(
    _of(
        "Dropout",
        "Dropout sets random values to 0 in training and scales up the others, which reduces overfitting. "
        f"{_LATER}",
        _dropout,
    ),
    *(
        _of(
            f"SpatialDropout{rank}D",
            f"Spatial dropout sets whole feature maps to 0 at random in training. {_LATER}",
            _dropout,
        )
        for rank in (1, 2, 3)
    ),
    _of(
        "AlphaDropout",
        f"Alpha dropout keeps mean and variance, for networks with SELU. {_LATER}",
        _dropout,
    ),
    _of(
        "GaussianDropout",
        f"Gaussian dropout multiplies each value by random noise around 1 in training. {_LATER}",
        _gaussian_dropout,
    ),
    _of(
        "GaussianNoise",
        f"Adds Gaussian noise to each value in training, which reduces overfitting. {_LATER}",
        _noise,
        "other",
    ),
    _of(
        "ActivityRegularization",
        "Adds a penalty on large values to the loss in training and leaves the values unchanged.",
        _penalty,
        "other",
    ),
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
