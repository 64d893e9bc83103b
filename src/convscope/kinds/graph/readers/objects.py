"""Graphs that are objects of Python: of networkx, SciPy and PyTorch Geometric, known by their attributes."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from convscope.errors import UsageError
from convscope.files import write_json, written_whole
from convscope.kinds.graph.graph import FoundGraphs, Graph
from convscope.kinds.graph.readers.arrays import graph_of_arrays
from convscope.kinds.graph.readers.documents import Document
from convscope.kinds.graph.readers.edges import GraphNotes
from convscope.kinds.graph.readers.roles import AskedColumns
from convscope.kinds.graph.readers.table_graphs import read_documents
from convscope.types import SPLITS, no_progress

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


def save_graph(found: Any, path: Path | str, directed: bool | None = None, label: str | None = None) -> Path:
    """Writes a graph of an object of Python as a file that every command and function reads.

    Args:
        found: As of `graph_of`.
        path: Ends in `.json`; in `.npz` where nodes have a matrix of features; without attributes in either.
        directed: As of `graph_of`.
        label: As of `graph_of`.

    Returns:
        The path.

    Raises:
        UsageError: The object is something else, or the ending is not the one that holds the graph.
        DataError: Its arrays contradict each other.

    Example:
        >>> import tempfile
        >>> import networkx
        >>> save_graph(networkx.path_graph(3), Path(tempfile.mkdtemp()) / "path.npz").name
        'path.npz'
    """
    graph, path = graph_of(found, directed, label).graphs[0], Path(path)
    fitting = [".json"] if graph.features is None else []
    fitting += [] if graph.columns else [".npz"]
    if path.suffix not in fitting:
        raise UsageError(
            f"This graph is written to a file that ends in {' or '.join(fitting)}. Received: {path.name}."
        )
    if path.suffix == ".json":
        write_json(path, _node_link(graph))
        return path
    features = sp.csr_array(graph.features) if sp.issparse(graph.features) else None
    names = ("data", "indices", "indptr", "shape")
    splits = {} if graph.splits is None else {name: graph.splits == name for name in SPLITS}
    arrays = {
        "directed": np.array(graph.directed),
        "edge_index": graph.edges.T,
        "edge_weight": graph.weights,
        "edge_time": graph.times,
        "node_names": np.array([str(name) for name in graph.names]),
        "x": None if features is not None else graph.features,
        **({} if features is None else {f"x_{name}": np.asarray(getattr(features, name)) for name in names}),
        "y": None if graph.labels is None else np.array([each or "" for each in graph.labels.tolist()]),
        **{f"{name}_mask": mask for name, mask in splits.items() if mask.any()},
    }
    with written_whole(path) as part:
        np.savez_compressed(part, **{name: array for name, array in arrays.items() if array is not None})
    return path


def _node_link(graph: Graph) -> dict[str, Any]:
    """A graph as JSON of nodes and links."""
    told: dict[str, list[Any]] = {name: values.tolist() for name, values in graph.columns.items()}
    for name, values in (("label", graph.labels), ("split", graph.splits)):
        if values is not None:
            told[name] = values.tolist()
    links: dict[str, list[Any]] = {
        end: [str(graph.names[row]) for row in rows.tolist()]
        for end, rows in zip(("source", "target"), graph.edges.T, strict=True)
    }
    for name, numbers in (("weight", graph.weights), ("time", graph.times)):
        if numbers is not None:
            links[name] = numbers.tolist()
    told["id"] = list(map(str, graph.names))
    nodes, edges = _rows(told, len(graph)), _rows(links, len(graph.edges))
    return {"directed": graph.directed, "nodes": nodes, "links": edges}


def _rows(columns: Mapping[str, list[Any]], count: int) -> list[dict[str, Any]]:
    """Columns as one mapping for each row, without what is missing."""
    items: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, values in columns.items():
        for item, value in zip(items, values, strict=True):
            if value is not None and not (isinstance(value, float) and isnan(value)):
                item[name] = value
    return items


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
