"""From the node table to a matrix: what each node is, as numbers, fitted on the train split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.errors import DataError
from convscope.json_values import Plain, Within
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.structure import (
    NodePositions,
    Structure,
    fit_structure,
    structure_names,
    structure_values,
)
from convscope.phrasing import plural

MOST_TEXTS = 100
"""Different values that a column of texts may have to be an input."""
MOST_MISSING = 0.5
"""Share of the values of a column that may be missing."""
FEW_FEATURES = 16
"""Features below which those of one graph are joined by what its edges say of a node."""
FEWEST_PLACED = 20
"""Nodes of a graph from which that is so."""
FEWEST_COUNTED = 20
"""Nodes from which a column that counts them is told from one that happens to."""
SPARSE = 0.5
"""Share of zeros from which a matrix without negative numbers holds words or tags."""
MOST_FEATURES = 2**20
"""Features that saved ones may have."""

_IDS = re.compile(r"(^|[_\W])(id|ids|index|idx|key|uuid|name|url|email)$", re.IGNORECASE)
Values: TypeAlias = "npt.NDArray[np.float32] | sp.csr_array"
Rows = Sequence[npt.NDArray[np.int64] | None]
Treatment = Literal["none", "shares", "standardized"]
Numbers = Annotated[tuple[float, ...], Within(0, MOST_FEATURES)]
Names = Annotated[tuple[str, ...], Within(0, MOST_FEATURES)]


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers, standardized.

    Args:
        name: Of the column.
        mean: Of the train split.
        scale: Standard deviation of the train split; 1 where all are alike.
        missing: Whether a flag says where a number is missing.
    """

    name: str
    mean: float
    scale: float
    missing: bool


@dataclass(frozen=True)
class TextColumn:
    """A column of texts, one feature for each value.

    Args:
        name: Of the column.
        values: Those of the train split, in order.
    """

    name: str
    values: Annotated[tuple[str, ...], Within(1, MOST_TEXTS)]


