"""Accuracy on the UCR archive: the recipe with its defaults, and aeon's own classifiers alone."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from results import Figure

from convscope import api
from convscope.run import Run

FOLDER = "ucr2018"
QUICK = ("Coffee", "ECGFiveDays", "GunPoint", "SyntheticControl")
QUICK_EPOCHS = 5
ARCHITECTURES = ("minirocket", "hydra_multirocket", "fcn", "inception_time")
SOLVED = ("minirocket", "hydra_multirocket")
"""Those that have no epochs."""
ALONE = {"aeon": "MiniRocketClassifier", "aeon_hydra_multirocket": "MultiRocketHydraClassifier"}
"""Classifiers of aeon, by what they are called here."""
WITHIN = -0.2
"""Points that an architecture may be below the same of aeon alone."""
ABOVE = 0.5
"""Points that inception_time has to be above fcn."""

Accuracy = Callable[[Path, int], float]


def by_recipe(architecture: str, runs: Path, quick: bool, folder: Path, seed: int) -> float:
    """Accuracy in percent of the recipe `series-classification`; a finished run is not trained again."""
    run = Run(runs / "ucr" / f"{folder.name}-{architecture}-{seed}")
    settings = {"epochs": QUICK_EPOCHS} if quick and architecture not in SOLVED else {}
    if run.folder.exists():
        run = api.train(resume=run.folder)
    else:
        run = api.train(
            folder,
            recipe="series-classification",
            architecture=architecture,
            out=run.folder,
            seed=seed,
            **settings,
        )
    return 100 * run.metrics()["test"]["accuracy"]


def by_aeon(name: str, folder: Path, seed: int) -> float:
    """Accuracy in percent of one of aeon's own classifiers on the values as they are in the files."""
    from aeon.classification import convolution_based

    (train, train_labels), (test, test_labels) = (table(folder, split) for split in ("TRAIN", "TEST"))
    model = getattr(convolution_based, ALONE[name])(random_state=seed).fit(train, train_labels)
    return 100 * float(np.mean(model.predict(test) == test_labels))


def table(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Series, shape (samples, 1, positions), and their labels."""
    values = np.loadtxt(folder / f"{folder.name}_{split}.tsv")
    return values[:, None, 1:], values[:, 0]


def figures(
    data: Path,
    runs: Path,
    seeds: Sequence[int],
    quick: bool = False,
    methods: Sequence[str] = (),
    sets: Sequence[str] = (),
) -> list[Figure]:
    """Mean accuracy of each method over all data sets and seeds, what is between them, and each data set.

    Args:
        data: Holds `ucr2018/NAME/NAME_TRAIN.tsv`.
        runs: Where runs are kept.
        seeds: Of every training.
        quick: A few data sets and epochs.
        methods: Some of `ARCHITECTURES` and `ALONE`; all where none is given.
        sets: Some data sets; all where none is given.
    """
    wanted = set(sets or (QUICK if quick else ()))
    folders = sorted(path for path in (data / FOLDER).iterdir() if path.is_dir())
    folders = [folder for folder in folders if not wanted or folder.name in wanted]
    every: dict[str, Accuracy] = {name: partial(by_recipe, name, runs, quick) for name in ARCHITECTURES}
    every.update({name: partial(by_aeon, name) for name in ALONE})
    chosen = {name: way for name, way in every.items() if not methods or name in methods}
    found: dict[str, dict[str, list[float]]] = {name: {} for name in chosen}
    for folder in folders:
        for name, accuracy in chosen.items():
            found[name][folder.name] = [accuracy(folder, seed) for seed in seeds]
        said = ", ".join(f"{name} {statistics.mean(found[name][folder.name]):.2f}" for name in chosen)
        print(f"{folder.name}: {said}", flush=True)
    return summary(found)


def summary(found: dict[str, dict[str, list[float]]]) -> list[Figure]:
    """Means first, then differences with their targets, then each data set."""
    of_set = {
        name: {each: statistics.mean(values) for each, values in sets.items()} for name, sets in found.items()
    }
    means = {name: statistics.mean(values.values()) for name, values in of_set.items()}
    made = []
    for name, mean in means.items():
        by_seed = [statistics.mean(values) for values in zip(*found[name].values(), strict=True)]
        seeds = f", seeds {' '.join(f'{value:.2f}' for value in by_seed)}" if len(by_seed) > 1 else ""
        made.append(Figure(f"UCR, {name}, mean of {len(of_set[name])} data sets{seeds}", mean, "%"))
    compared = (
        ("minirocket", "aeon", WITHIN),
        ("hydra_multirocket", "aeon_hydra_multirocket", WITHIN),
        ("hydra_multirocket", "minirocket", 0.0),
        ("inception_time", "fcn", ABOVE),
    )
    for one, other, target in compared:
        if one in means and other in means:
            made.append(Figure(f"UCR, {one} less {other}", means[one] - means[other], "points", target))
    for name, sets in of_set.items():
        made += [Figure(f"UCR, {name}, {each}", value, "%") for each, value in sets.items()]
    return made
