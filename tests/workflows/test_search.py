"""A search: the default is a trial like any other, others are stopped, and nothing sees the test split."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from _thread import interrupt_main
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reading_runs import losses

import convscope
from convscope.errors import DataError, RunError, UsageError
from convscope.run import Run
from convscope.workflows.search.finals import decide
from convscope.workflows.search.halving import Halving, rungs
from convscope.workflows.search.importance import measure_importance
from convscope.workflows.search.request import duration, search_requested
from convscope.workflows.search.results import TrialResult
from convscope.workflows.search.search import preview_search
from convscope.workflows.search.space import Dimension, Space, Trial, draw_trials
from convscope.workflows.search.trials import Outcome, TrialRun, read_shared, run_trial

ASKED = {"trials": 3, "finalists": 1, "seeds": 2}


@pytest.fixture(scope="module")
def fixed(settings):
    """What all trials share: the training of `finished`."""
    return settings


@pytest.fixture(scope="module")
def searched(pictures, fixed, built_once):
    """A finished search, to be read, and what it said."""

    def search(folder):
        said = []
        return convscope.search(pictures, out=folder / "s", say=said.append, **ASKED, **fixed), said

    return built_once("search", search)


def others_of(fixed):
    return {name: value for name, value in fixed.items() if name != "architecture"}


def values(found):
    return [(each.outcome.status, each.outcome.value, each.repeats) for each in found.trials]


def test_the_first_trial_is_the_training_that_train_does(searched, finished):
    found, _ = searched
    assert found.trials[0].trial == Trial(0, "padded_cnn", {})
    assert losses(Run(found.folder / "trials" / "000")) == losses(finished)


def test_the_winner_is_an_ordinary_run_that_names_its_search(searched):
    found, _ = searched
    record = found.run.record()
    assert record["status"] == "complete"
    assert record["search"]["trial"] == found.winner.trial.number
    assert Path(record["search"]["folder"]) == found.folder
    assert found.verdict in record["decisions"][-1]
    assert (
        convscope.evaluate(found.run.folder, say=lambda line: None).to_json() == found.run.metrics()["test"]
    )
    assert found.test["winner"] == found.run.metrics()["test"]["accuracy"]
    assert found.test["default"] == found.default.metrics()["test"]["accuracy"]


def test_no_trial_saw_the_test_split_but_the_winner_and_the_default(searched):
    found, _ = searched
    measured = {path.parent for path in found.folder.rglob("metrics.json")}
    assert measured == {found.run.folder, found.default.folder}
    assert {path.parent for path in found.folder.rglob("model.keras")} == measured


def test_the_table_has_what_the_trials_say(searched):
    found, said = searched
    with (found.folder / "trials.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in table] == [0, 1, 2]
    for row, each in zip(table, found.trials, strict=True):
        assert row["status"] == each.outcome.status
        assert float(row["validation accuracy"]) == each.outcome.value
        assert int(row["repeats"]) == len(each.repeats)
        history = losses(Run(found.folder / "trials" / f"{each.trial.number:03d}"))
        assert len(history) == each.outcome.epochs
    assert table[0]["augmentation"] == "1"
    assert any(line.startswith("Trial 2: padded_cnn, ") for line in said)
    assert any("stopped after" in line or "finished in" in line for line in said)
    assert json.loads((found.folder / "search.json").read_text())["result"] == json.loads(
        json.dumps(found.to_json())
    )


def test_a_finished_search_is_read_again_without_any_training(searched, tmp_path):
    found, _ = searched
    folder = shutil.copytree(found.folder, tmp_path / "s")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("history.csv")}
    again = convscope.search(resume=folder, verbose=0)
    assert values(again) == values(found)
    assert again.verdict == found.verdict
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("history.csv")}


@contextmanager
def interrupted_at(folder):
    """Ctrl-C as soon as a trial has written a checkpoint."""

    def wait():
        end = time.monotonic() + 120
        while not any(folder.glob("checkpoints/epoch-*.npz")) and time.monotonic() < end:
            time.sleep(0.002)
        interrupt_main()

    watcher = threading.Thread(target=wait)
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # turned off for what runs behind a shell
    watcher.start()
    try:
        yield
    finally:
        watcher.join()
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_leaves_what_is_there_and_the_rest_is_done_by_a_resume(
    searched, pictures, fixed, tmp_path, run_command
):
    found, _ = searched
    out = tmp_path / "s"
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in {**ASKED, **fixed}.items()]
    with interrupted_at(out / "trials" / "001"):
        code, _, told = run_command("search", pictures, "--out", out, *flags)
    assert code == 130
    assert f"To continue: convscope search --resume {out}" in told
    assert (out / "trials.csv").read_text().splitlines()[1].startswith("0,finished,")
    assert json.loads((out / "trials" / "001" / "trial.json").read_text())["status"] == "running"
    shared = read_shared(
        search_requested(pictures, others_of(fixed), architecture=fixed["architecture"]).request
    )
    rest = TrialRun(found.trials[1].trial, 0, out / "trials" / "001")
    rule = Halving(falls=False, reached={(0, 0): found.trials[0].outcome.rungs[0]})
    ended = run_trial(shared, rest, rule.goes_on)
    assert replace(ended, seconds=0) == replace(found.trials[1].outcome, seconds=0)
    assert losses(Run(rest.folder)) == losses(Run(found.folder / "trials" / "001"))


KILLED = """
import sys, convscope

