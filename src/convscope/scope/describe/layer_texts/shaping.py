"""Texts for layers that rearrange, cut, pad or repeat values without computing with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text


def _changed(extra: Callable[[Any], str] = lambda layer: "") -> Callable[[Facts], str]:
    def here(facts: Facts) -> str:
        return f"Here {facts.changed}{extra(facts.layer)}."

    return here


def _flatten(facts: Facts) -> str:
    if facts.shape_in == facts.shape_out:
        return f"Here there is nothing to flatten: {words.values(facts.shape_in)} stay as they are."
    came = facts.maps_in if len(facts.shape_in) > 1 else words.values(facts.shape_in)
    return f"Here {came} become {words.values(facts.shape_out)}."


def _amounts(name: str) -> Callable[[Any], str]:
    def said(layer: Any) -> str:
        amount = getattr(layer, name)
        pairs = [tuple(pair) if isinstance(pair, (list, tuple)) else (pair, pair) for pair in amount]
        if len(amount) == 2 and all(isinstance(each, int) for each in amount):
            pairs = [tuple(amount)]
        if not any(value for pair in pairs for value in pair):
            return ""
        if len({value for pair in pairs for value in pair}) == 1:
            return f", {words.number(pairs[0][0])} at each end"
        axes = [f"{first} before and {last} after" for first, last in pairs]
        return f", {'; '.join(axes)} along {'it' if len(axes) == 1 else 'the axes in turn'}"

    return said


def _enlarged(facts: Facts) -> str:
    size = facts.layer.size
    times = [size] if isinstance(size, int) else list(size)
    how = getattr(facts.layer, "interpolation", "nearest")
    way = "by repeating values" if how == "nearest" else f"by {how} interpolation"
    return f"Here {words.size(times)} times, {way}: {facts.maps_in} become {facts.maps_out}."


_PAD = Text(
    "Zero padding puts a border of zeros around its input, so that a following convolution can reach the "
    "edges "
    "without shrinking the maps.",
    _changed(_amounts("padding")),
)
_PAD_EDGE = Text(
    "Edge padding puts a border around a picture that repeats its outermost pixels, so that a following "
    "convolution sees no edge where the picture ends.",
    _changed(_amounts("padding")),
)
_CROP = Text("Cropping cuts off the border.", _changed(_amounts("cropping")))
_UP = Text(
    "Up-sampling makes maps larger without weights; a following convolution fills in what is fine.", _enlarged
)

TEXTS = {
    "Flatten": Text(
        "Flatten lays all values in one row, which is what a dense layer takes; what was beside what is no "
        "longer "
        "marked.",
        _flatten,
    ),
    "Reshape": Text("Arranges the same values into another shape.", _changed()),
    "Permute": Text(
        "Changes the order of the axes.", _changed(lambda layer: f", in the order {tuple(layer.dims)}")
    ),
    "RepeatVector": Text(
        "Repeats one vector for a number of steps, for instance to start a decoder.",
        _changed(lambda layer: f", {layer.n} times the same"),
    ),
    **{f"ZeroPadding{rank}D": _PAD for rank in (1, 2, 3)},
    "EdgePadding2D": _PAD_EDGE,
    **{f"Cropping{rank}D": _CROP for rank in (1, 2, 3)},
    **{f"UpSampling{rank}D": _UP for rank in (1, 2, 3)},
}
