"""Classification metrics against plain NumPy, at its edges, and for any input."""

import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.engine.metrics import ClassificationMetrics, classification_metrics
from convscope.errors import DataError, RunError, UsageError


def random_case(seed, samples, classes):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, samples)
    scores = generator.normal(size=(samples, classes))
    scores[np.arange(samples), labels] += 1.0
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return labels, probabilities.astype(np.float32), [f"class {i}" for i in range(classes)]


cases = st.builds(random_case, st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 9))


def test_every_number_agrees_with_plain_numpy():
    labels, probabilities, names = random_case(3, 500, 5)
    metrics = classification_metrics(labels, probabilities, names)
    predicted = [int(np.argmax(row)) for row in probabilities]
    confusion = np.zeros((5, 5), int)
    for true, guess in zip(labels, predicted, strict=True):
        confusion[true, guess] += 1
    precision = np.diag(confusion) / confusion.sum(axis=0)
    recall = np.diag(confusion) / confusion.sum(axis=1)
    f1 = 2 * precision * recall / (precision + recall)
    assert metrics.confusion == tuple(map(tuple, confusion.tolist()))
    assert metrics.accuracy == pytest.approx(np.trace(confusion) / 500)
    assert metrics.macro_f1 == pytest.approx(f1.mean())
    assert [each.precision for each in metrics.classes] == pytest.approx(precision)
    assert [each.recall for each in metrics.classes] == pytest.approx(recall)
    assert [each.f1 for each in metrics.classes] == pytest.approx(f1)
    assert [each.support for each in metrics.classes] == confusion.sum(axis=1).tolist()


def test_calibration_error_agrees_with_its_formula():
    labels, probabilities, names = random_case(4, 800, 4)
    confidence = probabilities.max(axis=1).astype(float)
    right = probabilities.argmax(axis=1) == labels
    expected = 0.0
    for m in range(15):
        inside = (confidence > m / 15) & (confidence <= (m + 1) / 15)
        if inside.any():
            expected += inside.sum() / 800 * abs(right[inside].mean() - confidence[inside].mean())
    assert classification_metrics(labels, probabilities, names).expected_calibration_error == pytest.approx(
        expected
    )


def test_the_loss_is_that_of_keras():
    labels, probabilities, names = random_case(5, 200, 6)
    reference = keras.losses.CategoricalCrossentropy()(np.eye(6)[labels], probabilities)
    assert classification_metrics(labels, probabilities, names).loss == pytest.approx(
        float(reference), rel=1e-5
    )


def test_a_certain_mistake_costs_a_finite_loss():
    metrics = classification_metrics(np.array([0]), np.array([[0.0, 1.0]], np.float32), ["a", "b"])
    assert metrics.loss == pytest.approx(-np.log(1e-7))
    assert metrics.expected_calibration_error == 1.0
    assert metrics.reliability[-1].count == 1


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    metrics = classification_metrics(np.array([0]), np.array([[0.6, 0.4]], np.float64), ["a", "b"])
    assert [each.upper for each in metrics.reliability if each.count] == pytest.approx([0.6])


def test_a_class_without_samples_keeps_its_row_and_stays_out_of_macro_f1():
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 1]]
    metrics = classification_metrics(np.array([0, 1, 1]), probabilities, ["a", "b", "absent"])
    absent = metrics.classes[2]
    assert (absent.name, absent.precision, absent.recall, absent.f1, absent.support) == ("absent", 0, 0, 0, 0)
    assert metrics.confusion[2] == (0, 0, 0)
    assert metrics.macro_f1 == 1.0


