"""Pillars and the maps of boxes, compared with NumPy loops, on every backend."""

import keras
import numpy as np
import pytest
from made_streets import boxes, scan

from convscope.errors import UsageError
from convscope.kinds.points.detection.augmentation import (
    BoxedCloudAugmentation,
    MirroredClouds,
    augmentation,
)
from convscope.kinds.points.detection.boxes import inside, overlaps_in_space
from convscope.kinds.points.detection.losses import SpaceBoxError
from convscope.kinds.points.detection.models import pillar_net
from convscope.kinds.points.detection.representation import PillarRepresentation
from convscope.kinds.points.detection.targets import CHANNELS, STRIDE, WEIGHTS, center_maps, decoded
from convscope.kinds.points.layers import Pillars

pytestmark = pytest.mark.portable
MADE = PillarRepresentation(
    1024,
    ("intensity",),
    (0.0,),
    (1.0,),
    (14.0, 0.0, 0.0),
    False,
    0.25,
    64,
    96,
    ((2.4, 1.2, 1.0), (0.6, 0.6, 2.0)),
    (0.5, 1.0),
)


def cloud(seed, points=300):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (points, 5)).astype(np.float32)
    values[:, :2] = rng.uniform(-2.6, 2.6, (points, 2))
    return values


def by_loops(layer, values):
    """Each cell on its own."""
    rows, columns = layer.grid
    kernel, bias = (keras.ops.convert_to_numpy(each) for each in (layer.kernel, layer.bias))
    found = np.zeros((rows, columns, layer.units), np.float32)
    place = np.stack([rows / 2 - values[:, 1] / layer.cell, values[:, 0] / layer.cell + columns / 2], axis=1)
    for row in range(rows):
        for column in range(columns):
            mine = (np.floor(place) == (row, column)).all(axis=1)
            if not mine.any():
                continue
            some = values[mine]
            units = [columns * layer.cell / 2, rows * layer.cell / 2, 4 * layer.cell, 1, 1]
            mean = (some[:, :3] - some[:, :3].mean(axis=0)) / layer.cell
            told = np.column_stack([some / units, mean, place[mine] - (row + 0.5, column + 0.5)])
            found[row, column] = np.maximum(told @ kernel + bias, 0).max(axis=0)
    return found


def test_pillars_are_the_largest_responses_of_their_points():
    layer = Pillars(6, (9, 12), 0.5)
    clouds = np.stack([cloud(0), cloud(1)])
    clouds[1, 100:, 0] = 1e6  # padding
    layer.build(clouds.shape)
    layer.bias.assign(np.linspace(-0.2, 0.2, 6))
    picture = keras.ops.convert_to_numpy(layer(clouds))
    assert picture.shape == (2, 9, 12, 6)
    for at in (0, 1):
        assert np.allclose(picture[at], by_loops(layer, clouds[at]), atol=1e-5)


def test_the_order_of_points_does_not_matter_and_nothing_outside_counts():
    layer = Pillars(4, (8, 8), 0.5)
    values = cloud(3)
    picture = keras.ops.convert_to_numpy(layer(values[None]))[0]
    shuffled = keras.ops.convert_to_numpy(layer(values[::-1][None]))[0]
    within = (np.abs(values[:, :2]) < 2).all(axis=1)
    few = np.where(within[:, None], values, 1e6).astype(np.float32)
    assert np.allclose(picture, shuffled, atol=1e-5)
    assert np.allclose(picture, keras.ops.convert_to_numpy(layer(few[None]))[0], atol=1e-5)
    nowhere = np.full((1, 50, 5), 1e6, np.float32)
    assert not keras.ops.convert_to_numpy(layer(nowhere)).any()


def test_pillars_are_made_again_from_their_settings_and_refuse_what_cannot_be():
    layer = Pillars(4, (8, 10), 0.5)
    assert Pillars.from_config(layer.get_config()).grid == (8, 10)
    with pytest.raises(UsageError, match="positive side of cells"):
        Pillars(4, (8, 8), 0.0)
    with pytest.raises(UsageError, match="x, y, z"):
        layer.build((None, 10, 2))
    with pytest.raises(UsageError, match="even sides"):
        pillar_net((100, 4), 2, grid=(17, 64))


