"""Rings: values measured around a circle, such as the width of a tree or the strain around a pipe."""
