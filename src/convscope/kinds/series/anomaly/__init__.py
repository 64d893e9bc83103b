"""Anomaly."""
