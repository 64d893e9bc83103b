"""A network described: measures of each person, groups, bridges, and from whom something spreads furthest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from convscope.json_values import Plain, Within
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.social.groups import (
    Bridge,
    Community,
    Homophily,
    bridges_of,
    communities_of,
    described_communities,
    likeness_of,
)
from convscope.kinds.graph.social.influence import Cascade, best_seeds, simulate, spreading
from convscope.kinds.graph.social.measures import (
    Ties,
    assortativity,
    clustering,
    components,
    core_numbers,
    pagerank,
    shortest_paths,
)
from convscope.kinds.graph.social.reader import NetworkSamples
from convscope.lenses.pages.report_texts import Score
from convscope.phrasing import plural
from convscope.types import Progress

ERRORS = {5000: 0.05, 50_000: 0.1, 2**62: 0.2}
"""Error of the guarantee of IMM, by the number of nodes up to which it is asked for."""
SHOWN = 15
"""Communities and bridges that are described."""
_MOST = 2**31
Count = Annotated[int, Within(0, _MOST)]


def people_in_words(number: int) -> str:
    """A number of people.

    Example:
        >>> people_in_words(1), people_in_words(2048)
        ('1 person', '2,048 people')
    """
    return "1 person" if number == 1 else f"{number:,} people"


@dataclass(frozen=True)
class Start:
    """How many something reaches that starts from some people.

    Args:
        chosen_by: How they were chosen.
        people: Their names.
        mean: People reached, the first ones counted, over simulated cascades.
        low: Lower end of the 95 % confidence interval of the mean.
        high: Its upper end.
    """

    chosen_by: str
    people: Annotated[tuple[str, ...], Within(0, _MOST)]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Influence:
    """From whom something spreads furthest.

    Args:
        cascade: How it spreads.
        probabilities: Where the probabilities of edges come from.
        cascades: How many were simulated.
        error: With probability 1 - 1 / people, the reach is at least 1 - 1/e - `error` of the best possible.
        sets: Reverse reachable sets that the people were chosen by.
        reached: Estimated reach of the first 1, 2, ... people.
        starts: By IMM, and beside it by degree and PageRank, under cascades of their own.
    """

    cascade: Cascade
    probabilities: str
    cascades: Count
    error: float
    sets: Count
    reached: Annotated[tuple[float, ...], Within(0, _MOST)]
    starts: Annotated[tuple[Start, ...], Within(1, 10)]


@dataclass(frozen=True)
class NetworkSummary(Plain):
    """What holds for a network as a whole.

    Args:
        people: The number of nodes.
        ties: The number of pairs of nodes with an edge between them.
        density: Of all pairs of nodes, the share with an edge between them.
        components: The number of components, directions left out.
        largest: Nodes of the largest.
        strong: The number of strongly connected components, which follow directions.
        isolated: Nodes without a tie.
        clustering: Mean over the nodes of the share of pairs of neighbors that are neighbors.
        assortativity: Correlation of degrees at both ends of ties; None where all are alike.
        deepest: The largest core number.
        distance: Mean distance between nodes of which one reaches the other.
        diameter: The largest such distance that was seen.
        sources: Nodes that paths were followed from.
        groups: The number of communities.
        modularity: Of the communities; None without an edge.
        communities: The largest of them.
        homophily: Whether ties join people who are alike.
        bridges: Ties between communities.
        influence: From whom something spreads furthest.
    """

    _WHAT: ClassVar[str] = "network summary"
    _KEPT: ClassVar[dict[str, object]] = {"what": "network", "version": 1}

    people: Count
    ties: Count
    density: float
    components: Count
    largest: Count
    strong: Count
    isolated: Count
    clustering: float
    assortativity: float | None
    deepest: Count
    distance: float
    diameter: Count
    sources: Count
    groups: Count
    modularity: float | None
    communities: Annotated[tuple[Community, ...], Within(0, _MOST)]
    homophily: Annotated[tuple[Homophily, ...], Within(0, _MOST)]
    bridges: Annotated[tuple[Bridge, ...], Within(0, _MOST)]
    influence: Influence

    @property
    def is_exact(self) -> bool:
        """Whether paths were followed from every node."""
        return self.sources >= self.people

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """From whom something spreads furthest, one row for each way to choose them."""
        rows: list[tuple[str, ...]] = [
            (each.chosen_by, f"{each.mean:,.2f}", f"{each.low:,.2f} to {each.high:,.2f}")
            for each in self.influence.starts
        ]
        return (f"{people_in_words(len(self.influence.reached))} chosen by", "reach", "95 % interval"), rows

    def to_line(self) -> str:
        """Size, components, communities and distances in one line."""
        modular = "" if self.modularity is None else f" (modularity {self.modularity:.3f})"
        sampled = "" if self.is_exact else f" (from {self.sources:,} people)"
        return (
            f"{self.people:,} people, {plural(self.ties, 'tie')}, {plural(self.components, 'component')}"
            f" (largest {self.largest:,}), {plural(self.groups, 'community')}{modular}, mean distance"
            f" {self.distance:.2f}{sampled}"
        )

    def to_scores(self) -> list[Score]:
        """What stands at the top of a report."""
        best = self.influence.starts[0]
        modular = "" if self.modularity is None else f"modularity {self.modularity:.3f}"
        seen = "" if self.is_exact else f"from {self.sources:,} people; "
        longest = f"diameter {self.diameter}" if self.is_exact else f"diameter at least {self.diameter}"
        return [
            ("People", self.people, f"{plural(self.ties, 'tie')}, {self.density:.2%} of all pairs"),
            ("Communities", self.groups, modular),
            ("Components", self.components, f"the largest has {self.largest:,} people"),
            ("Mean distance", f"{self.distance:.2f}", f"{seen}{longest}"),
            ("Clustering", f"{self.clustering:.3f}", "mean share of neighbors that are neighbors"),
            (
                f"Reach of {len(best.people)}",
                f"{best.mean:,.1f}",
                f"95 % interval {best.low:,.2f} to {best.high:,.2f}, {self.influence.cascades:,} cascades",
            ),
        ]


@dataclass(frozen=True, eq=False)
class Portrait:
    """A network and each of its people.

    Args:
        graph: The network.
        columns: Measures by name, each of shape (nodes,).
        part: Community of each node, the largest 0, shape (nodes,).
        starters: Rows of the people to start from, in order.
        summary: What holds for the whole.
    """

    graph: Graph
    columns: Mapping[str, npt.NDArray[Any]]
    part: npt.NDArray[np.int64]
    starters: npt.NDArray[np.int64]
    summary: NetworkSummary


_made: WeakKeyDictionary[Graph, tuple[object, Portrait]] = WeakKeyDictionary()


def portrait_of(samples: NetworkSamples, seed: int, progress: Progress) -> Portrait:
    """Describes a network; the last description of each is kept.

    Args:
        samples: Any of its people.
        seed: Of whatever is drawn.
        progress: Receives how much is done.

    Raises:
        UsageError: A probability cannot be.
    """
    asked = (seed, samples.starters, samples.cascade, samples.cascades)
    found = _made.get(samples.graph)
    if found is None or found[0] != asked:
        found = _made[samples.graph] = (asked, _portrait(samples, *asked, progress))
    return found[1]


def _portrait(
    samples: NetworkSamples, seed: int, starters: int, cascade: Cascade, cascades: int, progress: Progress
) -> Portrait:
    graph, ties = samples.graph, Ties(samples.graph)
    rank, core, close = pagerank(ties), core_numbers(ties), clustering(ties)
    component, strong = components(ties)
    paths = shortest_paths(ties, seed, progress)
    part, modularity = communities_of(ties, seed)
    influence, chosen = _influence(samples, ties, rank, (seed, starters, cascade, cascades), progress)
    people, pairs = len(graph), len(ties.pairs)
    place = np.zeros(people, np.int64)
    place[chosen] = np.arange(1, len(chosen) + 1)
    columns: dict[str, npt.NDArray[Any]] = {"degree": ties.degrees}
    if graph.directed:
        columns["in_degree"] = np.asarray(ties.leads.sum(axis=0), np.int64).ravel()
        columns["out_degree"] = np.asarray(ties.leads.sum(axis=1), np.int64).ravel()
    if graph.weights is not None:
        columns["strength"] = np.asarray(ties.weights.sum(axis=0)).ravel()
    columns |= {
        "pagerank": rank,
        "betweenness": paths.betweenness,
        "closeness": paths.closeness,
        "core": core,
        "clustering": close,
        "component": component + 1,
        "community": part + 1,
        "starter": place,
    }
    summary = NetworkSummary(
        people=people,
        ties=pairs,
        density=2 * pairs / max(people * (people - 1), 1),
        components=int(component.max()) + 1,
        largest=int(np.sum(component == 0)),
        strong=strong,
        isolated=int(np.sum(ties.degrees == 0)),
        clustering=float(close.mean()),
        assortativity=assortativity(ties),
        deepest=int(core.max()),
        distance=paths.mean,
        diameter=paths.longest,
        sources=paths.sources,
        groups=int(part.max()) + 1,
        modularity=modularity,
        communities=described_communities(ties, part, rank, SHOWN),
        homophily=likeness_of(ties),
        bridges=bridges_of(ties, part, paths.of_pairs, SHOWN),
        influence=influence,
    )
    return Portrait(graph, columns, part, chosen, summary)


def _influence(
    samples: NetworkSamples,
    ties: Ties,
    rank: npt.NDArray[np.float64],
    asked: tuple[int, int, Cascade, int],
    progress: Progress,
) -> tuple[Influence, npt.NDArray[np.int64]]:
    """The people to start from, beside those of largest degree and PageRank."""
    seed, starters, cascade, cascades = asked
    graph, most = samples.graph, min(starters, len(samples.graph))
    network = spreading(graph, cascade, samples.probabilities)
    error = next(each for size, each in ERRORS.items() if len(graph) <= size)
    best = best_seeds(network, most, error=error, seed=seed, progress=progress)
    away = np.asarray(ties.leads.sum(axis=1)).ravel()
    degree = "out-degree" if graph.directed else "degree"
    ways = {
        "IMM": best.rows,
        degree: np.argsort(-away, kind="stable")[:most],
        "PageRank": np.argsort(-rank, kind="stable")[:most],
    }
    starts = []
    for name, rows in ways.items():
        reach = simulate(network, rows, cascades, seed + 1, progress)
        people = tuple(graph.names[row] for row in rows.tolist())
        starts.append(Start(name, people, reach.mean, reach.low, reach.high))
    given = samples.probabilities is not None
    source = "those of the data" if given else "one over the number of edges that lead to a person"
    reached = tuple(best.reached.tolist())
    return Influence(cascade, source, cascades, error, best.sets, reached, tuple(starts)), best.rows
