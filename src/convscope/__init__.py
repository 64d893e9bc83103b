"""convscope learns convolution kernels from any kind of data and shows what every kernel sees."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from convscope.errors import BackendError, ConvscopeError, DataError, RunError, UsageError

if TYPE_CHECKING:
    from convscope import scope
    from convscope.api import (
        build,
        evaluate,
        explain,
        export,
        extract,
        inspect_data,
        look,
        neighbors,
        open_features,
        predict,
        probe,
        project,
        register_layers,
        search,
        stream,
        train,
    )
    from convscope.engine.export import Exported
    from convscope.features.neighbors import Neighbors
    from convscope.features.probe import Probe
    from convscope.features.projection import Projection
    from convscope.features.table import Features
    from convscope.features.transformer import ConvFeatures
    from convscope.lenses.training import FeatureMapsCallback
    from convscope.run import Run
    from convscope.scope.describe.explanation import Explanation
    from convscope.workflows.inspect.inspection import Inspection
    from convscope.workflows.inspect_data import DataReport
    from convscope.workflows.predict import Predictions
    from convscope.workflows.search.results import SearchResult

__version__ = "0.1.0.dev0"
__all__ = [
    "BackendError",
    "ConvFeatures",
    "ConvscopeError",
    "DataError",
    "DataReport",
    "Explanation",
    "Exported",
    "FeatureMapsCallback",
    "Features",
    "Inspection",
    "Neighbors",
    "Predictions",
    "Probe",
    "Projection",
    "Run",
    "RunError",
    "SearchResult",
    "UsageError",
    "__version__",
    "build",
    "evaluate",
    "explain",
    "export",
    "extract",
    "inspect_data",
    "look",
    "neighbors",
    "open_features",
    "predict",
    "probe",
    "project",
    "register_layers",
    "scope",
    "search",
    "stream",
    "studio",
    "train",
]
_TYPES = {
    "ConvFeatures": "convscope.features.transformer",
    "DataReport": "convscope.workflows.inspect_data",
    "Explanation": "convscope.scope.describe.explanation",
    "Exported": "convscope.engine.export",
    "FeatureMapsCallback": "convscope.lenses.training",
    "Features": "convscope.features.table",
    "Inspection": "convscope.workflows.inspect.inspection",
    "Neighbors": "convscope.features.neighbors",
    "Predictions": "convscope.workflows.predict",
    "Probe": "convscope.features.probe",
    "Projection": "convscope.features.projection",
    "Run": "convscope.run",
    "SearchResult": "convscope.workflows.search.results",
}
_LIGHT = ("ConvFeatures", "Run")
"""Types that are found without a Keras backend."""


def __getattr__(name: str) -> object:
    """Finds what the package offers when it is first used, so that importing it imports no backend."""
    if name == "scope":
        return import_module("convscope.scope")
    if name in _TYPES:
        if name not in _LIGHT:
            from convscope.backend import prepare_backend

            prepare_backend()
        return getattr(import_module(_TYPES[name]), name)
    if name in __all__:
        return getattr(import_module("convscope.api"), name)
    raise AttributeError(f"module 'convscope' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
