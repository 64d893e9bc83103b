"""A kind of another package: installed beside convscope, it is found and does all that built-in kinds do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convscope
from convscope.errors import UsageError
from convscope.kinds.registry import kinds

TOY = Path(__file__).parents[1] / "toy_kind"
WAVES = {"five": 5, "three": 3, "two": 2}
PER_CLASS = 24


def install(folder):
    """Makes the package visible as pip would: its code, its name and its entry points on the search path."""
    entry_points = (TOY / "pyproject.toml").read_text("utf-8").partition('entry-points."convscope.kinds"]')[2]
    about = folder / "convscope_toy-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: convscope-toy\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(f"[convscope.kinds]{entry_points}".replace('"', ""))
    return [str(TOY), str(folder)]


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory):
    """The search path with the package on it."""
    with pytest.MonkeyPatch.context() as patch:
        added = install(tmp_path_factory.mktemp("site"))
        for place in added:
            patch.syspath_prepend(place)
        kinds.cache_clear()
        yield added
    kinds.cache_clear()


def ring(waves, seed):
    """Waves around a circle, begun anywhere, of 48 to 80 values; a line of text."""
    rng = np.random.default_rng([waves, seed])
    angle = np.linspace(0, 2 * np.pi, rng.integers(48, 80), endpoint=False) + rng.uniform(0, 2 * np.pi)
    return " ".join(f"{value:.4f}" for value in np.sin(waves * angle) + rng.normal(0, 0.1, len(angle)))


def write_rings(folder):
    for name, waves in WAVES.items():
        (folder / name).mkdir(parents=True)
        for i in range(PER_CLASS):
            (folder / name / f"{i:02d}.ring").write_text(ring(waves, i) + "\n")
    return folder


@pytest.fixture(scope="module")
def rings(tmp_path_factory):
    """A folder per class."""
    return write_rings(tmp_path_factory.mktemp("rings") / "data")


@pytest.fixture(scope="module")
def said():
    """What is said while the run is trained."""
    return []


@pytest.fixture(scope="module")
def turned(rings, said, tmp_path_factory):
    """A finished run; to be read, not changed."""
    return convscope.train(rings, out=tmp_path_factory.mktemp("run") / "run", say=said.append)


def test_it_is_recognized_trained_and_evaluated(turned, rings, said):
    assert "recipe: ring-classification, because 00.ring is a ring" in said
    assert turned.record()["architecture"] == "ring_cnn"
    assert turned.metrics()["test"]["accuracy"] > 0.9
    assert convscope.evaluate(turned.folder).to_json() == turned.metrics()["test"]


def test_its_options_are_checked_and_used(rings, tmp_path):
    with pytest.raises(UsageError, match="positions"):
        convscope.train(rings, out=tmp_path / "run", options={"positions": 3})
    run = convscope.train(rings, out=tmp_path / "run", epochs=1, options={"positions": 32, "width": 4})
    assert run.representation()["positions"] == 32


def test_a_ring_is_predicted_however_it_is_turned(turned, tmp_path):
    values = ring(3, 1000).split()
    for turn in (0, 7, 20):
        (tmp_path / f"{turn}.ring").write_text(" ".join(values[turn:] + values[:turn]))
    found = convscope.predict(turned.folder, [str(tmp_path)]).rows
    assert [row.label for row in found] == ["three"] * 3
    shares = [row.probabilities["three"] for row in found]
    assert max(shares) - min(shares) < 0.05


def test_a_file_that_is_no_ring_is_named(turned, rings, tmp_path):
    (tmp_path / "good.ring").write_text(ring(2, 1000))
    (tmp_path / "bad.ring").write_text("1 2 x")
    answers = convscope.predict(turned.folder, [str(tmp_path)])
    assert [Path(row.name).name for row in answers.rows] == ["good.ring"]
    assert "bad.ring:1: expected numbers" in answers.skipped[0].reason


def test_it_is_explained(turned, rings):
    explained = convscope.explain(turned.folder, data=[str(rings / "two" / "00.ring")])
    assert {"block1_padding", "block1_conv", "block2_conv"} <= {layer.path for layer in explained.layers}
    assert all(layer.here for layer in explained.layers)


@pytest.mark.parametrize(
    "method", ["maps", "kernels", "position", "why", "occlusion", "statistics", "patches"]
)
def test_every_way_to_look_gives_figures_and_arrays(turned, rings, tmp_path, method):
    given = None if method == "kernels" else [str(rings / name / "00.ring") for name in WAVES]
    seen = convscope.look(turned.folder, given, method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    assert all(path.stat().st_size > 0 for path in tmp_path.glob("seen*.png"))
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_its_features_are_extracted(turned, rings, tmp_path):
    features = convscope.extract(turned.folder, rings, layers="block2_conv", out=tmp_path / "rings.parquet")
    assert features.matrix("block2_conv").shape == (len(WAVES) * PER_CLASS, 16)
    assert sorted(set(features.columns().labels)) == sorted(WAVES)


def test_its_report_shows_what_every_report_shows(turned):
    page = turned.report_path.read_text("utf-8")
    assert "ring_cnn" in page
    assert all(name in page for name in WAVES)


def test_a_command_lists_it_with_its_options_before_keras_is_imported(installed):
    code = (
        "import sys; from convscope.cli.app import main\n"
        "try: main(['recipes', 'ring-classification'])\n"
        "finally: print('keras' in sys.modules)"
    )
    path = os.pathsep.join([*installed, *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert "ring-classification: which class does a ring belong to" in done.stdout
    assert "--positions" in done.stdout
    assert done.stdout.endswith("False\n")


def test_its_options_are_flags_of_the_command(installed, rings, tmp_path):
    path = os.pathsep.join([*installed, *filter(None, sys.path)])
    command = ["train", str(rings), "--positions", "3", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", "convscope", *command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 2
    assert "positions must be at least 8" in done.stderr
