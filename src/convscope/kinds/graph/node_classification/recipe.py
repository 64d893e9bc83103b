"""Classes of the nodes of a graph, of which some have labels.

From top to bottom: tables or matrices are read into one graph, the node table becomes features, a step takes
the whole graph (or a part of one that is too large) and is judged on nodes of its split, and the answer for a
node follows from what is around it, so that nodes of other graphs can be asked for as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import predict_batches
from convscope.engine.training.batches import Batch
from convscope.engine.training.class_examples import balanced_weights
from convscope.engine.training.objective import Objective, classifying
from convscope.engine.training.sparse_inputs import is_mostly_zero
from convscope.errors import UsageError
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    Recipe,
    ReportSteps,
    RepresentationSteps,
)
from convscope.kinds.graph.batching import (
    WHOLE_BYTES,
    graph_arrays,
    neighborhood,
    sampled_neighborhood,
    stacked,
    step_bytes,
    table_width,
    wiring_of,
)
from convscope.kinds.graph.features import NodeFeatures, Values, dense
from convscope.kinds.graph.graph import Graph, NodeSamples
from convscope.kinds.graph.kind import NODE_CLASSIFICATION
from convscope.kinds.graph.node_classification.metrics import NodeMetrics, node_metrics
from convscope.kinds.graph.node_classification.reader import read_new_nodes, read_nodes
from convscope.kinds.graph.representation import NodeRepresentation, values_without_feature
from convscope.kinds.tasks.classification import (
    Probabilities,
    align_labels,
    build_classifier,
    calibration_by,
    encoded,
    example_samples,
    mistakes,
    output_names,
    temperature_of,
    to_predictions,
    uncalibrated,
    with_temperature,
)
from convscope.layers.neighbors import tables_of
from convscope.types import Progress

USUAL_NEIGHBORS = 10
"""Neighbors of a node that are drawn in each hop of a graph that is too large for that."""
ASKED = 1024
"""Nodes that a step over drawn neighbors is asked for."""
MOST_DRAWN = 2**14
"""Nodes that may be drawn for one that is asked for."""
CHUNK = 200_000
"""Edges that are answered at a time in a graph that is too large for one step."""


@dataclass(frozen=True, eq=False)
class NodeExamples:
    """Nodes with their classes, asked for in the whole graph, or in what is drawn around them.

    Args:
        representation: Makes the inputs.
        samples: The nodes.
        labels: Class of each, shape (nodes,), int64.
        classes: The number of classes.
        class_weights: Of each class, shape (classes,), float32; None weighs all nodes alike.
    """

    representation: NodeRepresentation
    samples: NodeSamples
    labels: npt.NDArray[np.int64]
    classes: int
    class_weights: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.samples)

    @property
    def is_whole(self) -> bool:
        """Whether every step takes the whole graph."""
        return not self.representation.neighbors

    @property
    def lengths(self) -> npt.NDArray[np.int64] | None:
        """Alike for all nodes; None where every step takes the whole graph, so that shapes are the same."""
        return None if self.is_whole else np.zeros(len(self), np.int64)

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs by name, one-hot targets), each with a batch axis of 1; weights besides in a training."""
        inputs = self._inputs(self.samples.rows[indices], rng)
        targets = np.eye(self.classes, dtype=np.float32)[self.labels[indices]][None]
        if self.class_weights is None or rng is None:
            return inputs, targets
        return inputs, targets, self.class_weights[self.labels[indices]][None]

    def _inputs(
        self, rows: npt.NDArray[np.int64], rng: np.random.Generator | None
    ) -> dict[str, npt.NDArray[Any]]:
        represent, graph = self.representation, self.samples.graph
        if self.is_whole:
            return {**represent.whole(graph), "targets": rows[None].astype(np.int32)}
        rng = rng or np.random.default_rng(0)  # so that each epoch is judged by the same neighbors
        part = sampled_neighborhood(graph, rows, represent.neighbors, rng)
        arrays = graph_arrays(part.wiring, represent.values(graph), represent.table_width, part.rows)
        return {**stacked([arrays]), "targets": np.arange(len(rows), dtype=np.int32)[None]}


def node_examples(context: ExampleContext[NodeRepresentation]) -> NodeExamples:
    """Nodes of a split with their classes.

    Raises:
        UsageError: Neighbors are drawn for another number of hops than the model sees, or for too many.
    """
    represent = context.representation
    labels, classes = context.split.labels, len(context.class_names)
    weighted = context.settings.class_weights and context.training
    weights = balanced_weights(labels, classes) if weighted else None
    _check_neighbors(represent)
    return NodeExamples(represent, _nodes(context.split.samples), labels, classes, weights)


