"""Several processes of a Ray cluster train one model: the result is that of one, also where one is killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest
from own_processes import own_processes
from reading_runs import files_of, losses, rows, weights
from small_series import write_hours, write_waves
from small_texts import write_judged

import convscope
from convscope.engine import cluster
from convscope.engine.training.shares import WorkerRank, check_batch_size, check_samples_first
from convscope.errors import BackendError, UsageError
from convscope.kinds.registry import find_recipe, find_spec
from convscope.run import Run
from convscope.types import no_progress, silent
from convscope.workflows.cluster.request import Cluster, check_on_cluster, cluster_asked
from convscope.workflows.cluster.team import carry_out_on, processors_each
from convscope.workflows.start import Watching, requested
from convscope.workflows.train import check_shareable
from convscope.workflows.training_plan import plan

CLOSE = {"rtol": 2e-3, "atol": 2e-4}
"""Float32 sums of two halves; Adam makes steps of one size out of gradients of any."""
LONGEST = 1500
"""Seconds until a process is given up."""
FAST = {"XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"}
"""Programs that run once are compiled in less time."""
SETTINGS = {
    "architecture": "deep_cnn",
    "depth": 1,
    "epochs": 4,
    "batch_size": 8,
    "learning_rate": 2e-3,
    "class_weights": True,
    "averaging": 0.5,
    "mixing": 0.2,
    "patience": 3,
    "keep_epochs": 2,
}


def train_batch(count=12):
    rng = np.random.default_rng(0)
    inputs = {"image": rng.random((count, 3, 3, 1)), "length": np.arange(count)}
    return inputs, rng.random((count, 2)), np.arange(count, dtype=np.float32)


def test_the_shares_of_all_workers_are_the_batch():
    shares = [next(WorkerRank(number, 4).shares([train_batch()], 12)) for number in range(4)]
    assert {len(values) for share in shares for values in keras.tree.flatten(share)} == {3}
    for place, whole in enumerate(keras.tree.flatten(train_batch())):
        parts = [keras.tree.flatten(share)[place] for share in shares]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_first_worker_alone_writes():
    assert [WorkerRank(number, 3).writes for number in range(3)] == [True, False, False]
    assert WorkerRank().writes


def test_a_number_of_samples_that_is_not_divisible_is_refused_with_one_that_is():
    check_batch_size(64, 2)
    with pytest.raises(UsageError, match=r"64 samples.*3 workers.*--batch-size 63"):
        check_batch_size(64, 3)


@pytest.mark.parametrize("batch", [({"nodes": np.ones((1, 34, 2))}, np.ones((1, 34))), (np.ones((34, 2)),)])
def test_a_step_that_takes_a_whole_graph_is_refused(batch):
    with pytest.raises(UsageError, match="the whole of one thing, such as a graph"):
        check_samples_first(batch, 8)


@pytest.mark.parametrize(
    ("machines", "workers", "each"),
    [([2], 2, 1), ([8], 3, 2), ([8, 4], 2, 4), ([8, 4], 3, 4), ([8, 2], 3, 2), ([1, 1, 64], 3, 21)],
)
def test_workers_get_as_many_processors_as_their_machines_have(machines, workers, each):
    assert processors_each(machines, workers) == each


def test_memory_for_a_step_is_divided_among_machines_and_not_among_workers_of_one():
    assert Cluster("local", 4).machines == 1
    assert Cluster("10.0.0.1:6379", 4).machines == 4
    assert Cluster("10.0.0.1:6379").machines == 1


def test_two_workers_are_the_default_of_this_machine_alone():
    assert cluster_asked(None, None) is None
    assert cluster_asked("local", None) == Cluster("local", 2)
    assert cluster_asked("10.0.0.1:6379", None) == Cluster("10.0.0.1:6379", None)
    assert cluster_asked("10.0.0.1:6379", 4).flags == "--cluster 10.0.0.1:6379 --workers 4"


def test_what_cannot_be_trained_on_a_cluster_is_refused(pictures, tmp_path):
    with pytest.raises(UsageError, match="--workers 2 needs a cluster"):
        convscope.train(pictures, out=tmp_path / "run", workers=2, verbose=0)
    with pytest.raises(UsageError, match="at least 1"):
        convscope.train(pictures, out=tmp_path / "run", cluster="local", workers=0, verbose=0)
    with pytest.raises(UsageError, match="cross-validation does not run on a cluster"):
        convscope.train(pictures, out=tmp_path / "run", cluster="local", folds=3, verbose=0)
    with pytest.raises(UsageError, match=r"does not support callbacks\. Received: 1"):
        check_on_cluster(Cluster("local"), callbacks=[keras.callbacks.Callback()])
    with pytest.raises(UsageError, match="social-network describes its data"):
        check_on_cluster(Cluster("local"), find_spec("social-network"))
    assert not (tmp_path / "run").exists()


def test_another_backend_than_jax_is_an_error_that_names_the_variable(backend, pictures, tmp_path):
    if backend == "jax":
        pytest.skip("this is JAX")
    with pytest.raises(BackendError, match=f"Received: {backend}. Set KERAS_BACKEND=jax"):
        convscope.train(pictures, out=tmp_path / "run", cluster="local", verbose=0)
    assert not (tmp_path / "run").exists()


def planned(data, recipe, **settings):
    asked = requested(data, settings, recipe=recipe, architecture=settings.pop("architecture", None))
    return plan(
        find_recipe(recipe), data, asked.architecture, asked.options, asked.settings, progress=no_progress
    )


@pytest.mark.parametrize(
    ("recipe", "write"),
    [
        ("text-classification", write_judged),
        ("series-forecasting", write_hours),
    ],
)
def test_steps_of_samples_can_be_shared(recipe, write, tmp_path):
    check_shareable(planned(write(tmp_path / "made"), recipe))


def test_steps_of_a_whole_graph_and_models_that_are_solved_are_refused(tmp_path):
    graph = tmp_path / "club"
    graph.mkdir()
    (graph / "edges.csv").write_text("source,target\n" + "".join(f"{i},{(i + 1) % 30}\n" for i in range(30)))
    (graph / "nodes.csv").write_text("id,label,size\n" + "".join(f"{i},{i % 2},{i}\n" for i in range(30)))
    with pytest.raises(UsageError, match="the whole of one thing, such as a graph"):
        check_shareable(planned(graph, "node-classification"))
    run, watching = Run(tmp_path / "run"), Watching((), no_progress, silent)
    solved = planned(write_waves(tmp_path / "waves"), "series-classification", architecture="minirocket")
    with pytest.raises(UsageError, match=r"minirocket .* without steps that workers could share"):
        carry_out_on(Cluster("local", 2), solved, run, watching)
    assert not run.folder.exists()


def command(*words, **more):
    """A command in a process of its own, without a backend that is asked for."""
    variables = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | FAST
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more}
    child = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    child += "from convscope.cli.app import main; main()"
    return subprocess.Popen([sys.executable, "-c", child, *map(str, words)], env=variables, **more)


def flags(settings):
    found = []
    for name, value in settings.items():
        found += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return found


def finished_by(*words):
    """What a command printed, which has to succeed."""
    with command(*words) as child:
        out, err = child.communicate(timeout=LONGEST)
    assert child.returncode == 0, err
    return out + err


def failed(*words):
    with command(*words) as child:
        _, err = child.communicate(timeout=LONGEST)
    return child.returncode, err


@pytest.fixture(scope="module")
def address():
    """Of a cluster of this machine, with two processors."""
    pytest.importorskip("ray", reason="the cluster runs on ray, which is not installed")
    pytest.importorskip("jax", reason="workers train on jax, which is not installed")
    ray = cluster.ray_package()
    with cluster.connected(ray, "local"):
        yield ray.get_runtime_context().gcs_address


@pytest.fixture(scope="module")
def some_pictures(pictures, tmp_path_factory):
    """So many that the last batch of the validation split has an odd number of them."""
    folder = shutil.copytree(pictures, tmp_path_factory.mktemp("data") / "shapes")
    for number in range(10):
        (folder / "disc" / f"{number:02d}.png").unlink()
    return folder


@pytest.fixture(scope="module")
def alone(some_pictures, tmp_path_factory):
    """The run of one process, on JAX."""
    out = tmp_path_factory.mktemp("runs") / "alone"
    variables = {**os.environ, "KERAS_BACKEND": "jax", **FAST}
    words = [sys.executable, "-m", "convscope", "train", some_pictures, "--out", out, *flags(SETTINGS)]
    subprocess.run(list(map(str, words)), env=variables, check=True, capture_output=True, timeout=LONGEST)
    return Run(out)


def assert_same_but_for_rounding(one, two):
    assert [row["epoch"] for row in rows(one)] == [row["epoch"] for row in rows(two)]
    for left, right in zip(losses(one), losses(two), strict=True):
        assert list(left) == list(right)
        np.testing.assert_allclose([*map(float, left.values())], [*map(float, right.values())], **CLOSE)
    for left, right in zip(weights(one), weights(two), strict=True):
        np.testing.assert_allclose(left, right, **CLOSE)
    assert one.metrics()["best_epoch"]["epoch"] == two.metrics()["best_epoch"]["epoch"]
    assert one.metrics()["test"]["confusion"] == two.metrics()["test"]["confusion"]


pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Ray and of what it imports
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves pipes to its own processes open
]


@pytest.mark.slow
@pytest.mark.timeout(2 * LONGEST)
def test_two_workers_train_as_one_does_with_whole_batches(address, some_pictures, alone, tmp_path):
    out = tmp_path / "run"
    said = finished_by(
        "train", some_pictures, "--out", out, *flags(SETTINGS), "--cluster", address, "--workers", "2"
    )
    assert "Workers: 2, each with 1 processor and 4 samples of every step" in said
    assert "epoch 4 of 4" in said
    assert len(Run(out).record()["data"]["counts"]["validation"]) == 3
    assert sum(Run(out).record()["data"]["counts"]["validation"].values()) % 2
    assert_same_but_for_rounding(Run(out), alone)
    assert files_of(Run(out)) == files_of(alone)
    assert Run(out).record()["kept_epochs"] == alone.record()["kept_epochs"]
    assert Run(out).record()["workers"] == 2
    assert "workers" not in alone.record()
    host = address.rpartition(":")[0]
    assert host not in json.dumps(Run(out).record())


@pytest.mark.slow
@pytest.mark.timeout(2 * LONGEST)
def test_a_worker_that_is_killed_is_replaced_and_the_run_ends_as_any(address, some_pictures, alone, tmp_path):
    out, killed = tmp_path / "run", []

    def kill():
        end = time.monotonic() + LONGEST
        while not any(out.glob("checkpoints/epoch-*.npz")) and time.monotonic() < end:
            time.sleep(0.01)
        for process in own_processes("ray::TrainingWorker")[-1:]:
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    said = finished_by(
        "train", some_pictures, "--out", out, *flags(SETTINGS), "--cluster", address, "--workers", "2"
    )
    killer.join()
    assert len(killed) == 1
    assert re.search(r"Lost worker [01].*all workers begin again after epoch [123]", said)
    assert_same_but_for_rounding(Run(out), alone)
    assert files_of(Run(out)) == files_of(alone)
    assert not [each for each in out.rglob(".*") if each.is_file()]


@pytest.mark.slow
@pytest.mark.timeout(2 * LONGEST)
def test_ctrl_c_ends_all_workers_and_one_process_goes_on_with_the_run(some_pictures, alone, tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "run"
    with command("train", some_pictures, "--out", out, *flags(SETTINGS), "--cluster", "local") as child:
        end = time.monotonic() + LONGEST
        while (
            not any(out.glob("checkpoints/epoch-*.npz")) and child.poll() is None and time.monotonic() < end
        ):
            time.sleep(0.01)
        assert len(own_processes("ray::TrainingWorker")) == 2
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert f"convscope train --resume {out} --cluster local --workers 2" in err
    assert "Traceback" not in err
    assert not own_processes("ray::TrainingWorker")
    assert Run(out).record()["status"] == "training"
    variables = {**os.environ, "KERAS_BACKEND": "jax", **FAST}
    words = [sys.executable, "-m", "convscope", "train", "--resume", str(out)]
    subprocess.run(words, env=variables, check=True, capture_output=True, timeout=LONGEST)
    assert_same_but_for_rounding(Run(out), alone)


@pytest.mark.slow
@pytest.mark.timeout(2 * LONGEST)
def test_more_workers_than_processors_and_shares_that_are_uneven_are_errors(address, some_pictures, tmp_path):
    words = ("train", some_pictures, "--out", tmp_path / "run", "--cluster")
    code, err = failed(*words, address, "--workers", "4", "--batch-size", "16")
    assert code == 2
    assert "has 2 CPUs, fewer than the 4 workers" in err
    code, err = failed(*words, address, "--workers", "2", "--batch-size", "15")
    assert code == 2
    assert "15 samples" in err
    assert "--batch-size 14" in err
    code, err = failed(*words, "127.0.0.1:9")
    assert code == 1
    assert "No Ray cluster answers at '127.0.0.1:9'" in err
    assert not (tmp_path / "run").exists()