def test_boxes_go_to_maps_and_back():
    for seed in range(6):
        true = MADE.to_grid(np.array(MADE.origin), boxes(seed))
        scores, sides = center_maps(true, MADE, 2)
        assert scores.shape == (64 // STRIDE, 96 // STRIDE, 2)
        assert sides.shape == (*scores.shape[:2], len(CHANNELS) + 1)
        assert (scores == 1).sum() == len(true)
        values, classes, sure = decoded(scores, sides[..., :-1], MADE)
        found = values[sure > 0.99]
        shared = overlaps_in_space(true.values, found)
        assert np.allclose(shared.max(axis=1), 1, atol=1e-4)
        best = shared.argmax(axis=1)
        assert np.allclose(np.cos(found[best, 6] - true.values[:, 6]), 1, atol=1e-4)
        assert classes[sure > 0.99][best].tolist() == true.classes.tolist()


def test_ignored_boxes_are_not_learned_and_boxes_outside_neither():
    true = MADE.to_grid(np.array(MADE.origin), boxes(0))
    true.ignored[0] = True
    true.values[1, 0] = 1e3
    scores, sides = center_maps(true, MADE, 2)
    assert (scores == 1).sum() == 2 and (scores == -1).any()
    assert len(np.unique(sides[sides[..., -1] > 0][:, 3])) == 2


def test_the_error_of_boxes_is_that_of_numpy():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 1, (2, 3, 4, len(CHANNELS) + 1)).astype(np.float32)
    true[..., -1] = rng.random((2, 3, 4)) * (rng.random((2, 3, 4)) < 0.3)
    found = rng.normal(0, 1, (2, 3, 4, len(CHANNELS))).astype(np.float32)
    wanted = (np.abs(true[..., :-1] - found) * WEIGHTS * true[..., -1:]).sum() / (true[..., -1].sum() + 1e-3)
    got = keras.ops.convert_to_numpy(SpaceBoxError(2.0)(true, found))
    assert got == pytest.approx(2 * wanted, rel=1e-5)
    assert SpaceBoxError.from_config(SpaceBoxError(2.0).get_config()).weight == 2.0


def test_points_stay_in_their_boxes_whatever_is_changed():
    clouds = np.stack([np.resize(scan(boxes(seed), seed), (1080, 4)) for seed in (0, 1)])
    clouds[..., 0] -= 14
    true = [MADE.to_grid(np.array(MADE.origin), boxes(seed)) for seed in (0, 1)]
    change = BoxedCloudAugmentation(turn=180.0, drop=0.0, cell=0.25)
    before = [inside(b.values, c[:, :3].astype(float)) for b, c in zip(true, clouds, strict=True)]
    for seed in range(5):
        moved, kept = change((clouds, true), np.random.default_rng(seed))
        for at in (0, 1):
            grown = kept[at].values + np.array([0, 0, 0, 1e-3, 1e-3, 1e-3, 0])
            assert (inside(grown, moved[at, :, :3].astype(float)) >= before[at]).all()
            assert (inside(kept[at].values, moved[at, :, :3].astype(float)).sum(axis=1) > 100).all()
    assert augmentation(0) is None


def test_a_mirrored_cloud_has_mirrored_maps():
    true = MADE.to_grid(np.array(MADE.origin), boxes(2))
    other = true.values * np.array([1, -1, 1, 1, 1, 1, -1])
    one, two = (center_maps(each, MADE, 2) for each in (true, true.moved(other)))
    back = MirroredClouds().undone(two[0][None], two[1][None, ..., :-1])
    assert np.allclose(back[0][0], one[0], atol=1e-6)
    weights = one[1][..., -1] > 0.99
    assert np.allclose(back[1][0][weights], one[1][..., :-1][weights], atol=1e-5)
    values = cloud(0)[None]
    assert np.array_equal(MirroredClouds()(MirroredClouds()(values)), values)


def test_the_network_gives_a_map_for_each_class_and_one_for_boxes():
    model = pillar_net((200, 5), 2, grid=(32, 48), cell=0.25, width=8)
    scores, sides = model(np.stack([cloud(0, 200), cloud(1, 200)]))
    assert scores.shape == (2, 16, 24, 2) and sides.shape == (2, 16, 24, len(CHANNELS))
    assert keras.ops.convert_to_numpy(scores).max() < 0.5
