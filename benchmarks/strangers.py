"""What plain `convscope train PATH` reaches on data that nobody tuned it to, beside options chosen by hand.

    python benchmarks/strangers.py [--data FOLDER] [--runs FOLDER] [--only NAME ...] [--seeds 0 1 2]
        [--json FILE] [--quick]

Each line is a data set as it is handed round, trained by plain `train` with no option at all, and by each of
a few choices that a person would try, with several seeds where the test split is small. Among those and the
plain training, the one of the best mean on the validation splits is the "choice by hand", whose mean on the
test split stands beside that of the plain training. Validation splits are those of the first seed where the
data has a test split of its own, and of all seeds where that is drawn too. Where the train split is too small
for a validation split, cross-validation of the train split decides instead; the test split takes no part in
it. The digits of scikit-learn are always there; the other sets are read from FOLDER where it has them.

A run that is there already is not trained again, so that an interrupted benchmark goes on where it was. Lines
that are not trained keep the figures that the JSON file has; its header says of each line when and with which
seeds it was measured. Which architecture series have by default was chosen with test figures of sets of the
UCR archive in view, those of `series_ucr.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from results import Figure, add_arguments, header, print_table
from sklearn.datasets import load_digits

from convscope import api
from convscope.run import Run
from convscope.workflows.cross_validation import CrossValidation

GAP = 0.5
"""Points by which a plain training may fall short of the choice by hand."""
FOLDS = 3
"""Of a cross-validation."""
PICTURES: tuple[Mapping[str, Any], ...] = (
    {"architecture": "padded_cnn", "flip": False},
    {"architecture": "deep_cnn", "flip": False, "size": (32, 32)},
    {"architecture": "residual_cnn", "flip": False},
)
TINY: tuple[Mapping[str, Any], ...] = ({"architecture": "padded_cnn", "flip": False},)
SENTENCES: tuple[Mapping[str, Any], ...] = (
    {"ensemble": 5},
    {"architecture": "residual_text_cnn"},
    {"unit": "subwords"},
)
SERIES: tuple[Mapping[str, Any], ...] = ({"architecture": "minirocket"}, {"architecture": "inception_time"})
SOUNDS: tuple[Mapping[str, Any], ...] = ({"epochs": 60}, {"augmentation": 0.5}, {"mixing": 0.2})


@dataclass(frozen=True)
class Line:
    """One data set.

    Args:
        name: What it is called in the table.
        path: Folder of all data and folder for what is written to the path that is trained on.
        choices: Settings and options that a person would try.
        metric: Name of the figure that is compared, in [0, 1].
        seeds: Of the trainings, and of splits that are drawn, unless the command line has others.
        long: Whether it takes more than ten minutes, so that it is only trained by its name.
    """

    name: str
    path: Callable[[Path, Path], Path]
    choices: tuple[Mapping[str, Any], ...]
    metric: str = "accuracy"
    seeds: tuple[int, ...] = (0,)
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
    Line("digits of 8x8", digits(8), TINY, seeds=(0, 1, 2)),
    Line("digits of 28x28", digits(28), PICTURES),
    Line("sms-spam", below("sms-spam"), SENTENCES),
    Line("TREC", below("sentences/TREC.train.all"), SENTENCES),
    Line("SST-2", below("sentences/stsa.binary.train"), SENTENCES),
    Line("spoken digits", below("fsdd/recordings"), SOUNDS),
    *(Line(name, below(f"ucr2018/{name}"), SERIES, seeds=(0, 1, 2)) for name in UCR),
    Line("MNIST", below("mnist"), ({"augmentation": 0.5},), long=True),
    Line("FER2013", below("fer2013"), ({"architecture": "deep_cnn"},), long=True),
)


def trained(path: Path, folder: Path, seed: int, options: Mapping[str, Any]) -> Run | CrossValidation:
    """The finished run with these options, trained if it is not there; or that of several folds."""
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


def compared(line: Line, seeds: Sequence[int], given: argparse.Namespace) -> list[Figure]:
    """The figure of plain `train`, and of the choice by hand, means over seeds."""
    path = line.path(given.data, given.runs)
    if not path.exists():
        print(f"{line.name}: {path} is missing", flush=True)
        return []
    tried: dict[str, Mapping[str, Any]] = {}
    for options in ({}, *(line.choices if not given.quick else line.choices[:1])):
        default = "minirocket" if line.choices is SERIES else ""
        few = given.quick and options.get("architecture", default) != "minirocket"  # which has no epochs
        tried[name_of(options)] = {**options, **({"epochs": 3} if few else {})}

    def runs(name: str, some: Sequence[int]) -> list[Run]:
        folder = f"{line.name}-{name}"
        return [trained(path, given.runs / f"{folder}-{seed}", seed, tried[name]) for seed in some]

    decisions = runs("plain", seeds[:1])[0].record()["decisions"]
    by_folds = any(said.startswith("validation: the train ") for said in decisions)
    drawn = any(said.startswith("test: ") for said in decisions)
    judged = {}
    for name, settings in tried.items():
        if by_folds:
            folder, folds = given.runs / f"{line.name}-{name}-folds", {**settings, "folds": FOLDS}
            judged[name] = trained(path, folder, seeds[0], folds).mean[line.metric]
        else:
            judged[name] = statistics.mean(
                validated(run, line.metric) for run in runs(name, seeds if drawn else seeds[:1])
            )
        by = f"{FOLDS} folds" if by_folds else "validation"
        print(f"{line.name}, {name}: {100 * judged[name]:.2f} % by {by}", flush=True)
    best = max(judged, key=lambda name: judged[name])
    plain, chosen = (
        [100 * run.metrics()["test"][line.metric] for run in runs(name, seeds)] for name in ("plain", best)
    )
    return [
        *mean_of(f"{line.name}: plain train", plain, statistics.mean(chosen) - GAP),
        *mean_of(f"{line.name}: chosen by hand ({best})", chosen),
    ]


def mean_of(name: str, values: Sequence[float], target: float | None = None) -> list[Figure]:
    """The mean of a figure over seeds, and its deviation where there are several."""
    made = [Figure(name, statistics.mean(values), "%", target)]
    if len(values) > 1:
        what = f"{name}, deviation over {len(values)} seeds"
        made.append(Figure(what, statistics.stdev(values), "points", better="lower"))
    return made


def merged(path: Path | None, line: str, seeds: Sequence[int], figures: Sequence[Figure]) -> None:
    """Replaces the figures of one line in the JSON file, and keeps those of all others.

    The header says of each line when it was measured, with which versions and with which seeds.
    """
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(path.read_text("utf-8")) if path.exists() else {"header": {}, "figures": []}
    kept = [each for each in before["figures"] if line_of(each) != line]
    old = {key: before["header"].get(key) for key in ("date", "versions", "seeds")}
    lines = {line_of(each): before["header"].get("lines", {}).get(line_of(each), old) for each in kept}
    made = header([])
    lines[line] = {"date": made["date"], "versions": made["versions"], "seeds": list(seeds)}
    made["seeds"] = sorted({seed for each in lines.values() for seed in each["seeds"]})
    names = [each.name for each in LINES]
    every = sorted([*kept, *map(asdict, figures)], key=lambda each: names.index(line_of(each)))
    content = {"header": {**made, "lines": lines}, "figures": every}
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def line_of(figure: Mapping[str, Any]) -> str:
    """The name of the line that a figure belongs to."""
    return str(figure["name"]).partition(":")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], help="names of data sets")
    parser.add_argument("--seeds", nargs="*", type=int, default=[], help="instead of those of each line")
    given = parser.parse_args()
    unknown = set(given.only) - {line.name for line in LINES}
    if unknown:
        known = ", ".join(line.name for line in LINES)
        parser.error(f"--only takes some of: {known}. Received: {', '.join(sorted(unknown))}")
    figures: list[Figure] = []
    for line in LINES:
        asked = line.name in given.only if given.only else not line.long
        if asked and not (given.quick and not given.only and line.name not in ("digits of 8x8", "GunPoint")):
            seeds = given.seeds or (line.seeds[:1] if given.quick else line.seeds)
            found = compared(line, seeds, given)
            if found:
                merged(given.json, line.name, seeds, found)
                figures += found
    if figures:
        print_table(figures)


if __name__ == "__main__":
    main()
