"""Accuracy on sounds: the recipe's defaults on the Free Spoken Digit Dataset, nothing pre-trained.

    python benchmarks/audio.py --data FOLDER [--runs FOLDER] [--only NAME ...] [--seeds 0 1 2] [--json FILE]

FOLDER holds `fsdd/recordings/{digit}_{speaker}_{index}.wav`. The official split tests on the indices 0 to 4,
where every speaker is heard in training as well; leaving out one speaker at a time tests on a voice that was
never heard. The recordings are copied to a folder for each class and split; the recipe draws a validation
split from train, whose best epoch is kept. A run that is there already is not trained again.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from results import Figure, add_arguments, print_table, write_results

from convscope import api
from convscope.run import Run

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
OFFICIAL, UNHEARD = 99.0, 90.0
"""Accuracy that is expected of each kind of split, in percent."""


def divided(recordings: Path, folder: Path, is_test: Callable[[str, int], bool]) -> Path:
    """Class folders of copies below `train/` and `test/`; those that are there already are kept."""
    for path in sorted(recordings.glob("*.wav")):
        digit, speaker, index = re.fullmatch(r"(\d)_(\w+)_(\d+)", path.stem).groups()
        copy = folder / ("test" if is_test(speaker, int(index)) else "train") / digit / path.name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    if not folder.exists():
        raise SystemExit(f"{recordings} has no recordings: give the folder that holds fsdd/")
    return folder


def trained(name: str, data: Path, runs: Path, seed: int, settings: dict) -> Run:
    """The finished run on a split, trained if it is not there."""
    folder = runs / f"fsdd-{name}-{seed}"
    if folder.exists():
        return api.train(resume=folder)
    print(f"{name}, seed {seed}: training", flush=True)
    moment = [time.monotonic()]

    def progress(done: int, total: int | None, what: str) -> None:
        if time.monotonic() - moment[0] > 30:
            moment[0] = time.monotonic()
            print(f"  {done}/{total} {what}", flush=True)

    return api.train(
        data,
        recipe="audio-classification",
        out=folder,
        seed=seed,
        progress=progress,
        say=lambda text: print(f"  {text}", flush=True),
        **settings,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], help="official, or names of speakers")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    settings = {"epochs": 2} if given.quick else {}
    recordings = given.data / "fsdd" / "recordings"
    splits: dict[str, Callable[[str, int], bool]] = {
        "official": lambda speaker, index: index < 5,
        **{name: lambda speaker, index, name=name: speaker == name for name in SPEAKERS},
    }
    unknown = sorted(set(given.only) - set(splits))
    if unknown:
        parser.error(f"--only takes {', '.join(splits)}, received {unknown[0]}")
    found: dict[str, list[float]] = {}
    minutes: dict[str, list[float]] = {}
    for name, is_test in splits.items():
        if given.only and name not in given.only:
            continue
        data = divided(recordings, given.runs / "data" / name, is_test)
        for seed in given.seeds:
            run = trained(name, data, given.runs, seed, settings)
            found.setdefault(name, []).append(100 * run.metrics()["test"]["accuracy"])
            minutes.setdefault(name, []).append(run.record()["training_seconds"] / 60)
            print(f"{name}, seed {seed}: {found[name][-1]:.2f} %, {minutes[name][-1]:.1f} min", flush=True)
    figures = []
    if "official" in found:
        figures.append(_figure("FSDD, official split", found["official"], minutes["official"], OFFICIAL))
    speakers = [name for name in SPEAKERS if name in found]
    for name in speakers:
        figures.append(_figure(f"FSDD without {name}", found[name], minutes[name], None))
    if len(speakers) == len(SPEAKERS):
        of_seeds = [statistics.mean(each) for each in zip(*(found[name] for name in speakers), strict=True)]
        took = [sum(each) for each in zip(*(minutes[name] for name in speakers), strict=True)]
        figures.append(_figure("FSDD, leave one speaker out, mean of 6", of_seeds, took, UNHEARD))
    print_table(figures)
    write_results(given.json, figures, given.seeds)


def _figure(name: str, values: list[float], minutes: list[float], target: float | None) -> Figure:
    spread = f", seeds {' '.join(f'{value:.2f}' for value in values)}" if len(values) > 1 else ""
    took = f"{statistics.mean(minutes):.1f} min"
    return Figure(f"{name}, test{spread}, {took}", statistics.mean(values), "%", target)


if __name__ == "__main__":
    main()
