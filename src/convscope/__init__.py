"""convscope learns convolution kernels from any kind of data and shows what every kernel sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convscope import scope
    from convscope.api import (
        build,
        evaluate,
        explain,
        export,
        extract,
        look,
        neighbours,
        open_features,
        predict,
        probe,
        project,
        train,
    )
    from convscope.features.transformer import ConvFeatures
    from convscope.lenses.training import FeatureMapsCallback

__version__ = "0.1.0.dev0"
__all__ = [
    "ConvFeatures",
    "FeatureMapsCallback",
    "__version__",
    "build",
    "evaluate",
    "explain",
    "export",
    "extract",
    "follow",
    "look",
    "neighbours",
    "open_features",
    "predict",
    "probe",
    "project",
    "scope",
    "train",
]


def __getattr__(name: str) -> Any:
    """Finds what the package offers when it is first used, so that importing it imports no backend."""
    if name == "scope":
        from importlib import import_module

        return import_module("convscope.scope")
    if name == "ConvFeatures":
        from convscope.features.transformer import ConvFeatures

        return ConvFeatures
    if name == "FeatureMapsCallback":
        from convscope.backend import prepare_backend

        prepare_backend()
        from convscope.lenses.training import FeatureMapsCallback

        return FeatureMapsCallback
    if name in __all__:
        from convscope import api

        return getattr(api, name)
    raise AttributeError(f"module 'convscope' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
