"""Products without zeros are those of dense arrays, with their gradients; layers stay what they are."""

import keras
import numpy as np
import pytest
from keras import ops

from convscope.engine.device import backend_file
from convscope.engine.training import sparse_inputs
from convscope.engine.training.sparse_inputs import is_mostly_zero, multiplied_sparsely
from convscope.kinds.graph.layers import GraphConv, SAGEConv
from convscope.layers.neighbor_tables import neighbor_tables
from convscope.layers.neighbors import TABLES, graph_inputs, tables_of
from convscope.layers.sparse_products import SparseRows
from convscope.scope.differentiate import gradient_program

pytestmark = pytest.mark.portable

NODES, FEATURES = 30, 24


@pytest.fixture
def batch(monkeypatch):
    """A ring of nodes with few values each; one node and one feature have none."""
    monkeypatch.setattr(sparse_inputs, "FEWEST_VALUES", 1)
    random = np.random.default_rng(0)
    x = random.normal(size=(1, NODES, FEATURES)) * (random.random((1, NODES, FEATURES)) < 0.08)
    x[0, 3], x[0, :, 5], x[0, 7, :10] = 0, 0, 1
    ring = np.arange(NODES)
    arcs = np.concatenate([np.stack([ring, np.roll(ring, 1)], 1), np.stack([np.roll(ring, 1), ring], 1)])
    tables = neighbor_tables(arcs, np.ones(len(arcs), "float32"), NODES, 4)
    inputs = {"nodes": x.astype("float32"), "degrees": np.full((1, NODES), 2, "float32")}
    return inputs | {name: getattr(tables, name)[None] for name in TABLES[1:]}


def test_rows_and_their_tables_hold_every_value_once(batch):
    dense = batch["nodes"][0]
    rows = SparseRows.of(dense)
    for (others, places, owners), turned in ((rows.table(), False), (rows.turned_table(), True)):
        back = np.zeros_like(dense.T if turned else dense)
        padded = np.append(rows.values, 0)[places]
        np.add.at(back, (np.repeat(owners, others.shape[1]), others.ravel()), padded.ravel())
        assert np.array_equal(back.T if turned else back, dense)


def test_a_product_and_its_gradient_are_those_of_the_dense_matrix(batch):
    dense = batch["nodes"][0]
    rows = SparseRows.of(dense)
    multiply = backend_file().sparse_product(rows)
    random = np.random.default_rng(1)
    kernel, wanted = random.normal(size=(FEATURES, 5)), random.normal(size=(NODES, 5))
    kernel, wanted = kernel.astype("float32"), wanted.astype("float32")
    values = ops.convert_to_tensor(rows.values)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Identity()])

    def loss(kernel, wanted):
        return ops.sum(multiply(values, kernel) * wanted), []

    (gradient,), _ = gradient_program(model, loss, [0], compiled=True)(kernel, wanted)
    found = ops.convert_to_numpy(multiply(values, ops.convert_to_tensor(kernel)))
    assert found == pytest.approx(dense @ kernel, abs=1e-5)
    assert gradient == pytest.approx(dense.T @ wanted, abs=1e-5)


def network(layer, dropout=True):
    inputs = graph_inputs(FEATURES, 4)
    x = keras.layers.Dropout(0.5)(inputs["nodes"]) if dropout else inputs["nodes"]
    given = x if isinstance(layer, keras.layers.Dense) else [x, *tables_of(inputs)]
    return keras.Model(inputs, layer(given))


LAYERS = {
    "graph_conv": lambda: GraphConv(4),
    "sage_mean": lambda: SAGEConv(4),
    "sage_max": lambda: SAGEConv(4, "max"),
    "dense": lambda: keras.layers.Dense(4, "relu"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_put_out_what_they_did(batch, name):
    model = network(LAYERS[name]())
    given = {key: ops.convert_to_tensor(value) for key, value in batch.items()}
    expected = ops.convert_to_numpy(model(given))
    hidden = {**given, "nodes": 0 * given["nodes"]}
    data = (batch, None)
    with multiplied_sparsely(model, data, data):
        assert ops.convert_to_numpy(model(hidden)) == pytest.approx(expected, abs=1e-5)  # nobody reads them
    assert ops.convert_to_numpy(model(given)) == pytest.approx(expected, abs=1e-6)
    assert not any("call" in vars(layer) for layer in model.layers)


def test_dropout_scales_what_it_keeps_of_the_values(batch):
    layer = keras.layers.Dense(FEATURES, use_bias=False, kernel_initializer="identity")
    model, dense = network(layer), batch["nodes"][0]
    given = {key: ops.convert_to_tensor(value) for key, value in batch.items()}
    with backend_file().accelerated(model), multiplied_sparsely(model, (batch, None), (batch, None)):
        found = [ops.convert_to_numpy(model(given, training=True))[0] for _ in range(8)]
    filled = dense != 0
    ratios = np.stack(found)[:, filled] / dense[filled]
    assert not np.stack(found)[:, ~filled].any()
    assert np.all((np.abs(ratios) < 1e-6) | (np.abs(ratios - 2) < 1e-5))
    assert 0.7 < ratios.mean() < 1.3
    assert not np.array_equal(found[0], found[1])


@pytest.mark.parametrize("case", ["another_graph", "a_mean_of_inputs", "dense_values"])
def test_nothing_is_exchanged_where_it_would_not_be_the_same(batch, case):
    model = network(SAGEConv(FEATURES + 1) if case == "a_mean_of_inputs" else GraphConv(4))
    other = {**batch, "nodes": batch["nodes"].copy()} if case == "another_graph" else batch
    if case == "dense_values":
        other = batch = {**batch, "nodes": np.ones_like(batch["nodes"])}
    with multiplied_sparsely(model, (batch, None), (other, None)):
        assert not any("call" in vars(layer) for layer in model.layers)


def test_small_inputs_and_full_ones_are_multiplied_as_they_are():
    assert is_mostly_zero(10_000, 1_000_000)
    assert not is_mostly_zero(10, 1_000)
    assert not is_mostly_zero(350_000, 1_000_000)
