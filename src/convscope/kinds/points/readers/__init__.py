"""Readers of point clouds."""
