"""How long a convolution of three dimensions takes, by every form that gives the same sum, and by (2+1)D.

    python benchmarks/conv3d.py [--backends tensorflow jax torch openvino] [--json FILE] [--quick]

| form | what it computes |
|---|---|
| conv3d | `keras.ops.conv` of rank 3, as `keras.layers.Conv3D` calls it; in PyTorch also channels first |
| sum of planes | the kernel cut along depth: so many 2-D convolutions, added at their offsets; the same sum |
| planes as channels | neighboring planes as channels of one 2-D convolution; the same sum |
| (2+1)D | a 2-D convolution, then one along depth (Tran et al. 2018); another function, for comparison |

Shapes are those of a U-Net on volumes of 48x64x48 voxels and of a residual network on 28x28x28. Forward is
one call, training the call and the gradient of |y|^2 / 2 with respect to input and kernel. Float32 and
bfloat16. Each backend runs in a process of its own; forms of the same sum are compared before they are timed.
Medians in milliseconds; the reference of a speedup is conv3d of the same backend and precision.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from results import Figure, add_arguments, print_table, write_results

BACKENDS = ("tensorflow", "jax", "torch", "openvino")
SHAPES = (
    (2, (48, 64, 48), 1, 16),
    (2, (48, 64, 48), 16, 16),
    (2, (24, 32, 24), 32, 32),
    (2, (12, 16, 12), 64, 64),
    (32, (14, 14, 14), 32, 32),
    (32, (7, 7, 7), 64, 64),
)
QUICK = SHAPES[2:4]
KERNEL = 3
PRECISIONS = ("float32", "bfloat16")
SEPARATE = "(2+1)D"
Form = Callable[[Any, Any], Any]


def forms() -> dict[str, Form]:
    """Every form by name, of values (batch, depth, height, width, channels) and a kernel."""
    from keras import ops

    def flat(x: Any) -> tuple[Any, tuple[int, ...]]:
        batch, depth, *rest = x.shape
        return ops.reshape(x, (batch * depth, *rest)), (batch, depth)

    def conv(x: Any, kernel: Any) -> Any:
        return ops.conv(x, kernel, padding="same", data_format="channels_last")

    def sum_of_planes(x: Any, kernel: Any) -> Any:
        size, depth = kernel.shape[0], x.shape[1]
        before = (size - 1) // 2
        padded = ops.pad(x, [[0, 0], [before, size - 1 - before], [0, 0], [0, 0], [0, 0]])
        total = None
        for at in range(size):
            planes, outer = flat(padded[:, at : at + depth])
            part = conv(planes, kernel[at])
            total = part if total is None else total + part
        return ops.reshape(total, (*outer, *total.shape[1:]))

    def planes_as_channels(x: Any, kernel: Any) -> Any:
        size, depth = kernel.shape[0], x.shape[1]
        before = (size - 1) // 2
        padded = ops.pad(x, [[0, 0], [before, size - 1 - before], [0, 0], [0, 0], [0, 0]])
        stacked, outer = flat(ops.concatenate([padded[:, at : at + depth] for at in range(size)], axis=-1))
        joined = ops.concatenate([kernel[at] for at in range(size)], axis=2)
        result = conv(stacked, joined)
        return ops.reshape(result, (*outer, *result.shape[1:]))

    def separate(x: Any, kernel: Any) -> Any:
        planes, outer = flat(x)
        inside = conv(planes, kernel[1])
        batch, depth = outer
        height, width, channels = inside.shape[1:]
        columns = ops.reshape(inside, (batch, depth, height * width, channels))
        deep = ops.repeat(kernel[:, :1, 1, :1], channels, axis=2)
        along = conv(columns, deep)
        return ops.reshape(along, (batch, depth, height, width, along.shape[-1]))

    return {
        "conv3d": conv,
        "sum of planes": sum_of_planes,
        "planes as channels": planes_as_channels,
        SEPARATE: separate,
    }


def of_tensorflow(form: Form, x: np.ndarray, kernel: np.ndarray, precision: str) -> tuple[Any, Any]:
    import tensorflow as tf

    values, weights = tf.cast(x, precision), tf.cast(kernel, precision)

    @tf.function
    def ahead() -> Any:
        return form(values, weights)

    @tf.function
    def training() -> Any:
        with tf.GradientTape() as tape:
            tape.watch([values, weights])
            total = tf.reduce_sum(tf.square(form(values, weights))) / 2
        return tape.gradient(total, [values, weights])

    def gradient() -> np.ndarray:
        return tf.cast(training()[1], "float32").numpy()

    return lambda: tf.cast(ahead(), "float32").numpy(), gradient


def of_jax(form: Form, x: np.ndarray, kernel: np.ndarray, precision: str) -> tuple[Any, Any]:
    import jax

    values, weights = jax.numpy.asarray(x, precision), jax.numpy.asarray(kernel, precision)
    ahead = jax.jit(form)
    training = jax.jit(jax.grad(lambda x, kernel: (form(x, kernel) ** 2).sum() / 2, (0, 1)))
    return (
        lambda: np.asarray(ahead(values, weights).astype("float32")),
        lambda: np.asarray(training(values, weights)[1].astype("float32")),
    )


def of_torch(form: Form, x: np.ndarray, kernel: np.ndarray, precision: str) -> tuple[Any, Any]:
    import torch

    kind = getattr(torch, precision)
    values, weights = torch.tensor(x).to(kind), torch.tensor(kernel).to(kind)

    def ahead() -> np.ndarray:
        with torch.no_grad():
            return form(values, weights).float().numpy()

    def training() -> np.ndarray:
        leaves = values.detach().requires_grad_(), weights.detach().requires_grad_()
        (form(*leaves).square().sum() / 2).backward()
        return leaves[1].grad.float().numpy()

    return ahead, training


def channels_first(x: Any, kernel: Any) -> Any:
    """PyTorch's own convolution of volumes in its own order of axes, held in memory as Keras holds them."""
    import torch

    turned = torch.nn.functional.conv3d(x.permute(0, 4, 1, 2, 3), kernel.permute(4, 3, 0, 1, 2), padding=1)
    return turned.permute(0, 2, 3, 4, 1)


