"""From the edges of a graph to links that are seen, and others that are hidden to judge by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import check_mostly_readable
from convscope.data.named_files import is_folder
from convscope.data.splits import Split, Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.graph.graph import FoundGraphs, Graph, NodePair
from convscope.kinds.graph.link_prediction.negatives import (
    Likeness,
    Pairs,
    keys_of,
    only_edges,
    pairs_of,
    random_negatives,
)
from convscope.kinds.graph.readers.columns import TableSource
from convscope.kinds.graph.readers.reader import AskedGraph, found_graphs
from convscope.kinds.graph.readers.roles import USUAL, header_names
from convscope.kinds.graph.readers.tables import may_be_table, open_source
from convscope.option import taking_fields
from convscope.phrasing import plural
from convscope.types import SPLITS, Progress, Skipped, no_progress

CLASS_NAMES = ("no link", "link")
FEWEST_LINKS = 10
"""Without which nothing can be hidden and judged."""
MOST_PAIRS = 2 * 10**6
"""Pairs among which the most probable new links are sought."""


@dataclass(frozen=True, eq=False)
class LinkSamples:
    """Pairs of nodes of one graph, links and others.

    Args:
        graph: The graph with the edges that may be seen.
        pairs: Rows of both nodes, shape (samples, 2), int64.
        links: Whether each pair is a link, shape (samples,); None where that is not known.
        known: `keys_of` all links, those that are hidden included, ascending; None where the pairs are not
            judged.
        most: How many of the most probable pairs are told; None tells of every pair.
        skipped: What was left out.
    """

    names_files: ClassVar[bool] = False
    graph: Graph
    pairs: Pairs
    links: npt.NDArray[np.bool_] | None = None
    known: npt.NDArray[np.int64] | None = None
    most: int | None = None
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.pairs)

    def load(self, index: int) -> NodePair:
        """One pair in its graph."""
        source, target = self.pairs[index].tolist()
        return NodePair(self.graph, (source, target))

    def name(self, index: int) -> str:
        """The names of both nodes."""
        return self.load(index).name

    def content(self) -> bytes:
        """Tells these pairs from those of a graph that differs in anything."""
        return self.graph.digest() + np.ascontiguousarray(self.pairs).tobytes()

    def take(self, indices: npt.NDArray[np.int64]) -> LinkSamples:
        """Some of the pairs, of the same graph."""
        links = None if self.links is None else self.links[indices]
        return replace(self, pairs=self.pairs[indices], links=links, skipped=())


def split_links(
    where: str, found: FoundGraphs, seed: int, validation_share: float, test_share: float
) -> Splits:
    """Hides some links of a graph, and draws as many pairs without an edge to judge beside them.

    A pair of nodes is in one split, however many edges it has and whichever way they point. Where edges have
    times, the latest are hidden.

    Args:
        where: The path that was read, for messages.
        found: One graph.
        seed: Draws links and negatives.
        validation_share: Of the links, to choose the best epoch by.
        test_share: Of the links, to judge on.

    Returns:
        Samples are `LinkSamples`; those of every split see the edges of train alone. Train has links only.

    Raises:
        DataError: There are several graphs, fewer than `FEWEST_LINKS` links, or no pairs without an edge.
    """
    graph = _one(where, found)
    nodes, apart = len(graph), graph.edges[:, 0] != graph.edges[:, 1]
    of_edge = keys_of(graph.edges, nodes)
    known = _links(where, of_edge[apart])
    rng = np.random.default_rng([seed, len(known)])
    test, validation = (max(1, round(len(known) * share)) for share in (test_share, validation_share))
    order, how = _order(graph, known, of_edge, rng, seed)
    parts = np.split(order, [len(known) - test - validation, len(known) - test])
    negatives = _negatives(where, nodes, known, validation + test, rng)
    hidden = np.isin(of_edge, known[np.concatenate(parts[1:])])
    seen = only_edges(graph, ~hidden)
    cut = max(1, len(negatives) * validation // (validation + test))
    others = (np.zeros((0, 2), np.int64), negatives[:cut], negatives[cut:])
    train, chosen, judged = (
        _split(seen, pairs_of(known[rng.permutation(part)], nodes), more, known)
        for part, more in zip(parts, others, strict=True)
    )
    decisions = _told(parts, how, int(hidden.sum()), cut, len(negatives))
    return Splits(
        train,
        chosen,
        judged,
        class_names=CLASS_NAMES,
        layout=found.layout,
        fingerprint=graph.digest().hex(),
        decisions=(*found.decisions, *decisions, *_ignored(graph, apart)),
        warnings=found.warnings,
        skipped=found.skipped,
    )


def _links(where: str, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Every pair with an edge once, shape (links,)."""
    known = np.unique(keys)
    if len(known) < FEWEST_LINKS:
        raise DataError(
            f"{where}: expected at least {FEWEST_LINKS} links between different nodes, received {len(known)}",
            hint="Give a graph with more edges.",
        )
    return known


