"""Chooses what computes features: OpenVINO or Keras, bfloat16 or float32, by need and by measurement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.device import Device, TensorFunction, choose_device, cores
from convscope.engine.export import in_float32
from convscope.engine.inference.feature_report import Computed, Engine, EngineReport, Rate, engine_name
from convscope.engine.inference.feature_trials import (
    CLEARLY,
    FEW,
    FIRST_SIZE,
    SECONDS,
    Make,
    Runner,
    batch_size_for,
    closeness,
    cycled,
    fastest,
    likeliest,
    rates_of,
)
from convscope.engine.inference.openvino import Converted
from convscope.engine.inference.openvino_winograd import Tiles
from convscope.engine.training.settings import Precision
from convscope.errors import BackendError
from convscope.scope.channels.pooled import PooledOutputs
from convscope.scope.differentiate import forward_program
from convscope.scope.layer_spec import has_trait
from convscope.types import Array, ArrayTree

Floats = npt.NDArray[np.float32]
Prepare = Callable[[ArrayTree], Array]

COMPARED = 32
"""Samples that are compared with Keras, at most."""
LEAST_COSINE: dict[Computed, float] = {"bfloat16": 0.999, "float32": 0.9999}
"""What the features of every compared sample must reach."""
LEAST_COSINE_OF_TILES: dict[Computed, float] = {"bfloat16": 0.9995, "float32": 0.999999}
"""The same for convolutions with tiles: whoever asks for float32 is to get its numbers."""
LONG = 30.0
"""Seconds of computing from which it is worth measuring each convolution."""
INSTALL = 'pip install "convscope[features]"'
_COMPARED_BYTES = 256 * 2**20
_TILED_SIZE = 8


@dataclass(frozen=True, eq=False)
class FeatureComputation:
    """What is to be computed.

    Args:
        outputs: The layers of the model.
        sample: Compact inputs, shape (n, ...).
        prepare: From compact inputs to what the model takes.
        scaling: Factor and offset that do the same inside the program; None if it is not that simple.
    """

    outputs: PooledOutputs
    sample: Array
    prepare: Prepare
    scaling: tuple[float, float] | None

    @property
    def brought(self) -> Prepare:
        """From compact inputs to what a program takes."""
        return self.prepare if self.scaling is None else np.asarray

    @property
    def function(self) -> TensorFunction:
        """What a program computes, in the precision of the model."""
        return partial(self.outputs, scaling=self.scaling)

    def in_float32(self) -> FeatureComputation:
        """The same computation to a model that computes in float32."""
        return replace(self, outputs=replace(self.outputs, model=_wide(self.outputs.model)))

    def expected(self) -> list[Array]:
        """The outputs of Keras in float32 on some of the samples."""
        count = max(1, min(COMPARED, _COMPARED_BYTES // (4 * self.outputs.peak_bytes)))
        wide = self.in_float32().outputs
        program = forward_program(wide.model, wide, compiled=False)
        arrays: list[Array] = program(self.prepare(self.sample[:count]))
        return arrays


class KerasProgram:
    """A program for requests of one size, one at a time.

    Args:
        function: From one tensor to a list of tensors.
        model: The Keras model that it calls.
        request_size: Samples per request.
        example: An input of the function, shape (n, ...).
    """

    def __init__(
        self, function: TensorFunction, model: keras.Model, request_size: int, example: Array
    ) -> None:
        self.request_size = request_size
        self._compute = forward_program(model, function)
        self._one_at_a_time = threading.Lock()  # the layers are watched while they compute
        self.shapes = tuple(tuple(array.shape[1:]) for array in self._request(example[:1]))

    def results(self, batches: Iterator[Array]) -> Generator[list[Floats], None, None]:
        """The outputs of each batch, in order, each shape (samples of the batch, ...).

        Args:
            batches: Inputs of any length; the last request of each is filled up.
        """
        for batch in batches:
            outputs = [np.empty((len(batch), *shape), np.float32) for shape in self.shapes]
            for start in range(0, len(batch), self.request_size):
                part = batch[start : start + self.request_size]
                for whole, array in zip(outputs, self._request(part), strict=True):
                    whole[start : start + len(part)] = array[: len(part)]
            yield outputs

    def _request(self, part: Array) -> list[Array]:
        missing = self.request_size - len(part)
        if missing:
            part = np.concatenate([part, np.repeat(part[:1], missing, axis=0)])
        with self._one_at_a_time:
            arrays: list[Array] = self._compute(part)
        return arrays


class _Programs:
    """Makes programs for a computation; OpenVINO converts it once for all of them."""

    def __init__(self, computation: FeatureComputation) -> None:
        self._computation, self._wide = computation, computation.in_float32()
        self._converted: Converted | None = None
        self.inputs = computation.brought(computation.sample)

    @property
    def converted(self) -> Converted:
        if self._converted is None:
            self._converted = Converted(self._wide.function, self._wide.outputs.model, self.inputs)
        return self._converted

    def make(
        self, engine: Engine, precision: Computed, request_size: int, streams: int, tiles: Tiles = ()
    ) -> Runner:
        if engine == "openvino":
            return self.converted.compile(request_size, streams, precision, tiles)
        wanted = self._wide if precision == "float32" else self._computation
        return KerasProgram(wanted.function, wanted.outputs.model, request_size, self.inputs)


@dataclass(frozen=True, eq=False)
class _Trial:
    """What was tried, how fast it is, and how close."""

    engine: Engine
    precision: Computed
    runner: Runner
    best: Rate
    rates: tuple[Rate, ...]
    deviation: dict[str, float]
    cosine: dict[str, float]
    tiles: Tiles = ()

    @property
    def worst(self) -> str:
        return min(self.cosine, key=lambda path: self.cosine[path])


class _Trials:
    """Tries programs for a computation and compares them with Keras."""

    def __init__(self, computation: FeatureComputation, count: int | None) -> None:
        self._computation, self._programs, self._count = computation, _Programs(computation), count
        self._expected = computation.expected()
        self._inputs = self._programs.inputs[: len(self._expected[0])]
        self.compared = len(self._inputs)

    def of(self, engine: Engine, precision: Computed) -> _Trial:
        streams = tuple(dict.fromkeys((cores(), 1))) if engine == "openvino" else (1,)
        return self._of(engine, precision, streams, SECONDS, FIRST_SIZE)

    def with_tiles(self, plain: _Trial) -> _Trial:
        """The faster of a trial of OpenVINO and of the same with tiles for convolutions."""
        size, streams = min(plain.best.request_size, _TILED_SIZE), cores()
        tiles = self._programs.converted.fastest_tiles(size, streams, plain.precision, SECONDS)
        if not tiles:
            return plain
        tiled = self._of("openvino", plain.precision, (streams,), SECONDS / 2, size, tiles)
        both = (plain, tiled)
        requests = [cycled(self._programs.inputs, trial.best.request_size) for trial in both]
        before, now = rates_of([trial.runner for trial in both], requests, max(plain.best.streams, streams))
        close = tiled.cosine[tiled.worst] >= LEAST_COSINE_OF_TILES[plain.precision]
        return tiled if close and now > CLEARLY * before else plain

    def _of(
        self,
        engine: Engine,
        precision: Computed,
        streams: Sequence[int],
        seconds: float,
        first_size: int,
        tiles: Tiles = (),
    ) -> _Trial:
        programs, outputs = self._programs, self._computation.outputs
        make: Make = partial(programs.make, engine, precision, tiles=tiles)
        rates: tuple[Rate, ...] = ()
        if self._count is not None and self._count <= FEW:
            best = likeliest(streams, outputs.peak_bytes, self._count)
            runner = make(best.request_size, best.streams)
        else:
            runner, best, rates = fastest(
                make, programs.inputs, streams, outputs.peak_bytes, seconds, first_size
            )
        found = next(runner.results(iter([self._inputs])))
        return _Trial(
            engine, precision, runner, best, rates, *closeness(found, self._expected, outputs.paths), tiles
        )


def choose_runner(
    computation: FeatureComputation, precision: Precision, count: int | None = None
) -> tuple[Runner, EngineReport]:
    """Finds the fastest way that is close enough to Keras in float32.

    Args:
        computation: What is to be computed.
        precision: `bfloat16`, `float32`, or `auto`.
        count: Samples that will be computed, where that is known; for few of them nothing is measured.

    Returns:
        What computes, and the report.
    """
    device = choose_device()
    steps, reasons = _steps(computation, precision, device)
    trials = _Trials(computation, count)
    trial = _first_close(trials, steps, reasons)
    many = count is None or count > LONG * trial.best.samples_per_second
    if many and trial.engine == "openvino":
        try:
            trial = trials.with_tiles(trial)
        except Exception as error:  # noqa: BLE001 - what only makes it faster never stops it
            reasons.append(f"convolutions are plain sums: {error}")
    best = trial.best
    report = EngineReport(
        trial.engine,
        trial.precision,
        batch_size_for(best.request_size, best.streams, computation.sample, trial.runner.shapes),
        best.request_size,
        best.streams,
        device.name,
        trial.rates,
        trial.deviation,
        trial.cosine,
        trials.compared,
        "; ".join(reasons),
        trial.tiles,
    )
    return trial.runner, report


def _first_close(trials: _Trials, steps: Sequence[tuple[Engine, Computed]], reasons: list[str]) -> _Trial:
    """The first of these that works and is close enough, or else the last; notes why others are not."""
    unable = False
    for engine, computed in steps[:-1]:
        if engine == "openvino" and unable:
            continue
        try:
            trial = trials.of(engine, computed)
        except Exception as error:  # a converter fails in any way on what it does not know
            if engine == "keras":
                raise
            unable = True
            reasons.append(_why_unable(error))
            continue
        least = trial.cosine[trial.worst]
        if least >= LEAST_COSINE[computed]:
            return trial
        reasons.append(
            f"{engine_name(engine)} in {computed} reaches a cosine of {least:.5f} at {trial.worst}, "
            f"less than {LEAST_COSINE[computed]}"
        )
    return trials.of(*steps[-1])


def settled_runner(computation: FeatureComputation, report: EngineReport) -> Runner:
    """What computes exactly as an earlier report says.

    Raises:
        BackendError: It was OpenVINO, which is missing or cannot convert the model here.
    """
    try:
        sizes = (report.request_size, report.streams)
        return _Programs(computation).make(report.engine, report.precision, *sizes, report.tiles)
    except Exception as error:
        if report.engine == "keras":
            raise
        raise BackendError(
            f"These features were computed with OpenVINO, which is not available: {_why_unable(error)}.",
            f"Install it: {INSTALL}" if isinstance(error, ImportError) else "Extract them again.",
        ) from error


def _steps(
    computation: FeatureComputation, precision: Precision, device: Device
) -> tuple[list[tuple[Engine, Computed]], list[str]]:
    """What to try, the fastest first and Keras in float32 last, and why something is left out."""
    steps: list[tuple[Engine, Computed]] = []
    reasons: list[str] = []
    own = _precision_of(computation.outputs.model)
    has_bfloat16 = device.policy == "mixed_bfloat16"
    if device.accelerator:
        reasons.append(f"Keras computes on the {device.name}")
        if precision == "bfloat16" and own == "float32":
            reasons.append("in the precision of the model")
    else:
        if precision == "bfloat16" and not has_bfloat16:
            reasons.append(device.reason)
        exact = next(
            (each.name for each in computation.outputs.model._flatten_layers() if has_trait(each, "exact")),
            "",
        )
        if precision != "float32" and has_bfloat16 and exact:
            reasons.append(f"'{exact}' compares numbers in float32")
        elif precision != "float32" and has_bfloat16:
            steps.append(("openvino", "bfloat16"))
        steps.append(("openvino", "float32"))
    if own == "bfloat16" and precision != "float32":
        steps.append(("keras", "bfloat16"))
    return [*steps, ("keras", "float32")], reasons


def _why_unable(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"OpenVINO is not installed ({INSTALL})"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    telling = next((line for line in lines if "No conversion rule" in line), lines[0])
    return f"OpenVINO cannot convert the model: {telling.lstrip('- ')}"


def _wide(model: keras.Model) -> keras.Model:
    """The model in float32; itself where it cannot be rebuilt from its configuration."""
    try:
        return in_float32(model)
    except Exception:  # noqa: BLE001 - a user's own class may not say how it is configured
        return model


def in_float32_if_narrow(model: keras.Model) -> keras.Model:
    """The model, or the same in float32 where it computes in bfloat16."""
    return _wide(model) if _precision_of(model) == "bfloat16" else model


def _precision_of(model: keras.Model) -> Computed:
    layers = model._flatten_layers()
    narrow = any(layer.dtype_policy and layer.dtype_policy.compute_dtype == "bfloat16" for layer in layers)
    return "bfloat16" if narrow else "float32"
