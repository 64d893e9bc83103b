"""The canonical frame: every orientation goes there and back, and grids that differ are told apart."""

from itertools import permutations, product

import nibabel
import numpy as np
import pytest
from made_volumes import write_nifti

from convscope.errors import DataError
from convscope.kinds.volume.readers.nifti import read_nifti
from convscope.kinds.volume.readers.nifti import write_nifti as write_back
from convscope.kinds.volume.representation import VolumeRepresentation
from convscope.kinds.volume.resampling import fitted, resampled, resampled_affine, resampled_to
from convscope.kinds.volume.volume import Volume, same_grid

VALUES = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)


def affine_of(axes, signs, sizes=(1, 2, 3)):
    affine = np.zeros((4, 4))
    for column, (row, sign, size) in enumerate(zip(axes, signs, sizes, strict=True)):
        affine[row, column] = sign * size
    affine[:, 3] = 5, -6, 7, 1
    return affine


ORIENTATIONS = [(axes, signs) for axes in permutations(range(3)) for signs in product((1, -1), repeat=3)]


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_every_orientation_comes_to_the_canonical_one_and_back_to_the_voxel(axes, signs, tmp_path):
    path = write_nifti(tmp_path / "scan.nii", VALUES, affine_of(axes, signs))
    volume = read_nifti(path, "scan")
    reference = nibabel.as_closest_canonical(nibabel.load(path))
    assert np.array_equal(volume.values[..., 0], np.asarray(reference.dataobj))
    np.testing.assert_allclose(volume.affine, reference.affine)
    assert volume.source.orientation == "".join(nibabel.aff2axcodes(affine_of(axes, signs)))
    write_back(tmp_path / "back.nii.gz", volume, volume.values[..., 0])
    back = nibabel.load(tmp_path / "back.nii.gz")
    assert np.array_equal(np.asarray(back.dataobj), VALUES)
    np.testing.assert_allclose(back.affine, affine_of(axes, signs))


def test_an_oblique_grid_takes_the_axes_that_come_closest():
    angle = np.radians(30)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    volume = Volume.of(VALUES, affine @ np.diag([-1.0, 1, 1, 1]), "scan", "NIfTI")
    assert volume.source.orientation == "LAS"
    assert np.array_equal(volume.values[..., 0], VALUES[::-1])
    corner = volume.affine @ [0, 0, 0, 1]
    np.testing.assert_allclose(corner, volume.source.affine @ [1, 0, 0, 1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a, ""),
        (lambda a: a + np.eye(4) * [0, 0, 0, 0] + np.outer([1e-5, 0, 0, 0], [0, 0, 0, 1]), ""),
        (lambda a: a @ np.diag([1, 1, 1.5, 1]), "voxels of 1 x 2 x 3 mm against 1 x 2 x 4.5 mm"),
        (lambda a: a @ np.diag([-1.0, 1, 1, 1]), "axes to RAS against LAS"),
        (lambda a: a + np.outer([0, 4, 0, 0], [0, 0, 0, 1]), "places up to 4 mm apart"),
    ],
)
def test_grids_that_differ_are_told_apart_by_how(change, said):
    own = affine_of((0, 1, 2), (1, 1, 1))
    one, other = (Volume.of(VALUES, affine, "a", "NIfTI") for affine in (own, change(own)))
    assert same_grid(one, other) == said


def test_a_grid_of_another_size_is_told_in_voxels():
    one, other = (Volume.of(values, np.eye(4), "a", "NIfTI") for values in (VALUES, VALUES[:1]))
    assert same_grid(one, other) == "2 x 3 x 4 voxels against 1 x 3 x 4"


@pytest.mark.parametrize(
    "affine", [np.diag([1.0, 0, 1, 1]), np.full((4, 4), np.nan), affine_of((0, 1, 1), (1, 1, 1))]
)
def test_an_affine_that_gives_voxels_no_size_is_an_error(affine):
    with pytest.raises(DataError, match="scan: expected"):
        Volume.of(VALUES, affine, "scan", "NIfTI")


