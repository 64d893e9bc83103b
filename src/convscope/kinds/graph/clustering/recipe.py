"""Which nodes of a graph belong together, by their edges and by what is known of them?

From top to bottom: a graph is read, convolutions tell of each node by its neighbors, and clusters are learned
that have many edges within and few between them. Nothing is held back, as nothing is told beforehand: labels
are no input and judge alone, and figures are those of the graph that was learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits, as_labels
from convscope.engine.inference.infer import predict_batches
from convscope.engine.training.batches import Batch
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.errors import DataError
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
)
from convscope.kinds.graph.batching import graph_arrays, neighborhood, stacked, step_bytes, table_width
from convscope.kinds.graph.clustering.dmon import ClusterRepresentation
from convscope.kinds.graph.clustering.findings import ClusterOutputs, findings
from convscope.kinds.graph.clustering.metrics import ClusterMetrics, baselines, cluster_metrics, labeled
from convscope.kinds.graph.features import NodeFeatures
from convscope.kinds.graph.graph import GraphNode, NodeSamples
from convscope.kinds.graph.kind import NODE_CLUSTERING
from convscope.kinds.graph.readers.reader import AskedGraph, found_graphs
from convscope.kinds.graph.social.groups import communities_of
from convscope.kinds.graph.social.measures import Ties
from convscope.kinds.tasks.classification import encoded
from convscope.lenses.pages.report import Mistake
from convscope.option import taking_fields
from convscope.types import SPLITS, Progress, SplitName, no_progress

WHOLE_BYTES = 2**31
"""Memory of a step up to which the whole graph is answered at once."""
CHUNK = 2**14
"""Nodes that are answered at a time in a larger graph."""
SMALLEST_SHARE = 0.01
"""Share of the nodes from which a community of Louvain counts as a cluster to look for."""
MOST_SOUGHT = 16
"""Clusters that there may be at most where nobody says so, as in the paper on DMoN."""
SHOWN = 12


@dataclass(frozen=True, eq=False)
class ClusterSamples(NodeSamples):
    """Nodes of one undirected graph.

    Args:
        seed: Of what is drawn.
        warnings: What the user should know, one line each.
    """

    seed: int = 0
    warnings: tuple[str, ...] = ()

    def take(self, indices: npt.NDArray[np.int64]) -> ClusterSamples:
        """Some of the nodes, of the same graph."""
        return replace(self, rows=self.rows[indices])


@taking_fields(AskedGraph)
def read_graph(
    path: Path | str,
    asked: AskedGraph,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
) -> Splits:
    """Reads one graph, all of whose nodes are put into clusters.

    Args:
        path: A file or a folder of one graph.
        asked: What the user says of it; callers name the fields.
        seed: Of what is drawn later.
        progress: Receives how much is read.

    Returns:
        Train, validation and test are one and the same: every node of the graph, with its label or None.

    Raises:
        DataError: There is more than one graph, it has no edge, or a weight is negative.
    """
    samples, layout, decisions = _read([str(path)], asked, progress)
    graph = samples.graph
    labels = [None] * len(graph) if graph.labels is None else graph.labels.tolist()
    split = Split(replace(samples, seed=seed or 0), as_labels(labels))
    return Splits(
        train=split,
        validation=split,
        test=split,
        class_names=(),
        layout=layout,
        fingerprint=graph.digest().hex(),
        decisions=decisions,
        warnings=samples.warnings,
        skipped=samples.skipped,
    )


@taking_fields(AskedGraph)
def read_other_graph(
    paths: Sequence[str],
    asked: AskedGraph,
    *,
    progress: Progress = no_progress,
) -> ClusterSamples:
    """Reads a graph whose nodes are put into clusters that were learned before.

    Args:
        paths: Files or a folder of one graph.
        asked: What the user says of it; callers name the fields.
        progress: Receives how much is read.

    Raises:
        DataError: As `read_graph`.
    """
    return _read(paths, asked, progress)[0]


def _read(
    paths: Sequence[str], asked: AskedGraph, progress: Progress
) -> tuple[ClusterSamples, str, tuple[str, ...]]:
    where = ", ".join(paths)
    found = found_graphs([Path(path) for path in paths], replace(asked, told=False), progress)
    graph = found.only(
        where, "Give the files of one graph; a collection of graphs is for --recipe graph-classification."
    )
    decisions = list(found.decisions)
    if not np.any(graph.edges[:, 0] != graph.edges[:, 1]):
        raise DataError(f"{where}: expected edges between different nodes, received none")
    weights = graph.weights
    if weights is not None and float(weights.min()) < 0:
        at = int(np.argmin(weights))
        one, other = (graph.names[row] for row in graph.edges[at].tolist())
        raise DataError(
            f"{where}: expected weights of at least 0, received {weights[at]:g} from '{one}' to '{other}'",
            "Clusters with ties of a negative kind are not supported; leave these edges out.",
        )
    if graph.directed:
        graph = graph.undirected()
        decisions.append("directions: left out, because modularity counts edges whichever way they lead")
    decisions.append(
        "splits: none, because clusters are found and not told beforehand; a step takes the whole graph, and"
        " figures are those of the same nodes; labels are no input and judge alone"
    )
    samples = ClusterSamples(graph, np.arange(len(graph)), found.skipped, warnings=found.warnings)
    return samples, found.layout, tuple(decisions)


@dataclass(frozen=True, eq=False)
class ClusterExamples:
    """All nodes of a graph, which are one step.

    Args:
        representation: Makes the inputs.
        samples: The nodes.
    """

    representation: ClusterRepresentation
    samples: ClusterSamples

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.samples)

    @property
    def is_whole(self) -> bool:
        """Every step takes the whole graph."""
        return True

    @property
    def lengths(self) -> None:
        """Shapes are the same in each step."""
        return

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs by name, zeros): the model has losses of its own and is told nothing."""
        asked = self.samples.rows[indices][None].astype(np.int32)
        inputs = {**self.representation.whole(self.samples.graph), "targets": asked}
        return inputs, np.zeros((*asked.shape, self.representation.clusters), np.float32)


