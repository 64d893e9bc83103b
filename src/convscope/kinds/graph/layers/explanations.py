"""What there is to say about models of graphs: their layers, what goes in, how far a node sees."""

from __future__ import annotations

import keras

from convscope import phrasing
from convscope.kinds.graph.layers.attention import GATv2Conv
from convscope.kinds.graph.layers.convolutions import (
    ChebConv,
    GINConv,
    GraphConv,
    GraphLayer,
    SAGEConv,
    TAGConv,
)
from convscope.kinds.graph.layers.embedding import LightConv, NodeEmbedding
from convscope.kinds.graph.layers.pooling import DMoNPooling, GraphPooling, PairValues, TakeNodes
from convscope.kinds.graph.layers.walks import NeighborSums, Propagation, Walks
from convscope.scope.describe.input_kind import InputKind
from convscope.scope.describe.input_readers import InputReader, register_reader
from convscope.scope.describe.overview import Overview
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.geometry.geometry import is_table
from convscope.scope.geometry.sliding import Passage, State
from convscope.scope.graph.graph import Call, LayerGraph, Value
from convscope.scope.layer_spec import LayerSpec, has_trait, register
from convscope.scope.sizes import Shapes, count


def _convolves(facts: Facts) -> str:
    """How many kernels there are, and how far they reach."""
    hops = int(getattr(facts.layer, "hops", 1))
    kernels = phrasing.plural(facts.shape_out[-1] or 0, "kernel")
    channels = phrasing.plural(facts.channels_in or 0, "channel")
    reach = phrasing.plural(hops, "hop")
    heads = int(getattr(facts.layer, "heads", 1))
    each = f", in {heads} heads with attention of their own," if heads > 1 else ""
    how = f" of neighbors the {facts.layer.aggregate}" if hasattr(facts.layer, "aggregate") else ""
    said = f"{kernels}{each} over the {channels} of each node and of the nodes up to {reach} away"
    return f"{said},{how}." if how else f"{said}."


def _propagates(facts: Facts) -> str:
    return f"{phrasing.plural(facts.layer.hops, 'step')} with a teleport share of {facts.layer.teleport:g}."


def _sums(facts: Facts) -> str:
    return "How many neighbors each node has, and the sum of the weights of the edges to it."


def _walks(facts: Facts) -> str:
    steps = phrasing.plural(facts.layer.hops, "step")
    return f"Walks of {steps}, which go on with a probability of {facts.layer.damping:g}."


def _pools(facts: Facts) -> str:
    values = phrasing.plural(facts.shape_out[-1] or 0, "value")
    return f"One vector of {values} for each graph, by {facts.layer.reduction} over its nodes."


def _takes(facts: Facts) -> str:
    return f"The {phrasing.plural(facts.shape_out[-1] or 0, 'value')} of each node that is asked."


def _pairs(facts: Facts) -> str:
    return f"{phrasing.plural(facts.shape_out[-1] or 0, 'value')} for each pair of nodes."


def _clusters(facts: Facts) -> str:
    return f"A probability for each of {phrasing.plural(facts.layer.clusters, 'cluster')} at each node."


def _embeds(facts: Facts) -> str:
    layer = facts.layer
    return f"{phrasing.plural(layer.units, 'number')} for each of {phrasing.plural(layer.nodes, 'node')}."


def _spreads(facts: Facts) -> str:
    channels = phrasing.plural(facts.channels_in or 0, "channel")
    return f"The {channels} of the neighbors of each node, summed by degree."


def _kernel_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """A product with each weight of a kernel at each node; sums over edges depend on the graph."""
    kernels = [weight for weight in layer.trainable_weights if len(weight.shape) > 1]
    return count(inputs[0][1:2]) * sum(count(tuple(weight.shape)) for weight in kernels)


def _pooled(at: Passage) -> State:
    return rules.dropped_axis(1, at)


