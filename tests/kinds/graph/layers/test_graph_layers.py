"""Layers on graphs and their gradients agree with their formulas, written down with dense matrices."""

import importlib

import keras
import numpy as np
import pytest
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.graph.layers import (
    ChebConv,
    DMoNPooling,
    GATv2Conv,
    GINConv,
    GraphConv,
    GraphPooling,
    PairValues,
    Propagation,
    SAGEConv,
    TAGConv,
    TakeNodes,
)
from convscope.kinds.graph.layers.walks import NeighborSums, Walks
from convscope.layers.neighbor_tables import neighbor_tables, stacked_tables
from convscope.layers.neighbors import TABLES, graph_inputs, summed_by, tables_of
from convscope.scope.differentiate import gradient_program

pytestmark = pytest.mark.portable

NODES, FEATURES, WIDTH = 60, 5, 4
SIZES = (30, 50)
"""Real nodes of two graphs; the first has a hub of hundreds of edges, whose sums are merged three times."""


def one_graph(nodes, edges, hub, seed):
    random = np.random.default_rng(seed)
    arcs = random.integers(0, nodes - 1, (edges, 2))  # the last node has no neighbor
    arcs = np.concatenate([arcs, np.stack([random.integers(0, nodes - 1, hub), np.zeros(hub, int)], 1)])
    arcs = np.unique(arcs[arcs[:, 0] != arcs[:, 1]], axis=0)
    return arcs, random.uniform(0.5, 1.5, len(arcs)).astype("float32")


class Batch:
    """Two padded graphs as inputs of a layer, and as dense matrices."""

    def __init__(self):
        graphs = [one_graph(SIZES[0], 60, 400, 1), one_graph(SIZES[1], 100, 0, 2)]
        tables = [
            neighbor_tables(arcs, weights, nodes, WIDTH)
            for (arcs, weights), nodes in zip(graphs, SIZES, strict=True)
        ]
        rows, merges = (
            max(len(getattr(each, name)) for each in tables) + 2 for name in ("neighbors", "merges")
        )
        self.adjacency = np.zeros((2, NODES, NODES))
        for matrix, (arcs, weights) in zip(self.adjacency, graphs, strict=True):
            np.add.at(matrix, (arcs[:, 1], arcs[:, 0]), weights)
        self.degrees = self.adjacency.sum(-1)
        self.members = (np.arange(NODES) < np.array(SIZES)[:, None]).astype("float32")
        self.x = np.random.default_rng(3).normal(size=(2, NODES, FEATURES)).astype("float32")
        self.inputs = {"nodes": self.x, "degrees": self.degrees.astype("float32")}
        self.inputs |= stacked_tables(tables, NODES, rows, merges)

    def alone(self, number):
        """One graph of the batch, without padding."""
        size = SIZES[number]
        alone = Batch.__new__(Batch)
        arcs = np.argwhere(self.adjacency[number])[:, ::-1]
        weights = self.adjacency[number][arcs[:, 1], arcs[:, 0]].astype("float32")
        tables = neighbor_tables(arcs, weights, size, 16)
        alone.x = self.x[number : number + 1, :size]
        alone.members = np.ones((1, size), "float32")
        alone.inputs = {"nodes": alone.x, "degrees": self.inputs["degrees"][number : number + 1, :size]}
        alone.inputs |= {name: getattr(tables, name)[None] for name in TABLES[1:]}
        return alone


BATCH = Batch()


def tensors(batch, nodes=None):
    """What a layer takes."""
    values = [batch.inputs[name] for name in ("nodes", *TABLES)]
    made = [ops.convert_to_tensor(value) for value in values]
    return made if nodes is None else [nodes, *made[1:]]


def array(tensor):
    return ops.convert_to_numpy(tensor).astype("float64")


def normalized(matrix, loops):
    matrix = matrix + loops * np.eye(len(matrix))
    degrees = matrix.sum(1)
    scale = np.where(degrees > 0, np.where(degrees > 0, degrees, 1) ** -0.5, 0)
    return scale[:, None] * matrix * scale


