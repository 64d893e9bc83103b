"""How a network repeats itself: blocks of layers that occur again and again, and how they grow."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from convscope import phrasing
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.layer_spec import has_trait

_NUMBERED = re.compile(
    r"(?:blocks?|stages?|layers?|units?|modules?|cells?|stacks?|encoder|decoder)_?\d+[a-z]?(?![a-z0-9])"
)
_LONGEST = 40
_ALIKE = 0.5
_NAMED_KINDS = 6
_FEW = 8


@dataclass(frozen=True)
class LayerBlock:
    """A run of calls that belong together.

    Args:
        name: The name that its layers share; empty where they share none.
        types: The class names of its calls, in order.
        paths: The paths of its calls, in order.
        maps: Shape of what it gives out, without the batch axis.
    """

    name: str
    types: tuple[str, ...]
    paths: tuple[str, ...]
    maps: tuple[int | None, ...]


@dataclass(frozen=True)
class BlockSeries:
    """Blocks alike, one after the other.

    Args:
        blocks: At least two.
        text: How many there are, of what, and how their maps grow and shrink, in one sentence.
    """

    blocks: tuple[LayerBlock, ...]
    text: str


def block_series(graph: LayerGraph) -> tuple[BlockSeries, ...]:
    """Finds what repeats in a network.

    Blocks are known by the composite layers that enclose them, by numbered names such as `conv2_block1_`
    or `stage1_block2/`, and else by layers of the same classes that follow one another again and again.

    Args:
        graph: The model's calls.

    Returns:
        Series of blocks in the order of the model; none where nothing repeats.
    """
    calls = [call for call in graph.calls if call.kind != "group" and call.outputs]
    runs = _named(calls, _enclosing(graph, calls))
    if len(runs) < 2:
        runs = _named(calls, _block_names(calls))
    if len(runs) < 2:
        runs = _by_repetition(calls)
    found = [_block(name, inside) for name, inside in runs]
    return tuple(BlockSeries(tuple(alike), _text(alike, calls)) for alike in _alike(found))


def _block(name: str, calls: Sequence[Call]) -> LayerBlock:
    last = calls[-1]
    return LayerBlock(
        name,
        tuple(call.type for call in calls),
        tuple(call.path for call in calls),
        last.output_shapes[0][1:],
    )


def _named(calls: Sequence[Call], keys: Sequence[str]) -> list[tuple[str, list[Call]]]:
    """The calls of each block that has two or more."""
    blocks: dict[str, list[Call]] = {}
    for key, call in zip(keys, calls, strict=True):
        if key:
            blocks.setdefault(key, []).append(call)
    return [(key, inside) for key, inside in blocks.items() if len(inside) > 1]


def _enclosing(graph: LayerGraph, calls: Sequence[Call]) -> list[str]:
    """The composite layer around each call, where there are several of its class; the outermost such."""
    groups = [
        call
        for call in graph.calls
        if call.kind == "group" and not call.layer.__module__.startswith("keras.")
    ]
    counts = Counter(call.type for call in groups)
    repeated = {call.path for call in groups if counts[call.type] > 1}
    keys = []
    for call in calls:
        parts = call.path.split("/")
        around = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        keys.append(next((path for path in around if path in repeated), ""))
    return keys


def _block_names(calls: Sequence[Call]) -> list[str]:
    """The name of the block of each call; bare operations belong to the block before them."""
    keys: list[str] = []
    for call in calls:
        found = list(_NUMBERED.finditer(call.path))
        key = call.path[: found[-1].end()] if found else ""
        if key == call.path and "/" in key and not _NUMBERED.search(call.parent):
            key = ""
        if call.kind == "operation" and not key and keys:
            key = keys[-1]
        keys.append(key)
    return keys


def _by_repetition(calls: Sequence[Call]) -> list[tuple[str, list[Call]]]:
    """The repetition that covers most calls, then those before and after it."""
    types = [call.type for call in calls]
    best = (0, 0, 0, 0)  # calls covered, shorter first, start, period
    for start in range(len(types)):
        for period in range(2, min(_LONGEST, (len(types) - start) // 2) + 1):
            times = 1
            while (
                types[start + times * period : start + (times + 1) * period] == types[start : start + period]
            ):
                times += 1
            if times > 1 and len(set(types[start : start + period])) > 1:
                best = max(best, (times * period, -period, -start, times))
    covered, period, start, times = best[0], -best[1], -best[2], best[3]
    if not covered or not any(_holds_weights(call) for call in calls[start : start + period]):
        return []
    found = [("", list(calls[start + i * period : start + (i + 1) * period])) for i in range(times)]
    return _by_repetition(calls[:start]) + found + _by_repetition(calls[start + covered :])


def _holds_weights(call: Call) -> bool:
    return bool(getattr(call.layer, "weights", ()))


def _alike(blocks: Sequence[LayerBlock]) -> list[list[LayerBlock]]:
    """Blocks that consist of mostly the same kinds of layers; others may stand between them."""
    rows: list[list[LayerBlock]] = []
    for block in blocks:
        row = next((row for row in reversed(rows) if _similar(row[-1], block)), None)
        if row is None:
            rows.append([block])
        else:
            row.append(block)
    return [row for row in rows if len(row) > 1]


def _similar(one: LayerBlock, other: LayerBlock) -> bool:
    first, second = Counter(one.types), Counter(other.types)
    return (first & second).total() >= _ALIKE * (first | second).total() and bool(one.name) == bool(
        other.name
    )


def _text(blocks: Sequence[LayerBlock], calls: Sequence[Call]) -> str:
    by_path = {call.path: call for call in calls}
    usual = Counter(block.types for block in blocks).most_common(1)[0][0]
    kinds = list(dict.fromkeys(usual))
    residual = all(_adds(block, by_path) for block in blocks)
    named = phrasing.listed(
        kinds[:_NAMED_KINDS] if len(kinds) <= _NAMED_KINDS else [*kinds[: _NAMED_KINDS - 1], "others"]
    )
    size = len(usual)
    usually = "mostly " if len({len(block.types) for block in blocks}) > 1 else ""
    of = f"of {usually}{phrasing.plural(size, 'layer')} ({named})" if size > len(kinds) else f"of {named}"
    text = f"{phrasing.counted(len(blocks), 'residual block' if residual else 'block')} {of}"
    return phrasing.sentence(f"{text}{_stages(blocks, by_path)}")


def _adds(block: LayerBlock, by_path: Mapping[str, Call]) -> bool:
    return any(has_trait(by_path[path].layer, "adds") for path in block.paths)


def _stages(blocks: Sequence[LayerBlock], by_path: Mapping[str, Call]) -> str:
    """How the blocks grow: one by one where they are few, else in stages of the same maps or sizes."""
    shapes = [block.maps for block in blocks]
    if any(len(shape) != len(shapes[0]) for shape in shapes):
        return ""
    channels, sizes = [shape[-1] for shape in shapes], [shape[:-1] for shape in shapes]
    if len(shapes[0]) == 1:
        return f": units {_arrows(channels)}" if len(set(channels)) > 1 else ""
    stages = [(shape, len(list(group))) for shape, group in groupby(shapes)]
    if len(stages) == 1:
        return f", each with output {_maps(shapes[0])}"
    if len(stages) < len(blocks) and len(stages) <= _FEW:
        said = [f"{number} with {_maps(shape)}" for shape, number in stages]
        return f" in {phrasing.counted(len(stages), 'stage')}: {phrasing.listed(said)}"
    if len(blocks) > _FEW:
        said = [
            f"{len(list(group))} of {phrasing.size(size)}"
            for size, group in groupby(sizes)
            if None not in size
        ]
        return f": {phrasing.listed(said)}; from {channels[0]:,} to {channels[-1]:,} maps" if said else ""
    grown = f": channels {_arrows(channels)}" if len(set(channels)) > 1 else f": {channels[0]} channels each"
    came = by_path[blocks[0].paths[0]].input_shapes[0][1:-1]
    path = [came, *sizes] if came != sizes[0] else sizes
    path = path[:1] if len(set(path)) == 1 else path
    known = not any(None in size for size in path)
    return f"{grown}; size {' -> '.join(phrasing.size(size) for size in path)}" if known else grown


def _arrows(numbers: Sequence[int | None]) -> str:
    return " -> ".join(f"{number:,}" for number in numbers if number is not None)


def _maps(shape: tuple[int | None, ...]) -> str:
    if len(shape) < 3 or shape[-1] is None:
        return phrasing.values(shape)
    return phrasing.plural(shape[-1], "map") + ("" if None in shape else f" of {phrasing.size(shape[:-1])}")