_CONVOLUTIONS = (
    LayerSpec(
        GraphConv,
        "convolution",
        "GraphConv multiplies the mean over a node and its neighbors, weighted by the roots of their "
        "degrees, by one kernel: the same everywhere in the graph, as a convolution's is everywhere in "
        "an image.",
        _convolves,
        rules.gathering,
        _kernel_cost,
        frozenset({"gathers"}),
        kernel="dense",
        component="graph convolution",
    ),
    LayerSpec(
        SAGEConv,
        "convolution",
        "SAGEConv has one kernel for the node itself and another for the mean or the maximum of its "
        "neighbors, so that a node stays apart from those around it.",
        _convolves,
        rules.gathering,
        _kernel_cost,
        frozenset({"gathers"}),
        component="GraphSAGE convolution",
    ),
    LayerSpec(
        GINConv,
        "convolution",
        "GINConv adds up a node and its neighbors and passes the sum through two dense layers: a sum "
        "tells apart neighborhoods that a mean does not.",
        _convolves,
        rules.gathering,
        _kernel_cost,
        frozenset({"gathers"}),
        component="graph isomorphism convolution",
    ),
    LayerSpec(
        GATv2Conv,
        "convolution",
        "GATv2Conv learns how much each neighbor counts, from its values and those of the node; each "
        "head has weights of its own, which sum to 1 over the neighbors.",
        _convolves,
        rules.gathering,
        _kernel_cost,
        frozenset({"gathers"}),
        component="graph attention",
    ),
    LayerSpec(
        TAGConv,
        "convolution",
        "TAGConv has a kernel for each number of hops, as a kernel of 5 pixels has one weight for each "
        "distance from its middle.",
        _convolves,
        rules.gathering,
        _kernel_cost,
        frozenset({"gathers"}),
        component="graph convolution of several hops",
    ),
    LayerSpec(
        ChebConv,
        "convolution",
        "ChebConv is a polynomial of the graph's Laplacian in the Chebyshev basis, with a kernel for "
        "each order; order k reaches k hops.",
        _convolves,
        rules.gathering,
        _kernel_cost,
        frozenset({"gathers"}),
        component="Chebyshev convolution",
    ),
)

register(
    *_CONVOLUTIONS,
    LayerSpec(
        GraphLayer,
        "convolution",
        "GraphLayer is the base of convolutions on graphs, which gather values from the neighbors of a node.",
        _convolves,
        rules.gathering,
        _kernel_cost,
        frozenset({"gathers"}),
        component="graph convolution",
    ),
    LayerSpec(
        Propagation,
        "convolution",
        "Propagation spreads the values of each node along the edges, step by step, and mixes in the "
        "node's own in each step, as personalized PageRank does. It has no weights.",
        _propagates,
        rules.gathering,
        traits=frozenset({"gathers"}),
        component="propagation",
    ),
    LayerSpec(
        NeighborSums,
        "convolution",
        "NeighborSums counts the neighbors of each node and adds up the weights of its edges: convolutions "
        "of a constant. It has no weights.",
        _sums,
        rules.gathering,
        traits=frozenset({"gathers"}),
        component="sums over neighbors",
    ),
    LayerSpec(
        Walks,
        "convolution",
        "Walks says how often walks along the edges come by each node, one starting at every node: the first "
        "steps of PageRank. It has no weights.",
        _walks,
        rules.gathering,
        traits=frozenset({"gathers"}),
        component="walks along edges",
    ),
    LayerSpec(
        LightConv,
        "convolution",
        "LightConv sums up the values of the neighbors of each node, weighted by the roots of both degrees: "
        "a graph convolution without kernel, activation and the node itself.",
        _spreads,
        rules.gathering,
        traits=frozenset({"gathers"}),
        component="sum over neighbors",
    ),
    LayerSpec(
        NodeEmbedding,
        "lookup",
        "NodeEmbedding has a vector of its own for each node of one graph, which is learned; a node that was "
        "not there in training has none.",
        _embeds,
        rules.pointwise,
        component="embedding of nodes",
    ),
    LayerSpec(
        GraphPooling,
        "global pooling",
        "GraphPooling reduces the nodes of a graph to one vector, whatever their number and order; "
        "nodes of padding do not count.",
        _pools,
        _pooled,
        traits=frozenset({"gathers"}),
        component="pooling over nodes",
    ),
    LayerSpec(
        TakeNodes,
        "shaping",
        "TakeNodes takes the values of the nodes that are asked; the others only serve as their neighbors.",
        _takes,
        rules.picking,
        traits=frozenset({"gathers"}),
    ),
    LayerSpec(
        PairValues,
        "merging",
        "PairValues multiplies the values of two nodes, channel by channel, so that nodes with like "
        "values score high together.",
        _pairs,
        rules.picking,
        traits=frozenset({"gathers"}),
        component="products of pairs",
    ),
    LayerSpec(
        DMoNPooling,
        "dense",
        "DMoNPooling assigns each node to clusters, softly; in training it adds the modularity of the "
        "clusters to the loss, and a penalty on a single cluster for all.",
        _clusters,
        rules.dense,
        _kernel_cost,
        frozenset({"gathers"}),
        component="soft clusters",
    ),
)