def test_a_class_without_samples_that_is_predicted_lowers_macro_f1():
    metrics = classification_metrics(np.array([0, 0]), np.eye(2, dtype=np.float32), ["a", "b"])
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.parametrize(
    ("labels", "probabilities", "error", "says"),
    [
        (np.zeros(3, int), np.ones((2, 2)), UsageError, r"\(n, 2\)"),
        (np.zeros(2, int), np.ones((2, 3)), UsageError, r"\(2, 3\)"),
        (np.zeros((2, 1), int), np.ones((2, 2)), UsageError, r"\(2, 1\)"),
        (np.zeros(0, int), np.ones((0, 2)), DataError, "no samples"),
        (np.array([0, -1]), np.ones((2, 2)), DataError, "-1 to 0"),
        (np.array([0, 2]), np.ones((2, 2)), DataError, "0 to 2"),
        (np.array([0, 1]), np.array([[1, 0], [np.nan, 0]]), DataError, "1 of 2"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(labels, probabilities, error, says):
    with pytest.raises(error, match=says):
        classification_metrics(labels, probabilities, ["a", "b"])


@given(cases)
@settings(deadline=None, max_examples=50)
def test_metrics_survive_json(case):
    metrics = classification_metrics(*case)
    assert (
        ClassificationMetrics.from_json(json.loads(json.dumps(metrics.to_json(), allow_nan=False))) == metrics
    )


@pytest.mark.parametrize("damage", [{"classes": [{"name": "a"}]}, {"samples": "many"}, {"confusion": 3}])
def test_damaged_metrics_are_a_run_error(damage):
    plain = classification_metrics(*random_case(0, 5, 2)).to_json()
    with pytest.raises(RunError, match="Expected classification metrics"):
        ClassificationMetrics.from_json(plain | damage)


def test_metrics_with_a_missing_key_are_a_run_error():
    with pytest.raises(RunError, match="samples"):
        ClassificationMetrics.from_json({})


@given(cases)
@settings(deadline=None, max_examples=50)
def test_every_number_stays_in_its_range_and_counts_add_up(case):
    metrics = classification_metrics(*case)
    assert 0 <= metrics.accuracy <= 1
    assert 0 <= metrics.macro_f1 <= 1
    assert 0 <= metrics.expected_calibration_error <= 1
    assert metrics.loss >= 0
    assert (
        sum(map(sum, metrics.confusion)) == metrics.samples == sum(each.support for each in metrics.classes)
    )
    assert sum(each.count for each in metrics.reliability) == metrics.samples


@given(cases)
@settings(deadline=None, max_examples=50)
def test_the_order_of_the_samples_does_not_matter(case):
    labels, probabilities, names = case
    order = np.random.default_rng(0).permutation(len(labels))
    one, two = (
        classification_metrics(*case),
        classification_metrics(labels[order], probabilities[order], names),
    )
    assert (one.confusion, one.classes, one.accuracy) == (two.confusion, two.classes, two.accuracy)
    assert one.loss == pytest.approx(two.loss)
    assert one.expected_calibration_error == pytest.approx(two.expected_calibration_error, abs=1e-12)


@given(cases)
@settings(deadline=None, max_examples=50)
def test_renaming_classes_only_moves_rows(case):
    labels, probabilities, names = case
    order = np.random.default_rng(1).permutation(len(names))
    back = np.argsort(order)
    one = classification_metrics(*case)
    two = classification_metrics(back[labels], probabilities[:, order], [names[i] for i in order])
    assert {each.name: each for each in one.classes} == {each.name: each for each in two.classes}
    assert one.macro_f1 == pytest.approx(two.macro_f1)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50))
@settings(deadline=None)
def test_a_perfect_prediction_scores_perfectly(labels):
    metrics = classification_metrics(np.array(labels), np.eye(6, dtype=np.float32)[labels], list("abcdef"))
    assert (metrics.accuracy, metrics.macro_f1, metrics.expected_calibration_error) == (1.0, 1.0, 0.0)
    assert metrics.loss == pytest.approx(0.0, abs=1e-6)


def test_a_calibrated_model_shows_the_error_of_chance():
    rng = np.random.default_rng(0)
    confident = rng.choice([0.62, 0.75, 0.97], 60)
    probabilities = np.stack([confident, 1 - confident], axis=1).astype(np.float32)
    drawn = [
        classification_metrics((rng.random(60) > confident).astype(np.int64), probabilities, ["a", "b"])
        for _ in range(400)
    ]
    mean = np.mean([each.expected_calibration_error for each in drawn])
    assert drawn[0].chance_calibration_error == pytest.approx(mean, rel=0.08)
    assert "in 15 bins" in drawn[0].to_line()
