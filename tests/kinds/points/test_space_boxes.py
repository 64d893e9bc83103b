"""Turned boxes and their overlaps, compared with SciPy; average precision, with KITTI's rules one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, HalfspaceIntersection, QhullError

from convscope.kinds.points.detection.average_precision import (
    FEWEST_PIXELS,
    SpaceFound,
    average_precision,
    least_overlap,
    level_of,
)
from convscope.kinds.points.detection.boxes import (
    SpaceBox,
    SpaceBoxes,
    inside,
    outlines,
    overlaps_above,
    overlaps_in_space,
    shared_areas,
)

NUMBERS = st.floats(-3, 3, allow_nan=False, width=32)
SIDES = st.floats(0.25, 5, allow_nan=False, width=32)
BOXES = st.tuples(NUMBERS, NUMBERS, NUMBERS, SIDES, SIDES, SIDES, st.floats(-7, 7, allow_nan=False))


def shared_by_scipy(one, other):
    """The area of the intersection of the half planes of both."""
    planes = []
    for outline in outlines(np.stack([one, other])):
        ends = np.roll(outline, -1, axis=0)
        along = ends - outline
        normals = np.stack([along[:, 1], -along[:, 0]], axis=1)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        planes.append(np.column_stack([normals, -(normals * outline).sum(axis=1)]))
    planes = np.concatenate(planes)
    from scipy.optimize import linprog

    rows = np.column_stack([planes[:, :2], np.ones(len(planes))])
    found = linprog([0, 0, -1], rows, -planes[:, 2], bounds=[(None, None), (None, None), (0, None)])
    if not found.success or found.x[2] < 1e-7:
        return 0.0
    try:
        return ConvexHull(HalfspaceIntersection(planes, found.x[:2]).intersections).volume
    except QhullError:
        return 0.0


@settings(max_examples=150, deadline=None)
@given(BOXES, BOXES)
def test_shared_areas_are_those_of_half_planes(one, other):
    one, other = np.array(one, float), np.array(other, float)
    assert shared_areas(one[None], other[None])[0] == pytest.approx(shared_by_scipy(one, other), abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(BOXES, st.integers(-3, 3))
def test_a_box_is_itself_however_it_is_turned_about_and_wherever_it_is(values, half_turns):
    box = np.array([values], float)
    turned = box.copy()
    turned[:, 6] += half_turns * np.pi
    for far in (0.0, 4e5):
        moved = [each + np.array([far, -far, 0, 0, 0, 0, 0]) for each in (box, turned)]
        assert overlaps_in_space(*moved)[0, 0] == pytest.approx(1, abs=1e-5)
        assert overlaps_above(*moved)[0, 0] == pytest.approx(1, abs=1e-5)


def test_overlaps_in_space_are_shares_of_points():
    rng = np.random.default_rng(0)
    one, other = (
        np.column_stack([rng.uniform(-1, 1, (6, 3)), rng.uniform(1, 3, (6, 3)), rng.uniform(-4, 4, 6)])
        for _ in range(2)
    )
    points = rng.uniform(-4, 4, (200_000, 3))
    within = [inside(each, points).astype(np.float32) for each in (one, other)]
    both = within[0] @ within[1].T
    union = within[0].sum(axis=1)[:, None] + within[1].sum(axis=1) - both
    assert np.allclose(overlaps_in_space(one, other), both / union, atol=0.03)


def test_boxes_that_touch_or_lie_within_each_other():
    large = np.array([[0.0, 0, 0, 4, 4, 2, 0]])
    cases = [([4.0, 0, 0, 4, 4, 2, 0], 0), ([0, 0, 0, 2, 2, 2, 0.5], 0.25), ([0, 0, 2, 4, 4, 2, 0], 0)]
    for values, share in cases:
        assert overlaps_in_space(large, np.array([values], float))[0, 0] == pytest.approx(share, abs=1e-9)
    assert overlaps_in_space(large, np.zeros((0, 7))).shape == (1, 0)


def literal(found, true, number, least, level, pixels, overlap):
    """KITTI's rules, one box after another."""

    def pairs(threshold, judging):
        scores, right, wrong = [], 0, 0
        for index in range(len(true)):
            theirs = [k for k in range(len(true[index])) if true[index].classes[k] == number]
            mine = [k for k in range(len(found[index])) if found[index].classes[k] == number]
            shared = overlap(true[index].values, found[index].values)
            small = {k for k in mine if found[index].heights[k] < pixels}
            taken = set()
            for gt in theirs:
                off = true[index].ignored[gt] or true[index].levels[gt] > level
                best, best_small, most = None, False, -1.0
                for det in mine:
                    if det in taken or found[index].scores[det] < threshold or shared[gt, det] <= least:
                        continue
                    if not judging and found[index].scores[det] > most:
                        best, most = det, found[index].scores[det]
                    elif judging and det not in small and (shared[gt, det] > most or best_small):
                        best, most, best_small = det, shared[gt, det], False
                    elif judging and best is None and det in small:
                        best, best_small = det, True
                if best is None:
                    continue
                taken.add(best)
                if not off and best not in small:
                    right += 1
                    scores.append(found[index].scores[best])
            wrong += sum(
                k not in taken and k not in small and found[index].scores[k] >= threshold for k in mine
            )
        return scores, right, wrong

    total = sum(
        int(np.sum((each.classes == number) & ~each.ignored & (each.levels <= level))) for each in true
    )
    if not total:
        return None
    scores = sorted(pairs(-1, False)[0], reverse=True)
    thresholds, current = [], 0.0
    for i, score in enumerate(scores):
        left, last = (i + 1) / total, i == len(scores) - 1
        behind = (i + 2) / total if not last else left
        if behind - current < current - left and not last:
            continue
        thresholds.append(score)
        current += 1 / 40
    precision = np.zeros(41)
    for i, threshold in enumerate(thresholds):
        _, right, wrong = pairs(threshold, True)
        precision[i] = right / (right + wrong)
    return np.mean([precision[i:].max() for i in range(1, 41)])


