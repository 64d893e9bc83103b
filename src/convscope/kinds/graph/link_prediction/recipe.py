"""Which pairs of nodes are joined, though the data does not say so?

From top to bottom: some links of a graph are hidden, convolutions pass messages along the others, what two
nodes have in common is scored, and a probability is the answer. It is judged among pairs that are hard to
tell from links, and beside what common neighbors alone say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import predict_batches
from convscope.engine.training.batches import Batch
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
    SampleInputs,
)
from convscope.kinds.graph.graph import NodePair
from convscope.kinds.graph.kind import LINK_PREDICTION
from convscope.kinds.graph.link_prediction.metrics import LinkMetrics, link_metrics
from convscope.kinds.graph.link_prediction.negatives import (
    Likeness,
    Pairs,
    hard_negatives,
    keys_of,
    most_hard,
    random_negatives,
)
from convscope.kinds.graph.link_prediction.reader import CLASS_NAMES, LinkSamples, read_links, read_pairs
from convscope.kinds.graph.link_prediction.representation import LinkRepresentation, PairInputs
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Progress, SplitName

AT_ONCE = 2**17
"""Pairs of a whole graph that are scored in one batch."""
AT_ONCE_IN_PARTS = 2**10
"""Pairs that are scored in one batch with their neighborhoods."""
HARD = 500
"""Hard negatives of each link, as Li et al. (2023) have them."""
CHOSEN_BY = 100
"""Hard negatives of each link of validation, by which an epoch is chosen."""
SHOWN = 12

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LinkOutputs:
    """What is answered for several pairs.

    Args:
        probabilities: That each is a link, shape (pairs,), float32.
        hard_pairs: Hard negatives of the first links, shape (ranked, negatives, 2); none where the pairs are
            not judged.
        hard: Their probabilities, shape (ranked, negatives), float32.
    """

    probabilities: Probabilities
    hard_pairs: Pairs
    hard: Probabilities


@dataclass(frozen=True)
class LinkPrediction:
    """The prediction for one pair.

    Args:
        source: One node.
        target: The other.
        probability: That they are joined.
    """

    source: str
    target: str
    probability: float

    @property
    def name(self) -> str:
        """Both nodes."""
        return f"{self.source} - {self.target}"

    def to_json(self) -> dict[str, Any]:
        """Both nodes and the probability."""
        return vars(self)

    def to_row(self) -> dict[str, str]:
        """Both nodes and the probability."""
        return {"source": self.source, "target": self.target, "probability": f"{self.probability:.6f}"}

    def to_cells(self) -> dict[str, str]:
        """Both nodes and the probability."""
        return {"source": self.source, "target": self.target, "link": f"{self.probability:.1%}"}


@dataclass(frozen=True, eq=False)
class LinkExamples:
    """Links, beside which pairs without an edge are drawn anew in each step of a training.

    No message is passed along the links of a step, so that no answer can be read off the edge itself.

    Args:
        inputs: Makes model inputs.
        pairs: Shape (pairs, 2).
        links: Whether each is a link, shape (pairs,).
        known: `keys_of` the links that training knows, ascending.
        training: Whether all pairs are links, and others are drawn.
    """

    inputs: PairInputs
    pairs: Pairs
    links: npt.NDArray[np.bool_]
    known: npt.NDArray[np.int64]
    training: bool

    def __len__(self) -> int:
        """The number of pairs that are given."""
        return len(self.pairs)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Alike, and yet there: how many pairs a batch asks for is an axis of it, which differs."""
        return np.ones(len(self.pairs), np.int64)

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs by name, targets of shape (1, asked, 1)): one batch for all pairs."""
        pairs, links = self.pairs[indices], self.links[indices]
        if not self.training or rng is None:
            return self.inputs.batch(pairs), links[None, :, None].astype(np.float32)
        drawn = random_negatives(len(self.inputs.graph), self.known, len(pairs), rng)
        others = drawn[np.arange(len(pairs)) % len(drawn)]
        batch = self.inputs.batch(np.concatenate([pairs, others]), hidden=pairs)
        targets = np.repeat(np.array([1, 0], np.float32), len(pairs))
        return batch, targets[None, :, None]


def _links(samples: Samples) -> LinkSamples:
    assert isinstance(samples, LinkSamples)
    return samples


def build(
    make: ModelFactory,
    representation: LinkRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model that scores pairs."""
    return make(representation.shape, **{**representation.sizes, **options})


def link_examples(context: ExampleContext[LinkRepresentation]) -> LinkExamples:
    """Links with fresh negatives; those of validation with hard ones, by which an epoch is chosen."""
    samples = _links(context.split.samples)
    graph = samples.graph
    edges = graph.edges[graph.edges[:, 0] != graph.edges[:, 1]]
    known = np.unique(keys_of(edges, len(graph)))
    inputs = PairInputs(context.representation, graph)
    if context.training or samples.known is None:
        return LinkExamples(inputs, samples.pairs, context.split.labels == 1, known, context.training)
    links = samples.pairs[context.split.labels == 1][: most_hard(graph, len(graph))]
    hard = hard_negatives(Likeness(graph), links, samples.known, CHOSEN_BY).reshape(-1, 2)
    is_link = np.repeat([True, False], [len(links), len(hard)])
    return LinkExamples(inputs, np.concatenate([links, hard]), is_link, known, training=False)


