"""How the studio shows graphs, and nodes with what is around them."""

from __future__ import annotations

from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.studio import Facts, StudioElement
from convscope.types import Array


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """That it is a graph."""
    return {"media": "graph"}


STUDIO = StudioElement("cs-input-graph", "convscope.kinds.graph:studio.js", facts=facts)
