"""What is drawn over inputs of what was found in them, in places of the input whatever the sample was."""

import numpy as np
import pytest

from convscope.kinds.image.detection.representation import BoxedImageRepresentation
from convscope.kinds.image.representation import ImageRepresentation
from convscope.kinds.image.studio import STUDIO as IMAGE
from convscope.kinds.points.detection.representation import PillarRepresentation
from convscope.kinds.points.detection.results import SpacePrediction
from convscope.kinds.points.studio import STUDIO as POINTS
from convscope.kinds.tasks.detection_results import BoxPrediction

NOTHING = ()
"""No sample is needed."""


def test_boxes_of_pictures_lie_in_pixels_of_the_input():
    shown = IMAGE.in_input(BoxedImageRepresentation(64, 96, 3, 4))
    assert shown.size(NOTHING, 0) == (64, 96)
    corners = np.array([[1.0, 2, 30, 40]])
    np.testing.assert_array_equal(shown.from_grid(shown.size(NOTHING, 0), corners), corners)
    other = ImageRepresentation(8, 8, 1)
    assert IMAGE.in_input(other) is other


def test_boxes_of_clouds_lie_about_the_middle_of_the_grid():
    kept = PillarRepresentation(
        *(
            100,
            ("intensity",),
            (0.0,),
            (1.0,),
            (5.0, 6.0, 7.0),
            True,
            0.5,
            16,
            32,
            ((4.0, 2.0, 1.5),),
            (0.75,),
        )
    )
    shown = POINTS.in_input(kept)
    assert shown.to_json() == kept.to_json()
    np.testing.assert_array_equal(shown.place_of(NOTHING, 0), np.zeros(3))


@pytest.mark.parametrize(
    ("element", "found", "nothing", "box"),
    [
        (
            IMAGE,
            BoxPrediction("a", "disc", 0.5, (1.0, 2.0, 3.0, 4.0)),
            BoxPrediction("a"),
            [1.0, 2.0, 3.0, 4.0],
        ),
        (
            POINTS,
            SpacePrediction("a", "crate", 0.25, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5)),
            SpacePrediction("a"),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5],
        ),
    ],
)
def test_a_mark_says_class_score_and_box(element, found, nothing, box):
    assert element.marks([found, nothing]) == [{"name": found.class_name, "score": found.score, "box": box}]
