"""How far the best seeds of `best_seeds` (IMM) spread something, beside greedy search and central people.

    python benchmarks/influence.py [--data FOLDER] [--runs FOLDER] [--seeds-of 10] [--cascades 10000]
        [--workers N] [--json FILE] [--quick]

FOLDER holds `ego-facebook/facebook_combined.txt`. Something spreads by independent cascades in which each
edge passes it on with one over the in-degree of its target (weighted cascade). CELF (Leskovec et al. 2007) is
the greedy search that estimates each gain by so many simulated cascades and asks again only where an old gain
may still be the largest; stopped, it goes on from where it was kept. The reach of everyone's seeds is
simulated anew, with random numbers of its own.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import networkx as nx
import numpy as np
from results import Figure, add_arguments, print_table, write_results

from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.social.influence import Spreading, best_seeds, simulate, spreading

STEP = 200
"""Nodes after which the search is kept."""
JUDGES = 12345
"""Seed of the cascades that everyone's seeds are judged by."""


def timed_reach(network: Spreading, cascades: int, node: int) -> tuple[float, float]:
    """The reach of one node, and the seconds of the processor that it took."""
    started = time.process_time()
    reach = simulate(network, [node], cascades, seed=node).mean
    return reach, time.process_time() - started


@dataclass
class Celf:
    """Greedy search by simulated gains, which goes on from a file where it was stopped.

    Args:
        network: What something spreads in.
        cascades: Simulated for each gain.
        path: Where it is kept after every seed and every `STEP` nodes.
        workers: Processes that simulate the first gains.
        waiting: (minus the gain, node, seeds there were when it was asked) of each node, a heap in the end.
        chosen: Seeds.
        reached: By all of them.
        seconds: Of the processor, of all its parts.
    """

    network: Spreading
    cascades: int
    path: Path
    workers: int
    waiting: list[tuple[float, int, int]] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    reached: float = 0.0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.path.exists():
            kept = json.loads(self.path.read_text())
            self.waiting = [(gain, node, asked) for gain, node, asked in kept["waiting"]]
            self.chosen, self.reached, self.seconds = kept["chosen"], kept["reached"], kept["seconds"]
        self.started = time.process_time()

    def keep(self, said: str) -> None:
        """Writes where it is."""
        now = time.process_time()
        self.seconds += now - self.started
        self.started = now
        kept = {name: getattr(self, name) for name in ("waiting", "chosen", "reached", "seconds")}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.with_suffix(".part").write_text(json.dumps(kept))
        self.path.with_suffix(".part").replace(self.path)
        print(f"  CELF, {self.seconds:.0f} s: {said}", file=sys.stderr, flush=True)

    def seeds(self, count: int) -> list[int]:
        """So many, one by one."""
        ask = partial(timed_reach, self.network, self.cascades)
        with ProcessPoolExecutor(self.workers, get_context("spawn")) as pool:
            while len(self.waiting) + len(self.chosen) < self.network.nodes:
                first = len(self.waiting)
                nodes = range(first, min(self.network.nodes, first + STEP))
                for node, (reach, seconds) in zip(nodes, pool.map(ask, nodes, chunksize=8), strict=True):
                    self.waiting.append((-reach, node, 0))
                    self.seconds += seconds
                self.keep(f"{len(self.waiting)} of {self.network.nodes} nodes")
        heapq.heapify(self.waiting)
        while len(self.chosen) < count:
            gain, node, asked = heapq.heappop(self.waiting)
            if asked == len(self.chosen):
                self.chosen.append(node)
                self.reached -= gain
                self.keep(f"seed {len(self.chosen)} is {node}, reach {self.reached:.1f}")
                continue
            with_it = simulate(self.network, [*self.chosen, node], self.cascades, seed=node).mean
            heapq.heappush(self.waiting, (self.reached - with_it, node, len(self.chosen)))
        return self.chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where CELF is kept")
    parser.add_argument("--workers", type=int, default=1, help="processes of CELF; their times are added up")
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
    search = Celf(network, cascades, given.runs / f"celf-{cascades}.json", given.workers)
    greedy, theirs = search.seeds(count), search.seconds
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
