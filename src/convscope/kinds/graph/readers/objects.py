"""Graphs that are objects of Python: of networkx, SciPy and PyTorch Geometric, known by their attributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from convscope.errors import UsageError
from convscope.kinds.graph.graph import FoundGraphs, Graph
from convscope.kinds.graph.readers.arrays import graph_of_arrays
from convscope.kinds.graph.readers.documents import Document
from convscope.kinds.graph.readers.edges import GraphNotes
from convscope.kinds.graph.readers.roles import AskedColumns
from convscope.kinds.graph.readers.table_graphs import read_documents
from convscope.types import no_progress

_OF_PYG = (
    *("x", "y", "edge_weight", "train_mask", "val_mask", "test_mask"),
    *("train_idx", "val_idx", "test_idx", "label_names", "node_names"),
)


def graph_of(found: Any, directed: bool | None = None, label: str | None = None) -> FoundGraphs:
    """A graph of an object of Python.

    Args:
        found: A graph of networkx, whose attributes become features and labels as the columns of a table do;
            a square SciPy matrix, of which row i holds the edges that begin at node i; `Data` of PyTorch
            Geometric, or whatever has an `edge_index` of shape (2, edges), with `x`, `y` and masks; or a
            mapping of such arrays.
        directed: Whether edges lead one way; None goes by the object.
        label: The attribute of nodes of networkx that is their label.

    Returns:
        The graph with what was decided.

    Raises:
        UsageError: The object is something else.
        DataError: Its arrays contradict each other.

    Example:
        >>> import networkx
        >>> found = graph_of(networkx.path_graph(3))
        >>> len(found.graphs[0]), found.graphs[0].edges.tolist()
        (3, [[0, 1], [1, 2]])
    """
    if isinstance(found, Graph):
        return FoundGraphs([found], "a graph")
    if callable(getattr(found, "is_directed", None)) and callable(getattr(found, "edges", None)):
        return _of_networkx(found, directed, label)
    arrays: Mapping[str, Any]
    if sp.issparse(found) or isinstance(found, np.ndarray):
        arrays = {"adj": found}
    elif isinstance(found, Mapping):
        arrays = found
    elif getattr(found, "edge_index", None) is not None:
        arrays = {name: getattr(found, name, None) for name in ("edge_index", *_OF_PYG)}
    else:
        raise UsageError(
            f"Expected a graph of networkx, a SciPy matrix or PyTorch Geometric's Data, received"
            f" {type(found).__name__}."
        )
    notes = GraphNotes()
    held = {name: _array(each) for name, each in arrays.items() if each is not None}
    graph = graph_of_arrays(held, type(found).__name__, "graph", directed, notes)
    layout = f"an object of the type {type(found).__name__}"
    return FoundGraphs([graph], layout, tuple(notes.decisions), tuple(notes.warnings))


def _array(value: Any) -> Any:
    """A tensor as an array, on whichever device it is."""
    if sp.issparse(value):
        return value
    detached = value.detach().cpu() if callable(getattr(value, "detach", None)) else value
    return np.asarray(detached)


def _of_networkx(found: Any, directed: bool | None, label: str | None) -> FoundGraphs:
    one_way = bool(found.is_directed())
    document = Document(directed=one_way, name=f"the graph is {'directed' if one_way else 'undirected'}")
    for node, attributes in found.nodes(data=True):
        document.nodes.append({**_texts(attributes), "id": str(node)})
    for source, target, attributes in found.edges(data=True):
        document.edges.append({**_texts(attributes), "source": str(source), "target": str(target)})
    if len({node["id"] for node in document.nodes}) < len(document.nodes):
        raise UsageError("Expected nodes whose names differ as text, received several of one name.")
    name = str(getattr(found, "name", "") or "graph").replace("/", " ")
    return read_documents({Path(name): document}, [], AskedColumns(label=label), directed, no_progress)


def _texts(attributes: Mapping[Any, Any]) -> dict[str, str]:
    plain = (str, int, float, bool, np.generic)
    return {str(name): str(value) for name, value in attributes.items() if isinstance(value, plain)}