def _negatives(
    where: str, nodes: int, known: npt.NDArray[np.int64], count: int, rng: np.random.Generator
) -> Pairs:
    """Pairs without an edge, shape (pairs, 2)."""
    negatives = random_negatives(nodes, known, count, rng)
    if len(negatives) < 2:
        raise DataError(
            f"{where}: every node has an edge to every other", hint="There is no link to predict."
        )
    return negatives


def _told(
    parts: Sequence[npt.NDArray[np.int64]], how: dict[str, str], hidden: int, cut: int, negatives: int
) -> list[str]:
    """What was decided about links and negatives, one line each."""
    links = sum(map(len, parts))
    lines = [
        f"{name}: {len(part):,} of {plural(links, 'link')}, {how[name]}"
        for name, part in zip(SPLITS, parts, strict=True)
    ]
    lines.append(
        f"edges that may be seen: those of train alone; {plural(hidden, 'edge')} of validation and test taken"
        " out of the graph"
    )
    lines.append(
        "negatives: pairs without an edge, drawn anew in each step of the training and once for validation"
        f" ({cut}) and test ({negatives - cut})"
    )
    return lines


def _one(where: str, found: FoundGraphs) -> Graph:
    return found.only(
        where, "Give the edges of one graph; a collection of graphs is for --recipe graph-classification."
    )


def _order(
    graph: Graph,
    known: npt.NDArray[np.int64],
    of_edge: npt.NDArray[np.int64],
    rng: np.random.Generator,
    seed: int,
) -> tuple[npt.NDArray[np.int64], dict[str, str]]:
    """Positions of links, those of train first and those of test last, and how each split is made."""
    if graph.times is None:
        said = f"drawn with seed {seed}; both directions of a pair are in one split"
        return rng.permutation(len(known)), dict.fromkeys(SPLITS, said)
    first = np.full(len(known), np.inf)
    place = np.minimum(np.searchsorted(known, of_edge), len(known) - 1)
    linked = known[place] == of_edge
    np.minimum.at(first, place[linked], graph.times[linked])
    drawn = rng.permutation(len(known))
    order = drawn[np.argsort(first[drawn], kind="stable")]
    return order, {
        "train": "the oldest, by the first time of a pair",
        "validation": "those that follow the train links",
        "test": "the latest",
    }


def _split(seen: Graph, links: Pairs, negatives: Pairs, known: npt.NDArray[np.int64]) -> Split:
    labels = np.repeat(np.array([1, 0], np.int64), [len(links), len(negatives)])
    return Split(LinkSamples(seen, np.concatenate([links, negatives]), labels == 1, known), labels)


def _ignored(graph: Graph, apart: npt.NDArray[np.bool_]) -> Sequence[str]:
    lines = []
    if graph.directed:
        lines.append(
            "direction: not predicted; a link is between two nodes, and messages are passed both ways"
        )
    if not apart.all():
        lines.append(f"self loops: {int(np.sum(~apart))} are seen, and no links to be predicted")
    return lines


@taking_fields(AskedGraph)
def read_links(
    path: Path | str,
    asked: AskedGraph,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    validation_share: float = 0.05,
    test_share: float = 0.1,
) -> Splits:
    """Reads a graph and hides some of its links.

    Args:
        path: A file or a folder of one graph.
        asked: What the user says of it; callers name the fields.
        seed: Draws links and negatives.
        progress: Receives how much is read.
        validation_share: As of `split_links`.
        test_share: As of `split_links`.

    Raises:
        DataError: As `found_graphs` and `split_links`.
        UsageError: No link would be left for train.
    """
    _check_shares(validation_share, test_share)
    found = found_graphs([Path(path)], replace(asked, told=False), progress)
    splits = split_links(str(path), found, seed, validation_share, test_share)
    return replace(splits, reading={"graph": str(Path(path).absolute())})


def _check_shares(validation_share: float, test_share: float) -> None:
    if validation_share + test_share >= 1:
        raise UsageError(
            "validation_share and test_share must leave links for train. Received:"
            f" {validation_share:g} and {test_share:g}."
        )


