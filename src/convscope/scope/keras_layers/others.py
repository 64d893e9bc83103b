"""Layers that work in training alone, that carry, mark or enclose, and that run code of another kind."""

from __future__ import annotations

from collections.abc import Callable

import keras

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.geometry.rules import pointwise
from convscope.scope.keras_layers.activations import then
from convscope.scope.layer_spec import LayerSpec, Role, register
from convscope.scope.sizes import Shapes, count, einsum, scores_of_vectors


def _dense(facts: Facts) -> str:
    layer, inputs = facts.layer, facts.shape_in[-1] if facts.shape_in else None
    known = "its inputs" if inputs is None else phrasing.plural(inputs, "input")
    bias = "with bias" if layer.use_bias else "without bias"
    each = ", each" if layer.units > 1 else ""
    text = f"{phrasing.plural(layer.units, 'unit')}{each} connected to {known}, {bias}"
    if len(facts.shape_in) > 1:
        along = facts.shape_in[:-1]
        where = facts.position(len(along)) if None in along else f"of {phrasing.size(along)} positions"
        text += f", applied at each {where}: {facts.changed}"
    return f"{text}.{then(layer)}"


def _einsum(facts: Facts) -> str:
    return f"Equation '{facts.layer.equation}': {facts.changed}.{then(facts.layer)}"


def _embedding(facts: Facts) -> str:
    layer = facts.layer
    masked = " Id 0 is masked as padding." if layer.mask_zero else ""
    table = f"A table of {layer.input_dim:,} vectors of {phrasing.plural(layer.output_dim, 'value')}"
    return f"{table}: {_looked_up(facts)}.{masked}"


def _looked_up(facts: Facts) -> str:
    if facts.input.tokenized and len(facts.shape_in) == 1:
        return f"{facts.ids_in} become {phrasing.values(facts.shape_out)}"
    return facts.changed


def _reversible(facts: Facts) -> str:
    if len(facts.shape_out) == len(facts.shape_in) + 1:
        return _embedding(facts)
    rows = phrasing.plural(facts.layer.input_dim, "row")
    return f"In reverse, each vector gets a score for each of {rows} of the table: {facts.changed}."


def _dense_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return count(inputs[0][1:]) * int(layer.units)


def _einsum_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return einsum(layer.equation, (inputs[0], tuple(layer.kernel.shape)))


def _reversible_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return scores_of_vectors(int(layer.input_dim), inputs, outputs)


register(
    LayerSpec(
        "Dense",
        "dense",
        "A dense layer computes weighted sums of all its inputs. It combines features and produces scores.",
        _dense,
        rules.dense,
        _dense_cost,
        frozenset({"linear", "ends in activation"}),
        "dense",
    ),
    LayerSpec(
        "EinsumDense",
        "dense",
        "A dense layer for inputs of several axes; an einsum equation says which axes are summed over.",
        _einsum,
        rules.einsum,
        _einsum_cost,
        frozenset({"ends in activation"}),
    ),
    LayerSpec(
        "Embedding",
        "lookup",
        "An embedding maps integer ids to learned vectors; ids that are used alike get similar vectors.",
        _embedding,
        rules.pointwise,
    ),
    LayerSpec(
        "ReversibleEmbedding",
        "lookup",
        "An embedding that is used in both directions: from ids to vectors, and from vectors to a score for "
        "each id. Sharing the table saves parameters in language models.",
        _reversible,
        rules.pointwise,
        _reversible_cost,
    ),
)


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
