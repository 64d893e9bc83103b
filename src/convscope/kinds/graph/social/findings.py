"""A network on a page: drawn with its communities, and tables of people, communities, ties and starts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from convscope.kinds.contract.representation import GraphDescription
from convscope.kinds.graph.layout import run_layout
from convscope.kinds.graph.picture import GraphPicture
from convscope.kinds.graph.social.groups import Community, Trait
from convscope.kinds.graph.social.portrait import NetworkSummary, Portrait, people_in_words
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Finding, FoundTable
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import color_bytes, count, find_theme
from convscope.phrasing import plural

PEOPLE = 15
"""People that are listed of each measure."""
SIDE = 860
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#6a4fb5")
"""Of the largest communities, in order. The first ones are those of Okabe and Ito (2008), "Color universal
design", which people see apart who do not tell red from green; numbers in the picture say the same."""
REST = "#9a9a9a"


def findings(portrait: Portrait) -> Sequence[Finding]:
    """What a report says of a network."""
    draw = partial(draw_network, portrait)
    about = "People and ties, laid out by forces. Colors: the largest communities. Rings: from whom something"
    return (
        Finding(
            "network",
            "Network",
            f"{about} spreads furthest.",
            pictures=(LazyFigure(draw, "the network with its communities"),),
        ),
        _central(portrait),
        _communities(portrait.summary),
        _bridges(portrait.summary),
        _influence(portrait),
    )


def _central(portrait: Portrait) -> Finding:
    names, columns, summary = portrait.graph.names, portrait.columns, portrait.summary
    shown = [name for name in columns if name not in ("component", "starter")]
    order = np.lexsort((-columns["degree"], -columns["pagerank"].round(12)))[:PEOPLE]
    rows = [(names[row], *(_cell(columns[name][row]) for name in shown)) for row in order.tolist()]
    exact = (
        "Betweenness, closeness and distances follow the shortest paths from every person."
        if summary.is_exact
        else f"Betweenness, closeness and distances are estimated from the shortest paths from"
        f" {summary.sources:,} of {summary.people:,} people, drawn at random."
    )
    similar = ""
    if summary.assortativity is not None:
        similar = f" Degrees at both ends of ties correlate by {summary.assortativity:.3f}."
    said = (
        f"The people with the highest PageRank. {exact} The deepest core has"
        f" {plural(summary.deepest, 'neighbor')}"
        f" each.{similar}"
    )
    headings = ("Person", *(name.replace("_", "-").capitalize() for name in shown))
    return Finding("people", "Central people", said, tables=(FoundTable("", headings, rows),))


def _communities(summary: NetworkSummary) -> Finding:
    rows = [
        (
            str(each.number),
            f"{each.people:,}",
            f"{each.inside:,}",
            f"{each.outside:,}",
            ", ".join(each.central),
            "; ".join(map(_trait, each.traits)) or "-",
        )
        for each in summary.communities
    ]
    shown = len(rows)
    some = f", the {shown} largest of {summary.groups:,}" if summary.groups > shown else ""
    modular = "" if summary.modularity is None else f" The modularity is {summary.modularity:.3f}."
    said = (
        f"By the method of Louvain, which has other results with another seed{some}.{modular} Named by the"
        " values that are more frequent there than in the network, by more than two standard errors."
    )
    headings = ("Community", "People", "Ties inside", "Ties outside", "Most central", "More frequent")
    tables = [FoundTable("", headings, rows)]
    if summary.homophily:
        alike = [
            (
                each.column,
                f"{each.share:.1%}",
                f"{each.by_chance:.1%}",
                "-" if each.assortativity is None else f"{each.assortativity:.3f}",
                f"{each.ties:,}",
            )
            for each in summary.homophily
        ]
        heads = ("Alike in", "Ties between alike", "By chance", "Assortativity", "Ties")
        tables.append(FoundTable("Homophily: do ties join people who are alike?", heads, alike))
    return Finding("communities", "Communities", said, tables=tuple(tables))


def _trait(trait: Trait) -> str:
    return f"{trait.column} {trait.value}: {trait.share:.0%} (of all {trait.of_all:.0%})"


def _bridges(summary: NetworkSummary) -> Finding:
    rows = [
        (
            " - ".join(each.ends),
            " - ".join(map(str, each.communities)),
            f"{each.paths:,.0f}",
            str(each.common),
            f"{each.others:,}",
        )
        for each in summary.bridges
    ]
    said = "Ties between communities, those first that most pairs of people have their shortest path over."
    if not summary.is_exact:
        said += f" Estimated from the paths from {summary.sources:,} people."
    if not rows:
        said = "No tie joins two communities."
    headings = ("Tie", "Communities", "Pairs", "Common neighbors", "Other ties between both")
    return Finding("bridges", "Bridges", said, tables=(FoundTable("", headings, rows),) if rows else ())


