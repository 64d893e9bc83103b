"""Chooses what computes features: OpenVINO or Keras, bfloat16 or float32, by need and by measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.device import Device, choose_device
from convscope.engine.export import in_float32
from convscope.engine.feature_report import Computed, Engine, EngineReport, engine_name
from convscope.engine.feature_trials import Make, Runner, batch_size_for, closeness, fastest
from convscope.engine.forward import KerasProgram
from convscope.engine.openvino import Converted, cores
from convscope.engine.settings import Precision
from convscope.errors import BackendError
from convscope.scope.differentiate import forward_program
from convscope.scope.pooled import PooledOutputs

Array = npt.NDArray[Any]
Prepare = Callable[[Any], Array]

COMPARED = 32
"""Samples that are compared with Keras, at most."""
LEAST_COSINE: dict[Computed, float] = {"bfloat16": 0.999, "float32": 0.9999}
"""What the features of every compared sample must reach."""
INSTALL = 'pip install "convscope[features]"'
_COMPARED_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Question:
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
    def function(self) -> Callable[[Any], list[Any]]:
        """What a program computes, in the precision of the model."""
        return partial(self.outputs, scaling=self.scaling)

    def in_float32(self) -> Question:
        """The same question to a model that computes in float32."""
        return replace(self, outputs=replace(self.outputs, model=_wide(self.outputs.model)))

    def expected(self) -> list[Array]:
        """What Keras answers in float32 on some of the samples."""
        count = max(1, min(COMPARED, _COMPARED_BYTES // (4 * self.outputs.peak_bytes)))
        wide = self.in_float32().outputs
        program = forward_program(wide.model, wide, compiled=False)
        arrays: list[Array] = program(self.prepare(self.sample[:count]))
        return arrays


class _Programs:
    """Makes programs for a question; OpenVINO converts it once for all of them."""

    def __init__(self, question: Question) -> None:
        self._question, self._wide = question, question.in_float32()
        self._converted: Converted | None = None
        self.inputs = question.brought(question.sample)

    def make(self, engine: Engine, precision: Computed, request_size: int, streams: int) -> Runner:
        if engine == "openvino":
            if self._converted is None:
                self._converted = Converted(self._wide.function, self._wide.outputs.model, self.inputs)
            return self._converted.compile(request_size, streams, precision)
        asked = self._wide if precision == "float32" else self._question
        return KerasProgram(asked.function, asked.outputs.model, request_size, self.inputs)


def choose_runner(question: Question, precision: Precision) -> tuple[Runner, EngineReport]:
    """Finds the fastest way that is close enough to Keras in float32.

    Args:
        question: What is to be computed.
        precision: `bfloat16`, `float32`, or `auto`.

    Returns:
        What computes, and the report.
    """
    device = choose_device()
    steps, reasons = _steps(question, precision, device)
    programs = _Programs(question)
    expected = question.expected()
    inputs = programs.inputs[: len(expected[0])]
    unable = False
    for engine, computed in steps:
        if engine == "openvino" and unable:
            continue
        streams = tuple(dict.fromkeys((cores(), 1))) if engine == "openvino" else (1,)
        try:
            make: Make = partial(programs.make, engine, computed)
            runner, best, rates = fastest(make, programs.inputs, streams, question.outputs.peak_bytes)
            found = next(runner.results(iter([inputs])))
        except Exception as error:  # a converter fails in any way on what it does not know
            if engine == "keras":
                raise
            unable = True
            reasons.append(_why_unable(error))
            continue
        deviation, cosine = closeness(found, expected, question.outputs.paths)
        worst = min(cosine, key=lambda path: cosine[path])
        if (engine, computed) == steps[-1] or cosine[worst] >= LEAST_COSINE[computed]:
            break
        reasons.append(
            f"{engine_name(engine)} in {computed} reaches a cosine of {cosine[worst]:.5f} at {worst}, "
            f"less than {LEAST_COSINE[computed]}"
        )
    report = EngineReport(
        engine,
        computed,
        batch_size_for(best.request_size, best.streams, question.sample, runner.shapes),
        best.request_size,
        best.streams,
        device.name,
        rates,
        deviation,
        cosine,
        len(inputs),
        "; ".join(reasons),
    )
    return runner, report


def settled_runner(question: Question, report: EngineReport) -> Runner:
    """What computes exactly as an earlier report says.

    Raises:
        BackendError: It was OpenVINO, which is missing or cannot convert the model here.
    """
    try:
        return _Programs(question).make(report.engine, report.precision, report.request_size, report.streams)
    except Exception as error:
        if report.engine == "keras":
            raise
        raise BackendError(
            f"These features were begun with OpenVINO, which cannot go on: {_why_unable(error)}.",
            f"Install it: {INSTALL}" if isinstance(error, ImportError) else "Start them anew.",
        ) from error


def _steps(
    question: Question, precision: Precision, device: Device
) -> tuple[list[tuple[Engine, Computed]], list[str]]:
    """What to try, the fastest first and Keras in float32 last, and why something is left out."""
    steps: list[tuple[Engine, Computed]] = []
    reasons: list[str] = []
    own = _precision_of(question.outputs.model)
    has_bfloat16 = device.policy == "mixed_bfloat16"
    if device.accelerator:
        reasons.append(f"Keras computes on the {device.name}")
        if precision == "bfloat16" and own == "float32":
            reasons.append("in the precision of the model")
    else:
        if precision == "bfloat16" and not has_bfloat16:
            reasons.append(device.reason)
        if precision != "float32" and has_bfloat16:
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


def _precision_of(model: keras.Model) -> Computed:
    layers = model._flatten_layers()
    narrow = any(layer.dtype_policy and layer.dtype_policy.compute_dtype == "bfloat16" for layer in layers)
    return "bfloat16" if narrow else "float32"
