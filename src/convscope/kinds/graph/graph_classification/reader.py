"""Collections of graphs, each with a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.assembly import Found, assemble
from convscope.data.digests import DIGEST_BYTES, digest_keys
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs, Graph, GraphSamples
from convscope.kinds.graph.readers.reader import AskedGraph, found_graphs
from convscope.types import Progress, no_progress

NODE_LABEL = "label"
"""The column that labels of nodes become, which say what a node is where whole graphs have classes."""


def read_whole_graphs(
    path: Path | str,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    directed: bool | None = None,
    encoding: str | None = None,
) -> Splits:
    """Reads graphs with their classes.

    Args:
        path: A folder or a file of several graphs.
        seed: Draws the splits that the data does not have; None where the graphs are to be judged.
        progress: Receives how many are read.
        directed: Whether edges lead one way; by default as the data says.
        encoding: Of text files.

    Raises:
        DataError: There is one graph alone, no graph has a class, or what `assemble` refuses.
    """
    found, graphs = _collection([Path(path)], AskedGraph(directed=directed, encoding=encoding), progress)
    if not any(graph.label is not None for graph in graphs):
        raise DataError(
            f"{path}: expected a class of each graph, received {len(graphs)} graphs without one",
            hint="Give a file of graph labels, such as NAME_graph_labels.txt.",
        )
    digests = np.frombuffer(b"".join(graph.digest(named=False) for graph in graphs), np.uint8)
    return assemble(
        Found(
            str(path),
            found.layout,
            GraphSamples(graphs),
            [graph.label for graph in graphs],
            [None] * len(graphs),
            digest_keys(digests.reshape(-1, DIGEST_BYTES)),
            folds=found.folds,
            nouns=("graph", "graphs"),
            alike="identical graphs",
            decisions=found.decisions,
            warnings=found.warnings,
            skipped=found.skipped,
        ),
        seed,
    )


def read_graph_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    directed: bool | None = None,
    encoding: str | None = None,
) -> GraphSamples:
    """Reads graphs to be classified, with classes or without.

    Args:
        paths: Files or folders, each of which holds one graph or several.
        progress: Receives how many are read.
        directed: As of `read_whole_graphs`.
        encoding: As of `read_whole_graphs`.
    """
    found, graphs = _collection(
        [Path(path) for path in paths], AskedGraph(directed=directed, encoding=encoding), progress
    )
    return GraphSamples(graphs, found.skipped)


def _collection(
    paths: Sequence[Path], asked: AskedGraph, progress: Progress
) -> tuple[FoundGraphs, list[Graph]]:
    """What was found, and its graphs, of whose nodes labels are features."""
    found = found_graphs(paths, asked, progress)
    return found, [_featured(graph) for graph in found.graphs]


def _featured(graph: Graph) -> Graph:
    if graph.labels is None:
        return graph
    columns: dict[str, Any] = {**graph.columns, NODE_LABEL: graph.labels}
    return replace(graph, columns=columns, labels=None)
