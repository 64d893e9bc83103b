import numpy as np
import pytest

from convscope.engine.metrics import classification_metrics
from convscope.kinds.tasks.classification import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    fit_temperature,
    with_temperature,
)


def too_sure(count, factor, seed=0):
    """Labels drawn from probabilities, and what a model says that is `factor` times as sure in its logits."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (count, 4))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(4, p=row) for row in true])
    said = np.exp(factor * logits) / np.exp(factor * logits).sum(axis=1, keepdims=True)
    return labels, said.astype(np.float32)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_by_which_a_model_is_too_sure_is_found(factor):
    labels, said = too_sure(5000, factor)
    assert fit_temperature(said, labels) == pytest.approx(factor, rel=0.06)


def test_a_few_hundred_samples_bring_the_calibration_error_below_five_percent():
    (known, seen), (labels, said) = too_sure(100, 4.0, seed=1), too_sure(2000, 4.0, seed=2)
    found = with_temperature(said, fit_temperature(seen, known))
    names = list("abcd")
    assert classification_metrics(labels, said, names).expected_calibration_error > 0.2
    assert classification_metrics(labels, found, names).expected_calibration_error < 0.05


def test_the_order_of_classes_stays_and_rows_sum_to_one():
    _, said = too_sure(200, 2.0)
    found = with_temperature(said, 3.0)
    assert (np.argsort(found) == np.argsort(said)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_few_samples_that_are_all_right_do_not_make_a_model_certain():
    labels, said = np.zeros(5, np.int64), np.tile(np.array([0.8, 0.2], np.float32), (5, 1))
    assert LOWEST_TEMPERATURE < fit_temperature(said, labels) < 1
    assert fit_temperature(said[:0], labels[:0]) == 1.0


def test_a_model_that_is_certain_and_wrong_gets_the_highest_temperature():
    said = np.tile(np.array([1.0, 0.0], np.float32), (50, 1))
    assert 5 < fit_temperature(said, np.ones(50, np.int64)) <= HIGHEST_TEMPERATURE


def test_few_samples_move_the_temperature_of_a_calibrated_model_little():
    def spread(count):
        found = [
            fit_temperature(said, labels) for labels, said in (too_sure(count, 1.0, i) for i in range(20))
        ]
        return np.std(np.log(found))

    assert spread(10) < 0.25
    assert spread(1000) < spread(100) < 0.15
