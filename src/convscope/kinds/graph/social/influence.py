"""How far something spreads from a few people, and which few spread it furthest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.errors import UsageError
from convscope.kinds.graph.graph import Graph
from convscope.types import Progress, no_progress

Cascade = Literal["independent", "threshold"]
"""Independent cascade: each edge passes something on once, with its probability. Linear threshold: a person
follows as soon as the weights of those who have it exceed a threshold drawn at random."""
Ints = npt.NDArray[np.int64]
_CELLS = 2**22
"""Pairs of a spread and a node that are held at once."""


@dataclass(frozen=True, eq=False)
class Spreading:
    """A network along whose edges something spreads.

    Args:
        forward: Probability by source and target, shape (nodes, nodes).
        backward: The same by target and source.
        cascade: How it spreads.
    """

    forward: sp.csr_array
    backward: sp.csr_array
    cascade: Cascade = "independent"

    @property
    def nodes(self) -> int:
        """The number of people."""
        return int(self.forward.shape[0])


@dataclass(frozen=True)
class Reach:
    """How many are reached, those counted that it starts from.

    Args:
        mean: Over the spreads that were simulated.
        low: Lower end of the 95 % confidence interval of the mean.
        high: Its upper end.
        count: The number of spreads.
    """

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, eq=False)
class Seeds:
    """People to start from, the one that adds most first.

    Args:
        rows: Which nodes, shape (seeds,), int64.
        reached: Estimated reach of the first 1, 2, ... of them, shape (seeds,), float64.
        sets: The number of reverse reachable sets that both rest on.
    """

    rows: Ints
    reached: npt.NDArray[np.float64]
    sets: int


def spreading(
    graph: Graph, cascade: Cascade = "independent", probabilities: npt.NDArray[np.float32] | None = None
) -> Spreading:
    """The network of a graph.

    Args:
        graph: Edges of an undirected graph pass on both ways; edges between the same two nodes count once,
            self loops not at all.
        cascade: How it spreads.
        probabilities: Of each edge of the graph, shape (edges,), in [0, 1]; None takes one over the number of
            edges that lead to a node (weighted cascade, Kempe et al. 2003).

    Raises:
        UsageError: A probability is outside [0, 1], or in a linear threshold those that lead to a node add up
            to more than 1.
    """
    if probabilities is not None:
        graph = Graph(graph.names, graph.edges, graph.directed, probabilities)
    arcs, weights = graph.both_ways()
    kept = arcs[:, 0] != arcs[:, 1]
    keys, first = np.unique(arcs[kept, 0] * len(graph) + arcs[kept, 1], return_index=True)
    sources, targets = keys // max(len(graph), 1), keys % max(len(graph), 1)
    if probabilities is None:
        values = 1 / np.bincount(targets, minlength=len(graph))[targets]
    else:
        values = weights[kept][first].astype(np.float64)
        _check(values, targets, cascade)
    shape = (len(graph), len(graph))
    forward = sp.csr_array((values, (sources, targets)), shape=shape)
    return Spreading(forward, forward.T.tocsr(), cascade)


def _check(values: npt.NDArray[np.float64], targets: Ints, cascade: Cascade) -> None:
    if not bool(np.all((values >= 0) & (values <= 1))):
        raise UsageError(
            "Probabilities of edges must be in [0, 1].",
            "Leave them out: one over the in-degree is taken then.",
        )
    if cascade == "threshold" and np.bincount(targets, values).max(initial=0) > 1 + 1e-6:
        raise UsageError(
            "In a linear threshold model the weights that lead to a node must add up to at most 1.",
            "Divide them by their sum, or leave them out.",
        )


def simulate(
    network: Spreading,
    seeds: Sequence[int] | Ints,
    count: int = 10_000,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Reach:
    """Lets something spread many times.

    Args:
        network: Where it spreads.
        seeds: The nodes that it starts from.
        count: How often.
        seed: Draws which edges pass it on.
        progress: Called after each block of spreads.
    """
    rng = np.random.default_rng(seed)
    start = np.unique(np.asarray(seeds, np.int64))
    sizes = []
    for block in _blocks(count, network.nodes):
        if network.cascade == "independent":
            _, reached = _spread(network.forward, np.tile(start, (block, 1)), rng)
            sizes.append(np.diff(reached))
        else:
            sizes.append(_threshold(network.backward, start, block, rng))
        progress(sum(map(len, sizes)), count, "cascades")
    found = np.concatenate(sizes).astype(np.float64)
    half = 1.96 * float(found.std(ddof=1)) / math.sqrt(count) if count > 1 else 0.0
    mean = float(found.mean())
    return Reach(mean, mean - half, mean + half, count)


def best_seeds(
    network: Spreading,
    count: int,
    *,
    error: float = 0.05,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Seeds:
    """The few nodes from which something spreads furthest, by IMM.

    Reverse reachable sets are drawn until their number suffices for the guarantee: with probability
    1 - 1 / nodes the reach is at least 1 - 1/e - `error` of the best possible. The sets that seeds are chosen
    on are drawn afresh once their number is known (Chen 2018), without which the proof has a gap.

    Source: Tang, Shi and Xiao (2015), Influence Maximization in Near-Linear Time: A Martingale Approach.

    Args:
        network: Where it spreads.
        count: The number of seeds.
        error: Of the guarantee, between 0 and 1.
        seed: Draws the sets.
        progress: Called after each block of sets.

    Raises:
        UsageError: There are fewer nodes than seeds, or the error is outside (0, 1).
    """
    nodes = network.nodes
    if not 1 <= count <= nodes:
        raise UsageError(f"Expected between 1 and {nodes} seeds. Received: {count}.")
    if not 0 < error < 1:
        raise UsageError(f"Expected an error between 0 and 1. Received: {error}.")
    rng = np.random.default_rng(seed)
    if nodes == 1:
        return Seeds(np.zeros(1, np.int64), np.ones(1), 0)
    needed = _needed(network, count, error, rng, progress)
    sets = _reverse_sets(network, needed, rng, progress)
    rows, covered = _cover(sets, count)
    return Seeds(rows, covered * nodes / sets.shape[0], sets.shape[0])


def _needed(
    network: Spreading, count: int, error: float, rng: np.random.Generator, progress: Progress
) -> int:
    """The number of sets that the guarantee asks for, from a lower bound of the best reach."""
    nodes = network.nodes
    log_n = math.log(nodes)
    power = 1 + math.log(2) / log_n
    ways = math.lgamma(nodes + 1) - math.lgamma(count + 1) - math.lgamma(nodes - count + 1)
    rough = math.sqrt(2) * error
    rounds = max(1, int(math.log2(nodes)) - 1)
    scale = (
        (2 + 2 / 3 * rough) * (ways + power * log_n + math.log(max(math.log2(nodes), 1.0))) * nodes / rough**2
    )
    share = 1 - 1 / math.e
    alpha = math.sqrt(power * log_n + math.log(2))
    beta = math.sqrt(share * (ways + power * log_n + math.log(2)))
    final = 2 * nodes * (share * alpha + beta) ** 2 / error**2
    sets: sp.csr_array | None = None
    for step in range(1, rounds + 1):
        guess = nodes / 2**step
        missing = math.ceil(scale / guess) - (0 if sets is None else sets.shape[0])
        more = _reverse_sets(network, max(missing, 1), rng, progress)
        sets = more if sets is None else sp.vstack([sets, more], format="csr")
        reached: float = _cover(sets, count)[1][-1] * nodes / sets.shape[0]
        if reached >= (1 + rough) * guess:
            return math.ceil(final * (1 + rough) / reached)
    return math.ceil(final / count)


def _reverse_sets(
    network: Spreading, count: int, rng: np.random.Generator, progress: Progress
) -> sp.csr_array:
    """For nodes drawn at random, all from which something would have reached them; shape (count, nodes)."""
    parts = []
    done = 0
    for block in _blocks(count, network.nodes):
        start = rng.integers(0, network.nodes, (block, 1))
        if network.cascade == "independent":
            found, ends = _spread(network.backward, start, rng)
        else:
            found, ends = _walks(network.backward, start[:, 0], rng)
        ones = np.ones(len(found), np.int8)
        parts.append(sp.csr_array((ones, found, ends), shape=(block, network.nodes)))
        done += block
        progress(done, count, "reverse reachable sets")
    return sp.vstack(parts, format="csr")


def _cover(sets: sp.csr_array, count: int) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Nodes that cover the most sets, chosen greedily, and how many the first 1, 2, ... cover."""
    of_node = sets.T.tocsr()
    gains = np.diff(of_node.indptr).astype(np.int64)
    open_sets = np.ones(sets.shape[0], bool)
    rows, covered = [], []
    for _ in range(count):
        best = int(np.argmax(gains))
        rows.append(best)
        mine = of_node.indices[of_node.indptr[best] : of_node.indptr[best + 1]]
        newly = mine[open_sets[mine]]
        open_sets[newly] = False
        places, _ = _ranges(sets.indptr, newly.astype(np.int64))
        gains -= np.bincount(sets.indices[places], minlength=len(gains))
        gains[best] = -1
        covered.append(len(open_sets) - int(open_sets.sum()))
    return np.array(rows, np.int64), np.array(covered, np.float64)