def _nodes(samples: Samples) -> ClusterSamples:
    assert isinstance(samples, ClusterSamples)
    return samples


def fit_representation(
    train: Split, hops: int, clusters: int | None = None
) -> tuple[ClusterRepresentation, Sequence[str]]:
    """Learns from a graph how nodes become inputs, and how many clusters to look for."""
    samples = _nodes(train.samples)
    features, said = NodeFeatures.fit([samples.graph], seed=samples.seed)
    if clusters is None:
        clusters, why = _clusters_of(samples)
        said.append(f"clusters: {clusters}, {why}; --clusters looks for another number")
    return ClusterRepresentation(features, table_width([samples.graph]), hops, clusters=clusters), said


def _clusters_of(samples: ClusterSamples) -> tuple[int, str]:
    """How many clusters there may be where nobody says so, and why; labels have no say in it."""
    part, _ = communities_of(Ties(samples.graph), samples.seed)
    large = int(np.sum(np.bincount(part) >= max(2, SMALLEST_SHARE * len(samples.graph))))
    of_louvain = f"communities of Louvain with {SMALLEST_SHARE:.0%} of the nodes or more"
    if large > MOST_SOUGHT:
        return MOST_SOUGHT, f"as there are {large} {of_louvain}, and some may stay empty"
    return max(2, large), f"the number of {of_louvain}; some may stay empty"


