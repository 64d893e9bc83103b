"""Which class does a whole graph belong to, such as a molecule or a circle of friends?

From top to bottom: a collection of graphs is read, what each node is becomes a row of numbers, convolutions
pass messages along the edges, what the nodes of a graph are is added up, and a class is the answer. Beside it
stands a classifier that sees no edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.metrics import ClassificationMetrics
from convscope.engine.training.objective import CLASSIFY
from convscope.kinds.contract.recipe import Fitted, Recipe, ReportSteps, RepresentationSteps
from convscope.kinds.graph.graph_classification.reader import read_graph_inputs, read_whole_graphs
from convscope.kinds.graph.graph_classification.representation import WholeGraphRepresentation
from convscope.kinds.graph.kind import GRAPH_CLASSIFICATION
from convscope.kinds.tasks import classification as task
from convscope.lenses.pages.report import Mistake
from convscope.lenses.pages.report_texts import Score
from convscope.types import Progress


@dataclass(frozen=True, eq=False)
class GraphOutputs:
    """What is answered for several graphs.

    Args:
        probabilities: Of each class, shape (graphs, classes), float32.
        without_edges: The class of each by its nodes alone, shape (graphs,), int64.
    """

    probabilities: npt.NDArray[np.float32]
    without_edges: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class GraphMetrics(ClassificationMetrics):
    """How good a classifier of graphs is on one split, beside one that sees no edges.

    Args:
        accuracy_without_edges: Share of the graphs whose class is found by their nodes alone.
    """

    _WHAT: ClassVar[str] = "metrics of classified graphs"

    accuracy_without_edges: float

    def to_line(self) -> str:
        """The metrics of the whole split."""
        ahead = ", which is ahead of the model" if self.accuracy_without_edges > self.accuracy else ""
        beside = f"logistic regression without edges {self.accuracy_without_edges:.2%}{ahead}"
        return f"{super().to_line()}; {beside}"

    def to_scores(self) -> Sequence[Score]:  # type: ignore[override]
        """Accuracy, beside that without edges."""
        return [
            ("accuracy", self.accuracy),
            ("without edges", self.accuracy_without_edges, "logistic regression on the same graphs"),
        ]


def predict(fitted: Fitted[WholeGraphRepresentation], samples: Samples, progress: Progress) -> GraphOutputs:
    """Probabilities, calibrated as the run was, and classes without edges."""
    representation = fitted.representation
    pooled = representation.encode(samples).pooled()
    return GraphOutputs(task.predict(fitted, samples, progress), representation.without_edges.predict(pooled))


def evaluate(outputs: GraphOutputs, split: Split, class_names: Sequence[str]) -> GraphMetrics:
    """Compares both with labels."""
    found = task.evaluate(outputs.probabilities, split, class_names)
    right = float(np.mean(outputs.without_edges == split.labels)) if len(split) else 0.0
    return GraphMetrics(**vars(found), accuracy_without_edges=right)


def to_predictions(
    outputs: GraphOutputs, samples: Samples, class_names: Sequence[str]
) -> tuple[task.ClassPrediction, ...]:
    """One prediction for each graph."""
    return task.to_predictions(outputs.probabilities, samples, class_names)


def mistakes(outputs: GraphOutputs, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """The most confident ones, worst first."""
    return task.mistakes(outputs.probabilities, split, class_names)


def uncalibrated(outputs: GraphOutputs, calibration: Mapping[str, Any]) -> GraphOutputs:
    """Calibrated probabilities as the model itself gave them."""
    return GraphOutputs(task.uncalibrated(outputs.probabilities, calibration), outputs.without_edges)


RECIPE: Recipe[WholeGraphRepresentation, GraphOutputs] = Recipe(
    spec=GRAPH_CLASSIFICATION,
    objective=CLASSIFY,
    read=read_whole_graphs,
    read_inputs=read_graph_inputs,
    representation=RepresentationSteps(WholeGraphRepresentation.fit, WholeGraphRepresentation.from_json),
    build=task.build_classifier,
    examples=task.class_examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=GraphMetrics.from_json,
    output_names=task.output_names,
    encode_inputs=task.encoded,
    align_labels=task.align_labels,
    report=ReportSteps("graphs", Splits.counts, mistakes, task.example_samples),
    reads_whole=True,
    calibrate=task.calibrate,
    calibration_optional=True,
    uncalibrated=uncalibrated,
)
