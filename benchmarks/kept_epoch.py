"""Which epoch to keep: test accuracy and loss of the epoch that each measure of the validation split chooses.

    python benchmarks/kept_epoch.py DATA [DATA ...] [--seeds 3] [--samples 300]

Every data set is cut to a few hundred samples, trained with its default settings and several seeds, and the
weights of all epochs are judged on the test split afterwards.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np

import convscope
from convscope.data.splits import Split
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


def measure(data: Path, seed: int, samples: int) -> dict[str, tuple[float, float]]:
    """Test accuracy and loss for each measure."""
    with tempfile.TemporaryDirectory() as folder:
        keep = Keep()
        run = convscope.train(
            few(data, Path(folder) / "data", samples),
            out=Path(folder) / "run",
            seed=seed,
            callbacks=[keep],
            verbose=0,
        )
        record = run.record()
        recipe = find_recipe(record["recipe"])
        options = recipe.divide(record["options"])[0]
        splits = recipe.read(Path(record["data"]["path"]), seed=seed, progress=no_progress, **options)
        test: Split = splits.test
        model = keras.models.load_model(run.model_path)
        representation = recipe.representation.from_json(run.representation())
        names = tuple(record["class_names"])
        found = {}
        for name, epoch in choices(keep.rows).items():
            model.set_weights(keep.weights[epoch])
            fitted = Fitted(model, representation, names, options, recipe.test_time_views(**options))
            metrics = classification_metrics(
                test.labels, recipe.predict(fitted, test.samples, no_progress), names
            )
            found[name] = metrics.accuracy, metrics.loss
        return found


def few(data: Path, target: Path, samples: int) -> Path:
    """A part of a data set: lines of a table, or files of a folder, each with the same probability."""
    rng = np.random.default_rng(0)
    if data.is_file():
        head, *lines = data.read_text("utf-8").splitlines(keepends=True)
        chosen = sorted(rng.permutation(len(lines))[:samples])
        target.mkdir()
        (target / data.name).write_text(head + "".join(lines[i] for i in chosen), "utf-8")
        return target / data.name
    files = sorted(path for path in data.rglob("*") if path.is_file())
    for i in rng.permutation(len(files))[:samples]:
        place = target / files[i].relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(files[i], place)
    return target


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=300)
    asked = parser.parse_args()
    print("| data | measure | test accuracy | test loss |\n|---|---|---:|---:|")
    for data in asked.data:
        found = [measure(data, seed, asked.samples) for seed in range(asked.seeds)]
        for name in found[0]:
            accuracy, loss = np.mean([each[name] for each in found], axis=0)
            print(f"| {data.name} | {name} | {accuracy:.3f} | {loss:.3f} |", flush=True)


if __name__ == "__main__":
    main()
