"""Anomalies in the film of a fixed camera."""
