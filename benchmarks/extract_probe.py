"""Whether faster features are as good: a linear probe on what each engine and precision computes.

The last convolution of a model, pooled by mean, is extracted three times from a labelled data set: by
OpenVINO in bfloat16, by OpenVINO in float32, and by Keras in float32 (where OpenVINO is hidden). Each
extraction gets the same linear probe; the probes' accuracies on the test split are compared, and the features
of all samples by their cosine to those of Keras. Each convolution is measured with Winograd's filtering and
without, as it otherwise is where there is more to compute. It takes a few minutes, with --quick or without.

    python benchmarks/extract_probe.py --model model.keras --data FOLDER [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results

import convscope
from convscope.engine.inference import feature_choice

ENGINES = ("openvino bfloat16", "openvino float32", "keras float32")


def extract(model: str, data: str, engine: str, to: str) -> None:
    """Writes the features of one engine."""
    package, precision = engine.split()
    if package == "keras":
        sys.modules["openvino"] = None
    feature_choice.LONG = 0.0
    found = convscope.extract(model, data, out=to, precision=precision)
    used = found.metadata["engine"]
    if (used["engine"], used["precision"]) != (package, precision):
        raise SystemExit(f"{engine} was asked for, {used['engine']} {used['precision']} computed.")
    tiled = sum(map(bool, used.get("tiles", ())))
    print(f"{engine}: {tiled} convolutions by Winograd's filtering", flush=True)


def main() -> None:
    """Extracts, probes and compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.worker:
        extract(arguments.model, arguments.data, *arguments.worker)
        return
    figures: list[Figure] = []
    matrices, accuracies = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for engine in ENGINES:
            to = str(Path(folder) / f"{engine.replace(' ', '-')}.parquet")
            subprocess.run([sys.executable, *sys.argv, "--worker", engine, to], check=True)
            features = convscope.open_features(to)
            layer = features.layers[0]
            matrices[engine] = features.matrix(layer).astype(np.float64)
            accuracies[engine] = 100 * convscope.probe(to).best.accuracy
            figures.append(Figure(f"linear probe of {layer}, {engine}", accuracies[engine], "%"))
    truth = matrices["keras float32"]
    for engine, least in zip(ENGINES[:2], (0.999, 0.9999), strict=True):
        found = matrices[engine]
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(truth, axis=1)
        both_zero = ~found.any(axis=1) & ~truth.any(axis=1)  # a blank picture
        cosines = np.where(both_zero, 1.0, (found * truth).sum(1) / np.where(lengths, lengths, np.inf))
        figures.append(Figure(f"smallest cosine to Keras, {engine}", float(cosines.min()), "", least))
        apart = abs(accuracies[engine] - accuracies["keras float32"])
        figures.append(Figure(f"probe's distance to Keras, {engine}", apart, "points", 0.3, "lower"))
    write_results(arguments.json, figures, seeds=[0])
    print_table(figures)


if __name__ == "__main__":
    main()
