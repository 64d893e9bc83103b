"""From rows of edges and rows of nodes to one graph: ids become rows, and all that is odd is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from convscope.errors import DataError
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.readers.edges import EdgeRows, GraphNotes, Rows, merged_edges
from convscope.phrasing import plural

Features: TypeAlias = "npt.NDArray[np.float32] | sp.csr_array"

_NO_ID = ("", "\\N", "nan", "NaN", "null", "NULL", "<NA>")
"""What stands in the place of an id that is missing; `NA` is a country and a gene."""


@dataclass(frozen=True, eq=False)
class NodeRows:
    """What is known of nodes, by their ids or in the order of their numbers.

    Args:
        count: Number of rows.
        file: What it is called in messages.
        ids: As texts; None where the row is the id.
        features: A matrix of numbers.
        feature_names: Of its columns.
        columns: Other columns, float64 or object.
        labels: Class names, None where one is missing.
        splits: `train`, `validation`, `test` or None.
    """

    count: int
    file: str
    ids: pa.Array | None = None
    features: Features | None = None
    feature_names: tuple[str, ...] = ()
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    labels: npt.NDArray[np.object_] | None = None
    splits: npt.NDArray[np.object_] | None = None


def assembled(
    edges: EdgeRows, nodes: Sequence[NodeRows], directed: bool | None, notes: GraphNotes, name: str = "graph"
) -> Graph:
    """One graph of rows of edges and rows of nodes.

    Args:
        edges: The edges.
        nodes: What is known of nodes; several tables are joined by their ids.
        directed: What the user said; None goes by the data.
        notes: Learns what was decided and counted.
        name: What the graph is called.

    Raises:
        DataError: No edge is left, a weight is not what the user named it for, or nodes cannot be joined.
    """
    (source, target), found = _coded(edges)
    names = _names(found, nodes, edges.file, notes)
    place = np.asarray(pc.index_in(found, value_set=names).to_numpy(zero_copy_only=False), np.int64)
    source, target = (
        np.where(ends < 0, -1, place[ends]) if len(place) else ends for ends in (source, target)
    )
    made = merged_edges(edges, source, target, len(names), directed, notes)
    if not len(made["edges"]):
        raise DataError(
            f"{edges.file}: expected edges between two nodes, received none among"
            f" {plural(len(source), 'row')}",
            hint="Name the columns of both ends: --source-column and --target-column.",
        )
    known = joined(names, nodes, notes)
    graph = Graph(names=names.to_pylist(), name=name, **made, **known)
    say_counts(graph, notes)
    return graph


def divided_graph(graph: Graph, files: Sequence[Path]) -> list[Graph]:
    """The graphs of several files, which were read as one.

    Args:
        graph: The names of its nodes begin with the number of a file, from 0, and a colon.
        files: What each graph is called.
    """
    parts = [name.partition(":") for name in graph.names]
    owner = np.array([int(part[0]) for part in parts], np.int64)
    order = np.argsort(owner, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    of_edge = owner[graph.edges[:, 0]]
    by = np.argsort(of_edge, kind="stable")
    starts, begins = (
        np.searchsorted(found, np.arange(len(files) + 1)) for found in (owner[order], of_edge[by])
    )
    divided = []
    for number, file in enumerate(files):
        rows, edges = (
            found[first[number] : first[number + 1]] for found, first in ((order, starts), (by, begins))
        )
        divided.append(
            Graph(
                [parts[row][2] for row in rows.tolist()],
                place[graph.edges[edges]] - starts[number],
                graph.directed,
                weights=None if graph.weights is None else graph.weights[edges],
                times=None if graph.times is None else graph.times[edges],
                features=None if graph.features is None else graph.features[rows],
                feature_names=graph.feature_names,
                columns={name: values[rows] for name, values in graph.columns.items()},
                labels=None if graph.labels is None else graph.labels[rows],
                name=str(file),
            )
        )
    return divided


def _coded(edges: EdgeRows) -> tuple[tuple[Rows, Rows], pa.Array]:
    """Both ends as places in one array of ids, -1 where one is missing."""
    found, codes = [], []
    for column in (edges.source, edges.target):
        whole = (
            column.unify_dictionaries().combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        )
        whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
        found.append(pc.utf8_trim_whitespace(whole.dictionary))
        codes.append(np.asarray(pc.fill_null(whole.indices, -1).to_numpy(zero_copy_only=False), np.int64))
    found = [whole_numbers(each) for each in found]
    both = pa.concat_arrays(found)
    missing = pc.is_in(both, value_set=pa.array(_NO_ID))
    ids = pc.unique(both.filter(pc.invert(missing)))
    places = [np.asarray(pc.fill_null(pc.index_in(each, value_set=ids), -1), np.int64) for each in found]
    source, target = (
        np.where(code < 0, -1, place[code]) if len(place) else code
        for code, place in zip(codes, places, strict=True)
    )
    return (source, target), ids


def whole_numbers(ids: pa.Array) -> pa.Array:
    """Ids without the decimals that numbers get beside missing ones, such as 1.0, where all have them."""
    is_one = pc.match_substring_regex(ids, r"^-?\d+\.0$|^$")
    return pc.replace_substring(ids, ".0", "") if len(ids) and pc.all(is_one).as_py() else ids


def _names(found: pa.Array, nodes: Sequence[NodeRows], file: str, notes: GraphNotes) -> pa.Array:
    """All ids: those of the node tables in their order, then the others."""
    listed = [_ids_of(each, found) for each in nodes]
    if not listed:
        numbers = _as_integers(found)
        return found if numbers is None else found.take(pa.array(np.argsort(numbers, kind="stable")))
    known = pc.unique(pa.concat_arrays(listed))
    alone = found.filter(pc.invert(pc.is_in(found, value_set=known)))
    tables = " and ".join(each.file for each in nodes)
    if len(alone):
        shown = ", ".join(repr(each) for each in alone.slice(0, 3).to_pylist())
        zeros = _zeros_apart(known, alone)
        if len(alone) == len(found):
            others = ", ".join(repr(each) for each in known.slice(0, 3).to_pylist())
            raise DataError(
                f"{file}: expected edges between nodes of {tables}, such as {others}; received {shown}, and"
                " no id that is there",
                hint=zeros or "Name the column of the ids: --id-column; or give the edges alone.",
            )
        told = f"edges of {file}, not listed there" if tables == file else f"{file}, not in {tables}"
        notes.warnings.append(
            f"ids: {len(alone):,} of {plural(len(found), 'node')} of {told}, such as {shown}: nodes without"
            f" features"
            " and labels" + (f". {zeros.rstrip('.')}" if zeros else "")
        )
    return pa.concat_arrays([known, alone])


def _zeros_apart(known: pa.Array, alone: pa.Array) -> str:
    """What to do about ids that are the same but for zeros before them; empty where there are none."""
    bare = pc.utf8_ltrim(known, "0")
    same = alone.filter(pc.is_in(pc.utf8_ltrim(alone, "0"), value_set=bare))
    if not len(same):
        return ""
    one = same[0].as_py()
    other = known.filter(pc.equal(bare, one.lstrip("0")))[0].as_py()
    return f"Ids are texts, so that {other!r} and {one!r} are two nodes; write them alike in both files."


def _ids_of(nodes: NodeRows, found: pa.Array) -> pa.Array:
    """The ids of a table of nodes; without any, its rows count from 0, or from 1 where the edges do."""
    if nodes.ids is not None:
        return nodes.ids
    numbers = _as_integers(found)
    if numbers is None or (len(numbers) and (numbers.min() < 0 or numbers.max() > nodes.count)):
        raise DataError(
            f"{nodes.file}: expected a column with the ids of the nodes, or a row for each of the nodes"
            f" 0, 1, 2, ...; received {plural(nodes.count, 'row')} without ids that the edges have",
            hint="Name the column of the ids: --id-column.",
        )
    first = int(bool(len(numbers)) and numbers.max() == nodes.count)
    if first and numbers.min() == 0:
        raise DataError(
            f"{nodes.file}: expected {nodes.count + 1:,} rows for the nodes from 0 to {nodes.count:,}"
        )
    return pa.array(np.arange(first, first + nodes.count)).cast(pa.string())


def _as_integers(ids: pa.Array) -> npt.NDArray[np.int64] | None:
    """Ids as whole numbers; None where one is no number as Python writes it."""
    if not pc.all(pc.match_substring_regex(ids, r"^(0|-?[1-9]\d{0,17})$")).as_py():
        return None if len(ids) else np.zeros(0, np.int64)
    return np.asarray(ids.cast(pa.int64()).to_numpy(), np.int64)


def joined(names: pa.Array, nodes: Sequence[NodeRows], notes: GraphNotes) -> dict[str, Any]:
    """What is known of the nodes of a graph, in their order.

    Args:
        names: Of the nodes.
        nodes: What is known by their names, or in the order of their rows; other names are passed over.
        notes: Learns what was odd.

    Returns:
        `features`, `feature_names`, `columns`, `labels` and `splits` of the graph.
    """
    count = len(names)
    found: dict[str, npt.NDArray[Any]] = {}
    matrices: list[Features] = []
    feature_names: list[str] = []
    columns: dict[str, npt.NDArray[Any]] = {}
    for each in nodes:
        rows, take = _placed(names, each, notes)
        if each.features is not None:
            matrices.append(_scattered(each.features[take], rows, count))
            feature_names += each.feature_names
        for name, values in each.columns.items():
            columns.setdefault(name, _filled(values[take], rows, count))
        for what in ("labels", "splits"):
            values = getattr(each, what)
            if values is not None:
                filled = _filled(values[take], rows, count)
                before = found.get(what)
                found[what] = filled if before is None else np.where(_is_none(before), filled, before)
    features = matrices[0] if len(matrices) == 1 else _side_by_side(matrices)
    return {
        "features": features,
        "feature_names": tuple(feature_names),
        "columns": columns,
        "labels": found.get("labels"),
        "splits": found.get("splits"),
    }


def _placed(names: pa.Array, nodes: NodeRows, notes: GraphNotes) -> tuple[Rows, Rows]:
    """Rows of the graph, and the rows of the table that go there: the first of each id."""
    ids = names.slice(0, nodes.count) if nodes.ids is None else nodes.ids
    place = np.asarray(pc.fill_null(pc.index_in(ids, value_set=names), -1), np.int64)
    rows, take = np.unique(place, return_index=True)
    rows, take = rows[rows >= 0], take[rows >= 0]
    there = int((place >= 0).sum())
    if there < len(place):
        notes.warnings.append(
            f"ids: {plural(len(place) - there, 'row')} of {nodes.file} without a node of that name, left out"
        )
    if len(rows) < there:
        notes.warnings.append(
            f"ids: {plural(there - len(rows), 'row')} of {nodes.file} with the id of an earlier one, left out"
        )
    return rows, take


def _scattered(values: Features, rows: Rows, count: int) -> Features:
    if sp.issparse(values):
        shape = (count, len(rows))
        spread = sp.csr_array((np.ones(len(rows), np.float32), (rows, np.arange(len(rows)))), shape=shape)
        return sp.csr_array(spread @ values)
    filled = np.full((count, values.shape[1]), np.nan, np.float32)
    filled[rows] = values
    return filled


def _filled(values: npt.NDArray[Any], rows: Rows, count: int) -> npt.NDArray[Any]:
    filled: npt.NDArray[Any] = (
        np.full(count, None, object) if values.dtype == object else np.full(count, np.nan)
    )
    filled[rows] = values
    return filled


def _side_by_side(matrices: Sequence[Features]) -> Features | None:
    if not matrices:
        return None
    if any(map(sp.issparse, matrices)):
        return sp.csr_array(sp.hstack(matrices, format="csr"))
    return np.concatenate(matrices, 1)


def _is_none(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.array([value is None for value in values], np.bool_)


def say_counts(graph: Graph, notes: GraphNotes) -> None:
    """Says how much there is, and what is missing."""
    degrees = np.bincount(graph.edges.ravel(), minlength=len(graph))
    isolated = int((degrees == 0).sum())
    notes.decisions.append(f"graph: {plural(len(graph), 'node')} and {plural(len(graph.edges), 'edge')}")
    if isolated:
        notes.warnings.append(f"isolated nodes: {isolated:,} of {len(graph):,}, without an edge")
    if graph.labels is not None:
        known = ~_is_none(graph.labels)
        classes = len(set(graph.labels[known].tolist()))
        notes.decisions.append(
            f"labels: {plural(classes, 'class')}, known for {int(known.sum()):,} of"
            f" {plural(len(graph), 'node')}"
        )
    if graph.splits is not None:
        named = [(name, int((graph.splits == name).sum())) for name in ("train", "validation", "test")]
        rest = len(graph) - sum(number for _, number in named)
        said = ", ".join(f"{number:,} {name}" for name, number in named)
        notes.decisions.append(f"splits: {said}, {rest:,} of none")
    if graph.features is not None:
        values = graph.features.data if sp.issparse(graph.features) else graph.features
        odd = int((~np.isfinite(values)).sum())
        if odd:
            notes.warnings.append(f"features: {plural(odd, 'number')} missing or infinite")
    for name, values in graph.columns.items():
        missing = np.isnan(values) if values.dtype != object else _is_none(values)
        if missing.any():
            notes.warnings.append(f"features: {plural(int(missing.sum()), 'node')} without {name!r}")