def kill(line):
    if line.startswith("Trial 0"):
        import os, signal, threading, time, pathlib
        def wait():
            while not any(pathlib.Path(sys.argv[2]).glob("trials/001/checkpoints/epoch-*.npz")):
                time.sleep(0.002)
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Thread(target=wait).start()

convscope.search(sys.argv[1], out=sys.argv[2], say=kill, **eval(sys.argv[3]))
"""


@pytest.mark.slow
def test_a_search_that_was_killed_ends_as_one_that_never_was(searched, pictures, fixed, tmp_path):
    found, _ = searched
    out = tmp_path / "s"
    command = [sys.executable, "-c", KILLED, str(pictures), str(out), repr({**ASKED, **fixed})]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    first = (out / "trials" / "000" / "trial.json").read_bytes()
    again = convscope.search(resume=out, verbose=0)
    assert (out / "trials" / "000" / "trial.json").read_bytes() == first
    assert values(again) == values(found)
    assert losses(Run(out / "trials" / "001")) == losses(Run(found.folder / "trials" / "001"))


def test_the_folder_of_a_search_is_resumed_by_its_own_command(searched, pictures, run_command):
    found, _ = searched
    code, _, told = run_command("search", pictures, "--out", found.folder)
    assert code == 2
    assert f"convscope search --resume {found.folder}" in told
    code, _, told = run_command("search", "--resume", found.folder, "--trials", 9)
    assert (code, "takes no other options" in told) == (2, True)
    code, _, told = run_command("search", "--resume", found.run.folder)
    assert (code, "is not a search" in told) == (1, True)


def test_a_default_that_fails_ends_the_search(searched, tmp_path):
    found, _ = searched
    shutil.copytree(found.folder, tmp_path / "s")
    broken = TrialRun(Trial(0, "padded_cnn", {}), 0, tmp_path / "s" / "trials" / "000")
    broken.record(Outcome("failed", reason="The loss is not finite in epoch 1."))
    with pytest.raises(RunError, match=r"could not be trained.*The loss is not finite"):
        convscope.search(resume=tmp_path / "s", verbose=0)


def test_a_trial_that_fails_is_recorded_and_not_run_again(pictures, tmp_path):
    shared = read_shared(search_requested(pictures, {"epochs": 1}).request)
    run = TrialRun(Trial(1, "deep_cnn", {"depth": 5}), 0, tmp_path / "001")
    found = run_trial(shared, run, lambda *_: True)
    assert found.status == "failed"
    assert "too small for deep_cnn" in found.reason
    assert run.outcome() == found == run_trial(shared, run, lambda *_: True)


def test_a_search_whose_time_is_over_keeps_the_default(pictures, fixed, tmp_path):
    found = convscope.search(
        pictures, out=tmp_path / "s", time=0.01, trials=3, verbose=0, **{**fixed, "epochs": 1}
    )
    assert [each.outcome.status for each in found.trials] == ["finished", "running", "running"]
    assert found.keeps_default
    assert found.verdict == "The default is kept: no other trial was trained to its end."
    assert found.run.record()["status"] == "complete"


def test_what_is_fixed_is_not_tried_and_a_dry_run_leaves_nothing(pictures, tmp_path, run_command):
    code, _, told = run_command("search", pictures, "--dry-run", "--batch-size", 16, "--trials", 5)
    assert code == 0
    assert "  learning_rate: 0.0006 to 0.015 (default 0.003)" in told
    assert "batch_size: " not in told
    assert "compact_cnn is left out: Images of 16x16 are too small" in told
    assert "Trial 0: padded_cnn, defaults" in told
    assert "Trial 4: " in told
    assert list(Path().iterdir()) == []


def test_data_without_a_validation_split_of_its_own_is_refused(pictures, tmp_path):
    few = tmp_path / "few"
    for name in ("disc", "vertical"):
        (few / name).mkdir(parents=True)
        for i in range(2):
            shutil.copy(pictures / name / f"{i:02d}.png", few / name)
    with pytest.raises(DataError, match=r"the validation split .*cannot be compared"):
        convscope.search(few, out=tmp_path / "s", verbose=0)


def test_a_recipe_that_trains_nothing_is_refused(tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\n" + "".join(f"{i},{i + 1}\n" for i in range(30)))
    with pytest.raises(UsageError, match="social-network describes its data"):
        convscope.search(tmp_path, recipe="social-network")


@pytest.mark.parametrize("text", ["", "2", "2 hours", "h", "-1h", "1d"])
def test_a_duration_that_is_none_is_refused(pictures, text):
    with pytest.raises(ValueError, match="a duration such as 2h"):
        duration(text)
    with pytest.raises(UsageError, match="time must be a duration such as 2h"):
        search_requested(pictures, {"time": text})


def test_rungs_are_a_ninth_and_a_third_of_the_epochs():
    for epochs in range(1, 200):
        for place, share in zip(rungs(epochs), (1 / 9, 1 / 3), strict=False):
            assert place == max(2, int(np.ceil(epochs * share))) < epochs


def test_trials_are_stopped_as_by_the_scheduler_of_ray_tune():
    module = pytest.importorskip("ray.tune.schedulers.async_hyperband")

    class Placed:
        def __init__(self, trial_id):
            self.trial_id = str(trial_id)

    bracket = module._Bracket(min_t=1, max_t=9, reduction_factor=3, s=0)
    rule, rng = Halving(falls=False), np.random.default_rng(0)
    decisions = []
    for number in range(1, 120):
        for rung, epoch in enumerate((1, 3)):
            value = float(np.round(rng.random(), 2))
            theirs = bracket.on_result(Placed(number), epoch, value) == "CONTINUE"
            decisions.append(theirs)
            assert rule.goes_on(rung, number, value) == theirs
            if not theirs:
                break
    assert 0.2 < np.mean(decisions) < 0.6


def test_lower_values_go_on_where_they_are_better_and_the_default_always_does():
    rule = Halving(falls=True, reached={(0, number): 0.5 for number in range(1, 10)})
    assert rule.goes_on(0, 10, 0.4)
    assert not rule.goes_on(0, 11, 0.9)
    assert rule.goes_on(0, 0, 99.0)


SPACES = (
    Space("fcn", (Dimension("depth", 2, (1, 3)), Dimension("rate", 0.01, (0.001, 0.1), continuous=True)), 9),
    Space("wide", (Dimension("pooling", "max", ("average",)),), 9),
)


def test_trials_begin_with_the_defaults_and_none_is_drawn_twice():
    trials = draw_trials(SPACES, 40, seed=3)
    assert trials == draw_trials(SPACES, 40, seed=3) != draw_trials(SPACES, 40, seed=4)
    assert [(each.architecture, each.values) for each in trials[:2]] == [("fcn", {}), ("wide", {})]
    assert [each.number for each in trials] == list(range(40))
    assert len({each.to_line() for each in trials}) == 40
    rates = [each.values["rate"] for each in trials if "rate" in each.values]
    assert min(rates) >= 0.001
    assert max(rates) <= 0.1
    assert len(set(rates)) > 20
    assert len(draw_trials(SPACES[1:], 40, seed=0)) == 2


def repeated(number, *values):
    return TrialResult(Trial(number, "cnn", {"depth": number}), Outcome("finished", 0.5), values)


@pytest.mark.parametrize(
    ("default", "other", "falls", "winner"),
    [
        ((0.70, 0.72, 0.74), (0.80, 0.82, 0.84), False, 1),
        ((0.70, 0.72, 0.74), (0.71, 0.73, 0.75), False, 0),
        ((0.70, 0.72, 0.74), (0.60, 0.62, 0.64), True, 1),
        ((1.0, 1.0), (1.0, 1.0), False, 0),
        ((0.7, 0.9), (), False, 0),
    ],
)
def test_the_default_is_kept_unless_one_is_better_by_more_than_the_spread(default, other, falls, winner):
    found, verdict = decide([repeated(0, *default), repeated(1, *other)], "validation accuracy", falls)
    assert found.trial.number == winner
    assert verdict.startswith("Trial 1 (cnn, depth 1) wins: " if winner else "The default is kept: ")
    if other:
        mean, std = np.mean(other), np.std(other, ddof=1)
        assert (
            f"validation accuracy {mean:.4f} \N{PLUS-MINUS SIGN} {std:.4f} over {len(other)} seeds" in verdict
        )


def test_of_planted_settings_the_one_that_matters_is_found():
    rng = np.random.default_rng(0)
    trials = [
        {"a": int(rng.integers(4)), "b": int(rng.integers(4)), "c": "xy"[rng.integers(2)]} for _ in range(40)
    ]
    found = measure_importance(trials, [each["a"] + 0.01 * rng.normal() for each in trials], "at the end")
    assert found.settings[0].name == "a"
    assert found.settings[0].low > 0.3
    assert all(abs(each.mean) < 0.1 for each in found.settings[1:])
    assert found.explained > 0.7
    assert "the importance of a is above 0 in 95% of them" in found.finding


def test_where_nothing_matters_that_is_said():
    rng = np.random.default_rng(1)
    trials = [{"a": int(rng.integers(4)), "b": int(rng.integers(4))} for _ in range(30)]
    found = measure_importance(trials, list(rng.normal(size=30)), "at the end")
    assert found.explained < 0.1
    few = measure_importance(trials[:5], [0.1, 0.2, 0.3, 0.4, 0.5], "at the end")
    assert (few.settings, "at least 8 are needed" in few.finding) == ((), True)
    same = measure_importance(trials, [0.5] * 30, "at the end")
    assert "all trials are equal" in same.finding


def test_a_search_that_was_changed_is_refused(searched, tmp_path, pictures):
    found, _ = searched
    shutil.copytree(found.folder, tmp_path / "s")
    path = tmp_path / "s" / "search.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "fingerprint": "0"}))
    with pytest.raises(RunError, match="has changed since"):
        convscope.search(resume=tmp_path / "s", verbose=0)
    path.write_text(json.dumps({**content, "trials": "none"}))
    with pytest.raises(RunError, match="to describe a search"):
        convscope.search(resume=tmp_path / "s", verbose=0)


def test_a_preview_and_a_search_draw_the_same_trials(searched, pictures, fixed):
    found, _ = searched
    said = []
    asked = search_requested(pictures, {**ASKED, **others_of(fixed)}, architecture=fixed["architecture"])
    preview_search(asked, lambda *_: None, said.append)
    drawn = [line for line in said if line.startswith("Trial ")]
    assert drawn == [f"Trial {each.trial.number}: {each.trial.to_line()}" for each in found.trials]
