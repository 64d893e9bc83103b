"""How good clusters of nodes are, beside those that other methods find in the same graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from convscope.engine.metrics import EVALUATE_AGAIN, Table
from convscope.json_values import Plain
from convscope.kinds.graph.batching import wiring_of
from convscope.kinds.graph.features import Values
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.social.groups import communities_of
from convscope.kinds.graph.social.measures import Ties

MODEL = "this model"
SMOOTHED_HOPS = 2
"""Hops over which features are averaged before k-means."""
MOST_FITTED = 20_000
"""Nodes from which k-means takes its means; of more as many are drawn."""
STARTS = 4
"""Random starts of k-means, the best of which counts."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClusterScores(Plain):
    """How good the clusters of one method are.

    Args:
        name: Of the method.
        clusters: How many have a node.
        modularity: Share of the edges within clusters less that by chance (Newman 2006).
        conductance: Mean over clusters of the weight of the edges that leave one, over the weight of the ends
            of edges in it or outside of it, whichever is less.
        nmi: Normalized mutual information of clusters and labels; None without labels.
        ari: Adjusted Rand index of clusters and labels; None without labels.
    """

    _WHAT = "cluster scores"
    _HINT = EVALUATE_AGAIN

    name: str
    clusters: int
    modularity: float
    conductance: float
    nmi: float | None = None
    ari: float | None = None


@dataclass(frozen=True)
class ClusterMetrics(Plain):
    """How good the clusters of a model are, on the whole graph.

    Args:
        nodes: The number of nodes.
        labeled: How many have a label, which judges alone.
        most: Clusters that there may be.
        model: What the model finds.
        beside: What other methods find.
    """

    _WHAT = "cluster metrics"
    _HINT = EVALUATE_AGAIN

    nodes: int
    labeled: int
    most: int
    model: ClusterScores
    beside: tuple[ClusterScores, ...]

    def to_table(self) -> Table:
        """Headings, a row for the model and one for each other method."""
        headings = ("clusters by", "modularity", "conductance", "clusters", "NMI", "ARI")
        return headings, [
            (
                each.name,
                f"{each.modularity:.3f}",
                f"{each.conductance:.3f}",
                str(each.clusters),
                "-" if each.nmi is None else f"{each.nmi:.3f}",
                "-" if each.ari is None else f"{each.ari:.3f}",
            )
            for each in (self.model, *self.beside)
        ]

    def to_line(self) -> str:
        """The metrics of the whole graph, and what is ahead of them."""
        mine = self.model
        alike = "" if mine.nmi is None else f", NMI {mine.nmi:.3f}, ARI {mine.ari:.3f}"
        return (
            f"modularity {mine.modularity:.3f}, conductance {mine.conductance:.3f}{alike}, {mine.clusters} of"
            f" at most {self.most} clusters, on all {self.nodes:,} nodes;"
            f" {'; '.join(self._said(each) for each in self.beside)}"
        )

    def _said(self, other: ClusterScores) -> str:
        """The figures of another method, and in which of them it is ahead."""
        mine = self.model
        ahead = ["modularity"] if other.modularity > mine.modularity else []
        alike = ""
        if other.nmi is not None and mine.nmi is not None:
            alike = f", NMI {other.nmi:.3f}"
            ahead += ["NMI"] if other.nmi > mine.nmi else []
        told = f" ({' and '.join(ahead)} ahead of the network)" if ahead else ""
        return f"{other.name}: modularity {other.modularity:.3f}{alike}{told}"

    def to_scores(self) -> list[tuple[str, float | str]]:
        """What stands at the top of a report."""
        scores: list[tuple[str, float | str]] = [("Modularity", f"{self.model.modularity:.3f}")]
        scores += [(f"Modularity, {each.name}", f"{each.modularity:.3f}") for each in self.beside]
        scores.append(("Conductance", f"{self.model.conductance:.3f}"))
        if self.model.nmi is not None:
            scores.append(("NMI with labels", f"{self.model.nmi:.3f}"))
            scores += [(f"NMI, {each.name}", f"{each.nmi:.3f}") for each in self.beside]
        return [*scores, ("Clusters", f"{self.model.clusters} of {self.most}")]


