"""Recording all convolutions of ResNet50 for 256 pictures: convscope, a multi-output Keras model, keract.

Every contender gives the outputs of all 53 convolutions of the same network (random weights, 224x224 RGB) as
NumPy arrays, in batches of 32, in a process of its own. Measured are the seconds from the call to the arrays
and the most memory the process ever held, beside the size of what was asked for. keract needs TensorFlow 2.15
or older; give the Python of an environment that has both, or it is left out and said to be.

    python benchmarks/recording.py [--rounds 3] [--pictures 256] [--keract PYTHON] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results

PICTURES, QUICK_PICTURES = 256, 32
BATCH = 32


def pictures(count: int):
    return np.random.default_rng(0).random((count, 224, 224, 3), dtype=np.float32)


def with_convscope(count: int) -> tuple[float, float]:
    import keras

    from convscope.scope import record, trace

    network = keras.applications.ResNet50(weights=None)
    names = [call.path for call in trace(network).calls if call.type == "Conv2D"]
    x = pictures(count)
    start = time.perf_counter()
    recording = record(network, x, names, batch_size=BATCH)
    seconds = time.perf_counter() - start
    return seconds, sum(tap.array.nbytes for tap in recording.values())


def with_keras(count: int) -> tuple[float, float]:
    import keras

    network = keras.applications.ResNet50(weights=None)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    x = pictures(count)
    start = time.perf_counter()
    model = keras.Model(network.inputs, [layer.output for layer in convolutions])
    outputs = model.predict(x, batch_size=BATCH, verbose=0)
    seconds = time.perf_counter() - start
    return seconds, sum(array.nbytes for array in outputs)


def with_keract(count: int) -> tuple[float, float]:
    import keract
    from tensorflow import keras

    network = keras.applications.ResNet50(weights=None)
    names = [layer.name for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    x = pictures(count)
    start = time.perf_counter()
    parts = [
        keract.get_activations(network, x[first : first + BATCH], layer_names=names)
        for first in range(0, count, BATCH)
    ]
    kept = [np.concatenate([part[name] for part in parts]) for name in names]
    seconds = time.perf_counter() - start
    return seconds, sum(array.nbytes for array in kept)


WORKERS = {"convscope": with_convscope, "Keras multi-output": with_keras, "keract": with_keract}


def measure(worker: str, python: str, count: int) -> tuple[float, float, float]:
    """Seconds, GiB asked for, and GiB held at most, of one contender in a fresh process."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [python, __file__, "--worker", worker, str(count)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, preexec_fn=_first_to_go
    )
    if done.returncode == -signal.SIGKILL:
        print(f"  {worker}: out of memory", flush=True)
        return math.nan, math.nan, math.nan
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        raise SystemExit(f"{worker} failed")
    seconds, asked, held = map(float, done.stdout.split()[-3:])
    return seconds, asked / 2**30, held / 2**30


def _first_to_go() -> None:
    """Where memory runs out, it is the contender that ends, and nothing else."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keract", default="", help="Python of an environment with keract")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.worker:
        seconds, asked = WORKERS[arguments.worker[0]](int(arguments.worker[1]))
        print(seconds, asked, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        return
    count = QUICK_PICTURES if arguments.quick else arguments.pictures
    contenders = {"convscope": sys.executable, "Keras multi-output": sys.executable}
    if arguments.keract:
        contenders["keract"] = arguments.keract
    else:
        print("keract is left out: no --keract PYTHON was given")
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in contenders}
    for _ in range(1 if arguments.quick else arguments.rounds):
        for name, python in contenders.items():
            results[name].append(measure(name, python, count))
            print(f"  {name}: {results[name][-1][0]:.1f} s, {results[name][-1][2]:.2f} GiB", flush=True)
    medians = {
        name: [statistics.median(row[i] for row in rows) for i in range(3)] for name, rows in results.items()
    }
    figures = []
    for name, (seconds, _, held) in medians.items():
        if math.isnan(seconds):
            continue  # said above
        figures.append(Figure(f"{name}, {count} pictures", seconds, "s", better="lower"))
        figures.append(Figure(f"{name}, most memory", held, "GiB", better="lower"))
    asked = medians["convscope"][1]
    figures.append(Figure("size of what was asked for", asked, "GiB", better="lower"))
    ratio = medians["Keras multi-output"][0] / medians["convscope"][0]
    if not math.isnan(ratio):
        figures.append(Figure("speed, convscope / Keras multi-output", ratio, "x", 1.0))
    write_results(arguments.json, figures, seeds=[0])
    print_table(figures)


if __name__ == "__main__":
    main()
