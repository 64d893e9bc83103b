"""Convolutions of an OpenVINO model replaced by Winograd's form, where that is measured to be faster.

OpenVINO computes every convolution as a plain sum, near the peak of the processor; the remaining way to be
faster is to multiply less. The tiles are rows that OpenVINO gathers, and all else are products of
matrices, which it computes at the same peak.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.engine.inference.openvino_module import load_openvino
from convscope.engine.inference.winograd import ConvolutionShape, plan_tiles
from convscope.types import Array

if TYPE_CHECKING:
    import openvino

CLEARLY = 1.1
"""How much faster a convolution must be by itself: beside others it has less of the caches."""

Tiles = tuple[int, ...]
"""The tile of each convolution of a model, in the order of its operations; 0 is the plain sum."""
Race = Callable[[Sequence["openvino.Model"]], Sequence[float]]
"""How fast some models of the same input run, in any unit."""
Key = tuple[ConvolutionShape, tuple[int, ...], tuple[int, ...]]
"""What convolutions have in common for which the same tile is fastest."""


@dataclass(frozen=True)
class Convolution:
    """One that can be computed with tiles.

    Args:
        node: OpenVINO's operation, whose input has a fixed shape.
        shape: What it computes.
        lengths: Of the input, one per axis.
        before: Zeros before the input along each axis.
    """

    node: openvino.Node
    shape: ConvolutionShape
    lengths: tuple[int, ...]
    before: tuple[int, ...]

    @property
    def samples(self) -> int:
        """How many are computed at a time."""
        return int(self.node.input_value(0).get_shape()[0])


def convolutions(graph: openvino.Model) -> list[Convolution | None]:
    """The convolutions of a model of fixed shapes, in the order of its operations; None for what stays."""
    nodes = [node for node in graph.get_ordered_ops() if node.get_type_name() == "Convolution"]
    return [_of(node) for node in nodes]


def _of(node: openvino.Node) -> Convolution | None:
    kernels = node.input_value(1).get_node()
    wanted = (node.input_value(0), node.output(0))
    if kernels.get_type_name() != "Constant" or any(each.get_partial_shape().is_dynamic for each in wanted):
        return None
    if kernels.get_output_element_type(0).get_type_name() != "f32":
        return None
    settings = node.get_attributes()
    if {*settings["strides"], *settings["dilations"]} != {1}:
        return None
    outputs, inputs, *kernel = map(int, kernels.get_output_shape(0))
    lengths = tuple(map(int, node.input_value(0).get_shape()[2:]))
    positions = tuple(map(int, node.output(0).get_shape()[2:]))
    padded = [m - n + k - 1 for m, n, k in zip(positions, lengths, kernel, strict=True)]
    way = str(settings["auto_pad"]).lower()
    before = {
        "same_upper": [total // 2 for total in padded],
        "same_lower": [total - total // 2 for total in padded],
        "valid": [0 for _ in padded],
    }.get(way, [int(length) for length in settings["pads_begin"]])
    return Convolution(
        node, ConvolutionShape(positions, tuple(kernel), inputs, outputs), lengths, tuple(before)
    )


def with_tiles(graph: openvino.Model, tiles: Sequence[int]) -> openvino.Model:
    """Replaces convolutions of a model of fixed shapes, in place.

    Args:
        graph: OpenVINO's model.
        tiles: One for each of its convolutions.

    Returns:
        The model.
    """
    for found, tile in zip(convolutions(graph), tiles, strict=True):
        if found is not None and tile:
            _replace(found, tile)
    graph.validate_nodes_and_infer_types()
    return graph


def _replace(found: Convolution, tile: int) -> None:
    from openvino import opset13 as of

    shape, node, samples = found.shape, found.node, found.samples
    kernels = node.input_value(1).get_node().get_data()
    axes = range(2, 2 + len(shape.kernel))
    planned = plan_tiles(shape, tile, kernels.transpose(*axes, 1, 0), samples, found.lengths, found.before)
    stretch, inputs, outputs = planned.weights.shape

    def constant(values: npt.ArrayLike) -> openvino.Node:
        return of.constant(np.ascontiguousarray(values))

    def reshaped(value: openvino.Node, *sizes: int) -> openvino.Node:
        return of.reshape(value, constant(np.array(sizes, np.int64)), special_zero=False)

    last = of.transpose(node.input_value(0), _to_last(len(axes)))
    # a row beyond the last is one of zeros, as Gather says
    taken = of.gather(reshaped(last, -1, inputs), constant(planned.input_rows), constant(np.int32(0)))
    wide = of.matmul(constant(planned.input_transform), reshaped(taken, stretch, -1), False, False)
    products = of.matmul(reshaped(wide, stretch, -1, inputs), constant(planned.weights), False, False)
    small = of.matmul(constant(planned.output_transform), reshaped(products, stretch, -1), False, False)
    rows = of.gather(reshaped(small, -1, outputs), constant(planned.output_rows), constant(np.int32(0)))
    result = of.transpose(reshaped(rows, samples, *shape.positions, outputs), _to_first(len(axes)))
    result.set_friendly_name(node.get_friendly_name())
    node.output(0).replace(result.output(0))


def fastest_tiles(graph: openvino.Model, race: Race, seconds: float) -> Tiles:
    """Finds for each convolution the tile that is fastest, if any is faster than the plain sum.

    Args:
        graph: A model of fixed shapes; it stays as it is.
        race: Gives how fast some models of the same input run, in any unit.
        seconds: How long it may take; those that promise most come first, and the others stay.

    Returns:
        The tile of each convolution; all 0 where none is faster.
    """
    end = time.perf_counter() + seconds
    found = convolutions(graph)
    alike = [None if each is None else (each.shape, each.lengths, each.before) for each in found]
    saved: Counter[Key] = Counter()
    for key in alike:
        if key is not None and (tiles := key[0].promising(1)):
            saved[key] += key[0].plain - key[0].multiplications(tiles[0])
    best: dict[Key, int] = {}
    for key, _ in saved.most_common():
        if time.perf_counter() > end:
            break
        one = found[alike.index(key)]
        if one is not None:
            best[key] = _fastest(one, race)
    return tuple(0 if key is None else best.get(key, 0) for key in alike)


def _fastest(one: Convolution, race: Race) -> int:
    tiles = one.shape.promising()
    plain, *rates = race([_alone(one), *(with_tiles(_alone(one), [tile]) for tile in tiles)])
    fastest = max(rates)
    return tiles[rates.index(fastest)] if fastest > CLEARLY * plain else 0


def _alone(one: Convolution) -> openvino.Model:
    """A model of this convolution alone, from channels last to channels last as most of what is around it."""
    from openvino import opset13 as of

    axes = len(one.lengths)
    node = one.node
    given = of.parameter([one.samples, *one.lengths, one.shape.inputs], np.float32)
    first = of.transpose(given, _to_first(axes))
    settings = node.get_attributes()
    computed = of.convolution(
        first,
        of.constant(node.input_value(1).get_node().get_data()),
        settings["strides"],
        settings["pads_begin"],
        settings["pads_end"],
        settings["dilations"],
        settings["auto_pad"],
    )
    result = of.transpose(computed, _to_last(axes))
    return load_openvino().Model([result], [given], "convolution")


def _to_first(axes: int) -> Array:
    """The order of axes that brings channels before the positions."""
    return np.array([0, axes + 1, *range(1, axes + 1)])


def _to_last(axes: int) -> Array:
    """The order of axes that brings channels behind the positions."""
    return np.array([0, *range(2, axes + 2), 1])
