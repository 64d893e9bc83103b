"""How far the best seeds of `best_seeds` (IMM) spread something, beside greedy search and central people.

    python benchmarks/influence.py [--data FOLDER] [--seeds-of 10] [--cascades 10000] [--json FILE] [--quick]

FOLDER holds `ego-facebook/facebook_combined.txt`. Something spreads by independent cascades in which each
edge passes it on with one over the in-degree of its target (weighted cascade). CELF (Leskovec et al. 2007) is
the greedy search that estimates each gain by so many simulated cascades and asks again only where an old gain
may still be the largest. The reach of everyone's seeds is simulated anew, with random numbers of its own.
"""

from __future__ import annotations

import argparse
import heapq
import sys
import time
from pathlib import Path

import networkx as nx
import numpy as np
from results import Figure, add_arguments, print_table, write_results

from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.social.influence import Spreading, best_seeds, simulate, spreading

JUDGES = 12345
"""Seed of the cascades that everyone's seeds are judged by."""


def celf(network: Spreading, count: int, cascades: int) -> list[int]:
    """Greedy seeds by simulated gains."""
    heap = []
    for node in range(network.nodes):
        heap.append((-simulate(network, [node], cascades, seed=node).mean, node, 0))
        if node % 500 == 499:
            print(f"  CELF: {node + 1} of {network.nodes} nodes", file=sys.stderr, flush=True)
    heapq.heapify(heap)
    chosen: list[int] = []
    reached = 0.0
    while len(chosen) < count:
        gain, node, asked = heapq.heappop(heap)
        if asked == len(chosen):
            chosen.append(node)
            reached -= gain
            print(f"  CELF: seed {len(chosen)} is {node}, reach {reached:.1f}", file=sys.stderr, flush=True)
            continue
        with_it = simulate(network, [*chosen, node], cascades, seed=node).mean
        heapq.heappush(heap, (reached - with_it, node, len(chosen)))
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seeds-of", type=int, default=10, help="number of seeds")
    parser.add_argument("--cascades", type=int, default=10_000)
    given = parser.parse_args()
    count, cascades = given.seeds_of, 50 if given.quick else given.cascades
    edges = np.loadtxt(given.data / "ego-facebook/facebook_combined.txt", dtype=np.int64)
    graph = Graph([str(node) for node in range(int(edges.max()) + 1)], edges)
    network = spreading(graph)

    started = time.process_time()
    mine = best_seeds(network, count)
    took = time.process_time() - started
    started = time.process_time()
    greedy = celf(network, count, cascades)
    theirs = time.process_time() - started
    degrees = np.diff(network.forward.indptr)
    ranks = nx.pagerank(nx.from_edgelist(edges.tolist()))
    others = {
        f"CELF greedy, {cascades:,} cascades a gain": greedy,
        "highest degree": np.argsort(-degrees, kind="stable")[:count].tolist(),
        "highest PageRank": sorted(ranks, key=lambda node: (-ranks[node], node))[:count],
    }
    judged = {name: simulate(network, rows, 10_000, seed=JUDGES) for name, rows in others.items()}
    best = simulate(network, mine.rows, 10_000, seed=JUDGES)
    bar = next(iter(judged.values()))
    figures = [
        Figure(f"reach of {count} seeds: IMM", best.mean, "people", bar.mean - (bar.high - bar.low) / 2),
        Figure(f"reach of {count} seeds: IMM, its own estimate", float(mine.reached[-1]), "people"),
        *(Figure(f"reach of {count} seeds: {name}", reach.mean, "people") for name, reach in judged.items()),
        Figure("half width of the 95 % interval of these", (best.high - best.low) / 2, "people"),
        Figure("processor time of IMM", took, "s", better="lower"),
        Figure("processor time of CELF", theirs, "s", better="lower"),
        Figure("CELF's time over that of IMM", theirs / took, "times", 20.0),
    ]
    write_results(given.json, figures, [0])
    print_table(figures)


if __name__ == "__main__":
    main()
