"""Classes of the nodes of a graph, of which some have labels.

From top to bottom: tables or matrices are read into one graph, the node table becomes features, a step takes
the whole graph (or a part of one that is too large) and is judged on nodes of its split, and the answer for a
node follows from what is around it, so that nodes of other graphs can be asked for as well.
"""

from __future__ import annotations

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
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    Recipe,
    ReportSteps,
    RepresentationSteps,
)
from convscope.kinds.graph.batching import table_width
from convscope.kinds.graph.features import NodeFeatures
from convscope.kinds.graph.graph import NodeSamples
from convscope.kinds.graph.kind import NODE_CLASSIFICATION
from convscope.kinds.graph.node_classification.metrics import NodeMetrics, node_metrics
from convscope.kinds.graph.node_classification.reader import read_new_nodes, read_nodes
from convscope.kinds.graph.representation import NodeRepresentation
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
from convscope.types import Progress


@dataclass(frozen=True, eq=False)
class NodeExamples:
    """Nodes with their classes, asked for in the whole graph.

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
        """True: every step takes the whole graph."""
        return True

    @property
    def lengths(self) -> npt.NDArray[np.int64] | None:
        """None: every step takes the whole graph."""
        return None

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs by name, one-hot targets), each with a batch axis of 1; weights besides in a training."""
        rows = self.samples.rows[indices]
        inputs = {**self.representation.whole(self.samples.graph), "targets": rows[None].astype(np.int32)}
        targets = np.eye(self.classes, dtype=np.float32)[self.labels[indices]][None]
        if self.class_weights is None or rng is None:
            return inputs, targets
        return inputs, targets, self.class_weights[self.labels[indices]][None]


def node_examples(context: ExampleContext[NodeRepresentation]) -> NodeExamples:
    """Nodes of a split with their classes."""
    labels, classes = context.split.labels, len(context.class_names)
    weighted = context.settings.class_weights and context.training
    weights = balanced_weights(labels, classes) if weighted else None
    return NodeExamples(context.representation, _nodes(context.split.samples), labels, classes, weights)


def fit_representation(
    train: Split, hops: int, neighbors: tuple[int, ...] | None = None
) -> tuple[NodeRepresentation, Sequence[str]]:
    """Learns from the graph and its train nodes how nodes become inputs."""
    samples = _nodes(train.samples)
    features, said = NodeFeatures.fit([samples.graph], [samples.rows])
    width = table_width([samples.graph])
    return NodeRepresentation(features, width, hops, neighbors or ()), said


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """A step takes all nodes of a split where it takes the whole graph."""
    return {"batch_size": max(len(splits.train), len(splits.validation))}


def _nodes(samples: Samples) -> NodeSamples:
    assert isinstance(samples, NodeSamples)
    return samples


def predict(fitted: Fitted[NodeRepresentation], samples: Samples, progress: Progress) -> Probabilities:
    """Probabilities for nodes, calibrated as the run was, shape (nodes, classes), float32."""
    return with_temperature(_uncalibrated(fitted, samples, progress), temperature_of(fitted.calibration))


def _uncalibrated(fitted: Fitted[NodeRepresentation], samples: Samples, progress: Progress) -> Probabilities:
    nodes = _nodes(samples)
    if not len(nodes):
        return np.zeros((0, len(fitted.class_names)), np.float32)
    whole = fitted.representation.whole(nodes.graph)
    batch = {**whole, "targets": nodes.rows[None].astype(np.int32)}
    progress(0, len(nodes), "predicting")
    (found,) = next(predict_batches(fitted.model, [batch]))
    progress(len(nodes), len(nodes), "predicting")
    return np.asarray(found[0], np.float32)


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
    predict=predict,
    to_predictions=to_predictions,
    evaluate=node_metrics,
    load_metrics=NodeMetrics.from_json,
    output_names=output_names,
    encode_inputs=encoded,
    align_labels=align_labels,
    report=ReportSteps("nodes", Splits.counts, mistakes, example_samples),
    suggest_settings=suggest_settings,
    reads_whole=True,
    calibrate=calibrate,
    calibration_optional=True,
    uncalibrated=uncalibrated,
)
