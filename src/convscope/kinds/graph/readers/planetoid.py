"""The files `ind.NAME.*` of Planetoid (Yang et al. 2016): pickles, of which arrays alone are loaded."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.data.lines import read_lines
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs
from convscope.kinds.graph.readers.arrays import graph_of_arrays
from convscope.kinds.graph.readers.edges import GraphNotes
from convscope.phrasing import plural
from convscope.types import Skipped

_PART = re.compile(r"ind\.(?P<name>[^.]+)\.(?P<part>x|tx|allx|y|ty|ally|graph|test\.index)")
_NEEDED = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
_VALIDATION = 500
"""Nodes behind those of train that validate, as in Kipf & Welling (2017)."""
MOST_BYTES = 2**31
"""Bytes of one of the files at most."""
_PLAIN_TYPE = re.compile(r"[<>|=][biuf][1248]")


def planetoid_name(files: Sequence[Path]) -> str | None:
    """What data is called of which all eight files are there; None where they are not."""
    parts: dict[str, set[str]] = {}
    for file in files:
        match = _PART.fullmatch(file.name)
        if match:
            parts.setdefault(match["name"], set()).add(match["part"])
    return next((name for name, there in sorted(parts.items()) if there >= set(_NEEDED)), None)


def read_planetoid(files: Sequence[Path], directed: bool | None) -> FoundGraphs:
    """Reads a graph and its split.

    Rows of the test split are put where `test.index` says; nodes in its range that it does not list have no
    edge, zeros as features and no label.

    Args:
        files: The eight files.
        directed: Whether edges lead one way; None goes by the data.

    Raises:
        DataError: A file is damaged, holds other objects than arrays, or they contradict each other.
    """
    name = planetoid_name(files)
    assert name is not None
    matches = {file: match for file in files if (match := _PART.fullmatch(file.name))}
    parts = {match["part"]: file for file, match in matches.items() if match["name"] == name}
    where, notes = f"ind.{name}", GraphNotes()
    tx, allx, y, ty, ally = (
        _matrix(load_arrays(parts[part]), parts[part]) for part in ("tx", "allx", "y", "ty", "ally")
    )
    test = _test_rows(parts["test.index"])
    first = allx.shape[0]
    if len(test) != tx.shape[0] or len(test) != ty.shape[0] or ally.shape[0] != first or not len(test):
        raise DataError(f"{where}: expected as many rows in tx, ty and test.index, and in allx and ally")
    if test.min() < first or test.max() >= first + 10 * len(test) or len(np.unique(test)) < len(test):
        raise DataError(f"{parts['test.index']}: expected each row behind the {first:,} of allx once")
    count = int(test.max()) + 1
    features, classes = (_placed(*parts_of, test, count) for parts_of in ((allx, tx), (ally, ty)))
    alone = count - first - len(test)
    if alone:
        notes.warnings.append(
            f"test.index: {plural(alone, 'node')} in its range not listed, without features and without a"
            f" label"
        )
    arrays = {
        "x": features,
        "y": classes,
        "edge_index": _edges(load_arrays(parts["graph"]), count, parts["graph"]),
        "train_idx": np.arange(y.shape[0]),
        "val_idx": np.arange(y.shape[0], min(y.shape[0] + _VALIDATION, first)),
        "test_idx": np.sort(test),
    }
    graph = graph_of_arrays(arrays, where, name, directed, notes)
    skipped = [Skipped(str(file), "no part of these files") for file in files if file not in parts.values()]
    layout = f"files of Planetoid ({where}.*), of which arrays alone are loaded"
    return FoundGraphs([graph], layout, tuple(notes.decisions), tuple(notes.warnings), tuple(skipped))


def _placed(of_all: Any, of_test: Any, test: npt.NDArray[np.int64], count: int) -> sp.csr_array:
    """Rows of all nodes but those of the test split, and the latter where they belong."""
    first = of_all.shape[0]
    entries = np.ones(len(test), np.float32), (test - first, np.arange(len(test)))
    spread = sp.csr_array(entries, shape=(count - first, len(test)))
    return sp.csr_array(sp.vstack([sp.csr_array(of_all), spread @ sp.csr_array(of_test)], format="csr"))


class _Held:
    """What a pickle says of something: it is looked at when all was read, and nothing is done before."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _HeldMatrix(_Held):
    """A sparse matrix in CSR form, by the names of its parts."""


class _HeldArray(_Held):
    """An array: version, shape, type, whether columns come first, and bytes."""


class _HeldType(_Held):
    """The type of numbers, and in its state the order of their bytes."""

    def __init__(self, name: Any = None, *others: Any) -> None:
        self.name = name


