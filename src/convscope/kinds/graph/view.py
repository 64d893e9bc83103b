"""How graphs are drawn: nodes and edges where a layout puts them, of very many nodes their density."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.kinds.contract.representation import GraphDescription
from convscope.kinds.graph.graph import Graph, GraphNode, NodePair
from convscope.kinds.graph.hops import hops_within
from convscope.kinds.graph.layout import describe_graph, describe_neighborhood
from convscope.kinds.graph.picture import SHADE, GraphPicture, NodeValues
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, MapBlock, Where, scales_of
from convscope.lenses.sheet.figure_files import palette_png
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.strips import place_ranked
from convscope.lenses.sheet.theme import (
    LIGHT,
    Numbers,
    Scale,
    color_bytes,
    count,
    mixed,
    number,
    scale_of,
)
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Box, Overlay, Patch, PlacedPatch, View

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

INPUT = 300
"""Side of the input beside its maps."""
MAP, GAP, LABEL = 196, 18, 24
SIDE = 620
"""Side of a graph with an attribution."""
STRONGEST = 16
"""Nodes that are listed beside an attribution."""
NEIGHBORS = 2
"""Hops around a node that are drawn where nothing says how far a model sees."""
FEW = 100
"""Nodes of a thumbnail up to which more hops are drawn."""
LISTED = 6


class GraphView(View):
    """A graph, or the neighborhood of one node or of a pair of nodes.

    Args:
        length: How many positions the model's input has, those of padding included.
        description: What the first of them are, and where they are drawn.
        values: The model's input, shape (positions, features); None where that is not known.
    """

    def __init__(self, length: int, description: GraphDescription, values: Numbers | None = None) -> None:
        self.length, self.description, self.values = length, description, values

    @cached_property
    def picture(self) -> GraphPicture:
        """Nodes and edges where the layout puts them."""
        return GraphPicture(self.description)

    @property
    def nodes(self) -> int:
        """How many there are, without padding."""
        return len(self.description.names)

    @property
    def positions(self) -> tuple[int, ...]:
        """The number of nodes, padding included."""
        return (self.length,)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the nodes."""
        return self.description.names

    @property
    def tile(self) -> int | None:
        """Wide enough to tell nodes apart."""
        return 150

    @property
    def note(self) -> str:
        """How many nodes and edges there are, and how far away."""
        said = f"{count(self.nodes, 'node')}, {count(len(self.description.edges), 'edge')}"
        if self.description.note:
            said += f"; {self.description.note}"
        if self.description.hops is None:
            return said
        hops, drawn = self.description.hops, self.picture.description.hops
        said += f", up to {count(int(hops.max(initial=0)), 'hop')} away"
        if drawn is None or len(drawn) == self.nodes:
            return said
        near = f"{count(len(drawn), 'node')} up to {count(int(drawn.max(initial=0)), 'hop')} away"
        return f"{said}; drawn: {near}"

    def unpadded(self, values: Numbers) -> Numbers:
        """Those at the nodes."""
        return np.asarray(values, np.float64)[: self.nodes]

    @property
    def focus(self) -> tuple[int, ...] | None:
        """The node that the sample is about."""
        return self.description.centers[:1] or None

    @property
    def takes_lines(self) -> bool:
        """Graphs differ in their nodes, so that maps of several stand one below the other."""
        return True

    def trimmed(self, layer: LayerMaps) -> LayerMaps:
        """Without the nodes of padding."""
        return replace(layer, maps=layer.maps[: self.nodes]) if self._lies_over(layer) else layer

    def planes(self, layer: LayerMaps) -> Numbers:
        """(channels, nodes) of maps over the nodes, without padding."""
        return layer.planes[:, : self.nodes] if self._lies_over(layer) else layer.planes

    def holds(self, layer: LayerMaps) -> bool:
        """Maps over the nodes stand beside the graph."""
        return self._lies_over(layer)

    def _lies_over(self, layer: LayerMaps) -> bool:
        return layer.planes.ndim == 2 and layer.planes.shape[1] in (self.length, self.nodes)

    def place_input(self, sheet: Sheet, box: Box) -> int:
        """Draws the graph, centers and hops in colors, with names where they fit; returns the height."""
        x, y, wide, high = (int(each) for each in box)
        side = min(wide, high)
        self.picture.place(sheet, (x, y, side), self.plain(sheet), labels=self._order())
        self._place_legend(sheet, (x + side + 30, y + 24, wide - side - 30))
        return side

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws the graph small, without names; returns the height."""
        x, y, wide, high = (int(each) for each in box)
        side = min(wide, high)
        self.picture.place(sheet, (x, y, side), self.plain(sheet), name=name)
        return side

    def place_maps(
        self,
        sheet: Sheet,
        where: Where,
        layer: LayerMaps,
        channels: list[int],
        *,
        scale: str,
        shared: Scale | None = None,
    ) -> MapBlock:
        """Draws the graph, and beside it once for each channel with its values as colors of the nodes."""
        if not self._lies_over(layer):
            return super().place_maps(sheet, where, layer, channels, scale=scale, shared=shared)
        x, y, width = where
        top = y + 8
        self.picture.place(sheet, (x, top + LABEL, INPUT), self.plain(sheet), labels=self._order())
        end = top + LABEL + INPUT
        if shared is None:
            end = self._place_legend(sheet, (x, end + 24, INPUT))
        left, room = x + INPUT + 36, width - INPUT - 36 - BAR_ROOM
        columns = max(1, (room + GAP) // (MAP + GAP))
        chosen = self.planes(layer)[channels]
        known = self.description.complete(layer.hops)
        drawn = np.stack([self.picture.drawn(values, known, MAP) for values in chosen])
        scales = scales_of(sheet, drawn, scale)
        if shared is not None and scale == "layer":
            scales = [shared] * len(channels)
        for place, (channel, values) in enumerate(zip(channels, chosen, strict=True)):
            row, column = divmod(place, columns)
            spot = (left + column * (MAP + GAP), top + LABEL + row * (MAP + LABEL + GAP))
            sheet.text(spot[0], spot[1] - 6, str(channel), size=TINY, color=sheet.theme.muted)
            colors = NodeValues(values, scales[place], None if known.all() else known)
            self.picture.place(sheet, (*spot, MAP), colors, name=f"maps {layer.path} {channel}")
        rows = -(-len(channels) // columns)
        bottom = top + rows * (MAP + LABEL + GAP) - GAP
        notes = ["color of a node: the value of the channel there", *self.picture.notes(MAP)]
        if not known.all():
            notes.append("gray: nodes at the rim, which have neighbors that are not here")
        if scale == "layer":
            high = min(bottom - top - LABEL, TALLEST_BAR)
            sheet.color_bar(x + width - BAR_ROOM + BAR_GAP, top + LABEL, high, scales[0])
        else:
            notes.append("each map on its own scale")
        return MapBlock(top, bottom, tuple(notes), left, room, end)

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws the graph once for each attribution, its nodes colored, the strongest named beside it."""
        for each in overlays:
            said = "  ·  ".join(line for line in each.lines if line)
            sheet.text(MARGIN, y + 8, each.attribution.method, bold=True, width=INNER)
            after = sheet.paragraph(MARGIN, y + 36, said, INNER, size=SMALL, color=sheet.theme.muted)
            top = int(after - line_height(SMALL)) + 20
            values = self.unpadded(each.attribution.values)
            kind = "diverging" if each.attribution.signed else None
            scale = scale_of(sheet.theme, np.append(values, 0.0), kind)
            strength = np.abs(np.nan_to_num(values, posinf=0, neginf=0))
            order = np.argsort(-strength, kind="stable")
            strongest = order[strength[order] > 0][:STRONGEST]
            spot = (MARGIN, top, SIDE)
            name = f"heat {each.attribution.method}"
            self.picture.place(sheet, spot, NodeValues(values, scale), labels=strongest, name=name)
            sheet.color_bar(MARGIN + SIDE + BAR_GAP, top, TALLEST_BAR, scale)
            left = MARGIN + SIDE + BAR_ROOM + 40
            hops = self.description.hops
            far = (
                [""] * self.nodes if hops is None else [f"  ·  {count(hop, 'hop')}" for hop in hops.tolist()]
            )
            named = [f"{self.names[node]}{far[node]}" for node in strongest.tolist()]
            box = (left, top, INNER - (left - MARGIN))
            place_ranked(sheet, box, named, values, strongest, scale, "node")
            y = top + SIDE + 44
        return y

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws the neighborhood of a node as far as the layer sees, the node in the middle."""
        x, y, wide, _ = (int(each) for each in box)
        window = patch.window[0] if len(patch.window) else (0, self.nodes)
        if window[1] - window[0] != 1 or not self.nodes:
            return PlacedPatch(self.thumbnail(sheet, box, patch.name))
        node = int(window[0])
        whole = (self.names, self.description.edges, self.description.weights)
        part = describe_neighborhood(
            *whole, (node,), patch.hops or NEIGHBORS, directed=self.description.directed
        )
        view = GraphView(len(part.names), part)
        view.picture.place(sheet, (x, y, wide), view.plain(sheet), labels=view._order(), name=patch.name)
        some = [part.names[row] for row in view._order().tolist() if row][:LISTED]
        lines: tuple[str, ...] = (count(len(part.names), "node"), *([", ".join(some)] if some else []))
        if node not in self.description.centers:
            lines = (self.names[node], *lines)
        return PlacedPatch(wide, lines, (_COLORED,))

    def kernel_labels(self, position: Position) -> Sequence[str]:
        """The nodes whose values are added up."""
        return [self._name(int(place)) for place in position.places[0]] if position.gathered else ()

    def place_name(self, position: Position) -> str:
        """The node."""
        return self._name(position.at[0]) if position.map.shape == self.positions else ""

    def channel_names(self, position: Position) -> Sequence[str]:
        """The features of nodes, where these are what the layer reads."""
        read = self.values
        if read is not None and position.inputs.ndim == 1 and position.map.shape == self.positions:
            read = read[position.at[0]]
        features = self.description.features
        same = read is not None and features and np.array_equal(read, position.inputs)
        return features if same else ()

    def _name(self, place: int) -> str:
        return self.names[place] if place < self.nodes else "padding"

    def place_position(self, sheet: Sheet, y: int, position: Position, name: str) -> int:
        """Draws the graph with what the value depends on, everything else shaded, and the map."""
        if position.map.shape != self.positions:
            return super().place_position(sheet, y, position, name)
        side, node = SIDE - 60, position.at[0]
        right, theme = MARGIN + side + 60, sheet.theme
        hops = position.geometry.hops if position.geometry is not None else 0
        edges, one_way = self.description.edges, self.description.directed
        near = hops_within(edges, self.nodes, [node], hops, directed=one_way)
        seen = near >= 0
        colors = _colors_of_hops(sheet, near, [node])
        labels = np.flatnonzero(seen)[np.argsort(near[seen], kind="stable")]
        self.picture.place(sheet, (MARGIN, y, side), colors, labels=labels)
        known = self.description.complete(hops)
        scale = scale_of(theme, self.unpadded(position.map)[known])
        valued = NodeValues(self.unpadded(position.map), scale, None if known.all() else known)
        self.picture.place(sheet, (right, y, side), valued, labels=np.array([node]), name="map")
        sheet.color_bar(right + side + BAR_GAP, y, TALLEST_BAR, scale)
        below = y + side + line_height(SMALL)
        field = f"{self._name(node)} depends {_said_of(near, hops)}"
        if not known[node]:
            field += "; others are not here, as it lies at the rim"
        sheet.text(MARGIN, below, field, size=SMALL, color=theme.second, width=side)
        value = f"channel {position.channel}: {number(position.value, 4)} at {self._name(node)}"
        sheet.text(right, below, value, size=SMALL, color=theme.second, width=side)
        return int(below) + 44

    def markup(self, label: str) -> str:
        """The graph as an element of a page."""
        sheet = Sheet(LIGHT, width=240)
        GraphPicture(self.description, FEW).place(sheet, (10, 10, 220), self.plain(sheet))
        picture = base64.b64encode(palette_png(sheet.finish(240))).decode("ascii")
        address = f"data:image/png;base64,{picture}"
        return f'<img class="large" src="{address}" alt="{escape(label)}">'

    def plain(self, sheet: Sheet) -> npt.NDArray[np.uint8]:
        """Colors of the nodes where no value gives them: centers, and hops the paler the further."""
        hops = self.description.hops
        hops = np.ones(self.nodes, np.int64) if hops is None else hops
        return _colors_of_hops(sheet, hops, self.description.centers)

    def _order(self) -> npt.NDArray[np.int64]:
        """Nodes in the order in which their names are written: centers, then those with most edges."""
        degrees = np.bincount(self.description.edges.ravel(), minlength=self.nodes).astype(np.float64)
        degrees[list(self.description.centers)] = np.inf
        return np.argsort(-degrees, kind="stable")

    def _place_legend(self, sheet: Sheet, box: tuple[int, int, int]) -> int:
        """Writes how many nodes are how many hops away, with some of their names; returns the baseline."""
        x, y, width = box
        if self.description.hops is None or width < 150:
            return y
        colors = self.plain(sheet)
        for hop in np.unique(self.description.hops).tolist():
            nodes = np.flatnonzero(self.description.hops == hop)
            some = ", ".join(self.names[node] for node in nodes[:LISTED])
            more = ", …" if len(nodes) > LISTED else ""
            said = some if hop == 0 else f"{count(len(nodes), 'node')} {count(hop, 'hop')} away: {some}{more}"
            sheet.dots(np.array([[x + 7, y - 7]]), colors[nodes[:1]], 7)
            y = int(sheet.paragraph(x + 22, y, said, width - 22, size=TINY)) + 4
        return y


def _said_of(near: npt.NDArray[np.int64], hops: int) -> str:
    """On which nodes a value depends: how many, how far the furthest is, and the layer sees if that is more.

    Args:
        near: How many edges away each node is; -1 for those that it does not depend on.
        hops: How far the layer sees.
    """
    furthest = int(near.max(initial=0))
    sees = f"; the layer sees {count(hops, 'hop')} far" if furthest < hops else ""
    if not furthest:
        return f"on no other node{sees}"
    return f"on {count(int((near >= 0).sum()), 'node')}, up to {count(furthest, 'hop')} away{sees}"


_COLORED = "orange: the node; the paler, the more hops away"


def _colors_of_hops(
    sheet: Sheet, hops: npt.NDArray[np.int64], centers: Sequence[int]
) -> npt.NDArray[np.uint8]:
    """Orange centers, blue neighbors, paler with every hop; -1 is what lies out of sight."""
    theme, last = sheet.theme, int(hops.max(initial=0))
    step = min(0.38, 0.8 / max(last - 1, 1))
    shades = [mixed(theme.first, theme.ground, 1 - step * max(hop - 1, 0)) for hop in range(last + 1)]
    table = np.stack([color_bytes(each) for each in (*shades, mixed(theme.rule, theme.ground, SHADE))])
    colors = table[hops]
    colors[list(centers)] = color_bytes(theme.second)
    return np.asarray(colors, np.uint8)


class _GraphViews:
    """Makes the views of graphs."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A graph as a model takes it, (positions, features); without a description its nodes in rows."""
        if isinstance(description, GraphDescription):
            return GraphView(len(values), description, values)
        names = [f"node {row}" for row in range(len(values))]
        return GraphView(len(values), describe_graph(names, np.zeros((0, 2), np.int64)))

    def of_sample(self, sample: object) -> View:
        """A graph, or what lies around a node or a pair of nodes."""
        if isinstance(sample, Graph):
            graph, weights = sample, sample.weights
            made = describe_graph(graph.names, graph.edges, weights, directed=graph.directed)
        elif isinstance(sample, GraphNode | NodePair):
            graph, weights = sample.graph, sample.graph.weights
            rows = (sample.row,) if isinstance(sample, GraphNode) else sample.rows
            whole = (graph.names, graph.edges, weights)
            made = describe_neighborhood(*whole, rows, NEIGHBORS, directed=graph.directed)
        else:
            said = type(sample).__name__
            raise UsageError(f"A graph, a node or a pair of nodes is drawn. Received: {said}.")
        return GraphView(len(made.names), made)


VIEW = _GraphViews()
