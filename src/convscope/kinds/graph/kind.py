"""Graphs: what is known of the kind before Keras is imported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from convscope.data.options import DROP_COLUMN, ENCODING, LABEL_COLUMN
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.lazy import Lazy
from convscope.option import Option, at_least, several_numbers, within


def _column(name: str, what: str) -> Option:
    return Option(
        f"{name}_column", str, None, f"Column {what}: its name, or position (-1: last)", predicts=True
    )


HOPS = Option(
    "hops",
    int,
    None,
    "Number of edges between a node and the furthest that its answer depends on",
    within(1, 64),
)
GRAPH_OPTIONS = (
    _column("source", "of the edge table with the node where an edge begins"),
    _column("target", "of the edge table with the node where an edge ends"),
    _column("weight", "of the edge table with the weight of an edge"),
    Option(
        "id_column", str, None, "Name of the column of the node table that identifies a node", predicts=True
    ),
    replace(LABEL_COLUMN, predicts=True),
    DROP_COLUMN,
    Option(
        "directed", bool, None, "Whether an edge leads one way; told by the data by default", predicts=True
    ),
    ENCODING,
)
"""Options of the readers of graphs."""
NODE_CLASSIFICATION_OPTIONS = (
    *GRAPH_OPTIONS,
    Option(
        "protocol",
        Literal["given", "planetoid", "shchur"],
        "given",
        "Splits: those of the data, drawn where it has none; or as Planetoid (20 nodes of a class, 500 and"
        " 1,000) or Shchur et al. (20 and 30 of a class, the rest; largest component) draw them",
    ),
    HOPS,
    Option(
        "neighbors",
        tuple[int, ...],
        None,
        "Neighbors that are drawn of a node in each hop of a training step, separated by commas; by"
        " default all, unless the graph is too large",
        at_least(1),
        parse=several_numbers,
    ),
)
_FULL: dict[str, Any] = {
    "epochs": 500,
    "learning_rate": 0.01,
    "schedule": "constant",
    "patience": 100,
    "precision": "float32",
}
NODE_CLASSIFICATION = RecipeSpec(
    name="node-classification",
    task="classification",
    steps=Lazy("convscope.kinds.graph.node_classification.recipe:RECIPE"),
    summary="predicts the class of each node of a graph from the nodes around it",
    reads=(
        "a table of edges and a table of nodes with labels (.csv, .tsv, .parquet)",
        "a folder with edges.* and nodes.*",
    ),
    architectures=("gcn", "appnp", "gat", "sage", "tag_cnn"),
    options=NODE_CLASSIFICATION_OPTIONS,
    settings={
        "gcn": {**_FULL, "hops": 2},
        "appnp": {**_FULL, "hops": 10},
        "gat": {**_FULL, "hops": 2},
        "sage": {**_FULL, "hops": 2},
        "tag_cnn": {**_FULL, "hops": 6},
    },
    ignored_settings=("mixing",),
)
GRAPH = Kind(
    name="graph",
    extra="graph",
    input_shape=(None, 16),
    detect=Lazy("convscope.kinds.graph.detect:detect"),
    recipes=(NODE_CLASSIFICATION,),
    architectures=(
        Architecture(
            "gcn",
            Lazy("convscope.kinds.graph.models:gcn"),
            "convolutions over the neighbors of each node, normalized by degree",
        ),
        Architecture(
            "appnp",
            Lazy("convscope.kinds.graph.models:appnp"),
            "predictions of each node by itself, spread along edges",
        ),
        Architecture(
            "gat",
            Lazy("convscope.kinds.graph.models:gat"),
            "convolutions that learn how much each neighbor counts",
        ),
        Architecture(
            "sage",
            Lazy("convscope.kinds.graph.models:sage"),
            "one kernel for the node, another for the mean of its neighbors",
        ),
        Architecture(
            "tag_cnn",
            Lazy("convscope.kinds.graph.models:tag_cnn"),
            "kernels that reach several hops",
        ),
        Architecture(
            "gin",
            Lazy("convscope.kinds.graph.models:gin"),
            "sums over neighbors through two dense layers, for whole graphs",
        ),
    ),
    layers="convscope.kinds.graph.layers",
    view=Lazy("convscope.kinds.graph.view:VIEW"),
    requires=("scipy", "networkx"),
)
