"""A training that was interrupted, killed or out of room goes on as if it had never stopped."""

import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from reading_runs import CONTENT, Interrupt, Seen, assert_same_run, files_of, interrupted, leftovers, rows

import convscope
from convscope.errors import RunError, UsageError
from convscope.files import locked
from convscope.run import Run

CHANGING = dict.fromkeys(("started", "training_seconds", "model_sha256"))


@pytest.mark.parametrize(("epoch", "batch"), [(1, None), (0, 2), (2, 3)])
def test_a_resumed_training_ends_with_the_same_weights_bit_for_bit(
    finished, pictures, settings, tmp_path, epoch, batch
):
    run = interrupted(pictures, tmp_path / "run", settings, epoch, batch)
    assert run.record()["status"] == "training"
    assert_same_run(convscope.train(resume=run.folder), finished)
    assert files_of(run) == CONTENT
    assert {**run.record(), **CHANGING} == {**finished.record(), **CHANGING}


def test_so_does_one_that_was_interrupted_twice(finished, pictures, settings, tmp_path):
    run = interrupted(pictures, tmp_path / "run", settings, 0)
    with pytest.raises(KeyboardInterrupt):
        convscope.train(resume=run.folder, callbacks=[Interrupt(2, 1)])
    assert [row["epoch"] for row in rows(run)] == ["1", "2"]
    assert_same_run(convscope.train(resume=run.folder), finished)


def test_so_does_one_with_normalization_bfloat16_weights_decay_and_averaging(pictures, settings, tmp_path):
    more = {
        "architecture": "deep_cnn",
        "options": {"depth": 1, "flip": True},
        "precision": "bfloat16",
        "class_weights": True,
        "weight_decay": 0.01,
        "averaging": 0.5,
        "augmentation": 1.0,
        "epochs": 3,
    }
    whole = convscope.train(pictures, out=tmp_path / "whole", **{**settings, **more})
    run = interrupted(pictures, tmp_path / "run", settings, 1, 2, **more)
    assert_same_run(convscope.train(resume=run.folder), whole)


KILLED = """
import sys, time
import keras
import convscope

class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2 and self.model.optimizer.iterations > 12:
            print("third epoch", flush=True)
            time.sleep(300)

convscope.train(sys.argv[1], out=sys.argv[2], callbacks=[Slow()], **eval(sys.argv[3]))
"""


