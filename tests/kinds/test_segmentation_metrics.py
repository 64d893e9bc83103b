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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
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
    names = ("background", "a", "b")
    found = measured_distances(true, np.where(true, 2, true), names, (1, 1, 1), 1.0)
    assert found == [None, None, None]
    assert measured_distances(true, true, names, (1, 1, 1), 1.0)[1].hd95 == 0


@pytest.mark.parametrize(("sides", "window"), [((10, 4), (4, 4)), ((33, 20, 17), (16, 16, 16)), ((8,), (8,))])
def test_windows_cover_a_grid(sides, window):
    seen = np.zeros(sides, int)
    for start in window_starts(sides, window):
        seen[window_at(start, window)] += 1
    assert seen.min() >= 1
    assert seen.shape == sides


@pytest.mark.parametrize("sides", [(21, 9), (8, 6), (5, 20), (16, 4)])
def test_slabs_put_together_are_the_weighted_mean_of_all_windows(sides):
    from types import SimpleNamespace

    import keras

    from convscope.kinds.tasks.segmentation_grids import Grids, predict_grids

    values = np.random.default_rng(0).random((*sides, 1), np.float32)
    represent = SimpleNamespace(shape=(8, 6, 1), to_inputs=lambda windows: windows)
    grids = Grids(represent, [values], [values])
    window, weights = (8, 6), gaussian((8, 6))
    grid = padded(values, window)
    total, seen = np.zeros(grid.shape[:2]), np.zeros(grid.shape[:2])
    inside = tuple(
        slice((side - own) // 2, (side - own) // 2 + own)
        for side, own in zip(grid.shape, sides, strict=False)
    )
    for start in window_starts(grid.shape[:2], window):
        place = window_at(start, window)
        part = grid[place][..., 0] ** 2 + np.arange(8)[:, None]
        total[place] += part * weights
        seen[place] += weights
    expected = (total / seen)[inside]
    inputs = keras.Input((8, 6, 1))
    steps = np.arange(8, dtype=np.float32)[:, None, None]
    model = keras.Model(inputs, keras.ops.square(inputs) + steps)
    [slabs] = [np.concatenate(list(each)) for each in predict_grids(model, grids)]
    assert slabs.shape == (*sides, 1)
    assert np.allclose(slabs[..., 0], expected, atol=1e-4)


def test_weights_of_a_window_are_symmetric_and_largest_in_its_middle():
    weights = gaussian((7, 5))
    assert np.allclose(weights, weights[::-1, ::-1])
    assert weights.argmax() == weights.size // 2
    assert weights.min() > 0
    assert padded(np.ones((3, 4, 1)), (5, 4)).shape == (5, 4, 1)


@pytest.mark.portable
def test_the_loss_is_cross_entropy_and_dice_without_void():
    from keras import ops

    from convscope.models.segmentation_loss import DiceCrossEntropy

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


@pytest.mark.portable
def test_the_mean_iou_of_an_epoch_is_that_of_all_positions_together():
    from keras import ops

    from convscope.models.segmentation_loss import MeanIoU

    metric, pairs = MeanIoU(), [drawn(seed) for seed in range(4)]
    for true, found in pairs:
        table = np.vstack([np.eye(4, dtype=np.float32), np.zeros((252, 4), np.float32)])
        metric.update_state(0.5 * table[true[None]], table[found[None]])
    expected = segmentation_metrics([matrix_of(*pair, 4) for pair in pairs], NAMES).mean_iou
    assert float(ops.convert_to_numpy(metric.result())) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    assert float(ops.convert_to_numpy(metric.result())) == 0


@pytest.mark.portable
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("shape", [(17, 23, 3), (40, 24, 1), (9, 20, 13, 1)])
def test_a_unet_gives_probabilities_at_each_position_of_any_size(shape, deep):
    from convscope.models.unet import unet

    model = unet(shape, 4, width=4, deep_supervision=deep)
    assert model.layers[-1].name == "classes"
    found = np.asarray(model.predict(np.zeros((2, *shape), np.float32), verbose=0))
    assert found.shape == (2, *shape[:-1], 4)
    assert np.allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_windows_of_a_training_are_put_on_classes_that_are_no_background():
    from types import SimpleNamespace

    from convscope.data.masks import Mask
    from convscope.kinds.tasks import segmentation_examples as examples

    mask = np.zeros((40, 40), np.uint8)
    mask[33, 5] = 1
    represent = SimpleNamespace(
        shape=(8, 8, 1), on_grid=lambda sample: sample, to_inputs=lambda values: values
    )
    represent.mask_on_grid = lambda sample, classes: classes
    samples = SimpleNamespace(load=lambda index: mask[..., None].astype(np.float32), __len__=None)
    grids = examples.Grids(represent, samples, [samples.load(0)])
    places = [examples._places(mask, np.array([1]), np.random.default_rng(0))]
    labels = [Mask(lambda: mask, np.array([1599, 1]))]
    made = examples.SegmentationExamples(grids, labels, np.ones(2, np.float32), [(0, (0, 0))], [mask], places)
    rng = np.random.default_rng(1)
    inputs, targets = made.batch(np.zeros(300, np.int64), rng)
    seen = targets[..., 1].any(axis=(1, 2))
    assert np.array_equal(inputs[..., 0] > 0, targets[..., 1] > 0)
    assert 0.3 < seen.mean() < 0.5


def test_samples_too_large_for_the_memory_are_read_from_the_disk():
    from types import SimpleNamespace

    from convscope.kinds.tasks.segmentation_grids import Grids, stored

    class Samples(list):
        load = list.__getitem__

    values = Samples(np.random.default_rng(n).random((5 + n, 4, 1), np.float32) for n in range(3))
    masks = [(each[..., 0] > 0.5).astype(np.uint8) for each in values]
    grids, kept = stored(Grids(SimpleNamespace(on_grid=lambda sample: sample), values), masks.__getitem__)
    assert all(np.array_equal(grids.grid(n), values[n]) for n in range(3))
    assert all(np.array_equal(*pair) for pair in zip(kept, masks, strict=True))


def test_epochs_and_batches_follow_from_how_many_positions_there_are():
    from convscope.kinds.tasks.segmentation_examples import suited

    few = suited([(40, 40, 40)] * 10, (40, 40, 40), 2e9, 360_000)
    many = suited([(40, 40, 40)] * 400, (40, 40, 40), 2e9, 360_000)
    assert (few["epochs"][0], many["epochs"][0]) == (300, 79)
    assert few["batch_size"][0] == many["batch_size"][0] == 6
