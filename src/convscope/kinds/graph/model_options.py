"""Options of the architectures for graphs."""

from __future__ import annotations

from typing import Literal

from convscope.models.options import DEPTH, DROPOUT, FILTERS
from convscope.option import (
    Around,
    Choices,
    Multiples,
    Option,
    at_least,
)


def part(value: float) -> str | None:
    """Refuses numbers that are no part of a whole."""
    return None if 0 < value < 1 else "between 0 and 1"


NODE_CLASSIFICATION_MODEL_OPTIONS = (
    FILTERS.of(gcn=64, sage=64, gat=64, tag_cnn=64, appnp=64),
    DROPOUT.of(gcn=0.5, sage=0.5, gat=0.6, tag_cnn=0.5, appnp=0.5),
    Option(
        "l2", float, None, "L2 penalty of the first kernels, added to the loss", at_least(0), tries=Around(5)
    ).of(gcn=5e-4, sage=5e-4, gat=5e-4, tag_cnn=5e-4, appnp=5e-3),
    Option("heads", int, None, "Number of attention heads", at_least(1), tries=Multiples((0.5,))).of(gat=8),
    Option(
        "aggregate", Literal["mean", "max"], None, "How neighbors become one", tries=Choices(("mean", "max"))
    ).of(sage="mean"),
    DEPTH.of(tag_cnn=2),
    Option("teleport", float, None, "Share of a node's own values in each step", part, tries=Around(2)).of(
        appnp=0.1
    ),
)
DMON_OPTIONS = (
    FILTERS.of(dmon=64),
    DROPOUT.of(dmon=0.5),
    Option("collapse", float, None, "Weight of the loss against one cluster for all", at_least(0)).of(
        dmon=0.2
    ),
)
LINK_OPTIONS = (
    FILTERS.of(link_gcn=512),
    DROPOUT.of(link_gcn=0.4),
    Option("score", Literal["dense", "dot"], None, "How two nodes are compared").of(link_gcn="dot"),
)
GIN_OPTIONS = (
    FILTERS.of(gin=64),
    DROPOUT.of(gin=0.5),
    Option(
        "readout",
        Literal["mean", "max", "sum", "attention"],
        None,
        "How the nodes of a graph become one",
        tries=Choices(("mean", "max", "sum", "attention")),
    ).of(gin="sum"),
)
RECOMMENDATION_MODEL_OPTIONS = (
    Option(
        "units", int, None, "Numbers of the vector of a user or item", at_least(1), tries=Multiples((0.5, 2))
    ).of(lightgcn=128),
    Option(
        "l2",
        float,
        None,
        "L2 penalty of the vectors, times the root of their interactions",
        at_least(0),
        tries=Around(4),
    ).of(lightgcn=0.25),
)
