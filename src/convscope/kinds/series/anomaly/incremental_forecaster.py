"""What a model of series expects each row to be: for many rows at once, or row by row with a cached past.

A Keras model computes a whole window and takes a fraction of a millisecond to be called at all. A stream
asks for one row at a time: each causal convolution then needs only the new row and the few rows of its past
that its kernel looks at, which it keeps. Both ways compute in float64, so that they agree far below what
float32 would tell apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import RunError

Rows = npt.NDArray[np.float64]

WINDOWS = 1_024
"""Windows that are computed at once."""


class _Step(Protocol):
    """One layer."""

    @property
    def reach(self) -> int:
        """Rows that it looks at."""

    def whole(self, inputs: Sequence[Rows]) -> Rows:
        """From arrays (..., time, channels) to one."""

    def stepper(self) -> Callable[[Sequence[Rows]], Rows] | None:
        """A function from rows (channels,) to one that keeps what it needs; None where it looks ahead."""


@dataclass(frozen=True, eq=False)
class _Convolution:
    """Kernels over time, (taps, channels, filters), with zeros around the rows."""

    kernel: Rows
    bias: Rows
    stride: int
    dilation: int
    causal: bool
    rectified: bool

    @property
    def reach(self) -> int:
        return (len(self.kernel) - 1) * self.dilation + 1

    def whole(self, inputs: Sequence[Rows]) -> Rows:
        rows = inputs[0]
        length = rows.shape[-2]
        made = -(-length // self.stride)
        missing = max((made - 1) * self.stride + self.reach - length, 0)
        before = self.reach - 1 if self.causal else missing // 2
        around = [(0, 0)] * (rows.ndim - 2) + [(before, max(missing - before, 0)), (0, 0)]
        padded = np.pad(rows, around)
        output = np.broadcast_to(self.bias, (*rows.shape[:-2], made, len(self.bias))).copy()
        for tap, weights in enumerate(self.kernel):
            first = tap * self.dilation
            output += padded[..., first : first + (made - 1) * self.stride + 1 : self.stride, :] @ weights
        return np.maximum(output, 0, out=output) if self.rectified else output

    def stepper(self) -> Callable[[Sequence[Rows]], Rows] | None:
        if self.reach > 1 and not self.causal:
            return None
        taps, channels, filters = self.kernel.shape
        weights, bias, rectified = self.kernel.reshape(-1, filters), self.bias, self.rectified
        if taps == 1:
            return lambda rows: _output(rows[0], weights, bias, rectified)
        past = np.zeros((self.reach, channels))
        # Where each tap finds its row, for each place that the newest row may have in the ring.
        places = (np.arange(self.reach)[:, None] - self.dilation * np.arange(taps - 1, -1, -1)) % self.reach
        at = -1

        def step(rows: Sequence[Rows]) -> Rows:
            nonlocal at
            at = (at + 1) % len(past)
            past[at] = rows[0]
            return _output(past[places[at]].ravel(), weights, bias, rectified)

        return step


def _output(seen: Rows, weights: Rows, bias: Rows, rectified: bool) -> Rows:
    output: Rows = seen @ weights + bias
    return np.maximum(output, 0) if rectified else output


@dataclass(frozen=True, eq=False)
class _Padding:
    """Zeros before and behind."""

    before: int
    behind: int

    @property
    def reach(self) -> int:
        return self.before + 1

    def whole(self, inputs: Sequence[Rows]) -> Rows:
        rows = inputs[0]
        return np.pad(rows, [(0, 0)] * (rows.ndim - 2) + [(self.before, self.behind), (0, 0)])

    def stepper(self) -> Callable[[Sequence[Rows]], Rows] | None:
        if self.behind:
            return None
        waiting: list[Rows] = []

        def step(rows: Sequence[Rows]) -> Rows:
            waiting.append(rows[0])
            return waiting.pop(0) if len(waiting) > self.before else np.zeros_like(rows[0])

        return step


@dataclass(frozen=True, eq=False)
class _Cropping:
    """Rows left out at the beginning and at the end; row by row the end never comes."""

    before: int
    behind: int
    reach: int = 1

    def whole(self, inputs: Sequence[Rows]) -> Rows:
        return inputs[0][..., self.before : inputs[0].shape[-2] - self.behind, :]

    def stepper(self) -> Callable[[Sequence[Rows]], Rows] | None:
        return None if self.before else lambda rows: rows[0]


@dataclass(frozen=True, eq=False)
class _PerRow:
    """What is computed for each row alone."""

    function: Callable[[Sequence[Rows]], Rows]
    reach: int = 1

    def whole(self, inputs: Sequence[Rows]) -> Rows:
        return self.function(inputs)

    def stepper(self) -> Callable[[Sequence[Rows]], Rows] | None:
        return self.function


@dataclass(frozen=True, eq=False)
class _Repeating:
    """Each row several times, as Keras upsamples."""

    times: int
    reach: int = 1

    def whole(self, inputs: Sequence[Rows]) -> Rows:
        return np.repeat(inputs[0], self.times, axis=-2)

    def stepper(self) -> Callable[[Sequence[Rows]], Rows] | None:
        return None


@dataclass(frozen=True, eq=False)
class _Node:
    name: str
    step: _Step
    inputs: tuple[str, ...]


class IncrementalForecaster:
    """A model from windows of rows to expected rows, applied to every row of a series or a stream.

    Before the first row there is nothing but zeros, which is what is usual, as the rows are scaled. A model
    that looks ahead within its window, such as an auto-encoder, is applied to the window that ends with the
    row.

    Args:
        model: As `models.anomaly` makes them.

    Raises:
        RunError: The model has a layer that there is no arithmetic for.
    """

    def __init__(self, model: keras.Model) -> None:
        self._program = RowProgram(model)
        self.window = self._program.window
        self.variables = self._program.variables
        self._causal = self._program.causal
        self.reach = self._program.reach if self._causal else self.window
        """Rows that an expectation depends on, the row itself included."""

    def whole(self, rows: Rows) -> Rows:
        """The expected rows of a series.

        Args:
            rows: Scaled, none missing, shape (rows, variables), float64.

        Returns:
            Of the same shape; the first `reach` rows are expected from less than a whole past.
        """
        before = np.concatenate([np.zeros((self.reach, self.variables)), rows])
        if self._causal:
            return self._program.whole(before)[self.reach :]
        windows = np.lib.stride_tricks.sliding_window_view(before[1:], self.window, axis=0)
        found = np.empty_like(rows, dtype=np.float64)
        for start in range(0, len(rows), WINDOWS):
            some = windows[start : start + WINDOWS].swapaxes(1, 2)
            found[start : start + WINDOWS] = self._program.whole(some)[:, -1]
        return found

    def stepper(self) -> Callable[[Rows], Rows]:
        """A function from the next row of a stream, (variables,), to what was expected."""
        if not self._causal:
            return self._windowed()
        step = self._program.stepper()
        for _ in range(self.reach):
            step(np.zeros(self.variables))
        return step

    def _windowed(self) -> Callable[[Rows], Rows]:
        past: deque[Rows] = deque([np.zeros(self.variables)] * self.window, self.window)

        def step(row: Rows) -> Rows:
            past.append(row)
            expected: Rows = self._program.whole(np.stack(past))[-1]
            return expected

        return step


class RowProgram:
    """The arithmetic of a functional model from (batch, time, variables) to the same.

    Args:
        model: Made of 1-D convolutions, paddings, croppings, upsampling, sums and rectifiers.

    Raises:
        RunError: It has a layer that there is no arithmetic for.
    """

    def __init__(self, model: keras.Model) -> None:
        (entry,) = model.inputs
        self._names = {id(entry): "inputs"}
        self._nodes: list[_Node] = []
        for layer in model.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            sources = layer.input if isinstance(layer.input, (list, tuple)) else [layer.input]
            self._nodes.append(_Node(layer.name, _step_of(layer), tuple(self._names[id(s)] for s in sources)))
            self._names[id(layer.output)] = layer.name
        self._last = self._names[id(model.outputs[0])]
        self.window, self.variables = int(entry.shape[1]), int(entry.shape[2])

    @property
    def reach(self) -> int:
        """Rows that an output depends on, itself included."""
        reaches: dict[str, int] = {"inputs": 1}
        for node in self._nodes:
            reaches[node.name] = max(reaches[name] for name in node.inputs) + node.step.reach - 1
        return reaches[self._last]

    @property
    def causal(self) -> bool:
        """Whether it can be computed row by row."""
        return all(node.step.stepper() is not None for node in self._nodes)

    def whole(self, rows: npt.NDArray[Any]) -> Rows:
        """The outputs for many rows.

        Args:
            rows: Shape (..., time, variables).
        """
        values: dict[str, Rows] = {"inputs": np.asarray(rows, np.float64)}
        for node in self._nodes:
            values[node.name] = node.step.whole([values[name] for name in node.inputs])
        return values[self._last]

    def stepper(self) -> Callable[[Rows], Rows]:
        """A function from a row (variables,) to its output, which keeps the past that it needs.

        Raises:
            RunError: The model looks ahead.
        """
        steps = []
        for node in self._nodes:
            made = node.step.stepper()
            if made is None:
                raise RunError(f"The layer '{node.name}' looks ahead and cannot be computed row by row.")
            steps.append((node.name, made, node.inputs))

        def step(row: Rows) -> Rows:
            values: dict[str, Rows] = {"inputs": row}
            for name, made, inputs in steps:
                values[name] = made([values[each] for each in inputs])
            return values[self._last]

        return step


def _convolution(layer: keras.layers.Conv1D) -> _Step:
    kernel, *bias = (np.asarray(weights, np.float64) for weights in layer.get_weights())
    activation = layer.activation.__name__
    shorter = layer.padding == "valid" and len(kernel) > 1
    if activation not in ("linear", "relu") or shorter or layer.groups != 1:
        raise RunError(f"There is no arithmetic by rows for the convolution '{layer.name}'.")
    return _Convolution(
        kernel,
        bias[0] if bias else np.zeros(kernel.shape[-1]),
        layer.strides[0],
        layer.dilation_rate[0],
        layer.padding == "causal",
        activation == "relu",
    )


_STEPS: Mapping[str, Callable[[Any], _Step]] = {
    "Conv1D": _convolution,
    "ZeroPadding1D": lambda layer: _Padding(*layer.padding),
    "Cropping1D": lambda layer: _Cropping(*layer.cropping),
    "UpSampling1D": lambda layer: _Repeating(layer.size),
    "ReLU": lambda layer: _PerRow(lambda inputs: np.maximum(inputs[0], 0)),
    "Add": lambda layer: _PerRow(lambda inputs: inputs[0] + inputs[1]),
}


def _step_of(layer: keras.layers.Layer) -> _Step:
    made = _STEPS.get(type(layer).__name__)
    if made is None:
        raise RunError(f"There is no arithmetic by rows for the layer '{layer.name}'.")
    return made(layer)
