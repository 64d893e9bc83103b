"""What the tests read from a run, and how they interrupt a training."""

import csv

import keras
import numpy as np
import pytest

import convscope
from convscope.kinds.tasks.classification import with_temperature
from convscope.run import Run

CONTENT = {
    "history.csv",
    "metrics.json",
    "model.keras",
    "report.html",
    "representation.json",
    "run.json",
    "splits.csv",
}


def files_of(run):
    """Names of the files of a run, but for the calibration that some recipes leave."""
    return {path.name for path in run.folder.iterdir()} - {"calibration.json"}


def calibrated(run, probabilities):
    """What a classifier answers where its model says this."""
    return with_temperature(np.asarray(probabilities, np.float32), run.calibration()["temperature"])


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C after an epoch, or after a batch within it; both count from 0."""

    def __init__(self, epoch, batch=None):
        super().__init__()
        self._epoch, self._batch, self._now = epoch, batch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self._now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self._now, batch) == (self._epoch, self._batch):
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        if self._batch is None and epoch == self._epoch:
            raise KeyboardInterrupt


class Seen(keras.callbacks.Callback):
    """Remembers what it was told, and stops when it is told to."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.epochs, self._stop_after = [], stop_after

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((epoch, sorted(logs)))
        self.model.stop_training = epoch + 1 == self._stop_after


def weights(run):
    return keras.models.load_model(run.model_path).get_weights()


def rows(run):
    with (run.folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def losses(run):
    """History without the wall time."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows(run)]


def leftovers(folder):
    return [path.name for path in folder.rglob(".*")]


def assert_same_run(one, two):
    for left, right in zip(weights(one), weights(two), strict=True):
        np.testing.assert_array_equal(left, right)
    assert losses(one) == losses(two)
    assert one.metrics()["test"] == two.metrics()["test"]


def interrupted(pictures, out, settings, epoch, batch=None, **more):
    with pytest.raises(KeyboardInterrupt):
        convscope.train(pictures, out=out, callbacks=[Interrupt(epoch, batch)], **{**settings, **more})
    return Run(out)
