"""From whole graphs to padded batches, and a classifier that sees no edges to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import shortest_path

from convscope.data.splits import Samples, Split
from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import GraphDescription, InputsAsEncoded
from convscope.kinds.graph.batching import (
    Batch,
    GraphArrays,
    graph_arrays,
    members_of,
    stacked,
    table_width,
    wiring_of,
)
from convscope.kinds.graph.features import MOST_FEATURES, NodeFeatures
from convscope.kinds.graph.graph import Graph, GraphSamples
from convscope.kinds.graph.layout import describe_graph
from convscope.kinds.graph.representation import MOST_HOPS, GraphRepresentation
from convscope.types import Positions, Progress, no_progress

MOST_CLASSES = 10_000
_MOST_ITERATIONS = 2_000
HOPS = 4
"""Convolutions where graphs are not so small that fewer see all of each."""
SHARE = 0.9
"""Share of the graphs in which fewer convolutions have to see all nodes."""
MEASURED, MOST_NODES = 500, 1_000
"""Graphs that are measured, and nodes of one that is."""

Numbers = Annotated[tuple[float, ...], Within(0, 2 * MOST_FEATURES + 1)]


@dataclass(frozen=True, eq=False)
class WithoutEdges(Plain):
    """Logistic regression on what the nodes of a graph are, added up, without any edge.

    Args:
        means: Of the values of a graph, in the train split.
        scales: Their standard deviations, 1 where all are alike.
        weights: Of each value, for each class.
        biases: Of each class.
    """

    _WHAT: ClassVar[str] = "a classifier without edges"

    means: Numbers
    scales: Numbers
    weights: Annotated[tuple[Numbers, ...], Within(2, MOST_CLASSES)]
    biases: Annotated[tuple[float, ...], Within(2, MOST_CLASSES)]

    @staticmethod
    def fit(values: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], classes: int) -> WithoutEdges:
        """Learns from the train split.

        Args:
            values: `pooled` graphs, shape (graphs, values).
            labels: Class of each, shape (graphs,).
            classes: The number of classes.
        """
        from sklearn.linear_model import LogisticRegression

        means, spread = values.mean(axis=0), values.std(axis=0)
        scales = np.where(spread > 1e-9, spread, 1.0)
        known = np.unique(labels)
        weights, biases = np.zeros((classes, values.shape[1])), np.full(classes, -np.inf)
        biases[known] = 0.0
        if len(known) > 1:
            model = LogisticRegression(max_iter=_MOST_ITERATIONS).fit((values - means) / scales, labels)
            rows = model.coef_ if len(known) > 2 else np.concatenate([-model.coef_, model.coef_]) / 2
            ends = model.intercept_ if len(known) > 2 else np.array([-1, 1]) * model.intercept_ / 2
            weights[known], biases[known] = rows, ends
        biases = np.maximum(biases, -1e3)  # a class without a train graph, in a number that JSON can hold
        return WithoutEdges(
            tuple(means.tolist()),
            tuple(scales.tolist()),
            tuple(tuple(row) for row in weights.tolist()),
            tuple(biases.tolist()),
        )

    def predict(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """The most probable class of each graph, shape (graphs,).

        Args:
            values: As of `fit`.
        """
        scaled = (values - np.array(self.means)) / np.array(self.scales)
        chosen: npt.NDArray[np.int64] = (scaled @ np.array(self.weights).T + np.array(self.biases)).argmax(
            axis=1
        )
        return chosen


@dataclass(frozen=True, eq=False)
class EncodedGraphs:
    """Whole graphs as arrays.

    Args:
        elements: One for each graph.
    """

    elements: Sequence[GraphArrays]

    def __len__(self) -> int:
        """The number of graphs."""
        return len(self.elements)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Alike, so that batches are drawn at random: normalization must see large and small graphs together.

        Batches of graphs of one size would be normalized each by itself, which hides the size in training
        alone.
        """
        return np.ones(len(self.elements), np.int64)

    def take(self, indices: npt.NDArray[np.int64]) -> Batch:
        """Inputs by name, padded to common sizes; `members` is 1 for the nodes of a graph, 0 for padding."""
        chosen = [self.elements[index] for index in indices.tolist()]
        batch = stacked(chosen)
        return {**batch, "members": members_of(chosen, batch["nodes"].shape[1])}

    def pooled(self) -> npt.NDArray[np.float64]:
        """Sum and mean of the features of each graph and the logarithm of its number of nodes.

        Returns:
            Shape (graphs, 2 * features + 1).
        """
        rows = [
            np.concatenate([each.nodes.sum(axis=0), each.nodes.mean(axis=0), [np.log1p(len(each.nodes))]])
            for each in self.elements
        ]
        return np.array(rows, np.float64)


