"""How the studio shows texts."""

from __future__ import annotations

from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.studio import Facts, Media, StudioElement
from convscope.types import Array


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """That it is a text."""
    return {"media": "text"}


def original(sample: object) -> Media | None:
    """The text as it was read; of a sentence of tokens these, with spaces between them."""
    tokens = getattr(sample, "tokens", None)
    text = sample if isinstance(sample, str) else " ".join(tokens) if tokens else ""
    return Media("text/plain; charset=utf-8", text.encode()) if text else None


def example() -> Media:
    """A few words."""
    return Media("text/plain", b"a few words")


STUDIO = StudioElement(
    "cs-input-text",
    "convscope.kinds.text:studio.js",
    facts=facts,
    original=original,
    accepts={"text/plain": ".txt"},
    example=example,
)
