"""How the studio shows clouds of points."""

from __future__ import annotations

from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.studio import Facts, StudioElement
from convscope.kinds.points.representation import CloudDescription
from convscope.types import Array, Json

AXES: tuple[Json, ...] = ("x", "y", "z")


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """What the channels are, how many points are different ones, and the class of each where it is known."""
    found: Facts = {"media": "cloud", "axes": [{"name": "point", "unit": "", "length": values.shape[0]}]}
    if not isinstance(description, CloudDescription):
        return found
    labels: Json = None
    if description.labels is not None:
        labels = [int(label) for label in description.labels]
    return {
        **found,
        "channels": [*AXES, *description.features],
        "distinct": description.distinct,
        "unit": description.unit,
        "labels": labels,
        "classes": list(description.class_names),
    }


STUDIO = StudioElement(
    "cs-input-points",
    "convscope.kinds.points:studio.js",
    facts=facts,
    accepts={
        "application/x-las": ".las",
        "application/x-ply": ".ply",
        "application/x-pcd": ".pcd",
        "application/x-xyz": ".xyz",
        "model/off": ".off",
    },
)