def build(
    make: ModelFactory,
    representation: ClusterRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with one output for each cluster."""
    return make(representation.shape, representation.clusters, **{**representation.sizes, **options})


def cluster_examples(context: ExampleContext[ClusterRepresentation]) -> ClusterExamples:
    """The whole graph."""
    return ClusterExamples(context.representation, _nodes(context.split.samples))


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """A step takes all nodes."""
    return {"batch_size": len(splits.train)}


def predict(fitted: Fitted[ClusterRepresentation], samples: Samples, progress: Progress) -> ClusterOutputs:
    """Probabilities of the clusters for all nodes of a graph."""
    nodes, represent = _nodes(samples), fitted.representation
    graph, values = nodes.graph, represent.values(nodes.graph)
    rows = np.arange(len(graph))
    found = []
    if step_bytes(graph, represent.features.count) <= WHOLE_BYTES:
        batch = {**represent.whole(graph), "targets": rows[None].astype(np.int32)}
        found = [np.asarray(next(predict_batches(fitted.model, [batch]))[0][0], np.float32)]
    else:
        for start in range(0, len(rows), CHUNK):
            part = neighborhood(graph, rows[start : start + CHUNK], represent.hops)
            arrays = graph_arrays(part.wiring, values, represent.table_width, part.rows)
            asked = np.arange(min(CHUNK, len(rows) - start), dtype=np.int32)
            batch = {**stacked([arrays]), "targets": asked[None]}
            found.append(np.asarray(next(predict_batches(fitted.model, [batch]))[0][0], np.float32))
            progress(start + len(asked), len(rows), "predicting")
    names = represent.features.names
    return ClusterOutputs(graph, np.concatenate(found), values, names, nodes.seed)


@dataclass(frozen=True)
class ClusterPrediction:
    """The cluster of one node.

    Args:
        name: Of the node.
        cluster: The most probable one, from 1.
        probability: That it is this one.
    """

    name: str
    cluster: int
    probability: float

    def to_json(self) -> dict[str, Any]:
        """Node, cluster and probability."""
        return {"node": self.name, "cluster": self.cluster, "probability": self.probability}

    def to_row(self) -> dict[str, str]:
        """Node, cluster and probability."""
        shown = f"{self.probability:.6f}"
        return {"node": self.name, "cluster": str(self.cluster), "probability": shown}

    def to_cells(self) -> dict[str, str]:
        """Node, cluster and probability."""
        shown = f"{self.probability:.1%}"
        return {"node": self.name, "cluster": str(self.cluster), "probability": shown}


def to_predictions(
    outputs: ClusterOutputs, samples: Samples, class_names: Sequence[str]
) -> list[ClusterPrediction]:
    """The most probable cluster of each node."""
    rows = _nodes(samples).rows
    part, highest = outputs.part[rows].tolist(), outputs.probabilities.max(axis=1)[rows].tolist()
    return [
        ClusterPrediction(outputs.graph.names[row], cluster + 1, probability)
        for row, cluster, probability in zip(rows.tolist(), part, highest, strict=True)
    ]


def evaluate(outputs: ClusterOutputs, split: Split, class_names: Sequence[str]) -> ClusterMetrics:
    """Judges clusters by the edges, and by labels where there are some, beside other methods."""
    clusters = outputs.probabilities.shape[1]
    beside = baselines(outputs.graph, outputs.values, clusters, outputs.seed)
    return cluster_metrics(outputs.graph, outputs.part, clusters, beside)


def output_names(representation: ClusterRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The clusters by their numbers."""
    return tuple(f"cluster {number}" for number in range(1, representation.clusters + 1))


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Nodes and edges; the same in each split, as nothing is held back."""
    graph = _nodes(splits.train.samples).graph
    told = {"nodes": len(graph), "edges": len(graph.edges), "nodes with a label": int(labeled(graph).sum())}
    return dict.fromkeys(SPLITS, told)


def no_mistakes(outputs: ClusterOutputs, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """There are none where nothing was told beforehand."""
    return []


def example_samples(splits: Splits) -> list[tuple[str, list[GraphNode]]]:
    """The first few nodes."""
    split = splits.train
    return [("nodes", [split.samples.load(row) for row in range(min(SHOWN, len(split)))])]


STARTS = 4
"""Random starts that are compared, as those of k-means are."""


def _own_loss(settings: FitSettings) -> None:
    """The model adds its losses by itself."""


RECIPE: Recipe[ClusterRepresentation, ClusterOutputs] = Recipe(
    spec=NODE_CLUSTERING,
    objective=Objective(loss=_own_loss, monitor=None, label="loss (collapse less modularity)", starts=STARTS),
    read=read_graph,
    read_inputs=read_other_graph,
    representation=RepresentationSteps(fit_representation, ClusterRepresentation.from_json),
    build=build,
    examples=cluster_examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=ClusterMetrics.from_json,
    output_names=output_names,
    encode_inputs=encoded,
    report=ReportSteps("nodes", counts, no_mistakes, example_samples, findings=findings),
    suggest_settings=suggest_settings,
)
"""The epoch of the lowest loss on the whole graph without dropout is kept; labels take no part."""
