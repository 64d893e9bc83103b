"""Graphs: what is known of the kind before Keras is imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from convscope.data.options import DROP_COLUMN, LABEL_COLUMN, TABLE_FILES, TIME_COLUMN
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.kinds.graph.model_options import (
    DMON_OPTIONS,
    GIN_OPTIONS,
    LINK_OPTIONS,
    NODE_CLASSIFICATION_MODEL_OPTIONS,
    RECOMMENDATION_MODEL_OPTIONS,
    part,
)
from convscope.lazy import Lazy
from convscope.option import (
    Option,
    Steps,
    at_least,
    several_names,
    several_numbers,
    within,
)


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
    tries=Steps((-1, 1)),
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
    *TABLE_FILES,
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
WHOLE_GRAPH_OPTIONS = (*(each for each in GRAPH_OPTIONS if each.name in ("directed", "encoding")), HOPS)
LINK_PREDICTION_OPTIONS = (
    *(each for each in GRAPH_OPTIONS if each.name not in ("directed", "label_column")),
    replace(TIME_COLUMN, predicts=False),
    HOPS,
    Option("validation_share", float, 0.05, "Share of the links to choose the best epoch by", part),
    Option("test_share", float, 0.1, "Share of the links to judge on", part),
    Option(
        "graph",
        Path,
        None,
        "Graph that pairs are asked of; by default that of the training",
        predicts=True,
    ),
    Option("most", int, 100, "How many of the most probable new links are told", at_least(1), predicts=True),
)
SOCIAL_OPTIONS = (
    *GRAPH_OPTIONS,
    HOPS,
    _column("probability", "of the edge table with the probability that something passes"),
    Option("starters", int, 10, "Number of people that something starts from", at_least(1), predicts=True),
    Option(
        "cascade",
        Literal["independent", "threshold"],
        "independent",
        "How something spreads: along each edge once with its probability, or to a person as soon as the"
        " weights of those who have it exceed a random threshold",
        predicts=True,
    ),
    Option("cascades", int, 10_000, "Number of cascades that are simulated", at_least(2), predicts=True),
)
CLUSTERING_OPTIONS = (
    *(each for each in GRAPH_OPTIONS if each.name != "directed"),
    HOPS,
    Option(
        "clusters",
        int,
        None,
        "How many clusters there may be; by default as many as Louvain's method finds, and at most 16",
        within(2, 2**16),
    ),
)
RECOMMENDATION_OPTIONS = (
    _column("user", "with users"),
    _column("item", "with items"),
    _column("rating", "with ratings"),
    _column("time", "with times, by which --hide last goes"),
    Option(
        "hide",
        Literal["random", "last"],
        "random",
        "Interactions of each user that are hidden to judge by: drawn at random, or the last by time",
    ),
    Option(
        "least_rating",
        float,
        None,
        "Lowest rating that counts as an interaction; all by default",
        predicts=True,
    ),
    HOPS,
    Option(
        "validation_share",
        float,
        0.1,
        "Share of the train interactions of each user to choose the best epoch by",
        part,
    ),
    Option(
        "test_share",
        float,
        0.25,
        "Share of the interactions of each user to judge on, where the data does not say",
        part,
    ),
    *TABLE_FILES,
    Option(
        "user",
        tuple[str, ...],
        (),
        "Users of the training that items are recommended to, separated by commas",
        predicts=True,
        parse=several_names,
    ),
    Option("most", int, 10, "How many items are recommended to each user", at_least(1), predicts=True),
)
_FULL: dict[str, Any] = {
    "epochs": 500,
    "learning_rate": 0.01,
    "schedule": "constant",
    "patience": 50,
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
    architectures=("appnp", "gcn", "gat", "sage", "tag_cnn"),
    options=NODE_CLASSIFICATION_OPTIONS,
    model_options=NODE_CLASSIFICATION_MODEL_OPTIONS,
    settings={
        "gcn": {**_FULL, "hops": 2},
        "appnp": {**_FULL, "hops": 10},
        "gat": {**_FULL, "hops": 2},
        "sage": {**_FULL, "hops": 2},
        "tag_cnn": {**_FULL, "hops": 6},
    },
    ignored_settings=("mixing", "augmentation"),
    untried=("batch_size", "epochs", "averaging"),
)
GRAPH_CLASSIFICATION = RecipeSpec(
    name="graph-classification",
    task="classification",
    steps=Lazy("convscope.kinds.graph.graph_classification.recipe:RECIPE"),
    summary="which class does a whole graph belong to",
    reads=(
        "a folder of NAME_A.txt, NAME_graph_indicator.txt and NAME_graph_labels.txt, as of TU Dortmund",
        "a folder per class of documents with a graph each (.graphml, .gexf, .gml, .json)",
    ),
    architectures=("gin",),
    options=WHOLE_GRAPH_OPTIONS,
    model_options=GIN_OPTIONS,
    settings={
        "gin": {
            "epochs": 30,
            "batch_size": 64,
            "learning_rate": 3e-3,
            "averaging": 0.1,
            "precision": "float32",
        },
    },
    ignored_settings=("mixing", "augmentation"),
)
LINK_PREDICTION = RecipeSpec(
    name="link-prediction",
    task="link prediction",
    steps=Lazy("convscope.kinds.graph.link_prediction.recipe:RECIPE"),
    main_metric="model.mrr",
    summary="which pairs of nodes are joined by an edge that the data does not have",
    reads=("a graph with or without a table of nodes, in any form of node-classification",),
    architectures=("link_gcn",),
    options=LINK_PREDICTION_OPTIONS,
    model_options=LINK_OPTIONS,
    settings={
        "link_gcn": {
            "epochs": 60,
            "batch_size": 65536,
            "learning_rate": 0.01,
            "hops": 1,
            "precision": "float32",
        },
    },
    ignored_settings=("mixing", "augmentation", "class_weights"),
    untried=("batch_size",),
)
NODE_CLUSTERING = RecipeSpec(
    name="node-clustering",
    task="clustering",
    steps=Lazy("convscope.kinds.graph.clustering.recipe:RECIPE"),
    summary="which nodes of a graph belong together, by edges and features",
    reads=("a graph with or without a table of nodes, in any form of node-classification",),
    architectures=("dmon",),
    options=CLUSTERING_OPTIONS,
    model_options=DMON_OPTIONS,
    settings={"dmon": {**_FULL, "learning_rate": 1e-3, "epochs": 1000, "patience": 100, "hops": 1}},
    ignored_settings=("mixing", "augmentation", "class_weights", "label_smoothing"),
    untried=("batch_size", "epochs", "averaging"),
    no_folds="its nodes are clustered together, and none is held back",
)
SOCIAL_NETWORK = RecipeSpec(
    name="social-network",
    task="description",
    steps=Lazy("convscope.kinds.graph.social.recipe:RECIPE"),
    summary="who is central in a network, who belongs together, and from whom something spreads furthest",
    reads=("a graph with or without a table of nodes, in any form of node-classification",),
    architectures=("network_kernels",),
    options=SOCIAL_OPTIONS,
    settings={
        "network_kernels": {"hops": 2, "starters": 10, "cascade": "independent", "cascades": 10_000},
    },
    ignored_settings=("mixing", "augmentation"),
    describes=True,
    no_folds="its people are all described, and none is judged",
)
RECOMMENDATION = RecipeSpec(
    name="recommendation",
    task="recommendation",
    steps=Lazy("convscope.kinds.graph.recommendation.recipe:RECIPE"),
    summary="which items a user will choose, by what all users chose",
    reads=(
        "a table of users, items, ratings and times (.csv, .tsv, .parquet, u.data of MovieLens)",
        "lines of a user and the items of that user (train.txt, test.txt)",
    ),
    architectures=("lightgcn",),
    options=RECOMMENDATION_OPTIONS,
    model_options=RECOMMENDATION_MODEL_OPTIONS,
    settings={
        "lightgcn": {
            "epochs": 150,
            "learning_rate": 0.01,
            "schedule": "constant",
            "patience": 15,
            "hops": 2,
            "precision": "float32",
        },
    },
    ignored_settings=("mixing", "augmentation", "class_weights", "label_smoothing"),
    untried=("epochs",),
    no_folds="its users are in every split, of which other interactions are hidden",
    asked_by="user",
)
GRAPH = Kind(
    name="graph",
    extra="graph",
    input_shape=(None, 16),
    detect=Lazy("convscope.kinds.graph.detect:detect"),
    recipes=(
        NODE_CLASSIFICATION,
        GRAPH_CLASSIFICATION,
        LINK_PREDICTION,
        NODE_CLUSTERING,
        RECOMMENDATION,
        SOCIAL_NETWORK,
    ),
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
            "link_gcn",
            Lazy("convscope.kinds.graph.link_prediction.models:link_gcn"),
            "convolutions, and a score of what two nodes have in common",
            answers="values",
        ),
        Architecture(
            "lightgcn",
            Lazy("convscope.kinds.graph.recommendation.models:lightgcn"),
            "vectors of users and items, summed along their interactions",
            answers="values",
            input_shape=(None, 1),
        ),
        Architecture(
            "gin",
            Lazy("convscope.kinds.graph.models:gin"),
            "sums over neighbors through two dense layers, for whole graphs",
        ),
        Architecture(
            "dmon",
            Lazy("convscope.kinds.graph.clustering.dmon:dmon"),
            "convolutions over neighbors, and clusters with many edges within them",
        ),
        Architecture(
            "network_kernels",
            Lazy("convscope.kinds.graph.social.kernels:network_kernels"),
            "fixed sums over neighbors and walks along edges, which are not trained",
            answers="values",
            input_shape=(None, 1),
        ),
    ),
    layers="convscope.kinds.graph.layers",
    models=("convscope.kinds.graph.recommendation.models",),
    view=Lazy("convscope.kinds.graph.view:VIEW"),
    inspections={
        "edges": Lazy("convscope.kinds.graph.inspections:inspect_edges"),
        "graph": Lazy("convscope.kinds.graph.inspections:inspect_graph"),
    },
    requires=("scipy", "networkx"),
    studio=Lazy("convscope.kinds.graph.studio:STUDIO"),
)