class _ArraysAlone(pickle._Unpickler):
    """Loads what arrays, sparse matrices, lists and dictionaries are made of; anything else is refused.

    No object of NumPy or SciPy is made here: their types take a state from a pickle without a doubt. The
    unpickler is that of Python, since the faster one makes room for as many things as a pickle says.

    Args:
        content: The pickle.
        where: What it is called in messages.
    """

    def __init__(self, content: bytes, where: str) -> None:
        super().__init__(io.BytesIO(content), encoding="latin1")
        self._where, self._left = where, len(content)
        self._allowed = self._names()

    def find_class(self, module: str, name: str) -> Any:
        """Names that a pickle may use."""
        allowed = self._allowed.get((module, name))
        if allowed is None:
            raise DataError(
                f"{self._where}: expected arrays, received a pickle that asks for {module}.{name}",
                hint="Only files of arrays are loaded, since a pickle may run any program.",
            )
        return allowed

    def persistent_load(self, pid: Any) -> Any:
        """Nothing lies outside of the file."""
        raise DataError(f"{self._where}: expected arrays, received a reference to something else")

    def _encode(self, text: str, encoding: str) -> bytes:
        """Bytes that were written as text, all together no more than the file has."""
        self._left -= len(text)
        if self._left < 0:
            raise DataError(f"{self._where}: expected arrays, received some that repeat without end")
        return text.encode("latin1")

    def _names(self) -> Mapping[tuple[str, str], Any]:
        """What a pickle may ask for; made anew for each, since one may set attributes of what it gets."""

        class Matrix(_HeldMatrix):
            pass

        class Array(_HeldArray):
            pass

        class Type(_HeldType):
            pass

        def empty_object(kind: Any, *others: Any) -> Any:
            return Matrix() if kind is Matrix else {}

        def encode(text: str, encoding: str) -> bytes:
            return self._encode(text, encoding)

        old, new = ("__builtin__", "copy_reg"), ("builtins", "copyreg")
        return {
            **{(module, "csr_matrix"): Matrix for module in ("scipy.sparse.csr", "scipy.sparse._csr")},
            **{
                (f"numpy.{core}.multiarray", "_reconstruct"): lambda *described: Array()
                for core in ("core", "_core")
            },
            **{(builtins, name): f"a {name}" for builtins, _ in (old, new) for name in ("list", "object")},
            **{(copying, "_reconstructor"): empty_object for _, copying in (old, new)},
            ("numpy", "ndarray"): "an array",
            ("numpy", "dtype"): Type,
            ("collections", "defaultdict"): lambda *described: {},
            ("_codecs", "encode"): encode,
        }


def load_arrays(file: Path) -> Any:
    """What a pickle of arrays holds: an array, a dictionary of lists, or a matrix in CSR form.

    Raises:
        DataError: It is damaged, too large, or asks for anything but arrays.
    """
    if file.stat().st_size > MOST_BYTES:
        raise DataError(f"{file}: expected at most {MOST_BYTES:,} bytes, received {file.stat().st_size:,}")
    with damage_as_data_error(str(file), "pickle of arrays"):
        found = _ArraysAlone(file.read_bytes(), str(file)).load()
    if isinstance(found, _HeldArray):
        return _array(found, str(file))
    if isinstance(found, _HeldMatrix):
        held = found.state if isinstance(found.state, dict) else {}
        with damage_as_data_error(str(file), "sparse matrix"):
            shape = tuple(int(length) for length in held.get("_shape", ()))
            parts = tuple(_array(held.get(name), str(file)) for name in ("data", "indices", "indptr"))
            matrix = sp.csr_array(parts, shape=shape)
            matrix.check_format(full_check=True)
        return matrix
    return found


def _array(held: Any, where: str) -> npt.NDArray[Any]:
    """The array that a pickle describes, of plain numbers alone."""
    with damage_as_data_error(where, "array"):
        _, shape, kind, columns_first, content = held.state
        spelled = f"{kind.state[1] if kind.state else '|'}{kind.name}"
        if not _PLAIN_TYPE.fullmatch(spelled):
            raise DataError(f"{where}: expected an array of numbers, received one of {kind.name!r}"[:200])
        content = content.encode("latin1") if isinstance(content, str) else content
        return (
            np.frombuffer(content, np.dtype(spelled))
            .reshape(shape, order="F" if columns_first else "C")
            .copy()
        )


def _matrix(found: Any, file: Path) -> Any:
    is_matrix = sp.issparse(found) or isinstance(found, np.ndarray)
    if not is_matrix or found.ndim != 2 or found.dtype.kind not in "iufb":
        raise DataError(f"{file}: expected a matrix of numbers, received {type(found).__name__}")
    return found


def _test_rows(file: Path) -> npt.NDArray[np.int64]:
    rows = []
    for number, line in read_lines(file):
        if line.strip():
            if not line.strip().isdecimal() or len(line) > 12:
                raise DataError(f"{file}, line {number}: expected the row of a node, received {line[:20]!r}")
            rows.append(int(line))
    return np.array(rows, np.int64)


def _edges(found: Any, count: int, file: Path) -> npt.NDArray[np.int64]:
    """The lists of neighbors of each node as edges, shape (2, edges)."""
    lists = isinstance(found, dict) and all(isinstance(each, list) for each in found.values())
    if not lists or sum(map(len, found.values())) > file.stat().st_size:  # lists may be one, many times
        raise DataError(f"{file}: expected a list of neighbors for each node, received something else")
    others = [other for each in found.values() for other in each]
    if not all(type(node) is int and 0 <= node < count for node in (*found, *others)):
        raise DataError(f"{file}: expected nodes from 0 to {count - 1:,}, received something else")
    nodes = np.repeat(np.array([*found], np.int64), [len(each) for each in found.values()])
    return np.stack([nodes, np.array(others, np.int64)])