def weight(layer, name):
    return array({each.name: each for each in layer.weights}[name])


def of_graph_conv(layer, x, a):
    return np.tanh(normalized(a, 1) @ x @ weight(layer, "kernel") + weight(layer, "bias"))


def of_sage(layer, x, a):
    degrees = a.sum(1, keepdims=True)
    if layer.aggregate == "mean":
        seen = a @ x / np.where(degrees > 0, degrees, 1)
    else:
        pooled = np.maximum(x @ weight(layer, "pooling_kernel") + weight(layer, "pooling_bias"), 0)
        seen = np.stack([pooled[row > 0].max(0, initial=0) for row in a])
    return x @ weight(layer, "kernel") + seen @ weight(layer, "neighbor_kernel") + weight(layer, "bias")


def of_gin(layer, x, a):
    hidden = ((1 + weight(layer, "epsilon")) * x + a @ x) @ weight(layer, "kernel")
    scale = weight(layer, "gamma") / np.sqrt(weight(layer, "moving_variance") + layer.norm.epsilon)
    hidden = (hidden - weight(layer, "moving_mean")) * scale + weight(layer, "beta")
    return np.maximum(hidden, 0) @ weight(layer, "second_kernel") + weight(layer, "bias")


def of_attention(layer, x, a):
    source, target = x @ weight(layer, "kernel"), x @ weight(layer, "target_kernel")
    heads = np.split(source, layer.heads, 1), np.split(target, layer.heads, 1)
    found = []
    for number, (near, own) in enumerate(zip(*heads, strict=True)):
        both = near[None] + own[:, None]
        scores = np.where(both > 0, both, 0.2 * both) @ weight(layer, "score_kernel")[:, number]
        raised = np.where((a > 0) | np.eye(len(a), dtype=bool), np.exp(scores), 0)
        found.append(raised / raised.sum(1, keepdims=True) @ near)
    out = np.concatenate(found, 1) if layer.concat else np.mean(found, 0)
    return out + weight(layer, "bias")


def of_hops(layer, x, a):
    s, kernel = normalized(a, 0), weight(layer, "kernel")
    powers = [x, (s if isinstance(layer, TAGConv) else -s) @ x]
    for _ in range(layer.hops - 1):
        tag = isinstance(layer, TAGConv)
        powers.append(s @ powers[-1] if tag else -2 * s @ powers[-1] - powers[-2])
    return sum(power @ kernel[:, k] for k, power in enumerate(powers)) + weight(layer, "bias")


def of_propagation(layer, x, a):
    z = x
    for _ in range(layer.hops):
        z = (1 - layer.teleport) * normalized(a, 1) @ z + layer.teleport * x
    return z


LAYERS = {
    "graph_conv": (lambda: GraphConv(7, "tanh"), of_graph_conv),
    "sage_mean_fewer": (lambda: SAGEConv(3), of_sage),
    "sage_mean": (lambda: SAGEConv(7), of_sage),
    "sage_max": (lambda: SAGEConv(7, "max"), of_sage),
    "gin": (lambda: GINConv(7), of_gin),
    "gin_fewer": (lambda: GINConv(3), of_gin),
    "gat_concat": (lambda: GATv2Conv(3, heads=2), of_attention),
    "gat_mean": (lambda: GATv2Conv(4, heads=3, concat=False), of_attention),
    "tag": (lambda: TAGConv(4, hops=3), of_hops),
    "tag_one": (lambda: TAGConv(4, hops=1), of_hops),
    "cheb": (lambda: ChebConv(4, hops=3), of_hops),
    "cheb_one": (lambda: ChebConv(4, hops=1), of_hops),
    "propagation": (lambda: Propagation(4, 0.2), of_propagation),
}


