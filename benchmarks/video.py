"""Accuracy on clips: actions with one person left out at a time, and fights by their footage.

    python benchmarks/video.py --data FOLDER [--runs FOLDER] [--only NAME ...] [--seed 0] [--json FILE]

FOLDER holds `weizmann/ACTION/PERSON_ACTION.avi` and `surveillance-fight/` with `clips.csv`. Clips are copied
to the folder of the runs, beside a table for each fold whose test clips are those of one person, or of a
fifth of the footages (stratified by class, clips of one footage in one fold). Everything else is the recipe's
default. Validation clips are drawn by person or footage from the others. A fold whose run is finished is
not trained again, and one that was interrupted goes on.

The linear probe beside the fights is a logistic regression on means and deviations over time of the absolute
differences between neighboring frames, in 8x8 cells, fitted on all clips that are not of the fold.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convscope import api
from convscope.kinds.video.readers.inputs import read_inputs
from convscope.run import Run

TARGETS = {"weizmann": 0.97, "surveillance-fight": None}
FOLDS = 5
CELLS, MOMENTS = 8, 24


@dataclass(frozen=True)
class Clips:
    """What is known of clips: paths below the folder, labels, and groups that are tested together."""

    paths: Sequence[str]
    labels: Sequence[str]
    groups: Sequence[str]
    folds: Mapping[str, np.ndarray]


def actions(folder: Path) -> Clips:
    """Weizmann: a fold for each person."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.avi"))
    labels = [path.partition("/")[0] for path in paths]
    people = np.array([path.rpartition("/")[2].partition("_")[0] for path in paths])
    return Clips(paths, labels, people.tolist(), {name: people == name for name in np.unique(people)})


def fights(folder: Path) -> Clips:
    """Surveillance camera fights: folds of whole footages."""
    with (folder / "clips.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels, sources = ([row[name] for row in rows] for name in ("label", "source"))
    folds = {}
    drawn = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(rows, labels, sources)
    for number, (_, test) in enumerate(drawn):
        folds[str(number + 1)] = np.isin(np.arange(len(rows)), test)
    return Clips([row["file"] for row in rows], labels, sources, folds)


def trained(table: Path, folder: Path, seed: int, settings: Mapping[str, object]) -> Run:
    """The finished run of a fold, trained or resumed if it is not there."""
    moment = [time.monotonic()]

    def progress(done: int, total: int | None, what: str) -> None:
        if time.monotonic() - moment[0] > 60:
            moment[0] = time.monotonic()
            print(f"    {done}/{total} {what}", flush=True)

    if (folder / "run.json").exists():
        return api.train(resume=folder, progress=progress)
    return api.train(
        table,
        recipe="video-classification",
        out=folder,
        seed=seed,
        progress=progress,
        say=lambda line: print(f"  {line}", flush=True),
        **settings,
    )


def write_fold(path: Path, clips: Clips, test: np.ndarray) -> Path:
    """A table of all clips in which those of a fold are the test split."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "label", "split", "group"])
        splits = np.where(test, "test", "train")
        writer.writerows(zip(clips.paths, clips.labels, splits, clips.groups, strict=True))
    return path


def probe(folder: Path, clips: Clips) -> float:
    """Accuracy over all folds of a linear classifier on differences of frames."""
    source = read_inputs([str(folder / path) for path in clips.paths])
    side = CELLS * 8
    features = []
    for at in range(len(source)):
        clip = source.load(at)
        times = (np.arange(MOMENTS) + 0.5) / MOMENTS * clip.seconds
        frames = clip.at(times, (side, side), 1)[..., 0].astype(np.float64)
        changes = np.abs(np.diff(frames, axis=0)).reshape(-1, CELLS, 8, CELLS, 8).mean(axis=(2, 4))
        features.append(np.concatenate([changes.mean(axis=0).ravel(), changes.std(axis=0).ravel()]))
    rows = {source.name(at): np.array(each) for at, each in enumerate(features)}
    values = np.stack([rows[str(folder / path)] for path in clips.paths])
    labels = np.array(clips.labels)
    right = 0
    for test in clips.folds.values():
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
        right += int((model.fit(values[~test], labels[~test]).predict(values[test]) == labels[test]).sum())
    return right / len(labels)


def measured(name: str, data: Path, given: argparse.Namespace) -> list[Figure]:
    """Figures of one data set."""
    folder = given.runs / f"data-{name}"
    if not folder.exists():
        shutil.copytree(data / name, folder)
    clips = actions(folder) if name == "weizmann" else fights(folder)
    beside = [] if name == "weizmann" else [("linear probe on frame differences", probe(folder, clips))]
    settings = {"epochs": 2} if given.quick else {}
    folds = dict(list(clips.folds.items())[:1]) if given.quick else clips.folds
    right, count, minutes = 0, 0, 0.0
    for fold, test in folds.items():
        table = write_fold(folder / f"fold-{fold}.csv", clips, test)
        run = trained(table, given.runs / f"{name}-{fold}-{given.seed}", given.seed, settings)
        found = float(run.metrics()["test"]["accuracy"])
        right += round(found * int(test.sum()))
        count += int(test.sum())
        minutes += run.record()["training_seconds"] / 60
        print(f"{name}, fold {fold}: {found:.4f} of {int(test.sum())}", flush=True)
    said = f"{name}, accuracy, {len(folds)} of {len(clips.folds)} folds, {count} clips, {minutes:.0f} min"
    return [
        Figure(said, right / count, "", None if given.quick else TARGETS[name]),
        *(Figure(f"{name}, {what}", value, "", None) for what, value in beside),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], choices=list(TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.runs.mkdir(parents=True, exist_ok=True)
    figures = [each for name in given.only or TARGETS for each in measured(name, given.data, given)]
    print_table(figures)
    write_results(given.json, figures, [given.seed])


if __name__ == "__main__":
    main()
