"""How the studio shows series."""

from __future__ import annotations

from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.studio import Facts, StudioElement
from convscope.types import Array


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """That it is a series."""
    return {"media": "series"}


STUDIO = StudioElement(
    "cs-input-series",
    "convscope.kinds.series:studio.js",
    facts=facts,
    accepts={"text/csv": ".csv", "text/tab-separated-values": ".tsv", "application/x-npz": ".npz"},
)
