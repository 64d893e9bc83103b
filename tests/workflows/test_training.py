"""Training from a folder of pictures to a finished run."""

import csv
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from reading_runs import (
    CONTENT,
    Seen,
    assert_same_run,
    files_of,
    leftovers,
    losses,
    rows,
    weights,
)

import convscope
from convscope.engine.training.epoch_weights import set_epoch
from convscope.errors import BackendError, DataError, RunError, UsageError
from convscope.kinds.image.kind import IMAGE
from convscope.kinds.registry import find_recipe, recipe_specs
from convscope.run import Run
from convscope.types import no_progress
from convscope.workflows.training_plan import plan

pytestmark = pytest.mark.portable

WALK = [
    (recipe.name, name)
    for recipe in recipe_specs().values()
    if recipe in IMAGE.recipes and "classification" in recipe.name  # numbers: tests/kinds/image
    for name in recipe.architectures
]

SMALL = {"compact_cnn": {"depth": 2}, "residual_cnn": {"depth": 1, "width": 8}}


class Poison(keras.callbacks.Callback):
    """Makes one weight no number after the first epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            weight = self.model.trainable_weights[-1]
            weight.assign(np.full(weight.shape, np.nan))


def test_three_easy_classes_are_learned_in_seconds(finished):
    assert finished.metrics()["test"]["accuracy"] >= 0.9
    assert float(rows(finished)[-1]["accuracy"]) >= 0.9


def test_a_run_folder_holds_everything_and_nothing_else(finished, pictures):
    assert files_of(finished) == CONTENT
    record = finished.record()
    assert record["status"] == "complete"
    assert (record["recipe"], record["architecture"]) == ("image-classification", "padded_cnn")
    assert record["settings"]["epochs"] == len(rows(finished)) == record["epochs"]
    assert record["class_names"] == ["disc", "horizontal", "vertical"]
    assert record["data"]["path"] == str(pictures)
    assert len(record["data"]["fingerprint"]) == 64
    assert record["data"]["counts"]["test"] == {"disc": 4, "horizontal": 4, "vertical": 4}
    assert record["versions"]["keras"] == keras.__version__
    assert record["training_seconds"] > 0
    assert any("validation" in line for line in record["decisions"])


def test_every_picture_is_in_one_split(finished, pictures):
    with (finished.folder / "splits.csv").open(newline="", encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    assert sorted(row["name"] for row in listed) == sorted(map(str, pictures.rglob("*.png")))
    assert all(row["label"] in row["name"] for row in listed)
    assert {row["split"] for row in listed} == {"train", "validation", "test"}


def test_the_best_epoch_is_the_one_that_is_kept(finished):
    epochs = rows(finished)

    def recent(i, name):
        return round(np.mean([float(row[name]) for row in epochs[max(0, i - 2) : i + 1]]), 9)

    best = max(range(len(epochs)), key=lambda i: (recent(i, "val_accuracy"), -recent(i, "val_loss"), -i))
    kept = finished.metrics()["best_epoch"]
    assert kept["epoch"] == best + 1
    assert kept["val_loss"] == float(epochs[best]["val_loss"])


def test_the_model_loads_with_plain_keras_in_another_process(finished):
    code = (
        "import sys, keras; model = keras.models.load_model(sys.argv[1]); "
        "print(model.count_params(), model.output_shape, 'convscope' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, finished.model_path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[-2] == "21891 (None, 3) False"


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(finished, pictures, settings, tmp_path):
    assert_same_run(finished, convscope.train(pictures, out=tmp_path / "same", **settings))
    other = convscope.train(pictures, out=tmp_path / "other", seed=1, **settings)
    assert any((left != right).any() for left, right in zip(weights(finished), weights(other), strict=True))
    assert losses(other) != losses(finished)


def test_a_folder_that_is_not_empty_is_left_alone(pictures, settings, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not empty"):
        convscope.train(pictures, out=tmp_path, **settings)
    with pytest.raises(UsageError, match="exists and is not empty"):
        convscope.train(pictures, out=tmp_path / "mine.txt", **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"epochs": 0}, UsageError, "epochs must be at least 1"),
        ({"learning": 1}, UsageError, "does not support --learning"),
        ({"architecture": "compact"}, UsageError, "no architecture 'compact'"),
        ({"recipe": "image-classifying"}, UsageError, "No recipe is named 'image-classifying'"),
        ({"options": {"kernels": 3}}, UsageError, "does not support --kernels"),
        ({"options": {"erase": 1.5}}, UsageError, "erase must be in \\[0, 1\\]"),
        ({"options": {"zoom": "much"}}, UsageError, "zoom must be a number.*'much'"),
        ({"architecture": "compact_cnn"}, UsageError, "Images of 16x16 are too small for compact_cnn"),
        ({"path": None}, UsageError, "No data was given"),
        ({"path": "nowhere"}, DataError, "nowhere"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(pictures, settings, tmp_path, wrong, error, message):
    with pytest.raises(error, match=message):
        convscope.train(**{"path": pictures, "out": tmp_path / "run", **settings, **wrong})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_an_unwritable_folder_is_told_before_the_first_epoch(pictures, settings, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot be written: Permission denied"):
        convscope.train(pictures, out=tmp_path / "run", **settings)


def test_a_folder_below_a_file_is_told_before_the_first_epoch(pictures, settings, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written: Not a directory"):
        convscope.train(pictures, out=tmp_path / "file" / "run", **settings)


def test_a_loss_that_is_no_number_ends_the_training(pictures, settings, tmp_path):
    with pytest.raises(RunError, match="not finite in epoch 2") as caught:
        convscope.train(pictures, out=tmp_path / "run", callbacks=[Poison()], **settings)
    assert "--learning-rate" in caught.value.hint
    assert [row["epoch"] for row in rows(Run(tmp_path / "run"))] == ["1"]
    assert leftovers(tmp_path) == []


def test_class_weights_change_nothing_where_classes_are_equal(finished, pictures, settings, tmp_path):
    run = convscope.train(pictures, out=tmp_path / "run", class_weights=True, **settings)
    for left, right in zip(weights(finished), weights(run), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-4)


def test_class_weights_change_the_loss_where_a_class_is_rare(own_pictures, settings, tmp_path):
    for picture in sorted((own_pictures / "disc").iterdir())[8:]:
        picture.unlink()
    settings = {**settings, "epochs": 1}
    one, two = (
        convscope.train(own_pictures, out=tmp_path / f"{weighted}", class_weights=weighted, **settings)
        for weighted in (False, True)
    )
    assert two.record()["settings"]["class_weights"]
    assert rows(one)[0]["loss"] != rows(two)[0]["loss"]


def test_callbacks_run_beside_the_built_in_ones_and_may_stop(pictures, settings, tmp_path):
    seen = Seen(stop_after=2)
    run = convscope.train(pictures, out=tmp_path / "run", callbacks=[seen], **settings)
    names = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert seen.epochs == [(0, names), (1, names)]
    assert (run.record()["status"], run.record()["epochs"]) == ("complete", 2)


def test_training_stops_when_patience_has_run_out(pictures, settings, tmp_path):
    still = {**settings, "epochs": 10, "learning_rate": 1e-30, "schedule": "constant", "patience": 2}
    run = convscope.train(pictures, out=tmp_path / "run", **still)
    assert len(rows(run)) == 1 + 2
    assert run.metrics()["best_epoch"]["epoch"] == 1


def test_progress_and_decisions_are_told(pictures, settings, tmp_path):
    steps, lines = [], []
    told = {"progress": lambda *step: steps.append(step), "say": lines.append}
    convscope.train(pictures, out=tmp_path / "run", **{**settings, "epochs": 2}, **told)
    training = [(done, total) for done, total, what in steps if what.startswith("training")]
    assert sorted(training) == [(done, 12) for done in range(1, 13)]
    assert "train 96, validation 12, test 12 of 3 classes" in lines
    assert any(line.startswith("Training padded_cnn with ") for line in lines)
    assert any("test split" in line for line in lines)


def test_what_cannot_be_read_is_skipped_counted_and_listed(own_pictures, settings, tmp_path):
    (own_pictures / "disc" / "bad.png").write_bytes(b"no picture")
    lines = []
    run = convscope.train(own_pictures, out=tmp_path / "run", say=lines.append, **{**settings, "epochs": 1})
    (skipped,) = run.record()["data"]["skipped"]
    assert skipped["path"].endswith("bad.png")
    assert any(line.startswith("Skipped 1 file") for line in lines)


def test_the_default_folder_is_named_after_date_and_data(pictures, settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (convscope.train(pictures, **{**settings, "epochs": 1}).folder for _ in range(2))
    assert first.parent.name == "runs"
    assert first.name.endswith("-shapes")
    assert second.name == f"{first.name}-2"


def test_the_saved_model_computes_in_float32_whatever_the_training_did(pictures, settings, tmp_path):
    run = convscope.train(
        pictures,
        out=tmp_path / "run",
        keep_epochs=3,
        **{**settings, "precision": "bfloat16", "epochs": 1},
    )
    assert run.record()["device"]["policy"] == "mixed_bfloat16"
    model = keras.models.load_model(run.model_path)
    assert run.record()["kept_epochs"] == [1]
    chosen = model.get_weights()
    set_epoch(run.folder, 1, model)
    for kept, best in zip(model.get_weights(), chosen, strict=True):
        np.testing.assert_array_equal(kept, best)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.usefixtures("tensorflow_only")
def test_a_tensorboard_log_is_written_on_request(pictures, settings, tmp_path):
    pytest.importorskip("tensorboard")
    run = convscope.train(pictures, out=tmp_path / "run", tensorboard=True, **{**settings, "epochs": 1})
    assert list((run.folder / "tensorboard").rglob("events.out.tfevents.*"))


@pytest.mark.parametrize(("recipe", "architecture"), WALK)
def test_every_recipe_of_pictures_trains_every_architecture_and_can_be_used(
    recipe, architecture, pictures, settings, tmp_path
):
    run = convscope.train(
        pictures,
        recipe=recipe,
        out=tmp_path / "run",
        options=SMALL.get(architecture),
        **{**settings, "architecture": architecture, "epochs": 1},
    )
    assert files_of(run) == CONTENT
    assert json.loads(json.dumps(run.record()))["architecture"] == architecture
    (row,) = convscope.predict(run.folder, [pictures / "disc" / "00.png"]).rows
    assert sum(row.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert leftovers(run.folder) == []


def test_a_run_can_be_copied_to_another_place(finished, tmp_path):
    copy = Run(shutil.copytree(finished.folder, tmp_path / "copy"))
    assert copy.record() == finished.record()
    assert copy.representation() == finished.representation()


def test_an_unknown_backend_is_told_with_the_known_ones(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_BACKEND", "mxnet")
    with pytest.raises(BackendError, match="names 'mxnet', which convscope does not know") as caught:
        convscope.build("compact_cnn", (48, 48, 1), 7)
    assert caught.value.hint == "Use one of tensorflow, jax, torch."


def test_what_was_kept_and_how_it_was_calibrated_is_said_once(pictures, settings, tmp_path):
    lines = []
    run = convscope.train(pictures, out=tmp_path / "run", say=lines.append, **{**settings, "epochs": 2})
    assert sum(line.startswith("Kept the weights of epoch") for line in lines) == 1
    assert sum(line.startswith("Calibrated with temperature") for line in lines) == 1
    effect = run.metrics()["calibration"]
    assert f"{effect['temperature']:.2f}" in lines[-1]
    assert f"{effect['error_before']:.3f} before, {effect['error_after']:.3f} after" in lines[-1]
    assert f"on {effect['test_samples']} test samples in {effect['bins']} bins" in lines[-1]
    assert effect["error_after"] == run.metrics()["test"]["expected_calibration_error"]
    assert "before temperature" in run.report_path.read_text("utf-8")


def test_from_python_a_line_an_epoch_is_printed_and_none_where_it_is_silenced(
    pictures, settings, tmp_path, capsys
):
    few = {**settings, "epochs": 2}
    convscope.train(pictures, out=tmp_path / "told", **few)
    told = capsys.readouterr().err
    assert "epoch 1 of 2, validation accuracy" in told
    assert " left\n" in told
    convscope.train(pictures, out=tmp_path / "silent", verbose=0, **few)
    assert capsys.readouterr().err == ""


def test_small_pictures_get_an_architecture_that_takes_them(pictures, tmp_path):
    run = convscope.train(pictures, out=tmp_path / "run", epochs=1, verbose=0)
    assert run.record()["architecture"] == "padded_cnn"
    assert any("sees them up to their borders" in line for line in run.record()["decisions"])


def test_rows_that_the_architecture_never_sees_are_told_before_training(tmp_path):
    pixels = np.zeros((40, 64, 50, 1), np.uint8) + np.arange(40, dtype=np.uint8)[:, None, None, None]
    np.savez(tmp_path / "x.npz", x=pixels, y=np.arange(40) % 2)
    recipe = find_recipe("image-classification")
    made = plan(recipe, tmp_path / "x.npz", "compact_cnn", {}, {}, no_progress)
    ends = "unseen: the last 2 of 64 rows reach no output of compact_cnn"
    assert any(line.startswith(ends) for line in made.decisions)
    padded = plan(recipe, tmp_path / "x.npz", "padded_cnn", {}, {}, no_progress)
    assert not any(line.startswith("unseen") for line in padded.decisions)
