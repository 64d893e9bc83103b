"""Which epoch to keep: test accuracy and loss of the epoch that each measure of the validation split chooses.

    python benchmarks/kept_epoch.py [--data FOLDER] [--runs FOLDER] [--seeds 0 1 2 3] [--only NAME ...]
        [--samples 300] [--json FILE]

Every data set is cut to a few hundred samples, other ones for each seed, and trained with its default
settings; the weights of all epochs are judged on the test split afterwards, without calibration. Of a
training that is in the folder of runs, the outputs are read again.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from results import Figure, add_arguments, print_table, write_results
from strangers import below, digits

import convscope
from convscope.engine.metrics import classification_metrics
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.registry import find_recipe
from convscope.types import no_progress


class Keep(keras.callbacks.Callback):
    """Keeps the weights of all epochs, and what was measured."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[list[np.ndarray]] = []
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps what is there."""
        self.weights.append(self.model.get_weights())
        self.rows.append({name: float(value) for name, value in (logs or {}).items()})


def smoothed(values: np.ndarray, span: int = 3) -> np.ndarray:
    """The mean over an epoch and those before it: what is known when the epoch ends."""
    return np.array([values[max(0, i - span + 1) : i + 1].mean() for i in range(len(values))])


def choices(rows: list[dict[str, float]]) -> dict[str, int]:
    """The epoch that each measure keeps."""
    accuracy = np.array([row["val_accuracy"] for row in rows])
    loss = np.array([row["val_loss"] for row in rows])
    order = range(len(rows))
    return {
        "accuracy, then loss": min(order, key=lambda i: (-accuracy[i], loss[i])),
        "loss": int(np.argmin(loss)),
        "loss, mean of 3": int(np.argmin(smoothed(loss))),
        "accuracy, mean of 3, then loss": min(
            order, key=lambda i: (-smoothed(accuracy)[i], smoothed(loss)[i])
        ),
        "last": len(rows) - 1,
    }


DATA = {
    "digits": digits(8),
    "sms-spam": below("sms-spam/SMSSpamCollection"),
    "fsdd": below("fsdd/recordings"),
}
"""Where each data set is, below the folder of all data or made below that of the runs."""
Outputs = Mapping[str, np.ndarray]
"""Labels by split, and probabilities by measure and split, such as `last/test`."""


def outputs(data: Path, seed: int, samples: int, kept: Path) -> Outputs:
    """What the epoch of each measure says, trained if it is not there."""
    place = kept / f"{data.name}-{samples}-{seed}.npz"
    if not place.exists():
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(place, **trained(data, seed, samples))
    with np.load(place) as found:
        return dict(found)


def trained(data: Path, seed: int, samples: int) -> Outputs:
    """Trains on a part of a data set, and judges the epoch that each measure keeps."""
    with tempfile.TemporaryDirectory() as folder:
        keep = Keep()
        part = few(data, Path(folder) / data.name, samples, seed)
        run = convscope.train(part, out=Path(folder) / "run", seed=seed, callbacks=[keep], verbose=0)
        record = run.record()
        recipe = find_recipe(record["recipe"])
        options = recipe.divide(record["options"])[0]
        splits = recipe.read(part, seed=seed, progress=no_progress, **options)
        model = keras.models.load_model(run.model_path)
        representation = recipe.representation.from_json(run.representation())
        views = recipe.test_time_views(**options)
        fitted = Fitted(model, representation, splits.class_names, options, views)
        found = {name: splits[name].labels for name in ("validation", "test")}
        for measure, epoch in choices(keep.rows).items():
            model.set_weights(keep.weights[epoch])
            for name in list(found)[:2]:
                found[f"{measure}/{name}"] = recipe.predict(fitted, splits[name].samples, no_progress)
        return found


def judged(found: Outputs, measure: str) -> tuple[float, float]:
    """Test accuracy and loss."""
    probabilities = found[f"{measure}/test"]
    names = [str(i) for i in range(probabilities.shape[1])]
    metrics = classification_metrics(found["test"], probabilities, names)
    return metrics.accuracy, metrics.loss


def few(data: Path, target: Path, samples: int, seed: int) -> Path:
    """A part of a data set: lines of a table, or files of a folder, each with the same probability."""
    rng = np.random.default_rng(seed)
    if data.is_file():
        lines = data.read_text("utf-8").splitlines(keepends=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(lines[i] for i in sorted(rng.permutation(len(lines))[:samples])), "utf-8")
        return target
    files = sorted(path for path in data.rglob("*") if path.is_file())
    for i in rng.permutation(len(files))[:samples]:
        place = target / files[i].relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(files[i], place)
    return target


def main() -> None:
    """Prints and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=list(DATA), help="names of data sets")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3])
    parser.add_argument("--samples", type=int, nargs="*", default=[300])
    asked = parser.parse_args()
    figures: list[Figure] = []
    seeds = asked.seeds[:1] if asked.quick else asked.seeds
    for name in asked.only:
        path = DATA[name](asked.data, asked.runs)
        for samples in asked.samples:
            found = [outputs(path, seed, samples, asked.runs / "kept-epoch") for seed in seeds]
            counts = statistics.mean(len(each["validation"]) for each in found)
            figures.append(Figure(f"{name}, {samples} samples: validation samples", counts, "samples"))
            for measure in measures(found[0]):
                accuracy, loss = np.mean([judged(each, measure) for each in found], axis=0)
                line = f"{name}, {samples} samples, {measure}"
                figures.append(Figure(f"{line}: test accuracy", 100 * float(accuracy), "%"))
                figures.append(Figure(f"{line}: test loss", float(loss), "nats", better="lower"))
            write_results(asked.json, figures, seeds)
    print_table(figures)


def measures(found: Outputs) -> list[str]:
    """The names of the measures."""
    return [name.removesuffix("/test") for name in found if name.endswith("/test")]


if __name__ == "__main__":
    main()
