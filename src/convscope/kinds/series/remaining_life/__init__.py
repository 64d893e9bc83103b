"""Remaining life."""
