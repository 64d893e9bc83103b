"""What is particular to TensorFlow: its devices, and faster operations for training on a CPU.

They compute the numbers that Keras computes, in another way:

- Batch normalization is a chain of element-wise operations there; TensorFlow has one fused operation.
- Dropout draws a counter-based random number for each value; NumPy's SFC64 generator gives 16 random bits a
  value in a tenth of that time, and makes the factors of 0 and 1 / (1 - rate) out of them as it goes.
- A ReLU between a convolution and its max pooling moves behind the pooling, where a quarter of the values is
  left: the largest of four values and zero is the same in either order.
- Adam updates each variable in a dozen operations; TensorFlow has one.
- A sum over the neighbors of each node is a product of a sparse matrix.

benchmarks/train_speed.py measures what this comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convscope.engine.device import TensorFunction
from convscope.engine.exchange import (
    OnProcessor,
    bits_for,
    drops_by_bits,
    exchanged,
    outreaches,
    rectified_then_pooled,
    stands_first,
)
from convscope.engine.inference.openvino_module import NAMED
from convscope.engine.training.batches import Advance, Batch
from convscope.layers.neighbors import summed_by
from convscope.layers.sparse_products import SparseRows
from convscope.types import Array, Tensor

Call = Callable[..., tf.Tensor]
"""The method of a layer or optimizer that a faster one stands in for."""

BLOCK = 2**16
"""Random factors made at a time."""


def accelerator() -> tuple[str, bool] | None:
    """Name of the GPU and whether it computes in bfloat16; None where there is only a CPU."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return None
    details = tf.config.experimental.get_device_details(devices[0])
    return details.get("device_name", "GPU"), details.get("compute_capability", (8, 0)) >= (8, 0)


def cpu_computes_bfloat16() -> bool:
    """TensorFlow computes convolutions in bfloat16 on a processor that has it."""
    return True


def prediction_threads(cores: int) -> int:
    """How many batches are best predicted at a time: operations that are short leave cores idle."""
    return 1 if accelerator() else cores + 1


def begin_epoch(seed: int, epoch: int) -> None:
    """Nothing to do: all random states are variables of the model, which a checkpoint holds."""


def endless(batches: Iterator[Batch], example: Batch, ragged: bool) -> tf.data.Dataset:
    """Batches without end, as Keras takes them here; with less between them and a step than Keras puts there.

    Args:
        batches: Tuples of arrays, or of nested structures of arrays.
        example: One batch of the same structure.
        ragged: Whether samples differ in length; if not, shapes are those of the example.

    Returns:
        The same batches, one of them read ahead.
    """
    arrays = [np.asarray(part) for part in tf.nest.flatten(example)]

    def pull(_: Array) -> list[Array]:
        parts = tf.nest.flatten(next(batches))
        return [np.asarray(part, array.dtype) for part, array in zip(parts, arrays, strict=True)]

    def batch(number: tf.Tensor) -> Tensor:
        read = tf.numpy_function(pull, [number], [array.dtype for array in arrays])
        for tensor, array in zip(read, arrays, strict=True):
            tensor.set_shape(_of_any_length(array) if ragged else array.shape)
        return tf.nest.pack_sequence_as(example, read)

    return tf.data.Dataset.range(np.iinfo(np.int64).max).map(batch).prefetch(1)


def repeated(batch: Batch, times: int | None = None) -> tf.data.Dataset:
    """One batch, so many times or without end, as Keras takes it here; its arrays are copied once."""
    return tf.data.Dataset.from_tensors(batch).repeat(times)


def ragged(batches: Iterable[Batch], example: Batch) -> tf.data.Dataset:
    """Batches of samples that differ in length, as Keras takes them here: one traced step serves all of them.

    Args:
        batches: Tuples of arrays, or of nested structures of arrays; each iteration over them begins anew
            where they can.
        example: One batch of the same structure.

    Returns:
        The same batches.
    """
    signature = tf.nest.map_structure(
        lambda part: tf.TensorSpec(_of_any_length(np.asarray(part)), np.asarray(part).dtype), example
    )
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)


