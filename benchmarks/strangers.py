"""What plain `convscope train PATH` reaches on data that nobody tuned it to, beside options chosen by hand.

    python benchmarks/strangers.py [--data FOLDER] [--runs FOLDER] [--only NAME ...] [--seeds 0 1 2]
        [--json FILE] [--quick]

Each line is a data set as it is handed round, trained by plain `train` with no option at all, and by each of
a few choices that a person would try. Among those and the plain training, the best on the validation split is
the "choice by hand", whose figure on the test split stands beside that of the plain training. The digits of
scikit-learn are always there; the other sets are read from FOLDER where it has them. A run that is there
already is not trained again, so that an interrupted benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from results import Figure, add_arguments, print_table, write_results
from sklearn.datasets import load_digits

from convscope import api
from convscope.run import Run

GAP = 0.5
"""Points by which a plain training may fall short of the choice by hand."""
PICTURES: tuple[Mapping[str, Any], ...] = (
    {"architecture": "padded_cnn", "flip": False},
    {"architecture": "deep_cnn", "flip": False, "size": (32, 32)},
    {"architecture": "residual_cnn", "flip": False},
)
SENTENCES: tuple[Mapping[str, Any], ...] = (
    {"ensemble": 5},
    {"architecture": "residual_text_cnn"},
    {"unit": "subwords"},
)
SERIES: tuple[Mapping[str, Any], ...] = ({"architecture": "minirocket"}, {"architecture": "fcn"})
SOUNDS: tuple[Mapping[str, Any], ...] = ({"epochs": 60}, {"augmentation": 0.5}, {"mixing": 0.2})


@dataclass(frozen=True)
class Line:
    """One data set.

    Args:
        name: What it is called in the table.
        path: Folder of all data and folder for what is written to the path that is trained on.
        choices: Settings and options that a person would try.
        metric: Name of the figure that is compared, in [0, 1].
        long: Whether it takes more than ten minutes, so that it is only trained by its name.
    """

    name: str
    path: Callable[[Path, Path], Path]
    choices: tuple[Mapping[str, Any], ...]
    metric: str = "accuracy"
    long: bool = False


def digits(side: int) -> Callable[[Path, Path], Path]:
    """The digits of scikit-learn as PNG files of `side` pixels, white on black, a folder for each class."""

    def write(_: Path, folder: Path) -> Path:
        root = folder / f"digits-{side}"
        found = load_digits()
        for number, (values, label) in enumerate(zip(found.images, found.target, strict=True)):
            target = root / str(label) / f"{number:04d}.png"
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                picture = Image.fromarray(np.rint(values * (255 / 16)).astype(np.uint8))
                picture.resize((side, side), Image.Resampling.BICUBIC).save(target)
        return root

    return write


def below(part: str) -> Callable[[Path, Path], Path]:
    """A path below the folder of all data."""
    return lambda data, _: data / part


UCR = ("ArrowHead", "ECGFiveDays", "GunPoint", "PowerCons", "Strawberry", "SyntheticControl")
LINES = (
    Line("digits of 8x8", digits(8), PICTURES),
    Line("digits of 28x28", digits(28), PICTURES),
    Line("sms-spam", below("sms-spam"), SENTENCES),
    Line("TREC", below("sentences/TREC.train.all"), SENTENCES),
    Line("SST-2", below("sentences/stsa.binary.train"), SENTENCES),
    Line("spoken digits", below("fsdd/recordings"), SOUNDS),
    *(Line(name, below(f"ucr2018/{name}"), SERIES) for name in UCR),
    Line("MNIST", below("mnist"), ({"augmentation": 0.25}, {"augmentation": 0.5}), long=True),
    Line("FER2013", below("fer2013"), ({"architecture": "deep_cnn"},), long=True),
)


def trained(path: Path, folder: Path, seed: int, options: Mapping[str, Any]) -> Run:
    """The finished run with these options, trained if it is not there."""
    if folder.exists():
        return api.train(resume=folder)
    print(f"{folder.name}: training", flush=True)
    return api.train(path, out=folder, seed=seed, say=lambda text: print(f"  {text}", flush=True), **options)


def validated(run: Run, metric: str) -> float:
    """The figure of a run on its validation split at the kept epoch; leave-one-out where it was solved."""
    return float(run.metrics()["best_epoch"][f"val_{metric}"])


def name_of(options: Mapping[str, Any]) -> str:
    """Options in a line."""
    return ",".join(f"{name}={value}" for name, value in options.items()).replace(" ", "") or "plain"


def compared(line: Line, given: argparse.Namespace) -> list[Figure]:
    """The figure of plain `train`, and of the choice by hand, means over seeds."""
    path = line.path(given.data, given.runs)
    if not path.exists():
        print(f"{line.name}: {path} is missing", flush=True)
        return []
    plain, chosen, choices = [], [], []
    for seed in given.seeds:
        tried = []
        for options in ({}, *(line.choices if not given.quick else line.choices[:1])):
            few = given.quick and options.get("architecture") != "minirocket"
            settings = {**options, **({"epochs": 3} if few else {})}
            run = trained(path, given.runs / f"{line.name}-{name_of(options)}-{seed}", seed, settings)
            test = 100 * run.metrics()["test"][line.metric]
            tried.append((validated(run, line.metric), test, name_of(options)))
            print(f"{line.name}, seed {seed}, {name_of(options)}: test {test:.2f} %", flush=True)
        plain.append(tried[0][1])
        best = max(tried, key=lambda each: each[0])
        chosen.append(best[1])
        choices.append(best[2])
    by_hand, reached = statistics.mean(chosen), statistics.mean(plain)
    return [
        Figure(f"{line.name}: plain train", reached, "%", by_hand - GAP),
        Figure(f"{line.name}: chosen by hand ({', '.join(dict.fromkeys(choices))})", by_hand, "%"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], help="names of data sets")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    figures: list[Figure] = []
    for line in LINES:
        asked = line.name in given.only if given.only else not line.long
        if asked and not (given.quick and not given.only and line.name not in ("digits of 8x8", "GunPoint")):
            figures += compared(line, given)
            write_results(given.json, figures, given.seeds)
    if figures:
        print_table(figures)


if __name__ == "__main__":
    main()