def made(name):
    """A layer with weights that are not those it starts with."""
    layer = LAYERS[name][0]()
    layer(tensors(BATCH))
    random = np.random.default_rng(4)
    layer.set_weights(
        [random.uniform(0.2, 1, value.shape) - 0.4 * (value.ndim > 1) for value in layer.get_weights()]
    )
    return layer


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_its_formula(name):
    layer = made(name)
    expected = np.stack([LAYERS[name][1](layer, x, a) for x, a in zip(BATCH.x, BATCH.adjacency, strict=True)])
    found = array(layer(tensors(BATCH)))
    assert found.shape == layer.compute_output_shape([each.shape for each in tensors(BATCH)])
    assert np.abs(found - expected).max() < 1e-5 * max(1, np.abs(expected).max())


def gradient_of(layer, wanted):
    """Of the sum of outputs times `wanted` by the values of nodes."""
    inputs = graph_inputs(FEATURES, WIDTH)
    model = keras.Model(inputs, layer([inputs["nodes"], *tables_of(inputs)]))
    tables = {name: ops.convert_to_tensor(value) for name, value in BATCH.inputs.items()}

    def loss(x, wanted):
        return ops.sum(model({**tables, "nodes": x}) * wanted), []

    (gradient,), _ = gradient_program(model, loss, [0], compiled=True)(BATCH.x, wanted)
    return gradient


@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_is_that_of_the_formula(name):
    layer, formula = made(name), LAYERS[name][1]
    random = np.random.default_rng(5)
    out = array(layer(tensors(BATCH)))
    wanted = random.normal(size=out.shape).astype("float32")

    gradient = gradient_of(layer, wanted)
    for _ in range(3):
        step = random.normal(size=BATCH.x.shape)
        small = 1e-7

        def at(size, step=step):
            pairs = zip(BATCH.x + size * step, BATCH.adjacency, wanted, strict=True)
            return sum((formula(layer, x, a) * w).sum() for x, a, w in pairs)

        slope = (at(small) - at(-small)) / (2 * small)
        assert (gradient * step).sum() == pytest.approx(slope, abs=1e-5 * float(np.abs(gradient).sum()))


@pytest.mark.parametrize("name", LAYERS)
def test_padding_and_width_of_tables_change_nothing(name):
    layer = made(name)
    whole = array(layer(tensors(BATCH)))
    for number, size in enumerate(SIZES):
        alone = array(layer(tensors(BATCH.alone(number))))[0]
        assert np.abs(whole[number, :size] - alone).max() < 1e-5 * max(1, np.abs(alone).max())


@pytest.mark.parametrize("name", ["graph_conv", "sage_mean", "gin", "cheb", "propagation"])
def test_the_sum_of_the_backend_is_that_of_the_tables(name, backend):
    layer = made(name)
    neighbor_sum = importlib.import_module(f"convscope.engine.{backend}").neighbor_sum
    expected = array(layer(tensors(BATCH)))
    wanted = np.random.default_rng(6).normal(size=expected.shape).astype("float32")
    gradient = gradient_of(layer, wanted)
    with summed_by(neighbor_sum):
        found, steep = array(layer(tensors(BATCH))), gradient_of(layer, wanted)
    assert np.abs(found - expected).max() < 1e-5 * max(1, np.abs(expected).max())
    assert np.abs(steep - gradient).max() < 1e-5 * max(1, np.abs(gradient).max())


def test_normalization_counts_real_nodes_alone():
    layer = GINConv(4)
    layer([*tensors(BATCH), BATCH.members], training=True)
    real = BATCH.members > 0
    summed = BATCH.x + BATCH.adjacency @ BATCH.x
    hidden = (summed @ weight(layer, "kernel"))[real]
    assert weight(layer, "moving_mean") == pytest.approx(0.1 * hidden.mean(0), abs=1e-4)
    assert weight(layer, "moving_variance") == pytest.approx(0.9 + 0.1 * hidden.var(0), rel=1e-4)


@pytest.mark.parametrize("reduction", ["mean", "max", "sum", "attention"])
def test_pooling_leaves_padding_out(reduction):
    layer = GraphPooling(reduction)
    found = array(layer([BATCH.x, BATCH.members]))
    for number, size in enumerate(SIZES):
        x = BATCH.x[number, :size].astype("float64")
        if reduction == "attention":
            raised = np.exp(x @ array(layer.score_kernel))
            expected = (raised / raised.sum() * x).sum(0)
        else:
            expected = getattr(x, reduction)(0)
        assert found[number] == pytest.approx(expected, abs=1e-5)
    assert not array(layer([BATCH.x, 0 * BATCH.members])).any()


