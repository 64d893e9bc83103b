"""What every layer puts out for given inputs, and how a score changes with it, for any model and backend."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.scope.differentiate import Function, forward_program, gradient_program
from convscope.scope.geometry.geometry import geometries
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.call_hooks import refolded, unfolded, watched
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.types import Array, ArrayTree, Tensor

Score = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Tap:
    """The output of one call of one layer.

    Args:
        path: Such as `encoder/dense#2`.
        array: Shape (samples, ...), float32 (integers stay integers); channels where the layer puts them.
        geometry: Where its positions lie in the input.
    """

    path: str
    array: Array
    geometry: Geometry


class Recording(Mapping[str, Tap]):
    """Taps by path, in the model's order.

    Args:
        taps: What was recorded.
        predictions: The model's own outputs, in the order of the graph's.
        graph: The model's calls.
    """

    def __init__(self, taps: Mapping[str, Tap], predictions: Sequence[Array], graph: LayerGraph) -> None:
        self._taps = dict(taps)
        self.predictions = tuple(predictions)
        self.graph = graph

    def __getitem__(self, name: str) -> Tap:
        return self._taps[name if name in self._taps else self.graph.find(name).path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._taps)

    def __len__(self) -> int:
        return len(self._taps)


def record(
    model: keras.Model, x: ArrayTree, layers: Sequence[str] | str | None = None, *, batch_size: int = 32
) -> Recording:
    """Runs a model and keeps what the layers asked for put out.

    Args:
        model: Any Keras model; it is left as it was.
        x: Samples as the model takes them: an array of shape (samples, ...), or for several inputs a list, or
            a dict by name.
        layers: Paths, unique names or patterns such as `block*/conv*`; by default everything. Of a layer
            with several outputs the first is kept.
        batch_size: Samples at a time; memory beyond the result is that of one batch.

    Returns:
        A mapping from path to tap.

    Raises:
        UsageError: A layer that the model does not have, or inputs that it cannot take.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="edges")])
        >>> tap = record(model, np.zeros((2, 8, 8, 1)))["edges"]
        >>> tap.array.shape, tap.geometry.receptive_field
        ((2, 6, 6, 4), (3, 3))
    """
    x = as_inputs(model, x)
    graph = trace(model, x)
    calls = choose(graph, layers)
    count = len(keras.tree.flatten(x)[0])
    run = _program(model, [call.path for call in calls], x, compiled=count > batch_size)
    kept: dict[str, Array] = {}
    predictions: list[Array] = []
    for start in range(0, max(count, 1), batch_size):
        batch = _part(x, start, start + batch_size, batch_size if count > batch_size else count)
        outputs, taps = run(batch)
        stop = min(start + batch_size, count)
        if not start:
            predictions = [np.empty((count, *array.shape[1:]), array.dtype) for array in outputs]
            kept = {path: np.empty((count, *array.shape[1:]), array.dtype) for path, array in taps.items()}
        for whole, array in zip(predictions, outputs, strict=True):
            whole[start:stop] = array[: stop - start]
        for path, array in taps.items():
            kept[path][start:stop] = array[: stop - start]
        del outputs, taps  # before the next batch takes its room
    where = geometries(graph)
    found = {call.path: Tap(call.path, kept[call.path], where[call.path]) for call in calls}
    return Recording(found, predictions, graph)


class Recorder:
    """Records one input after the other by a program that is made once.

    Args:
        model: Any Keras model; it is left as it was.
        x: An input as the later ones are, in number of samples and in shape.
        layers: As in `record`.

    Raises:
        UsageError: A layer that the model does not have, or inputs that it cannot take.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="edges")])
        >>> recorder = Recorder(model, np.zeros((1, 8, 8, 1)))
        >>> recorder(np.ones((1, 8, 8, 1)))["edges"].array.shape
        (1, 6, 6, 4)
    """

    def __init__(self, model: keras.Model, x: ArrayTree, layers: Sequence[str] | str | None = None) -> None:
        example = as_inputs(model, x)
        self.model, self.graph = model, trace(model, example)
        self.paths = tuple(call.path for call in choose(self.graph, layers))
        self._where = geometries(self.graph)
        self._run = _program(model, list(self.paths), example, compiled=True)

    def __call__(self, x: ArrayTree) -> Recording:
        """What the layers put out for an input.

        Args:
            x: Of the shape of the example; another shape makes another program.
        """
        outputs, taps = self._run(as_inputs(self.model, x))
        found = {path: Tap(path, taps[path], self._where[path]) for path in self.paths}
        return Recording(found, outputs, self.graph)


def recorded_batches(
    model: keras.Model, batches: Iterable[ArrayTree], layers: Sequence[str] | str | None = None
) -> Iterator[dict[str, Array]]:
    """Runs a model over a data set of any length, and gives one batch's recording at a time.

    Args:
        model: Any Keras model.
        batches: Inputs as `record` takes them.
        layers: As in `record`.

    Yields:
        Arrays of shape (samples of the batch, ...) by path.

    Raises:
        UsageError: A layer that the model does not have, or inputs that it cannot take.
    """
    run: Function | None = None
    for batch in batches:
        x = as_inputs(model, batch)
        if run is None:
            run = _program(model, [call.path for call in choose(trace(model, x), layers)], x, compiled=True)
        yield run(x)[1]


def choose(graph: LayerGraph, layers: Sequence[str] | str | None) -> list[Call]:
    """The calls that the names mean, all that can be recorded by default.

    Raises:
        UsageError: A name that nothing has, or that of an operation inside a subclassed model.
    """
    if layers is None:
        return [call for call in graph.calls if call.recordable and call.outputs]
    calls = graph.select([layers] if isinstance(layers, str) else layers)
    for call in calls:
        if not call.recordable:
            raise UsageError(
                f"'{call.path}' is an operation inside a subclassed model and cannot be recorded.",
                "Record a layer before or after it.",
            )
    return calls


def as_inputs(model: keras.Model, x: ArrayTree) -> Tensor:
    """Brings inputs to arrays, floats as float32, and checks their shapes.

    Args:
        model: Any Keras model.
        x: An array, or for several inputs a list, or a dict by name.

    Raises:
        UsageError: The number of inputs, of samples, or a shape is not what the model takes.
    """
    x = keras.tree.map_structure(_floats, x) if isinstance(x, (list, tuple, dict)) else _floats(x)
    given = keras.tree.flatten(x)
    expected = getattr(model, "inputs", None)
    if expected and isinstance(x, dict) and all(tensor.name in x for tensor in expected):
        given = [x[tensor.name] for tensor in expected]
    if expected and len(expected) != len(given):
        raise UsageError(f"The model takes {len(expected)} inputs. Received: {len(given)}.")
    for tensor, array in zip(expected or [], given, strict=False):
        fits = len(tensor.shape) == array.ndim and all(
            wanted in (None, length) for wanted, length in zip(tensor.shape[1:], array.shape[1:], strict=True)
        )
        if not fits:
            shape = ", ".join("any" if length is None else str(length) for length in tensor.shape[1:])
            batchless = array.ndim == len(tensor.shape) - 1
            raise UsageError(
                f"The model '{model.name}' takes inputs of shape (samples, {shape}). "
                f"Received: {tuple(array.shape)}.",
                "For one sample, add the batch axis: x[None]." if batchless else "",
            )
    if len({len(array) for array in given}) > 1:
        raise UsageError(
            f"The inputs have different numbers of samples: {', '.join(str(len(array)) for array in given)}."
        )
    if not len(given[0]):
        raise UsageError("There are no samples.", "Give at least one.")
    return x


@contextmanager
def tapped(
    model: keras.Model, paths: Collection[str], add: Mapping[str, Tensor] | None = None
) -> Iterator[dict[str, Tensor]]:
    """Within it, calls of the model also give what its layers put out, as tensors of the backend.

    Args:
        model: Any Keras model.
        paths: Which calls, by path.
        add: Tensors to be added to the output of some of these calls, by path; a tensor of zeros is what
            a gradient by a layer's output is taken by.

    Yields:
        A dict that fills when the model is called: (first) outputs by path, after the addition.
    """
    wanted, added = set(paths), dict(add or {})
    taps: dict[str, Tensor] = {}

    def keep(
        path: str, operation: keras.Operation, inputs: ArrayTree, outputs: Tensor, frames: tuple[int, ...]
    ) -> Tensor:
        if path not in wanted and path not in added:
            return outputs
        flat = keras.tree.flatten(outputs)
        if path in added:
            extra = keras.ops.cast(refolded(added[path], frames), flat[0].dtype)
            flat = [flat[0] + extra, *flat[1:]]
            outputs = keras.tree.pack_sequence_as(outputs, flat)
        if path in wanted:
            taps[path] = unfolded(flat[0], frames)
        return outputs

    with watched(model, keep):
        yield taps


def _program(model: keras.Model, paths: list[str], x: ArrayTree, *, compiled: bool) -> Function:
    """From inputs to (outputs, taps by path), all as arrays."""

    def compute(*tensors: Tensor) -> Tensor:
        with tapped(model, paths) as taps:
            outputs = model(keras.tree.pack_sequence_as(x, list(tensors)), training=False)
        missing = [path for path in paths if path not in taps]
        if missing:
            raise UsageError(f"'{missing[0]}' was not called when the model ran.")
        return [_wide(each) for each in keras.tree.flatten(outputs)], {
            path: _wide(taps[path]) for path in paths
        }

    program = forward_program(model, compute, compiled=compiled)
    return lambda batch: program(*keras.tree.flatten(batch))


def _wide(tensor: Tensor) -> Tensor:
    """Half precision as float32."""
    narrow = keras.backend.standardize_dtype(tensor.dtype) in ("bfloat16", "float16")
    return keras.ops.cast(tensor, "float32") if narrow else tensor


def _floats(value: Tensor) -> Array:
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "f" and array.dtype != np.float32 else array


def _part(x: ArrayTree, start: int, stop: int, size: int) -> Tensor:
    """Some samples, filled up to `size` with the first ones so that one compiled function serves all."""

    def part(array: Array) -> Array:
        some = array[start:stop]
        missing = size - len(some)
        return np.concatenate([some, np.resize(array[:1], (missing, *array.shape[1:]))]) if missing else some

    return keras.tree.map_structure(part, x)


def gradients(
    model: keras.Model, x: ArrayTree, layers: Sequence[str] | str, score: Score
) -> dict[str, npt.NDArray[np.float32]]:
    """Differentiates a score by the outputs of layers.

    A tensor of zeros is added to each layer's output and the score differentiated by it, which needs no
    access to the layer's inside: it works for nested, shared and subclassed models, on every backend.

    Args:
        model: Any Keras model; it is left as it was.
        x: Samples as the model takes them.
        layers: Paths, unique names or patterns.
        score: From the model's outputs, as it gives them, to a scalar, by `keras.ops`; one that sums over
            samples gives every sample's own gradient.

    Returns:
        By path, of the shape of the layer's (first) output, float32.

    Raises:
        UsageError: A layer that the model does not have or whose output is of whole numbers, or inputs that
            it cannot take.

    Example:
        >>> hidden = keras.layers.Dense(3, name="hidden")
        >>> model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(2)])
        >>> found = gradients(model, np.ones((5, 4)), "hidden", lambda y: keras.ops.sum(y[:, 1]))
        >>> found["hidden"].shape
        (5, 3)
    """
    x = as_inputs(model, x)
    paths = [call.path for call in choose(trace(model, x), layers)]
    if not paths:
        raise UsageError("No layer was given.", "Give at least one.")
    arrays = keras.tree.flatten(x)
    zeros = []
    for path, tap in record(model, x, paths).items():
        if tap.array.dtype.kind != "f":
            raise UsageError(f"'{path}' has integer outputs, which have no gradient.")
        zeros.append(np.zeros(tap.array.shape, np.float32))

    def scored(*tensors: Tensor) -> Tensor:
        inputs = keras.tree.pack_sequence_as(x, list(tensors[: len(arrays)]))
        with tapped(model, (), dict(zip(paths, tensors[len(arrays) :], strict=True))):
            return score(model(inputs, training=False)), {}

    wrt = range(len(arrays), len(arrays) + len(zeros))
    found, _ = gradient_program(model, scored, list(wrt), compiled=False)(*arrays, *zeros)
    return {path: np.asarray(array, np.float32) for path, array in zip(paths, found, strict=True)}
