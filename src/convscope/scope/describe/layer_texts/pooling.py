"""Texts for pooling of every rank."""

from __future__ import annotations

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text

_MAX = (
    "Max pooling keeps only the largest value of each small window: what was found survives, exactly where "
    "matters less. Maps become smaller, later layers cheaper, and each of their values sees more of the "
    "input."
)
_AVERAGE = (
    "Average pooling replaces each small window by its mean. Maps become smaller and smoother, later layers "
    "cheaper, and each of their values sees more of the input."
)


def _window(facts: Facts) -> str:
    layer = facts.layer
    window, strides = layer.pool_size, layer.strides or layer.pool_size
    same = tuple(window) == tuple(strides)
    how = f"windows of {facts.extent(window)}" + ("" if same else f", {_apart(facts, strides)} apart")
    if same:
        how += " side by side"
    left = "" if layer.padding == "same" else _left_over(facts, tuple(window), tuple(strides))
    padded = ", with padding at the border" if layer.padding == "same" else ""
    return f"Here {how}{padded}: {facts.maps_in} become {facts.maps_out}.{left}"


def _apart(facts: Facts, strides: tuple[int, ...]) -> str:
    unit = facts.position(len(strides))
    if len(set(strides)) == 1:
        return words.plural(strides[0], unit)
    return f"{words.size(strides)} {words.many(unit)}"


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
        return " The last row and column are left out."
    if len(lost) == 1:
        unit = facts.position(1)
        return (
            f" The last {words.plural(lost[0], unit)} are left out."
            if lost[0] > 1
            else f" The last {unit} is left out."
        )
    unit = words.many(facts.position(len(lost)))
    return f" At the end of the axes {words.size(lost)} {unit} are left out."


def _global(word: str) -> Text:
    def here(facts: Facts) -> str:
        return (
            f"Here the {word} of each of the {facts.maps_in} is taken, which leaves "
            f"{words.values(facts.shape_out)}."
        )

    about = {
        "mean": "Global average pooling replaces each feature map by its mean: how much of the kernel's "
        "pattern there was, wherever. It needs no weights and takes inputs of any size.",
        "maximum": "Global max pooling replaces each feature map by its largest value: whether the kernel's "
        "pattern was anywhere. It needs no weights and takes inputs of any size.",
    }[word]
    return Text(about, here)


def _adaptive(word: str) -> Text:
    def here(facts: Facts) -> str:
        return f"Here {facts.maps_in} become {facts.maps_out}, whatever size comes in."

    return Text(
        f"Adaptive pooling divides each map into a fixed number of windows and takes the {word} of each, "
        "so that "
        "inputs of any size give outputs of one size.",
        here,
    )


_POSITIVE = Text(
    "Replaces each feature map by the share of its values that are above 0: how much of the input matches "
    "the kernel better than its bias asks for. It needs no weights and takes inputs of any size.",
    lambda facts: (
        f"Here the share of each of the {facts.maps_in} is taken, which leaves "
        f"{words.values(facts.shape_out)}."
    ),
)

_ABOVE = Text(
    "Compares each feature map with several thresholds of its own and takes the share of positions above "
    "each: how often the kernel's pattern is there at all, clearly, and very clearly. Every other map leaves "
    "out both ends, where the kernel reaches beyond the input. The thresholds are taken from data, not "
    "trained.",
    lambda facts: (
        f"Here {facts.maps_in} are compared with {words.counted(facts.layer.thresholds, 'threshold')} each, "
        f"which leaves {words.values(facts.shape_out)}."
    ),
)

TEXTS = {
    **{f"MaxPooling{rank}D": Text(_MAX, _window) for rank in (1, 2, 3)},
    **{f"AveragePooling{rank}D": Text(_AVERAGE, _window) for rank in (1, 2, 3)},
    **{f"GlobalAveragePooling{rank}D": _global("mean") for rank in (1, 2, 3)},
    **{f"GlobalMaxPooling{rank}D": _global("maximum") for rank in (1, 2, 3)},
    **{f"AdaptiveAveragePooling{rank}D": _adaptive("mean") for rank in (1, 2, 3)},
    **{f"AdaptiveMaxPooling{rank}D": _adaptive("maximum") for rank in (1, 2, 3)},
    "ProportionOfPositiveValues": _POSITIVE,
    "ProportionsAbove": _ABOVE,
}
