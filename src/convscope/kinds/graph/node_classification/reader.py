"""From a graph to nodes with labels in splits: those of the data, or drawn as a protocol says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from convscope.data.assembly import Found, assemble
from convscope.data.digests import digests_of
from convscope.data.splits import Split, Splits
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs, Graph, NodeSamples
from convscope.kinds.graph.readers.reader import AskedGraph, found_graphs
from convscope.option import taking_fields
from convscope.phrasing import plural
from convscope.types import SPLITS, Progress, SplitName, no_progress

Protocol = Literal["given", "planetoid", "shchur"]
PER_CLASS = 20
"""Train nodes of each class, by both protocols."""
SHCHUR_VALIDATION = 30
"""Validation nodes of each class, by Shchur et al."""
PLANETOID_VALIDATION, PLANETOID_TEST = 500, 1000
FEWEST = 3
"""Nodes of a class: one for each split."""
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class NodeInputs(NodeSamples):
    """Nodes without labels.

    Args:
        warnings: What the user should know, one line each.
    """

    warnings: tuple[str, ...] = ()


@taking_fields(AskedGraph)
def read_nodes(
    path: Path | str,
    asked: AskedGraph,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    protocol: Protocol = "given",
) -> Splits:
    """Reads one graph whose nodes have labels, all of them or some.

    Nodes in no split are seen with their edges, and not judged.

    Args:
        path: A file or a folder of one graph.
        asked: What the user says of it; callers name the fields.
        seed: Draws the splits that the data does not have; None where the nodes are to be judged by a model
            that exists.
        progress: Receives how much is read.
        protocol: How splits are drawn; `given` takes those of the data, where it has some.

    Raises:
        DataError: There is more than one graph, no node has a label, or a split cannot be made.
    """
    found = _both_ways(found_graphs([Path(path)], asked, progress), asked.directed)
    return splits_of(str(path), found, protocol, seed)


@taking_fields(AskedGraph)
def read_new_nodes(
    paths: Sequence[str],
    asked: AskedGraph,
    *,
    progress: Progress = no_progress,
) -> NodeInputs:
    """Reads a graph that is asked about, all of its nodes; labels in it are not looked at.

    Args:
        paths: Files or a folder of one graph: edges, with or without a table of nodes.
        asked: What the user says of it; callers name the fields.
        progress: Receives how much is read.

    Raises:
        DataError: There is more than one graph, or none.
    """
    found = _both_ways(found_graphs([Path(path) for path in paths], asked, progress), asked.directed)
    graph = _only_graph(", ".join(paths), found)
    return NodeInputs(graph, np.arange(len(graph)), found.skipped, found.warnings)


def splits_of(where: str, found: FoundGraphs, protocol: Protocol, seed: int | None) -> Splits:
    """Train, validation and test of the nodes with labels of one graph.

    Args:
        where: The path that was read, for messages.
        found: What a reader found.
        protocol: How splits are drawn.
        seed: Draws them; None draws none.

    Raises:
        DataError: As of `read_nodes`.
    """
    graph = _only_graph(where, found)
    decisions, warnings = list(found.decisions), list(found.warnings)
    if protocol == "shchur":
        graph = _largest_component(graph, decisions)
    if graph.labels is None:
        raise DataError(
            f"{where}: expected nodes with labels, received none",
            "Name the column with the labels: --label-column; a graph without labels is for"
            " --recipe node-clustering.",
        )
    labels = graph.labels.copy()
    splits = _given(graph, protocol)
    _leave_out_rare(where, labels, splits, protocol, warnings)
    if protocol != "given" and seed is not None:
        splits = _drawn(where, labels, protocol, seed, decisions)
    chosen = np.array([label is not None for label in labels.tolist()])
    if any(splits):
        chosen &= np.array([split is not None for split in splits])
    rows = np.flatnonzero(chosen).astype(np.int64)
    decisions += _transductive(len(graph), len(rows))
    made = assemble(
        Found(
            where,
            found.layout,
            NodeSamples(graph, rows),
            [labels[row] for row in rows.tolist()],
            [splits[row] for row in rows.tolist()],
            digests_of(graph.names[row].encode() for row in rows.tolist()),
            nouns=("node", "nodes"),
            alike="each node",
            decisions=decisions,
            warnings=warnings,
            skipped=found.skipped,
        ),
        seed,
    )
    others = NodeSamples(graph, np.setdiff1d(np.arange(len(graph)), rows).astype(np.int64))
    return replace(_with_splits(graph, made), others=others)


def _both_ways(found: FoundGraphs, directed: bool | None) -> FoundGraphs:
    """The same graphs with messages along edges in both directions, unless the user says otherwise."""
    if directed or not any(graph.directed for graph in found.graphs):
        return found
    said = (
        "message passing: along edges in both directions, though they lead one way, because a node is told by"
        " those that it points to and by those that point to it; --directed follows them one way"
    )
    graphs = [graph.undirected() if graph.directed else graph for graph in found.graphs]
    return replace(found, graphs=graphs, decisions=(*found.decisions, said))


def _only_graph(where: str, found: FoundGraphs) -> Graph:
    return found.only(
        where,
        "Give the files of one graph; many graphs with a label each are for --recipe graph-classification.",
    )


def _given(graph: Graph, protocol: Protocol) -> list[SplitName | None]:
    if protocol != "given" or graph.splits is None:
        return [None] * len(graph)
    return list(graph.splits.tolist())


def _leave_out_rare(
    where: str,
    labels: npt.NDArray[np.object_],
    splits: Sequence[SplitName | None],
    protocol: Protocol,
    warnings: list[str],
) -> None:
    """Forgets labels of classes with too few nodes to be learned and judged.

    Raises:
        DataError: No class has enough.
    """
    if any(splits):
        return
    fewest = {"given": FEWEST, "planetoid": PER_CLASS + 2, "shchur": PER_CLASS + SHCHUR_VALIDATION + 1}
    known = np.array([label for label in labels.tolist() if label is not None], object)
    names, counts = np.unique(known.astype(str), return_counts=True)
    rare = [(name, count) for name, count in zip(names.tolist(), counts.tolist(), strict=True)]
    rare = [(name, count) for name, count in rare if count < fewest[protocol]]
    if not rare:
        return
    gone = {name for name, _ in rare}
    for row, label in enumerate(labels.tolist()):
        if label is not None and str(label) in gone:
            labels[row] = None
    shown = ", ".join(f"'{name}' ({count})" for name, count in rare[:_SHOWN])
    more = f" and {len(rare) - _SHOWN} more" if len(rare) > _SHOWN else ""
    if len(rare) == len(names):
        raise DataError(
            f"{where}: expected at least {fewest[protocol]} nodes of a class, so that each split has one,"
            f" received {plural(len(known), 'node')} with a label: {shown}{more}",
            "Give more nodes a label; groups are found without labels by --recipe node-clustering.",
        )
    warnings.append(
        f"classes with fewer than {fewest[protocol]} nodes are left out, and their nodes count as without a"
        f" label: {shown}{more}"
    )


def _largest_component(graph: Graph, decisions: list[str]) -> Graph:
    """The largest component, directions left out, as Shchur et al. take it."""
    shape = (len(graph), len(graph))
    ones = np.ones(len(graph.edges), np.int8)
    joined = sp.csr_array((ones, (graph.edges[:, 0], graph.edges[:, 1])), shape=shape)
    _, component = connected_components(joined, directed=False)
    kept = np.flatnonzero(component == np.bincount(component).argmax())
    place = np.full(len(graph), -1, np.int64)
    place[kept] = np.arange(len(kept))
    inside = place[graph.edges[:, 0]] >= 0
    decisions.append(
        f"protocol: shchur, so that the largest component is taken: {len(kept):,} of {len(graph):,} nodes"
    )
    return replace(
        graph,
        names=[graph.names[row] for row in kept.tolist()],
        edges=place[graph.edges[inside]],
        weights=None if graph.weights is None else graph.weights[inside],
        times=None if graph.times is None else graph.times[inside],
        features=None if graph.features is None else graph.features[kept],
        columns={name: column[kept] for name, column in graph.columns.items()},
        labels=None if graph.labels is None else graph.labels[kept],
        splits=None if graph.splits is None else graph.splits[kept],
    )


def _drawn(
    where: str, labels: npt.NDArray[np.object_], protocol: Protocol, seed: int, decisions: list[str]
) -> list[SplitName | None]:
    """Splits as a protocol draws them; None for nodes that are in none."""
    rng = np.random.default_rng(seed)
    codes = np.full(len(labels), -1, np.int64)
    known = np.array([label is not None for label in labels.tolist()])
    named = np.array([str(label) for label in labels.tolist()])
    for name in np.unique(named[known]):
        rows = rng.permutation(np.flatnonzero(known & (named == name)))
        codes[rows[:PER_CLASS]] = SPLITS.index("train")
        if protocol == "shchur":
            codes[rows[PER_CLASS : PER_CLASS + SHCHUR_VALIDATION]] = SPLITS.index("validation")
            codes[rows[PER_CLASS + SHCHUR_VALIDATION :]] = SPLITS.index("test")
    if protocol == "planetoid":
        rest = rng.permutation(np.flatnonzero(known & (codes < 0)))
        if len(rest) < PLANETOID_VALIDATION + PLANETOID_TEST:
            raise DataError(
                f"{where}: expected at least {PLANETOID_VALIDATION + PLANETOID_TEST:,} nodes with a label"
                f" besides {PER_CLASS} of each class for --protocol planetoid, received {len(rest):,}",
                "Leave out --protocol, so that a tenth is drawn for validation and for test.",
            )
        codes[rest[:PLANETOID_VALIDATION]] = SPLITS.index("validation")
        codes[rest[PLANETOID_VALIDATION:][:PLANETOID_TEST]] = SPLITS.index("test")
    counts = ", ".join(f"{name} {int(np.sum(codes == code)):,}" for code, name in enumerate(SPLITS))
    decisions.append(f"splits: {counts}, drawn with seed {seed} as --protocol {protocol} says")
    return [SPLITS[code] if code >= 0 else None for code in codes.tolist()]


def _transductive(nodes: int, judged: int) -> list[str]:
    """How nodes of other splits take part."""
    lines = [
        "message passing: over all nodes and edges, also those of validation and test, whose labels are not"
        " seen (transductive); other graphs can be predicted as well (inductive)"
    ]
    if nodes > judged:
        lines.append(
            f"nodes in no split: {nodes - judged:,} of {nodes:,}; they and their edges are seen, and nothing"
            " is judged by them"
        )
    return lines


def _with_splits(graph: Graph, made: Splits) -> Splits:
    """The same splits, of a graph that says which node is in which, so that baselines can be fitted."""
    codes = np.full(len(graph), None, object)
    for name in SPLITS:
        if name != "validation" or made.validation is not made.train:
            codes[_rows(made[name])] = name
    told = replace(graph, splits=codes)

    def moved(split: Split) -> Split:
        return Split(NodeSamples(told, _rows(split)), split.labels)

    train = moved(made.train)
    pool = made.pool
    if pool is not None:
        every = pool.samples
        rows = every.rows if isinstance(every, NodeSamples) else np.zeros(0, np.int64)
        pool = replace(pool, samples=NodeSamples(told, rows))
    return replace(
        made,
        train=train,
        validation=train if made.validation is made.train else moved(made.validation),
        test=moved(made.test),
        fingerprint=sha256(f"{made.fingerprint}{graph_fingerprint(graph)}".encode()).hexdigest(),
        pool=pool,
    )


def _rows(split: Split) -> npt.NDArray[np.int64]:
    samples = split.samples
    return samples.rows if isinstance(samples, NodeSamples) else np.zeros(0, np.int64)


def graph_fingerprint(graph: Graph) -> str:
    """SHA-256 (hex) over names, edges, features and columns of a graph."""
    total = sha256("\0".join(graph.names).encode())
    arrays: list[npt.NDArray[np.generic]] = [graph.edges]
    arrays += [each for each in (graph.weights, graph.times) if each is not None]
    if graph.features is not None:
        found = graph.features
        parts = [found] if isinstance(found, np.ndarray) else [found.data, found.indices, found.indptr]
        arrays += parts
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    for name, column in graph.columns.items():
        total.update(name.encode())
        total.update(repr(column.tolist()).encode() if column.dtype == object else column.tobytes())
    return total.hexdigest()
