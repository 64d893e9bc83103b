"""Receptive fields: where the positions of a feature map lie in the input."""
