"""Planes of volumes: right is at the left, and what is marked is where it is drawn."""

import numpy as np
import pytest
from drawn import assert_tidy

from convscope.kinds.volume.planes import Planes, depth_image, enlarged, middle_of, strongest
from convscope.kinds.volume.representation import VolumeDescription
from convscope.kinds.volume.view import VIEW, VolumeView
from convscope.lenses.figures.attribution import draw_attributions
from convscope.lenses.figures.maps import draw_comparison, draw_maps
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Sample
from convscope.scope.attribution.methods import Attribution

SHAPE = (4, 5, 6)


def images_of(figure):
    """The images of a figure by their names."""
    return {each.get_gid(): np.asarray(each.get_array()) for each in figure.axes[0].images}


def one_voxel(at):
    values = np.zeros(SHAPE)
    values[at] = 1
    return values


@pytest.mark.parametrize(
    ("axis", "row", "column"),
    [(2, 0, 0), (1, 0, 0), (0, 0, 0)],
    ids=["axial", "coronal", "sagittal"],
)
def test_right_anterior_and_superior_are_at_the_left_and_at_the_top(axis, row, column):
    last = tuple(length - 1 for length in SHAPE)
    planes = Planes(SHAPE, (1, 1, 1), oriented=True)
    drawn = planes.of(one_voxel(last), axis, last[axis])
    assert np.argwhere(drawn).tolist() == [[row, column]]
    left, right, top, bottom = planes.sides(axis)
    assert (left, right) == (("A", "P") if axis == 0 else ("R", "L"))
    assert (top, bottom) == (("A", "P") if axis == 2 else ("S", "I"))


@pytest.mark.parametrize("oriented", [True, False])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_outline_lies_over_the_voxels_that_it_outlines(axis, oriented):
    planes = Planes(SHAPE, (1, 1, 2), oriented=oriented)
    window = ((1, 3), (0, 2), (3, 6))
    values = np.zeros(SHAPE)
    values[tuple(slice(*ends) for ends in window)] = 1
    drawn = planes.of(values, axis, window[axis][0])
    left, top, wide, high = planes.window(axis, window)
    rows, columns = np.nonzero(drawn)
    assert (columns.min() / drawn.shape[1], rows.min() / drawn.shape[0]) == pytest.approx((left, top))
    assert (np.ptp(columns) + 1) / drawn.shape[1] == pytest.approx(wide)
    assert (np.ptp(rows) + 1) / drawn.shape[0] == pytest.approx(high)


def test_planes_are_named_with_their_place_in_mm_where_sides_are_known():
    planes = Planes(SHAPE, (1, 1, 2.5), oriented=True, origin=(0.0, 0.0, -20.0))
    assert planes.name(2, 3) == "axial, z 3 of 6, -12.5 mm"
    assert planes.name(2, 3, 165) == "axial, z 3, -12.5 mm"
    assert planes.name(2, 3, 20) == "z 3, -12.5 mm"
    assert planes.name(0, 0) == "sagittal, x 0 of 4, 0 mm"
    assert Planes(SHAPE, (1, 1, 1), oriented=False, origin=(0.0, 0.0, 0.0)).name(0, 3) == "plane at x 3 of 4"
    assert Planes(SHAPE, (1, 1, 2.5), oriented=True).name(2, 3) == "axial, z 3 of 6"
    fine = Planes(SHAPE, (0.02, 1, 1), oriented=True, origin=(1.0, 0.0, 0.0))
    assert fine.name(0, 3) == "sagittal, x 3 of 4, 1.06 mm"


def test_the_strongest_voxel_and_the_middle_of_what_is_there():
    values = one_voxel((1, 2, 3)) * -5
    values[0, 0, 0] = np.nan
    assert strongest(values) == (1, 2, 3)
    assert middle_of(one_voxel((1, 2, 3))[..., None]) == (1, 2, 3)
    assert middle_of(np.zeros((4, 5, 6, 1))) == (2, 2, 3)


