"""The commands: results on standard output, all else on standard error, errors in two lines."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from convscope.cli.app import main
from convscope.errors import RunError, UsageError
from convscope.kinds.registry import recipe_specs
from convscope.run import Run

TRAIN = (
    "--architecture",
    "padded_cnn",
    "--batch-size",
    "16",
    "--learning-rate",
    "5e-3",
    "--precision",
    "float32",
)


def in_process(*arguments, code="from convscope.cli.app import main; main()", **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_training_prints_figures_and_says_where_everything_is(run_command, pictures, tmp_path):
    code, out, err = run_command("train", pictures, "--out", "run", "--epochs", "4", *TRAIN)
    assert code == 0
    assert "accuracy " in out
    for name in ("disc", "horizontal", "vertical", "precision", "recall"):
        assert name in out
    assert "train 96, validation 12, test 12 of 3 classes" in err
    assert err.strip().splitlines()[-1] == "Saved the run to run; open run/report.html in a browser."
    assert Run(tmp_path / "here" / "run").record()["settings"]["epochs"] == 4


def test_every_option_of_a_training_reaches_the_run(run_command, pictures, tmp_path):
    options = {
        "--epochs": ("1", "settings", "epochs", 1),
        "--batch-size": ("20", "settings", "batch_size", 20),
        "--learning-rate": ("0.002", "settings", "learning_rate", 0.002),
        "--seed": ("3", "settings", "seed", 3),
        "--precision": ("float32", "settings", "precision", "float32"),
        "--augmentation": ("0.5", "settings", "augmentation", 0.5),
        "--patience": ("7", "settings", "patience", 7),
        "--schedule": ("constant", "settings", "schedule", "constant"),
        "--warmup": ("0.2", "settings", "warmup", 0.2),
        "--weight-decay": ("0.01", "settings", "weight_decay", 0.01),
        "--clip-norm": ("2", "settings", "clip_norm", 2.0),
        "--averaging": ("0.1", "settings", "averaging", 0.1),
        "--label-smoothing": ("0.1", "settings", "label_smoothing", 0.1),
        "--mixing": ("0.1", "settings", "mixing", 0.1),
        "--erase": ("0.2", "options", "erase", 0.2),
        "--zoom": ("0.1", "options", "zoom", 0.1),
        "--size": ("12x20", "options", "size", [12, 20]),
        "--kernel-size": ("5", "options", "kernel_size", 5),
        "--depth": ("1", "options", "depth", 1),
        "--pooling": ("average", "options", "pooling", "average"),
    }
    given = [text for name, (value, *_) in options.items() for text in (name, value)]
    switches = ["--class-weights", "--no-flip", "--mirror", "--recipe", "image-classification"]
    code, _, err = run_command(
        "train", pictures, "--out", "run", "--architecture", "padded_cnn", *given, *switches
    )
    assert code == 0, err
    record = Run(tmp_path / "here" / "run").record()
    for _, part, name, expected in options.values():
        assert record[part][name] == expected
    assert record["settings"]["class_weights"] is True
    assert record["options"]["flip"] is False
    assert record["options"]["mirror"] is True


def test_resuming_a_complete_run_prints_its_figures(run_command, finished, tmp_path):
    copy = shutil.copytree(finished.folder, tmp_path / "run")  # others may hold the run itself meanwhile
    code, out, err = run_command("train", "--resume", copy)
    assert code == 0
    assert "is already complete" in err
    assert f"{finished.metrics()['test']['accuracy']:.2%}" in out


def test_evaluation_as_json_is_what_the_run_recorded(run_command, finished):
    code, out, _ = run_command("evaluate", finished.folder, "--format", "json")
    assert code == 0
    assert json.loads(out) == finished.metrics()["test"]


def test_evaluation_of_other_data_as_a_table(run_command, finished, own_pictures):
    code, out, _ = run_command("evaluate", finished.folder, own_pictures)
    assert code == 0
    assert out.splitlines()[-1].endswith("on 120 test samples")


def test_predictions_as_csv_parse(run_command, finished, pictures):
    code, out, _ = run_command("predict", finished.folder, pictures / "disc", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [row["sample"] for row in rows] == sorted(map(str, (pictures / "disc").iterdir()))
    for row in rows:
        values = {name: float(row[name]) for name in ("disc", "horizontal", "vertical")}
        assert sum(values.values()) == pytest.approx(1, abs=1e-4)
        assert values[row["label"]] == max(values.values())


def test_predictions_as_json_lines_parse(run_command, finished, pictures):
    files = [pictures / "vertical" / "01.png", pictures / "disc" / "02.png"]
    code, out, _ = run_command("predict", finished.folder, *files, "--format", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["sample"] for line in lines] == list(map(str, files))
    assert all(set(line) == {"sample", "label", "probabilities"} for line in lines)


def test_predictions_as_a_table_name_the_answer(run_command, finished, pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    code, out, _ = run_command("predict", finished.folder, "disc/02.png")
    assert code == 0
    assert "disc/02.png" in out
    assert "%" in out


@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_what_is_skipped_is_said_beside_the_result(run_command, finished, own_pictures, form):
    (own_pictures / "disc" / "07.png").write_bytes(b"")
    code, out, err = run_command("predict", finished.folder, own_pictures / "disc", "--format", form)
    assert code == 0
    assert "Skipped" in err
    assert "07.png" in err
    assert "Skipped" not in out


def test_recipes_lists_every_recipe_and_its_architectures(run_command):
    code, out, _ = run_command("recipes")
    assert code == 0
    told = " ".join(out.split())  # long lines are folded
    for recipe in recipe_specs().values():
        for line in (recipe.name, recipe.summary, *recipe.architectures):
            assert line in told


@pytest.mark.parametrize("command", [(), ("train",), ("evaluate",), ("predict",), ("export",), ("demo",)])
def test_help_is_there_for_every_command(run_command, command):
    code, out, err = run_command(*command, "--help")
    assert code == 0
    assert out.startswith("Usage: convscope")
    assert err == ""


def test_the_version_is_printed(run_command):
    import convscope

    assert run_command("--version")[:2] == (0, f"{convscope.__version__}\n")


WRONG = [
    (("nonsense",), 2, "nonsense"),
    (("train",), 2, "No data was given"),
    (("train", "nowhere"), 1, "nowhere: there is no such file or folder"),
    (("train", "DATA", "--epochs", "many"), 2, "many"),
    (("train", "DATA", "--epochs", "0"), 2, "epochs must be at least 1"),
    (("train", "DATA", "--precision", "float16"), 2, "float16"),
    (("train", "DATA", "--colour", "red"), 2, "--colour"),
    (("train", "DATA", "--size", "0x4"), 2, "Received: size='0x4'"),
    (("train", "DATA", "--size", "4x4x4"), 2, "Received: size='4x4x4'"),
    (("train", "DATA", "--architecture", "huge"), 2, "no architecture 'huge'"),
    (("train", "DATA", "--recipe", "huge"), 2, "No recipe is named 'huge'"),
    (("train", "DATA", "--beam", "3"), 2, "image-classification does not support --beam"),
    (("train", "DATA", "--width", "3"), 2, "compact_cnn does not support --width"),
    (("predict", "RUN", "x.png", "--beam", "3"), 2, "image-classification does not support --beam"),
    (("train", "DATA", "--out", "RUN"), 2, "exists and is not empty"),
    (("train", "--resume", "RUN", "--epochs", "3"), 2, "--resume takes no other options"),
    (("train", "--resume", "nowhere"), 1, "is not a run"),
    (("evaluate",), 2, "RUN"),
    (("evaluate", "RUN", "--format", "xml"), 2, "xml"),
    (("evaluate", "RUN", "nowhere"), 1, "nowhere"),
    (("predict", "RUN"), 2, "nothing to predict"),
    (("predict", "DATA", "x.png"), 1, "is not a run"),
    (("predict", "RUN", "x.png"), 1, "x.png"),
    (("predict", "RUN", "x/*.png"), 1, "the pattern matches no file"),
    (("look", "RUN"), 2, "The method 'maps' needs an input, received none"),
    (("train", "DATA", "--label-column", "kind"), 2, "the folder has no table, only files such as"),
    (("explain", "padded_cnnn"), 2, "No model is named 'padded_cnnn'"),
    (("extract", "RUN", "DATA"), 2, "extract needs --out"),
    (("train", "DATA", "--epochs"), 2, "--epochs needs a value"),
    (("export", "RUN", "--format", "onxx"), 2, "onxx"),
]


@pytest.mark.parametrize(("arguments", "expected", "message"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_an_error_is_two_lines_and_an_exit_code(
    run_command, finished, pictures, tmp_path, arguments, expected, message
):
    real = {"DATA": pictures, "RUN": finished.folder}
    code, out, err = run_command(*(real.get(argument, argument) for argument in arguments))
    assert (code, out) == (expected, "")
    lines = err.splitlines()
    assert lines[0].startswith("convscope: ")
    assert message in lines[0]
    assert len(lines) <= 2
    assert all(line.startswith("  ") for line in lines[1:])
    assert "Traceback" not in err
    assert [path for path in (tmp_path / "here").rglob("*") if path.name != "runs"] == []


def test_options_of_attribution_methods_reach_them(run_command, finished, pictures, tmp_path):
    picture = pictures / "disc" / "00.png"
    words = ("--method", "integrated-gradients", "--steps", "4", "--out", "seen.json")
    code, _, err = run_command("look", finished.folder, picture, *words)
    assert code == 0, err
    assert "4" in (tmp_path / "here" / "seen.json").read_text()
    code, _, err = run_command("look", finished.folder, picture, "--method", "rise", "--steps", "4")
    assert code == 2
    assert "rise" in err


def test_debug_gives_the_traceback(tmp_path):
    with pytest.raises(UsageError):
        main(["train", "--debug"])
    with pytest.raises(RunError):
        main(["--debug", "evaluate", str(tmp_path)])
    assert "Traceback" in in_process("train", "--debug").stderr


def test_standard_output_is_clean_in_a_process_of_its_own(finished, pictures):
    done = in_process("predict", finished.folder, pictures / "disc" / "00.png", "--format", "jsonl")
    assert done.returncode == 0
    assert json.loads(done.stdout)["sample"].endswith("00.png")


# Tests that run in the background ignore an interrupt, and their children inherit that.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from convscope.cli.app import main
main()
"""


