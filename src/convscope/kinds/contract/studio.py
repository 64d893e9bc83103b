"""How the studio shows the samples of a kind: an element of the page, and what it is told of each sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from convscope.kinds.contract.representation import SampleDescription
from convscope.types import Array, Json

Facts = dict[str, Json]


@dataclass(frozen=True)
class Media:
    """A sample or a part of one in a form that browsers show or play.

    Args:
        content_type: Such as `image/png`.
        content: The bytes of the file.
    """

    content_type: str
    content: bytes


def nothing_more(values: Array, description: SampleDescription | None) -> Facts:
    """Samples of which the page is told what descriptions that several kinds share say."""
    return {}


def no_media(sample: object) -> Media | None:
    """Samples that browsers have no form for."""
    return None


def no_thumbnail(values: Array, description: SampleDescription | None, side: int) -> Media | None:
    """Samples that are not drawn small."""
    return None


@dataclass(frozen=True)
class StudioElement:
    """The element that draws a sample of a kind, and what it needs.

    Args:
        name: Of the custom element, such as `cs-input-image`.
        script: The module that defines it, `package:file`, such as `convscope.kinds.image:studio.js`.
        facts: `(values as drawn, description)` to what the element is told besides axes, channels and tokens.
        original: From a raw sample to the form that people know, such as a picture.
        thumbnail: `(values as drawn, description, side in pixels)` to a small picture.
        accepts: Endings of files that may be dropped on the page, by their content type.
    """

    name: str
    script: str
    facts: Callable[[Array, SampleDescription | None], Facts] = nothing_more
    original: Callable[[Any], Media | None] = no_media
    thumbnail: Callable[[Array, SampleDescription | None, int], Media | None] = no_thumbnail
    accepts: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_thumbnails(self) -> bool:
        """Whether samples are drawn small."""
        return self.thumbnail is not no_thumbnail

    @property
    def has_originals(self) -> bool:
        """Whether samples have a form that browsers show or play."""
        return self.original is not no_media
