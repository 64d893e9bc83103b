"""Texts for dropout, noise and penalties: what is there only while the model is trained."""

from __future__ import annotations

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text

_LATER = "When the model is used, it does nothing."


def _rate(rate: float) -> str:
    return f"{100 * rate:.3g}%"


def _dropout(facts: Facts) -> str:
    rate = float(facts.layer.rate)
    if not rate:
        return f"Here the rate is 0: it does nothing. The shape stays {words.values(facts.shape_out)}."
    shape = getattr(facts.layer, "noise_shape", None)
    shared = f" Values along axes of length 1 in {tuple(shape)} are dropped together." if shape else ""
    held = words.product(facts.shape_out)
    of = f"{_rate(rate)} of the {held:,} values" if held else f"{_rate(rate)} of the values"
    return (
        f"Here a random {of} (rate {words.number(rate)}); the shape stays "
        f"{words.values(facts.shape_out)}.{shared}"
    )


def _whole_maps(facts: Facts) -> str:
    rate = float(facts.layer.rate)
    return (
        f"Here a random {_rate(rate)} of the {facts.maps_in} (rate {words.number(rate)}); "
        f"the shape stays {words.values(facts.shape_out)}."
    )


def _noise(facts: Facts) -> str:
    return (
        f"Here noise with a standard deviation of {words.number(facts.layer.stddev)}; "
        f"the shape stays {words.values(facts.shape_out)}."
    )


def _gaussian_dropout(facts: Facts) -> str:
    rate = float(facts.layer.rate)
    spread = (rate / (1 - rate)) ** 0.5
    return (
        f"Here rate {words.number(rate)}, so factors around 1 with a standard deviation of {spread:.3g}; "
        f"the shape stays {words.values(facts.shape_out)}."
    )


def _penalty(facts: Facts) -> str:
    layer = facts.layer
    weights = [
        f"{words.number(float(factor))} times the sum of the {what}"
        for factor, what in ((layer.l1, "absolute values"), (layer.l2, "squares"))
        if factor
    ]
    return f"Here {words.listed(weights) or 'nothing'} is added to the loss; {facts.changed}."


_SPATIAL = Text(
    "Spatial dropout switches off whole feature maps at random while training, because neighbours within one "
    f"map say nearly the same. {_LATER}",
    _whole_maps,
)

TEXTS = {
    "Dropout": Text(
        "Dropout sets random values to 0 while training and scales up the others, so that no unit can rely "
        "on "
        f"one other unit alone; the model learns less by heart. {_LATER}",
        _dropout,
    ),
    **{f"SpatialDropout{rank}D": _SPATIAL for rank in (1, 2, 3)},
    "AlphaDropout": Text(
        "Alpha dropout is dropout for networks with SELU: it keeps mean and variance as they were. " + _LATER,
        _dropout,
    ),
    "GaussianDropout": Text(
        "Gaussian dropout multiplies each value by random noise around 1 while training. " + _LATER,
        _gaussian_dropout,
    ),
    "GaussianNoise": Text(
        "Gaussian noise is added to each value while training, which makes the model less sensitive to small "
        f"changes. {_LATER}",
        _noise,
    ),
    "ActivityRegularization": Text(
        "Leaves values as they are, but adds a penalty on large ones to the loss while training.", _penalty
    ),
}
