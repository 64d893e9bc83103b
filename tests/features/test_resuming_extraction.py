"""An extraction that was ended anywhere goes on to the same bytes, or says why it cannot."""

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import convscope
from convscope.engine.inference.feature_report import EngineReport
from convscope.errors import DataError, RunError, UsageError
from convscope.features.extract import Job
from convscope.features.model_and_data import ModelReference, bring_together
from convscope.features.parquet import ParquetStore
from convscope.features.parts import extract_part
from convscope.features.store import Part, Place, place_of
from convscope.features.table import open_features
from convscope.files import written_whole

KILLED = """
import os, signal, sys, time
import convscope

def progress(done, total, what):
    if what == "extracting" and done >= 96:
        time.sleep(1)  # the part before this one is being written
        os.kill(os.getpid(), signal.SIGKILL)

model, data, out, pool = sys.argv[1:5]
convscope.extract(model, data, out=out, pool=pool, part_size=32, progress=progress)
"""


INTERRUPTED = """
import os, signal, sys
import convscope

def progress(done, total, what):
    if what == "extracting" and done >= 64:
        os.kill(os.getpid(), signal.SIGINT)

try:
    convscope.extract(sys.argv[1], sys.argv[2], out=sys.argv[3], part_size=32, progress=progress)
except KeyboardInterrupt:
    print("interrupted")
"""


def ends_after(count):
    """Ctrl-C once so many samples are done."""

    def progress(done, total, what):
        if what == "extracting" and done >= count:
            raise KeyboardInterrupt

    return progress


def contents(path):
    """Every file below a path with its bytes."""
    if path.is_file():
        return path.read_bytes()
    return {
        str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()
    }


def fresh_copy(place, to):
    """An extraction with the same manifest, as if it had been ended after its first part."""
    copy = replace(place, target=to)
    shutil.copytree(
        place.parts if place.kind == "file" else place.target, copy.parts if place.kind == "file" else to
    )
    for part in sorted(copy.parts.glob("part-*.parquet"))[1:]:
        part.unlink()
    if place.kind == "zarr":
        for shard in (to / "shapes" / "c").iterdir():
            if shard.name != "0":
                shutil.rmtree(shard)
    return copy


@pytest.mark.parametrize("name", ["out.parquet", "out", "out.zarr"])
def test_what_was_killed_goes_on_to_the_same_bytes(model_file, pictures, tmp_path, name):
    pool = "none" if name.endswith("zarr") else "mean"
    to = tmp_path / name
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, model_file, pictures, to, pool],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    place = place_of(to, pool)
    parts = len(list(place.parts.glob("part-*.parquet")))
    assert 1 <= parts < 4
    other = fresh_copy(place, tmp_path / f"other-{name}")
    (place.parts / ".part-1-part-00003.parquet").write_bytes(b"half a part")
    with pytest.raises(RunError if place.kind != "file" else UsageError):
        open_features(to)
    said = []
    for each in (place, other):
        convscope.extract(
            model_file, pictures, out=each.target, pool=pool, part_size=32, resume=True, say=said.append
        )
    assert f"Resuming: {parts} of 4 parts are complete." in said
    assert contents(to) == contents(other.target)
    assert len(open_features(to)) == 120
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"other-{name}"])
    assert not list(to.rglob(".*")) and not list(to.rglob("_features.json"))


