"""How the studio shows clouds of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from convscope.data.masks import Classes, Mask
from convscope.data.splits import Samples
from convscope.kinds.contract.recipe import Prediction
from convscope.kinds.contract.representation import AnyRepresentation, SampleDescription
from convscope.kinds.contract.studio import Facts, Labeled, StudioElement
from convscope.kinds.points.detection.boxes import Floats, SpaceBoxes
from convscope.kinds.points.detection.representation import PillarRepresentation
from convscope.kinds.points.detection.results import SpacePrediction
from convscope.kinds.points.representation import CloudDescription
from convscope.kinds.points.segmentation.blocks import SceneRepresentation
from convscope.types import Array, Json

AXES: tuple[Json, ...] = ("x", "y", "z")


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """What the channels are, how many points are different ones, and the class of each where it is known."""
    found: Facts = {"media": "cloud", "axes": [{"name": "point", "unit": "", "length": values.shape[0]}]}
    if not isinstance(description, CloudDescription):
        return found
    return {
        **found,
        "channels": [*AXES, *description.features],
        "distinct": description.distinct,
        "filled": description.filled,
        "unit": description.unit,
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


def true_marks(labeled: Labeled) -> list[Json]:
    """The boxes of the label, without those that are neither learned nor judged."""
    boxes, representation = labeled.label, labeled.representation
    if not isinstance(boxes, SpaceBoxes) or not isinstance(representation, PillarRepresentation):
        return []
    placed = representation.to_grid(representation.place_of(labeled.samples, labeled.index), boxes)
    return [
        {"name": labeled.class_names[k], "score": None, "box": box}
        for k, box, ignored in zip(
            placed.classes.tolist(), placed.values.tolist(), placed.ignored.tolist(), strict=True
        )
        if not ignored
    ]


def true_mask(labeled: Labeled) -> Classes | None:
    """The class of each point of the block in the middle, which is the input."""
    mask, representation = labeled.label, labeled.representation
    if not isinstance(mask, Mask) or not isinstance(representation, SceneRepresentation):
        return None
    return mask.load()[representation.middle_of(labeled.samples.load(labeled.index))]


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
    true_marks=true_marks,
    true_mask=true_mask,
)
