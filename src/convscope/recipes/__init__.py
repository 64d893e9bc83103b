"""Recipes: one kind of data and one task each, one file each, readable from top to bottom."""