def test_ctrl_c_ends_the_process_in_order(model_file, pictures, tmp_path):
    """OpenVINO can leave the main thread without a stack for signals, on which Ctrl-C then fails."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERRUPTED, model_file, pictures, tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "interrupted"), done.stderr


def test_going_on_computes_only_what_is_missing_and_ends_with_the_same_rows(model_file, pictures, tmp_path):
    options = {"part_size": 32, "precision": "float32"}
    with pytest.raises(KeyboardInterrupt):
        convscope.extract(model_file, pictures, out=tmp_path / "out", progress=ends_after(64), **options)
    first = tmp_path / "out" / "part-00000.parquet"
    written = first.stat().st_mtime_ns
    resumed = convscope.extract(model_file, pictures, out=tmp_path / "out", resume=True, precision="float32")
    assert first.stat().st_mtime_ns == written
    whole = convscope.extract(model_file, pictures, out=tmp_path / "whole", **options)
    assert resumed.columns().paths == whole.columns().paths
    np.testing.assert_allclose(resumed.matrix(), whole.matrix(), rtol=1e-5, atol=1e-6)


def test_a_part_that_was_lost_or_damaged_is_made_again(model_file, pictures, tmp_path):
    options = {"out": tmp_path / "out", "part_size": 32}
    before = convscope.extract(model_file, pictures, **options).matrix()
    (tmp_path / "out" / "part-00001.parquet").unlink()
    with pytest.raises(DataError, match=r"part-00001\.parquet is missing"):
        open_features(tmp_path / "out")
    (tmp_path / "out" / "part-00002.parquet").write_bytes(b"PAR1")
    after = convscope.extract(model_file, pictures, resume=True, **options).matrix()
    np.testing.assert_array_equal(before, after)


def test_what_is_complete_is_left_alone(model_file, pictures, tmp_path):
    convscope.extract(model_file, pictures, out=tmp_path / "out.parquet")
    before = (tmp_path / "out.parquet").stat().st_mtime_ns
    said = []
    convscope.extract(model_file, pictures, out=tmp_path / "out.parquet", resume=True, say=said.append)
    assert said[-1] == f"{tmp_path / 'out.parquet'} is complete already."
    assert (tmp_path / "out.parquet").stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="exists"):
        convscope.extract(model_file, pictures, out=tmp_path / "out.parquet")


def other_model():
    layers = keras.layers
    names = ("edges", "shapes")
    return keras.Sequential([keras.Input((16, 16, 1)), *(layers.Conv2D(4, 3, name=name) for name in names)])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pool": "max"}, r"pool \(mean, now max\)"),
        ({"dtype": "float16"}, r"dtype \(float32, now float16\)"),
        ({"precision": "float32"}, r"precision \(auto, now float32\)"),
        ({"layers": "edges"}, r"layers \(shapes, now edges\)"),
        ({"predictions": False}, r"predictions \(True, now False\)"),
        ({"splits": "test"}, r"splits \(None, now test\)"),
        ({"part_size": 64}, r"part size \(32, now 64\)"),
        ({"preprocess": "-1..1"}, "the representation of samples"),
        ({"model": other_model}, "the model's weights or layers"),
        ({"path": "disc"}, "the data's contents"),
    ],
)
def test_another_model_setting_or_data_is_refused(begun, model_file, pictures, changed, said):
    options = dict(changed)
    model = options.pop("model", lambda: model_file)()
    path = pictures / options.pop("path", "")
    before = contents(begun)
    with pytest.raises(RunError, match=said):
        convscope.extract(model, path, out=begun, resume=True, **options)
    assert contents(begun) == before


@pytest.fixture(scope="module")
def begun(model_file, pictures, tmp_path_factory):
    """An extraction that was ended after its first parts."""
    to = tmp_path_factory.mktemp("begun") / "out"
    with pytest.raises(KeyboardInterrupt):
        convscope.extract(model_file, pictures, out=to, part_size=32, progress=ends_after(96))
    return to


def test_what_was_begun_is_not_started_again_by_accident(begun, model_file, pictures):
    with pytest.raises(UsageError, match="not finished"):
        convscope.extract(model_file, pictures, out=begun)


def test_what_stands_in_the_way_is_not_touched(model_file, pictures, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all my work")
    (tmp_path / "mine.parquet").write_text("all my rows")
    for name in ("mine", "mine.parquet"):
        for resume in (False, True):
            with pytest.raises(UsageError, match="holds no features"):
                convscope.extract(model_file, pictures, out=tmp_path / name, resume=resume)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all my work"
    assert (tmp_path / "mine.parquet").read_text() == "all my rows"


@contextmanager
def small_disk(folder, kib):
    """A disk of so many KiB at a folder, which may then be made larger."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a disk of its own cannot be mounted here: {done.stderr.strip()}")
    try:
        yield lambda more: subprocess.run(
            ["mount", "-o", f"remount,size={more}k", folder], capture_output=True, check=True
        )
    finally:
        subprocess.run(["umount", "-l", folder], capture_output=True, check=True)


