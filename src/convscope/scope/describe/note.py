"""One remark about a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A remark that a reviewer would make.

    Args:
        topic: What it is about: `parameters`, `dropout`, `precision`, `activation`, `order`, `waste`,
            `borders`, `receptive field`, `weights`, `unused`, `frozen` or `kernels`.
        paths: The calls that it is about.
        text: The remark, with names and numbers.
    """

    topic: str
    paths: tuple[str, ...]
    text: str
