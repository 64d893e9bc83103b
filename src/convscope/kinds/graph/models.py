"""Architectures for graphs: convolutions over neighbors, and an answer for nodes or for whole graphs.

Each is called with `(input_shape, classes, **options)`, where `input_shape` is (None, features). The model
takes a dictionary of `nodes` and the tables of `convscope.layers.neighbors.graph_inputs`, besides

- `targets`, shape (batch, asked), int32, for nodes: the positions that are asked. It answers probabilities of
  shape (batch, asked, classes);
- `members`, shape (batch, nodes), float32, for graphs: 1 for real nodes, 0 for those of padding. It answers
  probabilities of shape (batch, classes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.graph.layers.attention import GATv2Conv
from convscope.kinds.graph.layers.convolutions import (
    Aggregate,
    GINConv,
    GraphConv,
    SAGEConv,
    TAGConv,
)
from convscope.kinds.graph.layers.pooling import GraphPooling, TakeNodes
from convscope.kinds.graph.layers.walks import Propagation
from convscope.layers.neighbors import graph_inputs, tables_of
from convscope.types import Tensor

Answers = Literal["nodes", "graphs"]
InputShape = tuple[int | None, ...]


def gcn(
    input_shape: InputShape,
    classes: int,
    *,
    hops: int = 2,
    filters: int = 64,
    dropout: float = 0.5,
    l2: float = 5e-4,
    table_width: int = 8,
    answers: Answers = "nodes",
) -> keras.Model:
    """Graph convolutional network: nodes and neighbors, normalized by degree, through one kernel a layer.

    Source: Kipf and Welling (2017), "Semi-supervised classification with graph convolutional networks": the
    last convolution gives the classes, dropout before each, L2 on the first kernel.

    Args:
        input_shape: (None, features).
        classes: The number of classes.
        hops: Convolutions, and so how many edges an answer looks.
        filters: Kernels of each convolution but the last.
        dropout: Before each convolution.
        l2: Of the first kernel: half of it times the sum of squares is added to the loss.
        table_width: Neighbors in a row of the tables.
        answers: For nodes or for whole graphs.

    Raises:
        UsageError: A bad shape or option.
    """
    inputs, tables = _entered("gcn", input_shape, table_width, answers, hops, dropout)

    def convolution(number: int, last: bool) -> keras.layers.Layer:
        return GraphConv(
            classes if last else filters,
            activation=None if last else "relu",
            kernel_regularizer=_decay(l2 if number == 1 else 0),
            name=f"conv{number}",
        )

    found = _convolved(inputs, tables, convolution, hops, answers, dropout)
    return _answered("gcn", inputs, found, classes, answers, dropout)


def sage(
    input_shape: InputShape,
    classes: int,
    *,
    hops: int = 2,
    filters: int = 64,
    dropout: float = 0.5,
    l2: float = 5e-4,
    aggregate: Aggregate = "mean",
    table_width: int = 8,
    answers: Answers = "nodes",
) -> keras.Model:
    """GraphSAGE: one kernel for the node, another for the mean or the maximum of its neighbors.

    Source: Hamilton, Ying and Leskovec (2017), "Inductive representation learning on large graphs".

    Args:
        input_shape: (None, features).
        classes: The number of classes.
        hops: Convolutions, and so how many edges an answer looks.
        filters: Kernels of each convolution but the last.
        dropout: Before each convolution.
        l2: Of the first kernels: half of it times the sum of squares is added to the loss.
        aggregate: `mean` or `max`.
        table_width: Neighbors in a row of the tables.
        answers: For nodes or for whole graphs.

    Raises:
        UsageError: A bad shape or option.
    """
    inputs, tables = _entered("sage", input_shape, table_width, answers, hops, dropout)

    def convolution(number: int, last: bool) -> keras.layers.Layer:
        return SAGEConv(
            classes if last else filters,
            aggregate,
            activation=None if last else "relu",
            kernel_regularizer=_decay(l2 if number == 1 else 0),
            name=f"conv{number}",
        )

    found = _convolved(inputs, tables, convolution, hops, answers, dropout)
    return _answered("sage", inputs, found, classes, answers, dropout)


def gat(
    input_shape: InputShape,
    classes: int,
    *,
    hops: int = 2,
    filters: int = 64,
    heads: int = 8,
    dropout: float = 0.6,
    l2: float = 5e-4,
    table_width: int = 8,
    answers: Answers = "nodes",
) -> keras.Model:
    """Graph attention network: how much each neighbor counts is learned.

    Source: Brody, Alon and Yahav (2022), "How attentive are graph attention networks?"; heads side by side,
    their mean at the end, dropout of attention as of Velickovic et al. (2018), "Graph attention networks".

    Args:
        input_shape: (None, features).
        classes: The number of classes.
        hops: Convolutions, and so how many edges an answer looks.
        filters: Kernels of each convolution but the last, over all heads.
        heads: How many heads share them.
        dropout: Before each convolution, and of the attention.
        l2: Of all kernels: half of it times the sum of squares is added to the loss.
        table_width: Neighbors in a row of the tables.
        answers: For nodes or for whole graphs.

    Raises:
        UsageError: A bad shape or option.
    """
    inputs, tables = _entered("gat", input_shape, table_width, answers, hops, dropout)
    if filters % heads:
        raise UsageError(f"gat needs filters that heads divide. Received: filters={filters}, heads={heads}.")

    def convolution(number: int, last: bool) -> keras.layers.Layer:
        return GATv2Conv(
            classes if last else filters // heads,
            heads,
            concat=not last,
            dropout=dropout,
            activation=None if last else "elu",
            kernel_regularizer=_decay(l2),
            name=f"conv{number}",
        )

    found = _convolved(inputs, tables, convolution, hops, answers, dropout)
    return _answered("gat", inputs, found, classes, answers, dropout)


def tag_cnn(
    input_shape: InputShape,
    classes: int,
    *,
    hops: int = 6,
    depth: int = 2,
    filters: int = 64,
    dropout: float = 0.5,
    l2: float = 5e-4,
    table_width: int = 8,
    answers: Answers = "nodes",
) -> keras.Model:
    """Convolutions whose kernels reach several hops.

    Source: Du, Zhang, Wu, Moura and Kar (2017), "Topology adaptive graph convolutional networks".

    Args:
        input_shape: (None, features).
        classes: The number of classes.
        hops: How many edges an answer looks; each kernel reaches its share of them.
        depth: Convolutions, which divides `hops`.
        filters: Kernels of each convolution but the last.
        dropout: Before each convolution.
        l2: Of the first kernels: half of it times the sum of squares is added to the loss.
        table_width: Neighbors in a row of the tables.
        answers: For nodes or for whole graphs.

    Raises:
        UsageError: A bad shape or option.
    """
    inputs, tables = _entered("tag_cnn", input_shape, table_width, answers, hops, dropout)
    if depth < 1 or hops % depth:
        raise UsageError(f"tag_cnn needs a depth that divides hops. Received: hops={hops}, depth={depth}.")

    def convolution(number: int, last: bool) -> keras.layers.Layer:
        return TAGConv(
            classes if last else filters,
            hops // depth,
            activation=None if last else "relu",
            kernel_regularizer=_decay(l2 if number == 1 else 0),
            name=f"conv{number}",
        )

    found = _convolved(inputs, tables, convolution, depth, answers, dropout)
    return _answered("tag_cnn", inputs, found, classes, answers, dropout)


def appnp(
    input_shape: InputShape,
    classes: int,
    *,
    hops: int = 10,
    filters: int = 64,
    dropout: float = 0.5,
    teleport: float = 0.1,
    l2: float = 5e-3,
    table_width: int = 8,
    answers: Answers = "nodes",
) -> keras.Model:
    """Two dense layers tell of each node by itself; what they tell is spread as personalized PageRank does.

    Source: Gasteiger, Bojchevski and Guennemann (2019), "Predict then propagate: graph neural networks meet
    personalized PageRank".

    Args:
        input_shape: (None, features).
        classes: The number of classes.
        hops: Steps of the propagation.
        filters: Units of the first dense layer.
        dropout: Before each dense layer.
        teleport: The share of a node's own values in each step.
        l2: Of the first kernel: half of it times the sum of squares is added to the loss.
        table_width: Neighbors in a row of the tables.
        answers: For nodes or for whole graphs.

    Raises:
        UsageError: A bad shape or option.
    """
    inputs, tables = _entered("appnp", input_shape, table_width, answers, hops, dropout)
    x = layers.Dropout(dropout, name="dropout1")(inputs["nodes"])
    x = layers.Dense(filters, "relu", kernel_regularizer=_decay(l2), name="dense1")(x)
    x = layers.Dropout(dropout, name="dropout2")(x)
    x = layers.Dense(classes if answers == "nodes" else filters, name="dense2")(x)
    x = Propagation(hops, teleport, name="propagation")([x, *tables])
    return _answered("appnp", inputs, [x], classes, answers, dropout)


def gin(
    input_shape: InputShape,
    classes: int,
    *,
    hops: int = 4,
    filters: int = 64,
    dropout: float = 0.5,
    readout: Literal["mean", "max", "sum", "attention"] = "sum",
    table_width: int = 8,
    answers: Answers = "graphs",
) -> keras.Model:
    """Graph isomorphism network: sums of neighbors through two dense layers, pooled from input to last.

    Source: Xu, Hu, Leskovec and Jegelka (2019), "How powerful are graph neural networks?".

    Args:
        input_shape: (None, features).
        classes: The number of classes.
        hops: Convolutions, and so how many edges an answer looks.
        filters: Kernels of each convolution.
        dropout: Before each of the last two dense layers.
        readout: Of the nodes of a graph: `sum`, `mean`, `max` or `attention`.
        table_width: Neighbors in a row of the tables.
        answers: For whole graphs or for nodes.

    Raises:
        UsageError: A bad shape or option.
    """
    inputs, tables = _entered("gin", input_shape, table_width, answers, hops, dropout)
    x = inputs["nodes"]
    there = [inputs["members"]] if answers == "graphs" else []
    found = [x] if answers == "graphs" else []
    for hop in range(1, hops + 1):
        x = GINConv(filters, activation="relu", name=f"conv{hop}")([x, *tables, *there])
        found.append(x)
    if answers == "nodes":
        x = layers.Dropout(dropout, name="dropout")(x)
        found.append(layers.Dense(classes, name="scores")(x))
    return _answered("gin", inputs, found, classes, answers, dropout, readout, filters)


def hops_of(model: keras.Model) -> int:
    """How many edges lie at most between a node and what the answer for it depends on.

    Args:
        model: A functional model of layers that have an attribute `hops`; others look at the node alone.
    """
    reached: dict[int, int] = {}
    for operation in model.operations:
        for node in operation._inbound_nodes:
            before = max((reached.get(id(tensor), 0) for tensor in node.input_tensors), default=0)
            for tensor in node.outputs:
                reached[id(tensor)] = before + int(getattr(operation, "hops", 0))
    return max((reached.get(id(tensor), 0) for tensor in model.outputs), default=0)


def _entered(
    name: str, input_shape: InputShape, table_width: int, answers: str, hops: int, dropout: float
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Inputs by name, and what a convolution takes besides values."""
    if len(input_shape) != 2 or input_shape[1] is None:
        raise UsageError(f"{name} takes (None, features). Received: input_shape={input_shape}.")
    if answers not in ("nodes", "graphs"):
        raise UsageError(f"{name} answers for 'nodes' or 'graphs'. Received: answers={answers!r}.")
    if hops < 1:
        raise UsageError(f"{name} needs at least one hop. Received: hops={hops}.")
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be at least 0 and below 1. Received: dropout={dropout}.")
    inputs = graph_inputs(input_shape[1], table_width)
    tables = tables_of(inputs)
    if answers == "nodes":
        inputs["targets"] = keras.Input((None,), dtype="int32", name="targets")
    else:
        inputs["members"] = keras.Input((None,), name="members")
    return inputs, tables


