"""A reference to something in a module that is imported only when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Generic, TypeVar, cast

T = TypeVar("T")


@dataclass(frozen=True)
class Lazy(Generic[T]):
    """Names an object by module and attribute, so that listing it imports nothing.

    Args:
        place: `module:attribute`, such as `convscope.kinds.image.view:VIEW`.
    """

    place: str

    def load(self) -> T:
        """The object itself; imports its module.

        Raises:
            AttributeError: The module has no such attribute.
        """
        module, _, attribute = self.place.partition(":")
        return cast(T, getattr(import_module(module), attribute))
