"""Intervals of metrics: areas against scikit-learn, draws of groups, and coverage of known figures."""

import numpy as np
import pytest

from convscope.engine.intervals import areas_of, interval_of, interval_of_share, resampled_counts
from convscope.engine.metrics import ClassificationMetrics, classification_metrics


@pytest.mark.parametrize("classes", [2, 4])
def test_areas_are_those_of_scikit_learn_with_ties_and_weights(classes):
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, 60)
    scores = np.round(rng.dirichlet(np.ones(classes), 60), 1)
    scores[:, -1] = 1 - scores[:, :-1].sum(axis=1)
    counts = rng.integers(0, 3, (5, 60)).astype(float)
    found = areas_of(labels, scores)(counts)
    for k, weights in enumerate(counts):
        if classes == 2:
            expected = roc_auc_score(labels, scores[:, 1], sample_weight=weights)
        else:
            each = [roc_auc_score(labels == c, scores[:, c], sample_weight=weights) for c in range(classes)]
            expected = np.mean(each)
        assert found[k] == pytest.approx(expected)


def test_samples_of_a_group_are_drawn_together():
    groups = np.array([5, 5, 2, 2, 2, 9])
    for counts in resampled_counts(groups, 6):
        assert np.array_equal(counts[:, 0], counts[:, 1])
        assert np.array_equal(counts[:, 2], counts[:, 4])
        assert set(counts[:, [0, 2, 5]].sum(axis=1)) == {3}


def test_an_interval_holds_the_true_accuracy_as_often_as_it_says_also_for_groups():
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        skill = rng.beta(8, 2, 40)  # of 40 patients with 5 scans each
        groups = np.repeat(np.arange(40), 5)
        right = rng.random(200) < skill[groups]
        counts = np.concatenate(list(resampled_counts(groups, 200)))
        low, high = interval_of(counts @ right / counts.sum(axis=1))
        held += low <= 0.8 <= high
    assert 86 <= held <= 100


def test_metrics_have_an_area_and_intervals_and_are_read_back():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 80)
    scores = np.clip(0.5 + 0.2 * (2 * labels - 1) + 0.3 * rng.normal(size=80), 0.01, 0.99)
    given = np.stack([1 - scores, scores], axis=1).astype(np.float32)
    found = classification_metrics(labels, given, ("a", "b"), np.arange(80) // 4)
    assert found.auc_interval[0] < found.auc < found.auc_interval[1]
    assert found.accuracy_interval[0] < found.accuracy < found.accuracy_interval[1]
    assert found.calibration_interval[0] < found.calibration_interval[1]
    assert ClassificationMetrics.from_json(found.to_json()) == found
    assert "AUC" in found.to_line()
    alone = classification_metrics(labels[labels == 0], given[labels == 0], ("a", "b"))
    assert (alone.auc, alone.auc_interval) == (None, None)


def test_what_no_resample_changes_has_no_interval_and_a_share_that_of_so_many_groups():
    labels = np.array([0, 0, 0, 1, 1, 1])
    given = np.where(labels[:, None] == np.arange(2), 0.9, 0.1).astype(np.float32)
    found = classification_metrics(labels, given, ("a", "b"))
    assert found.auc == 1 and found.auc_interval is None
    assert found.accuracy_interval == pytest.approx((0.025 ** (1 / 6), 1))
    assert "accuracy 100.00% (95% interval 54.1% to 100.0%)" in found.to_line()
    assert interval_of_share(np.zeros(5), 6) == pytest.approx((0, 1 - 0.025 ** (1 / 6)))
    of_two = classification_metrics(labels, given, ("a", "b"), labels)
    assert of_two.accuracy_interval == pytest.approx((0.025 ** (1 / 2), 1))
    assert ClassificationMetrics.from_json(found.to_json()) == found
