"""Boxes around the objects of a point cloud."""
