"""Layers that rearrange, cut, pad or repeat values without computing with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules, sliding
from convscope.scope.layer_spec import LayerSpec, register


def _changed(facts: Facts) -> str:
    return phrasing.sentence(facts.changed)


def padded(facts: Facts) -> str:
    """The border that is added."""
    return facts.shape_sentence(_amounts(facts.layer.padding))


def _cropped(facts: Facts) -> str:
    return facts.shape_sentence(_amounts(facts.layer.cropping))


def _amounts(amount: Sequence[int | tuple[int, int]]) -> str:
    ends = [end for each in amount for end in ([each] if isinstance(each, int) else each)]
    if len(set(ends)) == 1:
        return f"{ends[0]} at each end"
    pairs = [f"{first} before and {last} after" for first, last in zip(ends[::2], ends[1::2], strict=True)]
    return f"{pairs[0]} each axis" if len(set(pairs)) == 1 < len(pairs) else " by ".join(pairs)


def _enlarged(facts: Facts) -> str:
    size = facts.layer.size
    times = phrasing.size([size] if isinstance(size, int) else list(size))
    way = getattr(facts.layer, "interpolation", "nearest")
    return facts.shape_sentence(f"factor {times}", f"{way} interpolation")


def _each_rank(prefix: str) -> Iterable[str]:
    return (f"{prefix}{rank}D" for rank in (1, 2, 3))


register(
    LayerSpec(
        "Flatten",
        "shaping",
        "Flatten puts all values of a sample in one row, as a dense layer expects.",
        _changed,
        rules.flatten,
        traits=frozenset({"rearranges", "reshapes"}),
    ),
    LayerSpec(
        "Reshape",
        "shaping",
        "Changes the shape and keeps the values.",
        _changed,
        rules.reshape,
        traits=frozenset({"rearranges", "reshapes"}),
    ),
    LayerSpec(
        "Permute",
        "shaping",
        "Changes the order of the axes.",
        lambda facts: facts.shape_sentence(f"axes in the order {tuple(facts.layer.dims)}"),
        rules.permute,
        traits=frozenset({"rearranges"}),
    ),
    LayerSpec(
        "RepeatVector",
        "shaping",
        "Repeats a vector, for instance as the input of every step of a decoder.",
        lambda facts: facts.shape_sentence(f"{facts.layer.n} copies"),
        rules.repeat,
        traits=frozenset({"rearranges"}),
    ),
    *(
        LayerSpec(
            name,
            "shaping",
            "Zero padding adds a border of zeros, so that the next convolution reaches the edges.",
            padded,
            sliding.padding,
            traits=frozenset({"pads"}),
        )
        for name in _each_rank("ZeroPadding")
    ),
    *(
        LayerSpec(name, "shaping", "Cropping cuts off the border.", _cropped, sliding.cropping)
        for name in _each_rank("Cropping")
    ),
    *(
        LayerSpec(
            name,
            "shaping",
            "Upsampling enlarges maps without weights; a convolution usually follows.",
            _enlarged,
            sliding.upsampling,
            traits=frozenset({"rearranges"}),
        )
        for name in _each_rank("UpSampling")
    ),
)
