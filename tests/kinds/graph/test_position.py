"""One value of each kind of layer, taken apart, against what dense NumPy says each node adds."""

import keras
import networkx as nx
import numpy as np
import pytest

from convscope.kinds.graph.batching import graph_arrays, stacked, wiring_of
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.layers.attention import GATv2Conv
from convscope.kinds.graph.layers.convolutions import GINConv, GraphConv, SAGEConv, TAGConv
from convscope.layers.neighbors import graph_inputs, tables_of
from convscope.scope.channels.position import position

EDGES = np.array(nx.karate_club_graph().edges(), np.int64)
NODES, CHANNELS, WIDTH, NODE, CHANNEL = 34, 3, 4, 2, 1
FEATURES = np.random.default_rng(0).normal(size=(NODES, CHANNELS)).astype(np.float32)
ADJACENT = np.zeros((NODES, NODES))
ADJACENT[EDGES[:, 0], EDGES[:, 1]] = ADJACENT[EDGES[:, 1], EDGES[:, 0]] = 1
DEGREES = ADJACENT.sum(axis=1)


def normalized(near):
    scale = near.sum(axis=1) ** -0.5
    return scale[:, None] * near * scale


def of_graph_conv(layer):
    kernel, bias = map(np.array, (layer.kernel, layer.bias))
    shares = normalized(ADJACENT + np.eye(NODES))[NODE]
    return shares * (FEATURES @ kernel)[:, CHANNEL], bias[CHANNEL]


def of_tag(layer):
    kernel, bias = map(np.array, (layer.kernel, layer.bias))
    spread = [np.linalg.matrix_power(normalized(ADJACENT), hop) for hop in range(layer.hops + 1)]
    added = [spread[hop][NODE] * (FEATURES @ kernel[:, hop])[:, CHANNEL] for hop in range(layer.hops + 1)]
    return np.sum(added, axis=0), bias[CHANNEL]


def of_sage_mean(layer):
    kernel, other, bias = map(np.array, (layer.kernel, layer.neighbor_kernel, layer.bias))
    near = ADJACENT[NODE] / DEGREES[NODE] * (FEATURES @ other)[:, CHANNEL]
    return near + (np.arange(NODES) == NODE) * (FEATURES @ kernel)[:, CHANNEL], bias[CHANNEL]


def of_sage_max(layer):
    kernel, other, bias = map(np.array, (layer.kernel, layer.neighbor_kernel, layer.bias))
    pooling, shift = map(np.array, (layer.pooling_kernel, layer.pooling_bias))
    pooled = np.where(ADJACENT[NODE][:, None] > 0, np.maximum(FEATURES @ pooling + shift, 0), -1)
    added = (np.arange(NODES) == NODE) * (FEATURES @ kernel)[:, CHANNEL]
    constant = bias[CHANNEL]
    for at, largest in enumerate(pooled.argmax(axis=0).tolist()):
        if pooled[largest, at] > 0:
            added[largest] += FEATURES[largest] @ pooling[:, at] * other[at, CHANNEL]
            constant += shift[at] * other[at, CHANNEL]
    return added, constant


def of_gin(layer):
    kernel, second, bias = map(np.array, (layer.kernel, layer.second_kernel, layer.bias))
    gamma, beta, mean, variance = map(np.array, layer.norm.weights)
    scale = gamma / np.sqrt(variance + layer.norm.epsilon)
    shares = ADJACENT[NODE] + (1 + float(layer.epsilon)) * (np.arange(NODES) == NODE)
    hidden = (shares @ FEATURES @ kernel - mean) * scale + beta
    through = scale * (hidden > 0) * second[:, CHANNEL]
    constant = ((beta - mean * scale) * (hidden > 0)) @ second[:, CHANNEL] + bias[CHANNEL]
    return shares * (FEATURES @ kernel @ through), constant


def of_attention(layer):
    source, target, scores, bias = map(
        np.array, (layer.kernel, layer.target_kernel, layer.score_kernel, layer.bias)
    )
    head = CHANNEL // layer.units
    own = slice(head * layer.units, (head + 1) * layer.units)
    summed = (FEATURES @ source)[:, own] + (FEATURES @ target)[NODE, own]
    raised = np.where(summed > 0, summed, layer.slope * summed) @ scores[:, head]
    shares = np.exp(raised) * ((ADJACENT[NODE] > 0) | (np.arange(NODES) == NODE))
    return shares / shares.sum() * (FEATURES @ source)[:, CHANNEL], bias[CHANNEL]


def found_of(layer):
    keras.utils.set_random_seed(4)
    inputs = graph_inputs(CHANNELS, WIDTH)
    model = keras.Model(inputs, layer([inputs["nodes"], *tables_of(inputs)]))
    rng = np.random.default_rng(5)
    for weight in layer.weights:
        values = rng.normal(size=weight.shape)
        weight.assign(np.abs(values) + 0.5 if weight.path.endswith("variance") else values)
    batch = stacked(
        [graph_arrays(wiring_of(Graph([str(row) for row in range(NODES)], EDGES)), FEATURES, WIDTH)],
        exact=True,
    )
    return position(model, batch, layer.name, CHANNEL, (NODE,))


@pytest.mark.parametrize(
    ("layer", "dense"),
    [
        (lambda: GraphConv(2, activation="relu", name="conv"), of_graph_conv),
        (lambda: SAGEConv(2, name="conv"), of_sage_mean),
        (lambda: SAGEConv(2, "max", activation="relu", name="conv"), of_sage_max),
        (lambda: GINConv(4, activation="relu", name="conv"), of_gin),
        (lambda: GATv2Conv(3, 2, name="conv"), of_attention),
        (lambda: TAGConv(2, 2, activation="relu", name="conv"), of_tag),
    ],
    ids=["GraphConv", "SAGE mean", "SAGE max", "GIN", "GATv2", "TAG"],
)
def test_what_each_node_adds_is_what_numpy_says(layer, dense):
    layer = layer()
    found = found_of(layer)
    added, constant = dense(layer)
    rows = found.places[0]
    np.testing.assert_allclose(found.products.sum(axis=1), added[rows], atol=1e-4)
    np.testing.assert_allclose(np.delete(added, rows), 0, atol=1e-6)
    assert found.bias == pytest.approx(constant, abs=1e-4)
    assert found.sum == pytest.approx(added.sum(), abs=1e-4)
    before = added.sum() + constant
    value = before if found.activation == "linear" else max(before, 0)
    assert found.value == pytest.approx(value, abs=1e-4)
    assert abs(found.rounding) < 1e-4


def test_a_figure_says_what_was_kept():
    assert found_of(GATv2Conv(3, 2, name="conv")).held == "the attention"
    assert found_of(GINConv(4, name="conv")).held.startswith("which ReLUs")
    assert found_of(GraphConv(2, name="conv")).held == ""
