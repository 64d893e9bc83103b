"""What every representation offers: raw samples to model inputs, and what is needed to draw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from convscope.types import Array, Axis, Positions, Progress

T = TypeVar("T")
S_contra = TypeVar("S_contra", contravariant=True)


@dataclass(frozen=True)
class SampleDescription:
    """What is needed to draw a sample besides its values; nothing, where a kind has no more to say."""

    def uncounted(self, length: int) -> tuple[int, int] | None:
        """How many positions at both ends of an input do not count; None for kinds without such.

        Args:
            length: Positions of the input.
        """
        return None

    def joined(self, values: Array, *, added: bool) -> Array:
        """Values of positions of an input, without those of positions that repeat others.

        Args:
            values: Shape (positions...).
            added: Whether the value of a position is the sum of those of its repetitions.
        """
        return values


@dataclass(frozen=True)
class RasterDescription(SampleDescription):
    """What the values of an image mean.

    Args:
        limits: The values of black and white.
        beside: The other images of a sample of several, uint8.
    """

    limits: tuple[float, float] = (0.0, 1.0)
    beside: tuple[npt.NDArray[np.uint8], ...] = ()


@dataclass(frozen=True)
class TextDescription(SampleDescription):
    """What stands at each position of a text.

    Args:
        tokens: As the text spells them.
        target: The tokens of a second text that the model takes, such as a translation; None where it takes
            one.
    """

    tokens: tuple[str, ...]
    target: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class TimelineDescription(SampleDescription):
    """When the positions of a series or a recording are, and what its variables are called.

    Args:
        axis: Of the positions.
    """

    axis: Axis

    def uncounted(self, length: int) -> tuple[int, int]:
        """What the values are filled up with at both ends."""
        before, behind = self.axis.filled
        known = length if self.axis.places is None else len(self.axis.places)
        return before, max(behind, length - known)


@dataclass(frozen=True, eq=False)
class GraphDescription(SampleDescription):
    """What the positions of a graph are, those of padding left out, and where they are drawn.

    Args:
        names: Of the nodes, in the order of the positions.
        edges: Pairs of positions, shape (edges, 2), int64, each once.
        layout: Computes x and y of each node from 0 to 1, y downwards, shape (nodes, 2), float64; when it is
            drawn.
        weights: Of each edge, shape (edges,), float32; None where all count alike.
        centers: Positions that the sample is about, the first ones: one node, or both of a pair; empty for a
            whole graph.
        hops: How many edges each node is away from the nearest center, shape (nodes,), int64; None for a
            whole graph.
        directed: Whether an edge leads from its first position to its second alone.
        depth: Hops at which a neighborhood was cut out of its graph; None where nothing was cut.
        features: What the channels of the input are called.
        note: What must be said of the names.
    """

    names: tuple[str, ...]
    edges: npt.NDArray[np.int64]
    layout: Callable[[], npt.NDArray[np.float64]]
    weights: npt.NDArray[np.float32] | None = None
    centers: tuple[int, ...] = ()
    hops: npt.NDArray[np.int64] | None = None
    directed: bool = False
    depth: int | None = None
    features: tuple[str, ...] = ()
    note: str = ""

    def uncounted(self, length: int) -> tuple[int, int]:
        """All nodes but those that the sample is about, where the whole of what a layer sees is seen."""
        return 0, length - self.asked

    def complete(self, hops: int) -> npt.NDArray[np.bool_]:
        """Which nodes have all around them that lies some hops away, shape (nodes,).

        Those near the rim of a neighborhood have not, so that a layer's values there are not those in the
        whole graph.

        Args:
            hops: How far the layer sees.
        """
        if self.hops is None or self.depth is None or self.hops.max(initial=0) < self.depth:
            return np.ones(len(self.names), bool)
        return np.asarray(self.hops <= max(self.depth - hops, 0))

    @cached_property
    def places(self) -> npt.NDArray[np.float64]:
        """Where each node is drawn: x and y from 0 to 1, y downwards, shape (nodes, 2)."""
        return self.layout()

    @property
    def asked(self) -> int:
        """How many nodes, the first ones, the sample is about: its centers, or all nodes of a whole graph."""
        return len(self.centers) or len(self.names)


class Encoded(Protocol):
    """Encoded samples, in memory or decoded on demand."""

    def __len__(self) -> int:
        """The number of samples."""

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """The samples at these positions, stacked: an array, or a pytree of arrays."""


class InputsAsEncoded:
    """A representation whose encoded samples are model inputs as they are."""

    @staticmethod
    def to_inputs(values: T) -> T:
        """The values themselves."""
        return values


class Representation(Protocol[S_contra]):
    """From raw samples to model inputs; fitted on the train split, saved with the run.

    How it is fitted and read is named in `RepresentationSteps`.
    """

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of one model input without the batch axis; None where samples differ in length."""

    @property
    def sizes(self) -> Mapping[str, Any]:
        """What an architecture has to know besides, such as the size of a vocabulary."""

    def encode(self, samples: Any, limit_bytes: int = ..., progress: Progress = ...) -> Encoded:
        """Encodes samples, in memory where they take no more than a limit."""

    def to_inputs(self, values: Any) -> Any:
        """From encoded samples, stacked, to model inputs.

        Where a model takes several inputs, this takes one array apart into them, tensors as well.
        """

    def describe(self, sample: S_contra) -> SampleDescription:
        """What is needed to draw a sample as the model takes it."""

    def example(self, count: int) -> Any:
        """So many model inputs of random content, to try a model with."""

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""


AnyRepresentation = Representation[Any]
"""A representation of samples that are its own business."""


def has_several_inputs(representation: AnyRepresentation) -> bool:
    """Whether its model takes several inputs, into which `to_inputs` takes an array apart."""
    return isinstance(representation.example(1), Mapping | Sequence)


def positions_of(representation: AnyRepresentation) -> Positions | None:
    """Which positions of a layer a sample is about, where the representation tells; else it is about all."""
    found: Positions | None = getattr(representation, "positions", None)
    return found


def inputs_in_words(representation: AnyRepresentation | None) -> str:
    """What an input is besides its shape, in a sentence, where the representation tells; else empty."""
    found: str = getattr(representation, "in_words", "")
    return found
