"""How long a weighted sum over the neighbors of each node takes, by every formulation of a backend.

    python benchmarks/graph_aggregation.py [--data FOLDER] [--widths 16 64]
        [--backends tensorflow jax torch] [--json FILE] [--quick]

The sum is that of a graph convolution, y = A x with A of shape (nodes, nodes) and x of (nodes, width),
float32; the gradient is that of |y|^2 / 2, A^T A x. FOLDER holds `cora/cora.npz` and
`amazon-photo/amazon_photo.npz`; a graph of 100,000 nodes and 1,000,000 edges whose degrees follow a power
law is generated. Each backend runs in a process of its own. Every formulation is compared with SciPy before
it is timed; figures are medians in milliseconds. A step that takes longer than two seconds is timed once.

`tables` are those of `convscope.layers`; `as in training` is what a training takes instead of them, see
`convscope.layers.neighbors.summed_by`. Last, `step` is one of training a graph convolutional network of 64
kernels over all nodes, with as many random features as the data has, dropout, gradient and Adam: by tables,
and as in training.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import scipy.sparse as sp
from results import Figure, add_arguments, print_table, write_results

from convscope.layers.neighbor_tables import neighbor_tables

BACKENDS = ("tensorflow", "jax", "torch")
DENSE_NODES = 8_000
SLOW = 2.0
"""Seconds of a step above which it is timed once."""
FEATURES = {"Cora": 1433, "Photo": 745}
TRAINING = "as in training"

TABLES = ("degrees", "neighbors", "weights", "reverse", "owners", "merges", "sums")
Step = Callable[[Any], Any]


def graphs(data: Path) -> Iterator[tuple[str, sp.csr_matrix]]:
    """Normalized adjacency matrices by the name of their graph."""
    cora, photo = data / "cora/cora.npz", data / "amazon-photo/amazon_photo.npz"
    if cora.exists():
        found = np.load(cora)
        source, target = found["edge_index"]
        yield "Cora", normalized(source, target, len(found["x"]))
    if photo.exists():
        found = np.load(photo, allow_pickle=False)
        parts = [found[f"adj_{name}"] for name in ("data", "indices", "indptr", "shape")]
        matrix = sp.csr_matrix((parts[0], parts[1], parts[2]), shape=tuple(parts[3])).tocoo()
        yield "Photo", normalized(matrix.row, matrix.col, matrix.shape[0])
    random = np.random.default_rng(0)
    nodes, edges = 100_000, 500_000  # each edge both ways
    popular = (nodes * random.random(edges) ** 3).astype(np.int64)
    yield "10^6 edges", normalized(random.integers(0, nodes, edges), popular, nodes)


def normalized(source: np.ndarray, target: np.ndarray, nodes: int) -> sp.csr_matrix:
    """D^-1/2 (A + I) D^-1/2 of the undirected graph."""
    ones = np.ones(len(source), np.float32)
    matrix = sp.coo_matrix((ones, (source, target)), shape=(nodes, nodes)).tocsr()
    matrix = ((matrix + matrix.T) > 0).astype(np.float32)
    matrix.setdiag(1)
    scale = sp.diags(1 / np.sqrt(np.asarray(matrix.sum(1)).ravel()))
    result = (scale @ matrix @ scale).tocsr().astype(np.float32)
    result.sort_indices()
    return result


def tables_of(matrix: sp.csr_matrix) -> list[np.ndarray]:
    """What a layer takes besides values: a batch of one graph, in the order of `TABLES`."""
    coo = matrix.tocoo()
    arcs = np.stack([coo.col, coo.row], 1).astype(np.int64)
    made = neighbor_tables(arcs, coo.data, matrix.shape[0])
    degrees = np.asarray(matrix.sum(1), np.float32).ravel()
    return [degrees[None], *(getattr(made, name)[None] for name in TABLES[1:])]


def by_tables(matrix: sp.csr_matrix) -> dict[str, Step]:
    """The sum of `convscope.layers`, by two names: `measured` tells the second how to sum up."""
    from keras import ops

    from convscope.layers.neighbors import Neighborhood

    tables = [ops.convert_to_tensor(table) for table in tables_of(matrix)]

    def made() -> Step:  # JAX compiles a function once, whatever it is called within
        return lambda x: Neighborhood(matrix.shape[0], tables).sum(x)

    return {"tables": made(), TRAINING: made()}


def training_step(matrix: sp.csr_matrix, features: int) -> Callable[[Any], Any]:
    """A step of a graph convolutional network; takes nothing and gives the loss."""
    import keras

    from convscope.kinds.graph.models import gcn

    random = np.random.default_rng(2)
    nodes, tables = matrix.shape[0], tables_of(matrix)
    x = (random.random((1, nodes, features)) < 0.02).astype(np.float32)
    asked = random.permutation(nodes)[None, :140].astype(np.int32)
    inputs = {"nodes": x, "targets": asked, **dict(zip(TABLES, tables, strict=True))}
    classes = np.eye(7, dtype=np.float32)[random.integers(0, 7, asked.shape)]
    model = gcn((None, features), 7, table_width=tables[1].shape[-1])
    model.compile("adam", "categorical_crossentropy", jit_compile=keras.backend.backend() == "jax")
    return lambda _: model.train_on_batch(inputs, classes)


def timed(step: Step, value: Any, ready: Callable[[Any], Any], quick: bool) -> float:
    """Median of a step in milliseconds, after warming up."""
    ready(step(value))
    begin = time.perf_counter()
    ready(step(value))
    if time.perf_counter() - begin > SLOW:
        return 1000 * (time.perf_counter() - begin)
    times, until = [], time.perf_counter() + (0.1 if quick else 0.5)
    while len(times) < 3 or time.perf_counter() < until:
        begin = time.perf_counter()
        ready(step(value))
        times.append(1000 * (time.perf_counter() - begin))
    return median(times)


def of_tensorflow(matrix: sp.csr_matrix) -> dict[str, Step]:
    import tensorflow as tf
    from tensorflow.python.ops.linalg.sparse import sparse_csr_matrix_ops as csr

    coo, nodes = matrix.tocoo(), matrix.shape[0]
    source, target = tf.constant(coo.col), tf.constant(coo.row)
    weights = tf.constant(coo.data)[:, None]
    sparse = tf.sparse.SparseTensor(np.stack([coo.row, coo.col], 1).astype(np.int64), coo.data, matrix.shape)

    def product(x: Any) -> Any:
        packed = csr.sparse_tensor_to_csr_sparse_matrix(sparse.indices, sparse.values, sparse.dense_shape)
        return tf.raw_ops.SparseMatrixMatMul(a=packed, b=x)

    found = {
        "unsorted segment sum": lambda x: tf.math.unsorted_segment_sum(
            tf.gather(x, source) * weights, target, nodes
        ),
        "sorted segment sum": lambda x: tf.math.segment_sum(tf.gather(x, source) * weights, target),
        "sparse matrix product": lambda x: tf.sparse.sparse_dense_matmul(sparse, x),
        "CSR matrix product, packed each time": product,
    }
    if nodes <= DENSE_NODES:
        dense = tf.constant(matrix.toarray())
        found["dense matrix product"] = lambda x: tf.matmul(dense, x)
    return found


def tensorflow_steps(step: Step) -> tuple[Step, Step]:
    import tensorflow as tf

    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.square(step(x))) / 2
        return tf.convert_to_tensor(tape.gradient(total, x))

    return tf.function(step), tf.function(gradient)


def of_jax(matrix: sp.csr_matrix) -> dict[str, Step]:
    import jax
    import jax.numpy as jnp
    from jax.experimental import sparse as jsparse

    coo, nodes = matrix.tocoo(), matrix.shape[0]
    source, target = jnp.asarray(coo.col), jnp.asarray(coo.row)
    weights = jnp.asarray(coo.data)[:, None]
    packed = jsparse.BCOO.from_scipy_sparse(matrix)

    def segments(x: Any, ordered: bool) -> Any:
        rows = jnp.take(x, source, 0) * weights
        return jax.ops.segment_sum(rows, target, nodes, indices_are_sorted=ordered)

    found = {
        "segment sum": lambda x: segments(x, False),
        "sorted segment sum": lambda x: segments(x, True),
        "sparse matrix product": lambda x: packed @ x,
    }
    if nodes <= DENSE_NODES:
        dense = jnp.asarray(matrix.toarray())
        found["dense matrix product"] = lambda x: dense @ x
    return found


def jax_steps(step: Step) -> tuple[Step, Step]:
    import jax

    return jax.jit(step), jax.jit(jax.grad(lambda x: (step(x) ** 2).sum() / 2))


def of_torch(matrix: sp.csr_matrix) -> dict[str, Step]:
    import torch

    coo, nodes = matrix.tocoo(), matrix.shape[0]
    source, target = torch.tensor(coo.col, dtype=torch.int64), torch.tensor(coo.row, dtype=torch.int64)
    weights = torch.tensor(coo.data)[:, None]

    def packed(of: sp.csr_matrix) -> Any:
        parts = (of.indptr.astype(np.int64), of.indices.astype(np.int64), of.data)
        return torch.sparse_csr_tensor(*map(torch.tensor, parts), size=of.shape)

    def with_gradient(forward: Step, backward: Step) -> Step:
        class Sum(torch.autograd.Function):
            @staticmethod
            def forward(_: Any, x: Any) -> Any:
                return forward(x)

            @staticmethod
            def backward(_: Any, gradient: Any) -> Any:
                return backward(gradient)

        return Sum.apply

    ahead, behind = packed(matrix), packed(matrix.T.tocsr())
    found = {
        "index add": lambda x: torch.zeros(nodes, x.shape[1]).index_add(0, target, x[source] * weights),
        "CSR matrix product": with_gradient(lambda x: ahead @ x, lambda g: behind @ g),
    }
    if nodes <= DENSE_NODES:
        dense = torch.tensor(matrix.toarray())
        found["dense matrix product"] = lambda x: dense @ x
    return found


def torch_steps(step: Step) -> tuple[Step, Step]:
    import torch

    def ahead(x: Any) -> Any:
        with torch.no_grad():
            return step(x)

    def gradient(x: Any) -> Any:
        x = x.detach().requires_grad_()
        (step(x).square().sum() / 2).backward()
        return x.grad

    return ahead, gradient


def measured(backend: str, given: argparse.Namespace) -> list[Figure]:
    """The figures of one backend, in this process."""
    make = {"tensorflow": of_tensorflow, "jax": of_jax, "torch": of_torch}[backend]
    pair = {"tensorflow": tensorflow_steps, "jax": jax_steps, "torch": torch_steps}[backend]
    tensor, ready = _tools(backend)
    engine = importlib.import_module(f"convscope.engine.{backend}")
    figures = []

    def told(what: str, value: float) -> None:
        figures.append(Figure(what, value, "ms", better="lower"))
        print(f"{value:9.3f} ms  {what}", file=sys.stderr, flush=True)

    def summing(formulation: str) -> Any:
        return engine.summed_by(engine.neighbor_sum) if formulation == TRAINING else nullcontext()

    for name, matrix in graphs(given.data):
        for width in given.widths:
            x = np.random.default_rng(1).normal(size=(matrix.shape[0], width)).astype(np.float32)
            for formulation, step in {**by_tables(matrix), **make(matrix)}.items():
                what = f"{backend}, {name}, width {width}, {formulation}"
                with summing(formulation):
                    ahead, gradient = pair(step)
                    _compared(ready(ahead(tensor(x))), matrix @ x, formulation)
                    _compared(ready(gradient(tensor(x))), matrix.T @ (matrix @ x), formulation)
                    told(what, timed(ahead, tensor(x), ready, given.quick))
                    told(f"{what}, gradient", timed(gradient, tensor(x), ready, given.quick))
        for formulation in ("tables", TRAINING) if name in FEATURES else ():
            with summing(formulation):
                step = training_step(matrix, FEATURES[name])
                told(f"{backend}, {name}, step, {formulation}", timed(step, None, float, given.quick))
    return figures


def _compared(found: np.ndarray, expected: np.ndarray, formulation: str) -> None:
    error = np.abs(found - expected).max() / np.abs(expected).max()
    if error > 1e-5:
        raise SystemExit(f"{formulation} differs from SciPy by {error:.1e}")


def _tools(backend: str) -> tuple[Callable[[np.ndarray], Any], Callable[[Any], np.ndarray]]:
    """From arrays to tensors, and back when they are computed."""
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.constant, lambda tensor: tensor.numpy()
    if backend == "jax":
        import jax

        return jax.numpy.asarray, lambda tensor: np.asarray(tensor.block_until_ready())
    import torch

    return torch.tensor, lambda tensor: tensor.detach().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--widths", nargs="*", type=int, default=None)
    parser.add_argument("--backends", nargs="*", default=list(BACKENDS), choices=BACKENDS)
    parser.add_argument("--inside", choices=BACKENDS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.widths = given.widths or ([16] if given.quick else [16, 64])
    if given.inside:
        print(json.dumps([vars(figure) for figure in measured(given.inside, given)]))
        return
    figures: list[Figure] = []
    for backend in given.backends:
        words = [sys.executable, __file__, *sys.argv[1:], "--inside", backend]
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=True,
        )
        figures += [Figure(**each) for each in json.loads(done.stdout.splitlines()[-1])]
        write_results(given.json, figures, [0])
    print_table(figures)


if __name__ == "__main__":
    main()
