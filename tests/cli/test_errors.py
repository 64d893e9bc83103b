"""What a user may have meant: options and commands under the names that other tools use."""

import json
import shutil

import pytest

from convscope.cli.errors import MEANINGS, meant

MEANT = {
    "--lr": "--learning-rate",
    "--bs": "--batch-size",
    "--batch": "--batch-size",
    "--num-epochs": "--epochs",
    "--num_epochs": "--epochs",
    "--img-size": "--size",
    "--imgsz=64": "--size",
    "--wd": "--weight-decay",
    "--mixup": "--mixing",
    "--early-stopping": "--patience",
    "--vocab-size": "--vocabulary",
    "--num-beams": "--beam",
    "--sr": "--rate",
    "--model": "--architecture",
    "--random-state": "--seed",
    "--learnin-rate": "--learning-rate",
    "--kernel_sizes": "--kernel-sizes",
    "--output-dir": "--out",
}


@pytest.mark.parametrize(("typed", "expected"), MEANT.items())
def test_an_unknown_option_of_train_names_what_was_meant(run_command, typed, expected):
    code, out, err = run_command("train", ".", typed, "1")
    if typed == "--kernel_sizes":  # underscores are accepted
        assert "no option" not in err
        return
    lines = err.splitlines()
    assert (code, out) == (2, "")
    assert lines[0] == f"convscope: train has no option {typed.partition('=')[0]}."
    assert expected in lines[1]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("fit", "train"), ("infer", "predict"), ("neighbours", "neighbors"), ("trian", "train")],
)
def test_an_unknown_command_names_what_was_meant(run_command, typed, expected):
    code, _, err = run_command(typed)
    assert (code, err) == (2, f"convscope: There is no command '{typed}'.\n  Did you mean {expected}?\n")


def test_color_is_spelled_the_american_way(run_command):
    code, _, err = run_command("project", "x", "--colour", "label")
    assert code == 2
    assert "Did you mean --color?" in err


def test_no_word_means_what_it_is_itself():
    for name, words in MEANINGS.items():
        assert name not in words.split()
        assert len(set(words.split())) == len(words.split())


def test_what_nothing_resembles_gets_no_suggestion():
    assert meant("--zzz", ["--epochs", "--size"]) == []


def test_an_option_that_predict_does_not_have_is_no_file(run_command, finished, pictures):
    picture = pictures / "disc" / "00.png"
    code, _, err = run_command("predict", finished.folder, picture, "--epochs", "3")
    assert (code, err.splitlines()[0]) == (2, "convscope: predict has no option --epochs.")


def test_data_that_was_moved_is_asked_for(run_command, finished, tmp_path):
    moved = shutil.copytree(finished.folder, tmp_path / "run")
    record = json.loads((moved / "run.json").read_text())
    record["data"] |= {"path": str(tmp_path / "gone"), "given": "gone"}
    (moved / "run.json").write_text(json.dumps(record))
    code, _, err = run_command("evaluate", moved)
    assert code == 1
    assert "is no longer at" in err
    assert "--data PATH" in err