def _of_any_length(array: Array) -> tuple[int | None, ...]:
    """The shape of a batch in which samples and their positions may be any number."""
    return (*(None,) * min(array.ndim, 2), *array.shape[2:])


def convertible(function: TensorFunction, model: keras.Model, example: Array) -> dict[str, object]:
    """What `openvino.convert_model` takes to convert a function that calls a model.

    Args:
        function: From one tensor to a list of tensors.
        model: The model that it calls.
        example: An input of the function, shape (n, ...); n may differ later on.

    Returns:
        Arguments by name.
    """

    def named(x: tf.Tensor) -> dict[str, tf.Tensor]:
        # Without names, the converter takes every dead end of the graph for an output.
        return {f"{NAMED}{number:05}": tensor for number, tensor in enumerate(function(x))}

    spec = tf.TensorSpec((None, *example.shape[1:]), example.dtype)
    return {"input_model": tf.function(named, autograph=False).get_concrete_function(spec)}


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Within it, the model's layers compute the same numbers by faster operations, and none that are wrong.

    The layers themselves, their weights and their configuration stay what they are; only the instances'
    `call` is replaced while a training traces it, and restored afterwards.

    Args:
        model: Any Keras model.
    """
    if tf.config.list_physical_devices("GPU"):
        yield
        return
    with exchanged() as exchange, summed_by(neighbor_sum):
        for layer in model._flatten_layers(include_self=False):
            faster = _faster_call(layer)
            if faster is not None:
                exchange(layer, "call", faster)
            if stands_first(layer):
                exchange(layer, "call", _on_processor)
            if outreaches(layer):
                exchange(layer, "convolution_op", _in_float32)
        for convolution, pooling in rectified_then_pooled(model):
            exchange(convolution, "call", _without_relu)
            exchange(pooling, "call", _then_relu)
        optimizer: keras.optimizers.Optimizer = getattr(model, "optimizer", None)
        if type(optimizer) is keras.optimizers.Adam and not optimizer.amsgrad:
            exchange(optimizer, "update_step", _fused_adam)
        yield


def _on_processor(layer: OnProcessor, _: Call, values: tf.Tensor) -> tf.Tensor:
    """What a layer gives without TensorFlow."""
    found = tf.numpy_function(layer.on_processor, [tf.cast(values, tf.float32)], tf.float32)
    return tf.ensure_shape(found, layer.compute_output_shape(tuple(values.shape)))


def _in_float32(
    layer: keras.layers.Conv3D, plain: Callable[..., tf.Tensor], values: tf.Tensor, kernel: tf.Tensor
) -> tf.Tensor:
    """The convolution of a layer in float32."""
    found = plain(tf.cast(values, tf.float32), tf.cast(kernel, tf.float32))
    return tf.cast(found, layer.compute_dtype)


def neighbor_sum(values: tf.Tensor, neighbors: tf.Tensor, weights: tf.Tensor, owners: tf.Tensor) -> tf.Tensor:
    """Sums over neighbors by a matrix of compressed rows, packed in each step; see `NeighborSum`."""
    rows = tf.repeat(tf.cast(owners, tf.int64), tf.shape(neighbors)[1])
    columns = tf.cast(tf.reshape(neighbors, [-1]), tf.int64)
    nodes = tf.shape(values, out_type=tf.int64)[0]
    packed = tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=tf.stack([rows, columns], 1),
        values=tf.cast(tf.reshape(weights, [-1]), tf.float32),
        dense_shape=tf.stack([nodes, nodes]),
    )
    sums = tf.raw_ops.SparseMatrixMatMul(a=packed, b=tf.cast(values, tf.float32))
    return tf.ensure_shape(tf.cast(sums, values.dtype), values.shape)


def sparse_product(rows: SparseRows) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Products of a matrix of compressed rows, packed in each step because its values may change."""
    indices = tf.constant(np.stack([rows.rows, rows.columns], axis=1).astype(np.int64))
    shape = tf.constant(rows.shape, tf.int64)

    def multiplied(values: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def of(kernel: tf.Tensor) -> tuple[tf.Tensor, Call]:
            packed = tf.raw_ops.SparseTensorToCSRSparseMatrix(
                indices=indices, values=values, dense_shape=shape
            )

            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                turned = tf.raw_ops.SparseMatrixMatMul(a=packed, b=upstream, transpose_a=True)
                return tf.ensure_shape(turned, kernel.shape)

            product = tf.raw_ops.SparseMatrixMatMul(a=packed, b=kernel)
            return tf.ensure_shape(product, (rows.shape[0], kernel.shape[1])), gradient

        return of(tf.convert_to_tensor(kernel))

    return multiplied


def whole_epochs(model: keras.Model, train: Batch, validation: Batch, most: int, seed: int) -> Advance:
    """Epochs of one step, in a loop that TensorFlow runs; see `BackendFile.whole_epochs`."""
    learned, judged = (tf.nest.map_structure(tf.convert_to_tensor, batch) for batch in (train, validation))
    model._symbolic_build(data_batch=learned)
    names: list[str] = []

    def epoch() -> list[tf.Tensor]:
        model.reset_metrics()
        logs = dict(model.train_step(learned))
        logs["learning_rate"] = model.optimizer.learning_rate
        model.reset_metrics()
        logs |= {f"val_{name}": value for name, value in model.test_step(judged).items()}
        names[:] = list(logs)
        return [tf.cast(value, tf.float32) for value in logs.values()]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def run(count: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        def step(done: tf.Tensor, rows: tf.TensorArray, kept: list[tf.TensorArray]) -> Tensor:
            rows = rows.write(done, tf.stack(epoch()))
            written = [
                each.write(done, tf.identity(weight.value))
                for each, weight in zip(kept, model.weights, strict=True)
            ]
            return done + 1, rows, written

        empty = [tf.TensorArray(weight.dtype, count) for weight in model.weights]
        _, rows, kept = tf.while_loop(
            lambda done, *_: done < count,
            step,
            (tf.constant(0), tf.TensorArray(tf.float32, count), empty),
            parallel_iterations=1,
        )
        return rows.stack(), [each.stack() for each in kept]

    def advance(_: int, count: int) -> tuple[list[dict[str, float]], Callable[[int], list[Array]]]:
        found, kept = run(tf.constant(count))
        rows = [dict(zip(names, values, strict=True)) for values in found.numpy().tolist()]
        return rows, lambda place: [each[place].numpy() for each in kept]

    return advance


def _faster_call(layer: keras.layers.Layer) -> Callable[..., tf.Tensor] | None:
    if type(layer) is keras.layers.BatchNormalization and _can_fuse(layer):
        return _fused_normalization
    return _dropout_by_bits if drops_by_bits(layer) else None


def _can_fuse(layer: keras.layers.BatchNormalization) -> bool:
    """The fused operation normalizes the last of two to five axes, with scale and offset."""
    if not layer.built:
        return False
    rank = layer.input_spec.ndim
    return bool(layer.scale and layer.center and rank in (2, 3, 4, 5) and layer.axis in (-1, rank - 1))


def _fused_normalization(
    layer: keras.layers.BatchNormalization,
    plain_call: Call,
    inputs: tf.Tensor,
    training: bool | None = None,
    mask: tf.Tensor | None = None,
) -> tf.Tensor:
    if not (training and layer.trainable) or mask is not None:
        return plain_call(inputs, training=training, mask=mask)
    x = tf.cast(inputs, layer.compute_dtype)
    shape = tf.shape(x)
    reshaped = len(x.shape) != 4
    if reshaped:  # all values of a channel count alike, wherever they are
        x = tf.reshape(x, [-1, 1, 1, x.shape[-1]])
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=tf.cast(layer.gamma.value, tf.float32),
        offset=tf.cast(layer.beta.value, tf.float32),
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
        is_training=True,
    )
    count = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
    for moving, batch in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance * (count - 1.0) / count),
    ):
        moving.assign(moving.value * layer.momentum + batch * (1.0 - layer.momentum))
    return tf.ensure_shape(tf.reshape(outputs, shape), inputs.shape) if reshaped else outputs


