"""The studio: a web page for a model and its data.

`convscope.studio` names this package and the function that opens the page, so that the package can be called.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType


class _CallableModule(ModuleType):
    def __call__(self, *args: object, **options: object) -> object:
        """Opens the page; `convscope.api.studio` says how."""
        return import_module("convscope.api").studio(*args, **options)


sys.modules[__name__].__class__ = _CallableModule
