"""The nearest samples: which rows of features are most like those of an input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from convscope.errors import unknown_name
from convscope.features.query import Query, queries_of
from convscope.features.results import Result
from convscope.features.rows import check_at_least, slices
from convscope.features.samples import samples_of
from convscope.features.table import Features
from convscope.types import Progress, Say, no_progress, silent

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from convscope.lenses.figures.neighbors import Card

Metric = Literal["cosine", "euclidean"]
METRICS: tuple[Metric, ...] = get_args(Metric)
FIELDS = ("query", "rank", "id", "path", "label", "prediction", "split", "distance")


@dataclass(frozen=True)
class Neighbor:
    """A sample of the features that is near a query.

    Args:
        id: Its row.
        path: Its file (or `file#row`).
        label: Its class name, or None.
        prediction: What the model took it for, or None.
        split: Its split, or None.
        distance: To the query; 0 is the same direction (cosine) or the same features (euclidean).
    """

    id: int
    path: str
    label: str | None
    prediction: str | None
    split: str | None
    distance: float


@dataclass(frozen=True, eq=False)
class Neighbors(Result):
    """For each query the samples nearest to it, nearest first.

    Args:
        features: Where they were searched.
        layer: By the features of which layer.
        metric: `cosine` or `euclidean`.
        queries: What was asked about.
        found: For each query, its neighbors.
        notes: What was decided or should be known, one line each.
    """

    heading = "Inputs and their nearest samples"

    features: Features = field(repr=False)
    layer: str
    metric: Metric
    queries: tuple[Query, ...]
    found: tuple[tuple[Neighbor, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """In words."""
        return f"Nearest samples by {self.layer} of {self.features.manifest.model['name']}"

    def rows(self) -> list[dict[str, Any]]:
        """A flat table: one row for each neighbour of each query, by the names of `FIELDS`."""
        return [
            {"query": query.name, "rank": rank, **asdict(each)}
            for query, found in zip(self.queries, self.found, strict=True)
            for rank, each in enumerate(found, 1)
        ]

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values, one object for each query."""
        return [
            {
                "query": query.name,
                "label": query.label,
                "prediction": query.prediction,
                "layer": self.layer,
                "metric": self.metric,
                "neighbors": [asdict(each) for each in found],
            }
            for query, found in zip(self.queries, self.found, strict=True)
        ]

    def to_rows(self) -> Iterator[Sequence[object]]:
        """The flat table of `rows`, the names of `FIELDS` first."""
        yield FIELDS
        yield from ([row[name] for name in FIELDS] for row in self.rows())

    def draw(self, theme: str = "light") -> Figure:
        """Each query beside its nearest samples, as far as their files are still there.

        Args:
            theme: `light` or `dark`.
        """
        from convscope.lenses.figures.neighbors import draw_neighbors

        ids = {each.id for found in self.found for each in found} | {
            query.id for query in self.queries if query.id is not None
        }
        samples = samples_of(self.features, sorted(ids))
        rows = [
            (_query_card(query, samples), [_card(each, query, samples) for each in found])
            for query, found in zip(self.queries, self.found, strict=True)
        ]
        lead = f"By {self.metric} distance of the {_pooled(self.features)} of {self.layer}"
        return draw_neighbors(rows, theme=theme, title=self.title, lead=lead)