def fuzzed(seed, frames=14):
    """True boxes of two classes and found ones that are shifted, missing, doubled or made up."""
    rng = np.random.default_rng(seed)
    true, found = [], []
    for _ in range(frames):
        count = int(rng.integers(0, 6))
        values = np.column_stack(
            [
                rng.uniform(-10, 10, (count, 2)),
                rng.normal(0, 0.1, count),
                rng.uniform(1, 4, (count, 3)),
                rng.uniform(-4, 4, count),
            ]
        )
        classes, levels = rng.integers(0, 2, count), rng.integers(0, 4, count)
        true.append(SpaceBoxes(values, classes, rng.random(count) < 0.15, levels))
        kept = rng.permutation(np.concatenate([np.flatnonzero(rng.random(count) < 0.85)] * 2))[: 2 * count]
        some = values[kept] + rng.normal(0, 0.12, (len(kept), 7))
        extra = np.column_stack(
            [rng.uniform(-10, 10, (3, 2)), np.zeros(3), rng.uniform(1, 4, (3, 3)), np.zeros(3)]
        )
        some = np.concatenate([some, extra])
        some[:, 3:6] = np.maximum(some[:, 3:6], 0.2)
        scores = np.round(rng.random(len(some)), 2)
        order = np.argsort(-scores, kind="stable")
        kinds = np.concatenate([classes[kept], rng.integers(0, 2, 3)])
        heights = rng.uniform(15, 80, len(some))
        found.append(SpaceFound(some[order], kinds[order], scores[order], heights[order]))
    return found, true


@pytest.mark.parametrize("seed", range(12))
def test_average_precision_is_that_of_kittis_rules(seed):
    found, true = fuzzed(seed)
    for number in (0, 1):
        for level, pixels in enumerate(FEWEST_PIXELS):
            got = average_precision(found, true, number, 0.5, level=level, pixels=pixels)
            for name, overlap in (("space", overlaps_in_space), ("above", overlaps_above)):
                wanted = literal(found, true, number, 0.5, level, pixels, overlap)
                assert got[name] == pytest.approx(wanted, abs=1e-12)


def test_perfect_boxes_have_full_precision_and_no_boxes_none():
    true = [
        SpaceBoxes.of([SpaceBox((at, 0.0, 0, 2, 1, 1, 0.3), 0), SpaceBox((at, 9.0, 0, 2, 1, 1, 0), 0)])
        for at in range(60)
    ]
    sure = np.linspace(1, 0.5, 120).reshape(60, 2)
    found = [
        SpaceFound(each.values, each.classes, score, np.full(2, np.inf))
        for each, score in zip(true, sure, strict=True)
    ]
    assert average_precision(found, true, 0, 0.7)["space"] == 1
    none = [each.some(np.zeros(2, bool)) for each in found]
    assert average_precision(none, true, 0, 0.7) == {"space": 0.0, "above": 0.0}
    assert average_precision(found, true, 1, 0.7) == {"space": None, "above": None}


def test_difficulties_are_those_of_kitti():
    assert [level_of(41, 0, 0.1), level_of(30, 0, 0), level_of(50, 1, 0.2), level_of(50, 2, 0.5)] == [
        0,
        1,
        1,
        2,
    ]
    assert level_of(25, 0, 0) == level_of(60, 3, 0) == level_of(60, 0, 0.6) == 3
    assert (least_overlap("Car"), least_overlap("Pedestrian")) == (0.7, 0.5)
