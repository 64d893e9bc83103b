"""How the studio shows clouds of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from convscope.data.splits import Samples
from convscope.kinds.contract.recipe import Prediction
from convscope.kinds.contract.representation import AnyRepresentation, SampleDescription
from convscope.kinds.contract.studio import Facts, StudioElement
from convscope.kinds.points.detection.boxes import Floats
from convscope.kinds.points.detection.representation import PillarRepresentation
from convscope.kinds.points.detection.results import SpacePrediction
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
        "filled": description.filled,
        "unit": description.unit,
        "labels": labels,
        "classes": list(description.class_names),
    }


@dataclass(frozen=True)
class _InputPlaces(PillarRepresentation):
    """Clouds that are the input: boxes are about the middle of its grid."""

    def place_of(self, samples: Samples, index: int) -> Floats:
        """The origin of the input."""
        return np.zeros(3)


def in_input(representation: AnyRepresentation) -> AnyRepresentation:
    """The representation of boxes with these where the points of the input are; any other one as it is."""
    if not isinstance(representation, PillarRepresentation):
        return representation
    return _InputPlaces(*(getattr(representation, each.name) for each in fields(representation)))


def marks(predictions: Sequence[Prediction]) -> list[Json]:
    """Boxes: x, y and z of the middle, length, width, height, and the heading in radians."""
    return [
        {"name": each.class_name, "score": each.score, "box": list(each.values)}
        for each in predictions
        if isinstance(each, SpacePrediction) and each.values
    ]


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
        "model/obj": ".obj",
        "model/stl": ".stl",
        "application/x-laz": ".laz",
        "application/x-kitti": ".bin",
    },
    in_input=in_input,
    marks=marks,
)