@dataclass(frozen=True, eq=False)
class NodeFeatures(Plain):
    """How the nodes of a graph become rows of numbers.

    Args:
        matrix: The number of columns of the matrix of features.
        treatment: What becomes of that matrix: nothing, rows that all sum to `scales[0]`, or standardized
            columns.
        matrix_names: Names of its columns; empty where they have none.
        means: Of its columns, where they are standardized.
        scales: Standard deviations of its columns, where they are standardized.
        numbers: Columns of numbers.
        texts: Columns of texts.
        structure: What is taken from the edges, where nothing else or little is known of a node.
        highest_degree: Up to which there are ranges of degrees; larger ones share the last.
        positions: Where the nodes of the train graph are, for `position` in `structure`.
    """

    _WHAT: ClassVar[str] = "node features"
    _KEPT: ClassVar[dict[str, object]] = {"what": "node features", "version": 1}

    matrix: Annotated[int, Within(0, MOST_FEATURES)] = 0
    treatment: Treatment = "none"
    matrix_names: Names = ()
    means: Numbers = ()
    scales: Numbers = ()
    numbers: Annotated[tuple[NumberColumn, ...], Within(0, MOST_FEATURES)] = ()
    texts: Annotated[tuple[TextColumn, ...], Within(0, MOST_FEATURES)] = ()
    structure: tuple[Structure, ...] = ()
    highest_degree: Annotated[int, Within(0, MOST_FEATURES)] = 0
    positions: NodePositions | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What each feature is called."""
        own = self.matrix_names or tuple(f"feature {number}" for number in range(self.matrix))
        numbers = [
            name
            for each in self.numbers
            for name in ((each.name, f"{each.name} is missing") if each.missing else (each.name,))
        ]
        texts = [f"{each.name} is {value}" for each in self.texts for value in each.values]
        structure = structure_names(self.structure, self.highest_degree, self.positions)
        return (*own, *numbers, *texts, *structure)

    @property
    def count(self) -> int:
        """The number of features."""
        return len(self.names)

    @staticmethod
    def fit(
        graphs: Sequence[Graph], rows: Rows | None = None, seed: int = 0
    ) -> tuple[NodeFeatures, list[str]]:
        """Learns how nodes become numbers.

        Args:
            graphs: Of the train split.
            rows: The nodes of each graph that statistics are taken of; None for all.
            seed: Of what is drawn.

        Returns:
            The features, and what was decided, one line each.

        Raises:
            DataError: Graphs differ in their columns.
        """
        rows = rows if rows is not None else [None] * len(graphs)
        _check_alike(graphs)
        matrix, decisions = _fit_matrix(graphs, rows)
        numbers, texts, more = _fit_columns(graphs, rows)
        decisions += more
        structure: dict[str, Any] = {}
        own = NodeFeatures(**matrix, numbers=numbers, texts=texts).count
        if not own or (own < FEW_FEATURES and len(graphs) == 1 and len(graphs[0]) >= FEWEST_PLACED):
            structure, said = fit_structure(graphs, seed)
            why = f"the nodes have only {own} of their own" if own else "the nodes have none of their own"
            decisions.append(f"features: {', '.join(said)}, because {why}")
        return NodeFeatures(**matrix, numbers=numbers, texts=texts, **structure), decisions

    def encode(self, graph: Graph) -> Values:
        """The features of all nodes.

        Returns:
            Shape (nodes, features), float32; sparse where the matrix is sparse and nothing else is known.

        Raises:
            DataError: The graph lacks a column, or its matrix has another number of columns.
        """
        parts: list[Values] = [self._matrix_values(graph)] if self.matrix else []
        parts += [_number_values(graph, each) for each in self.numbers]
        parts += [_text_values(graph, each) for each in self.texts]
        if self.structure:
            parts.append(structure_values(graph, self.structure, self.highest_degree, self.positions))
        if len(parts) == 1:
            return parts[0]
        if any(sp.issparse(part) for part in parts):
            joined: Values = sp.csr_array(sp.hstack([sp.csr_array(part) for part in parts], format="csr"))
            return joined
        return np.concatenate([np.asarray(part) for part in parts], axis=1)

    def _matrix_values(self, graph: Graph) -> Values:
        found = graph.features
        if found is None or found.shape[1] != self.matrix:
            received = "no matrix of features" if found is None else plural(found.shape[1], "column")
            raise DataError(
                f"{graph.name}: expected {plural(self.matrix, 'feature')} of a node, as in training, received"
                f" {received}",
                "Give a node table with the columns that the model was trained on.",
            )
        if self.treatment == "shares":
            return _shares(found, self.scales[0] if self.scales else 1.0)
        if self.treatment == "standardized":
            dense = np.asarray(found, np.float32) if isinstance(found, np.ndarray) else found.toarray()
            means, scales = np.array(self.means, np.float32), np.array(self.scales, np.float32)
            return _filled((dense - means) / scales)
        return found if sp.issparse(found) else np.asarray(found, np.float32)


def dense(values: Values, rows: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float32]:
    """Some rows of features as an array, shape (rows, features), float32; None takes all of them."""
    chosen = values if rows is None else values[rows]
    made = chosen if isinstance(chosen, np.ndarray) else chosen.toarray()
    return np.ascontiguousarray(made, dtype=np.float32)


def _check_alike(graphs: Sequence[Graph]) -> None:
    widths = {0 if graph.features is None else int(graph.features.shape[1]) for graph in graphs}
    if len(widths) > 1:
        raise DataError(
            f"{graphs[0].name}: expected the same number of features in every graph, received "
            f"{', '.join(map(str, sorted(widths)))}"
        )


def _fit_matrix(graphs: Sequence[Graph], rows: Rows) -> tuple[dict[str, Any], list[str]]:
    """Fields of `NodeFeatures` for the matrix of features."""
    first = graphs[0].features
    if first is None or not first.shape[1]:
        return {}, []
    count = int(first.shape[1])
    fields: dict[str, Any] = {"matrix": count, "matrix_names": graphs[0].feature_names}
    taken = [graph.features for graph in graphs]
    if _holds_words(taken):
        if _holds_marks(taken):
            return fields, [f"features: {plural(count, 'column')} of 0 and 1, as they are"]
        size = _usual_size(taken, rows)
        said = (
            f"features: {plural(count, 'column')}, mostly 0, each row divided by its sum and multiplied by"
            f" {size:g}, the mean number of others in a row"
        )
        return {**fields, "treatment": "shares", "scales": (size,)}, [said]
    means, scales = _statistics(taken, rows)
    said = f"features: {plural(count, 'column')} of numbers, standardized by mean and deviation of train"
    return {**fields, "treatment": "standardized", "means": means, "scales": scales}, [said]


def _holds_words(matrices: Sequence[Any]) -> bool:
    """Whether no number is negative and most of them are 0, as in bags of words."""
    size = sum(int(np.prod(matrix.shape)) for matrix in matrices)
    stored = [matrix.data if sp.issparse(matrix) else matrix for matrix in matrices]
    if any(len(each) and np.nanmin(each) < 0 for each in stored if each.size):
        return False
    return sum(int(np.count_nonzero(each)) for each in stored) <= (1 - SPARSE) * size


def _holds_marks(matrices: Sequence[Any]) -> bool:
    """Whether every number is 0 or 1."""
    stored = [matrix.data if sp.issparse(matrix) else matrix for matrix in matrices]
    return all(bool(np.isin(each, (0, 1)).all()) for each in stored)


def _usual_size(matrices: Sequence[Any], rows: Rows) -> float:
    """The mean number of values in a row that are not 0."""
    chosen = [matrix if row is None else matrix[row] for matrix, row in zip(matrices, rows, strict=True)]
    filled = sum(int((each != 0).sum()) for each in chosen)
    return float(round(max(1.0, filled / max(1, sum(each.shape[0] for each in chosen))), 2))


def _statistics(matrices: Sequence[Any], rows: Rows) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column."""
    chosen = [matrix if row is None else matrix[row] for matrix, row in zip(matrices, rows, strict=True)]
    arrays = [each.toarray() if sp.issparse(each) else each for each in chosen]
    values = np.concatenate(arrays).astype(np.float64)
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, values, 0.0).sum(axis=0) / counts
    scales = np.sqrt(np.where(known, (values - means) ** 2, 0.0).sum(axis=0) / counts)
    scales = np.where(scales > 1e-8 * np.maximum(np.abs(means), 1e-6), scales, 1.0)
    return tuple(means.tolist()), tuple(scales.tolist())


