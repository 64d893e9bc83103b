"""Cross-validation: a run for each fold, and what they say together."""

import json

import keras
import numpy as np
import pytest

import convscope
from convscope.data.folds import Fold, take_fold
from convscope.errors import UsageError
from convscope.kinds.image.readers.reader import read_images


def test_every_sample_is_tested_in_one_fold(pictures):
    whole = read_images(pictures)
    tested = []
    for number in range(1, 6):
        splits = take_fold("shapes", whole, Fold(number, 5), seed=0)
        parts = [set(splits[name].names()) for name in ("train", "validation", "test")]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 120
        assert np.bincount(splits.test.labels).tolist() == [8, 8, 8]
        tested += splits.test.names()
    assert len(tested) == len(set(tested)) == 120


def test_a_group_is_tested_in_one_fold(pictures):
    whole = read_images(pictures, group=r"(\d)\.png")
    digits = [
        {name[-5] for name in take_fold("shapes", whole, Fold(number, 3), seed=0).test.names()}
        for number in (1, 2, 3)
    ]
    assert set.union(*digits) == set("0123456789")
    assert sum(map(len, digits)) == 10


class StopIn(keras.callbacks.Callback):
    """Ctrl-C in the second fold."""

    def __init__(self, folder):
        super().__init__()
        self._folder = folder

    def on_epoch_begin(self, epoch, logs=None):
        if (self._folder / "fold-2").exists():
            raise KeyboardInterrupt


def test_folds_that_are_finished_are_kept_on_a_resume(pictures, settings, tmp_path):
    out = tmp_path / "folds"
    few = {name: value for name, value in settings.items() if name != "architecture"} | {"epochs": 1}
    with pytest.raises(KeyboardInterrupt):
        convscope.train(pictures, folds=3, out=out, callbacks=[StopIn(out)], verbose=0, **few)
    first = (out / "fold-1" / "model.keras").read_bytes()
    found = convscope.train(resume=out, verbose=0)
    assert [run.folder.name for run in found.runs] == ["fold-1", "fold-2", "fold-3"]
    assert (out / "fold-1" / "model.keras").read_bytes() == first
    accuracies = [run.metrics()["test"]["accuracy"] for run in found.runs]
    assert found.mean["accuracy"] == pytest.approx(np.mean(accuracies))
    assert found.std["accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    assert json.loads((out / "folds.json").read_text())["mean"] == found.mean
    assert found.runs[1].record()["fold"] == {"number": 2, "of": 3}
    assert convscope.evaluate(found.runs[1].folder).to_json() == found.runs[1].metrics()["test"]


@pytest.mark.parametrize("recipe", ["series-anomaly", "series-forecasting", "series-remaining-life"])
def test_a_task_without_folds_says_so_before_it_reads(tmp_path, recipe):
    (tmp_path / "x.csv").write_text("no table at all")
    with pytest.raises(UsageError, match=f"{recipe} has no cross-validation: its .*"):
        convscope.train(tmp_path / "x.csv", recipe=recipe, folds=3)


def test_a_number_of_folds_that_cannot_work_is_refused(pictures, tmp_path):
    with pytest.raises(UsageError, match=r"folds must be in \[2, 100\]"):
        convscope.train(pictures, folds=1, out=tmp_path / "folds")