def _graphs(graph: LayerGraph, value: Value) -> InputKind | None:
    """Graphs by the features of their nodes, or the tables of their edges."""
    number = next(at for at, each in enumerate(graph.inputs) if each.number == value.number)
    shape = value.shape[1:]
    if is_table(graph, number):
        return InputKind("table", "tables of neighbors", "row", shape[:1], None)
    if len(shape) != 2:
        return None
    features = phrasing.plural(shape[1] or 0, "feature")
    said = f"graphs with {features} per node"
    return InputKind("graph", said, "node", shape[:1], shape[1], "nodes", ("node", "cell", "position"))


def _key_points(overview: Overview) -> list[str]:
    """How far each node sees, and how nodes become answers."""
    calls = [call for call in overview.of_role("convolution") if has_trait(call.layer, "gathers")]
    return [point for point in (_sight(overview, calls), _channels(calls), _read_out(overview)) if point]


def _sight(overview: Overview, calls: list[Call]) -> str:
    fields = [overview.geometries[call.path] for call in calls if call.path in overview.geometries]
    known = [where.hops for where in fields if where.known]
    if not known:
        return ""
    far = phrasing.plural(max(known), "hop")
    return f"Each node sees nodes up to {far} away, whatever the size of the graph."


def _channels(calls: list[Call]) -> str:
    kernels = [call.output_shapes[0][-1] for call in calls if call.layer.trainable_weights]
    if len(kernels) < 2 or None in kernels:
        return ""
    start, end = kernels[0] or 0, kernels[-1] or 0
    return f"Channels stay at {end:,}." if start == end else f"Channels go from {start:,} to {end:,}."


def _read_out(overview: Overview) -> str:
    found = [
        call for call in overview.graph.calls if isinstance(call.layer, GraphPooling | TakeNodes | PairValues)
    ]
    if not found:
        return ""
    layer = found[-1].layer
    if isinstance(layer, GraphPooling):
        return f"The values of all nodes are reduced to those of the graph by their {layer.reduction}."
    if isinstance(layer, PairValues):
        return "It answers for pairs of nodes, by the products of their values."
    return "It answers for the nodes that are asked; all others serve as their neighbors."


def _task(graph: LayerGraph, maker: Call, said: str) -> str:
    """What a model does that scores pairs of nodes."""
    if not any(isinstance(call.layer, PairValues) for call in graph.calls):
        return ""
    return f"Scores pairs of nodes of {said}, such as whether an edge joins them"


register_reader(
    InputReader(
        (
            *(spec.layer for spec in _CONVOLUTIONS if isinstance(spec.layer, type)),
            Propagation,
            NeighborSums,
            Walks,
            LightConv,
            NodeEmbedding,
            GraphPooling,
            TakeNodes,
            PairValues,
            DMoNPooling,
        ),
        _graphs,
        _key_points,
        _task,
    )
)
