"""Graphs: nodes and edges, with whatever is known of them."""
