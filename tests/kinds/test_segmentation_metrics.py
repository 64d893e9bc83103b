"""Metrics of masks against independent references, windows against the whole, and the loss against NumPy."""

import numpy as np
import pytest

from convscope.data.masks import VOID
from convscope.errors import DataError
from convscope.kinds.tasks.segmentation_grids import gaussian, padded, window_at, window_starts
from convscope.kinds.tasks.segmentation_metrics import (
    SegmentationMetrics,
    matrix_of,
    measured_distances,
    segmentation_metrics,
)
from convscope.kinds.tasks.surfaces import surface_distances

NAMES = ("background", "a", "b", "nowhere")


def drawn(seed, shape=(9, 11)):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, shape).astype(np.uint8)
    true[rng.random(shape) < 0.1] = VOID
    found = np.where(rng.random(shape) < 0.3, rng.integers(0, 3, shape), np.minimum(true, 2))
    return true, found.astype(np.uint8)


def test_the_matrix_and_the_mean_iou_are_those_of_scikit_learn():
    from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

    pairs = [drawn(seed) for seed in range(6)]
    metrics = segmentation_metrics([matrix_of(*pair, 4) for pair in pairs], NAMES)
    true, found = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    known = true != VOID
    expected = confusion_matrix(true[known], found[known], labels=range(4))
    assert np.array_equal(metrics.matrix, expected)
    ious = jaccard_score(true[known], found[known], labels=range(3), average=None)
    assert metrics.mean_iou == pytest.approx(ious.mean())
    assert [each.iou for each in metrics.classes[:3]] == pytest.approx(ious.tolist())
    assert metrics.accuracy == pytest.approx(accuracy_score(true[known], found[known]))
    assert (metrics.classes[3].iou, metrics.classes[3].dice) == (None, None)
    low, high = metrics.mean_iou_interval
    assert low < metrics.mean_iou < high
    assert SegmentationMetrics.from_json(metrics.to_json()) == metrics


def test_dice_is_the_mean_over_samples_that_have_a_class_or_are_given_it():
    from sklearn.metrics import f1_score

    pairs = [drawn(seed) for seed in range(4)]
    pairs[0][0][pairs[0][0] == 1] = 0
    pairs[0][1][pairs[0][1] == 1] = 0
    metrics = segmentation_metrics([matrix_of(*pair, 4) for pair in pairs], NAMES)
    dices = [f1_score(t[t != VOID], f[t != VOID], labels=[1], average=None)[0] for t, f in pairs[1:]]
    assert metrics.classes[1].dice == pytest.approx(np.mean(dices))
    assert metrics.classes[1].support == 3
    of_both = [each.dice for each in metrics.classes[1:3]]
    assert metrics.mean_dice == pytest.approx(np.mean(of_both))


def test_nothing_to_evaluate_is_an_error():
    with pytest.raises(DataError, match="no samples"):
        segmentation_metrics([], NAMES)


def ball(center, radius, shape=(30, 28, 26)):
    grids = np.ogrid[tuple(slice(0, side) for side in shape)]
    return sum((grid - at) ** 2 for grid, at in zip(grids, center, strict=True)) <= radius**2


def test_surfaces_of_boxes_lie_as_far_apart_as_their_sides():
    one, other = np.zeros((20, 20, 20), bool), np.zeros((20, 20, 20), bool)
    one[5:15, 5:15, 5:15] = True
    other[5:15, 5:15, 5:12] = True
    found = surface_distances(one, other, (1.0, 1.0, 2.0), 1.0)
    assert found.hd95 == 6.0
    assert surface_distances(one, one, (1.0, 1.0, 2.0), 0.0).nsd == 1.0
    assert surface_distances(one, np.zeros_like(one), (1.0, 1.0, 1.0), 1.0) is None


def test_distances_agree_with_the_package_surface_distance():
    reference = pytest.importorskip("surface_distance")
    spacing = (1.0, 0.8, 2.5)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        one, other = ball(rng.uniform(11, 16, 3), 8), ball(rng.uniform(11, 16, 3), 7)
        expected = reference.compute_surface_distances(one, other, spacing)
        found = surface_distances(one, other, spacing, 1.5)
        assert found.hd95 == pytest.approx(reference.compute_robust_hausdorff(expected, 95), abs=0.3)
        nsd = reference.compute_surface_dice_at_tolerance(expected, 1.5)
        assert found.nsd == pytest.approx(nsd, abs=0.02)


def test_a_class_in_one_of_two_masks_has_no_distance():
    true = np.zeros((6, 6, 6), np.uint8)
    true[2:4, 2:4, 2:4] = 1
    found = measured_distances(true, np.zeros_like(true), 2, (1, 1, 1), 1.0)
    assert found[1] is None
    assert found[0] is not None


@pytest.mark.parametrize(("sides", "window"), [((10, 4), (4, 4)), ((33, 20, 17), (16, 16, 16)), ((8,), (8,))])
def test_windows_cover_a_grid(sides, window):
    seen = np.zeros(sides, int)
    for start in window_starts(sides, window):
        seen[window_at(start, window)] += 1
    assert seen.min() >= 1
    assert seen.shape == sides


def test_weights_of_a_window_are_symmetric_and_largest_in_its_middle():
    weights = gaussian((7, 5))
    assert np.allclose(weights, weights[::-1, ::-1])
    assert weights.argmax() == weights.size // 2
    assert weights.min() > 0
    assert padded(np.ones((3, 4, 1)), (5, 4)).shape == (5, 4, 1)


@pytest.mark.portable
def test_the_loss_is_cross_entropy_and_dice_without_void():
    from keras import ops

    from convscope.models.segmentation_loss import DiceCrossEntropy, mean_iou

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (2, 4, 5))
    true = np.eye(3, dtype=np.float32)[labels]
    true[0, 0] = 0
    given = rng.random((2, 4, 5, 3)).astype(np.float32)
    given /= given.sum(axis=-1, keepdims=True)
    known = true.sum(axis=-1, keepdims=True)
    entropy = -(true * np.log(given)).sum() / true.sum()
    dice = 2 * (true * given).sum(axis=(0, 1, 2)) / (true + known * given).sum(axis=(0, 1, 2))
    found = ops.convert_to_numpy(DiceCrossEntropy()(true, given))
    assert found == pytest.approx(entropy + 1 - dice.mean(), rel=1e-4)
    ious = []
    for n in range(2):
        there, best = true[n].argmax(-1)[known[n, ..., 0] > 0], given[n].argmax(-1)[known[n, ..., 0] > 0]
        both = [np.sum((there == k) & (best == k)) for k in range(3)]
        either = [np.sum((there == k) | (best == k)) for k in range(3)]
        ious.append(np.mean(np.divide(both, either)))
    assert ops.convert_to_numpy(mean_iou(true, given)).tolist() == pytest.approx(ious, rel=1e-4)


@pytest.mark.portable
@pytest.mark.parametrize("shape", [(17, 23, 3), (40, 24, 1), (9, 20, 13, 1)])
def test_a_unet_gives_probabilities_at_each_position_of_any_size(shape):
    from convscope.models.unet import unet

    model = unet(shape, 4, width=4)
    found = np.asarray(model.predict(np.zeros((2, *shape), np.float32), verbose=0))
    assert found.shape == (2, *shape[:-1], 4)
    assert np.allclose(found.sum(axis=-1), 1, atol=1e-5)