def _check_neighbors(represent: NodeRepresentation) -> None:
    drawn, hops = represent.neighbors, represent.hops
    if drawn and len(drawn) != hops:
        raise UsageError(
            f"neighbors must be one number, or one for each of {hops} hops. Received: {len(drawn)} numbers.",
            f"Give {hops} numbers, or another --hops.",
        )
    if drawn and math.prod(drawn) > MOST_DRAWN:
        raise UsageError(
            f"A step would draw up to {math.prod(drawn):,} nodes for each that is asked for, expected at most"
            f" {MOST_DRAWN:,}.",
            "Use an architecture of few hops, such as --architecture sage, or fewer --neighbors.",
        )


def fit_representation(
    train: Split, hops: int, neighbors: tuple[int, ...] | None = None
) -> tuple[NodeRepresentation, Sequence[str]]:
    """Learns from the graph and its train nodes how nodes become inputs."""
    samples = _nodes(train.samples)
    features, said = NodeFeatures.fit([samples.graph], [samples.rows])
    width = table_width([samples.graph])
    needed = step_bytes(samples.graph, features.count)
    if neighbors is None and needed > WHOLE_BYTES:
        neighbors = (USUAL_NEIGHBORS,)
        said.append(
            f"neighbors: {USUAL_NEIGHBORS} are drawn of a node in each hop, because a step over the whole"
            f" graph would take {needed / 2**30:.1f} GiB"
        )
    said += [] if neighbors else _products(features.encode(samples.graph))
    drawn = neighbors or ()
    return NodeRepresentation(features, width, hops, drawn * hops if len(drawn) == 1 else drawn), said


def _products(values: Values) -> list[str]:
    """What is said of products with features that are mostly zeros."""
    filled, size = int((values != 0).sum()), int(np.prod(values.shape))
    if not is_mostly_zero(filled, size):
        return []
    return [
        f"first products: of the features that are not 0, in a training on a CPU, because {filled / size:.1%}"
        " of them are not; the result is the same"
    ]


def suggest_architecture(representation: NodeRepresentation, splits: Splits) -> tuple[str, str] | None:
    """One of two hops where neighbors are drawn."""
    if not representation.neighbors:
        return None
    return "sage", "neighbors are drawn in each hop, so that the hops have to be few"


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """A step takes all nodes of a split where it takes the whole graph, and many where it does not."""
    most = max(len(splits.train), len(splits.validation))
    graph = _nodes(splits.train.samples).graph
    features = 0 if graph.features is None else int(graph.features.shape[1])
    if step_bytes(graph, features) <= WHOLE_BYTES:
        return {"batch_size": most}
    return {"batch_size": min(ASKED, most), "epochs": 20, "patience": 5}


def _nodes(samples: Samples) -> NodeSamples:
    assert isinstance(samples, NodeSamples)
    return samples


def ignored(representation: NodeRepresentation, samples: Samples) -> Sequence[str]:
    """What new nodes hold and the model has no feature for."""
    return values_without_feature(representation.features, _nodes(samples).graph)


def predict(fitted: Fitted[NodeRepresentation], samples: Samples, progress: Progress) -> Probabilities:
    """Probabilities for nodes, calibrated as the run was, shape (nodes, classes), float32."""
    return with_temperature(_uncalibrated(fitted, samples, progress), temperature_of(fitted.calibration))


def _uncalibrated(fitted: Fitted[NodeRepresentation], samples: Samples, progress: Progress) -> Probabilities:
    nodes, represent = _nodes(samples), fitted.representation
    if not len(nodes):
        return np.zeros((0, len(fitted.class_names)), np.float32)
    if represent.neighbors or step_bytes(nodes.graph, represent.features.count) > WHOLE_BYTES:
        return answers_by_layers(fitted.model, represent, nodes, progress)
    batch = {**represent.whole(nodes.graph), "targets": nodes.rows[None].astype(np.int32)}
    progress(0, len(nodes), "predicting")
    (found,) = next(predict_batches(fitted.model, [batch]))
    progress(len(nodes), len(nodes), "predicting")
    return np.asarray(found[0], np.float32)


