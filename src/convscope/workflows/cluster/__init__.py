"""Trainings that several processes of a Ray cluster do together."""
