"""Pooling of every rank."""

from __future__ import annotations

from collections.abc import Iterable

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import global_pooling
from convscope.scope.geometry.sliding import pooling
from convscope.scope.layer_spec import LayerSpec, register

_MAX = (
    "Max pooling keeps the largest value of each window. Maps become smaller, and later layers see more of "
    "the input at lower cost."
)
_AVERAGE = (
    "Average pooling takes the mean of each window. Maps become smaller and smoother, and later layers see "
    "more of the input at lower cost."
)


def _window(facts: Facts) -> str:
    layer = facts.layer
    window, strides = tuple(layer.pool_size), tuple(layer.strides or layer.pool_size)
    stride = str(strides[0]) if len(set(strides)) == 1 else phrasing.size(strides)
    lost = "" if layer.padding == "same" else _left_over(facts, window, strides)
    return (
        f"Windows of {facts.extent(window)}, stride {stride}, {layer.padding} padding: {facts.changed}.{lost}"
    )


def left_over(sizes: tuple[int | None, ...], window: tuple[int, ...], strides: tuple[int, ...]) -> list[int]:
    """How many positions at the end of each axis no window reaches; 0 where that is not known."""
    return [
        0 if size is None or size < k else (size - k) % s
        for size, k, s in zip(sizes, window, strides, strict=True)
    ]


def _left_over(facts: Facts, window: tuple[int, ...], strides: tuple[int, ...]) -> str:
    lost = left_over(facts.spatial_in, window, strides)
    if not any(lost):
        return ""
    if len(lost) == 2 and lost[0] == lost[1] == 1:
        return " The last row and column are dropped."
    if len(lost) == 1:
        last, verb = facts.position(1), "is"
        if lost[0] > 1:
            last, verb = phrasing.plural(lost[0], facts.position(1)), "are"
        return f" The last {last} {verb} dropped."
    unit = phrasing.many(facts.position(len(lost)))
    return f" The last {phrasing.size(lost)} {unit} along the axes are dropped."


def over_maps(facts: Facts, word: str) -> str:
    """What is left of each map and the change of shape, as a sentence."""
    return f"The {word} of each feature map: {facts.changed}."


def _global(prefix: str, component: str, word: str, about: str) -> Iterable[LayerSpec]:
    for rank in (1, 2, 3):
        yield LayerSpec(
            f"{prefix}Pooling{rank}D",
            "global pooling",
            about,
            lambda facts: over_maps(facts, word),
            global_pooling,
            component=component,
        )


def _adaptive(facts: Facts) -> str:
    return f"{phrasing.sentence(facts.changed)} The output has this size for any input size."


register(
    *(
        LayerSpec(f"{word}Pooling{rank}D", "pooling", about, _window, pooling, component=component)
        for word, about, component in (
            ("Max", _MAX, "max pooling"),
            ("Average", _AVERAGE, "average pooling"),
        )
        for rank in (1, 2, 3)
    ),
    *_global(
        "GlobalAverage",
        "global average pooling",
        "mean",
        "Global average pooling replaces each feature map by its mean. It has no weights and accepts inputs "
        "of any size.",
    ),
    *_global(
        "GlobalMax",
        "global max pooling",
        "maximum",
        "Global max pooling replaces each feature map by its largest value: whether the pattern occurs "
        "anywhere. It has no weights and accepts inputs of any size.",
    ),
    *(
        LayerSpec(
            f"Adaptive{word}Pooling{rank}D",
            "other",
            f"Adaptive pooling divides each map into a fixed number of windows and takes the {what} of each.",
            _adaptive,
        )
        for word, what in (("Average", "mean"), ("Max", "maximum"))
        for rank in (1, 2, 3)
    ),
)