@pytest.mark.skipif(not Path("/bin/mount").exists(), reason="there is no mount command")
@pytest.mark.parametrize("name", ["out.parquet", "out", "out.zarr"])
def test_a_full_disk_leaves_whole_parts_and_the_extraction_goes_on_later(
    model_file, pictures, tmp_path, name
):
    pool = "none" if name.endswith("zarr") else "flatten"
    with small_disk(tmp_path / "disk", 96) as enlarge:
        to = tmp_path / "disk" / name
        options = {"pool": pool, "part_size": 24, "precision": "float32"}
        with pytest.raises(RunError, match=r"disk of .* is full") as caught:
            convscope.extract(model_file, pictures, out=to, **options)
        assert "--resume" in caught.value.hint
        place = place_of(to, pool)
        assert not to.is_file()
        assert 1 <= len(list(place.parts.glob("part-*.parquet"))) < 5
        enlarge(4096)
        features = convscope.extract(model_file, pictures, out=to, resume=True, **options)
        assert len(features) == len(set(features.columns().paths)) == 120
        whole = convscope.extract(model_file, pictures, out=tmp_path / name, **options)
        np.testing.assert_allclose(features.matrix(), whole.matrix(), rtol=1e-5, atol=1e-6)
        assert list((tmp_path / "disk").iterdir()) == [to]


class FullDisk(ParquetStore):
    """A disk that is full when half a part is written."""

    def _write(self, block):
        with written_whole(self.place.parts / "part-00001.parquet") as part:
            part.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part))


def test_a_write_that_fails_leaves_nothing_of_its_part(begun, tmp_path, model_file, pictures):
    pair = bring_together(ModelReference(str(model_file)), [str(pictures)], recipe="image-classification")
    manifest = place_of(begun, "mean").found()[0]
    store = FullDisk(Place(tmp_path / "out", "folder"), manifest)
    store.begin()
    engine = Job(pair.reference, pair.dataset, store).engine()
    with pytest.raises(RunError, match="is full"):
        extract_part(engine, pair.dataset, store.parts()[1], store)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["_features.json"]


def test_a_job_that_was_pickled_computes_the_same_parts(begun, model_file, pictures, tmp_path):
    """As a worker of a cluster does: the same bytes as the first process wrote."""
    manifest = place_of(begun, "mean").found()[0]
    pair = bring_together(ModelReference(str(model_file)), [str(pictures)], recipe="image-classification")
    store = ParquetStore(Place(tmp_path / "out", "folder"), manifest)
    store.begin()
    pair.dataset.take(np.arange(3))  # decoders have threads by now
    job = pickle.loads(pickle.dumps(Job(pair.reference, pair.dataset, store)))
    extract_part(job.engine(), job.dataset, Part(0, 0, 32), job.store)
    assert (tmp_path / "out" / "part-00000.parquet").read_bytes() == (
        begun / "part-00000.parquet"
    ).read_bytes()
    assert [part.number for part in store.missing()] == [1, 2, 3]
    assert isinstance(EngineReport.from_json(manifest.engine), EngineReport)


def test_a_worker_refuses_a_model_that_has_changed(begun, pictures, tmp_path):
    manifest = place_of(begun, "mean").found()[0]
    pair = bring_together(ModelReference(other_model()), [str(pictures)], recipe="image-classification")
    store = ParquetStore(Place(tmp_path / "out", "folder"), manifest)
    with pytest.raises(RunError, match="has changed"):
        Job(pair.reference, pair.dataset, store).engine()