def test_a_solid_is_brighter_where_it_is_nearer():
    values = np.zeros((2, 1, 4))
    values[0, 0, 3] = values[1, 0, 0] = 1
    seen = depth_image(values, Planes((2, 1, 4), (1, 1, 1), oriented=False))
    assert seen[0, 0] > seen[0, 1] > 0


def test_pictures_keep_pixels_when_enlarged_and_average_when_made_smaller():
    colors = np.full((2, 2, 4), (0, 0, 0, 255), np.uint8)
    colors[0, 0, :3] = 200
    assert enlarged(colors, (4, 4))[1, 1].tolist() == [200, 200, 200, 255]
    assert enlarged(colors, (1, 1))[0, 0].tolist() == [50, 50, 50, 255]


def sample(side, oriented=True):
    rng = np.random.default_rng(side)
    values = rng.normal(size=(side, side, side // 2, 1)).astype(np.float32)
    return Sample(VolumeView(values, VolumeDescription((1.0, 1.0, 2.0), oriented)), f"{side}")


def maps_of(side):
    rng = np.random.default_rng(side)
    values = rng.normal(size=(side // 2, side // 2, side // 4, 3)).astype(np.float32)
    return LayerMaps("conv", "a layer", values, (5, 5, 5), (2.0, 2.0, 2.0))


@pytest.mark.parametrize("side", [32, 256])
def test_32_and_256_slices_have_three_planes_slices_and_projections(side):
    figure = draw_maps(sample(side), [maps_of(side)])
    assert_tidy(figure)
    names = images_of(figure)
    assert {"input axial", "input coronal", "input sagittal", "maps conv", "maps conv projection"} <= set(
        names
    )
    high, wide = names["input axial"].shape[:2]
    assert high == pytest.approx(wide, abs=2)
    assert wide >= 150
    high, wide = names["input coronal"].shape[:2]
    assert high == pytest.approx(wide, abs=2), "mm count, not voxels"


@pytest.mark.parametrize("oriented", [True, False])
def test_heat_lies_over_the_planes_through_its_strongest_voxel(oriented):
    seen = sample(16, oriented)
    values = np.zeros(seen.view.positions)
    values[3, 5, 2] = 1
    given = Attribution("occlusion", "", "output", 0, 0.5, values, signed=True, details={})
    figure = draw_attributions(seen, [given])
    assert_tidy(figure)
    assert {"overlay occlusion axial", "heat occlusion sagittal"} <= set(images_of(figure))
    said = [each.get_text() for each in figure.axes[0].texts]
    assert any("z 2 of 8" in text for text in said)


def test_several_inputs_stand_side_by_side():
    assert images_of(draw_comparison([sample(16), sample(16)], [maps_of(16), maps_of(16)], channels=2))


def test_a_sample_is_a_picture_of_a_page():
    from convscope.kinds.volume.volume import Volume

    volume = Volume.of(np.random.default_rng(0).normal(size=SHAPE), np.eye(4), "scan", "NIfTI")
    assert VIEW.of_sample(volume).markup("a scan").startswith("<img")
    assert "4 x 5 x 6 voxels of 1 x 1 x 1 mm, right is at the left" in VIEW.of_sample(volume).note
    assert "places in mm from the scan's own origin (RAS+)" in VIEW.of_sample(volume).note
    unknown = Volume.of(np.random.default_rng(0).normal(size=SHAPE), None, "scan", "TIFF")
    assert " mm" not in VIEW.of_sample(unknown).note


def test_the_voxel_that_is_explained_is_outlined_in_all_planes():
    seen = sample(256)
    values = np.zeros(seen.view.positions, np.float32)
    values[9, 8, 7] = 1
    given = Attribution("saliency", None, "output", 1, 0.9, values, signed=False, details={}, at=(30, 20, 10))
    figure = draw_attributions(seen, [given])
    assert_tidy(figure)
    assert any("z 10 of 128" in each.get_text() for each in figure.axes[0].texts)
    rings = [each for each in figure.axes[0].patches if each.get_gid() == "window"]
    assert len(rings) == 9, "three planes of the input, and of heat over it and alone"
    assert all(ring.get_width() >= 8 and ring.get_height() >= 8 for ring in rings)
