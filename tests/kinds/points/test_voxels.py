"""Clouds in the cells of a grid: which are filled by how much, and a network over them."""

import keras
import numpy as np
import pytest
from made_clouds import write_clouds

import convscope
from convscope.errors import UsageError
from convscope.kinds.points.cells import from_above
from convscope.kinds.points.layers import FilledCells
from convscope.kinds.points.voxel_models import voxel_resnet
from convscope.kinds.volume.models import volume_resnet
from convscope.scope.record import record

pytestmark = pytest.mark.portable

CELLS = 6


def filled(cloud, cells=CELLS):
    """What the formula of `FilledCells` says, point by point, float64 (cells, cells, cells, 1 + features)."""
    size = 2 / cells
    middles = (np.arange(cells) + 0.5) * size - 1
    total = np.zeros((cells,) * 3)
    features = np.zeros((*total.shape, cloud.shape[1] - 3))
    for point in cloud.astype(np.float64):
        place = np.clip(point[:3], -1 + size / 2, 1 - size / 2)
        x, y, z = (np.maximum(0, 1 - np.abs(place[axis] - middles) / size) for axis in range(3))
        weights = x[:, None, None] * y[None, :, None] * z[None, None]
        total += weights
        features += weights[..., None] * point[3:]
    means = features / np.maximum(total, 1)[..., None]
    return np.concatenate([np.minimum(total, 1)[..., None], means], axis=-1)


def clouds(points=40, features=2):
    values = np.random.default_rng(0).normal(0, 0.5, (3, points, 3 + features)).astype("float32")
    values[0, 0, :3] = 1.7, -1.2, 0  # outside of the cube
    return values


@pytest.mark.parametrize("features", [0, 2])
def test_cells_are_filled_as_the_formula_says(features):
    values = clouds(features=features)
    found = keras.ops.convert_to_numpy(FilledCells(CELLS)(values))
    assert found.shape == (3, CELLS, CELLS, CELLS, 1 + features)
    for cloud, cells in zip(values, found, strict=True):
        np.testing.assert_allclose(cells, filled(cloud), atol=1e-4)


def test_a_point_in_the_middle_of_a_cell_fills_it_alone_and_repeated_points_do_no_more():
    cloud = np.array([[[-0.75, 0.25, 0.75]] * 3], "float32")
    found = keras.ops.convert_to_numpy(FilledCells(4)(cloud))[0, ..., 0]
    assert np.argwhere(found).tolist() == [[0, 2, 3]]
    assert found.max() == 1


def test_the_order_of_points_means_nothing():
    values = clouds()
    layer = FilledCells(CELLS)
    one, other = (keras.ops.convert_to_numpy(layer(each)) for each in (values, values[:, ::-1].copy()))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_network_over_cells_is_that_of_volumes():
    clouded, volume = voxel_resnet((64, 3), 4, width=4, resolution=16), volume_resnet((16, 16, 16, 1), 4, 4)
    names = [layer.name for layer in volume.layers]
    assert [layer.name for layer in clouded.layers][2:] == names[1:]
    volume.set_weights(clouded.get_weights())
    values = clouds(64, 0)
    cells = record(clouded, values, ["cells"])["cells"].array
    answers, expected = (np.asarray(each, np.float32) for each in (clouded(values), volume(cells)))
    np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-6)


def test_a_grid_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match="two cells along each axis"):
        FilledCells(1)
    with pytest.raises(UsageError, match="from 8 to 128 cells"):
        voxel_resnet((64, 3), 2, resolution=4)
    with pytest.raises(UsageError, match="takes \\(points, 3 or more channels\\)"):
        voxel_resnet((64, 2), 2)


def test_maps_from_above_have_the_largest_value_along_z_with_y_upwards():
    maps = np.zeros((3, 4, 5, 1))
    maps[2, 0, 3, 0], maps[2, 0, 1, 0] = -7, 2
    seen = from_above(maps)
    assert seen.shape == (1, 4, 3)
    assert seen[0, 3, 2] == -7, "x to the right, y upwards"


def test_it_is_trained_explained_and_looked_at(tmp_path):
    data = write_clouds(tmp_path / "data")
    given = {"width": 4, "points": 64, "resolution": 12}
    run = convscope.train(
        data, out=tmp_path / "run", architecture="voxel_resnet", epochs=2, options=given, verbose=0
    )
    assert run.record()["options"]["resolution"] == 12
    said = convscope.explain(run.folder)
    assert any("seen in cells" in line for line in said.key_points)
    assert any("fill the cells of a grid of 12x12x12" in layer.here for layer in said.layers)
    file = str(data / "ball" / "00.xyz")
    seen = convscope.look(run.folder, file, method="why")
    assert any(note.startswith("grad-cam is left out") for note in seen.notes)
    assert {name.rpartition("/")[2] for name in seen.arrays} == {"integrated-gradients", "occlusion"}
    assert convscope.look(run.folder, file, method="maps", channels=3).save(tmp_path / "maps.png")
    with pytest.raises(UsageError, match="no layer with the spatial positions"):
        convscope.look(run.folder, file, method="grad-cam")
