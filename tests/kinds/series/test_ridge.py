"""The linear classifier is that of scikit-learn, and its probabilities are those of least cross-entropy."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as OneRidge
from sklearn.linear_model import RidgeClassifierCV

from convscope.kinds.series.classification.ridge import STRENGTHS, fit_ridge, sharpness


def drawn(classes, count=40, features=60, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = rng.normal(size=(classes, features))
    return centres[labels] + 2 * rng.normal(size=(count, features)), labels


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("features", [15, 60])
def test_decisions_are_those_of_scikit_learn(classes, features):
    x, labels = drawn(classes, features=features)
    asked, _ = drawn(classes, features=features, seed=1)
    ours, theirs = fit_ridge(x, labels, classes), RidgeClassifierCV(alphas=STRENGTHS).fit(x, labels)
    assert ours.strength == theirs.alpha_
    decisions, wanted = ours.decisions(asked), theirs.decision_function(asked)
    np.testing.assert_allclose(decisions[:, 1] if classes == 2 else decisions, wanted, atol=1e-8)
    np.testing.assert_array_equal(decisions.argmax(axis=1), theirs.predict(asked))


@pytest.mark.parametrize("weighted", [False, True])
def test_what_was_left_out_is_decided_by_a_fit_to_all_others(weighted):
    x, labels = drawn(3, count=12)
    weights = np.linspace(0.5, 2, 12) if weighted else None
    ridge = fit_ridge(x, labels, 3, weights)
    targets = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    for out in range(12):
        kept = np.arange(12) != out
        alone = OneRidge(alpha=ridge.strength)
        alone.fit(x[kept], targets[kept], sample_weight=None if weights is None else weights[kept])
        np.testing.assert_allclose(ridge.left_out[out], alone.predict(x[out : out + 1])[0], atol=1e-6)


def test_two_classes_have_opposite_decisions():
    x, labels = drawn(2)
    ridge = fit_ridge(x, labels, 2)
    for values in (ridge.decisions(x), ridge.left_out):
        np.testing.assert_allclose(values[:, 0], -values[:, 1], atol=1e-12)


def smoothed_loss(decisions, labels, factor):
    """Cross-entropy of all samples and of one more sample for each class, of which nothing is known."""
    scores = factor * decisions
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    count, classes = decisions.shape
    known = logs[np.arange(count), labels].mean()
    return -(count * known + classes * logs.mean()) / (count + classes)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_no_other_factor_has_less_cross_entropy(scale):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    decisions = scale * (rng.normal(size=(200, 3)) + 1.5 * np.eye(3)[labels])
    found = sharpness(decisions, labels)
    best = smoothed_loss(decisions, labels, found)
    for factor in np.geomspace(found / 30, found * 30, 61):
        assert best <= smoothed_loss(decisions, labels, factor) + 1e-6


def test_a_classifier_without_a_mistake_is_sure_but_not_certain():
    labels = np.arange(20) % 2
    decisions = np.where(labels[:, None] == np.arange(2), 1.0, -1.0)
    sure = 1 / (1 + np.exp(-2 * sharpness(decisions, labels)))
    assert sure == pytest.approx(21 / 22, abs=1e-3)


def test_one_without_any_idea_is_not_sure():
    labels = np.random.default_rng(0).integers(0, 2, 4000)
    decisions = np.random.default_rng(1).normal(size=(4000, 2))
    assert sharpness(decisions, labels) < 0.1
