"""Who stands where in a social network, who belongs together, and from whom something spreads furthest?

Nothing is trained and nothing is predicted: every person is described, so that there are no splits. Measures
that are convolutions are the maps of a model of fixed kernels, by which people are looked at and extracted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.training.batches import Batch
from convscope.engine.training.checkpoint import Row
from convscope.engine.training.closed_form import Solver
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
from convscope.kinds.graph.batching import table_width
from convscope.kinds.graph.features import NodeFeatures
from convscope.kinds.graph.graph import GraphNode
from convscope.kinds.graph.kind import SOCIAL_NETWORK
from convscope.kinds.graph.social.findings import findings
from convscope.kinds.graph.social.kernels import OUTPUTS, PersonRepresentation
from convscope.kinds.graph.social.portrait import NetworkSummary, Portrait, portrait_of
from convscope.kinds.graph.social.reader import NetworkSamples, read_network, read_people
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Array, Progress, SplitName

SHOWN = 12


@dataclass(frozen=True)
class Person:
    """What is known of one person.

    Args:
        name: Of the node.
        measures: Numbers by name.
    """

    name: str
    measures: Mapping[str, int | float]

    def to_json(self) -> dict[str, Any]:
        """Name and measures; no `starter` where nothing starts from the person."""
        told = {name: value for name, value in self.measures.items() if name != "starter" or value}
        return {"name": self.name, **told}

    def to_row(self) -> dict[str, str]:
        """Name and measures, all digits; `starter` is empty where nothing starts from the person."""
        return {"name": self.name, **{name: self._written(name, ".9g") for name in self.measures}}

    def to_cells(self) -> dict[str, str]:
        """Name and measures."""
        return {
            "name": self.name,
            **{name.replace("_", " "): self._written(name, ".4g") for name in self.measures},
        }

    def _written(self, name: str, digits: str) -> str:
        value = self.measures[name]
        if isinstance(value, float):
            return format(value, digits)
        return "" if name == "starter" and not value else str(value)


@dataclass(frozen=True, eq=False)
class Everyone:
    """All people of a network; there is nothing to be learned from them.

    Args:
        samples: The people.
    """

    samples: NetworkSamples

    def __len__(self) -> int:
        """The number of people."""
        return len(self.samples)

    @property
    def lengths(self) -> None:
        """Alike for all."""
        return None

    def batch(self, indices: np.ndarray, rng: np.random.Generator | None) -> Batch:
        """Rows of the network, and no targets."""
        return self.samples.rows[indices], np.zeros((len(indices), 0), np.float32)


def _people(samples: Samples) -> NetworkSamples:
    assert isinstance(samples, NetworkSamples)
    return samples


def everyone(context: ExampleContext[PersonRepresentation]) -> Everyone:
    """All people."""
    return Everyone(_people(context.split.samples))


def fit_representation(train: Split, hops: int) -> tuple[PersonRepresentation, Sequence[str]]:
    """Takes the width of tables from the network; nothing else has to be known."""
    samples = _people(train.samples)
    width = table_width([samples.graph])
    return PersonRepresentation(NodeFeatures(), width, hops, seed=samples.seed), ()


def build(
    make: ModelFactory,
    representation: PersonRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """Fixed kernels."""
    return make(representation.shape, **{**representation.sizes, **options})


def predict(fitted: Fitted[PersonRepresentation], samples: Samples, progress: Progress) -> Portrait:
    """Describes the network that people are of."""
    return portrait_of(_people(samples), fitted.representation.seed, progress)


def to_predictions(portrait: Portrait, samples: Samples, class_names: Sequence[str]) -> list[Person]:
    """What is known of each person."""
    rows = _people(samples).rows.tolist()
    columns = {name: values.tolist() for name, values in portrait.columns.items()}
    names = portrait.graph.names
    return [Person(names[row], {name: values[row] for name, values in columns.items()}) for row in rows]


def summary_of(portrait: Portrait, split: Split, class_names: Sequence[str]) -> NetworkSummary:
    """What holds for the network as a whole."""
    return portrait.summary


def output_names(representation: PersonRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """What the model answers for each person."""
    return OUTPUTS


def encode_inputs(fitted: Fitted[PersonRepresentation], samples: Samples, progress: Progress) -> SampleInputs:
    """People as the model takes them: the network around them."""
    encoded = fitted.representation.encode(_people(samples), progress=progress)
    return SampleInputs(encoded.take, lambda i: fitted.representation.describe(samples.load(i)))


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """People and edges; the same in each split, as nothing is split."""
    samples = _people(splits.train.samples)
    return {name: {"people": len(samples), "edges": len(samples.graph.edges)} for name in SPLITS}


def no_mistakes(portrait: Portrait, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """There are none where nothing is predicted."""
    return []


def example_samples(splits: Splits) -> list[tuple[str, list[GraphNode]]]:
    """The first few people."""
    split = splits.train
    return [("people", [split.samples.load(row) for row in range(min(SHOWN, len(split)))])]


def _nothing_to_solve(
    model: keras.Model,
    samples: tuple[Array, Array],
    options: Mapping[str, object],
    settings: FitSettings,
    progress: Progress,
) -> Row:
    """The kernels are fixed."""
    return {}


def _ready() -> None:
    """Nothing else has to be installed."""


def _no_loss(settings: FitSettings) -> None:
    """Nothing is minimized."""


FIXED = Solver(
    solve=_nothing_to_solve,
    ready=_ready,
    uses=("seed",),
    decision="network_kernels has fixed kernels, so that nothing is trained",
    how="has fixed kernels",
)
RECIPE: Recipe[PersonRepresentation, Portrait] = Recipe(
    spec=SOCIAL_NETWORK,
    objective=Objective(loss=_no_loss, monitor=None),
    read=read_network,
    read_inputs=read_people,
    representation=RepresentationSteps(fit_representation, PersonRepresentation.from_json),
    build=build,
    examples=everyone,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=summary_of,
    load_metrics=NetworkSummary.from_json,
    output_names=output_names,
    encode_inputs=encode_inputs,
    report=ReportSteps("people", counts, no_mistakes, example_samples, findings=findings),
    closed_form={"network_kernels": FIXED},
)
