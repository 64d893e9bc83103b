"""What there is to say about models of point clouds: their layers, what goes in, how far a point sees."""

from __future__ import annotations

from dataclasses import replace

import keras

from convscope import phrasing
from convscope.kinds.points.layers.neighborhoods import (
    FirstChannels,
    FirstPoints,
    InterpolatePoints,
    NearestPoints,
    PointConv,
    PointPooling,
)
from convscope.kinds.points.layers.pillars import MORE, Pillars
from convscope.scope.describe.input_kind import InputKind
from convscope.scope.describe.input_readers import InputReader, register_reader
from convscope.scope.describe.overview import Overview
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.geometry.axis_dependency import everything
from convscope.scope.geometry.sliding import Dependencies, Passage, State
from convscope.scope.graph.graph import LayerGraph, Value
from convscope.scope.keras_layers.pooling import over_maps
from convscope.scope.layer_spec import LayerSpec, register
from convscope.scope.sizes import Shapes, count


def _finds(facts: Facts) -> str:
    layer, shape = facts.layer, facts.shape_out
    ball = f", none farther than {layer.radius:g}" if layer.radius is not None else ""
    return (
        f"For each of {phrasing.plural(shape[0] or 0, 'point')} the"
        f" {phrasing.plural(shape[1] or 0, 'nearest point')}"
        f" among its inputs{ball}."
    )


def _keeps(facts: Facts) -> str:
    return f"{phrasing.plural(facts.shape_out[0] or 0, 'point')} stay, which cover the whole cloud."


def _positions(facts: Facts) -> str:
    return f"The first {phrasing.plural(facts.layer.count, 'channel')} of each point."


def _convolves(facts: Facts) -> str:
    layer = facts.layer
    kernels = phrasing.plural(facts.shape_out[-1] or 0, "kernel")
    channels = phrasing.plural(facts.channels_in or 0, "channel")
    told = f", {layer.relative} of them relative to it" if layer.relative else ""
    own = " A second kernel reads the point itself." if layer.own else ""
    said = f"{kernels} over the {channels} of the points near each point{told}"
    return f"{said}; the largest response counts.{own}"


def _interpolates(facts: Facts) -> str:
    near = phrasing.plural(facts.layer.neighbors, "nearest point")
    return f"{phrasing.plural(facts.shape_out[0] or 0, 'point')}, each from its {near}."


def _pictures(facts: Facts) -> str:
    layer = facts.layer
    rows, columns = layer.grid
    return (
        f"{phrasing.plural(layer.units, 'kernel')} over each point and how far it lies from the mean and the"
        f" middle of its pillar; the largest response in each of {rows}x{columns} cells of side"
        f" {layer.cell:g} counts."
    )


def _from_above(at: Passage) -> State:
    """Any point may lie in any cell."""
    return tuple(everything(r) for r in at.state)


def _pillar_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """A product with the kernel at each point."""
    points, channels = inputs[0][1:]
    return count((points, (channels or 0) + MORE, outputs[0][-1]))


def _near(at: Passage) -> State:
    """Whatever the neighbors are, the values of a point come from it and from points around it."""
    state = rules.gathering(replace(at, states=at.states[:1], shapes=at.shapes[:1]))
    return None if state is None else _first(state, at)


def _stays(at: Passage) -> State:
    """The first points stay themselves."""
    return _first(at.state, at)


def _first(state: Dependencies, at: Passage) -> Dependencies:
    """What the first points depend on, as many as the output has."""
    points = at.output[1]
    return tuple(
        r if r.axis != 1 or r.spans is None else replace(r, spans=r.spans[:, :points]) for r in state
    )


def _all_points(at: Passage) -> State:
    """Which points are near depends on all of them."""
    return tuple(r if r.axis is None else everything(r, r.axis if r.axis == 1 else None) for r in at.state)


def _table_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """A product with each coordinate of each point, for each point that is asked."""
    others = inputs[-1]
    return count((outputs[0][1], *others[1:]))


def _conv_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """A product with the kernel at each point, and at each that is asked with what is relative or its own."""
    channels, filters = inputs[0][-1], outputs[0][-1]
    more = layer.relative + (channels or 0) * layer.own
    return count((*inputs[0][1:], filters)) + count((outputs[0][1], more, filters))