def neighbors(
    features: Features,
    inputs: Sequence[str],
    *,
    layer: str | None = None,
    count: int = 5,
    metric: Metric = "cosine",
    model: keras.Model | str | None = None,
    trust: bool = False,
    code: Sequence[str] = (),
    progress: Progress = no_progress,
    say: Say = silent,
) -> Neighbors:
    """Finds the samples of features that are nearest to inputs.

    Args:
        features: Where to search.
        inputs: Files as the model takes them, or `id:17` for a row of the features, which is then left out of
            its own neighbors.
        layer: By which layer; by default the last.
        count: How many for each.
        metric: `cosine`: 1 less the cosine of the angle between two feature vectors; `euclidean`.
        model: The model; by default what the features say.
        trust: Whether a model file may hold code that runs when it is opened.
        code: Modules to import first.
        progress: Receives how much is done.
        say: Receives what was decided.

    Raises:
        UsageError: An unknown layer, metric or row, or no input.
        DataError: An input cannot be read.
        RunError: The model is not the one of the features.
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    check_at_least("The count", count, 1)
    column, said = features.chosen(layer)
    queries, vectors, notes = queries_of(
        features, column.layer, inputs, model=model, trust=trust, code=code, progress=progress
    )
    for note in filter(None, (said, *notes)):
        say(note)
    own = np.array([-1 if query.id is None else query.id for query in queries], np.int64)
    ids, distances = nearest(
        slices(features, column.layer), vectors, count, metric, own, progress, len(features)
    )
    found = tuple(_found(features, of, far) for of, far in zip(ids, distances, strict=True))
    return Neighbors(features, column.layer, metric, tuple(queries), found, tuple(notes))


def _found(
    features: Features, rows: npt.NDArray[np.int64], distances: npt.NDArray[np.float64]
) -> tuple[Neighbor, ...]:
    """The samples of some rows, without those of which the distance is not known."""
    columns = features.columns()
    return tuple(
        Neighbor(
            int(columns.ids[row]),
            columns.paths[row],
            columns.labels[row],
            columns.predictions[row],
            columns.splits[row],
            float(distance),
        )
        for row, distance in zip(rows.tolist(), distances.tolist(), strict=True)
        if np.isfinite(distance)
    )


def nearest(
    blocks: Iterable[tuple[int, npt.NDArray[np.float32]]],
    queries: npt.NDArray[np.float32],
    count: int,
    metric: Metric,
    own: npt.NDArray[np.int64],
    progress: Progress = no_progress,
    total: int | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Searches rows for those nearest to each query, by comparing all of them.

    Args:
        blocks: The number of the first row, and some rows of shape (some, values), in order.
        queries: Shape (queries, values).
        count: How many rows for each query.
        metric: `cosine` or `euclidean`.
        own: For each query the row that it is itself and that is left out, or -1; shape (queries,).
        progress: Receives the number of rows compared.
        total: Of how many.

    Returns:
        Row numbers and distances, both of shape (queries, count or fewer), nearest first, equal ones by
        row; a distance that is not finite belongs to no neighbour.
    """
    vectors = np.asarray(queries, np.float64)
    ids = np.empty((len(vectors), 0), np.int64)
    distances = np.empty((len(vectors), 0), np.float64)
    for start, block in blocks:
        far = _distances(vectors, block.astype(np.float64), metric)
        rows = np.broadcast_to(np.arange(start, start + len(block)), far.shape)
        far[np.equal(rows, own[:, None])] = np.inf
        distances = np.concatenate([distances, far], axis=1)
        ids = np.concatenate([ids, rows], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        distances, ids = np.take_along_axis(distances, order, 1), np.take_along_axis(ids, order, 1)
        progress(start + len(block), total, "comparing")
    return ids, distances


def _distances(
    queries: npt.NDArray[np.float64], rows: npt.NDArray[np.float64], metric: Metric
) -> npt.NDArray[np.float64]:
    """(queries, rows); infinite where a row or a query holds what is no finite number."""
    known = np.logical_and.outer(np.isfinite(queries).all(axis=1), np.isfinite(rows).all(axis=1))
    queries, rows = (np.nan_to_num(each, nan=0.0, posinf=0.0, neginf=0.0) for each in (queries, rows))
    if metric == "cosine":
        far = np.clip(1 - _unit(queries) @ _unit(rows).T, 0, 2)
    else:
        # From the differences themselves where features are nearly equal: the short formula cancels there.
        squares = (queries**2).sum(1)[:, None] + (rows**2).sum(1)[None]
        far = np.maximum(squares - 2 * queries @ rows.T, 0)
        for place, query in enumerate(queries):
            near = np.flatnonzero(far[place] < 1e-9 * squares[place])
            far[place, near] = ((query - rows[near]) ** 2).sum(1)
        far = np.sqrt(far)
    distances: npt.NDArray[np.float64] = np.where(known, far, np.inf)
    return distances


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Vectors of length 1; one of length 0 stays, at distance 1 from all."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: npt.NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1)
    return units


def _query_card(query: Query, samples: Mapping[int, Any]) -> Card:
    from convscope.lenses.figures.neighbors import Card

    sample = query.sample if query.id is None else samples.get(query.id)
    return Card(sample, _words(query.label, query.prediction), (query.short,))


def _card(each: Neighbor, query: Query, samples: Mapping[int, Any]) -> Card:
    from convscope.lenses.figures.neighbors import Card
    from convscope.lenses.sheet.theme import number

    expected = query.label if query.label is not None else query.prediction
    other = expected is not None and each.label is not None and each.label != expected
    words = _words(each.label, each.prediction) or Path(each.path).name
    return Card(samples.get(each.id), words, (number(each.distance), f"id {each.id}"), other)


def _words(label: str | None, prediction: str | None) -> str:
    if label is None:
        return "" if prediction is None else f"predicted {prediction}"
    return label if prediction in (None, label) else f"{label}, predicted {prediction}"


def _pooled(features: Features) -> str:
    pool = features.manifest.pool
    return {"mean": "means over all positions", "max": "maxima over all positions"}.get(pool, "features")
