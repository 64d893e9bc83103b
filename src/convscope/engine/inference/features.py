"""What layers put out for many samples, as fast as the machine can: the engine, and how it is chosen.

On a processor the part of the model that the layers need is compiled with OpenVINO, pooling and scaling
included; on a GPU, or where a model cannot be converted, Keras computes. Whatever computes is compared with
Keras in float32 on a few samples first, and steps back to a higher precision where it is too far from it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.device import choose_device
from convscope.engine.inference.feature_choice import (
    FeatureComputation,
    Prepare,
    choose_runner,
    in_float32_if_narrow,
    settled_runner,
)
from convscope.engine.inference.feature_report import EngineReport
from convscope.engine.inference.feature_trials import Runner
from convscope.engine.training.batches import Prefetched
from convscope.engine.training.settings import PRECISIONS, Precision
from convscope.errors import DataError, UsageError
from convscope.scope.channels.pooled import PooledOutputs, as_given, pooled_outputs
from convscope.scope.differentiate import forward_program
from convscope.types import Array, Pool, Positions, Say, Tensor, silent

Floats = npt.NDArray[np.float32]

_AHEAD = 2


@dataclass(frozen=True)
class Column:
    """The features of one layer.

    Args:
        layer: Its path, as `scope.trace` names it.
        shape: Of one sample's features, after pooling.
    """

    layer: str
    shape: tuple[int, ...]


class FeatureEngine:
    """Computes the features of batch after batch.

    Args:
        outputs: What is computed.
        runner: What computes it.
        report: How it was chosen.
        brought: From a batch as it is given to what the runner takes; raises a `DataError` for one that is
            not of the shape that the engine was made for.
    """

    def __init__(
        self,
        outputs: PooledOutputs,
        runner: Runner,
        report: EngineReport,
        brought: Callable[[Any], Any] = as_given,
    ) -> None:
        self._outputs, self._runner, self._brought = outputs, runner, brought
        self.report = report
        shapes = [tuple(int(length) for length in shape) for shape in runner.shapes]
        self.columns = tuple(map(Column, outputs.paths, shapes))
        self.classes: int | None = shapes[-1][0] if outputs.predictions else None

    def run(self, batches: Iterator[Any]) -> Iterator[tuple[dict[str, Floats], Floats | None]]:
        """Computes batches in order, while the next ones are read in a thread.

        Batches of `report.batch_size` keep the machine busiest. The numbers depend on how samples are
        grouped into batches (in the last digits), never on timing.

        Args:
            batches: Compact inputs, each of shape (samples, ...), of any length; or of samples of several
                arrays, sequences of mappings of them.

        Yields:
            For each batch the features by layer, each of shape (samples, ...), and the predictions of shape
            (samples, classes); None where there are none. All float32.

        Raises:
            DataError: A batch is not of the shape that the engine was made for.
        """
        outputs = self._outputs
        ahead = Prefetched(map(self._brought, batches), _AHEAD)
        results = self._runner.results(ahead)
        ready = Prefetched(results, _AHEAD)
        try:
            for arrays in ready:
                features = dict(zip(outputs.paths, arrays, strict=False))
                yield features, arrays[-1] if outputs.predictions else None
        finally:
            ahead.close()
            ready.close()
            results.close()


def _checked(computation: FeatureComputation, batch: Array) -> Array:
    expected = computation.sample
    if batch.shape[1:] != expected.shape[1:] or batch.dtype != expected.dtype:
        raise DataError(
            f"Expected {expected.dtype} samples of shape {expected.shape[1:]}. "
            f"Received: {batch.dtype} of shape {batch.shape[1:]}."
        )
    return computation.brought(batch)


def feature_engine(
    model: keras.Model,
    layers: Sequence[str],
    pool: Pool,
    sample: Array,
    *,
    prepare: Prepare,
    scaling: tuple[float, float] | None = None,
    precision: Precision = "auto",
    predictions: bool = True,
    padded: bool = False,
    unpack: Callable[[Tensor], Tensor] = as_given,
    settled: EngineReport | None = None,
    count: int | None = None,
    say: Say = silent,
) -> FeatureEngine:
    """Chooses what computes the features of these layers, and in which precision and sizes.

    Args:
        model: Any built Keras model with one input, or with several that `unpack` makes.
        layers: Paths, unique names or patterns such as `block*/conv*`; the first output of each counts.
        pool: `mean` or `max` over positions, `flatten`, or `none` for whole maps.
        sample: Some compact inputs, uint8 or float32, shape (n, ...), n at least 1.
        prepare: From compact inputs to what the model takes.
        scaling: Factor and offset, if `prepare(x)` is `x * factor + offset`; then it is computed by the
            compiled program.
        precision: `bfloat16`, `float32`, or `auto`: bfloat16 where the device computes in it.
        predictions: Whether the model's first output is given too, where it has shape (batch, classes).
        padded: Whether samples are ids of which 0 is padding, which no mean or maximum counts.
        unpack: From a batch of samples to the inputs of a model that has several.
        settled: The report of an earlier engine for the same samples; nothing is measured or compared again.
        count: Samples that will be computed, where that is known; for few of them nothing is measured.
        say: Called with what was chosen.

    Raises:
        UsageError: A layer that the model does not have or that puts out no tensor, a model with several
            inputs, no sample, or an unknown pool or precision.
        BackendError: The settled engine needs OpenVINO, which is not installed.
    """
    _check(precision, sample)
    outputs = pooled_outputs(
        model, layers, pool, prepare(sample[:1]), predictions=predictions, padded=padded, unpack=unpack
    )
    computation = FeatureComputation(outputs, sample, prepare, scaling)
    if settled is not None:
        runner, report = settled_runner(computation, settled), settled
    else:
        runner, report = choose_runner(computation, precision, count)
        say(str(report))
    return FeatureEngine(outputs, runner, report, partial(_checked, computation))


def mapped_feature_engine(
    model: keras.Model,
    layers: Sequence[str],
    pool: Pool,
    sample: Mapping[str, Array],
    *,
    positions: Positions | None,
    at_once: int,
    predictions: bool = True,
    settled: EngineReport | None = None,
    say: Say = silent,
) -> FeatureEngine:
    """What computes features of samples that are several arrays of varying sizes: Keras, in float32.

    Args:
        model: Any built Keras model that takes inputs by name.
        layers: Paths, unique names or patterns; the first output of each counts.
        pool: `mean` or `max` over positions, where a sample is about all of them.
        sample: The inputs of one sample by name, each with a batch axis.
        positions: Which positions of layers a sample is about.
        at_once: Samples that are computed at a time.
        predictions: Whether the model's first output is given too, where it is one of classes.
        settled: The report of an earlier engine for the same samples.
        say: Called with what was chosen.

    Raises:
        UsageError: A layer that the model does not have or that has no values for each sample, or a pool that
            gives rows of differing lengths.
    """
    wide = in_float32_if_narrow(model)
    outputs = pooled_outputs(wide, layers, pool, sample, predictions=predictions, positions=positions)
    runner = MappedRunner(outputs, sample)
    report = settled
    if report is None:
        why = "samples are several arrays of varying sizes"
        report = EngineReport("keras", "float32", at_once, 1, 1, choose_device().name, reason=why)
        say(f"Keras in float32, up to {at_once} samples at a time; {why}")
    return FeatureEngine(outputs, runner, report)


class MappedRunner:
    """Computes samples of several arrays with Keras; what is compiled is kept for each set of sizes.

    Args:
        outputs: What is computed.
        sample: The inputs of one sample by name.
    """

    request_size = 1

    def __init__(self, outputs: PooledOutputs, sample: Mapping[str, Array]) -> None:
        names = list(sample)

        def compute(*tensors: Tensor) -> list[Tensor]:
            return outputs(dict(zip(names, tensors, strict=True)))

        program = forward_program(outputs.model, compute)
        self._names, self._program = names, program
        self.shapes = tuple(tuple(array.shape[1:]) for array in self._computed(sample))

    def results(self, batches: Iterator[Any]) -> Generator[list[Floats], None, None]:
        """The outputs of each batch, in order, each of shape (samples of the batch, ...).

        Args:
            batches: Each of one mapping of inputs or several, whose samples follow one another.
        """
        for batch in batches:
            parts = [self._computed(each) for each in batch]
            yield [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _computed(self, inputs: Mapping[str, Array]) -> list[Floats]:
        found: list[Floats] = self._program(*(inputs[name] for name in self._names))
        return found


def _check(precision: Precision, sample: Array) -> None:
    if precision not in PRECISIONS:
        raise UsageError(f"Unknown precision '{precision}'.", f"Use one of {', '.join(PRECISIONS)}.")
    if not len(sample):
        raise UsageError("feature_engine needs at least one sample to choose by. Received: none.")