def test_resampling_keeps_what_is_linear_and_the_extent():
    ramp = np.broadcast_to(np.arange(12.0)[:, None, None], (12, 4, 4))
    finer = resampled(ramp, (1, 1, 1), (0.5, 1, 1))
    assert finer.shape == (24, 4, 4)
    np.testing.assert_allclose(finer[1:-1, 0, 0], np.arange(24)[1:-1] / 2 - 0.25, atol=1e-5)
    coarser = resampled(ramp, (1, 1, 1), (2, 1, 1))
    np.testing.assert_allclose(coarser[1:-1, 0, 0], np.arange(6)[1:-1] * 2 + 0.5, atol=1e-5)
    same = resampled(ramp, (1, 1, 1), (1.005, 1, 1))
    assert same is ramp
    affine = resampled_affine(np.eye(4), (12, 4, 4), (24, 4, 4))
    np.testing.assert_allclose(affine @ [0, 0, 0, 1], [-0.25, 0, 0, 1])


def test_labels_are_brought_to_another_grid_by_the_nearest_voxel():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[2:] = 3
    mask = Volume.of(labels, np.diag([2.0, 2, 2, 1]), "mask", "NIfTI")
    shifted = np.eye(4)
    shifted[:3, 3] = -0.5
    scan = Volume.of(np.zeros((8, 8, 8)), shifted, "scan", "NIfTI")
    brought = resampled_to(mask, scan)
    assert same_grid(brought, scan) == ""
    assert np.array_equal(brought.values[:, 0, 0, 0], [0, 0, 0, 0, 3, 3, 3, 3])
    assert set(np.unique(brought.values)) == {0, 3}


def test_volumes_are_cut_and_filled_about_their_middle():
    made = fitted(np.ones((2, 5, 3)), (4, 3, 3), 7)
    assert made.shape == (4, 3, 3)
    assert made[:, 0, 0].tolist() == [7, 1, 1, 7]


@pytest.mark.parametrize("size", [(8, 8, 8), (30, 30, 30), (16, 8, 30)], ids=["cut", "filled", "both"])
@pytest.mark.parametrize("spacing", [(1.5, 1.0, 2.0), (2.2, 0.7, 2.0)], ids=["kept", "resampled"])
def test_places_in_mm_are_those_of_the_scan_whatever_a_model_takes_of_it(size, spacing):
    """Each voxel has its own place along an axis as its value, by the affine of the file."""
    affine = np.array([[0, -1.5, 0, 40.0], [1.0, 0, 0, -20], [0, 0, -2.0, 5], [0, 0, 0, 1]])
    shape = (20, 18, 12)
    places = affine[:3, :3] @ np.indices(shape).reshape(3, -1) + affine[:3, 3:]
    grid = VolumeRepresentation(size, 1, spacing, "bytes")
    for axis in range(3):
        volume = Volume.of(places[axis].reshape(shape).astype(np.float32), affine, "scan", "NIfTI")
        said = grid.describe(volume)
        lies = said.origin[axis] + np.arange(size[axis]) * said.spacing[axis]
        found = np.moveaxis(grid.to_array(volume)[..., 0], axis, 0)
        middle = found[(slice(None), *(side // 2 for side in found.shape[1:]))]
        inside = (lies > places[axis].min() + said.spacing[axis]) & (
            lies < places[axis].max() - said.spacing[axis]
        )
        assert inside.sum() >= 6
        np.testing.assert_allclose(middle[inside], lies[inside], atol=0.06 if spacing[1] == 0.7 else 1e-4)


def test_places_of_a_scan_whose_frame_is_not_known_are_not_said():
    volume = Volume.of(np.zeros((4, 4, 4)), None, "stack", "TIFF", spacing=(1.0, 1.0, 2.0))
    assert VolumeRepresentation((4, 4, 4), 1, (1.0, 1.0, 2.0), "bytes").describe(volume).origin is None