def _influence(portrait: Portrait) -> Finding:
    spread = portrait.summary.influence
    model = (
        "Independent cascade: each tie passes something on once, with its probability"
        if spread.cascade == "independent"
        else "Linear threshold: a person follows when the weights of those who have it exceed a threshold"
        " drawn at random"
    )
    said = (
        f"{model}; probabilities are {spread.probabilities}. Reach is the mean number of people reached, the"
        f" first ones counted, over {spread.cascades:,} simulated cascades, other draws than those by which"
        " people were chosen. With a probability of at least 1 - 1/people, the choice of IMM reaches at least"
        f" {1 - 1 / np.e - spread.error:.0%} of what the best choice would."
    )
    rows = [
        (
            each.chosen_by,
            f"{each.mean:,.2f}",
            f"{each.low:,.2f} to {each.high:,.2f}",
            ", ".join(each.people),
        )
        for each in spread.starts
    ]
    compared = FoundTable(
        f"Starting from {people_in_words(len(portrait.starters))}",
        ("Chosen by", "Reach", "95% interval", "People"),
        rows,
    )
    chosen = spread.starts[0].people
    gains = np.diff(spread.reached, prepend=0)
    steps = [
        (str(place), name, f"{reach:,.1f}", f"{gain:,.1f}")
        for place, (name, reach, gain) in enumerate(zip(chosen, spread.reached, gains, strict=True), 1)
    ]
    caption = f"The people of IMM, one after another; estimated from {spread.sets:,} reverse reachable sets"
    one_by_one = FoundTable(caption, ("", "Person", "Reach up to here", "Added"), steps)
    return Finding("influence", "Influence", said, tables=(compared, one_by_one))


def _cell(value: np.generic) -> str:
    number = value.item()
    return f"{number:,}" if isinstance(number, int) else f"{number:.4g}"


def draw_network(portrait: Portrait, theme: str) -> Figure:
    """The network, its communities in colors, those in rings from whom something spreads furthest."""
    sheet = Sheet(find_theme(theme))
    summary, graph = portrait.summary, portrait.graph
    y = sheet.title(f"{summary.people:,} people, {count(summary.ties, 'tie')}")
    table = np.stack([color_bytes(each) for each in (*COLORS, REST)])
    colors = table[np.minimum(portrait.part, len(COLORS))]
    places = run_layout(graph.edges, len(graph))
    centers = tuple(portrait.starters.tolist())
    described = GraphDescription(
        tuple(graph.names), graph.edges, places, graph.weights, centers, directed=graph.directed
    )
    order = [*centers, *np.argsort(-portrait.columns["pagerank"], kind="stable").tolist()]
    picture = GraphPicture(described)
    shown = {
        str(each.number): np.flatnonzero(portrait.part == each.number - 1) for each in summary.communities
    }
    shown = dict(list(shown.items())[: len(COLORS)])
    picture.place(sheet, (MARGIN, y, SIDE), colors, labels=order, ringed=True, groups=shown)
    x, below = MARGIN + SIDE + 40, y + 20
    width = INNER - SIDE - 40
    for each in summary.communities[: len(COLORS)]:
        sheet.dots(np.array([[x + 7, below - 7]]), table[each.number - 1][None], 7)
        below = _said(sheet, (x, below, width), each)
    if summary.groups > len(COLORS):
        sheet.dots(np.array([[x + 7, below - 7]]), table[-1][None], 7)
        rest = f"{summary.groups - len(COLORS):,} smaller communities"
        below = int(sheet.paragraph(x + 24, below, rest, width - 24, size=TINY)) + 8
    if picture.dense(SIDE):
        said = "Too many people to draw one by one: each spot has the mean color of those there."
        sheet.paragraph(x, below + 16, said, width, size=TINY, color=sheet.theme.muted)
    return sheet.finish(max(y + SIDE, below) + 30)


def _said(sheet: Sheet, box: tuple[int, int, int], community: Community) -> int:
    """Names a community beside the picture; returns where the next one stands."""
    x, y, width = box
    sheet.text(
        x + 24, y, f"{community.number}: {people_in_words(community.people)}", size=SMALL, width=width - 24
    )
    traits = [f"{each.column} {each.value}" for each in community.traits[:1]]
    named = ", ".join([*traits, *community.central[:3]])
    return int(sheet.paragraph(x + 24, y + 22, named, width - 24, lines=2, size=TINY)) + 16
