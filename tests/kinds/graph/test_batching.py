"""Batches of graphs: neighborhoods are exact, sizes are few."""

import numpy as np
import pytest
from small_graphs import karate, random_graph

from convscope.kinds.graph.batching import (
    graph_arrays,
    members_of,
    neighborhood,
    padded_size,
    stacked,
    table_width,
    wiring_of,
)
from convscope.kinds.graph.graph import Graph

NAMES = {"nodes", "degrees", "neighbors", "weights", "reverse", "owners", "merges", "sums"}


def convolved(wiring, values, times):
    """A dense reference: symmetric normalization with the degrees of the whole graph."""
    dense = wiring.adjacency.toarray() + np.eye(len(wiring))
    scale = 1 / np.sqrt(wiring.degrees + 1)
    for _ in range(times):
        values = np.tanh(scale[:, None] * (dense @ (scale[:, None] * values)))
    return values


@pytest.mark.parametrize("directed", [False, True], ids=["undirected", "directed"])
@pytest.mark.parametrize("hops", [0, 1, 2, 3])
def test_what_is_asked_of_a_neighborhood_is_what_the_whole_graph_says(hops, directed):
    graph = random_graph(60, 70, directed=directed)
    values = np.random.default_rng(1).normal(size=(60, 4))
    asked = np.array([17, 3, 40])
    part = neighborhood(graph, asked, hops)
    assert part.rows[:3].tolist() == asked.tolist()
    assert sorted(part.hops.tolist()) == part.hops.tolist()
    assert part.hops.max() <= hops
    whole = convolved(wiring_of(graph), values, hops)[asked]
    assert np.allclose(convolved(part.wiring, values[part.rows], hops)[:3], whole)
    if hops:
        outermost = part.hops == hops
        assert not part.wiring.adjacency.toarray()[outermost].any()


def test_a_neighborhood_ends_where_the_graph_does():
    graph = Graph(list("abcd"), np.array([[0, 1], [1, 2]]))
    assert neighborhood(graph, np.array([0]), 9).rows.tolist() == [0, 1, 2]
    assert neighborhood(graph, np.array([3]), 9).rows.tolist() == [3]


def test_edges_from_a_node_to_itself_are_left_to_the_layers():
    graph = Graph(list("ab"), np.array([[0, 0], [0, 1]]))
    assert wiring_of(graph).degrees.tolist() == [1, 1]
    assert wiring_of(graph) is wiring_of(graph)


def test_batches_hold_graphs_of_any_size():
    graphs = [karate(), random_graph(10, 12), Graph(["alone"], np.zeros((0, 2), np.int64))]
    width = table_width(graphs)
    elements = [
        graph_arrays(wiring_of(graph), np.ones((len(graph), 3), np.float32), width) for graph in graphs
    ]
    batch = stacked(elements)
    assert set(batch) == NAMES
    assert {len(each) for each in batch.values()} == {3}
    assert batch["nodes"].shape == (3, padded_size(34), 3)
    assert batch["neighbors"].shape[2] == width
    members = members_of(elements, batch["nodes"].shape[1])
    assert members.sum(axis=1).tolist() == [34, 10, 1]
    assert np.array_equal(batch["nodes"].sum(axis=2), 3 * members)
    alone = stacked(elements[2:], exact=True)
    assert alone["nodes"].shape == (1, 1, 3)
    assert not alone["weights"].any()


def test_sizes_are_few_and_little_larger():
    sizes = [padded_size(count) for count in range(1, 5000)]
    assert len(set(sizes)) < 45
    assert all(count <= size <= max(8, 1.26 * count) for count, size in enumerate(sizes, 1))
