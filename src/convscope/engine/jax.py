"""What is particular to JAX: its devices, and faster sums on a CPU. Keras compiles the whole step.

On a CPU, XLA computes a convolution of volumes many times as slowly as the same sum out of convolutions of
planes; `benchmarks/conv3d.py` measures both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from convscope.engine.device import TensorFunction
from convscope.engine.exchange import bits_for, drops_by_bits, exchanged
from convscope.engine.training.batches import Advance, Batch
from convscope.engine.training.keras_batches import endless, ragged, repeated
from convscope.layers.neighbors import summed_by
from convscope.layers.sparse_products import SparseRows
from convscope.types import Array, Tensor

__all__ = [
    "accelerated",
    "accelerator",
    "begin_epoch",
    "convertible",
    "cpu_computes_bfloat16",
    "endless",
    "join",
    "prediction_threads",
    "ragged",
    "repeated",
    "sparse_product",
    "whole_epochs",
]


JOINING_SECONDS = 600
"""How long workers wait for each other to begin: one may read its data more slowly."""


def join(address: str, number: int, count: int) -> None:
    """Joins the processes that train a model together; before anything is computed.

    Args:
        address: Of the first of them, a host and a port that is free there.
        number: Of this process, from 0.
        count: How many there are.
    """
    jax.distributed.initialize(
        address,
        count,
        number,
        cluster_detection_method="deactivate",  # Ray has placed them, whatever else the machine belongs to
        coordinator_bind_address=address if number == 0 else None,
        initialization_timeout=JOINING_SECONDS,
    )
    # Those that have not spoken to each other yet give up after 30 s, which reading the data may take.
    multihost_utils.sync_global_devices("joined")


def accelerator() -> tuple[str, bool] | None:
    """Name of the GPU or TPU and whether it computes in bfloat16; None where there is only a CPU."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return None
    capability = getattr(device, "compute_capability", "8.0")
    return str(device.device_kind), float(capability) >= 8.0


def cpu_computes_bfloat16() -> bool:
    """XLA on a CPU converts bfloat16 to float32 and back, which only costs."""
    return False


def prediction_threads(_: int) -> int:
    """One batch at a time: Keras keeps the state of a model with the model here."""
    return 1


def begin_epoch(seed: int, epoch: int) -> None:
    """Nothing to do: all random states are variables of the model, which a checkpoint holds."""