def _dropout_by_bits(
    layer: keras.layers.Dropout, plain_call: Call, inputs: tf.Tensor, training: bool | None = None
) -> tf.Tensor:
    """Drops each value with the layer's rate, to within 2 to the power of -17, and scales what is kept.

    The random bits follow from the layer's own seed generator, whose state a checkpoint holds.
    """
    if not training:
        return plain_call(inputs, training=training)
    x = tf.cast(inputs, layer.compute_dtype)
    bits = bits_for(layer.rate)
    # NumPy has no bfloat16: the factors travel as whole numbers of the same bits.
    whole = np.dtype(f"uint{8 * x.dtype.size}")
    kept = whole.type(np.array(1.0 / (1.0 - layer.rate), x.dtype.as_numpy_dtype).view(whole))
    draw = partial(_random_factors, bits=bits, threshold=round(layer.rate * 2**bits), kept=kept)
    drawn = tf.numpy_function(draw, [layer.seed_generator.next(), tf.size(x)], tf.as_dtype(whole))
    factors = tf.bitcast(tf.reshape(drawn, tf.shape(x)), x.dtype)
    return tf.ensure_shape(x * factors, x.shape)


def _random_factors(
    seed: npt.NDArray[np.uint32], count: np.int32, bits: int, threshold: int, kept: np.unsignedinteger[Any]
) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Zeros and `kept`, a block at a time: what lies between stays in the processor's cache."""
    generator = np.random.SFC64(seed.tolist())
    drawn = np.dtype(f"uint{bits}")
    factors = np.empty(int(count), kept.dtype)
    for start in range(0, len(factors), BLOCK):
        part = factors[start : start + BLOCK]
        words = generator.random_raw(-(-len(part) * bits // 64)).view(drawn)
        np.multiply(words[: len(part)] >= drawn.type(threshold), kept, out=part)
    return factors


def _trains(layer: keras.layers.Layer) -> bool:
    """Whether the call that a layer is in is one of a training step."""
    return bool(layer._get_call_context().training)


def _without_relu(layer: keras.layers.Layer, plain_call: Call, inputs: tf.Tensor) -> tf.Tensor:
    if not _trains(layer):
        return plain_call(inputs)
    if type(layer) is keras.layers.ReLU:
        return tf.cast(inputs, layer.compute_dtype)
    outputs = layer.convolution_op(inputs, layer.kernel)
    return tf.nn.bias_add(outputs, tf.cast(layer.bias, outputs.dtype)) if layer.use_bias else outputs


def _then_relu(layer: keras.layers.Layer, plain_call: Call, inputs: tf.Tensor) -> tf.Tensor:
    outputs = plain_call(inputs)
    return tf.nn.relu(outputs) if _trains(layer) else outputs


def _fused_adam(
    optimizer: keras.optimizers.Adam, _: Call, gradient: tf.Tensor, variable: tf.Variable, rate: tf.Tensor
) -> None:
    index = optimizer._get_variable_index(variable)
    step = tf.cast(optimizer.iterations.value + 1, variable.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[index].value.handle,
        v=optimizer._velocities[index].value.handle,
        beta1_power=tf.pow(tf.cast(optimizer.beta_1, step.dtype), step),
        beta2_power=tf.pow(tf.cast(optimizer.beta_2, step.dtype), step),
        lr=tf.cast(rate, variable.dtype),
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        grad=tf.cast(gradient, variable.dtype),
    )
