"""Small graphs for tests."""

import networkx as nx
import numpy as np

from convscope.kinds.graph.graph import Graph


def karate(**fields):
    """Zachary's karate club: 34 people of two clubs."""
    found = nx.karate_club_graph()
    names = [f"person {node}" for node in found]
    labels = np.array([found.nodes[node]["club"] for node in found], object)
    edges = np.array(list(found.edges), np.int64)
    return Graph(**{"names": names, "edges": edges, "labels": labels, **fields})


def random_graph(nodes=40, edges=90, seed=0, **fields):
    """Different pairs of nodes, joined at random, with weights."""
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(0, nodes, (edges, 2)), axis=1), axis=0).astype(np.int64)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    weights = rng.uniform(0.5, 2, len(pairs)).astype(np.float32)
    names = [f"n{number}" for number in range(nodes)]
    return Graph(**{"names": names, "edges": pairs, "weights": weights, **fields})
