"""A solved minirocket answers as aeon's features under scikit-learn's classifier do."""

import sys

import keras
import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convscope.engine.training.settings import FitSettings
from convscope.errors import BackendError, UsageError, install_command
from convscope.kinds.registry import build
from convscope.kinds.series.classification import linear_solver
from convscope.kinds.series.classification.minirocket_solver import MINIROCKET, solve_minirocket
from convscope.kinds.series.classification.ridge import STRENGTHS
from convscope.types import no_progress

OPTIONS = {"features": 84 * 6, "dilations": 4}

pytest.importorskip("aeon")


def waves(count=36, length=48, classes=3, seed=0):
    """Waves of as many frequencies as there are classes, in noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    at = np.arange(length)[:, None]
    phases = rng.uniform(0, 6, (count, 1, 1))
    x = np.sin(at * (0.3 + 0.2 * labels[:, None, None]) + phases) + rng.normal(0, 0.6, (count, length, 1))
    return x.astype(np.float32), labels


def solved(x, labels, options=OPTIONS, **settings):
    classes = int(labels.max()) + 1
    model = build("minirocket", x.shape[1:], classes, **options)
    targets = np.eye(classes, dtype=np.float32)[labels]
    row = solve_minirocket(model, (x, targets), options, FitSettings(**settings), no_progress)
    return model, row


def features(model, x):
    return np.asarray(keras.Model(model.input, model.get_layer("features").output).predict_on_batch(x))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_answer_is_that_of_ridge_regression_on_the_same_features(classes):
    (x, labels), (asked, _) = waves(classes=classes), waves(60, classes=classes, seed=1)
    model, _ = solved(x, labels)
    ridge = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=STRENGTHS))
    ridge.fit(features(model, x).astype(np.float64), labels)
    answers = np.asarray(model.predict_on_batch(asked))
    decisions = ridge.decision_function(features(model, asked).astype(np.float64))
    np.testing.assert_array_equal(answers.argmax(axis=1), ridge.predict(features(model, asked)))
    logs = np.log(answers)
    ours = logs[:, 1] - logs[:, 0] if classes == 2 else logs - logs.mean(axis=1, keepdims=True)
    theirs = decisions if classes == 2 else decisions - decisions.mean(axis=1, keepdims=True)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9999


def test_its_answers_are_those_of_aeon_alone():
    from aeon.classification.convolution_based import MiniRocketClassifier

    (x, labels), (asked, truth) = waves(60), waves(120, seed=1)
    model, _ = solved(x, labels, seed=5)
    alone = MiniRocketClassifier(84 * 6, 4, random_state=5).fit(x.transpose(0, 2, 1), labels)
    ours = np.asarray(model.predict_on_batch(asked)).argmax(axis=1)
    theirs = alone.predict(asked.transpose(0, 2, 1))
    assert (ours == theirs).mean() > 0.98
    assert (theirs == truth).mean() > 0.8


def test_where_a_series_is_constant_the_model_sees_what_aeon_sees():
    x, labels = waves()
    x[:, 30:] = np.random.default_rng(2).normal(size=(len(x), 1, 1))  # the ends stand still
    model, row = solved(x, labels)
    found = np.asarray(model.predict_on_batch(x))
    assert row["accuracy"] == (found.argmax(axis=1) == labels).mean()
    loss = -np.log(found[np.arange(len(x)), labels]).mean()
    assert loss == pytest.approx(row["loss"], abs=1e-4)  # of features by aeon; no tie fell another way


def test_figures_of_the_history_are_of_samples_seen_and_left_out():
    x, labels = waves()
    model, row = solved(x, labels)
    assert row["accuracy"] == (np.asarray(model.predict_on_batch(x)).argmax(axis=1) == labels).mean()
    assert row["val_loss"] > row["loss"]
    shuffled = np.random.default_rng(0).permutation(labels)
    _, guessed = solved(x, shuffled)
    assert guessed["accuracy"] == 1
    assert guessed["val_accuracy"] < 0.6


def test_the_seed_decides_and_nothing_else_is_drawn():
    x, labels = waves()
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    (one, _), (same, _), (other, _) = (solved(x, labels, seed=seed) for seed in (1, 1, 2))
    assert np.random.get_state()[1].tolist() == before
    for left, right in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    thresholds = [model.get_layer("dilation1_shares").get_weights()[0] for model in (one, other)]
    assert (thresholds[0] != thresholds[1]).any()


def test_weights_of_classes_change_the_answer_for_the_rare_one():
    x, labels = waves(90, classes=2)
    kept = (labels == 0) | (np.arange(90) % 10 == 1)
    x, labels = (
        x[kept] + np.random.default_rng(1).normal(0, 1, x[kept].shape).astype(np.float32),
        labels[kept],
    )
    plain, weighed = (solved(x, labels, class_weights=weights)[0] for weights in (False, True))
    asked = waves(60, classes=2, seed=4)[0]
    shares = [np.asarray(model.predict_on_batch(asked))[:, 1].mean() for model in (plain, weighed)]
    assert shares[1] > shares[0]


def test_more_than_fits_into_memory_is_refused_with_what_would_fit(monkeypatch):
    monkeypatch.setattr(linear_solver, "LARGEST", 36 * 8 * 400)
    with pytest.raises(UsageError, match=r"36 series of 504 features") as caught:
        solved(*waves())
    assert "features=400" in caught.value.hint


def test_a_missing_numba_is_told_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(BackendError, match="Numba compiles, which is not installed") as caught:
        MINIROCKET.check("minirocket", FitSettings())
    assert install_command("series") in caught.value.hint


@pytest.mark.parametrize(
    "setting", [{"epochs": 3}, {"learning_rate": 0.1}, {"augmentation": 0.0}, {"precision": "bfloat16"}]
)
def test_settings_of_a_training_by_steps_are_refused(setting):
    name = next(iter(setting))
    with pytest.raises(UsageError, match=f"does not support {name}") as caught:
        MINIROCKET.check("minirocket", FitSettings(**setting))
    assert "seed, class_weights" in caught.value.hint
