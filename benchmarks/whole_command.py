"""From the command to the judged model: `convscope train` beside a plain Keras script, wall time.

One epoch of a reference model on FER2013, everything included: imports, reading, training, judging by the
test split, saving. The script is what a Keras user writes: `image_dataset_from_directory`, the same layers,
Adam, `fit` with its defaults, `evaluate`, `save`; a second one has random changes of the pictures by Keras'
layers, which convscope makes by default. convscope besides looks for damaged and identical pictures, finds
out whether they may be mirrored, calibrates, and writes a report with intervals. Contenders take turns.

    python benchmarks/whole_command.py --data FOLDER [--rounds 3] [--json FILE] [--quick]

FOLDER holds `train/`, `validation/` and `test/` with a folder per class; `--quick` takes 600 of each.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import Figure, add_arguments, print_table, write_results
from turns import medians

MODELS = ("compact_cnn", "deep_cnn")
FEW = 600
SCRIPT = """
import sys
import keras
from keras import layers
from convscope.kinds.registry import build

folder, name, changed, out = sys.argv[1:]

def read(split):
    return keras.utils.image_dataset_from_directory(
        f"{folder}/{split}", label_mode="categorical", color_mode="grayscale", image_size=(48, 48),
        batch_size=64, shuffle=split == "train", verbose=False,
    )

train, validation, test = map(read, ("train", "validation", "test"))
classes = len(train.class_names)
random = [layers.RandomFlip("horizontal"), layers.RandomRotation(10 / 360), layers.RandomZoom(0.1),
          layers.RandomTranslation(0.1, 0.1), layers.RandomContrast(0.2)]
model = keras.Sequential([keras.Input((48, 48, 1)), *(random if changed == "changed" else []),
                          layers.Rescaling(1 / 255), build(name, (48, 48, 1), classes)])
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=validation, epochs=1, verbose=0)
model.evaluate(test, verbose=0)
model.save(out)
"""
CONTENDERS = ("convscope", "script", "script with random changes")


def seconds(contender: str, model: str, data: Path) -> float:
    """Of one whole process."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as place:
        if contender == "convscope":
            asked = ["--architecture", model, "--epochs", "1", "--out", f"{place}/run"]
            command = [sys.executable, "-m", "convscope", "train", str(data), *asked]
        else:
            changed = "changed" if contender.endswith("changes") else "plain"
            command = [sys.executable, "-c", SCRIPT, str(data), model, changed, f"{place}/model.keras"]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{contender} failed:\n{done.stderr[-3000:]}")
    return took


def fewer(data: Path, to: Path) -> Path:
    """A part of the pictures of each split, evenly over the classes."""
    for split in ("train", "validation", "test"):
        folders = sorted(each for each in (data / split).iterdir() if each.is_dir())
        for folder in folders:
            target = to / split / folder.name
            target.mkdir(parents=True)
            for file in sorted(folder.iterdir())[: FEW // len(folders)]:
                shutil.copy(file, target)
    return to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    add_arguments(parser)
    given = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as place:
        data = fewer(given.data, Path(place) / "few") if given.quick else given.data
        for model in MODELS[:1] if given.quick else MODELS:
            rates = medians(
                CONTENDERS,
                lambda name, model=model: 60 / seconds(name, model, data),
                1 if given.quick else given.rounds,
                "runs/min",
                f"{model},",
            )
            figures += [
                Figure(f"{model}, {name}", 60 / rate, "s", None, "lower") for name, rate in rates.items()
            ]
            for name in CONTENDERS[1:]:
                share = rates["convscope"] / rates[name]
                target = 1.3 if name == CONTENDERS[1] else None
                figures.append(Figure(f"{model}, speed, convscope / {name}", share, "x", target))
            write_results(given.json, figures, seeds=[0])
    print_table(figures)


if __name__ == "__main__":
    main()