def answers_by_layers(
    model: keras.Model,
    represent: NodeRepresentation,
    nodes: NodeSamples,
    progress: Progress,
    chunk: int = CHUNK,
) -> Probabilities:
    """Probabilities for nodes, one graph layer after another over all nodes that later ones need.

    No activation of the whole graph is held but one input and one output of a layer.

    Args:
        model: Whose layers on graphs follow one another.
        represent: Makes the inputs.
        nodes: That are asked for.
        progress: Receives how many edges are done.
        chunk: Edges that are answered at a time.

    Returns:
        Shape (nodes, classes), float32.
    """
    graph, wiring = nodes.graph, wiring_of(nodes.graph)
    stages, last = _stages(model)
    needed = [np.unique(nodes.rows)]
    for _, hops in reversed(stages):
        needed.append(np.sort(neighborhood(graph, needed[-1], hops).rows))
    needed.reverse()
    values, known = represent.values(graph), np.arange(len(graph))
    total = sum(int(np.diff(wiring.adjacency.indptr)[rows].sum()) for rows in needed[1:])
    done = 0
    for (stage, hops), rows in zip(stages, needed[1:], strict=True):
        sizes = np.diff(wiring.adjacency.indptr)[rows] + 1
        parts = np.split(rows, np.flatnonzero(np.diff(np.cumsum(sizes) // chunk)) + 1)
        place = np.full(len(graph), -1, np.int64)
        place[known] = np.arange(len(known))
        found: list[npt.NDArray[np.float32]] = []
        batches = (_stage_inputs(graph, part, hops, values, place, represent.table_width) for part in parts)
        for part, (output,) in zip(parts, predict_batches(stage, batches, 1), strict=True):
            found.append(np.asarray(output[0, : len(part)], np.float32))
            done += int(np.diff(wiring.adjacency.indptr)[part].sum())
            progress(done, total, "predicting")
        values, known = np.concatenate(found), rows
    asked = np.searchsorted(known, nodes.rows)
    (answer,) = next(predict_batches(last, [[dense(values)[None], asked[None].astype(np.int32)]]))
    return np.asarray(answer[0], np.float32)


def _stages(model: keras.Model) -> tuple[list[tuple[keras.Model, int]], keras.Model]:
    """Parts of a model, each up to a layer on graphs, with how far that sees; and what follows the last."""
    inputs = {tensor.name: tensor for tensor in model.inputs}
    tables = tables_of(inputs)
    values, stages = inputs["nodes"], []
    for layer in model.layers:
        if getattr(layer, "hops", 0):
            stages.append((keras.Model([values, *tables], layer.output), int(layer.hops)))
            values = layer.output
    return stages, keras.Model([values, inputs["targets"]], model.outputs[0])


def _stage_inputs(
    graph: Graph,
    rows: npt.NDArray[np.int64],
    hops: int,
    values: Values,
    place: npt.NDArray[np.int64],
    width: int,
) -> list[npt.NDArray[Any]]:
    """Values of some nodes and of what a layer sees around them, and the tables between them."""
    part = neighborhood(graph, rows, hops)
    batch = stacked([graph_arrays(part.wiring, values, width, place[part.rows])])
    return [batch["nodes"], *tables_of(batch)]


def calibrate(fitted: Fitted[NodeRepresentation], validation: Split, progress: Progress) -> dict[str, Any]:
    """The temperature that suits the validation split, and what it changes there."""
    return calibration_by(_uncalibrated(fitted, validation.samples, progress), validation, fitted.class_names)


OBJECTIVE = Objective(
    loss=classifying,
    metrics=lambda: ["accuracy", keras.metrics.CategoricalCrossentropy(name="cross_entropy")],
    monitor="cross_entropy",
    lowest=True,
    label="cross-entropy",
)
"""The epoch with the lowest validation cross-entropy is kept; the loss holds the weight decay besides."""
RECIPE: Recipe[NodeRepresentation, Probabilities] = Recipe(
    spec=NODE_CLASSIFICATION,
    objective=OBJECTIVE,
    read=read_nodes,
    read_inputs=read_new_nodes,
    representation=RepresentationSteps(fit_representation, NodeRepresentation.from_json),
    build=build_classifier,
    examples=node_examples,
    ignored=ignored,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=node_metrics,
    load_metrics=NodeMetrics.from_json,
    output_names=output_names,
    encode_inputs=encoded,
    align_labels=align_labels,
    report=ReportSteps("nodes", Splits.counts, mistakes, example_samples),
    suggest_settings=suggest_settings,
    suggest_architecture=suggest_architecture,
    reads_whole=True,
    calibrate=calibrate,
    calibration_optional=True,
    uncalibrated=uncalibrated,
)
