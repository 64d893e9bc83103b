"""From pairs of nodes to model inputs: a graph whole, or the neighborhoods of both ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split
from convscope.json_values import Within
from convscope.kinds.contract.representation import GraphDescription, InputsAsEncoded
from convscope.kinds.graph.batching import (
    Batch,
    GraphArrays,
    Subgraph,
    graph_arrays,
    neighborhood,
    stacked,
    table_width,
    wiring_of,
)
from convscope.kinds.graph.features import NodeFeatures
from convscope.kinds.graph.graph import Graph, NodePair
from convscope.kinds.graph.link_prediction.negatives import Pairs, keys_of
from convscope.kinds.graph.link_prediction.reader import LinkSamples
from convscope.kinds.graph.representation import MOST_HOPS, TOGETHER, GraphRepresentation, described
from convscope.types import Positions, Progress, no_progress

MOST_WHOLE = 2**28
"""Values of nodes that one input may have; of a larger graph, a model takes neighborhoods of the pairs."""
USUAL_WIDTH = 256
"""Numbers of a node that a step is expected to hold at least."""

Places = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Numbers of pairs, ascending, and where the edge of each stands in a flattened table."""


@dataclass(frozen=True, eq=False)
class LinkRepresentation(GraphRepresentation, InputsAsEncoded):
    """How pairs of nodes become model inputs: the part of their graph that the model sees, both ends first.

    Args:
        hops: How many edges a model looks from either end.
    """

    _WHAT: ClassVar[str] = "link representation"
    _KEPT: ClassVar[dict[str, object]] = {"kind": "graph", "version": 1, "task": "links"}
    positions: ClassVar[Positions] = Positions("nodes", asked="pairs")

    hops: Annotated[int, Within(1, MOST_HOPS)] = 1

    @staticmethod
    def fit(train: Split, hops: int) -> tuple[LinkRepresentation, list[str]]:
        """Learns features from the graph with the edges of train.

        Returns:
            The representation, and what was decided, one line each.
        """
        graph = _links(train.samples).graph
        features, decisions = NodeFeatures.fit([graph])
        return LinkRepresentation(features, table_width([graph]), hops), decisions

    @property
    def sizes(self) -> dict[str, Any]:
        """The width of the tables, and how far the model sees."""
        return {**super().sizes, "hops": self.hops}

    def encode(
        self, samples: LinkSamples, limit_bytes: int = 0, progress: Progress = no_progress
    ) -> EncodedPairs:
        """Pairs with the part of the graph that decides the answer for each, made when they are asked for."""
        return EncodedPairs(samples, PairInputs(self, samples.graph))

    def describe(self, sample: NodePair) -> GraphDescription:
        """Names and edges of the nodes that the model sees, in the order of its inputs."""
        pair = np.array([sample.rows], np.int64)
        part = PairInputs(self, sample.graph).subgraph(pair)
        centers = tuple(dict.fromkeys(positions_in(part, pair)[0].tolist()))
        return described(sample.graph, part, centers, self.hops, self.features.names)

    def example(self, count: int) -> Batch:
        """Ends of a path of nodes with random features."""
        rng = np.random.default_rng(0)
        nodes = 6
        path = np.stack([np.arange(nodes - 1), np.arange(1, nodes)], axis=1)
        wiring = wiring_of(Graph([str(node) for node in range(nodes)], path))
        drawn = rng.random((count, nodes, self.features.count), np.float32)
        batch = stacked([graph_arrays(wiring, values, self.table_width) for values in drawn])
        return {**batch, "pairs": np.tile(np.array([0, nodes - 1], np.int32), (count, 1, 1))}


def _links(samples: Any) -> LinkSamples:
    assert isinstance(samples, LinkSamples)
    return samples