def test_a_training_that_is_interrupted_says_how_to_go_on(pictures, tmp_path):
    folder = tmp_path / "run"
    command = [
        sys.executable,
        "-c",
        INTERRUPTIBLE,
        "train",
        pictures,
        "--out",
        folder,
    ]
    with subprocess.Popen(
        [*command, "--epochs", "5000", *TRAIN],
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            until = time.monotonic() + 120
            while not list(folder.glob("checkpoints/epoch-*.npz")):
                assert child.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            child.send_signal(signal.SIGINT)
            err = child.communicate(timeout=60)[1]
        finally:
            child.kill()
    assert child.returncode == 130
    assert f"Interrupted. To continue: convscope train --resume {folder}" in err
    assert "Traceback" not in err
    assert [path.name for path in folder.rglob(".part-*")] == []


HIDING = """
import sys

class Hiding:
    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name, *more):
        if name.partition(".")[0] in ("tensorflow", "jax", "torch"):
            return None
        return self._finder.find_spec(name, *more)

sys.meta_path = [Hiding(finder) for finder in sys.meta_path if hasattr(finder, "find_spec")]
"""
BARE = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}


def test_help_needs_no_backend():
    done = in_process("--help", code=HIDING + "from convscope.cli.app import main; main()", env=BARE)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout


def test_without_a_backend_one_line_says_what_to_install(pictures):
    build = "import convscope; convscope.build('compact_cnn', input_shape=(48, 48, 1), classes=7)"
    done = in_process(code=HIDING + build, env=BARE)
    assert done.stderr.splitlines()[-1] == (
        "convscope.errors.BackendError: No Keras backend is installed. "
        'Install one: pip install "convscope[tensorflow]"'
    )
    done = in_process("train", pictures, code=HIDING + "from convscope.cli.app import main; main()", env=BARE)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "convscope: No Keras backend is installed.",
        '  Install one: pip install "convscope[tensorflow]"',
    ]


@pytest.mark.slow
def test_the_demo_trains_on_digits_and_says_where_to_look(run_command, tmp_path):
    code, out, err = run_command("demo")
    assert code == 0
    assert Run(tmp_path / "here" / "convscope-demo" / "run").metrics()["test"]["accuracy"] > 0.95
    assert "convscope-demo/run/report.html" in err
    assert err.strip().splitlines()[-1].startswith("Predict for images: convscope predict ")
    assert "accuracy" in out
