"""Clusters on a page: the graph in their colors, their sizes, and what names each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from matplotlib.figure import Figure

from convscope.kinds.contract.representation import GraphDescription
from convscope.kinds.graph.features import Values
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.layout import run_layout
from convscope.kinds.graph.picture import GraphPicture
from convscope.kinds.graph.social.findings import COLORS, REST, SIDE
from convscope.kinds.graph.social.groups import Community, described_communities
from convscope.kinds.graph.social.measures import Ties
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Finding, FoundTable
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import color_bytes, count, find_theme

SHOWN_CLUSTERS = 50
SHOWN_FEATURES = 5
"""Features that name a cluster at most."""
FEWEST_ERRORS = 3.0
"""Standard errors by which the mean of a feature must exceed that of all nodes to name a cluster."""


@dataclass(frozen=True, eq=False)
class ClusterOutputs:
    """The clusters of all nodes of a graph.

    Args:
        graph: The graph, undirected.
        probabilities: Of each cluster for each node, shape (nodes, clusters), float32.
        values: Features of the nodes, shape (nodes, features).
        feature_names: What these are called.
        seed: Of the run.
    """

    graph: Graph
    probabilities: npt.NDArray[np.float32]
    values: Values
    feature_names: tuple[str, ...]
    seed: int

    @cached_property
    def part(self) -> npt.NDArray[np.int64]:
        """The most probable cluster of each node, from 0, shape (nodes,)."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @cached_property
    def described(self) -> tuple[Community, ...]:
        """The first clusters: sizes, edges, the nodes of the highest degrees, and frequent labels."""
        ties = Ties(self.graph)
        return described_communities(ties, self.part, ties.degrees.astype(np.float64), SHOWN_CLUSTERS)

    @cached_property
    def naming(self) -> tuple[tuple[str, ...], ...]:
        """Names of the features that are higher in each cluster than elsewhere, by how surely."""
        size = self.probabilities.shape[1]
        sizes = np.bincount(self.part, minlength=size)
        ones = np.ones(len(self.part))
        places = (self.part, np.arange(len(self.part)))
        sums = sp.csr_array((ones, places), shape=(size, len(self.part))) @ self.values
        sums = np.asarray(sums.toarray() if sp.issparse(sums) else sums)
        values = sp.csr_array(self.values)
        mean = sums.sum(axis=0) / max(len(self.part), 1)
        squares = np.asarray((values * values).sum(axis=0)).ravel()
        spread = squares / max(len(self.part), 1) - mean**2
        errors = np.sqrt(np.maximum(spread, 1e-12) / np.maximum(sizes, 1)[:, None])
        higher = np.where(sizes[:, None] > 0, (sums / np.maximum(sizes, 1)[:, None] - mean) / errors, 0.0)
        order = np.argsort(-higher, axis=1, kind="stable")[:, :SHOWN_FEATURES]
        return tuple(
            tuple(self.feature_names[at] for at in best.tolist() if higher[cluster, at] > FEWEST_ERRORS)
            for cluster, best in enumerate(order)
        )


def findings(outputs: ClusterOutputs) -> Sequence[Finding]:
    """What a report says of clusters."""
    drawn = LazyFigure(partial(draw_clusters, outputs), "the graph in the colors of its clusters")
    rows = [
        (
            str(each.number),
            f"{each.people:,}",
            f"{each.inside:,}",
            f"{each.outside:,}",
            ", ".join(each.central),
            ", ".join(outputs.naming[each.number - 1]) or "-",
            _labels(each) or "-",
        )
        for each in outputs.described
        if each.people
    ]
    said = (
        "Features name a cluster where their mean exceeds that of all nodes by more than"
        f" {FEWEST_ERRORS:g} standard errors; labels, which no model has seen, where they are more frequent"
        " than among all nodes by more than two."
    )
    headings = (
        "Cluster",
        "Nodes",
        "Edges inside",
        "Edges outside",
        "Highest degrees",
        "Higher features",
        "More frequent",
    )
    return (
        Finding(
            "graph", "Graph", "Nodes and edges, laid out by forces; colors: clusters.", pictures=(drawn,)
        ),
        Finding("clusters", "Clusters", said, tables=(FoundTable("", headings, rows),)),
    )


def _labels(cluster: Community) -> str:
    return "; ".join(
        f"{each.column} {each.value}: {each.share:.0%} (of all {each.of_all:.0%})" for each in cluster.traits
    )


def draw_clusters(outputs: ClusterOutputs, theme: str) -> Figure:
    """The graph, its largest clusters in colors of their own."""
    sheet = Sheet(find_theme(theme))
    graph, sizes = outputs.graph, np.bincount(outputs.part, minlength=outputs.probabilities.shape[1])
    y = sheet.title(f"{count(len(graph), 'node')}, {count(int(np.sum(sizes > 0)), 'cluster')}")
    table = np.stack([color_bytes(each) for each in (*COLORS, REST)])
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(sizes), np.int64)
    rank[order] = np.minimum(np.arange(len(sizes)), len(COLORS))
    places = run_layout(graph.edges, len(graph))
    described = GraphDescription(tuple(graph.names), graph.edges, places, graph.weights)
    degrees = Ties(graph).degrees
    picture = GraphPicture(described)
    named = np.argsort(-degrees, kind="stable")
    groups = {
        str(at + 1): np.flatnonzero(outputs.part == at) for at in order[: len(COLORS)].tolist() if sizes[at]
    }
    picture.place(sheet, (MARGIN, y, SIDE), table[rank[outputs.part]], labels=named, groups=groups)
    below = _place_legend(sheet, (MARGIN + SIDE + 40, y + 20, INNER - SIDE - 40), outputs, order, table)
    if picture.dense(SIDE):
        said = "Too many nodes to draw one by one: each spot has the mean color of those there."
        width = INNER - SIDE - 40
        sheet.paragraph(MARGIN + SIDE + 40, below + 16, said, width, size=TINY, color=sheet.theme.muted)
    return sheet.finish(max(y + SIDE, below) + 30)


def _place_legend(
    sheet: Sheet,
    box: tuple[int, int, int],
    outputs: ClusterOutputs,
    order: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint8],
) -> int:
    """The color, size and names of the largest clusters; returns where the last one ends."""
    x, below, width = box
    known = {each.number - 1: each for each in outputs.described if each.people}
    for place, cluster in enumerate(order[: len(COLORS)].tolist()):
        if cluster not in known:
            continue
        each = known[cluster]
        sheet.dots(np.array([[x + 7, below - 7]]), table[place][None], 7)
        head = f"{each.number}: {count(each.people, 'node')}"
        sheet.text(x + 24, below, head, size=SMALL, width=width - 24)
        traits = [f"{trait.column} {trait.value}" for trait in each.traits[:1]]
        named = ", ".join([*traits, *outputs.naming[cluster][:3]]) or ", ".join(each.central[:3])
        below = int(sheet.paragraph(x + 24, below + 22, named, width - 24, lines=2, size=TINY)) + 16
    return below
