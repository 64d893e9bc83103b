"""Progression: several visits of a subject."""