@dataclass(frozen=True, eq=False)
class PairInputs:
    """Model inputs for pairs of nodes of one graph.

    Args:
        representation: How nodes become numbers.
        graph: The graph with the edges that may be seen.
    """

    representation: LinkRepresentation
    graph: Graph

    @cached_property
    def is_whole(self) -> bool:
        """Whether a model takes the whole graph for any pairs."""
        return len(self.graph) * max(self.representation.features.count, USUAL_WIDTH) <= MOST_WHOLE

    @cached_property
    def _places(self) -> Places:
        whole = self.representation.whole(self.graph)
        return _places_of(whole, np.arange(len(self.graph)), len(self.graph))

    def subgraph(self, pairs: Pairs) -> Subgraph:
        """What decides the answer for pairs: their nodes first, those of the first pair at its beginning."""
        rows, first = np.unique(pairs.ravel(), return_index=True)
        return neighborhood(self.graph, rows[np.argsort(first)], self.representation.hops)

    def arrays(self, part: Subgraph) -> GraphArrays:
        """A part of the graph as one element of a batch."""
        represent = self.representation
        return graph_arrays(part.wiring, represent.values(self.graph), represent.table_width, part.rows)

    def batch(self, pairs: Pairs, hidden: Pairs | None = None) -> Batch:
        """One batch for many pairs of one graph.

        Args:
            pairs: Shape (asked, 2).
            hidden: Edges that no message is passed along, shape (hidden, 2); None for none.

        Returns:
            Inputs by name, of batch size 1; `pairs` has shape (1, asked, 2).
        """
        nodes = len(self.graph)
        if self.is_whole:
            batch, asked = self.representation.whole(self.graph), pairs
            places = None if hidden is None else self._places
        else:
            part = self.subgraph(pairs)
            batch, asked = stacked([self.arrays(part)]), positions_in(part, pairs)
            places = None if hidden is None else _places_of(batch, part.rows, nodes)
        if hidden is not None and places is not None:
            batch = _without(batch, places, np.unique(keys_of(hidden, nodes)))
        return {**batch, "pairs": asked[None].astype(np.int32)}


def positions_in(part: Subgraph, pairs: Pairs) -> Pairs:
    """Where the nodes of pairs are in a part of their graph, shape (pairs, 2)."""
    order = np.argsort(part.rows, kind="stable")
    found: Pairs = order[np.searchsorted(part.rows, pairs, sorter=order)]
    return found


def _places_of(batch: Batch, rows: npt.NDArray[np.int64], nodes: int) -> Places:
    """Where the edges of a graph stand in its table, in a batch of this graph alone."""
    width = batch["neighbors"].shape[2]
    places = np.flatnonzero(batch["weights"])
    targets, sources = batch["owners"][0][places // width], batch["neighbors"].reshape(-1)[places]
    keys = keys_of(np.stack([rows[targets], rows[sources]], axis=1), nodes)
    order = np.argsort(keys, kind="stable")
    return keys[order], places[order]


def _without(batch: Batch, places: Places, hidden: npt.NDArray[np.int64]) -> Batch:
    """The batch of one graph with weight 0 for some edges, and degrees to match."""
    keys, slots = places
    first, last = (np.searchsorted(keys, hidden, side) for side in ("left", "right"))
    counts = last - first
    starts = np.repeat(first - (np.cumsum(counts) - counts), counts)
    taken = slots[starts + np.arange(int(counts.sum()))]
    weights, degrees = batch["weights"].copy(), batch["degrees"].copy()
    owners = batch["owners"][0][taken // batch["neighbors"].shape[2]]
    np.subtract.at(degrees[0], owners, weights.reshape(-1)[taken])
    weights.reshape(-1)[taken] = 0.0
    return {**batch, "weights": weights, "degrees": np.maximum(degrees, 0.0)}


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """Pairs, each as the part of the graph that decides its answer.

    Args:
        samples: The pairs.
        inputs: Makes model inputs.
    """

    samples: LinkSamples
    inputs: PairInputs

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.samples)

    @property
    def at_once(self) -> int:
        """How many pairs are best asked for together."""
        return len(self) if self.inputs.is_whole else TOGETHER

    def joined(self, others: Sequence[EncodedPairs]) -> EncodedPairs | None:
        """These and others as one, where all are of one graph."""
        graph = self.samples.graph
        if any(each.samples.graph is not graph for each in others):
            return None
        pairs = np.concatenate([self.samples.pairs, *(each.samples.pairs for each in others)])
        return EncodedPairs(LinkSamples(graph, pairs), self.inputs)

    def together(self, indices: npt.NDArray[np.int64]) -> Batch:
        """Inputs by name, of batch size 1, with the part of the graph that decides the answers for all."""
        return self.inputs.batch(self.samples.pairs[indices])

    def take(self, indices: npt.NDArray[np.int64]) -> Batch:
        """Inputs by name, a graph for each pair: both ends come first, then their neighbors, hop by hop."""
        pairs = self.samples.pairs[indices]
        parts = [self.inputs.subgraph(pair[None]) for pair in pairs]
        batch = stacked([self.inputs.arrays(part) for part in parts])
        asked = [positions_in(part, pair[None]) for part, pair in zip(parts, pairs, strict=True)]
        return {**batch, "pairs": np.stack(asked).astype(np.int32)}
