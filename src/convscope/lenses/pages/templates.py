"""The templates of pages, in which everything that is filled in is escaped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, Template


@cache
def find_template(name: str) -> Template:
    """A template of this room; a name in it that is not filled in is an error."""
    return _environment().get_template(name)


def add_filters(**filters: Callable[..., object]) -> None:
    """Gives the templates functions by name."""
    _environment().filters.update(filters)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
