"""Computes a function of tensors with OpenVINO on the processor: several requests at a time, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.device import TensorFunction, backend_file, cores
from convscope.engine.export import muted
from convscope.engine.inference.feature_trials import rates_of
from convscope.engine.inference.openvino_module import NAMED, load_openvino, openvino_core
from convscope.engine.inference.openvino_winograd import Tiles, fastest_tiles, with_tiles
from convscope.types import Array

if TYPE_CHECKING:
    import openvino
    from openvino.frontend.pytorch.ts_decoder import NodeContext

Floats = npt.NDArray[np.float32]

_HINTS = {"bfloat16": "bf16", "float32": "f32"}
_ROUNDS = 4


class Converted:
    """A function in OpenVINO's form, to be compiled for one request size after another.

    Args:
        function: From one tensor to a list of tensors.
        model: The Keras model that it calls.
        example: An input of the function, shape (n, ...), of the type that `run` will get.

    Raises:
        ImportError: OpenVINO is not installed.
        Exception: Whatever OpenVINO raises for a model that it cannot convert.
    """

    def __init__(self, function: TensorFunction, model: keras.Model, example: Array) -> None:
        library = load_openvino()
        with muted():
            taken = backend_file().convertible(function, model, example)
            graph = library.convert_model(**taken, **_extensions(), verbose=False)
        results = graph.get_results()
        if all(result.get_friendly_name().startswith(NAMED) for result in results):
            results = sorted(results, key=lambda result: str(result.get_friendly_name()))
        self._graph = library.Model(results, graph.get_parameters(), "features")
        self._shape = example.shape[1:]

    def compile(self, request_size: int, streams: int, precision: str, tiles: Tiles = ()) -> Compiled:
        """Makes a program for requests of one size.

        Args:
            request_size: Samples per request.
            streams: Requests computed at the same time, each on its share of the cores.
            precision: `bfloat16` or `float32`.
            tiles: Of each convolution, where some are computed with tiles.
        """
        graph = self._of_size(request_size)
        return Compiled.of(with_tiles(graph, tiles) if tiles else graph, streams, precision)

    def fastest_tiles(self, request_size: int, streams: int, precision: str, seconds: float) -> Tiles:
        """Finds by measurement which convolutions are faster with tiles.

        Args:
            request_size: Samples per request.
            streams: Requests computed at the same time.
            precision: `bfloat16` or `float32`.
            seconds: How long it may take; what has begun is finished.

        Returns:
            The tile of each convolution; empty where none is faster.
        """

        def race(graphs: Sequence[openvino.Model]) -> list[float]:
            sample = np.random.default_rng(0).standard_normal(graphs[0].inputs[0].shape, np.float32)
            programs = [Compiled.of(graph, streams, precision) for graph in graphs]
            return rates_of(programs, [sample] * len(programs), streams, _ROUNDS)

        tiles = fastest_tiles(self._of_size(request_size), race, seconds)
        return tiles if any(tiles) else ()

    def _of_size(self, request_size: int) -> openvino.Model:
        graph = self._graph.clone()
        graph.reshape({graph.inputs[0]: [request_size, *self._shape]})
        return graph


class Compiled:
    """A program for requests of one size.

    Args:
        program: OpenVINO's compiled model.
        request_size: Samples per request.
        streams: Requests computed at the same time; as many more wait, so that none of them idles.
    """

    def __init__(self, program: openvino.CompiledModel, request_size: int, streams: int) -> None:
        self.request_size = request_size
        self._program, self._streams = program, streams
        self._idle = [self._slots()]
        self.shapes = tuple(output.shape[1:] for output in self._idle[0][0].outputs)

    @classmethod
    def of(cls, graph: openvino.Model, streams: int, precision: str) -> Compiled:
        """Compiles a graph of fixed shapes, of which the first is the size of a request."""
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": cores(),
            "ENABLE_CPU_PINNING": False,  # the threads that decode need room beside it
        }
        program = openvino_core().compile_model(graph, "CPU", settings)
        return cls(program, int(graph.inputs[0].shape[0]), streams)

    def results(self, batches: Iterator[Array]) -> Generator[list[Floats], None, None]:
        """The outputs of each batch, in order, each shape (samples of the batch, ...).

        Args:
            batches: Inputs of any length; the last request of each is filled up.
        """
        slots = self._idle.pop() if self._idle else self._slots()
        free, busy, jobs = deque(slots), deque[_Slot](), deque[_Job]()

        def finish() -> None:
            slot = busy.popleft()
            slot.finish()
            free.append(slot)

        try:
            for batch in batches:
                parts = -(-len(batch) // self.request_size)
                job = _Job([np.empty((len(batch), *shape), np.float32) for shape in self.shapes], parts)
                jobs.append(job)
                for start in range(0, len(batch), self.request_size):
                    if not free:
                        finish()
                    slot = free.popleft()
                    slot.start(batch[start : start + self.request_size], job, start)
                    busy.append(slot)
                while jobs and not jobs[0].open:
                    yield jobs.popleft().outputs
            while jobs:
                while jobs[0].open:
                    finish()
                yield jobs.popleft().outputs
        finally:
            while busy:
                finish()
            self._idle.append(slots)

    def _slots(self) -> list[_Slot]:
        return [_Slot.of(self._program) for _ in range(2 * self._streams)]


def _extensions() -> dict[str, object]:
    """Rules for operations that Keras uses and OpenVINO does not know."""
    if keras.backend.backend() != "torch":
        return {}
    from openvino import opset13
    from openvino.frontend.pytorch import ConversionExtension

    def subtract(node: NodeContext) -> list[openvino.Output]:
        return list(opset13.subtract(node.get_input(0), node.get_input(1)).outputs())

    return {"extension": [ConversionExtension("aten::subtract", subtract)]}


@dataclass(eq=False)
class _Job:
    """One batch on its way: where its results go, and how many requests are still open."""

    outputs: list[Floats]
    open: int


@dataclass(eq=False)
class _Slot:
    """One request with its own memory, and the part of a batch that it computes."""

    request: openvino.InferRequest
    inputs: Array
    outputs: tuple[Array, ...]
    job: _Job | None = None
    start_at: int = 0
    length: int = 0

    @classmethod
    def of(cls, program: openvino.CompiledModel) -> _Slot:
        request = program.create_infer_request()
        outputs = tuple(tensor.data for tensor in request.output_tensors)
        return cls(request, request.input_tensors[0].data, outputs)

    def start(self, part: Array, job: _Job, start_at: int) -> None:
        self.job, self.start_at, self.length = job, start_at, len(part)
        self.inputs[: len(part)] = part
        self.inputs[len(part) :] = part[:1]
        self.request.start_async()

    def finish(self) -> None:
        self.request.wait()
        if self.job is None:
            return
        for whole, output in zip(self.job.outputs, self.outputs, strict=True):
            whole[self.start_at : self.start_at + self.length] = output[: self.length]
        self.job.open -= 1
        self.job = None