def _shares(matrix: Any, size: float) -> Values:
    """Rows that sum to a size; rows of zeros stay as they are."""
    if sp.issparse(matrix):
        found = sp.csr_array(matrix, dtype=np.float32, copy=True)
        found.data = _filled(found.data)
        sums = np.asarray(found.sum(axis=1)).ravel()
        factors = size / np.where(sums > 0, sums, 1)
        found.data *= np.repeat(factors, np.diff(found.indptr)).astype(np.float32)
        return found
    values = _filled(np.asarray(matrix, np.float32))
    sums = values.sum(axis=1, keepdims=True)
    return (values * (size / np.where(sums > 0, sums, 1))).astype(np.float32)


def _filled(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """0 for what is missing or infinite."""
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _fit_columns(
    graphs: Sequence[Graph], rows: Rows
) -> tuple[tuple[NumberColumn, ...], tuple[TextColumn, ...], list[str]]:
    """Columns of the node table that are inputs, and why others are none."""
    numbers: list[NumberColumn] = []
    texts: list[TextColumn] = []
    said: list[str] = []
    for name in graphs[0].columns:
        columns = [_column(graph, name) for graph in graphs]
        chosen = [column if row is None else column[row] for column, row in zip(columns, rows, strict=True)]
        values = np.concatenate(chosen) if chosen else np.zeros(0)
        whole = np.concatenate(columns)
        if whole.dtype.kind == "O":
            found = _fit_texts(name, values, whole, said)
            texts += [] if found is None else [found]
        else:
            number = _fit_numbers(name, values.astype(np.float64), whole.astype(np.float64), said)
            numbers += [] if number is None else [number]
    return tuple(numbers), tuple(texts), said


def _fit_numbers(
    name: str, values: npt.NDArray[np.float64], whole: npt.NDArray[np.float64], said: list[str]
) -> NumberColumn | None:
    known = values[np.isfinite(values)]
    if not len(known) or len(known) < (1 - MOST_MISSING) * len(values):
        said.append(f"column '{name}': left out, because most of its values are missing")
        return None
    everywhere = whole[np.isfinite(whole)]
    distinct = len(np.unique(everywhere)) == len(whole) and bool(np.all(everywhere == np.floor(everywhere)))
    counted = len(whole) >= FEWEST_COUNTED and np.ptp(everywhere) == len(whole) - 1
    if distinct and (counted or _IDS.search(name)):
        said.append(f"column '{name}': left out, because it numbers the nodes")
        return None
    if np.ptp(everywhere) == 0 and len(everywhere) == len(whole):
        said.append(f"column '{name}': left out, because all its values are alike")
        return None
    scale = float(known.std())
    missing = bool(len(everywhere) < len(whole))
    said.append(
        f"column '{name}': numbers, standardized with mean and deviation of the train split"
        + (", and a flag where one is missing" if missing else "")
    )
    return NumberColumn(name, float(known.mean()), scale if scale > 0 else 1.0, missing)


def _fit_texts(
    name: str, values: npt.NDArray[Any], whole: npt.NDArray[Any], said: list[str]
) -> TextColumn | None:
    different = len({value for value in whole.tolist() if value is not None})
    known = sorted({str(value) for value in values.tolist() if value is not None})
    if different > MOST_TEXTS or (different > 2 and different > len(whole) / 2):
        texts = f"{different:,} different texts among {plural(len(whole), 'node')}"
        said.append(f"column '{name}': left out, because it has {texts}")
        return None
    if different < 2 and not any(value is None for value in whole.tolist()):
        said.append(f"column '{name}': left out, because all its values are alike")
        return None
    if not known:
        said.append(f"column '{name}': left out, because no train node has a value")
        return None
    said.append(f"column '{name}': {plural(len(known), 'feature')}, one for each value of the train split")
    return TextColumn(name, tuple(known))


def _column(graph: Graph, name: str) -> npt.NDArray[Any]:
    if name not in graph.columns:
        had = ", ".join(graph.columns) or "none"
        raise DataError(
            f"{graph.name}: expected the column '{name}' in the node table, received the columns {had}",
            "Give the columns that the model was trained on; a value may be empty.",
        )
    return graph.columns[name]


def _number_values(graph: Graph, column: NumberColumn) -> npt.NDArray[np.float32]:
    found = _column(graph, column.name)
    try:
        values = found.astype(np.float64)
    except (TypeError, ValueError):
        bad = next(value for value in found.tolist() if value is not None and not _is_number(value))
        raise DataError(
            f"{graph.name}: expected numbers in the column '{column.name}', as in training, received {bad!r}"
        ) from None
    scaled = _filled((values - column.mean) / column.scale)
    flags = (~np.isfinite(values)).astype(np.float32)
    return np.stack([scaled, flags], axis=1) if column.missing else scaled[:, None]


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _text_values(graph: Graph, column: TextColumn) -> sp.csr_array | npt.NDArray[np.float32]:
    place = {value: number for number, value in enumerate(column.values)}
    found = _column(graph, column.name)
    numbers = np.array([place.get(spelled(value), -1) for value in found.tolist()], np.int64)
    values = np.zeros((len(found), len(column.values)), np.float32)
    known = np.flatnonzero(numbers >= 0)
    values[known, numbers[known]] = 1.0
    return values


def spelled(value: object) -> str:
    """A value as a column of texts has it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