def test_nodes_and_pairs_are_taken_from_their_own_graph():
    targets = np.array([[3, 0, 3], [7, 8, 9]], "int32")
    taken = array(TakeNodes()([BATCH.x, targets]))
    assert taken == pytest.approx(np.take_along_axis(BATCH.x, targets[..., None], 1))
    pairs = np.stack([targets, targets[:, ::-1]], -1)
    products = taken * taken[:, ::-1]
    assert array(PairValues()([BATCH.x, pairs])) == pytest.approx(products, abs=1e-6)
    dots = array(PairValues("dot")([BATCH.x, pairs]))
    assert dots == pytest.approx(products.sum(-1, keepdims=True), abs=1e-5)


def test_clusters_lose_by_their_modularity_and_by_their_sizes():
    layer = DMoNPooling(3, dropout=0.0, collapse=0.5)
    shares = array(layer([*tensors(BATCH), BATCH.members]))
    assert shares.sum(-1) == pytest.approx(np.ones((2, NODES)), abs=1e-6)
    losses = []
    for number, size in enumerate(SIZES):
        c, a = shares[number, :size], BATCH.adjacency[number, :size, :size]
        degrees, whole = a.sum(1), a.sum()
        modularity = np.trace(c.T @ (a - np.outer(degrees, degrees) / whole) @ c) / whole
        losses.append(0.5 * (3**0.5 / size * np.linalg.norm(c.sum(0)) - 1) - modularity)
    assert float(ops.convert_to_numpy(layer.losses[0])) == pytest.approx(np.mean(losses), abs=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_a_saved_layer_comes_back(name, tmp_path):
    inputs = graph_inputs(FEATURES, WIDTH)
    model = keras.Model(inputs, LAYERS[name][0]()([inputs["nodes"], *tables_of(inputs)]))
    model.save(tmp_path / "model.keras")
    same = keras.saving.load_model(tmp_path / "model.keras")
    given = {key: ops.convert_to_tensor(value) for key, value in BATCH.inputs.items()}
    assert array(same(given)) == pytest.approx(array(model(given)), abs=1e-6)


def test_neighbors_are_counted_and_their_weights_added_up():
    found = array(NeighborSums()(tensors(BATCH)))
    expected = np.stack([(BATCH.adjacency > 0).sum(-1), BATCH.adjacency.sum(-1)], axis=-1)
    assert found == pytest.approx(expected, abs=1e-4)


def test_walks_come_by_as_often_as_powers_of_the_matrix_say():
    strength = BATCH.adjacency.sum(1)[..., None]  # of the edges that lead away
    found = array(Walks(3, 0.7)(tensors(BATCH, ops.convert_to_tensor(strength.astype("float32")))))
    for number, adjacency in enumerate(BATCH.adjacency):
        away = strength[number, :, 0]
        step = 0.7 * adjacency / np.where(away > 0, away, 1)
        visits = sum(np.linalg.matrix_power(step, k) @ np.ones(NODES) for k in range(4))
        assert found[number, :, 0] == pytest.approx(visits, rel=1e-4)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: GraphConv(0), "at least one unit"),
        (lambda: SAGEConv(3, "median"), "'mean' or 'max'"),
        (lambda: GATv2Conv(3, heads=0), "at least one head"),
        (lambda: TAGConv(3, hops=0), "at least one hop"),
        (lambda: Propagation(3, teleport=1.0), "between 0 and 1"),
        (lambda: GraphPooling("median"), "'attention'"),
        (lambda: PairValues("sum"), "'hadamard' or 'dot'"),
        (lambda: DMoNPooling(1), "at least two clusters"),
    ],
    ids=["conv", "sage", "gat", "tag", "propagation", "pooling", "pairs", "clusters"],
)
def test_a_setting_that_makes_no_sense_is_refused(make, said):
    with pytest.raises(UsageError, match=said):
        make()
