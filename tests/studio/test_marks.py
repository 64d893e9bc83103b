"""What is drawn over inputs, found or known, lies in places of the input whatever the sample was."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from convscope.data.boxes import Boxes
from convscope.data.masks import VOID, Mask
from convscope.kinds.contract.studio import Labeled
from convscope.kinds.image.detection.representation import BoxedImageRepresentation
from convscope.kinds.image.representation import ImageRepresentation
from convscope.kinds.image.segmentation.representation import MaskedImageRepresentation
from convscope.kinds.image.studio import STUDIO as IMAGE
from convscope.kinds.points.detection.boxes import SpaceBox, SpaceBoxes
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


PILLARS = PillarRepresentation(
    *(100, ("intensity",), (0.0,), (1.0,), (5.0, 6.0, 7.0), False, 0.5, 16, 32, ((4.0, 2.0, 1.5),), (0.75,))
)


def test_boxes_of_clouds_lie_about_the_middle_of_the_grid():
    kept = PILLARS
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


def labeled(representation, samples, label):
    return Labeled(representation, samples, 0, label, ("background", "disc", "crate"))


def test_boxes_that_are_known_lie_where_the_picture_lies_in_the_input():
    representation = BoxedImageRepresentation(64, 96, 3, 4)
    samples = SimpleNamespace(sizes=np.array([[128, 100]]))
    boxes = Boxes.of([(10, 20, 30, 40, 1, False), (0, 0, 50, 50, 2, True)])
    found = IMAGE.true_marks(labeled(representation, samples, boxes))
    assert found == [{"name": "disc", "score": None, "box": pytest.approx([5, 10, 15, 20])}]
    assert IMAGE.true_marks(labeled(ImageRepresentation(8, 8, 1), samples, boxes)) == []


def test_boxes_that_are_known_of_a_cloud_lie_about_the_middle_of_the_grid():
    boxes = SpaceBoxes.of(
        [SpaceBox((6.0, 8.0, 7.5, 4.0, 2.0, 1.5, 0.5), 2), SpaceBox((0, 0, 0, 1, 1, 1, 0), 1, ignored=True)]
    )
    assert POINTS.true_marks(labeled(PILLARS, NOTHING, boxes)) == [
        {"name": "crate", "score": None, "box": [1.0, 2.0, 0.5, 4.0, 2.0, 1.5, 0.5]}
    ]


@pytest.mark.parametrize("window", [(32, 48), (16, 20)])
@pytest.mark.parametrize("size", [(32, 48), (64, 96)])
def test_a_mask_that_is_known_is_that_of_the_window_in_the_middle(window, size):
    classes = np.random.default_rng(0).integers(0, 3, size).astype(np.uint8)
    samples = SimpleNamespace(load=lambda index: np.zeros((*size, 3), np.uint8))
    mask = Mask(lambda: classes, np.bincount(classes.ravel(), minlength=3))
    found = IMAGE.true_mask(labeled(MaskedImageRepresentation(32, 48, 3, *window), samples, mask))
    small = np.asarray(Image.fromarray(classes).resize((48, 32), Image.Resampling.NEAREST))
    top, left = (32 - window[0]) // 2, (48 - window[1]) // 2
    np.testing.assert_array_equal(found, small[top : top + window[0], left : left + window[1]])
    assert IMAGE.true_mask(labeled(ImageRepresentation(8, 8, 1), samples, mask)) is None


def test_around_a_small_volume_no_class_is_known():
    from convscope.kinds.volume.representation import VolumeRepresentation
    from convscope.kinds.volume.segmentation.representation import MaskedVolumeRepresentation
    from convscope.kinds.volume.studio import STUDIO as VOLUME

    grid = VolumeRepresentation((6, 8, 6), 1, (1.0, 1.0, 1.0), "bytes")
    classes = np.random.default_rng(0).integers(0, 3, (4, 8, 7)).astype(np.uint8)
    samples = SimpleNamespace(load=lambda index: SimpleNamespace(spacing=(1.0, 1.0, 1.0)))
    mask = Mask(lambda: classes, np.bincount(classes.ravel(), minlength=3))
    found = VOLUME.true_mask(labeled(MaskedVolumeRepresentation(grid), samples, mask))
    expected = np.full((6, 8, 6), VOID)
    expected[1:5] = classes[:, :, :6]
    np.testing.assert_array_equal(found, expected)
