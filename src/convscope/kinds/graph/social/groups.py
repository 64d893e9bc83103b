"""Who belongs together in a network: communities, what names them, ties between them, and like with like."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.social.measures import Ties, by_size

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
MOST_VALUES = 50
"""Different values of a column of texts that people are grouped by."""
FEWEST_OF_VALUE = 3
"""People of a value in a community from which it may name it."""
LARGEST_SCORE = 2.0
"""Standard errors by which a share must differ from that of the network to name a community."""


@dataclass(frozen=True)
class Trait:
    """A value that is more frequent in a community than in the network.

    Args:
        column: What it is a value of.
        value: The value.
        share: Of the people of the community whose value is known.
        of_all: Of the people of the network whose value is known.
    """

    column: str
    value: str
    share: float
    of_all: float


@dataclass(frozen=True)
class Community:
    """People with more ties among each other than chance gives.

    Args:
        number: From 1, the largest first.
        people: How many there are.
        inside: The number of ties among them.
        outside: The number of ties to others.
        central: Names of those with the highest PageRank, in order.
        traits: What is more frequent among them than elsewhere, by how surely.
    """

    number: int
    people: int
    inside: int
    outside: int
    central: tuple[str, ...]
    traits: tuple[Trait, ...]


@dataclass(frozen=True)
class Homophily:
    """Whether ties join people who are alike.

    Args:
        column: What they are alike in.
        share: Of ties, known at both ends, that join two people of the same value.
        by_chance: That share if each person kept the number of ties and ties joined anyone.
        ties: The number of ties that are known at both ends.
        assortativity: (share - by chance) / (1 - by chance) (Newman 2003): 1 where all ties join people of
            the same value, 0 where it is chance; None where all people are of one value.
    """

    column: str
    share: float
    by_chance: float
    ties: int
    assortativity: float | None


@dataclass(frozen=True)
class Bridge:
    """A tie between two communities that many shortest paths lead over.

    Args:
        ends: Names of both people.
        communities: Of each, from 1.
        paths: The number of pairs of people whose shortest paths lead over it; half a pair where they have
            two such paths.
        common: Neighbors of both: others that could stand in for it.
        others: The number of ties between the same two communities, itself left out.
    """

    ends: tuple[str, str]
    communities: tuple[int, int]
    paths: float
    common: int
    others: int


def communities_of(ties: Ties, seed: int) -> tuple[Ints, float | None]:
    """Communities by the method of Louvain (Blondel et al. 2008), and how modular they are (Newman 2006).

    Args:
        ties: Edges by their weights, whichever way they lead; two that lead both ways are added up.
        seed: Of the order in which nodes are visited.

    Returns:
        The community of each node, the largest 0, shape (nodes,), and the modularity; None without an edge.
    """
    weights = ties.weights
    both = sp.coo_array(sp.triu(weights + weights.T if ties.graph.directed else weights, 1))
    network = nx.Graph()
    network.add_nodes_from(range(len(ties.graph)))
    network.add_weighted_edges_from(
        zip(both.row.tolist(), both.col.tolist(), both.data.tolist(), strict=True)
    )
    if not network.number_of_edges() or float(both.data.min()) < 0:
        return np.arange(len(ties.graph)), None
    found = nx.community.louvain_communities(network, weight="weight", seed=seed)
    part = np.empty(len(ties.graph), np.int64)
    for number, members in enumerate(found):
        part[list(members)] = number
    part = by_size(part)
    heavy = np.bincount(part[np.concatenate([both.row, both.col])], np.concatenate([both.data] * 2))
    inside = part[both.row] == part[both.col]
    whole = both.data.sum()
    return part, float(both.data[inside].sum() / whole - ((heavy / (2 * whole)) ** 2).sum())


def described_communities(
    ties: Ties, part: Ints, rank: Floats, shown: int, central: int = 5
) -> tuple[Community, ...]:
    """The largest communities.

    Args:
        ties: Edges.
        part: Community of each node, shape (nodes,).
        rank: PageRank of each node, shape (nodes,).
        shown: How many to describe.
        central: How many people to name.
    """
    one, other = part[ties.pairs.T]
    same = one == other
    inside = np.bincount(one[same], minlength=part.max(initial=0) + 1)
    outside = np.bincount(np.concatenate([one[~same], other[~same]]), minlength=len(inside))
    columns = value_columns(ties.graph)
    order, found = np.argsort(-rank, kind="stable"), []
    for number, people in enumerate(np.bincount(part)[:shown].tolist()):
        members = part == number
        names = tuple(ties.graph.names[row] for row in order[members[order]][:central].tolist())
        traits = [trait for name, values in columns for trait in _traits(name, values, members)]
        traits.sort(key=lambda each: -each[0])
        told = tuple(trait for _, trait in traits[:3])
        found.append(Community(number + 1, people, int(inside[number]), int(outside[number]), names, told))
    return tuple(found)


def value_columns(graph: Graph) -> list[tuple[str, npt.NDArray[np.object_]]]:
    """What people are grouped by: labels, and columns of a few different texts; None where not known."""
    columns = [] if graph.labels is None else [("label", graph.labels)]
    columns += [(name, np.asarray(each)) for name, each in graph.columns.items() if each.dtype == object]
    found = []
    for name, values in columns:
        different = {value for value in values.tolist() if value is not None}
        if 1 < len(different) <= MOST_VALUES:
            found.append((name, values))
    return found


def _traits(
    column: str, values: npt.NDArray[np.object_], members: npt.NDArray[np.bool_]
) -> list[tuple[float, Trait]]:
    """Values that are more frequent among some people, each with the standard errors of the difference."""
    known = np.array([value is not None for value in values.tolist()])
    if not (known & members).any() or (known & members).sum() == known.sum():
        return []
    names, place = np.unique(values[known].astype(str), return_inverse=True)
    whole = np.bincount(place, minlength=len(names))
    here = np.bincount(place[members[known]], minlength=len(names))
    people, among = int(whole.sum()), int(here.sum())
    of_all, share = whole / people, here / among
    error = np.sqrt(of_all * (1 - of_all) / among * (people - among) / max(people - 1, 1))
    score = (share - of_all) / np.maximum(error, 1e-12)
    return [
        (float(score[at]), Trait(column, str(names[at]), float(share[at]), float(of_all[at])))
        for at in np.flatnonzero((here >= FEWEST_OF_VALUE) & (score > LARGEST_SCORE)).tolist()
    ]


def likeness_of(ties: Ties) -> tuple[Homophily, ...]:
    """How often ties join people of the same value, of each column that groups them."""
    found = []
    for name, values in value_columns(ties.graph):
        known = np.array([value is not None for value in values.tolist()])
        place = np.full(len(values), -1, np.int64)
        place[known] = np.unique(values[known].astype(str), return_inverse=True)[1].ravel()
        one, other = place[ties.pairs.T]
        both = (one >= 0) & (other >= 0)
        one, other = one[both], other[both]
        if not len(one):
            continue
        size = int(place.max()) + 1
        first, second = (np.bincount(each, minlength=size) for each in (one, other))
        ends = (first + second) / (2 * len(one))
        share, chance = float(np.mean(one == other)), float((ends**2).sum())
        beyond = None if chance >= 1 else (share - chance) / (1 - chance)
        found.append(Homophily(name, share, chance, len(one), beyond))
    return tuple(found)


def bridges_of(ties: Ties, part: Ints, of_pairs: Floats, shown: int) -> tuple[Bridge, ...]:
    """Ties between communities, those that most shortest paths lead over first.

    Args:
        ties: Edges.
        part: Community of each node, shape (nodes,).
        of_pairs: Pairs of nodes whose shortest paths lead over each tie, shape (ties,).
        shown: How many.
    """
    one, other = part[ties.pairs.T]
    between = np.flatnonzero(one != other)
    best = between[np.argsort(-of_pairs[between].round(6), kind="stable")][:shown]
    size = int(part.max(initial=0)) + 1
    keys = np.minimum(one, other) * size + np.maximum(one, other)
    ends = ties.pairs[best]
    common = (ties.joined[ends[:, 0]] * ties.joined[ends[:, 1]]).sum(axis=1) if len(best) else np.zeros(0)
    found = []
    for at, row in enumerate(best.tolist()):
        first, second = ties.pairs[row].tolist()
        found.append(
            Bridge(
                (ties.graph.names[first], ties.graph.names[second]),
                (int(part[first]) + 1, int(part[second]) + 1),
                float(of_pairs[row]),
                int(common[at]),
                int(np.sum(keys[between] == keys[row])) - 1,
            )
        )
    return tuple(found)
