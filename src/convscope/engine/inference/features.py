"""What layers put out for many samples, as fast as the machine can: the engine, and how it is chosen.

On a processor the part of the model that the layers need is compiled with OpenVINO, pooling and scaling
included; on a GPU, or where a model cannot be converted, Keras computes. Whatever computes is compared with
Keras in float32 on a few samples first, and steps back to a higher precision where it is too far from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.inference.feature_choice import (
    FeatureComputation,
    Prepare,
    choose_runner,
    settled_runner,
)
from convscope.engine.inference.feature_report import EngineReport
from convscope.engine.inference.feature_trials import Runner
from convscope.engine.training.batches import Prefetched
from convscope.engine.training.settings import PRECISIONS, Precision
from convscope.errors import DataError, UsageError
from convscope.scope.channels.pooled import as_given, pooled_outputs
from convscope.types import Array, Pool, Say, Tensor, silent

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
        computation: What is computed.
        runner: What computes it.
        report: How it was chosen.
    """

    def __init__(self, computation: FeatureComputation, runner: Runner, report: EngineReport) -> None:
        self._computation, self._runner = computation, runner
        self.report = report
        shapes = [tuple(int(length) for length in shape) for shape in runner.shapes]
        self.columns = tuple(map(Column, computation.outputs.paths, shapes))
        self.classes: int | None = shapes[-1][0] if computation.outputs.predictions else None

    def run(self, batches: Iterator[Array]) -> Iterator[tuple[dict[str, Floats], Floats | None]]:
        """Computes batches in order, while the next ones are read in a thread.

        Batches of `report.batch_size` keep the machine busiest. The numbers depend on how samples are
        grouped into batches (in the last digits), never on timing.

        Args:
            batches: Compact inputs, each of shape (samples, ...), of any length.

        Yields:
            For each batch the features by layer, each of shape (samples, ...), and the predictions of shape
            (samples, classes); None where there are none. All float32.

        Raises:
            DataError: A batch is not of the shape that the engine was made for.
        """
        outputs = self._computation.outputs
        ahead = Prefetched(map(self._prepared, batches), _AHEAD)
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

    def _prepared(self, batch: Array) -> Array:
        expected = self._computation.sample
        if batch.shape[1:] != expected.shape[1:] or batch.dtype != expected.dtype:
            raise DataError(
                f"Expected {expected.dtype} samples of shape {expected.shape[1:]}. "
                f"Received: {batch.dtype} of shape {batch.shape[1:]}."
            )
        return self._computation.brought(batch)


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
        count: Samples that will be computed, where that is known; for few of them less is measured.
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
    return FeatureEngine(computation, runner, report)


def _check(precision: Precision, sample: Array) -> None:
    if precision not in PRECISIONS:
        raise UsageError(f"Unknown precision '{precision}'.", f"Use one of {', '.join(PRECISIONS)}.")
    if not len(sample):
        raise UsageError("feature_engine needs at least one sample to choose by. Received: none.")
