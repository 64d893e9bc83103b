"""A network of people as a recipe takes it: one graph, all of whose nodes are described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split, Splits, as_labels
from convscope.errors import DataError, UsageError
from convscope.kinds.graph.graph import NodeSamples
from convscope.kinds.graph.readers.reader import AskedGraph, found_graphs
from convscope.kinds.graph.social.influence import Cascade
from convscope.option import taking_fields
from convscope.types import Progress, no_progress


@dataclass(frozen=True, eq=False)
class NetworkSamples(NodeSamples):
    """People of one network.

    Args:
        probabilities: That something passes along each edge, shape (edges,), float32; None where the data
            does not say.
        seed: Of what is drawn when they are described.
        starters: How many people something starts from.
        cascade: How it spreads.
        cascades: How many are simulated.
        warnings: What the user should know, one line each.
    """

    probabilities: npt.NDArray[np.float32] | None = None
    seed: int = 0
    starters: int = 10
    cascade: Cascade = "independent"
    cascades: int = 10_000
    warnings: tuple[str, ...] = ()

    def take(self, indices: npt.NDArray[np.int64]) -> NetworkSamples:
        """Some of the people, of the same network."""
        return replace(self, rows=self.rows[indices])


@taking_fields(AskedGraph)
def read_network(
    path: Path | str,
    asked: AskedGraph,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    probability_column: str | None = None,
    starters: int = 10,
    cascade: Cascade = "independent",
    cascades: int = 10_000,
) -> Splits:
    """Reads one network; its people are not split, as all of them are described.

    Args:
        path: A file or a folder of one graph.
        asked: What the user says of it; callers name the fields.
        seed: Of what is drawn later: the order of Louvain's method, sources of paths, cascades.
        progress: Receives how much is read.
        probability_column: Column of the edge table with the probability that something passes.
        starters: How many people something starts from.
        cascade: How it spreads.
        cascades: How many are simulated.

    Returns:
        Train, validation and test are one and the same: every node of the graph, `NetworkSamples`.

    Raises:
        DataError: There is more than one graph, it has no edge, or no probabilities that were asked for.
        UsageError: Both weights and probabilities are asked for.
    """
    samples, layout, decisions = _network([str(path)], asked, probability_column, progress)
    samples = replace(samples, seed=seed or 0, starters=starters, cascade=cascade, cascades=cascades)
    split = Split(samples, as_labels([None] * len(samples)))
    return Splits(
        train=split,
        validation=split,
        test=split,
        class_names=(),
        layout=layout,
        fingerprint=samples.graph.digest().hex(),
        decisions=decisions,
        warnings=samples.warnings,
        skipped=samples.skipped,
    )


@taking_fields(AskedGraph)
def read_people(
    paths: Sequence[str],
    asked: AskedGraph,
    *,
    progress: Progress = no_progress,
    probability_column: str | None = None,
    starters: int = 10,
    cascade: Cascade = "independent",
    cascades: int = 10_000,
) -> NetworkSamples:
    """Reads a network whose people are described one by one.

    Args:
        paths: Files or a folder of one graph.
        asked: What the user says of it; callers name the fields.
        progress: Receives how much is read.
        probability_column: Column of the edge table with the probability that something passes.
        starters: How many people something starts from.
        cascade: How it spreads.
        cascades: How many are simulated.

    Raises:
        DataError, UsageError: As `read_network`.
    """
    samples = _network(paths, asked, probability_column, progress)[0]
    return replace(samples, starters=starters, cascade=cascade, cascades=cascades)


def _network(
    paths: Sequence[str], asked: AskedGraph, probability_column: str | None, progress: Progress
) -> tuple[NetworkSamples, str, tuple[str, ...]]:
    where, probable = ", ".join(paths), probability_column is not None
    if probable and asked.weight_column is not None:
        raise UsageError(
            "Edges have either weights or probabilities. Received: weight_column and probability_column.",
            "Name one of them; with probabilities, all edges count alike in everything but influence.",
        )
    if probable:
        asked = replace(asked, weight_column=probability_column)
    found = found_graphs([Path(path) for path in paths], asked, progress)
    graph = found.only(
        where, "Give the edges of one network; a collection of graphs is for --recipe graph-classification."
    )
    if not np.any(graph.edges[:, 0] != graph.edges[:, 1]):
        raise DataError(f"{where}: expected edges between different nodes, received none")
    weights, decisions = graph.weights, list(found.decisions)
    if probable and weights is None:
        raise DataError(
            f"{where}: expected a probability of each edge, received none",
            "Name the column of a table of edges that has them: --probability-column.",
        )
    if probable:
        graph = replace(graph, weights=None)
        decisions.append("edges: all count alike but for influence, where their probabilities count")
    decisions.append("splits: none, because every node is described and nothing is predicted")
    if graph.directed:
        decisions.append(
            "directions: PageRank, betweenness, closeness, distances and influence follow edges as they lead;"
            " degrees, components, cores, clustering, communities and homophily leave directions out"
        )
    if graph.weights is not None:
        decisions.append(
            "weights: taken as the strength of a tie by strength, PageRank and communities; paths, cores and"
            " clustering count edges"
        )
    samples = NetworkSamples(
        graph,
        np.arange(len(graph)),
        found.skipped,
        weights if probable else None,
        warnings=found.warnings,
    )
    return samples, found.layout, tuple(decisions)
