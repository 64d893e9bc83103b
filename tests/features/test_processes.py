"""Samples that other processes read: the same samples, in order, and errors that say what happened."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.errors import DataError, RunError
from convscope.features.processes import Read, batches_of, processes_for, read_some
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.kinds.image.representation import ImageRepresentation
from convscope.workflows.model_inputs.arrays import ArrayInputs
from convscope.workflows.model_inputs.encoded_inputs import EncodedInputs

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
CUTS = [np.arange(start, start + 7) for start in range(0, 35, 7)]


@pytest.fixture
def inputs(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"{number}.png" for number in range(35)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (9, 8), np.uint8)).save(tmp_path / name)
    return EncodedInputs((unscanned_files(str(tmp_path), names),), ImageRepresentation(9, 8, 1))


@pytest.mark.parametrize("count", [1, 2])
def test_processes_read_what_this_one_reads_in_order(inputs, count):
    expected = list(batches_of(inputs, CUTS))
    found = list(batches_of(inputs, CUTS, count))
    assert len(found) == len(expected) == len(CUTS)
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a, b)


def test_a_file_that_has_gone_is_named(inputs, tmp_path):
    (tmp_path / "20.png").unlink()
    with pytest.raises(DataError, match=r"20\.png: there is no such file"):
        list(batches_of(inputs, CUTS, 1))


@LINUX
def test_a_reader_that_stops_early_leaves_no_process(inputs):
    batches = batches_of(inputs, CUTS, 1)
    next(batches)
    batches.close()
    assert not children()


@LINUX
def test_a_killed_process_is_told(inputs):
    many = (np.arange(7) for _ in range(10_000))
    batches = batches_of(inputs, many, 1)
    next(batches)
    for child in children():
        os.kill(child, signal.SIGKILL)
    with pytest.raises(RunError, match="was terminated"):
        for _ in batches:
            pass


def sample(seconds, shape=(4,)):
    """Some samples of which each took so long to read."""
    return Read(np.zeros((64, *shape), np.uint8), 64 * seconds)


def test_processes_are_for_long_reading_of_small_samples_only():
    assert processes_for(sample(1e-3), 10_000, 1e4, 8) == 5  # a core for 1 ms each, against 8 for 0.1 ms
    assert processes_for(sample(1e-3), 10_000, 1e6, 8) == 8
    assert processes_for(sample(1e-3), 1_000, 1e6, 8) == 0  # a second in all
    assert processes_for(sample(1e-3), 10_000, 10, 8) == 0  # computing takes a hundred times as long
    assert processes_for(sample(1e-3, (400, 400)), 10_000, 1e6, 8) == 0  # threads hand nothing over
    assert processes_for(sample(1e-3), 10_000, 1e6, 1) == 0


class Slow:
    """Samples that take a while."""

    def __len__(self):
        return 10

    def take(self, indices):
        time.sleep(2e-3 * len(indices))
        return np.asarray(indices)


def test_some_samples_are_read_evenly_and_timed():
    read = read_some(Slow(), 4)
    assert read.samples.tolist() == [0, 3, 6, 9]
    assert read.seconds >= 8e-3
    assert len(read_some(Slow(), 100).samples) == 10


def test_rows_of_an_array_are_read_here():
    rows = ArrayInputs("x.npy", np.zeros((100_000, 8), np.uint8), (100_000, 8))
    assert processes_for(read_some(rows, 64), len(rows), 1e5, 2) == 0


def test_an_extraction_by_processes_has_the_same_rows(small_model, pictures, tmp_path, monkeypatch):
    def features(name):
        to = tmp_path / name
        return convscope.extract(small_model, pictures, layers="shapes", out=to, precision="float32")

    here = features("here")
    monkeypatch.setattr("convscope.features.extract.processes_for", lambda *_: 1)
    elsewhere = features("elsewhere")
    assert elsewhere.columns().paths == here.columns().paths
    np.testing.assert_allclose(elsewhere.matrix("shapes"), here.matrix("shapes"), atol=1e-5)


def children():
    """Processes of this one that read samples and are still there."""
    mine, found = str(os.getpid()), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
            command = (place / "cmdline").read_text()
        except FileNotFoundError:
            continue
        if parent == mine and "popen_loky" in command:
            found.append(int(place.name))
    return found
