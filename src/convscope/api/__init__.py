"""The functions that the command line and notebooks call: train, evaluate, predict, explain, look, ..."""

from convscope.api.models import build, explain, look, register_layers
from convscope.api.runs import evaluate, export, inspect_data, metrics, predict, stream, train
from convscope.api.searches import search
from convscope.api.studio import studio
from convscope.features.api import extract, neighbors, open_features, probe, project

__all__ = [
    "build",
    "evaluate",
    "explain",
    "export",
    "extract",
    "inspect_data",
    "look",
    "metrics",
    "neighbors",
    "open_features",
    "predict",
    "probe",
    "project",
    "register_layers",
    "search",
    "stream",
    "studio",
    "train",
]
