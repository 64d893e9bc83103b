"""Where the nodes of a graph are drawn: by forces, component by component, or in rings around a center.

Everything is computed once from the edges and a seed, in the unit square, y downwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse import csgraph

from convscope.kept import computed_once
from convscope.kinds.contract.representation import GraphDescription
from convscope.kinds.graph.hops import adjacency, hops_from, hops_within

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

PIVOTS = 50
"""Nodes whose distances to all others place a large component before forces act on it."""
EXACT = 600
"""Nodes up to which every pair repels each other; of more the repulsion is computed on a grid."""
VERSION = b"layout 1"
"""Of the way in which graphs are laid out by forces."""
ROUNDS = 120
"""How often the forces move the nodes."""
_GRID = 128
_GAP = 0.6  # between components, in distances between neighbors
_STRETCH = 1.7
_LANES_WIDE = 0.7  # of the distance between two rings, over which circles lie that nodes of a ring need
_SECTOR = 2.8  # radians that the neighbors of a node lie in, so that edges to them do not cross the middle
_SHARE = 0.6  # power of the number of nodes behind a node by which it gets room
_APART = (
    0.24  # how far centers are from the middle, of the whole; their rings do not overlap in a small picture
)


def describe_graph(
    names: Sequence[str],
    edges: Whole,
    weights: npt.NDArray[np.float32] | None = None,
    *,
    centers: Sequence[int] = (),
    directed: bool = False,
    depth: int | None = None,
    seed: int = 0,
) -> GraphDescription:
    """What is needed to draw a graph, or the neighborhood of a node or of a pair of nodes.

    Args:
        names: Of the nodes, by position.
        edges: Pairs of positions, shape (edges, 2), int64.
        weights: Of each edge, shape (edges,); None where all count alike.
        centers: The positions that it is about; they stand in the middle, their neighbors in rings around
            them. Empty for a whole graph, which is laid out by forces.
        directed: Whether an edge leads from its first position to its second alone.
        depth: Hops at which a neighborhood was cut out of its graph; None where nothing was cut.
        seed: Of the layout.
    """
    count = len(names)
    if not centers:
        forces = partial(layout, edges, count, seed=seed)
        return GraphDescription(tuple(names), edges, forces, weights, directed=directed)
    hops = hops_from(edges, count, centers, directed=directed)
    rings = partial(radial_layout, edges, hops, centers)
    return GraphDescription(tuple(names), edges, rings, weights, tuple(centers), hops, directed, depth)


def describe_neighborhood(
    names: Sequence[str],
    edges: Whole,
    weights: npt.NDArray[np.float32] | None,
    rows: Sequence[int],
    hops: int,
    *,
    directed: bool = False,
) -> GraphDescription:
    """The part of a graph that is at most some hops away from one of its nodes or several, these first.

    Args:
        names: Of all nodes of the graph.
        edges: Pairs of nodes, shape (edges, 2), int64.
        weights: Of each edge, shape (edges,); None where all count alike.
        rows: The nodes in the middle.
        hops: How far away.
        directed: Whether an edge leads from its first node to its second alone.
    """
    near = hops_within(edges, len(names), rows, hops, directed=directed)
    kept = np.flatnonzero(near >= 0)
    kept = kept[np.argsort(near[kept], kind="stable")]
    kept[: len(rows)] = rows
    position = np.full(len(near), -1, np.int64)
    position[kept] = np.arange(len(kept))
    moved = position[edges]
    inside = (moved >= 0).all(axis=1)
    return describe_graph(
        [names[row] for row in kept.tolist()],
        moved[inside],
        None if weights is None else weights[inside],
        centers=range(len(rows)),
        directed=directed,
        depth=hops,
    )


def nearest(hops: Whole | None, nodes: int, most: int) -> Whole:
    """The nodes up to so many hops away that a picture has room for them, the first hop at least.

    Args:
        hops: Of each node, shape (nodes,); None for a whole graph, of which all nodes are taken.
        nodes: How many there are.
        most: Room for so many of them.

    Returns:
        Positions in ascending order, shape (taken,), int64.
    """
    if hops is None or nodes <= most:
        return np.arange(nodes)
    last = int((np.cumsum(np.bincount(hops)) <= most).sum()) - 1
    return np.flatnonzero(hops <= max(last, 1))


def part_of(description: GraphDescription, rows: Whole) -> GraphDescription:
    """Some nodes of a neighborhood, the centers among them, laid out for themselves."""
    if len(rows) == len(description.names):
        return description
    place = np.full(len(description.names), -1, np.int64)
    place[rows] = np.arange(len(rows))
    ends = place[description.edges]
    kept = (ends >= 0).all(axis=1)
    return describe_graph(
        [description.names[row] for row in rows.tolist()],
        ends[kept],
        None if description.weights is None else description.weights[kept],
        centers=place[list(description.centers)].tolist(),
        directed=description.directed,
        depth=description.depth,
    )


def layout(edges: Whole, nodes: int, seed: int = 0) -> Floats:
    """Lays a graph out by forces, its components packed side by side, the largest first.

    The nodes of a component start where their distances to some pivots put them (Brandes and Pich 2007,
    "Eigensolver methods for progressive multidimensional scaling of large data"), and are then moved by
    forces (Fruchterman and Reingold 1991, "Graph drawing by force-directed placement"); the repulsion of more
    than 600 nodes is that of a grid, computed by Fourier transforms. Nodes without an edge stand in rows of
    their own.

    Args:
        edges: Pairs of nodes, shape (edges, 2), int64.
        nodes: How many there are.
        seed: Of what is drawn at random; the same seed gives the same layout.

    Returns:
        x and y of each node from 0 to 1, shape (nodes, 2), float64.
    """
    if not nodes:
        return np.zeros((0, 2))
    near = adjacency(edges, nodes)
    _, part = csgraph.connected_components(near, directed=False)
    sizes = np.bincount(part)
    order = np.argsort(part, kind="stable")
    first = np.cumsum(sizes) - sizes
    places = np.zeros((nodes, 2))
    blocks: list[Whole] = []
    for component in np.argsort(-sizes, kind="stable"):
        if sizes[component] == 1:
            break
        rows = order[first[component] : first[component] + sizes[component]]
        places[rows] = _component(near[rows][:, rows], np.random.default_rng(seed))
        blocks.append(rows)
    alone = np.flatnonzero(sizes[part] == 1)
    if len(alone):
        columns = int(np.ceil(np.sqrt(len(alone))))
        places[alone] = np.stack(np.divmod(np.arange(len(alone)), columns)[::-1], axis=1) * 0.7
        blocks.append(alone)
    return _in_unit_square(_packed(places, blocks))


def run_layout(edges: Whole, nodes: int) -> Callable[[], Floats]:
    """Computes `layout`, once for the graph of a run, which keeps it as `layout.npz`.

    Args:
        edges: Pairs of nodes, shape (edges, 2), int64.
        nodes: How many there are.
    """
    key = blake2b(np.ascontiguousarray(edges, np.int64).tobytes(), digest_size=16, salt=VERSION)
    key.update(str(nodes).encode())
    return computed_once("layout", key.hexdigest(), partial(layout, edges, nodes))


def radial_layout(edges: Whole, hops: Whole, centers: Sequence[int]) -> Floats:
    """Lays a neighborhood out in rings: one for each number of hops, children in the sector of their parent.

    Args:
        edges: Pairs of positions, shape (edges, 2), int64.
        hops: Of each node, shape (nodes,), 0 at the centers.
        centers: The positions in the middle.

    Returns:
        x and y of each node from 0 to 1, shape (nodes, 2), float64.
    """
    count, last = len(hops), int(hops.max(initial=0))
    parents = _parents(edges, hops)
    weight = np.ones(count)
    for hop in range(last, 0, -1):
        ring = np.flatnonzero((hops == hop) & (parents >= 0))
        weight += np.bincount(parents[ring], weight[ring], minlength=count)
    start, extent = np.zeros(count), np.full(count, 2 * np.pi / max(len(centers), 1))
    for number, center in enumerate(centers):
        start[center] = np.pi / 2 + number * extent[center]
    angles, radii = start + extent / 2, np.zeros(count)
    middle = _APART if len(centers) > 1 else 0.0
    radii[list(centers)] = middle
    for hop in range(1, last + 1):
        ring = np.flatnonzero(hops == hop)
        above = np.where(parents[ring] >= 0, parents[ring], centers[0])
        sorted_by = np.lexsort((ring, start[above], above))
        ring, above = ring[sorted_by], above[sorted_by]
        share = weight[ring] ** _SHARE
        before = np.cumsum(share) - share
        lead = np.searchsorted(above, above)  # where the children of the same parent begin
        total = np.bincount(above, share, minlength=count)[above]
        room = np.minimum(extent[above], _SECTOR) if hop > 1 else extent[above]
        extent[ring] = room * share / total
        start[ring] = start[above] + (extent[above] - room) / 2 + room * (before - before[lead]) / total
        angles[ring] = start[ring] + extent[ring] / 2
        crowd = np.bincount(above, minlength=count)[above] * _LANES_WIDE / (room * hop)
        lanes = np.maximum(np.ceil(np.sqrt(crowd) - 1), 1)  # neighbors as far apart along as across
        shift = ((np.arange(len(ring)) - lead) % lanes - (lanes - 1) / 2) / lanes
        radii[ring] = (hop + _LANES_WIDE * shift) / last
    radii = np.where(hops > 0, middle + (1 - middle) * radii, radii)
    spots = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
    return 0.5 + 0.5 * spots / max(float(np.abs(spots).max(initial=0)), 1e-9)


def _parents(edges: Whole, hops: Whole) -> Whole:
    """A neighbor of each node that is one hop nearer, the first; -1 where there is none."""
    both = np.concatenate([edges, edges[:, ::-1]])
    inward = both[hops[both[:, 1]] == hops[both[:, 0]] + 1]
    parents = np.full(len(hops), len(hops), np.int64)
    np.minimum.at(parents, inward[:, 1], inward[:, 0])
    return np.where(parents < len(hops), parents, -1)


def _component(near: sp.csr_array, rng: np.random.Generator) -> Floats:
    """Places of the nodes of one component, neighbors about 1 apart."""
    count = near.shape[0]
    if count < 4:
        turns = np.arange(count) * 2 * np.pi / count
        return np.stack([np.cos(turns), np.sin(turns)], axis=1) * (0.5 if count == 2 else 0.6)
    places = _by_pivots(near, rng)
    links = sp.coo_array(near)
    rows, columns = links.row, links.col
    side = np.sqrt(count)
    for turn in range(ROUNDS):
        push = _repulsion(places) if count <= EXACT else _repulsion_on_grid(places)
        apart = places[rows] - places[columns]
        pull = apart * np.linalg.norm(apart, axis=1, keepdims=True)
        for axis in (0, 1):
            push[:, axis] -= np.bincount(rows, pull[:, axis], minlength=count)
        push -= 0.02 * places * np.sqrt(count) / 10
        length = np.maximum(np.linalg.norm(push, axis=1, keepdims=True), 1e-9)
        step = 0.1 * side * (1 - turn / ROUNDS) ** 1.5 + 0.01
        places = places + push / length * np.minimum(length, step)
        places -= places.mean(axis=0)
    return _turned(places)


def _by_pivots(near: sp.csr_array, rng: np.random.Generator) -> Floats:
    """Places by classical scaling of the distances to some nodes that lie far from each other."""
    count = near.shape[0]
    distances = np.empty((count, min(PIVOTS, count)))
    pivot = int(np.argmax(near.sum(axis=1)))
    nearest = np.full(count, np.inf)
    for number in range(distances.shape[1]):
        distances[:, number] = csgraph.dijkstra(near, unweighted=True, indices=pivot)
        nearest = np.minimum(nearest, distances[:, number])
        pivot = int(nearest.argmax())
    squares = distances**2
    centered = squares - squares.mean(axis=0) - squares.mean(axis=1, keepdims=True) + squares.mean()
    _, axes = np.linalg.eigh(centered.T @ centered)
    places = -centered @ axes[:, -1:-3:-1] / 2
    spread = places.std(axis=0).max() or 1.0
    places *= np.sqrt(count) / 3 / spread
    return np.asarray(places + rng.normal(scale=0.05 * np.sqrt(count) / 3, size=places.shape))


def _repulsion(places: Floats) -> Floats:
    """What pushes each node from all others, 1 over their distance each."""
    apart = places[:, None] - places[None]
    squares = np.maximum((apart**2).sum(axis=-1), 1e-4)
    return np.asarray((apart / squares[..., None]).sum(axis=1))


def _repulsion_on_grid(places: Floats) -> Floats:
    """The same from the masses of the cells of a grid, between whose corners each node is shared out."""
    low = places.min(axis=0)
    cell = float((places.max(axis=0) - low).max()) / (_GRID - 2) or 1.0
    spots = (places - low) / cell
    corner = np.floor(spots).astype(np.int64)
    share = spots - corner
    corners = [(a, b) for a in (0, 1) for b in (0, 1)]
    weights = [np.abs(1 - a - share[:, 0]) * np.abs(1 - b - share[:, 1]) for a, b in corners]
    cells = [(corner[:, 0] + a) * _GRID + corner[:, 1] + b for a, b in corners]
    mass = np.bincount(np.concatenate(cells), np.concatenate(weights), minlength=_GRID * _GRID)
    spectrum = np.fft.rfft2(mass.reshape(_GRID, _GRID), s=(2 * _GRID, 2 * _GRID))
    away = (np.arange(2 * _GRID) + _GRID) % (2 * _GRID) - _GRID
    squares = away[:, None] ** 2 + away[None] ** 2 + 0.5
    push = np.empty_like(places)
    for axis, kernel in enumerate((away[:, None] / squares, away[None] / squares)):
        field = np.fft.irfft2(spectrum * np.fft.rfft2(kernel), s=(2 * _GRID, 2 * _GRID))
        flat = field[:_GRID, :_GRID].ravel() / cell
        push[:, axis] = sum(weight * flat[at] for weight, at in zip(weights, cells, strict=True))
    return push


def _turned(places: Floats) -> Floats:
    """Turned so that the longest extent lies across."""
    _, axes = np.linalg.eigh(places.T @ places)
    axes = axes[:, ::-1] * np.where(axes[:, ::-1][0] < 0, -1, 1)
    return np.asarray(places @ axes)


def _packed(places: Floats, blocks: Sequence[Whole]) -> Floats:
    """The blocks in rows one below the other, about as wide as high."""
    corners = [(places[rows].min(axis=0), places[rows].max(axis=0)) for rows in blocks]
    sizes = np.array([high - low + _GAP for low, high in corners])
    order = np.argsort(-sizes[:, 1], kind="stable")
    width = max(float(np.sqrt(sizes.prod(axis=1).sum()) * 1.15), float(sizes[:, 0].max()))
    placed = places.copy()
    x = y = tallest = 0.0
    for number in order:
        wide, high = sizes[number]
        if x and x + wide > width:
            x, y, tallest = 0.0, y + tallest, 0.0
        placed[blocks[number]] = places[blocks[number]] - corners[number][0] + (x, y)
        x, tallest = x + wide, max(tallest, high)
    return placed


def _in_unit_square(places: Floats) -> Floats:
    """Scaled into the unit square, in the middle of it; a shorter side is stretched, within bounds."""
    low, high = places.min(axis=0), places.max(axis=0)
    sides = high - low
    side = float(sides.max()) or 1.0
    stretched = np.clip(side / np.maximum(sides, 1e-9), 1, _STRETCH)
    return np.asarray(0.5 + (places - (low + high) / 2) / side * stretched)