def of_openvino(x: np.ndarray, kernel: np.ndarray, precision: str) -> Any:
    """Forward only: a model of one layer in its own operations, channels first."""
    import openvino as ov
    from openvino import opset13 as op

    place = op.parameter([x.shape[0], x.shape[4], *x.shape[1:4]], np.float32)
    turned = op.constant(kernel.transpose(4, 3, 0, 1, 2).copy())
    made = op.convolution(place, turned, [1] * 3, [1] * 3, [1] * 3, [1] * 3)
    hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
    compiled = ov.compile_model(ov.Model([made], [place]), "CPU", {"INFERENCE_PRECISION_HINT": hint})
    request, value = compiled.create_infer_request(), np.ascontiguousarray(x.transpose(0, 4, 1, 2, 3))
    return lambda: request.infer([value], share_inputs=True)[0].transpose(0, 2, 3, 4, 1)


def timed(call: Callable[[], np.ndarray], quick: bool) -> float:
    """Median in milliseconds, after warming up."""
    call()
    times: list[float] = []
    until = time.perf_counter() + (0.3 if quick else 1.0)
    while len(times) < 3 or time.perf_counter() < until:
        begin = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - begin))
    return median(times)


def compared(found: np.ndarray, expected: np.ndarray, what: str, precision: str) -> None:
    error = np.abs(found - expected).max() / np.abs(expected).max()
    if not error < {"float32": 1e-4, "bfloat16": 5e-2}[precision]:
        raise SystemExit(f"{what} differs by {error:.1e}")


def measured(backend: str, quick: bool) -> list[Figure]:
    """The figures of one backend, in this process."""
    random, figures = np.random.default_rng(0), []
    for batch, volume, channels, kernels in QUICK if quick else SHAPES:
        x = random.normal(size=(batch, *volume, channels)).astype(np.float32)
        shape = (KERNEL, KERNEL, KERNEL, channels, kernels)
        kernel = (random.normal(size=shape) / np.sqrt(np.prod(shape[:4]))).astype(np.float32)
        name = f"{backend}, {batch} x {'x'.join(map(str, volume))}, {channels} to {kernels}"
        for precision in PRECISIONS:
            figures += _of_shape(backend, f"{name}, {precision}", x, kernel, precision, quick)
    return figures


def _of_shape(
    backend: str, name: str, x: np.ndarray, kernel: np.ndarray, precision: str, quick: bool
) -> list[Figure]:
    figures: list[Figure] = []
    expected: dict[str, np.ndarray] = {}

    def told(what: str, form: str, call: Callable[[], np.ndarray]) -> None:
        if form != SEPARATE:
            compared(call(), expected.setdefault(what, call()), f"{name}, {form}, {what}", precision)
        figures.append(Figure(f"{name}, {form}, {what}", timed(call, quick), "ms", better="lower"))
        print(f"{figures[-1].value:9.2f} ms  {figures[-1].name}", file=sys.stderr, flush=True)

    if backend == "openvino":
        told("forward", "conv3d", of_openvino(x, kernel, precision))
        return figures
    make = {"tensorflow": of_tensorflow, "jax": of_jax, "torch": of_torch}[backend]
    ways = forms() | ({"conv3d, channels first": channels_first} if backend == "torch" else {})
    for form, function in ways.items():
        ahead, training = make(function, x, kernel, precision)
        told("forward", form, ahead)
        told("training", form, training)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--backends", nargs="*", default=list(BACKENDS), choices=BACKENDS)
    parser.add_argument("--inside", choices=BACKENDS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps([vars(figure) for figure in measured(given.inside, given.quick)]))
        return
    figures: list[Figure] = []
    for backend in given.backends:
        words = [sys.executable, __file__, *sys.argv[1:], "--inside", backend]
        keras_backend = "tensorflow" if backend == "openvino" else backend
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            env={**os.environ, "KERAS_BACKEND": keras_backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=True,
        )
        figures += [Figure(**each) for each in json.loads(done.stdout.splitlines()[-1])]
        write_results(given.json, figures, [0])
    print_table(figures)


if __name__ == "__main__":
    main()
