"""Layers of graphs; importing this registers them, so that files with them load."""

import convscope.kinds.graph.layers.explanations  # noqa: F401 - registers what to say of graphs
from convscope.kinds.graph.layers.attention import GATv2Conv
from convscope.kinds.graph.layers.convolutions import (
    ChebConv,
    GINConv,
    GraphConv,
    SAGEConv,
    TAGConv,
)
from convscope.kinds.graph.layers.embedding import LightConv, NodeEmbedding
from convscope.kinds.graph.layers.pooling import DMoNPooling, GraphPooling, PairValues, TakeNodes
from convscope.kinds.graph.layers.walks import NeighborSums, Propagation, Walks

__all__ = [
    "ChebConv",
    "DMoNPooling",
    "GATv2Conv",
    "GINConv",
    "GraphConv",
    "GraphPooling",
    "LightConv",
    "NeighborSums",
    "NodeEmbedding",
    "PairValues",
    "Propagation",
    "SAGEConv",
    "TAGConv",
    "TakeNodes",
    "Walks",
]