def test_so_does_one_that_was_killed(finished, pictures, settings, tmp_path):
    run = Run(tmp_path / "run")
    arguments = [sys.executable, "-c", KILLED, str(pictures), str(run.folder), repr(settings)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "third epoch\n"
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert [row["epoch"] for row in rows(run)] in (["1"], ["1", "2"])  # the second may be too short to write
    assert_same_run(convscope.train(resume=run.folder), finished)


def test_a_run_that_only_lacks_its_judgement_is_not_trained_again(pictures, settings, tmp_path):
    def stop(done, total, what):
        if what == "predicting":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convscope.train(pictures, out=tmp_path / "run", progress=stop, **settings)
    seen = Seen()
    run = convscope.train(resume=tmp_path / "run", callbacks=[seen])
    assert seen.epochs == []
    assert run.record()["status"] == "complete"
    assert files_of(run) == CONTENT


def test_a_complete_run_says_so_instead_of_resuming(finished):
    lines = []
    assert convscope.train(resume=finished.folder, say=lines.append).folder == finished.folder
    assert lines == [f"{finished.folder} is already complete."]


def test_a_complete_run_whose_model_is_gone_is_not_said_to_be_complete(finished, tmp_path):
    run = Run(shutil.copytree(finished.folder, tmp_path / "run"))
    run.model_path.unlink()
    with pytest.raises(RunError, match="said to be complete, but has no model"):
        convscope.train(resume=run.folder)


def test_a_setting_that_is_not_known_is_not_resumed(pictures, settings, tmp_path):
    run = interrupted(pictures, tmp_path / "run", settings, 0)
    record = run.record()
    run.write_record({**record, "settings": {**record["settings"], "momentum": 0.9}})
    with pytest.raises(RunError, match="has the setting 'momentum'"):
        convscope.train(resume=run.folder)


def test_what_a_killed_process_left_half_written_is_gone_in_the_end(finished, pictures, settings, tmp_path):
    run = interrupted(pictures, tmp_path / "run", settings, 1)
    (run.folder / ".part-123-model.keras").write_bytes(b"half")
    (run.folder / "checkpoints" / ".part-123-epoch-00002.npz").write_bytes(b"half")
    assert_same_run(convscope.train(resume=run.folder), finished)
    assert files_of(run) == CONTENT


def test_a_start_that_was_killed_before_its_first_record_can_be_made_again(pictures, settings, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".part-123-run.json").write_bytes(b"half")
    with pytest.raises(RunError, match="is not a run") as caught:
        convscope.train(resume=folder)
    assert "start it again" in caught.value.hint
    run = convscope.train(pictures, out=folder, **{**settings, "epochs": 1})
    assert files_of(run) == CONTENT


class TakeAway(keras.callbacks.Callback):
    """Removes the run folder within an epoch."""

    def __init__(self, folder):
        super().__init__()
        self._folder = folder

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1 and self._folder.exists():
            shutil.rmtree(self._folder)


def test_a_run_folder_that_is_taken_away_ends_in_an_error(pictures, settings, tmp_path):
    with pytest.raises(RunError, match="was removed"):
        convscope.train(pictures, out=tmp_path / "run", callbacks=[TakeAway(tmp_path / "run")], **settings)
    assert list(tmp_path.iterdir()) == []


def test_two_trainings_of_one_folder_are_refused(pictures, settings, tmp_path):
    with locked(tmp_path / "run"), pytest.raises(RunError, match="is being written by another process"):
        convscope.train(pictures, out=tmp_path / "run", **settings)


def test_changed_data_is_not_resumed(own_pictures, settings, tmp_path):
    run = interrupted(own_pictures, tmp_path / "run", settings, 0)
    before = {path.name: path.read_bytes() for path in run.folder.iterdir() if path.is_file()}
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(own_pictures / "disc" / "more.png")
    with pytest.raises(RunError, match="has changed since") as caught:
        convscope.train(resume=run.folder)
    assert caught.value.hint == "Restore it, or start a new training."
    assert {path.name: path.read_bytes() for path in run.folder.iterdir() if path.is_file()} == before


def test_data_that_was_moved_is_resumed_from_its_new_place(own_pictures, settings, tmp_path):
    run = interrupted(own_pictures, tmp_path / "run", {**settings, "epochs": 2}, 0)
    moved = own_pictures.rename(tmp_path / "moved")
    assert convscope.train(moved, resume=run.folder).record()["data"]["path"] == str(moved)


@pytest.mark.parametrize(
    "more",
    [
        {"epochs": 5},
        {"architecture": "deep_cnn"},
        {"options": {"depth": 1}},
        {"out": "elsewhere"},
        {"seed": 0},
    ],
)
def test_other_settings_are_not_resumed(finished, more):
    with pytest.raises(UsageError, match="takes no other settings"):
        convscope.train(resume=finished.folder, **more)


def test_what_is_no_run_is_not_resumed(tmp_path):
    with pytest.raises(RunError, match=r"is not a run: it has no run\.json"):
        convscope.train(resume=tmp_path)
    (tmp_path / "run.json").write_text('{"format": 99}')
    with pytest.raises(RunError, match="has format 99, expected 1"):
        convscope.train(resume=tmp_path)
    (tmp_path / "run.json").write_text('{"form')
    with pytest.raises(RunError, match="expected JSON"):
        convscope.train(resume=tmp_path)


LIMITED = """
import resource, sys
from convscope.cli.app import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
main(sys.argv[2:])
"""


def with_room(size, *arguments):
    """Runs a command that can write no file larger than so many bytes, as on a disk that fills up."""
    pytest.importorskip("resource")
    command = [sys.executable, "-c", LIMITED, str(size), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_room_at_all_is_told_before_the_first_epoch(pictures, tmp_path):
    done = with_room(1000, "train", pictures, "--out", tmp_path / "run")
    assert done.returncode == 1
    assert f"convscope: {tmp_path / 'run'} cannot be written: File too large." in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_leaves_no_half_written_file_and_the_run_can_go_on(
    finished, pictures, settings, tmp_path
):
    run = Run(tmp_path / "run")
    run = interrupted(pictures, run.folder, settings, 1)
    before = run.model_path.read_bytes()
    done = with_room(60_000, "train", "--resume", run.folder)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert leftovers(run.folder) == []
    assert run.model_path.read_bytes() == before
    assert_same_run(convscope.train(resume=run.folder), finished)