def convertible(function: TensorFunction, model: keras.Model, example: Array) -> dict[str, object]:
    """What `openvino.convert_model` takes to convert a function that calls a model.

    Raises:
        NotImplementedError: It takes no programs of JAX.
    """
    raise NotImplementedError("programs of the jax backend cannot be converted")


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Within it, a CPU computes sums over neighbors, dropout and convolutions of volumes faster.

    The layers, their weights and their configuration stay what they are; only methods of instances are
    replaced while a training traces them, and restored afterwards.

    Args:
        model: Any Keras model.
    """
    if accelerator():
        yield
        return
    with exchanged() as exchange, summed_by(neighbor_sum):
        for layer in model._flatten_layers(include_self=False):
            if drops_by_bits(layer):
                exchange(layer, "call", _dropout_by_bits)
            if _convolves_volumes(layer):
                exchange(layer, "convolution_op", _sum_of_planes)
        yield


def _convolves_volumes(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv3D
        and layer.data_format == "channels_last"
        and layer.groups == 1
        and layer.padding in ("same", "valid")
        and set(layer.dilation_rate) == {1}
    )


def _sum_of_planes(layer: keras.layers.Conv3D, _: object, values: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution of a layer as one of two dimensions for each plane of its kernel, added up.

    Args:
        layer: Says strides and padding.
        values: Shape (batch, depth, height, width, channels).
        kernel: Shape (depth, height, width, channels, kernels).
    """
    size, (stride, *strides) = kernel.shape[0], layer.strides
    same = layer.padding == "same"
    count = -(-values.shape[1] // stride) if same else (values.shape[1] - size) // stride + 1
    missing = max((count - 1) * stride + size - values.shape[1], 0) if same else 0
    before = missing // 2
    padded = jax.numpy.pad(values, [(0, 0), (before, missing - before), (0, 0), (0, 0), (0, 0)])
    total: jax.Array | None = None
    for at in range(size):
        planes = padded[:, at : at + (count - 1) * stride + 1 : stride]
        flat = planes.reshape(-1, *planes.shape[2:])
        part = keras.ops.conv(flat, kernel[at], tuple(strides), layer.padding, "channels_last")
        total = part if total is None else total + part
    assert total is not None
    return total.reshape(-1, count, *total.shape[1:])


def _dropout_by_bits(
    layer: keras.layers.Dropout,
    plain_call: Callable[..., jax.Array],
    inputs: jax.Array,
    training: bool | None = None,
) -> jax.Array:
    """Drops each value with the layer's rate, to within 2 to the power of -17, and scales what is kept.

    A random word of 32 bits tells of two or four values, where Keras draws one for each.
    """
    if not training:
        return plain_call(inputs, training=training)
    x = jax.numpy.asarray(inputs, layer.compute_dtype)
    bits = bits_for(layer.rate)
    words = jax.random.bits(layer.seed_generator.next(), (-(-x.size * bits // 32),), "uint32")
    drawn = jax.lax.bitcast_convert_type(words, f"uint{bits}").reshape(-1)[: x.size].reshape(x.shape)
    return jax.numpy.where(drawn >= round(layer.rate * 2**bits), x / (1.0 - layer.rate), 0).astype(x.dtype)


def neighbor_sum(values: jax.Array, neighbors: jax.Array, weights: jax.Array, owners: jax.Array) -> jax.Array:
    """Sums over neighbors, one place of all rows of the table after another; see `NeighborSum`.

    XLA computes one place in one pass; a sum over all places at once goes through memory.
    """
    near = _over_places(values, neighbors, weights)
    return jax.ops.segment_sum(near, owners, values.shape[0], indices_are_sorted=True)


def _over_places(values: jax.Array, places: jax.Array, weights: jax.Array) -> jax.Array:
    """Weighted sums of the rows of `values` that stand in each row of a table."""
    total = values[places[:, 0]] * weights[:, :1]
    for place in range(1, places.shape[1]):
        total = total + values[places[:, place]] * weights[:, place : place + 1]
    return total


def sparse_product(rows: SparseRows) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Products by tables of the values of each row and, for the gradient, of each column."""
    ahead, behind = (
        [jax.numpy.asarray(each) for each in table] for table in (rows.table(), rows.turned_table())
    )

    def summed(kernel: jax.Array, values: jax.Array, table: list[jax.Array], size: int) -> jax.Array:
        places, numbers, owners = table
        weights = jax.numpy.append(values, 0)[numbers]
        near = _over_places(kernel, places, weights)
        return jax.ops.segment_sum(near, owners, size, indices_are_sorted=True)

    def multiplied(values: jax.Array, kernel: jax.Array) -> jax.Array:
        @jax.custom_vjp  # type: ignore[untyped-decorator]
        def of(kernel: jax.Array, values: jax.Array) -> jax.Array:
            return summed(kernel, values, ahead, rows.shape[0])

        def forward(kernel: jax.Array, values: jax.Array) -> tuple[jax.Array, jax.Array]:
            return of(kernel, values), values

        def backward(values: jax.Array, upstream: jax.Array) -> tuple[jax.Array, None]:
            return summed(upstream, values, behind, rows.shape[1]), None

        of.defvjp(forward, backward)
        return of(kernel, values)

    return multiplied


def whole_epochs(model: keras.Model, train: Batch, validation: Batch, most: int, seed: int) -> Advance:
    """Epochs of one step, in a loop that XLA compiles; see `BackendFile.whole_epochs`."""
    data = keras.tree.map_structure(jax.numpy.asarray, (train, validation))
    model._symbolic_build(data_batch=data[0])
    model.reset_metrics()
    fresh = [variable.value for variable in model.metrics_variables]
    groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
    kept_of = _places(model.weights, [*groups[0], *groups[1]])

    def epoch(state: Tensor, data: Tensor) -> tuple[Tensor, dict[str, jax.Array]]:
        logs, (trained, others, optimizer, _) = model.train_step((*state, fresh), data[0])
        known = zip(model.optimizer.variables, optimizer, strict=True)
        with keras.StatelessScope(state_mapping=list(known)):
            rate = model.optimizer.learning_rate
        found, (trained, others, _) = model.test_step((trained, others, fresh), data[1])
        logs = {**logs, "learning_rate": rate, **{f"val_{name}": value for name, value in found.items()}}
        return (trained, others, optimizer), {name: jax.numpy.float32(value) for name, value in logs.items()}

    @jax.jit  # type: ignore[untyped-decorator]
    def run(state: Tensor, count: jax.Array, data: Tensor) -> Tensor:
        def step(done: jax.Array, carried: Tensor) -> Tensor:
            state, rows, kept = carried
            state, logs = epoch(state, data)
            weights = [(*state[0], *state[1])[place] for place in kept_of]
            rows = {name: values.at[done].set(logs[name]) for name, values in rows.items()}
            return state, rows, [each.at[done].set(now) for each, now in zip(kept, weights, strict=True)]

        names = jax.eval_shape(epoch, state, data)[1]
        rows = {name: jax.numpy.zeros(most) for name in names}
        kept = [jax.numpy.zeros((most, *weight.shape), weight.dtype) for weight in model.weights]
        return jax.lax.fori_loop(0, count, step, (state, rows, kept))

    def advance(_: int, count: int) -> tuple[list[dict[str, float]], Callable[[int], list[Array]]]:
        state, rows, kept = run(tuple([v.value for v in group] for group in groups), count, data)
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        found = {name: np.asarray(values)[:count].tolist() for name, values in rows.items()}
        return (
            [{name: values[place] for name, values in found.items()} for place in range(count)],
            lambda place: [np.asarray(each[place]) for each in kept],
        )

    return advance


def _places(wanted: Sequence[Tensor], among: Sequence[Tensor]) -> list[int]:
    """Where variables stand among others."""
    numbers = {id(variable): number for number, variable in enumerate(among)}
    return [numbers[id(variable)] for variable in wanted]
