"""Spreading over edges: simulated reach is the exact one, and the best seeds are those of a full search."""

from itertools import combinations, product

import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.social.influence import best_seeds, simulate, spreading


def graph_of(edges, nodes, directed=True):
    return Graph([f"n{i}" for i in range(nodes)], np.array(edges, np.int64).reshape(-1, 2), directed)


SMALL = graph_of([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (1, 4), (4, 5)], 6)
CHANCES = np.array([0.5, 0.25, 0.75, 0.5, 0.25, 0.5, 0.9], np.float32)


def reached(edges, live, start):
    found = set(start)
    while True:
        new = {t for (s, t), passes in zip(edges, live, strict=True) if passes and s in found} - found
        if not new:
            return len(found)
        found |= new


def exact_independent(graph, chances, start):
    """The mean over every set of edges that may pass something on."""
    edges = graph.edges.tolist()
    total = 0.0
    for live in product((False, True), repeat=len(edges)):
        share = np.prod([p if passes else 1 - p for passes, p in zip(live, chances, strict=True)])
        total += share * reached(edges, live, start)
    return total


def exact_threshold(graph, chances, start):
    """The mean over whom each node follows, or nobody."""
    edges = graph.edges.tolist()
    choices = []
    for node in range(len(graph)):
        into = [(i, p) for i, ((_, t), p) in enumerate(zip(edges, chances, strict=True)) if t == node]
        choices.append([*into, (None, 1 - sum(p for _, p in into))])
    total = 0.0
    for chosen in product(*choices):
        live = [False] * len(edges)
        for edge, _ in chosen:
            if edge is not None:
                live[edge] = True
        total += np.prod([p for _, p in chosen]) * reached(edges, live, start)
    return total


BOTH = pytest.mark.parametrize(
    ("cascade", "exact"),
    [("independent", exact_independent), ("threshold", exact_threshold)],
    ids=["independent", "threshold"],
)


@pytest.mark.parametrize("start", [[0], [2, 4]], ids=["one seed", "two seeds"])
@pytest.mark.parametrize(
    ("cascade", "exact"),
    [("independent", exact_independent), ("threshold", exact_threshold)],
    ids=["ic", "lt"],
)
def test_the_simulated_reach_is_the_exact_one(cascade, exact, start):
    expected = exact(SMALL, CHANCES, start)
    found = simulate(spreading(SMALL, cascade, CHANCES), start, 40_000, seed=3)
    error = (found.high - found.low) / 2 / 1.96
    assert found.count == 40_000
    assert abs(found.mean - expected) < 4 * error


@pytest.mark.parametrize(
    ("cascade", "exact"),
    [("independent", exact_independent), ("threshold", exact_threshold)],
    ids=["ic", "lt"],
)
def test_the_best_seeds_are_those_of_a_full_search(cascade, exact):
    values = {pair: exact(SMALL, CHANCES, pair) for pair in combinations(range(6), 2)}
    found = best_seeds(spreading(SMALL, cascade, CHANCES), 2, error=0.05, seed=1)
    mine = exact(SMALL, CHANCES, found.rows.tolist())
    assert mine >= (1 - 1 / np.e) * max(values.values())
    assert mine >= max(values.values()) - 0.05
    assert found.reached[-1] == pytest.approx(mine, rel=0.05)
    assert np.all(np.diff(found.reached) >= 0)


def test_edges_to_a_node_share_the_chance_by_default():
    network = spreading(graph_of([(0, 2), (1, 2), (1, 2), (2, 2), (2, 0)], 3))
    assert network.forward.toarray().tolist() == [[0, 0, 0.5], [0, 0, 0.5], [1, 0, 0]]


def test_an_undirected_edge_passes_on_both_ways():
    network = spreading(graph_of([(0, 1), (1, 2)], 3, directed=False))
    assert network.forward.toarray().tolist() == [[0, 0.5, 0], [1, 0, 1], [0, 0.5, 0]]


def test_nobody_is_reached_over_no_edges():
    network = spreading(graph_of([], 3))
    assert simulate(network, [1], 10).mean == 1
    assert simulate(spreading(graph_of([], 3), "threshold"), [1], 10).mean == 1
    assert sorted(best_seeds(network, 3).rows.tolist()) == [0, 1, 2]


def test_the_same_seed_gives_the_same():
    network = spreading(SMALL)
    assert best_seeds(network, 2, seed=5).rows.tolist() == best_seeds(network, 2, seed=5).rows.tolist()
    assert simulate(network, [0], 100, seed=5) == simulate(network, [0], 100, seed=5)


def test_impossible_requests_are_refused():
    network = spreading(SMALL)
    with pytest.raises(UsageError, match="between 1 and 6 seeds"):
        best_seeds(network, 7)
    with pytest.raises(UsageError, match="between 0 and 1"):
        best_seeds(network, 1, error=1.5)
    with pytest.raises(UsageError, match=r"must be in \[0, 1\]"):
        spreading(SMALL, "independent", CHANCES * 2)
    with pytest.raises(UsageError, match="at most 1"):
        spreading(graph_of([(0, 2), (1, 2)], 3), "threshold", np.array([0.8, 0.8], np.float32))
