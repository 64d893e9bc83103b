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
from convscope.option import taking_fields
from convscope.types import Progress, no_progress

NODE_LABEL = "label"
"""The column that labels of nodes become, which say what a node is where whole graphs have classes."""


@taking_fields(AskedGraph)
def read_whole_graphs(
    path: Path | str,
    asked: AskedGraph,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
) -> Splits:
    """Reads graphs with their classes.

    Args:
        path: A folder or a file of several graphs.
        asked: What the user says of it; callers name the fields.
        seed: Draws the splits that the data does not have; None where the graphs are to be judged.
        progress: Receives how many are read.

    Raises:
        DataError: There is one graph alone, no graph has a class, or what `assemble` refuses.
    """
    found, graphs = _collection([Path(path)], asked, progress)
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


@taking_fields(AskedGraph)
def read_graph_inputs(
    paths: Sequence[str],
    asked: AskedGraph,
    *,
    progress: Progress = no_progress,
) -> GraphSamples:
    """Reads graphs to be classified, with classes or without.

    Args:
        paths: Files or folders, each of which holds one graph or several.
        asked: What the user says of it; callers name the fields.
        progress: Receives how many are read.
    """
    found, graphs = _collection([Path(path) for path in paths], asked, progress)
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