def score_pairs(
    fitted: Fitted[LinkRepresentation], inputs: PairInputs, pairs: Pairs, progress: Progress
) -> Probabilities:
    """Probabilities of pairs of one graph, shape (pairs,), float32; equal whichever node comes first."""
    size = AT_ONCE if inputs.is_whole else AT_ONCE_IN_PARTS
    found = []

    def batches() -> Iterator[Any]:
        for start in range(0, len(pairs), size):
            yield inputs.batch(pairs[start : start + size])

    with closing(predict_batches(fitted.model, batches(), most=1)) as predicted:
        for done, (answer,) in enumerate(predicted, 1):
            found.append(np.asarray(answer, np.float32).reshape(-1))
            progress(min(done * size, len(pairs)), len(pairs), "scoring pairs")
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def predict(fitted: Fitted[LinkRepresentation], samples: Samples, progress: Progress) -> LinkOutputs:
    """Probabilities of pairs; where they are judged, those of hard negatives of the links as well."""
    asked = _links(samples)
    inputs = PairInputs(fitted.representation, asked.graph)
    found = score_pairs(fitted, inputs, asked.pairs, progress)
    if asked.known is None or asked.links is None:
        return LinkOutputs(found, np.zeros((0, 0, 2), np.int64), np.zeros((0, 0), np.float32))
    links = asked.pairs[asked.links][: most_hard(asked.graph, len(asked.graph))]
    hard = hard_negatives(Likeness(asked.graph), links, asked.known, HARD)
    scores = score_pairs(fitted, inputs, hard.reshape(-1, 2), progress)
    return LinkOutputs(found, hard, scores.reshape(hard.shape[:2]))


def to_predictions(
    outputs: LinkOutputs, samples: Samples, class_names: Sequence[str]
) -> list[LinkPrediction]:
    """One prediction for each pair; where the most probable are sought, these alone, best first."""
    asked = _links(samples)
    names, order = asked.graph.names, np.arange(len(asked))
    if asked.most is not None:
        order = np.argsort(-outputs.probabilities, kind="stable")[: asked.most]
    return [
        LinkPrediction(names[source], names[target], float(probability))
        for (source, target), probability in zip(
            asked.pairs[order].tolist(), outputs.probabilities[order].tolist(), strict=True
        )
    ]


def evaluate(outputs: LinkOutputs, split: Split, class_names: Sequence[str]) -> LinkMetrics:
    """Compares probabilities with links, beside scores of common neighbors for the same pairs."""
    samples = _links(split.samples)
    likeness = Likeness(samples.graph)
    plain = likeness.heuristics(samples.pairs)
    hard = likeness.heuristics(outputs.hard_pairs.reshape(-1, 2))
    shape = outputs.hard.shape
    beside = {name: (scores, hard[name].reshape(shape)) for name, scores in plain.items()}
    return link_metrics(split.labels == 1, outputs.probabilities, outputs.hard, beside)


def output_names(representation: LinkRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """One output: the probability of a link."""
    return (CLASS_NAMES[1],)


def encode_inputs(fitted: Fitted[LinkRepresentation], samples: Samples, progress: Progress) -> SampleInputs:
    """Pairs as the model takes them, each with the neighborhoods of both ends."""
    encoded = fitted.representation.encode(_links(samples), progress=progress)
    return SampleInputs(encoded.take, lambda i: fitted.representation.describe(samples.load(i)))


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Links of each split, and the pairs without an edge that are kept beside them."""
    return {
        name: {
            CLASS_NAMES[1]: int(splits[name].labels.sum()),
            CLASS_NAMES[0]: int((splits[name].labels == 0).sum()),
        }
        for name in SPLITS
    }


def mistakes(outputs: LinkOutputs, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """Links that look least like links, and other pairs that look most like them."""
    links = split.labels == 1
    order = np.argsort(outputs.probabilities, kind="stable")
    missed = order[links[order]][:SHOWN]
    invented = order[~links[order]][::-1][:SHOWN]
    return [
        Mistake(
            split.samples.load(int(row)),
            split.samples.name(int(row)),
            CLASS_NAMES[int(links[row])],
            CLASS_NAMES[1 - int(links[row])],
            float(outputs.probabilities[row] if not links[row] else 1 - outputs.probabilities[row]),
        )
        for row in [*missed, *invented]
    ]


def example_samples(splits: Splits) -> list[tuple[str, list[NodePair]]]:
    """The first few train links."""
    train = splits.train
    return [(CLASS_NAMES[1], [train.samples.load(row) for row in range(min(SHOWN, len(train)))])]


def _loss(settings: FitSettings) -> keras.losses.Loss:
    return keras.losses.BinaryCrossentropy(label_smoothing=settings.label_smoothing)


OBJECTIVE = Objective(
    loss=_loss,
    metrics=lambda: [keras.metrics.AUC(curve="PR", num_thresholds=1000, name="average_precision")],
    monitor="average_precision",
    smoothed=3,
    label="average precision among hard negatives",
)
REPORT: ReportSteps[LinkRepresentation, LinkOutputs] = ReportSteps("pairs", counts, mistakes, example_samples)

RECIPE = Recipe(
    spec=LINK_PREDICTION,
    objective=OBJECTIVE,
    read=read_links,
    read_inputs=read_pairs,
    representation=RepresentationSteps(LinkRepresentation.fit, LinkRepresentation.from_json),
    build=build,
    examples=link_examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=LinkMetrics.from_json,
    output_names=output_names,
    encode_inputs=encode_inputs,
    report=REPORT,
)
