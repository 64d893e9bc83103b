"""How good the classes of nodes are, with what simpler methods reach on the same nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from convscope.data.splits import Split
from convscope.engine.metrics import ClassificationMetrics, classification_metrics
from convscope.kinds.graph.batching import wiring_of
from convscope.kinds.graph.features import NodeFeatures
from convscope.kinds.graph.graph import Graph, NodeSamples
from convscope.lenses.pages.report_texts import Score

ALPHAS = (0.5, 0.8, 0.9, 0.99)
"""Weights of the neighbors that label spreading tries."""
PENALTIES = (1.0, 10.0, 100.0, 1000.0)
"""Inverse penalties that the logistic regression tries."""
STEPS, FEWEST_STEPS = 50, 10
"""Steps of label spreading, and how few of them a large graph may be left with."""
WORK = 10**10
"""Products of a weight and a number that label spreading may take in all."""
MOST_TRAIN = 20_000
"""Train nodes of the logistic regression at most; more are drawn from."""
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Baseline:
    """What a simpler method reaches on the same nodes.

    Args:
        name: Of the method.
        accuracy: Share of nodes whose class is right.
        macro_f1: As of `ClassificationMetrics`.
    """

    name: str
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class NodeMetrics(ClassificationMetrics):
    """Scores of a classifier of nodes beside those of simpler methods.

    Args:
        baselines: Simpler methods; empty where the graph does not say which nodes are of train.
    """

    baselines: tuple[Baseline, ...] = ()

    def to_line(self) -> str:
        """The metrics of the whole split, and the baselines."""
        line = super().to_line()
        if self.baselines:
            said = ", ".join(f"{each.name} {each.accuracy:.2%}" for each in self.baselines)
            line += f"; without the network: {said}"
        better = [each.name for each in self.baselines if each.accuracy > self.accuracy]
        return line + (f" ({' and '.join(better)} ahead of the network)" if better else "")

    def to_scores(self) -> Sequence[Score]:  # type: ignore[override]
        """Accuracy, beside that of the baselines."""
        return [
            ("accuracy", self.accuracy),
            *((each.name, each.accuracy, "baseline on the same nodes") for each in self.baselines),
        ]


_found: WeakKeyDictionary[Graph, tuple[bytes, tuple[Baseline, ...]]] = WeakKeyDictionary()


def node_metrics(
    probabilities: npt.NDArray[np.float32], split: Split, class_names: Sequence[str]
) -> NodeMetrics:
    """Compares probabilities with labels, and fits the baselines.

    Args:
        probabilities: Shape (nodes, classes).
        split: The nodes with their labels.
        class_names: What the labels index.
    """
    plain = classification_metrics(split.labels, probabilities, tuple(class_names))
    values: dict[str, Any] = {each.name: getattr(plain, each.name) for each in fields(plain)}
    samples = split.samples
    if not isinstance(samples, NodeSamples):
        return NodeMetrics(**values)
    key = samples.rows.tobytes()
    known = _found.get(samples.graph)
    if known is None or known[0] != key:
        known = _found[samples.graph] = (key, baselines(samples, split.labels, class_names))
    return NodeMetrics(**values, baselines=known[1])


def baselines(samples: NodeSamples, labels: Ints, class_names: Sequence[str]) -> tuple[Baseline, ...]:
    """What logistic regression on features and label spreading along edges reach.

    Both choose their one parameter on the validation split.

    Args:
        samples: The nodes that are judged; their graph says which nodes are of train and validation.
        labels: Of these nodes, shape (nodes,).
        class_names: What the labels index.

    Returns:
        Nothing where the graph does not say it.
    """
    graph = samples.graph
    if graph.splits is None or graph.labels is None:
        return ()
    number = {name: index for index, name in enumerate(class_names)}
    classes = np.array([number.get(str(label), -1) for label in graph.labels.tolist()], np.int64)
    free = classes >= 0
    free[samples.rows] = False
    train = np.flatnonzero(free & (graph.splits == "train"))
    validation = np.flatnonzero(free & (graph.splits == "validation"))
    if len(np.unique(classes[train])) < 2:
        return ()
    made = []
    for name, predict in (
        ("logistic regression on features", _regression),
        ("label spreading along edges", _spreading),
    ):
        found = predict(graph, classes, train, validation, len(class_names))[samples.rows]
        macro = f1_score(labels, found, average="macro", zero_division=0)
        made.append(Baseline(name, float(np.mean(found == labels)), float(macro)))
    return tuple(made)


def _regression(graph: Graph, classes: Ints, train: Ints, validation: Ints, count: int) -> Ints:
    """Class of each node by its features alone."""
    if len(train) > MOST_TRAIN:
        train = np.sort(np.random.default_rng(0).choice(train, MOST_TRAIN, replace=False))
    features, _ = NodeFeatures.fit([graph], [train])
    values = features.encode(graph)
    scale = float(np.sqrt((values[train] ** 2).sum() / max(len(train), 1))) or 1.0
    values = values / scale
    best: tuple[float, Any] | None = None
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=200).fit(values[train], classes[train])
        score = (
            float(np.mean(model.predict(values[validation]) == classes[validation]))
            if len(validation)
            else 0.0
        )
        if best is None or score > best[0]:
            best = (score, model)
    assert best is not None
    predicted: Ints = best[1].predict(values)
    return predicted


def _spreading(graph: Graph, classes: Ints, train: Ints, validation: Ints, count: int) -> Ints:
    """Class of each node by the labels of train nodes, spread along edges.

    Source: Zhou, Bousquet, Lal, Weston and Schoelkopf (2003), Learning with local and global consistency.
    """
    adjacency = wiring_of(graph).adjacency
    both = sp.csr_array(adjacency.maximum(adjacency.T))
    scale = 1 / np.sqrt(np.maximum(np.asarray(both.sum(axis=1)).ravel(), 1e-12))
    normalized = sp.csr_array(sp.diags_array(scale) @ both @ sp.diags_array(scale), dtype=np.float32)
    known = np.zeros((len(graph), count), np.float32)
    known[train, classes[train]] = 1.0
    usual = int(np.bincount(classes[train], minlength=count).argmax())
    steps = max(FEWEST_STEPS, min(STEPS, WORK // max(1, len(ALPHAS) * both.nnz * count)))
    best: tuple[float, Ints] | None = None
    for alpha in ALPHAS:
        spread = known
        for _ in range(steps):
            spread = np.float32(alpha) * (normalized @ spread) + np.float32(1 - alpha) * known
        found = np.where(spread.any(axis=1), spread.argmax(axis=1), usual).astype(np.int64)
        score = float(np.mean(found[validation] == classes[validation])) if len(validation) else 0.0
        if best is None or score > best[0]:
            best = (score, found)
    assert best is not None
    return best[1]
