"""What only models of graphs are inspected by: how much each edge mattered, and maps over a whole graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.kinds.contract.inspection import InspectedModel, InspectionResult
from convscope.kinds.contract.representation import GraphDescription
from convscope.kinds.graph.graph import Graph, GraphNode, NodePair
from convscope.kinds.graph.layout import run_layout
from convscope.kinds.graph.picture import EdgeColors
from convscope.kinds.graph.representation import GraphRepresentation
from convscope.kinds.graph.view import SIDE, STRONGEST, GraphView
from convscope.lenses.figures.maps import draw_maps
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.strips import place_ranked
from convscope.lenses.sheet.theme import find_theme, number, scale_of
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Sample
from convscope.phrasing import plural
from convscope.scope.attribution.methods import attribute
from convscope.scope.attribution.query import AttributionQuery
from convscope.scope.attribution.request import ask
from convscope.scope.choice import early_middle_late
from convscope.scope.describe.explanation import explain
from convscope.scope.differentiate import forward_program
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import trace
from convscope.scope.record import record
from convscope.types import Array

Values = npt.NDArray[np.float64]

MOST = 256
"""Edges that are taken out of a graph, one by one: those of largest integrated gradients."""
FAINT = 0.02
"""Share of the largest magnitude up to which an edge is drawn as any other."""
_METHODS = {
    "integrated gradients": "share of the score, as weights grow from 0",
    "occlusion": "how much the score falls without the edge",
}


@dataclass(frozen=True, eq=False)
class EdgeAttribution:
    """How much each edge of a graph mattered for one prediction.

    Args:
        target: Class or unit that is explained.
        score: Before the last activation.
        integrated: Integrated gradients along the weights of the edges, from 0, shape (edges,): together the
            score minus that without any edge, the degrees by which layers normalize kept.
        occluded: How much the score falls when the edge is taken out and both degrees with it, shape
            (edges,); NaN where that was not tried.
        difference: What `integrated` adds up to, but for the error of the steps.
    """

    target: int
    score: float
    integrated: Values
    occluded: Values
    difference: float


def inspect_edges(inspected: InspectedModel) -> InspectionResult:
    """How much each edge mattered, by integrated gradients and by leaving it out.

    Raises:
        UsageError: The inputs are no graphs.
    """
    figures: list[LazyFigure] = []
    arrays: dict[str, Array] = {}
    about: dict[str, Any] = {}
    notes = list(inspected.notes)
    for at, name in enumerate(inspected.names):
        description = _description(inspected, at)
        sample = keras.tree.map_structure(
            lambda array, at=at: np.asarray(array)[at : at + 1], inspected.inputs
        )
        found = edge_attribution(inspected.model, sample, description, inspected.target)
        draw = partial(_draw_edges, found, description, name, inspected)
        figures.append(LazyFigure(draw, f"edges of {name}"))
        arrays |= {f"{name}/integrated": found.integrated, f"{name}/occluded": found.occluded}
        arrays[f"{name}/edges"] = description.edges
        about[name] = {"target": found.target, "score": found.score, "nodes": list(description.names)}
        if np.isnan(found.occluded).any():
            notes.append(f"{name}: of {len(description.edges):,} edges, {MOST} were taken out one by one")
    title = f"Edges that mattered to {inspected.name}"
    return InspectionResult(title, figures, arrays, {"inputs": about}, notes)


def _description(inspected: InspectedModel, at: int) -> GraphDescription:
    found = None if inspected.describe is None else inspected.describe(at)
    if not isinstance(found, GraphDescription):
        raise UsageError(
            "Edges are told of graphs as a run reads them.", "Give a run of a graph recipe, and its files."
        )
    return found


def edge_attribution(
    model: keras.Model, sample: Any, description: GraphDescription, target: int | None = None
) -> EdgeAttribution:
    """Explains one prediction by the edges; nothing is drawn at random.

    Args:
        model: Of the inputs that `convscope.layers.neighbors.graph_inputs` names.
        sample: One of them, by name, with a batch axis of 1.
        description: What its positions and edges are.
        target: Class or unit; by default the predicted one.
    """
    found = attribute(model, sample, "integrated-gradients", input_name="weights", target=target)[0]
    assert found.parts is not None
    places = _places(sample, description)
    there = places >= 0
    summed: Values = np.bincount(places[there], found.parts[there], minlength=len(description.edges)).astype(
        np.float64
    )
    order = np.argsort(-np.abs(summed), kind="stable")[:MOST]
    query = ask(
        model,
        sample,
        layer=None,
        target=found.target,
        output=None,
        score="logit",
        input_name="weights",
        batch_size=None,
        seed=0,
    )
    occluded = np.full(len(description.edges), np.nan)
    whole, falls = _without_each(query, places, order, description)
    occluded[order] = falls
    return EdgeAttribution(found.target, whole, summed, occluded, float(found.details["difference"]))


def _places(sample: Any, description: GraphDescription) -> npt.NDArray[np.int64]:
    """Which edge of the description each place of the table holds, shape (rows, width); -1 for none."""
    nodes = max(len(description.names), 1)
    targets = np.broadcast_to(sample["owners"][0][:, None], sample["neighbors"][0].shape).astype(np.int64)
    sources = sample["neighbors"][0].astype(np.int64)
    ends = description.edges if description.directed else np.sort(description.edges, axis=1)
    low, high = (sources, targets) if description.directed else np.sort([sources, targets], axis=0)
    keys = ends[:, 0] * nodes + ends[:, 1]
    order = np.argsort(keys, kind="stable")
    wanted = low * nodes + high
    spot = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
    if not len(keys):
        return np.full(wanted.shape, -1, np.int64)
    held = (sample["weights"][0] != 0) & (keys[order][spot] == wanted)
    return np.where(held, order[spot], -1)


def _without_each(
    query: AttributionQuery,
    places: npt.NDArray[np.int64],
    edges: npt.NDArray[np.int64],
    description: GraphDescription,
) -> tuple[float, Values]:
    """The score, and how much it falls without each of some edges, degrees included."""
    names = list(query.graph.input_names)
    at_weights, at_degrees = names.index("weights"), names.index("degrees")
    program = forward_program(
        query.model,
        lambda *tensors: query.scores(tensors[:-2], tensors[-2], tensors[-1]),
        compiled=len(edges) > 4 * query.batch_size,
    )
    width = min(query.batch_size, len(edges) + 1)
    inputs = [np.repeat(array, width, axis=0) for array in query.inputs]
    selector, offset = np.repeat(query.selector, width, axis=0), np.repeat(query.offset, width)
    whole = float(program(*inputs, selector, offset)[0])
    falls = []
    for start in range(0, len(edges), width):
        some = edges[start : start + width]
        changed = list(inputs)
        weights, degrees = inputs[at_weights].copy(), inputs[at_degrees].copy()
        for row, edge in enumerate(some.tolist()):
            held = places == edge
            weight = float(weights[row][held].max(initial=0.0))
            ends = description.edges[edge]
            degrees[row, ends[1:] if description.directed else ends] -= weight
            weights[row][held] = 0
        changed[at_weights], changed[at_degrees] = weights, np.maximum(degrees, 0)
        falls.append(whole - np.asarray(program(*changed, selector, offset), np.float64)[: len(some)])
    return whole, np.concatenate(falls) if falls else np.zeros(0)


def _draw_edges(
    found: EdgeAttribution, description: GraphDescription, name: str, inspected: InspectedModel, theme: str
) -> Figure:
    """Both attributions, the edges colored, the strongest named beside them."""
    sheet = Sheet(find_theme(theme))
    y = sheet.title(f"Edges that mattered to {inspected.name}")
    view = GraphView(len(description.names), description)
    sheet.text(MARGIN, y, f"{name}  ·  {view.note}", color=sheet.theme.muted, width=INNER)
    classes = inspected.class_names
    known = classes is not None and 0 <= found.target < len(classes)
    label = classes[found.target] if classes is not None and known else f"output {found.target}"
    sums = {
        "integrated gradients": f"all edges {number(float(found.integrated.sum()))}",
        "occlusion": f"{plural(int(np.isfinite(found.occluded).sum()), 'edge')} taken out one by one",
    }
    y += 40
    for (method, about), values in zip(_METHODS.items(), (found.integrated, found.occluded), strict=True):
        said = f"{label}: {number(found.score)} before the last activation  ·  {about}  ·  {sums[method]}"
        sheet.text(MARGIN, y, method, bold=True)
        sheet.paragraph(MARGIN, y + 28, said, INNER, lines=2, size=SMALL, color=sheet.theme.muted)
        _place_edges(sheet, y + 64, view, np.nan_to_num(values))
        y += 64 + SIDE + 56
    return sheet.finish(y)


def _place_edges(sheet: Sheet, y: int, view: GraphView, values: Values) -> None:
    scale = scale_of(sheet.theme, np.append(values, 0.0), "diverging")
    strength = np.abs(values)
    order = np.argsort(strength, kind="stable")
    strongest = order[strength[order] > 0][::-1][:STRONGEST]
    drawn = order[strength[order] > FAINT * strength.max(initial=0)]
    ends = view.description.edges
    labels = list(dict.fromkeys([*view.description.centers, *ends[strongest].ravel().tolist()]))
    colors = EdgeColors(drawn, scale.colors(values[drawn]))
    view.picture.place(sheet, (MARGIN, y, SIDE), view.plain(sheet), labels=labels, edges=colors)
    sheet.color_bar(MARGIN + SIDE + BAR_GAP, y, TALLEST_BAR, scale)
    left = MARGIN + SIDE + BAR_ROOM + 40
    arrow = " → " if view.description.directed else " - "
    named = [arrow.join(view.names[node] for node in ends[edge].tolist()) for edge in strongest]
    place_ranked(sheet, (left, y, INNER + MARGIN - left), named, values, strongest, scale, "edge")


def inspect_graph(inspected: InspectedModel) -> InspectionResult:
    """Feature maps over the whole graph that the samples lie in, laid out once.

    Raises:
        UsageError: The inputs are no nodes or pairs of nodes of a graph.
    """
    graph, representation = _graph_of(inspected), inspected.representation
    if graph is None or not isinstance(representation, GraphRepresentation):
        raise UsageError(
            "The method 'graph' draws the graph that nodes lie in. Received: other inputs.",
            "Give a run of a recipe on nodes or links; of whole graphs the method 'maps' draws each.",
        )
    asked = {
        each.name: np.zeros((1, *(length or 1 for length in each.shape[1:])), each.dtype)
        for each in inspected.model.inputs
    }
    inputs = {name: representation.whole(graph).get(name, asked[name]) for name in asked}
    calls = trace(inspected.model, inputs)
    named = calls.select(inspected.layers) if inspected.layers else None
    chosen, how = (named, "") if named else early_middle_late(calls, geometries(calls), 3)
    recording = record(inspected.model, inputs, [call.path for call in chosen])
    texts = {layer.path: layer.here for layer in explain(inspected.model, inputs=inputs).layers}
    described = GraphDescription(
        tuple(graph.names),
        graph.edges,
        run_layout(graph.edges, len(graph)),
        graph.weights,
        directed=graph.directed,
    )
    view = GraphView(len(graph), described)
    maps = [
        LayerMaps.of(path, texts.get(path, ""), tap.array[0], tap.geometry) for path, tap in recording.items()
    ]
    title = f"Feature maps of {inspected.name} over the whole graph"
    draw = partial(_draw_whole, Sample(view, graph.name), maps, inspected.channels, title)
    arrays: dict[str, Array] = {f"maps/{path}": tap.array[0] for path, tap in recording.items()}
    arrays["places"] = view.description.places
    notes = [f"layers {', '.join(recording)}: {how}"] if how else []
    return InspectionResult(title, [LazyFigure(draw, f"maps over {graph.name}")], arrays, {}, notes)


def _draw_whole(sample: Sample, maps: list[LayerMaps], channels: int, title: str, theme: str) -> Figure:
    return draw_maps(sample, maps, channels=channels, theme=theme, title=title)


def _graph_of(inspected: InspectedModel) -> Graph | None:
    sample = inspected.samples.load(0) if inspected.samples is not None else None
    return sample.graph if isinstance(sample, GraphNode | NodePair) else None
