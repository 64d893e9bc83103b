"""Texts for normalization."""

from __future__ import annotations

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text


def _learned(facts: Facts) -> str:
    layer = facts.layer
    learned = [
        name
        for name, used in (
            ("factor", getattr(layer, "scale", False)),
            ("offset", getattr(layer, "center", False)),
        )
        if used
    ]
    return f"a learned {words.listed(learned)}" if learned else "nothing learned"


def _axes(axis: int | list[int] | tuple[int, ...]) -> str:
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {words.listed([str(each) for each in axes])}"


def _batch(facts: Facts) -> str:
    layer = facts.layer
    axis = layer.axis
    size = facts.call.input_shapes[0][axis]
    last = axis in (-1, len(facts.shape_in))
    each = f"each of the {size:,} channels" if size else "each channel"
    where = "" if last else f" (axis {axis})"
    return (
        f"Here {each}{where} has a running mean and variance (momentum {words.number(layer.momentum)}, "
        "epsilon "
        f"{words.number(layer.epsilon)}) and {_learned(facts)}. "
        f"The shape stays {words.values(facts.shape_out)}."
    )


def _layer(facts: Facts) -> str:
    axis = facts.layer.axis
    axes = [axis] if isinstance(axis, int) else list(axis)
    shape = facts.call.input_shapes[0]
    together = words.product([shape[a] for a in axes])
    over = f"{together:,} values" if together else "the values"
    which = "of each position" if len(axes) == 1 and len(shape) > 2 else "of each sample"
    return (
        f"Here over the {over} {which} ({_axes(axis)}), with {_learned(facts)}; "
        f"epsilon {words.number(facts.layer.epsilon)}. The shape stays {words.values(facts.shape_out)}."
    )


def _group(facts: Facts) -> str:
    channels = facts.call.input_shapes[0][facts.layer.axis]
    groups = facts.layer.groups
    each = f" of {channels // groups}" if channels and groups > 0 else ""
    return (
        f"Here {words.plural(channels or 0, 'channel')} in {words.plural(groups, 'group')}{each}, with "
        f"{_learned(facts)}; epsilon {words.number(facts.layer.epsilon)}. "
        f"The shape stays {words.values(facts.shape_out)}."
    )


def _rms(facts: Facts) -> str:
    axis = facts.layer.axis
    return (
        f"Here over {_axes(axis)}, with a learned factor; epsilon {words.number(facts.layer.epsilon)}. "
        f"The shape stays {words.values(facts.shape_out)}."
    )


def _unit(facts: Facts) -> str:
    return f"Here over {_axes(facts.layer.axis)}; the shape stays {words.values(facts.shape_out)}."


def _fixed(facts: Facts) -> str:
    layer = facts.layer
    axes = f"each place along {_axes(layer.axis)}" if layer.axis else "all values together"
    way = (
        "Here undone: it multiplies and adds"
        if layer.invert
        else "Here it subtracts a mean and divides by a spread"
    )
    return f"{way}, for {axes}; the shape stays {words.values(facts.shape_out)}."


def _spectral(facts: Facts) -> str:
    return (
        f"Here around the layer '{facts.layer.layer.name}' ({type(facts.layer.layer).__name__}), with "
        f"{words.plural(facts.layer.power_iterations, 'round')} of estimation per training step; "
        f"{facts.changed}."
    )


TEXTS = {
    "Standardization": Text(
        "Brings each channel of a sample to mean 0 and variance 1 over its positions, so that neither "
        "brightness nor contrast matters. Nothing is learned.",
        lambda facts: f"The shape stays {words.values(facts.shape_out)}.",
    ),
    "BatchNormalization": Text(
        "Batch normalization brings each channel to mean 0 and variance 1, while training by the "
        "statistics of "
        "the batch, later by their running averages; then it scales and shifts by what it has learned. "
        "Training becomes faster and less sensitive to the learning rate.",
        _batch,
    ),
    "LayerNormalization": Text(
        "Layer normalization brings the values of each sample to mean 0 and variance 1, without looking at "
        "other "
        "samples. It works alike for any batch size and is usual in transformers.",
        _layer,
    ),
    "GroupNormalization": Text(
        "Group normalization brings groups of channels within each sample to mean 0 and variance 1. It "
        "does not "
        "depend on the batch size.",
        _group,
    ),
    "RMSNormalization": Text(
        "RMS normalization divides by the root of the mean square: layer normalization without subtracting "
        "the "
        "mean, and a little cheaper.",
        _rms,
    ),
    "UnitNormalization": Text(
        "Unit normalization scales vectors to length 1, so only their direction counts.", _unit
    ),
    "Normalization": Text(
        "Brings the input to mean 0 and variance 1 by numbers that were measured once on the training data.",
        _fixed,
    ),
    "SpectralNormalization": Text(
        "Spectral normalization keeps a layer from amplifying any input more than once: it divides its "
        "weights "
        "by their largest singular value. It steadies the training of generative networks.",
        _spectral,
    ),
}