def _blocks(count: int, nodes: int) -> Iterator[int]:
    """Sizes of blocks that fit into memory."""
    size = max(1, _CELLS // max(nodes, 1))
    for start in range(0, count, size):
        yield min(size, count - start)


def _ranges(indptr: npt.NDArray[np.integer], rows: Ints) -> tuple[Ints, Ints]:
    """Places of all entries of some rows one after another, and the position of its row for each."""
    starts = indptr[rows].astype(np.int64)
    lengths = indptr[rows + 1].astype(np.int64) - starts
    owner = np.repeat(np.arange(len(rows)), lengths)
    before = np.cumsum(lengths) - lengths
    return np.arange(len(owner)) - before[owner] + starts[owner], owner


def _spread(matrix: sp.csr_array, start: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Independent cascades, all at once.

    Args:
        matrix: Probability by the node that passes on and the node that receives.
        start: Nodes that each cascade starts from, shape (cascades, seeds).
        rng: Draws which edges pass on.

    Returns:
        The nodes that are reached, cascade by cascade, and where each begins and the last one ends, shape
        (cascades + 1,).
    """
    count, nodes = len(start), matrix.shape[0]
    reached = np.zeros((count, nodes), bool)
    reached[np.arange(count)[:, None], start] = True
    last = np.empty(count * nodes, np.int32)
    cascade, node = np.nonzero(reached)
    while len(node):
        places, owner = _ranges(matrix.indptr, node)
        passed = rng.random(len(places), np.float32) < matrix.data[places]
        keys = cascade[owner[passed]] * nodes + matrix.indices[places[passed]]
        keys = keys[~reached.ravel()[keys]]
        order = np.arange(len(keys), dtype=np.int32)
        last[keys] = order
        keys = keys[last[keys] == order]
        reached.ravel()[keys] = True
        cascade, node = keys // nodes, keys % nodes
    return np.nonzero(reached)[1], np.concatenate([[0], np.cumsum(reached.sum(1))])


def _walks(backward: sp.csr_array, start: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Reverse reachable sets of the linear threshold: each node follows one that leads to it, or nobody."""
    count, nodes = len(start), backward.shape[0]
    reached = np.zeros((count, nodes), bool)
    sums = np.concatenate([[0.0], np.cumsum(backward.data)])
    walk, node = np.arange(count), start
    while len(node):
        reached[walk, node] = True
        first, last = sums[backward.indptr[node]], sums[backward.indptr[node + 1]]
        drawn = first + rng.random(len(node))
        goes = drawn < last
        chosen = np.searchsorted(sums, drawn[goes], side="right") - 1
        walk, node = walk[goes], backward.indices[chosen].astype(np.int64)
        fresh = ~reached[walk, node]
        walk, node = walk[fresh], node[fresh]
    return np.nonzero(reached)[1], np.concatenate([[0], np.cumsum(reached.sum(1))])


def _threshold(backward: sp.csr_array, start: Ints, count: int, rng: np.random.Generator) -> Ints:
    """How many each of several linear threshold spreads reaches, shape (count,).

    A threshold drawn at random is the same as to follow one of those that lead to a node, drawn by their
    weights, or nobody (Kempe et al. 2003): who is reached follows from whom one comes to in the end.
    """
    nodes = backward.shape[0]
    sums = np.concatenate([[0.0], np.cumsum(backward.data)])
    first, last = sums[backward.indptr[:-1]], sums[backward.indptr[1:]]
    drawn = first + rng.random((count, nodes))
    chosen = np.minimum(np.searchsorted(sums, drawn, side="right") - 1, max(len(backward.indices) - 1, 0))
    own = np.arange(nodes)
    leads = np.where(drawn < last, backward.indices[chosen] if len(backward.indices) else own, own)
    leads[:, start] = start
    for _ in range(nodes.bit_length()):  # those who follow each other in a circle come from nobody
        leads = np.take_along_axis(leads, leads, axis=1)
    sizes: Ints = np.isin(leads, start).sum(axis=1)
    return sizes
