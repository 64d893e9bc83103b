"""The weights of epochs that a run keeps: which, as they were, and the same after a resume."""

import csv

import keras
import numpy as np
import pytest

from convscope.engine.device import choose_device
from convscope.engine.training.batches import Batches
from convscope.engine.training.epoch_weights import (
    FOLDER,
    epochs_kept,
    epochs_to_keep,
    set_epoch,
    write_epoch,
)
from convscope.engine.training.fit import fit
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.errors import RunError, UsageError

OBJECTIVE = Objective(loss=lambda settings: "mse", monitor=None, label="loss")


class Line:
    """Samples on a line."""

    lengths = None

    def __len__(self):
        return 16

    def batch(self, indices, rng):
        x = indices[:, None].astype(np.float32) / 16
        return x, 3 * x + 1


def build():
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.BatchNormalization()(inputs)))


class Weights(keras.callbacks.Callback):
    """Notes the weights after each epoch, and ends after some of them as a killed training does."""

    def __init__(self, end=None):
        super().__init__()
        self.seen, self.end = {}, end

    def on_epoch_end(self, epoch, logs=None):
        self.seen[epoch + 1] = [values.copy() for values in self.model.get_weights()]
        if epoch + 1 == self.end:
            raise KeyboardInterrupt


def train(folder, watching, **settings):
    chosen = FitSettings(
        **{"epochs": 5, "batch_size": 4, "precision": "float32", "keep_epochs": 3, **settings}
    )
    folder.mkdir(exist_ok=True)
    batches = Batches(Line(), 4)
    device = choose_device("float32")
    return fit(build, batches, batches, chosen, device, folder, [watching], objective=OBJECTIVE)


def weights_at(folder, epoch):
    model = build()
    set_epoch(folder, epoch, model)
    return model.get_weights()


@pytest.mark.portable
def test_kept_weights_are_those_that_the_epoch_left(tmp_path):
    watching = Weights()
    train(tmp_path, watching)
    assert epochs_kept(tmp_path) == [1, 3, 5]
    for epoch in (1, 3, 5):
        for kept, seen in zip(weights_at(tmp_path, epoch), watching.seen[epoch], strict=True):
            np.testing.assert_array_equal(kept, seen)


def test_a_resumed_training_keeps_the_same(tmp_path):
    train(tmp_path / "whole", Weights())
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", Weights(end=2))
    train(tmp_path / "killed", Weights())
    assert epochs_kept(tmp_path / "killed") == [1, 3, 5]
    for epoch in (1, 3, 5):
        both = zip(weights_at(tmp_path / "whole", epoch), weights_at(tmp_path / "killed", epoch), strict=True)
        for whole, killed in both:
            np.testing.assert_array_equal(whole, killed)


def test_many_epochs_in_one_call_of_the_backend_are_kept_one_by_one(tmp_path):
    """Of one batch each, where no callback watches."""
    settings = FitSettings(epochs=9, batch_size=16, precision="float32", keep_epochs=9)
    batches = Batches(Line(), 16)
    fit(build, batches, batches, settings, choose_device("float32"), tmp_path, objective=OBJECTIVE)
    assert epochs_kept(tmp_path) == list(range(1, 10))
    kernels = [weights_at(tmp_path, epoch)[-2].item() for epoch in range(1, 10)]
    assert len(set(kernels)) == 9
    with (tmp_path / "history.csv").open(newline="", encoding="utf-8") as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    model = build()
    model.compile(loss="mse")
    for epoch in (1, 6, 9):
        set_epoch(tmp_path, epoch, model)
        found = model.evaluate(*Line().batch(np.arange(16), None), verbose=0)
        assert found == pytest.approx(losses[epoch - 1], rel=1e-3)


def test_none_are_kept_unless_that_is_asked_for(tmp_path):
    train(tmp_path, Weights(), keep_epochs=0)
    assert epochs_kept(tmp_path) == []
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize(
    ("epochs", "count", "expected"),
    [(30, 4, [1, 11, 20, 30]), (3, 10, [1, 2, 3]), (9, 1, [9]), (9, 0, []), (1, 5, [1]), (100, 2, [1, 100])],
)
def test_kept_epochs_are_the_first_the_last_and_evenly_between(epochs, count, expected):
    assert sorted(epochs_to_keep(epochs, count)) == expected


@pytest.mark.parametrize("count", [-1, 201])
def test_there_is_a_most(count):
    with pytest.raises(UsageError, match="keep_epochs"):
        FitSettings(keep_epochs=count)


def test_an_epoch_that_was_not_kept_says_which_were(tmp_path):
    write_epoch(tmp_path, 4, build().get_weights())
    with pytest.raises(RunError, match=r"has not kept epoch 2.*it has: 4"):
        set_epoch(tmp_path, 2, build())


@pytest.mark.parametrize("damage", ["cut", "zeros", "other"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    write_epoch(tmp_path, 1, build().get_weights())
    path = tmp_path / FOLDER / "epoch-00001.npz"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "zeros":
        path.write_bytes(bytes(100))
    else:
        write_epoch(tmp_path, 1, [np.zeros(3, np.float32)])
    with pytest.raises(RunError, match=r"damaged|another model"):
        set_epoch(tmp_path, 1, build())


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    write_epoch(tmp_path, 1, [np.full_like(values, np.nan) for values in build().get_weights()])
    with pytest.raises(RunError, match="NaN"):
        set_epoch(tmp_path, 1, build())