@taking_fields(AskedGraph)
def read_pairs(
    paths: Sequence[str],
    asked: AskedGraph,
    *,
    progress: Progress = no_progress,
    graph: str | None = None,
    most: int = 100,
) -> LinkSamples:
    """Reads pairs that are asked about, or a graph whose most probable new links are sought.

    A table of two columns holds pairs of nodes of `graph`, all of whose edges are seen. Anything else is a
    graph itself.

    Args:
        paths: One table of pairs, or the files or the folder of one graph.
        asked: What the user says of it; callers name the fields.
        progress: Receives how much is read.
        graph: Where the graph is that pairs are asked of; that of the training by default.
        most: How many of the most probable new links are told.

    Raises:
        DataError: The graph is not there or is malformed, or it has none of the nodes.
    """
    asked = replace(asked, time_column=None)  # which is asked about whole, whenever its edges are
    table = _table_of_pairs(paths, asked.encoding)
    if table is None:
        whole, skipped = _whole(paths, asked, progress)
        pairs, left = new_pairs(whole)
        return LinkSamples(whole, pairs, most=most, skipped=(*skipped, *left))
    return _asked_pairs(paths[0], table, graph, asked, progress)


def _asked_pairs(
    where: str, table: TableSource, graph: str | None, asked: AskedGraph, progress: Progress
) -> LinkSamples:
    """Pairs of a table, as nodes of the graph that they are of."""
    if graph is None or not Path(graph).exists():
        raise DataError(
            f"{where}: expected the graph that its pairs are of, received none at {graph}",
            hint="Give the place of the graph: --graph PATH.",
        )
    whole, _ = _whole([graph], asked, progress)
    rows, unknown = _rows_of(table, whole)
    check_mostly_readable(where, len(rows), unknown, "pairs")
    return LinkSamples(whole, rows, skipped=tuple(unknown))


def _whole(paths: Sequence[str], asked: AskedGraph, progress: Progress) -> tuple[Graph, tuple[Skipped, ...]]:
    """One graph with all of its edges, both ways."""
    found = found_graphs([Path(path) for path in paths], asked, progress)
    graph = _one(paths[0], found)
    return only_edges(graph, np.ones(len(graph.edges), bool)), found.skipped


def _table_of_pairs(paths: Sequence[str], encoding: str | None) -> TableSource | None:
    """A single table of two columns; None for anything else."""
    if len(paths) != 1 or is_folder(Path(paths[0])) or not may_be_table(Path(paths[0])):
        return None
    source = open_source(Path(paths[0]), encoding, (), USUAL, header_names)
    return source if len(source.columns) == 2 else None


def _rows_of(table: TableSource, graph: Graph) -> tuple[Pairs, list[Skipped]]:
    """The pairs of a table whose nodes are in the graph, shape (pairs, 2), and the others."""
    row_of = {name: row for row, name in enumerate(graph.names)}
    columns = [table.load((), [name], ())[name].to_pylist() for name in table.columns]
    pairs, skipped = [], []
    for number, (source, target) in enumerate(zip(*columns, strict=True)):
        unknown = [str(name) for name in (source, target) if name not in row_of]
        if unknown or source == target:
            reason = f"no node is called '{unknown[0]}'" if unknown else "both nodes are the same"
            skipped.append(Skipped(table.line(number), reason))
        else:
            pairs.append((row_of[source], row_of[target]))
    return np.array(pairs, np.int64).reshape(-1, 2), skipped


def new_pairs(graph: Graph) -> tuple[Pairs, tuple[Skipped, ...]]:
    """Pairs without an edge that may become links.

    Args:
        graph: With the edges that there are.

    Returns:
        All of them, shape (pairs, 2), or of a large graph those with a common neighbor that is no hub, and
        what is left out.
    """
    nodes = len(graph)
    known = np.unique(keys_of(graph.edges[graph.edges[:, 0] != graph.edges[:, 1]], nodes))
    if nodes * (nodes - 1) // 2 <= MOST_PAIRS:
        low, high = np.triu_indices(nodes, 1)
        free = np.setdiff1d(low * nodes + high, known, assume_unique=True)
        return pairs_of(free, nodes), ()
    near = Likeness(graph).two_hops(MOST_PAIRS)
    free = np.setdiff1d(keys_of(near, nodes), known)
    said = Skipped(graph.name, "pairs without a common neighbor, or whose common neighbors are hubs")
    return pairs_of(free, nodes), (said,)
