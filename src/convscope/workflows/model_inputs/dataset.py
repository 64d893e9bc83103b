"""The samples for a model, by position, with what is known of each and how they become inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.kinds.contract.preprocessing import PixelSteps
from convscope.scope.channels.pooled import as_given
from convscope.types import SPLITS, Positions, Skipped, SplitName
from convscope.workflows.model_inputs.encoded_inputs import EncodedSamples, some_of

UNKNOWN = -1


@dataclass(frozen=True)
class Scaled:
    """From compact inputs to what a model takes, float32.

    Args:
        steps: What is done to their values.
    """

    steps: PixelSteps = field(default_factory=PixelSteps)

    @property
    def scaling(self) -> tuple[float, float] | None:
        """(factor, offset) where each is one number for all channels, else None."""
        factor, offset = self.steps.factor, self.steps.offset
        if isinstance(factor, tuple) or isinstance(offset, tuple) or self.steps.reverse:
            return None
        return factor, offset

    def __call__(self, values: Any) -> npt.NDArray[np.float32]:
        """Scales values of any shape, channels last."""
        values = np.asarray(values)[..., ::-1] if self.steps.reverse else values
        factor = np.asarray(self.steps.factor, np.float32)
        scaled: npt.NDArray[np.float32] = np.multiply(values, factor, dtype=np.float32)
        if np.any(self.steps.offset):
            scaled += np.asarray(self.steps.offset, np.float32)
        return scaled


@dataclass(frozen=True)
class Dataset:
    """Samples for a model, in a fixed order; can be pickled, and then opens its files anew.

    Args:
        inputs: The samples.
        labels: Index into the class names, shape (samples,), int64; -1 where a label is not known.
        class_names: Sorted; empty where there are no labels.
        splits: Index into `SPLITS`, shape (samples,), int8; -1 where there are no splits.
        prepare: From compact inputs to what the model takes, float32.
        scaling: (factor, offset) where `prepare(x)` is `x * factor + offset`, else None.
        fingerprint: SHA-256 (hex) over names and contents.
        layout: What was recognized, one line.
        notes: What was decided or should be known, one line each.
        skipped: What was left out.
        padded: Whether samples are token ids of which 0 is padding.
        unpack: From a batch of samples to the inputs of a model that has several.
        at_once: How many samples are best computed together, where they are several arrays of varying sizes;
            None where they are one array of one shape.
        positions: Which positions of layers a sample is about; None for all.
        firsts: Where the inputs of each sample begin, and behind the last where they end, shape
            (samples + 1,), where a sample has several; None where each has one.
    """

    inputs: EncodedSamples = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)
    class_names: tuple[str, ...]
    splits: npt.NDArray[np.int8] = field(repr=False)
    prepare: Callable[[Any], npt.NDArray[np.float32]]
    scaling: tuple[float, float] | None
    fingerprint: str
    layout: str
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    padded: bool = False
    unpack: Callable[[Any], Any] = as_given
    at_once: int | None = None
    positions: Positions | None = None
    firsts: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.inputs) if self.firsts is None else len(self.firsts) - 1

    def inputs_of(self, start: int, stop: int) -> tuple[int, int]:
        """The first input of consecutive samples, and the one behind their last."""
        return (start, stop) if self.firsts is None else (int(self.firsts[start]), int(self.firsts[stop]))

    def shown(self, index: int) -> int:
        """The input by which a sample is drawn: that in the middle of several."""
        first, behind = self.inputs_of(index, index + 1)
        return (first + behind - 1) // 2

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """Compact inputs, stacked: uint8 or float32; or a list of mappings, as `EncodedInputs.take` does.

        Raises:
            DataError: A file has changed or gone since it was found.
        """
        return self.inputs.take(indices)

    def model_inputs(self, indices: npt.NDArray[np.int64]) -> Any:
        """Samples as the model takes them.

        Raises:
            DataError: A file has changed or gone since it was found.
        """
        return self.unpack(self.prepare(self.take(indices)))

    def example(self) -> Any:
        """One sample as the model takes it, with a batch axis.

        Raises:
            DataError: A file has changed or gone since it was found.
        """
        first = np.zeros(1, np.int64)
        return self.take(first)[0] if self.at_once else self.model_inputs(first)

    def name(self, index: int) -> str:
        """The file (or `file#row`) of a sample."""
        return self.inputs.name(self.inputs_of(index, index + 1)[0])

    def label(self, index: int) -> str | None:
        """The class name of a sample."""
        number = int(self.labels[index])
        return None if number == UNKNOWN else self.class_names[number]

    def split(self, index: int) -> SplitName | None:
        """The split of a sample."""
        number = int(self.splits[index])
        return None if number == UNKNOWN else SPLITS[number]

    def spread(self, count: int) -> Any:
        """At most so many compact samples, evenly from all."""
        return some_of(self.inputs, count)
