"""The same search on a cluster: the same values, trials that fall behind are stopped, lost ones go on."""

import json
import os
import signal
import threading
import time

import numpy as np
import pytest
from own_processes import own_processes
from reading_runs import losses

import convscope
from convscope.engine import cluster
from convscope.errors import RunError
from convscope.run import Run
from convscope.workflows.search.cluster import run_on_cluster
from convscope.workflows.search.request import search_requested
from convscope.workflows.search.space import Trial
from convscope.workflows.search.trials import TrialRun, read_shared, run_trial

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Ray and of what it imports
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves pipes to its own processes open
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def ray():
    """A cluster of this machine, with two processors."""
    pytest.importorskip("ray.tune", reason="the cluster runs on ray.tune, which is not installed")
    ray = cluster.ray_package()
    with cluster.connected(ray, "local"):
        yield ray


@pytest.fixture(scope="module")
def shared(pictures, settings):
    values = {name: value for name, value in settings.items() if name != "architecture"}
    return read_shared(search_requested(pictures, values, architecture=settings["architecture"]).request)


TRIALS = (
    Trial(0, "padded_cnn", {}),
    Trial(1, "padded_cnn", {"depth": 1}),
    Trial(2, "padded_cnn", {"weight_decay": 0.01}),
)


def runs(folder, compared=True):
    return [TrialRun(each, 0, folder / f"{each.number:03d}", compared) for each in TRIALS]


def run(shared, jobs, folder, judge=lambda *_: True, deadline=None):
    told = []
    run_on_cluster(
        shared, jobs, judge, lambda job, outcome: told.append((job, outcome)), deadline, "local", folder
    )
    return told


def test_trials_have_the_histories_that_they_have_in_one_process(ray, shared, tmp_path):
    told = run(shared, runs(tmp_path / "there"), tmp_path)
    assert sorted(job.trial.number for job, _ in told) == [0, 1, 2]
    assert not (tmp_path / "ray").exists()
    for there, here in zip(runs(tmp_path / "there"), runs(tmp_path / "here"), strict=True):
        found = run_trial(shared, here, lambda *_: True)
        assert there.outcome().status == "finished"
        assert there.outcome().rungs == pytest.approx(found.rungs, abs=0.1)
        np.testing.assert_allclose(losses_of(there), losses_of(here), rtol=0.02)


def losses_of(job):
    return np.array([float(row["loss"]) for row in losses(Run(job.folder))])


def test_a_trial_that_falls_behind_is_stopped_at_its_rung(ray, shared, tmp_path):
    told = run(shared, runs(tmp_path), tmp_path, judge=lambda rung, number, value: number != 1)
    outcomes = {job.trial.number: outcome for job, outcome in told}
    assert {number: each.status for number, each in outcomes.items()} == {
        0: "finished",
        1: "stopped",
        2: "finished",
    }
    assert (outcomes[1].epochs, outcomes[1].planned, len(outcomes[1].rungs)) == (2, 4, 1)
    stopped = runs(tmp_path)[1]
    assert stopped.outcome().status == "stopped"
    assert not (stopped.folder / "model.keras").exists()


def test_a_trial_whose_process_is_killed_goes_on_from_its_checkpoint(ray, shared, tmp_path):
    jobs, killed = runs(tmp_path)[:1], []

    def kill():
        end = time.monotonic() + 200
        while not any(jobs[0].folder.glob("checkpoints/epoch-*.npz")) and time.monotonic() < end:
            time.sleep(0.002)
        for process in own_processes("ImplicitFunc"):
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    killer = threading.Thread(target=kill)
    killer.start()
    (_, outcome), *_ = run(shared, jobs, tmp_path)
    killer.join()
    assert killed
    assert outcome.status == "finished"
    assert [row["epoch"] for row in losses(Run(jobs[0].folder))] == ["1", "2", "3", "4"]


def test_a_whole_search_on_a_cluster(ray, pictures, settings, tmp_path):
    found = convscope.search(
        pictures, out=tmp_path / "s", cluster="local", trials=3, finalists=1, seeds=2, verbose=0, **settings
    )
    assert found.trials[0].outcome.status == "finished"
    assert len(found.trials[0].repeats) == 2
    assert found.run.record()["status"] == "complete"
    assert json.loads((tmp_path / "s" / "search.json").read_text())["search"]["cluster"] == "local"


def test_an_address_where_nothing_answers_is_an_error_before_anything_is_read(pictures, tmp_path):
    with pytest.raises(RunError, match=r"No Ray cluster answers at '127.0.0.1:9'"):
        convscope.search(pictures, out=tmp_path / "s", cluster="127.0.0.1:9", verbose=0)
    assert not (tmp_path / "s").exists()
