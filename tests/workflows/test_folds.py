"""Cross-validation: a run for each fold, and what they say together."""

import json

import keras
import numpy as np
import pytest

import convscope
from convscope.data.folds import Fold, take_fold
from convscope.errors import UsageError
from convscope.kinds.image.readers.reader import read_images
from convscope.kinds.registry import recipe_specs
from convscope.run import Run
from convscope.workflows.cross_validation import CrossValidation, figures_of


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


def made_run(folder, metrics):
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({"test": metrics}))
    return Run(folder)


@pytest.mark.parametrize(
    ("recipe", "metrics", "line"),
    [
        ("text-tagging", {"samples": 4, "accuracy": 0.9, "f1": 0.5, "types": []}, "f1 0.5000"),
        ("translation", {"samples": 4, "bleu": 20.0, "bleu_signature": "x", "chrf": 50.0}, "bleu 20.0000"),
        ("speech-recognition", {"words": {"hits": 3}, "right": 0.1, "wer": 0.25, "cer": 0.2}, "wer 0.2500"),
        ("image-segmentation", {"accuracy": 0.99, "mean_iou": 0.4, "mean_dice": 0.6}, "mean iou 0.4000"),
        ("series-regression", {"mae": 2.0, "rmse": 3.0, "r2": None}, "mae 2.0000"),
        (
            "link-prediction",
            {"loss": 0.7, "model": {"name": "gae", "auc": 0.9, "mrr": 0.3}},
            "model mrr 0.3000",
        ),
        ("audio-classification", {"accuracy": 0.8, "loss": 1.5}, "accuracy 0.8000"),
    ],
)
def test_folds_are_summed_up_by_the_main_figure_of_their_recipe(tmp_path, recipe, metrics, line):
    runs = tuple(made_run(tmp_path / f"fold-{number}", metrics) for number in (1, 2))
    found = CrossValidation(tmp_path, runs, figures_of(runs, recipe_specs()[recipe].main_metric))
    assert found.to_line().startswith(f"{line} \N{PLUS-MINUS SIGN} 0.0000 over 2 folds")
    assert found.to_table()[0][1] == line.rpartition(" ")[0]
    assert set(found.figures) == {*found.mean}
