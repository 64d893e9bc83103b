"""convscope learns convolution kernels from any kind of data and shows what every kernel sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convscope.api import build, evaluate, explain, export, look, predict, train

__version__ = "0.1.0.dev0"
__all__ = ["__version__", "build", "evaluate", "explain", "export", "look", "predict", "train"]


def __getattr__(name: str) -> Any:
    """Finds the functions of `convscope.api` when they are first used."""
    if name in __all__:
        from convscope import api

        return getattr(api, name)
    raise AttributeError(f"module 'convscope' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
