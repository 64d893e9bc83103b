"""Graphs in arrays: NumPy and SciPy archives, MatrixMarket, and objects of Python by their attributes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp

from convscope.data.npy_header import npy_header
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs, Graph
from convscope.kinds.graph.readers.assembly import NodeRows, joined, say_counts
from convscope.kinds.graph.readers.edges import EdgeRows, GraphNotes, merged_edges
from convscope.phrasing import plural

ARRAYS = frozenset((".npz", ".npy", ".mtx"))
"""Endings of files of arrays."""
MOST_NODES = 2**27
"""Rows of a sparse matrix at most whose header alone says how many there are."""
MOST_BYTES = 2**36
"""Bytes of an array at most."""
_EDGES = ("edge_index", "edges", "edge_list", "edge_indices", "edgelist")
_ADJACENCY = ("adj", "adjacency", "adj_matrix", "adjacency_matrix", "a", "graph", "network", "adj_t")
_FEATURES = ("x", "features", "feature", "feat", "feats", "attr", "attributes", "node_feat", "node_features")
_LABELS = ("y", "labels", "label", "node_labels", "node_label", "targets", "target", "classes")
_CLASS_NAMES = ("label_names", "class_names", "classnames", "target_names")
_NAMES = ("node_names", "names", "paper_id", "paper_ids", "node_ids", "ids", "node_id", "user_id")
_WEIGHTS = ("edge_weight", "edge_weights", "weights", "weight")
_TIMES = ("edge_time", "time", "times", "timestamps")
_CSR = ("data", "indices", "indptr", "shape")
_MARK = re.compile(r"idx|index|indices|mask|masks|ids|split", re.IGNORECASE)

Arrays = Mapping[str, Any]
"""Arrays and sparse matrices by their names."""


def read_arrays(
    files: Sequence[Path],
    directed: bool | None,
    beside: Callable[[frozenset[str], GraphNotes], Sequence[NodeRows]] = lambda known, notes: (),
) -> FoundGraphs:
    """Reads one graph from archives, arrays and matrices.

    Args:
        files: All that belong to it.
        directed: Whether edges lead one way; None goes by the data.
        beside: From the names of nodes to what tables say of them.

    Raises:
        DataError: A file is damaged or holds objects, or no array holds edges.
    """
    arrays: dict[str, Any] = {}
    for file in files:
        for name, value in arrays_of(file).items():
            arrays.setdefault(name.lower(), value)
    notes = GraphNotes()
    where = ", ".join(file.name for file in files[:3])
    graph = graph_of_arrays(arrays, where, files[0].stem, directed, notes)
    known = beside(frozenset(graph.names), notes)
    if known:
        found = joined(pa.array(graph.names, pa.string()), known, notes)
        graph = replace(graph, **{name: each for name, each in found.items() if _is_known(each)})
    layout = f"arrays ({where})"
    return FoundGraphs([graph], layout, tuple(notes.decisions), tuple(notes.warnings))


def _is_known(values: Any) -> bool:
    return values is not None and (sp.issparse(values) or len(values) > 0)


def arrays_of(file: Path) -> dict[str, Any]:
    """The arrays of a file by their names; parts of sparse matrices are put together.

    Raises:
        DataError: It is damaged, holds objects of Python, or is too large.
    """
    suffix = file.suffix.lower()
    if suffix == ".npy":
        with damage_as_data_error(str(file), "array"), file.open("rb") as opened:
            _check_header(opened, str(file))
        with damage_as_data_error(str(file), "array"):
            return {file.stem: np.load(file, allow_pickle=False)}
    if suffix == ".mtx":
        return {file.stem: _matrix_market(file)}
    arrays: dict[str, Any] = {}
    with damage_as_data_error(str(file), "NumPy archive"), zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        objects = []
        for name in names:
            with archive.open(name) as opened:
                if _check_header(opened, f"{file}, {name}"):
                    objects.append(name.removesuffix(".npy"))
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name not in objects}
    return _put_together(arrays, objects, file)


def _check_header(opened: Any, where: str) -> bool:
    """Whether an array holds objects, which are never loaded; stops at one that cannot be held."""
    shape, _, dtype = npy_header(opened, where)
    if float(np.prod([float(length) for length in shape])) * dtype.itemsize > MOST_BYTES:
        raise DataError(
            f"{where}: expected an array of at most {MOST_BYTES:,} bytes, received one of {shape}"
        )
    return bool(dtype.hasobject)


def _put_together(arrays: dict[str, Any], objects: Sequence[str], file: Path) -> dict[str, Any]:
    """Arrays, in which `adj_data`, `adj_indices`, `adj_indptr` and `adj_shape` have become one matrix."""
    prefixes = [name.removesuffix("indptr") for name in arrays if name.endswith("indptr")]
    for prefix in prefixes:
        parts = [arrays.pop(f"{prefix}{part}", None) for part in _CSR]
        form = np.asarray(arrays.pop(f"{prefix}format", "csr")).item()
        form = form.decode("ascii", "replace") if isinstance(form, bytes) else str(form)
        arrays[prefix.rstrip("_-.") or file.stem] = _compressed(parts, form, f"{file}, {prefix or file.stem}")
    if {"row", "col", "shape"} <= set(arrays):
        row, col, shape = (arrays.pop(name) for name in ("row", "col", "shape"))
        arrays.pop("format", None)
        with damage_as_data_error(str(file), "sparse matrix"):
            if max(shape.tolist(), default=0) > MOST_NODES:
                raise DataError(f"{file}: expected a matrix of at most {MOST_NODES:,} rows, received {shape}")
            data = arrays.pop("data", np.ones(len(row), np.float32))
            arrays[file.stem] = sp.csr_array(sp.coo_array((data, (row, col)), shape=tuple(shape.tolist())))
    for name in ("format", "_is_array"):  # what SciPy writes beside its matrices
        arrays.pop(name, None)
    if objects and not arrays:
        raise DataError(
            f"{file}: expected arrays of numbers, received objects of Python, which may run any program",
            hint="Save plain arrays: numpy.savez(path, edge_index=..., x=..., y=...).",
        )
    return arrays


def _compressed(parts: Sequence[Any], form: str, where: str) -> Any:
    """A matrix whose rows, or with the form `csc` columns, are compressed."""
    data, indices, indptr, shape = parts
    if form not in ("csr", "csc"):
        raise DataError(
            f"{where}: expected a matrix in CSR, CSC or COO form, received {form[:20]!r}",
            hint="Convert it: scipy.sparse.save_npz(path, matrix.tocsr()).",
        )
    if indices is None or shape is None or indptr.ndim != 1 or indices.ndim != 1:
        raise DataError(f"{where}: expected data, indices, indptr and shape of a matrix, received fewer")
    data = np.ones(len(indices), np.float32) if data is None else data
    with damage_as_data_error(where, "sparse matrix"):
        rows, columns = (int(length) for length in shape)
        kind = sp.csr_array if form == "csr" else sp.csc_array
        matrix = kind((data, indices, indptr), shape=(rows, columns))
        matrix.check_format(full_check=True)
    return sp.csr_array(matrix)


def _matrix_market(file: Path) -> Any:
    """A sparse matrix in coordinates; parsed here, since damaged files end the process within SciPy."""
    head, _, body = file.read_bytes().partition(b"\n")
    words = head.decode("ascii", "replace").lower().split()
    rest = [line for line in body.split(b"\n") if line.strip() and not line.startswith(b"%")]
    if len(words) != 5 or words[2] != "coordinate" or words[3] == "complex" or not rest:
        raise DataError(f"{file}: expected a real matrix in coordinates, received {head[:60]!r}")
    with damage_as_data_error(str(file), "MatrixMarket file"):
        rows, columns, entries = (int(each) for each in rest[0].split())
        width = 2 if words[3] == "pattern" else 3
        values = np.array(b" ".join(rest[1:]).split(), np.float64).reshape(entries, width)
        if max(rows, columns) > MOST_NODES:
            raise DataError(f"{file}: expected a matrix of at most {MOST_NODES:,} rows, received {rows:,}")
        ends = values[:, :2].astype(np.int64) - 1
        numbers = values[:, 2] if width == 3 else np.ones(entries)
        if words[4] != "general":
            other = ends[:, 0] != ends[:, 1]
            ends = np.concatenate([ends, ends[other, ::-1]])
            numbers = np.concatenate([numbers, numbers[other]])
        return sp.csr_array(sp.coo_array((numbers, (ends[:, 0], ends[:, 1])), shape=(rows, columns)))


def graph_of_arrays(arrays: Arrays, where: str, name: str, directed: bool | None, notes: GraphNotes) -> Graph:
    """A graph of arrays by their names.

    Args:
        arrays: Edges as `edge_index`, (2, edges) or (edges, 2), or as a square matrix `adj`; and, where there
            are any, features `x`, labels `y`, `label_names`, names of nodes, weights of edges, and rows or
            masks of splits such as `train_idx`; `directed` says whether edges lead one way.
        where: What holds them, for messages.
        name: Of the graph.
        directed: Whether edges lead one way; None goes by the data.
        notes: Learns what was decided and counted.

    Raises:
        DataError: None of them holds edges, or shapes contradict each other.
    """
    used: dict[str, str] = {}

    def take(role: str, names: Sequence[str]) -> Any:
        found = next((each for each in names if each in arrays), None)
        if found is not None:
            used[found] = role
        return None if found is None else arrays[found]

    features, labels = take("features", _FEATURES), take("labels", _LABELS)
    edges, weights, said = _edges_of(arrays, take, where)
    times = take("times", _TIMES)
    count = max([said, *(int(each.shape[0]) for each in (features, labels) if each is not None)])
    _check_range(edges, count, where)
    names = take("names", _NAMES)
    class_names = take("names of classes", _CLASS_NAMES)
    times = None if times is None else _numbers(times, len(edges), where)
    said_so = take("direction", ("directed",))
    one_way = None if said_so is None or np.size(said_so) != 1 else bool(np.ravel(said_so)[0])
    rows = EdgeRows(where, weights=weights, times=times, directed=one_way, why="the array 'directed' says so")
    made = merged_edges(rows, edges[:, 0], edges[:, 1], count, directed, notes)
    graph = Graph(
        names=_names_of(names, count, where),
        name=name,
        features=None if features is None else _features_of(features, count, where),
        labels=None if labels is None else _labels_of(labels, class_names, count, where),
        splits=_splits_of(arrays, count, where, used, notes),
        **made,
    )
    say_counts(graph, notes)
    notes.decisions.append(f"arrays: {', '.join(f'{role} from {each!r}' for each, role in used.items())}")
    rest = [repr(each) for each in arrays if each not in used]
    if rest:
        notes.decisions.append(f"arrays: not used: {', '.join(rest[:10])}")
    return graph


def _edges_of(
    arrays: Arrays, take: Callable[[str, Sequence[str]], Any], where: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64] | None, int]:
    """Ends and weights of edges, and how many nodes there are at least."""
    listed = take("edges", _EDGES)
    if listed is not None and not sp.issparse(listed):
        listed = np.asarray(listed)
        if listed.ndim != 2 or 2 not in listed.shape or listed.dtype.kind not in "iu":
            raise DataError(
                f"{where}: expected edges as whole numbers of shape (2, edges), received {listed.dtype} of"
                f" {listed.shape}"
            )
        pairs = (listed.T if listed.shape[0] == 2 else listed).astype(np.int64)
        weights = take("weights", _WEIGHTS)
        numbers = None if weights is None else _numbers(weights, len(pairs), where)
        return pairs, numbers, int(pairs.max(initial=-1)) + 1
    matrix = listed if listed is not None else take("adjacency", _ADJACENCY)
    if matrix is None:
        square = [
            name
            for name, each in arrays.items()
            if name not in (*_FEATURES, *_LABELS)
            and getattr(each, "ndim", 0) == 2
            and each.shape[0] == each.shape[1]
        ]
        matrix = take("adjacency", square[:1]) if len(square) == 1 else None
    if matrix is None or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        there = ", ".join(f"{name} {getattr(each, 'shape', ())}" for name, each in list(arrays.items())[:8])
        raise DataError(
            f"{where}: expected edges as 'edge_index' of shape (2, edges) or a square matrix 'adj', received"
            f" {there or 'no arrays'}",
            hint="Save them so: numpy.savez('graph.npz', edge_index=edges, x=features, y=labels).",
        )
    entries = sp.coo_array(matrix)
    pairs = np.stack([entries.row, entries.col], 1).astype(np.int64)
    values = np.asarray(entries.data, np.float64)
    return pairs, None if (values == 1).all() else values, int(matrix.shape[0])


def _check_range(edges: npt.NDArray[np.int64], count: int, where: str) -> None:
    if len(edges) and (edges.min() < 0 or edges.max() >= count):
        wrong = int(edges.min() if edges.min() < 0 else edges.max())
        raise DataError(f"{where}: expected edges between nodes from 0 to {count - 1:,}, received {wrong:,}")


def _numbers(values: Any, count: int, where: str) -> npt.NDArray[np.float64]:
    values = np.asarray(values)
    if values.size != count or values.dtype.kind not in "iufb":
        raise DataError(
            f"{where}: expected a number for each of {plural(count, 'edge')}, received {values.shape}"
        )
    return np.asarray(values, np.float64).ravel()


def _features_of(values: Any, count: int, where: str) -> Any:
    """A matrix of features, as a sparse one where it was."""
    if values.shape[0] != count or values.dtype.kind not in "iufb":
        raise DataError(
            f"{where}: expected numbers of each of {plural(count, 'node')}, received {values.dtype} of"
            f" {values.shape}"
        )
    if sp.issparse(values):
        return sp.csr_array(values).astype(np.float32)
    return np.asarray(values, np.float32).reshape(count, -1)


def _labels_of(labels: Any, names: Any, count: int, where: str) -> npt.NDArray[np.object_]:
    """Class names, None where a number is below 0; one of many becomes its place."""
    labels = labels.toarray() if sp.issparse(labels) else np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] > 1 and set(np.unique(labels)) <= {0, 1}:
        labels = np.where(labels.any(1), labels.argmax(1), -1)
    if labels.size != count or labels.dtype.kind not in "iufbUS":
        raise DataError(
            f"{where}: expected a label for each of {plural(count, 'node')}, received {labels.shape}"
        )
    labels = labels.ravel()
    if labels.dtype.kind in "US":
        return np.array([str(label) or None for label in labels.astype(str).tolist()], object)
    known = np.isfinite(labels) & (labels >= 0)
    spelled = None if names is None else [str(name) for name in np.asarray(names).ravel().tolist()]
    if spelled is not None and known.any() and labels[known].max() >= len(spelled):
        raise DataError(f"{where}: expected labels below {len(spelled)}, received {labels[known].max():g}")
    words = [f"{label:g}" if spelled is None else spelled[int(label)] for label in labels[known].tolist()]
    made = np.full(count, None, object)
    made[known] = words
    return made


def _names_of(names: Any, count: int, where: str) -> list[str]:
    if names is None:
        return [str(row) for row in range(count)]
    names = np.asarray(names)
    if names.shape != (count,) or len(np.unique(names)) < count:
        raise DataError(
            f"{where}: expected another name for each of {plural(count, 'node')}, received {names.shape}"
        )
    return [str(name) for name in names.astype(str).tolist()]


def _splits_of(
    arrays: Arrays, count: int, where: str, used: dict[str, str], notes: GraphNotes
) -> npt.NDArray[np.object_] | None:
    """The split of each node by rows or masks of splits."""
    splits = np.full(count, None, object)
    for name, value in arrays.items():
        split = split_of(name.replace("_", " "))
        marked = _MARK.search(name) or name in ("train", "val", "valid", "test")
        if split is None or name in used or not marked:
            continue
        rows = np.asarray(value)
        if rows.ndim == 2 and rows.dtype.kind == "b":
            across = rows.shape[0] != count
            rows = rows[0] if across else rows[:, 0]
            notes.decisions.append(f"splits: {name!r} has several; the first one is used")
        if rows.dtype.kind == "b" and rows.shape == (count,):
            rows = np.flatnonzero(rows)
        if (
            rows.dtype.kind not in "iu"
            or rows.ndim != 1
            or (rows.size and not 0 <= rows.min() <= rows.max() < count)
        ):
            raise DataError(f"{where}: expected rows of nodes or a mask in {name!r}, received {rows.shape}")
        if (splits[rows] != None).any():  # noqa: E711 - of each element
            raise DataError(f"{where}: expected each node in one split, received some of {name!r} in another")
        splits[rows] = split
        used[name] = "split"
    return splits if used and any(role == "split" for role in used.values()) else None
