"""TensorFlow, JAX and PyTorch record the same maps of the same models, each in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from many_models import SMALL

from convscope.scope import record

RECORDING = """
import json, sys
from pathlib import Path
import keras, numpy as np
import many_models
from convscope.scope import record

folder = Path(sys.argv[1])
for name in json.loads((folder / "names.json").read_text()):
    model = keras.models.load_model(folder / f"{name}.keras")
    with np.load(folder / f"{name}-x.npz") as saved:
        x = [saved[key] for key in saved.files]
    found = record(model, x if len(x) > 1 else x[0])
    arrays = {str(i): tap.array for i, tap in enumerate(found.values())}
    np.savez(folder / f"{name}-{keras.backend.backend()}.npz", **arrays)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory, backend):
    """Models with their inputs and what TensorFlow makes of them."""
    if backend != "tensorflow":
        pytest.skip(f"the others are held against TensorFlow, and this is {backend}")
    folder = tmp_path_factory.mktemp("agree")
    recorded = {}
    for name, make in SMALL.items():
        model, x = make()
        recorded[name] = record(model, x)
        model.save(folder / f"{name}.keras")
        np.savez(folder / f"{name}-x.npz", *keras.tree.flatten(x))
    (folder / "names.json").write_text(json.dumps(list(recorded)))
    return folder, recorded


@pytest.mark.parametrize("other", ["jax", "torch"])
def test_the_backends_agree(saved, other):
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    folder, recorded = saved
    environment = {
        **os.environ,
        "KERAS_BACKEND": other,
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # JAX compiles for longer than it computes
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", RECORDING, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for name, recording in recorded.items():
        with np.load(folder / f"{name}-{other}.npz") as found:
            assert len(found.files) == len(recording)
            for i, (path, tap) in enumerate(recording.items()):
                scale = np.abs(tap.array).max() + 1e-3
                difference = np.abs(found[str(i)] - tap.array).max()
                assert difference < 1e-4 * scale, (name, path)
