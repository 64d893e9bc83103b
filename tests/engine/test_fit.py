"""What a training is evaluated on: every sample of the validation split once, after every epoch."""

import csv
from dataclasses import dataclass

import keras
import numpy as np
import pytest

from convscope.engine.device import choose_device
from convscope.engine.training.batches import Batches
from convscope.engine.training.fit import fit
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.errors import DataError, RunError

OBJECTIVE = Objective(loss=lambda settings: "mse", monitor=None, label="loss")


@dataclass(frozen=True)
class Squares:
    """Samples of which each adds another amount to the loss; of one length, or of several."""

    count: int
    ragged: bool

    def __len__(self):
        return self.count

    @property
    def lengths(self):
        return 1 + np.arange(self.count) % 3 if self.ragged else None

    def batch(self, indices, rng):
        width = int(self.lengths[indices].max()) if self.ragged else 2
        return np.zeros((len(indices), width, 1), np.float32), indices[:, None].astype(np.float32)


def build():
    inputs = keras.Input((None, 1))
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(inputs)))


@pytest.mark.parametrize("ragged", [False, True])
def test_each_epoch_is_evaluated_on_every_sample_once(tmp_path, ragged):
    settings = FitSettings(
        epochs=6, batch_size=4, learning_rate=1e-12, schedule="constant", precision="float32"
    )
    train, validation = (Batches(Squares(count, ragged), 4) for count in (8, 47))
    fit(build, train, validation, settings, choose_device("float32"), tmp_path, objective=OBJECTIVE)
    with (tmp_path / "history.csv").open(newline="", encoding="utf-8") as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(losses, np.mean(np.arange(47.0) ** 2), rtol=1e-5)


def test_the_best_epoch_is_kept_unless_the_objective_leaves_the_split_out_of_it():
    rows = [{"val_loss": loss, "val_accuracy": share} for loss, share in ((3, 0.5), (1, 0.4), (2, 0.3))]
    assert Objective(loss=lambda settings: None).best_epoch(rows) == 0
    assert Objective(loss=lambda settings: None, monitor=None).best_epoch(rows) == 1
    last = Objective(loss=lambda settings: None, monitor=None, keep_best=False)
    assert last.best_epoch(rows) == 2
    assert last.status(rows, 9) == "epoch 4 of 9, validation accuracy 2.000"


@dataclass(frozen=True)
class Failing(Squares):
    """Samples that are gone after a few batches."""

    def batch(self, indices, rng):
        if rng is not None and len(SEEN) > 3:
            raise DataError("7.png: there is no such file")
        SEEN.append(len(indices))
        return super().batch(indices, rng)


SEEN: list[int] = []


@pytest.mark.parametrize("ragged", [False, True])
def test_a_sample_that_goes_during_a_training_is_named_as_such(tmp_path, ragged):
    SEEN.clear()
    settings = FitSettings(epochs=6, batch_size=4, precision="float32")
    train, validation = Batches(Failing(16, ragged), 4), Batches(Squares(8, ragged), 4)
    with pytest.raises(DataError, match=r"^7\.png: there is no such file$"):
        fit(build, train, validation, settings, choose_device("float32"), tmp_path, objective=OBJECTIVE)


@pytest.mark.parametrize("ragged", [False, True])
def test_each_epoch_learns_from_every_sample_once(tmp_path, ragged):
    seen = []

    class Watch(keras.callbacks.Callback):
        """Notes the loss of each epoch, which tells the samples it saw."""

        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs["loss"])

    settings = FitSettings(
        epochs=5, batch_size=4, learning_rate=1e-12, schedule="constant", precision="float32"
    )
    train, validation = Batches(Squares(12, ragged), 4), Batches(Squares(4, ragged), 4)
    fit(
        build, train, validation, settings, choose_device("float32"), tmp_path, [Watch()], objective=OBJECTIVE
    )
    np.testing.assert_allclose(seen, np.mean(np.arange(12.0) ** 2), rtol=1e-5)


def test_one_lucky_epoch_is_not_the_best_where_epochs_are_averaged():
    rows = [{"val_accuracy": value, "val_loss": 1.0} for value in (0.5, 0.9, 0.5, 0.8, 0.8, 0.8)]
    assert Objective(loss=lambda settings: None).best_epoch(rows) == 1
    averaged = Objective(loss=lambda settings: None, smoothed=3)
    assert averaged.best_epoch(rows) == 5
    so_far = [averaged.best_epoch(rows[: i + 1]) for i in range(len(rows))]
    assert all(best == i or best == so_far[i - 1] for i, best in enumerate(so_far))
    assert averaged.kept_by(rows).endswith("as the mean of 3 epochs")
    assert "mean" not in averaged.kept_by(rows[:1])


def test_the_line_of_an_epoch_gives_the_mean_by_which_one_is_kept():
    rows = [{"val_accuracy": value, "val_loss": 1.0} for value in (0.5, 0.9, 0.7)]
    averaged = Objective(loss=lambda settings: None, smoothed=3)
    assert averaged.ended(rows[:1], 9).endswith("accuracy 50.0% (kept so far: epoch 1, 50.0%)")
    kept = "(kept so far: epoch 2, 70.0% as the mean of 2 epochs)"
    assert averaged.ended(rows, 9) == f"epoch 3 of 9, validation accuracy 70.0% {kept}"


def test_the_lowest_value_of_a_metric_may_mark_the_best_epoch():
    rows = [{"val_cross_entropy": value, "val_loss": 1.0} for value in (0.5, 0.2, 0.4)]
    objective = Objective(lambda settings: None, monitor="cross_entropy", lowest=True, label="cross-entropy")
    assert objective.best_epoch(rows) == 1
    assert objective.kept_by(rows) == "the lowest validation cross-entropy"
    assert objective.ended(rows, 9) == "epoch 3 of 9, validation cross-entropy 0.400 (best 0.200)"


class Overflow(keras.callbacks.Callback):
    """Makes a kernel NaN before an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            first, *others = self.model.get_weights()
            self.model.set_weights([np.full_like(first, np.nan), *others])


def test_weights_that_are_no_numbers_are_never_kept(tmp_path):
    def hiding():  # the loss stays finite where a later layer hides what is no number, as a maximum can
        inputs = keras.Input((None, 1))
        hidden = keras.ops.nan_to_num(keras.layers.Dense(1)(inputs))
        return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(hidden)))

    settings = FitSettings(epochs=4, batch_size=4, schedule="constant", precision="float32")
    train, validation = (Batches(Squares(count, False), 4) for count in (8, 4))
    device = choose_device("float32")
    with pytest.raises(RunError, match=r"NaN or infinite in epoch 3: .*kernel") as caught:
        fit(hiding, train, validation, settings, device, tmp_path, [Overflow()], objective=OBJECTIVE)
    assert "--learning-rate" in caught.value.hint
    kept = keras.models.load_model(tmp_path / "model.keras")
    assert all(np.isfinite(each).all() for each in kept.get_weights())
    with np.load(next((tmp_path / "checkpoints").glob("*.npz"))) as checkpoint:
        assert all(np.isfinite(checkpoint[name]).all() for name in checkpoint.files if name != "history")
