"""Metrics of boxes against pycocotools, maps against their definition, and the losses against NumPy."""

import numpy as np
import pytest

from convscope.data.boxes import Boxes, overlaps
from convscope.errors import DataError

NAMES = ("a", "b", "nowhere")


def drawn(seed, count=6, size=(200, 160)):
    """True and found boxes of one sample: some moved, some missing, some false, some ignored."""
    from convscope.kinds.tasks.detection_boxes import FoundBoxes

    rng = np.random.default_rng(seed)
    first = rng.uniform(0, 120, (count, 2))
    corners = np.concatenate([first, first + rng.uniform(4, 80, (count, 2))], axis=1)
    classes = rng.integers(0, 2, count)
    true = Boxes(corners, classes, rng.random(count) < 0.15)
    moved = corners + rng.normal(0, 4, corners.shape)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
    kept = rng.random(count) < 0.8
    false = np.tile(rng.uniform(0, 100, (3, 2)), 2) + np.array((0, 0, 20, 30))
    found = np.concatenate([moved[kept], false])
    scores = np.sort(rng.random(len(found)))[::-1].round(2)
    order = rng.permutation(len(found))
    guessed = np.concatenate([classes[kept], rng.integers(0, 2, 3)])
    return true, FoundBoxes(found[order], guessed[order], scores, size)


def coco(pairs):
    """The twelve figures of pycocotools, by its own files and `summarize`."""
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(index, corners, classes):
        return [
            {
                "image_id": index,
                "category_id": int(k),
                "bbox": [a, b, x - a, y - b],
                "area": (x - a) * (y - b),
            }
            for (a, b, x, y), k in zip(corners.tolist(), classes, strict=True)
        ]

    truth, found = [], []
    for index, (true, given) in enumerate(pairs):
        for row, ignored in zip(rows(index, true.corners, true.classes), true.ignored, strict=True):
            truth.append({**row, "iscrowd": int(ignored), "id": len(truth) + 1})
        for row, score in zip(rows(index, given.corners, given.classes), given.scores, strict=True):
            found.append({**row, "score": float(score)})
    whole = COCO()
    images = [{"id": index} for index in range(len(pairs))]
    whole.dataset = {"images": images, "annotations": truth, "categories": [{"id": k} for k in range(3)]}
    whole.createIndex()
    judged = COCOeval(whole, whole.loadRes(found), "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    return judged.stats


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_pycocotools(seed):
    from convscope.kinds.tasks.detection_metrics import DetectionMetrics, detection_metrics

    pairs = [drawn(100 * seed + k, count=k % 7) for k in range(20)]
    expected = coco(pairs)
    true, found = zip(*pairs, strict=True)
    made = detection_metrics(found, true, NAMES, np.full(3, 0.3))
    measured = [made.mean_ap, made.mean_ap50, made.mean_ap75, made.small, made.medium, made.large]
    assert [-1 if each is None else each for each in measured] == pytest.approx(expected[:6].tolist())
    assert made.recall == pytest.approx(expected[8])
    assert made.classes[2].ap is None and made.classes[2].support == 0
    low, high = made.mean_ap50_interval
    assert low < made.mean_ap50 < high
    assert DetectionMetrics.from_json(made.to_json()) == made


def test_resampled_precision_of_each_sample_once_is_that_of_pycocotools():
    pytest.importorskip("pycocotools")
    from convscope.kinds.tasks.detection_metrics import _class_parts, coco_judged

    pairs = [drawn(k) for k in range(12)]
    true, found = zip(*pairs, strict=True)
    judged = coco_judged(found, true, 2)
    for k in range(2):
        part = _class_parts(judged.evalImgs[k * 4 * 12 :][:12])
        expected = judged.eval["precision"][:, :, k, 0, -1].mean(axis=1)
        assert part.precision(np.ones(12)) == pytest.approx(expected.tolist())
        assert part.precision(np.full(12, 3.0)) == pytest.approx(expected.tolist())


def test_nothing_found_and_nothing_to_find_are_figures_too():
    pytest.importorskip("pycocotools")
    from convscope.kinds.tasks.detection_boxes import FoundBoxes
    from convscope.kinds.tasks.detection_metrics import detection_metrics

    none = FoundBoxes(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), (10, 10))
    true = Boxes.of([(1, 1, 5, 5, 0, False)])
    assert detection_metrics([none], [true], ("a",), np.ones(1)).mean_ap == 0
    assert detection_metrics([none], [Boxes.of([])], ("a",), np.ones(1)).classes[0].ap is None
    with pytest.raises(DataError, match="no samples"):
        detection_metrics([], [], ("a",), np.ones(1))


