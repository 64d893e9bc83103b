"""What all tests share: the backend, small pictures of three classes, and one finished run."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pickle
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIDE = 16
PER_CLASS = 40
SETTINGS = {
    "architecture": "padded_cnn",
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 5e-3,
    "precision": "float32",
}


def disc(y, x):
    return np.hypot(y - SIDE / 2 + 0.5, x - SIDE / 2 + 0.5) < 5


def horizontal(y, x):
    return y // 3 % 2 == 0


def vertical(y, x):
    return x // 3 % 2 == 0


def write_pictures(folder: Path, first_seed: int = 0) -> Path:
    """40 noisy grey pictures of 16x16 for each of three shapes, a folder per shape."""
    y, x = np.mgrid[:SIDE, :SIDE]
    for number, shape in enumerate((disc, horizontal, vertical)):
        (folder / shape.__name__).mkdir(parents=True)
        for i in range(PER_CLASS):
            rng = np.random.default_rng([first_seed, number, i])
            values = np.where(shape(y, x), 180, 60) + rng.normal(0, 20, (SIDE, SIDE))
            picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
            picture.save(folder / shape.__name__ / f"{i:02d}.png")
    return folder


def pytest_collection_modifyitems(items):
    """Leaves out, on other backends, the cases that a test marked `portable("case", ...)` does not name."""
    if os.environ["KERAS_BACKEND"] == "tensorflow":
        return
    for item in list(items):
        named = {name for mark in item.iter_markers("portable") for name in mark.args}
        if named and not any(str(value) in named for value in item.callspec.params.values()):
            items.remove(item)


@pytest.fixture(scope="session")
def backend():
    """Name of the running backend."""
    import keras

    return keras.backend.backend()


@pytest.fixture
def tensorflow_only(backend):
    """Skips on the other backends what only TensorFlow can do."""
    if backend != "tensorflow":
        pytest.skip(f"only TensorFlow has it, and this is {backend}")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory):
    """Builds what tests only read, such as a run: by the first process that asks, for all processes of `-n`.

    `built_once(name, build)` gives what `build(folder)` gave, which is kept in the folder as a pickle.
    """
    from convscope.errors import RunError
    from convscope.files import locked, written_whole

    base = tmp_path_factory.getbasetemp()
    base = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "built"

    def value_of(name, build):
        folder, kept = base / name, base / f"{name}.pickle"
        while not kept.exists():
            with ExitStack() as stack:
                try:
                    stack.enter_context(locked(kept))
                except RunError:  # another process is building it
                    time.sleep(0.1)
                    continue
                if not kept.exists():
                    shutil.rmtree(folder, ignore_errors=True)  # what a build that failed has left
                    folder.mkdir()
                    value = pickle.dumps(build(folder))
                    with written_whole(kept) as part:
                        part.write_bytes(value)
        return pickle.loads(kept.read_bytes())

    return value_of


@pytest.fixture(scope="session")
def pictures(built_once):
    """A folder per class; to be read, not changed."""
    return built_once("pictures", lambda folder: write_pictures(folder / "shapes"))


@pytest.fixture(scope="session")
def settings():
    """A training of a few seconds."""
    return dict(SETTINGS)


@pytest.fixture(scope="session")
def finished(pictures, settings, built_once):
    """A finished run; to be read, not changed."""
    import convscope

    return built_once("runs", lambda folder: convscope.train(pictures, out=folder / "finished", **settings))


@pytest.fixture
def own_pictures(tmp_path):
    """Pictures that a test may change."""
    return write_pictures(tmp_path / "shapes")


@pytest.fixture
def run_command(capsys, monkeypatch, tmp_path):
    """Runs a command in an empty folder: exit code, standard output, standard error."""
    from convscope.cli.app import main

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*arguments):
        try:
            main([str(argument) for argument in arguments])
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