def cluster_scores(name: str, graph: Graph, part: Ints) -> ClusterScores:
    """Judges clusters by the edges of an undirected graph, and by its labels where there are some.

    Args:
        name: Of the method.
        graph: The graph.
        part: Cluster of each node, shape (nodes,), int64.
    """
    part = np.unique(part, return_inverse=True)[1].ravel()
    wiring = wiring_of(graph)
    degrees = np.asarray(wiring.degrees, np.float64)
    total = float(degrees.sum())
    entries = wiring.adjacency.tocoo()
    same = part[entries.row] == part[entries.col]
    inside = np.bincount(part[entries.row[same]], entries.data[same], minlength=part.max() + 1)
    volumes = np.bincount(part, degrees)
    modularity = float(inside.sum() / total - ((volumes / total) ** 2).sum()) if total else 0.0
    less = np.minimum(volumes, total - volumes)
    judged = less > 0
    leaving = (volumes - inside)[judged] / less[judged]
    conductance = float(leaving.mean()) if len(leaving) else 0.0
    nmi = ari = None
    if graph.labels is not None:
        known = labeled(graph)
        names = graph.labels[known].astype(str)
        nmi = float(normalized_mutual_info_score(names, part[known]))
        ari = float(adjusted_rand_score(names, part[known]))
    return ClusterScores(name, int(part.max()) + 1, modularity, conductance, nmi, ari)


def labeled(graph: Graph) -> npt.NDArray[np.bool_]:
    """Whether each node has a label, shape (nodes,)."""
    if graph.labels is None:
        return np.zeros(len(graph), bool)
    return np.array([label is not None for label in graph.labels.tolist()])


def baselines(graph: Graph, values: Values, clusters: int, seed: int = 0) -> tuple[ClusterScores, ...]:
    """What other methods find: Louvain by edges, k-means by features, and k-means by both.

    Args:
        graph: The graph, undirected.
        values: Features of its nodes, shape (nodes, features).
        clusters: How many k-means looks for.
        seed: Of what is drawn.
    """
    found, _ = communities_of(Ties(graph), seed)
    return (
        cluster_scores("Louvain", graph, found),
        cluster_scores("k-means on features", graph, _k_means(values, clusters, seed)),
        cluster_scores(
            f"k-means on features averaged over {SMOOTHED_HOPS} hops",
            graph,
            _k_means(_smoothed(graph, values), clusters, seed),
        ),
    )


def _smoothed(graph: Graph, values: Values) -> Values:
    """Features averaged over neighbors, each node among them, as a graph convolution does."""
    wiring = wiring_of(graph)
    scale = sp.diags_array(1 / np.sqrt(wiring.degrees + 1))
    step = sp.csr_array(scale @ (wiring.adjacency + sp.eye_array(len(wiring))) @ scale)
    for _ in range(SMOOTHED_HOPS):
        values = step @ values
    return values


def _k_means(values: Values, clusters: int, seed: int) -> Ints:
    """Cluster of each node, shape (nodes,)."""
    count = values.shape[0]
    rng = np.random.default_rng(seed)
    fitted = values if count <= MOST_FITTED else values[np.sort(rng.permutation(count)[:MOST_FITTED])]
    means = KMeans(min(clusters, fitted.shape[0]), n_init=STARTS, random_state=seed)
    matrix = sp.csr_matrix if sp.issparse(values) else np.asarray
    part: Ints = means.fit(matrix(fitted)).predict(matrix(values)).astype(np.int64)
    return part


def cluster_metrics(
    graph: Graph, part: Ints, clusters: int, beside: Sequence[ClusterScores]
) -> ClusterMetrics:
    """Judges the clusters of a model beside those of other methods.

    Args:
        graph: The graph, undirected.
        part: Cluster of each node, shape (nodes,).
        clusters: How many there may be.
        beside: Scores of other methods.
    """
    model = cluster_scores(MODEL, graph, part)
    return ClusterMetrics(len(graph), int(labeled(graph).sum()), clusters, model, tuple(beside))
