"""Readers of volumes."""
