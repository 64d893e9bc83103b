"""Layers on graphs agree with those of PyTorch Geometric, where it is installed."""

import numpy as np
import pytest
from keras import ops

from convscope.kinds.graph.layers import ChebConv, GATv2Conv, GraphConv, Propagation, SAGEConv, TAGConv
from convscope.layers.neighbor_tables import neighbor_tables
from convscope.layers.neighbors import TABLES

NODES, CHANNELS, UNITS = 40, 6, 3


@pytest.fixture(scope="module")
def geometric():
    """The layers of PyTorch Geometric."""
    pytest.importorskip("torch_geometric", reason="PyTorch Geometric is not installed")
    from torch_geometric import nn

    return nn


@pytest.fixture(scope="module")
def graph():
    """Edges both ways, and values of nodes."""
    random = np.random.default_rng(0)
    pairs = random.integers(0, NODES, (90, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    arcs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    return arcs, random.normal(size=(NODES, CHANNELS)).astype("float32")


def ours(layer, graph):
    arcs, x = graph
    tables = neighbor_tables(arcs, np.ones(len(arcs), "float32"), NODES)
    degrees = np.bincount(arcs[:, 1], minlength=NODES).astype("float32")
    given = [x[None], degrees[None], *(getattr(tables, name)[None] for name in TABLES[1:])]
    return ops.convert_to_numpy(layer([ops.convert_to_tensor(each) for each in given]))[0]


def theirs(layer, graph):
    import torch

    arcs, x = graph
    with torch.no_grad():
        return layer(torch.tensor(x), torch.tensor(arcs.T)).numpy()


def given_to(layer, **kernels):
    """Weights by the paths of their parameters there."""
    import torch

    parameters = dict(layer.named_parameters())
    with torch.no_grad():
        for name, kernel in kernels.items():
            values = ops.convert_to_numpy(kernel)
            parameters[name.replace("__", ".")].copy_(
                torch.tensor(values).reshape(parameters[name.replace("__", ".")].shape)
            )
    return layer


def transposed(kernel):
    return ops.transpose(ops.convert_to_tensor(kernel))


def compare(layer, there, graph, **kernels):
    found = ours(layer, graph)
    named = {name: value() for name, value in kernels.items()}
    assert np.abs(found - theirs(given_to(there, **named), graph)).max() < 1e-5


def test_graph_conv(geometric, graph):
    layer = GraphConv(UNITS)
    compare(layer, geometric.GCNConv(CHANNELS, UNITS), graph, lin__weight=lambda: transposed(layer.kernel))


@pytest.mark.parametrize("aggregate", ["mean", "max"])
def test_sage_conv(geometric, graph, aggregate):
    layer = SAGEConv(UNITS, aggregate)
    there = geometric.SAGEConv(CHANNELS, UNITS, aggr=aggregate, project=aggregate == "max", bias=False)
    kernels = {
        "lin_l__weight": lambda: transposed(layer.neighbor_kernel),
        "lin_r__weight": lambda: transposed(layer.kernel),
    }
    if aggregate == "max":
        kernels["lin__weight"] = lambda: transposed(layer.pooling_kernel)
        kernels["lin__bias"] = lambda: layer.pooling_bias
    compare(layer, there, graph, **kernels)


def test_attention(geometric, graph):
    layer = GATv2Conv(UNITS, heads=2)
    there = geometric.GATv2Conv(CHANNELS, UNITS, heads=2, bias=False)
    compare(
        layer,
        there,
        graph,
        lin_l__weight=lambda: transposed(layer.kernel),
        lin_r__weight=lambda: transposed(layer.target_kernel),
        att=lambda: transposed(layer.score_kernel),
    )


@pytest.mark.parametrize("kind", ["tag", "cheb"])
def test_several_hops(geometric, graph, kind):
    layer = (TAGConv if kind == "tag" else ChebConv)(UNITS, hops=2)
    there = (
        geometric.TAGConv(CHANNELS, UNITS, K=2) if kind == "tag" else geometric.ChebConv(CHANNELS, UNITS, K=3)
    )
    kernels = {f"lins__{k}__weight": lambda k=k: transposed(layer.kernel[:, k]) for k in range(3)}
    compare(layer, there, graph, **kernels)


def test_propagation(geometric, graph):
    compare(Propagation(5, 0.2), geometric.APPNP(5, 0.2), graph)