register(
    LayerSpec(
        NearestPoints,
        "preparation",
        "NearestPoints finds, for each point, those nearest to it: the neighborhoods that the next layer"
        " looks at. Nothing is learned.",
        _finds,
        _all_points,
        _table_cost,
        frozenset({"exact"}),
        component="nearest neighbors",
    ),
    LayerSpec(
        FirstPoints,
        "shaping",
        "FirstPoints keeps the first points. Those farthest apart come first, so that what is left covers the"
        " whole cloud more thinly.",
        _keeps,
        _stays,
        traits=frozenset({"selects"}),
    ),
    LayerSpec(
        FirstChannels,
        "shaping",
        "FirstChannels keeps the first channels of each point, such as its position.",
        _positions,
        rules.pointwise,
    ),
    LayerSpec(
        PointConv,
        "convolution",
        "PointConv is a convolution over the neighborhood of a point: each kernel is multiplied with the"
        " values of the points near it, told relative to its position, and the largest product counts,"
        " wherever in the neighborhood it is.",
        _convolves,
        _near,
        _conv_cost,
        frozenset({"gathers"}),
        kernel="dense",
        component="point convolution",
    ),
    LayerSpec(
        InterpolatePoints,
        "shaping",
        "InterpolatePoints brings the values of few points to many: each gets the mean of the nearest ones,"
        " weighted by how near they are. Nothing is learned.",
        _interpolates,
        _all_points,
        traits=frozenset({"exact", "gathers"}),
        component="interpolation between points",
    ),
    LayerSpec(
        PointPooling,
        "global pooling",
        "PointPooling takes the largest value of each channel over all points, whatever their order. Points"
        " that have one are critical: where no neighborhood joins points before, they alone decide.",
        lambda facts: over_maps(facts, "maximum"),
        rules.global_pooling,
        component="max pooling over points",
    ),
    LayerSpec(
        Pillars,
        "other",
        "Pillars makes a picture of a cloud seen from above: a kernel is multiplied with each point, and the"
        " largest product of all points in a column becomes the value of its cell; cells without points are"
        " 0.",
        _pictures,
        _from_above,
        _pillar_cost,
        frozenset({"exact", "selects"}),
        component="pillars",
    ),
)


def _clouds(graph: LayerGraph, value: Value) -> InputKind | None:
    """Clouds by the number of their points and what is known of each."""
    shape = value.shape[1:]
    if len(shape) != 2 or (shape[1] or 0) < 3:
        return None
    features = f" and {phrasing.plural((shape[1] or 0) - 3, 'feature')}" if (shape[1] or 0) > 3 else ""
    points = "any number of points" if shape[0] is None else phrasing.plural(shape[0], "point")
    said = f"clouds of {points} with position{features}"
    return InputKind("cloud", said, "point", shape[:1], shape[1], "nodes", ("point", "cell", "position"))


def _key_points(overview: Overview) -> list[str]:
    """How many neighborhoods lie between a point and what it sees, and how points become an answer."""
    pillars = [call for call in overview.graph.calls if isinstance(call.layer, Pillars)]
    if pillars:
        rows, columns = pillars[0].layer.grid
        return [f"Points become a picture of {rows}x{columns} cells seen from above; all else is over it."]
    calls = [call for call in overview.graph.calls if isinstance(call.layer, PointConv)]
    if not calls:
        return ["Each point is seen by itself; only the largest value of each channel joins them."]
    reached = [overview.geometries[call.path].hops for call in calls if call.path in overview.geometries]
    tables = [call for call in overview.graph.calls if isinstance(call.layer, NearestPoints)]
    sizes = ", ".join(str(call.output_shapes[0][2]) for call in tables)
    steps = phrasing.plural(max(reached, default=0), "neighborhood")
    points = [str(call.output_shapes[0][1]) for call in calls]
    return [
        f"Each point sees points up to {steps} away, of {sizes} points each.",
        f"Points go from {points[0]} to {points[-1]}, those farthest apart.",
    ]


register_reader(
    InputReader(
        (NearestPoints, FirstPoints, FirstChannels, PointConv, InterpolatePoints, PointPooling, Pillars),
        _clouds,
        _key_points,
    )
)
