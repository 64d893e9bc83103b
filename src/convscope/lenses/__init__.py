"""Figures of what a model computed and learned, as files and pages."""
