"""The same extraction on a cluster: the same rows, each once, also when a worker is lost in the middle."""

import os
import shutil
import signal
import sys
import threading
import time

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
from own_processes import own_processes

from convscope.engine import cluster
from convscope.errors import BackendError, DataError, RunError, install_command
from convscope.features.api import extract, open_features
from convscope.scope import record

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves pipes to its own processes open
]
LAYERS = ("edges", "shapes")


@pytest.fixture(scope="module")
def ray():
    """A cluster of this machine, with two processors."""
    pytest.importorskip("ray", reason="the cluster runs on the package ray, which is not installed")
    ray = cluster.ray_package()
    with cluster.connected(ray, "local"):
        yield ray


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """640 pictures as an array."""
    path = tmp_path_factory.mktemp("many") / "pictures.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (640, 16, 16, 1), np.uint8))
    return path


@pytest.fixture(scope="module")
def alone(model_file, many, tmp_path_factory):
    """The features of these pictures, extracted by one process in parts of 16."""
    to = tmp_path_factory.mktemp("alone") / "features"
    extract(model_file, many, layers=LAYERS, out=to, part_size=16)
    return to


def begun(alone, to, kept=(1,)):
    """What an extraction leaves that was interrupted after these parts, chosen engine included."""
    shutil.copytree(alone, to)
    for part in to.glob("part-*.parquet"):
        if int(part.stem.removeprefix("part-")) not in kept:
            part.unlink()
    return to


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_and_doubles_no_row_and_the_bytes_are_those_of_one_machine(
    ray, alone, model_file, many, tmp_path
):
    to = begun(alone, tmp_path / "features", kept=(0,))
    killed = []

    def kill():
        deadline = time.monotonic() + 120
        while len(list(to.glob("part-*.parquet"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.001)
        for process in own_processes("PartWriter"):  # each holds an engine
            os.kill(process, signal.SIGKILL)
            killed.append((process, len(list(to.glob("part-*.parquet")))))

    killer = threading.Thread(target=kill)
    killer.start()
    found = extract(model_file, many, layers=LAYERS, out=to, resume=True, cluster="local")
    killer.join()
    assert killed
    assert killed[0][1] < 40  # parts were missing when it was killed
    assert files(to) == files(alone)
    assert found.columns().ids.tolist() == list(range(640))


@pytest.mark.slow
def test_an_extraction_from_nothing_into_one_file(ray, small_model, pictures, as_inputs, tmp_path):
    said, steps = [], []
    found = extract(
        small_model, pictures, layers="shapes", pool="max", out=tmp_path / "all.parquet", part_size=50,
        cluster="local", say=said.append, progress=lambda done, total, what: steps.append((done, total)),
    )  # fmt: skip
    columns = found.columns()
    expected = record(small_model, as_inputs(columns.paths))["shapes"].array.max((1, 2))
    np.testing.assert_allclose(found.matrix("shapes"), expected, atol=0.02)
    assert columns.ids.tolist() == list(range(120))
    assert len(set(columns.paths)) == 120
    assert set(columns.labels) == {"disc", "horizontal", "vertical"}
    assert [path.name for path in tmp_path.iterdir()] == ["all.parquet"]
    assert pq.ParquetFile(tmp_path / "all.parquet").num_row_groups == 3
    assert steps[-1] == (120, 120)
    assert any(line.startswith("Ray ") and "engines: 1" in line for line in said)


@pytest.mark.slow
def test_whole_maps_are_written_by_a_cluster(ray, small_model, many, tmp_path):
    zarr = pytest.importorskip("zarr", reason="whole maps are written with the package zarr")
    both = [tmp_path / "alone.zarr", tmp_path / "cluster.zarr"]
    extract(small_model, many, layers="shapes", pool="none", out=both[0], part_size=128, precision="float32")
    extract(
        small_model, many, layers="shapes", pool="none", out=both[1], part_size=128, precision="float32",
        cluster="local",
    )  # fmt: skip
    one, other = (np.asarray(zarr.open_group(path, mode="r")["shapes"]) for path in both)
    assert one.shape == (640, 6, 6, 6)
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert open_features(both[1]).columns().paths == open_features(both[0]).columns().paths


@pytest.mark.slow
def test_a_file_that_goes_while_it_is_extracted_is_named(ray, model_file, own_pictures, tmp_path):
    gone = own_pictures / "disc" / "07.png"

    def remove(done, total, what):
        if what == "extracting":
            gone.unlink(missing_ok=True)

    with pytest.raises(DataError, match=r"07\.png"):
        extract(
            model_file, own_pictures, layers="shapes", out=tmp_path / "features", part_size=40,
            cluster="local", progress=remove,
        )  # fmt: skip


@pytest.mark.slow
def test_workers_refuse_a_model_that_has_changed(ray, alone, small_model, model_file, many, tmp_path):
    to = begun(alone, tmp_path / "features")
    changing = shutil.copy(model_file, tmp_path / "small.keras")
    other = keras.models.clone_model(small_model)

    def change(done, total, what):
        if what == "extracting":
            other.save(changing)

    with pytest.raises(RunError, match="has changed since the extraction was started"):
        extract(changing, many, layers=LAYERS, out=to, resume=True, cluster="local", progress=change)
    assert "part-00001.parquet" in files(to)


def test_without_ray_the_error_says_how_to_install_it(model_file, many, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendError) as caught:
        extract(model_file, many, layers="shapes", out=tmp_path / "features", cluster="local")
    assert caught.value.hint == f"Install it: {install_command('cluster')}"
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_an_address_where_nothing_answers_is_told_before_anything_is_read(tmp_path, address):
    pytest.importorskip("ray", reason="the cluster runs on the package ray, which is not installed")
    with pytest.raises(RunError, match=f"No Ray cluster answers at '{address}'") as caught:
        extract("no_model", "no_data", out=tmp_path / "features", cluster=address)
    assert "--cluster local" in caught.value.hint