@dataclass(frozen=True, eq=False)
class WholeGraphRepresentation(GraphRepresentation, InputsAsEncoded):
    """How whole graphs become model inputs.

    Args:
        without_edges: Classifies them without their edges, to compare with.
        hops: Convolutions of the model, and so how far a node sees.
    """

    _WHAT: ClassVar[str] = "representation of whole graphs"
    _KEPT: ClassVar[dict[str, object]] = {"kind": "graph", "version": 2, "task": "whole graphs"}
    positions: ClassVar[Positions] = Positions("nodes", present="members")

    without_edges: WithoutEdges
    hops: Annotated[int, Within(1, MOST_HOPS)] = HOPS

    @property
    def sizes(self) -> dict[str, Any]:
        """The width of the tables, and the number of convolutions."""
        return {**super().sizes, "hops": self.hops}

    @staticmethod
    def fit(train: Split, hops: int | None = None) -> tuple[WholeGraphRepresentation, list[str]]:
        """Learns features and the classifier without edges from the train split.

        Args:
            train: Graphs with their classes.
            hops: Convolutions of the model; by default 4, or as few as join all nodes of most graphs.

        Returns:
            The representation, and what was decided, one line each.
        """
        graphs = graphs_of(train.samples)
        features, decisions = NodeFeatures.fit(graphs)
        width = table_width(graphs)
        encoded = _encoded(graphs, features, width)
        classes = max(2, int(train.labels.max(initial=0)) + 1)
        without = WithoutEdges.fit(encoded.pooled(), train.labels, classes)
        decisions.append(
            "beside the model: logistic regression on the features of the nodes of a graph, added up and"
            " averaged, without its edges"
        )
        if hops is None:
            hops = hops_that_join(graphs)
            few = f"because in {SHARE:.0%} of the train graphs joined nodes lie within {hops} edges"
            decisions.append(f"hops: {hops}, {few if hops < HOPS else 'by default'}; --hops changes that")
        return WholeGraphRepresentation(features, width, without, hops), decisions

    def encode(
        self, samples: Samples, limit_bytes: int = 0, progress: Progress = no_progress
    ) -> EncodedGraphs:
        """Graphs as arrays, in memory as the graphs are themselves."""
        return _encoded(graphs_of(samples), self.features, self.table_width, progress)

    def describe(self, sample: Graph) -> GraphDescription:
        """Names and edges of the nodes, in the order of the inputs."""
        edges = sample.edges[sample.edges[:, 0] != sample.edges[:, 1]]
        labels = _node_labels(sample)
        names = list(sample.names)
        if labels:
            names = [f"{name} ({label})" for name, label in zip(names, labels, strict=True)]
        made = describe_graph(names, edges, directed=sample.directed)
        note = "in parentheses: the label of a node" if labels else ""
        return replace(made, features=self.features.names, note=note)

    def example(self, count: int) -> Batch:
        """Rings of nodes with random features."""
        rng = np.random.default_rng(0)
        nodes = 6
        ring = np.stack([np.arange(nodes), (np.arange(nodes) + 1) % nodes], axis=1)
        wiring = wiring_of(Graph([str(node) for node in range(nodes)], ring))
        drawn = rng.random((count, nodes, self.features.count), np.float32)
        rings = [graph_arrays(wiring, values, self.table_width) for values in drawn]
        return EncodedGraphs(rings).take(np.arange(count))


def hops_that_join(graphs: Sequence[Graph]) -> int:
    """How many edges lie at most between two nodes of most graphs, from 1 to `HOPS`.

    A convolution more would see no node that those before do not see.

    Args:
        graphs: Of which at most `MEASURED` are measured, at even distances.
    """
    some = [graphs[at] for at in np.unique(np.linspace(0, len(graphs) - 1, MEASURED).astype(int))]
    return int(np.clip(np.quantile([_diameter(each) for each in some], SHARE, method="higher"), 1, HOPS))


def _diameter(graph: Graph) -> int:
    """Edges between the nodes furthest apart of those that a path joins; `HOPS` at most."""
    if len(graph.names) > MOST_NODES:
        return HOPS
    apart = shortest_path(graph.adjacency(), directed=False, unweighted=True)
    return min(int(apart[np.isfinite(apart)].max(initial=0)), HOPS)


def _node_labels(graph: Graph) -> list[str]:
    """The label of each node, such as an atom; none where they have none."""
    if graph.labels is not None:
        return ["?" if label is None else str(label) for label in graph.labels.tolist()]
    columns = [values.tolist() for name, values in graph.columns.items() if name.split()[0] == "label"]
    return [", ".join(map(str, labels)) for labels in zip(*columns, strict=True)]


def graphs_of(samples: Samples) -> Sequence[Graph]:
    """The graphs that samples are."""
    assert isinstance(samples, GraphSamples)
    return samples.graphs


def _encoded(
    graphs: Sequence[Graph], features: NodeFeatures, width: int, progress: Progress = no_progress
) -> EncodedGraphs:
    elements = []
    for done, graph in enumerate(graphs, 1):
        elements.append(graph_arrays(wiring_of(graph), features.encode(graph), width))
        progress(done, len(graphs), "encoding graphs")
    return EncodedGraphs(elements)