def _convolved(
    inputs: dict[str, Any],
    tables: list[Any],
    convolution: Callable[[int, bool], keras.layers.Layer],
    count: int,
    answers: Answers,
    dropout: float,
) -> list[Any]:
    """What each of several convolutions puts out, with dropout before each.

    Args:
        inputs: Of the model.
        tables: Of neighbors.
        convolution: From a number, and whether it is the last and gives the classes, to a layer.
        count: The number of convolutions.
        answers: For nodes or for whole graphs.
        dropout: Before each.
    """
    x = inputs["nodes"]
    found = []
    for number in range(1, count + 1):
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
        x = convolution(number, number == count and answers == "nodes")([x, *tables])
        found.append(x)
    return found


def _answered(
    name: str,
    inputs: dict[str, Tensor],
    found: list[Tensor],
    classes: int,
    answers: Answers,
    dropout: float,
    pooling: Literal["mean", "max", "sum", "attention"] = "mean",
    units: int = 0,
) -> keras.Model:
    """Probabilities at the targets from the last values, or of graphs from those of all layers."""
    if answers == "nodes":
        scores = TakeNodes(name="asked")([found[-1], inputs["targets"]])
    else:
        pooled = [
            GraphPooling(pooling, name=f"pool{number}")([x, inputs["members"]])
            for number, x in enumerate(found, 1)
        ]
        x = pooled[0] if len(pooled) == 1 else layers.Concatenate(name="pooled")(pooled)
        if units:  # sums grow with the graphs
            x = layers.BatchNormalization(momentum=0.9, name="pooled_norm")(x)
        x = layers.Dropout(dropout, name="pooled_dropout")(x)
        if units:
            x = layers.Dense(units, "relu", name="dense")(x)
            x = layers.Dropout(dropout, name="dropout")(x)
        scores = layers.Dense(classes, name="scores")(x)
    return keras.Model(inputs, layers.Activation("softmax", name="probabilities")(scores), name=name)


def _decay(l2: float) -> Any:
    """L2 of half as much, as an optimizer counts weight decay; None for none."""
    return keras.regularizers.L2(l2 / 2) if l2 else None
