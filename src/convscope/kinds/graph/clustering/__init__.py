"""Clusters of the nodes of a graph."""
