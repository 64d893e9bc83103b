"""Epochs within one call leave behind what the loop of Keras does: history, best weights, checkpoints."""

import csv
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest

from convscope.engine.device import choose_device
from convscope.engine.training.batches import Batches
from convscope.engine.training.fit import fit
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.errors import RunError

pytestmark = pytest.mark.portable

OBJECTIVE = Objective(
    loss=lambda settings: keras.losses.MeanSquaredError(),
    metrics=lambda: [keras.metrics.MeanAbsoluteError(name="error")],
    monitor="error",
    lowest=True,
    label="error",
)
COUNT = 40


@dataclass(frozen=True)
class Whole:
    """Samples of which each step takes all."""

    values: np.ndarray
    targets: np.ndarray
    is_whole: bool = True
    lengths: None = None

    def __len__(self):
        return len(self.values)

    def batch(self, indices, rng):
        return self.values[indices], self.targets[indices]


def whole(seed, scale=1.0):
    random = np.random.default_rng(seed)
    values = random.normal(size=(COUNT, 6)).astype("float32")
    return Batches(Whole(values, scale * values[:, :1] + 0.3 * values[:, 1:2]), COUNT)


def build():
    inputs = keras.Input((6,))
    x = keras.layers.Dropout(0.2)(keras.layers.Dense(8, "relu")(inputs))
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.BatchNormalization()(x)))


def trained(folder, epochs=23, callbacks=(), train=None, **options):
    folder.mkdir(exist_ok=True)
    settings = FitSettings(
        epochs=epochs, batch_size=COUNT, learning_rate=0.03, precision="float32", seed=3, **options
    )
    train = whole(0) if train is None else train
    device = choose_device("float32")
    fit(build, train, whole(1), settings, device, folder, callbacks=callbacks, objective=OBJECTIVE)
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return rows, keras.saving.load_model(folder / "model.keras").get_weights()


def state(folder):
    (path,) = (folder / "checkpoints").glob("*.npz")
    with np.load(path) as file:
        return [file[name] for name in sorted(file.files) if name != "history"]


def same(first, second, tolerance=1e-5):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one == pytest.approx(other, abs=tolerance, rel=tolerance)


def test_history_and_best_weights_are_those_of_the_loop_of_keras(tmp_path, backend):
    rows, weights = trained(tmp_path / "whole")
    loop, others = trained(tmp_path / "loop", callbacks=[keras.callbacks.Callback()])
    assert [list(row) for row in rows] == [list(row) for row in loop]
    for row, other in zip(rows, loop, strict=True):
        found, expected = ({k: v for k, v in each.items() if k != "seconds"} for each in (row, other))
        assert found == pytest.approx(expected, rel=1e-3)
    same(weights, others, 1e-3)
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path):
    rows, weights = trained(tmp_path / "once", schedule="constant")
    trained(tmp_path / "twice", epochs=9, schedule="constant")
    again, others = trained(tmp_path / "twice", schedule="constant")
    assert [row["val_error"] for row in again] == pytest.approx([row["val_error"] for row in rows], rel=1e-4)
    same(weights, others, 1e-4)
    same(state(tmp_path / "once"), state(tmp_path / "twice"), 1e-4)


def test_patience_ends_within_a_call_where_it_ends_otherwise(tmp_path):
    options = {"schedule": "constant", "patience": 2, "epochs": 60}
    rows, weights = trained(tmp_path / "whole", **options)
    assert len(rows) < 60
    best = min(range(len(rows)), key=lambda i: round(rows[i]["val_error"], 9))
    assert len(rows) - 1 - best == 2
    _, others = trained(tmp_path / "until", epochs=len(rows), schedule="constant")
    same(weights, others, 1e-4)
    same(state(tmp_path / "whole"), state(tmp_path / "until"), 1e-4)


def test_a_loss_that_is_not_finite_leaves_what_was_before_it(tmp_path):
    with pytest.raises(RunError, match="not finite in epoch"):
        trained(tmp_path / "run", train=whole(0, scale=1e38), schedule="constant")
    assert not list((tmp_path / "run").glob("checkpoints/*"))


def test_of_several_starts_the_one_with_the_lowest_loss_is_trained(tmp_path, monkeypatch):
    from convscope.engine.training import fit as module

    losses, starts, taken = [], [], []
    choose = module._choose_start

    def noting(model, fresh, advance, most, epochs):
        def noted(begin, count):
            rows, kept = advance(begin, count)
            losses.append(rows[-1]["val_loss"])
            return rows, kept

        starts.extend([model.get_weights(), *(each() for each in fresh)])
        choose(model, fresh, noted, most, epochs)
        taken.extend(model.get_weights())

    monkeypatch.setattr(module, "_choose_start", noting)
    settings = FitSettings(epochs=9, batch_size=COUNT, learning_rate=0.03, precision="float32", seed=3)
    device = choose_device("float32")
    fit(build, whole(0), whole(1), settings, device, tmp_path, objective=replace(OBJECTIVE, starts=4))
    assert len(set(losses)) == len(starts) == 4
    same(taken, starts[int(np.argmin(losses))], 0)


def test_several_starts_give_the_same_again(tmp_path):
    several = replace(OBJECTIVE, starts=3)
    settings = FitSettings(epochs=5, batch_size=COUNT, learning_rate=0.03, precision="float32", seed=3)
    rows = []
    for name in "ab":
        (tmp_path / name).mkdir()
        device = choose_device("float32")
        found = fit(build, whole(0), whole(1), settings, device, tmp_path / name, objective=several)
        rows.append([row["val_loss"] for row in found])
    assert rows[0] == rows[1] and len(rows[0]) == 5
