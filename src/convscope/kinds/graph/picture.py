"""A graph on a sheet: lines and dots, and of very many nodes or edges their density."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.kinds.contract.representation import GraphDescription
from convscope.kinds.graph.layout import nearest, part_of
from convscope.lenses.sheet.lettering import width_of
from convscope.lenses.sheet.sheet import SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers, Scale, color_bytes, mixed

MOST_DOTS = 1500
"""Nodes up to which each is a dot in a large picture; of more the density is drawn."""
NEAREST = 384
"""Nodes up to which more hops are drawn around a center: what even a small picture has a dot for."""
MOST_LINES = 2500
"""Edges up to which each is a line in a large picture, fewer in small ones; of more the density is drawn."""
_DOT = 100  # square pixels of a picture that a dot needs at least
_INK = 0.5  # total length of all lines at most, in pixels, as a share of the pixels of a picture
SHADE = 0.7
"""How much of the color of rules is in nodes that do not count."""
_LABELS = 40
_CELL = 3  # pixels of a cell of many nodes
_ALONG = 24  # places of an edge that count for the density, at least
_MOST_PLACES = 2 * 10**7  # of all edges together
_FAINTEST = 0.3  # of what is there once, when the densest is 1
_BEYOND = 0.02  # share of the nodes at either end whose values may lie beyond the scale of a dense picture
_MOST_BENT = 300  # edges up to which they are led around nodes
_BENDS = (0.12, -0.12, 0.24, -0.24, 0.4, -0.4)  # how far from its straight line, in lengths of the edge
_POINTS = 13  # of an edge that is bent
_LINE = 150  # square pixels of a picture that a line needs at least
_PALER = 960  # square pixels for each edge of a picture below which edges are drawn paler
_HIGH = 20  # of a name
_NAME = 100  # width of a name that is written in small pictures too
_TOLERATED = 200  # one in so many nodes may be covered by the name of a group


@dataclass(frozen=True, eq=False)
class NodeValues:
    """Values of nodes and the scale that colors them.

    Args:
        values: Shape (nodes,).
        scale: From numbers to colors.
        known: Which of them count; the others are shaded. None for all.
    """

    values: Numbers
    scale: Scale
    known: npt.NDArray[np.bool_] | None = None

    def of(self, rows: npt.NDArray[np.int64]) -> NodeValues:
        """Those of some nodes."""
        return NodeValues(self.values[rows], self.scale, None if self.known is None else self.known[rows])

    def colors(self) -> Colors:
        """Of each node, shape (nodes, 4), uint8."""
        colors = self.scale.colors(self.values)
        if self.known is not None:
            theme = self.scale.theme
            colors[~self.known] = color_bytes(mixed(theme.rule, theme.ground, SHADE))
        return colors


@dataclass(frozen=True, eq=False)
class EdgeColors:
    """Edges in colors of their own, drawn over all others.

    Args:
        rows: Which edges, shape (edges drawn,).
        colors: Shape (edges drawn, 4), uint8.
    """

    rows: npt.NDArray[np.int64]
    colors: Colors


class GraphPicture:
    """Draws one graph, or of a large neighborhood what is nearest, as often as there are values of its nodes.

    Args:
        description: Nodes and edges, and where they are.
        most: Nodes up to which more hops around the centers are drawn.

    Attributes:
        rows: The nodes that are drawn; values, colors and labels are given for all of them.
    """

    def __init__(self, description: GraphDescription, most: int = NEAREST) -> None:
        self.rows = nearest(description.hops, len(description.names), most)
        self.description = part_of(description, self.rows)
        self._place = np.full(len(description.names), -1, np.int64)
        self._place[self.rows] = np.arange(len(self.rows))
        kept = (self._place[description.edges] >= 0).all(axis=1)
        self._edge = np.where(kept, np.cumsum(kept) - 1, -1)
        self._lines: dict[int, npt.NDArray[np.float64]] = {}

    def dense(self, side: int) -> bool:
        """Whether there are too many nodes for a dot each in a picture of some width."""
        return len(self.description.names) > min(MOST_DOTS, side**2 // _DOT)

    def notes(self, side: int) -> tuple[str, ...]:
        """What must be said about a drawing of some width."""
        if not self.dense(side):
            return ()
        beyond = f"colors end where {_BEYOND:.0%} of the nodes lie beyond"
        return ("each spot is the mean of the nodes there", beyond)

    def drawn(self, values: Numbers, known: npt.NDArray[np.bool_], side: int) -> Numbers:
        """The numbers that colors are drawn for: those of the nodes, or the means of what shares a spot.

        A few nodes of extreme values, which often have few neighbors, would leave all others one color;
        means are therefore cut off at what all but a few nodes have.

        Args:
            values: Of all nodes, shape (nodes,).
            known: Which of them count, shape (nodes,).
            side: Of the picture.
        """
        known = known[self.rows]
        values = values[self.rows][known]
        if not self.dense(side):
            return values
        spot, cells = self._spots((0, 0, side), self._placed((0, 0, side), False)[known])
        total = np.bincount(spot, minlength=cells * cells)
        means = np.bincount(spot, values, minlength=cells * cells)[total > 0] / total[total > 0]
        held = values[np.isfinite(values)]
        return np.clip(means, *np.quantile(held, (_BEYOND, 1 - _BEYOND))) if len(held) else means

    def _placed(self, spot: tuple[int, int, int], named: bool) -> Numbers:
        """Where the nodes lie in a square."""
        x, y, side = spot
        margin = self.radius(side) + (26 if named else 4)
        return np.asarray(np.array((x, y)) + margin + self.description.places * (side - 2 * margin))

    @staticmethod
    def _spots(spot: tuple[int, int, int], places: Numbers) -> tuple[npt.NDArray[np.int64], int]:
        """The number of the cell of each node, and how many cells there are along a side."""
        x, y, side = spot
        cells = -(-side // _CELL)
        at = np.clip((places - (x, y)) / _CELL, 0, cells - 1).astype(np.int64)
        return at[:, 1] * cells + at[:, 0], cells

    def radius(self, side: int) -> float:
        """Of the dots, in pixels, in a picture of some width."""
        return float(np.clip(0.16 * side / np.sqrt(max(len(self.description.names), 1)), 1.3, 11))

    def place(
        self,
        sheet: Sheet,
        spot: tuple[int, int, int],
        nodes: Colors | NodeValues,
        *,
        labels: Sequence[int] | npt.NDArray[np.int64] = (),
        edges: EdgeColors | None = None,
        ringed: bool = False,
        groups: Mapping[str, npt.NDArray[np.int64]] | None = None,
        name: str = "graph",
    ) -> None:
        """Draws the graph in a square.

        Args:
            sheet: Where to.
            spot: x and y of the top left corner, and the side.
            nodes: The color of each node, (nodes, 4), or their values.
            labels: Nodes in the order in which names are written, as many as fit.
            edges: Edges with colors of their own.
            ringed: Whether centers have a ring although nodes have colors, not values, and are dots.
            groups: The nodes of some groups by a short name, which is written in the middle of each.
            name: Of the nodes in the figure.
        """
        x, y, side = spot
        sheet.box(x, y, side, side, edge=sheet.theme.rule, width=0.6)
        radius = self.radius(side)
        dense = self.dense(side)
        labels = self.description.centers if dense else [at for at in self._place[list(labels)] if at >= 0]
        nodes = nodes.of(self.rows) if isinstance(nodes, NodeValues) else nodes[self.rows]
        places = self._placed(spot, len(labels) > 0)
        self._place_edges(sheet, spot, places)
        drawn = np.zeros(0, np.int64) if edges is None else self._edge[edges.rows]
        if edges is not None and (drawn >= 0).any():
            lines = around_nodes(places, self.description.edges, radius)[drawn[drawn >= 0]]
            sheet.segments(lines, edges.colors[drawn >= 0], width=1.6, name="edges")
        if dense:
            self._place_density(sheet, spot, places, nodes, name)
        else:
            colors = nodes.colors() if isinstance(nodes, NodeValues) else nodes
            rim = mixed(sheet.theme.ink, sheet.theme.ground, 0.45) if radius > 3 else "none"
            sheet.dots(places, colors, radius, edge=rim, name=name)
        centers = list(self.description.centers)
        rings = bool(centers) and (ringed or dense or isinstance(nodes, NodeValues))
        wide = 2 * radius + 6
        for across, down in places[centers] if rings else ():
            sheet.ring(across - wide / 2, down - wide / 2, wide, wide)
        apart = max(radius + 6, 12) if rings else radius
        taken = _placed_groups(sheet, places, groups or {}, apart)
        if len(labels):
            named = list(dict.fromkeys(np.asarray(labels).tolist()))
            self._place_names(sheet, spot, places, apart, named, taken)

    def _place_edges(self, sheet: Sheet, spot: tuple[int, int, int], places: Numbers) -> None:
        edges = self.description.edges
        edges = edges[edges[:, 0] != edges[:, 1]]
        most = min(MOST_LINES, spot[2] ** 2 // _LINE)
        ends = places[edges] if len(edges) <= most else np.zeros((0, 2, 2))
        long = float(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).sum())
        if len(edges) <= most and long <= _INK * spot[2] ** 2:
            share = 0.5 if len(edges) < spot[2] ** 2 / _PALER else 0.3
            lines = around_nodes(places, edges, self.radius(spot[2]))
            sheet.segments(lines, mixed(sheet.theme.ink, sheet.theme.ground, share), width=0.4)
            return
        x, y, side = spot
        if side not in self._lines:
            along = max(_ALONG, min(side, _MOST_PLACES // len(edges)))
            steps = (np.arange(along) + 0.5) / along
            first, second = places[edges[:, 0]] - (x, y), places[edges[:, 1]] - (x, y)
            total = np.zeros(side * side)
            for step in steps:
                at = np.clip(first + step * (second - first), 0, side - 1).astype(np.int64)
                total += np.bincount(at[:, 1] * side + at[:, 0], minlength=side * side)
            self._lines[side] = total.reshape(side, side)
        shade = self._lines[side]
        picture = np.zeros((side, side, 4), np.uint8)
        picture[..., :3] = color_bytes(sheet.theme.muted)[:3]
        picture[..., 3] = 10 * np.rint(10 * _strength(shade))  # few shades, which pack well
        sheet.image(x, y, picture, name="edges")

    def _place_density(
        self, sheet: Sheet, spot: tuple[int, int, int], places: Numbers, nodes: Colors | NodeValues, name: str
    ) -> None:
        """Cells of a few pixels, each the mean of the nodes in it; without values the paler the fewer."""
        x, y, side = spot
        flat, cells = self._spots(spot, places)
        total = np.bincount(flat, minlength=cells * cells)
        there = total > 0
        picture = np.zeros((cells * cells, 4), np.uint8)
        if isinstance(nodes, NodeValues) and nodes.known is None:
            summed = np.bincount(flat, nodes.values, minlength=cells * cells)
            picture[there] = nodes.scale.colors(summed[there] / total[there])
        else:
            colors = nodes.colors() if isinstance(nodes, NodeValues) else nodes
            for channel in range(4):
                summed = np.bincount(flat, colors[:, channel], minlength=cells * cells)
                picture[there, channel] = np.rint(summed[there] / total[there])
        if not isinstance(nodes, NodeValues):
            picture[there, 3] = np.rint(255 * _strength(total[there]))
        large = picture.reshape(cells, cells, 4).repeat(_CELL, axis=0).repeat(_CELL, axis=1)
        sheet.image(x, y, large[:side, :side], name=name)

    def _place_names(
        self,
        sheet: Sheet,
        spot: tuple[int, int, int],
        places: Numbers,
        radius: float,
        order: Sequence[int] | npt.NDArray[np.int64],
        taken: Numbers,
    ) -> None:
        """Writes names beside their nodes where they cover no other name, and few nodes."""
        x, y, side = spot
        for node in np.asarray(order)[: 4 * _LABELS].tolist():
            if len(taken) >= _LABELS:
                return
            name = self.description.names[node]
            wide = width_of(name, TINY)
            if wide > max(side / 3, _NAME):
                continue
            across, down = places[node]
            for left, top in _beside(across, down, wide, radius):
                box = np.array((left, top, left + wide, top + _HIGH))
                inside = left >= x + 2 and box[2] <= x + side - 2 and top >= y + 2 and box[3] <= y + side - 2
                if (
                    inside
                    and not _meets(box, taken)
                    and (self.dense(side) or _covered(box, places, radius) < 1)
                ):
                    sheet.box(left - 2, top, wide + 4, _HIGH, fill=sheet.theme.ground, width=0)
                    sheet.text(left, top + 15, name, size=TINY)
                    taken = np.concatenate([taken, box[None]])
                    break


def _strength(counts: Numbers) -> Numbers:
    """From how many things are at a place to how strong its color is, 0 where there is none."""
    most = max(float(np.quantile(counts[counts > 0], 0.95)), 2.0) if (counts > 0).any() else 2.0
    share = np.clip(np.log(np.maximum(counts, 1)) / np.log(most), 0, 1)
    return np.asarray(np.where(counts > 0, _FAINTEST + (1 - _FAINTEST) * share, 0))


def _placed_groups(
    sheet: Sheet, places: Numbers, groups: Mapping[str, npt.NDArray[np.int64]], radius: float
) -> Numbers:
    """Writes the name of each group near its middle, over few nodes; returns what is taken up by names."""
    taken = np.zeros((0, 4))
    turns, steps = np.meshgrid(np.arange(12) * np.pi / 6, np.arange(1, 8))
    around = np.stack([np.cos(turns), np.sin(turns)], axis=-1) * (steps * _HIGH * 0.6)[..., None]
    for name, nodes in groups.items():
        wide = width_of(name, SMALL) + 10
        inside = places[nodes[((places[nodes] - np.median(places[nodes], axis=0)) ** 2).sum(axis=1).argmin()]]
        spots = np.concatenate([inside[None], inside + around.reshape(-1, 2)])
        half = np.array((wide / 2, _HIGH / 2 + 1))
        boxes = np.concatenate([spots - half, spots + half], axis=1)
        covered = [_covered(box, places, radius) + len(places) * _meets(box, taken) for box in boxes]
        box = boxes[int(np.argmin(np.maximum(covered, len(places) // _TOLERATED)))]
        sheet.box(box[0], box[1], wide, _HIGH + 2, fill=sheet.theme.ground, edge=sheet.theme.ink, width=0.8)
        sheet.text((box[0] + box[2]) / 2, box[1] + 17, name, size=SMALL, bold=True, across="center")
        taken = np.concatenate([taken, box[None]])
    return taken


def around_nodes(places: Numbers, edges: npt.NDArray[np.int64], radius: float) -> Numbers:
    """Edges as lines that pass behind no node but their own, where a bend avoids it.

    Args:
        places: x and y of each node, shape (nodes, 2).
        edges: Pairs of nodes, shape (edges, 2).
        radius: Of a node.

    Returns:
        Shape (edges, points, 2): straight lines of two points, or all of more points where one is bent.
        Too many edges for the comparison stay straight.
    """
    straight = places[edges]
    if not 0 < len(edges) <= _MOST_BENT:
        return np.asarray(straight)
    hidden = np.flatnonzero(_behind(straight, edges, places, radius) > 0)
    if not len(hidden):
        return np.asarray(straight)
    part = np.linspace(0, 1, _POINTS)[:, None]
    start, end = straight[:, :1], straight[:, 1:]
    lines = start + part * (end - start)
    across = (end - start)[hidden][..., ::-1] * (1, -1)
    fewest = np.full(len(hidden), len(places))
    for bend in _BENDS:
        bent = lines[hidden] + 2 * bend * part * (1 - part) * across
        passed = _behind(bent, edges[hidden], places, radius)
        better = passed < fewest
        lines[hidden[better]], fewest[better] = bent[better], passed[better]
    return np.asarray(lines)


def _behind(
    lines: Numbers, edges: npt.NDArray[np.int64], places: Numbers, radius: float
) -> npt.NDArray[np.int64]:
    """How many nodes other than its own each line passes behind, shape (edges,)."""
    nearest = np.full((len(lines), len(places)), np.inf)
    for at in range(lines.shape[1] - 1):
        start, along = lines[:, at], lines[:, at + 1] - lines[:, at]
        length = np.maximum((along**2).sum(axis=1), 1e-9)
        apart = places[None] - start[:, None]
        share = np.clip((apart * along[:, None]).sum(axis=2) / length[:, None], 0, 1)
        nearest = np.minimum(nearest, ((apart - share[..., None] * along[:, None]) ** 2).sum(axis=2))
    np.put_along_axis(nearest, edges, np.inf, axis=1)
    return np.asarray((nearest < radius**2).sum(axis=1))


def _beside(x: float, y: float, wide: float, radius: float) -> tuple[tuple[float, float], ...]:
    """Where a name may begin, top left corners: right, left, above and below its node."""
    apart = radius + 3
    return (
        (x + apart, y - _HIGH / 2),
        (x - apart - wide, y - _HIGH / 2),
        (x - wide / 2, y - apart - _HIGH),
        (x - wide / 2, y + apart),
    )


def _meets(box: Numbers, others: Numbers) -> bool:
    """Whether a box covers a part of another."""
    apart = (
        (others[:, 0] > box[2]) | (others[:, 2] < box[0]) | (others[:, 1] > box[3]) | (others[:, 3] < box[1])
    )
    return bool((~apart).any())


def _covered(box: Numbers, places: Numbers, radius: float) -> int:
    """How many nodes a name would cover."""
    inside = (places > box[:2] - radius) & (places < box[2:] + radius)
    return int(inside.all(axis=1).sum())