def test_thresholds_are_those_of_the_largest_f1():
    from convscope.kinds.tasks.detection_boxes import FoundBoxes
    from convscope.kinds.tasks.detection_metrics import USUAL_THRESHOLD, best_thresholds

    corners = np.array([[0.0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]])
    true = Boxes(corners, np.zeros(3, int), np.zeros(3, bool))
    found = np.concatenate([corners[:2], [[60, 0, 69, 9]], corners[2:]])
    given = FoundBoxes(found, np.zeros(4, int), np.array([0.9, 0.8, 0.6, 0.1]), (9, 99))
    assert best_thresholds([given], [true], 2).tolist() == [0.1, USUAL_THRESHOLD]
    lower = FoundBoxes(found[:3], np.zeros(3, int), np.array([0.9, 0.8, 0.6]), (9, 99))
    assert best_thresholds([lower], [true], 1).tolist() == [0.8]


def test_maps_that_are_learned_give_the_boxes_back():
    from convscope.kinds.tasks.detection_boxes import boxes_of_maps, center_targets

    rng = np.random.default_rng(0)
    for stride in (4, 8):
        cells = rng.permutation(16)[:7]
        first = np.stack([cells % 4, cells // 4], axis=1) * 64 + rng.uniform(0, 10, (7, 2))
        corners = np.concatenate([first, first + rng.uniform(9, 50, (7, 2))], axis=1)
        boxes = Boxes(corners, rng.integers(0, 3, 7), np.zeros(7, bool))
        scores, sides = center_targets(boxes, (256 // stride, 256 // stride), stride, 3)
        assert (scores == 1).sum() == 7
        found, classes, sure = boxes_of_maps(scores, sides[..., :4], stride)
        best = overlaps(corners, found[sure >= 1])
        assert np.allclose(best.max(axis=1), 1, atol=1e-5)
        assert (classes[sure >= 1][best.argmax(axis=1)] == boxes.classes).all()


def test_ignored_boxes_are_not_learned_and_those_beyond_the_border_do_no_harm():
    from convscope.kinds.tasks.detection_boxes import center_targets

    boxes = Boxes.of([(0, 0, 16, 16, 0, True), (28, 28, 60, 60, 0, False), (500, 9, 510, 19, 1, False)])
    scores, sides = center_targets(boxes, (8, 8), 4, 2)
    assert (scores[:4, :4, 0] == -1).all() and scores[7, 7, 0] == 1
    assert sides[..., 4].sum() > 0 and np.isfinite(sides).all()


def test_of_boxes_of_one_class_that_overlap_the_surest_is_kept():
    from convscope.kinds.tasks.detection_boxes import boxes_of_maps

    scores, sides = np.zeros((8, 8, 2), np.float32), np.full((8, 8, 4), 20, np.float32)
    scores[3, 3, 0], scores[3, 5, 0], scores[4, 4, 1] = 0.9, 0.6, 0.5
    _, classes, found = boxes_of_maps(scores, sides, 4)
    assert (classes.tolist(), found.astype(float).round(2).tolist()) == ([0, 1], [0.9, 0.5])


def test_a_mirrored_batch_has_mirrored_maps():
    from convscope.kinds.tasks.detection import FlipView
    from convscope.kinds.tasks.detection_boxes import center_targets

    boxes = Boxes.of([(5, 9, 30, 21, 0, False)])
    for axis, flipped in ((2, (34, 9, 59, 21, 0, False)), (1, (5, 27, 30, 39, 0, False))):
        own = center_targets(boxes, (12, 16), 4, 1)
        other = center_targets(Boxes.of([flipped]), (12, 16), 4, 1)
        scores, sides = FlipView(axis).undone(other[0][None], other[1][None, ..., :4])
        assert np.abs(scores[0] - own[0]).max() < 0.6
        there = (own[1][..., 4] > 0) & (np.abs(sides[0]).sum(axis=-1) > 0)
        assert there.any() and np.allclose(sides[0][there], own[1][there][:, :4], atol=1e-4)


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.0])
def test_boxes_move_with_their_images(strength):
    from convscope.kinds.image.detection.augmentation import augmentation

    rng = np.random.default_rng(1)
    images, boxes = np.full((24, 96, 128, 3), 20, np.uint8), []
    for image in images:
        left, top = rng.integers(10, 80), rng.integers(10, 50)
        image[top : top + 30, left : left + 20] = 230
        boxes.append(Boxes.of([(left, top, left + 20, top + 30, 0, False)]))
    change = augmentation(strength, upside_down=True)
    moved, found = change((images, boxes), np.random.default_rng(2))
    again, _ = change((images, boxes), np.random.default_rng(2))
    assert np.array_equal(moved, again)
    assert np.array_equal(moved, images) == (strength == 0)
    for image, each in zip(moved, found, strict=True):
        for left, top, right, bottom in each.corners[~each.ignored]:
            inside = image[int(top) + 2 : int(bottom) - 2, int(left) + 2 : int(right) - 2]
            assert inside.size == 0 or inside.mean() > image.mean()
            assert 0 <= left < right <= 128 and 0 <= top < bottom <= 96


@pytest.mark.portable
def test_the_losses_are_those_of_numpy():
    from keras import ops

    from convscope.models.center_head import BoxGIoU, CenterFocal

    rng = np.random.default_rng(0)
    true = np.clip(rng.random((2, 5, 6, 3)), 0, 0.95).astype("float32")
    true[0, 1, 2, 0] = true[1, 3, 3, 2] = 1
    true[0, 4, 4, 1] = -1
    scores = rng.uniform(0.01, 0.99, true.shape).astype("float32")
    at = true == 1
    away = (~at) & (true >= 0)
    terms = np.where(at, (1 - scores) ** 2 * np.log(scores), 0)
    terms = terms + np.where(away, (1 - true) ** 4 * scores**2 * np.log(1 - scores), 0)
    found = ops.convert_to_numpy(CenterFocal()(true, scores))
    assert found == pytest.approx(-terms.sum() / 2, rel=1e-4)
    sides = rng.uniform(1, 9, (1, 2, 2, 4)).astype("float32")
    weights = np.array([[[0.0, 1.0], [2.0, 3.0]]], "float32")[..., None]
    target = np.concatenate([sides, weights], axis=-1)
    assert ops.convert_to_numpy(BoxGIoU()(target, sides)) == pytest.approx(0, abs=1e-4)
    other = rng.uniform(1, 9, sides.shape).astype("float32")
    total = 0.0
    for row in range(2):
        for column in range(2):
            one, two = sides[0, row, column], other[0, row, column]
            pair = [one, two]
            boxes = np.array([[-a, -b, c, d] for a, b, c, d in pair])
            iou = overlaps(boxes[:1], boxes[1:])[0, 0]
            sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in boxes]
            union = sum(sizes) / (1 + iou)
            hull = np.maximum(one, two)
            hull = (hull[0] + hull[2]) * (hull[1] + hull[3])
            total += weights[0, row, column, 0] * (1 - iou + (hull - union) / hull)
    assert ops.convert_to_numpy(BoxGIoU()(target, other)) == pytest.approx(5 * total / 6, rel=1e-3)


@pytest.mark.portable
def test_the_precision_of_centers_is_1_for_the_targets_and_less_for_others():
    from keras import ops

    from convscope.kinds.tasks.detection_boxes import center_targets
    from convscope.models.center_head import CenterPrecision

    boxes = Boxes.of([(4, 4, 20, 24, 0, False), (40, 30, 60, 50, 1, False)])
    scores, _ = center_targets(boxes, (16, 16), 4, 3)
    metric = CenterPrecision()
    metric.update_state(scores[None], scores[None])
    assert float(ops.convert_to_numpy(metric.result())) == pytest.approx(1)
    metric.reset_state()
    wrong = scores.copy()
    wrong[..., 1] = 0
    wrong[0, 15, 0] = 0.99
    metric.update_state(scores[None], np.minimum(wrong, 0.98)[None])
    assert 0.2 < float(ops.convert_to_numpy(metric.result())) < 0.6


@pytest.mark.portable
@pytest.mark.parametrize(("shape", "stride"), [((48, 80, 3), 4), ((50, 70, 1), 4), ((96, 64, 3), 8)])
def test_a_center_net_gives_maps_of_scores_and_distances(shape, stride):
    from convscope.models.center_net import center_net

    model = center_net(shape, 2, width=8, stride=stride)
    scores, sides = model.predict(np.zeros((2, *shape), np.float32), verbose=0)
    rows, columns = (-(-side // stride) for side in shape[:2])
    assert (scores.shape, sides.shape) == ((2, rows, columns, 2), (2, rows, columns, 4))
    assert scores.min() > 0 and scores.max() < 0.2 and sides.min() >= 0
