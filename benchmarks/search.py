"""Whether the winner of a search is ahead of the default, on ten small data sets of five kinds.

    python benchmarks/search.py [--data FOLDER] [--runs FOLDER] [--only NAME ...] [--trials 30] [--seed 0]
        [--json FILE] [--quick]

Each set is searched by `convscope search` with the same trials, finalists and seeds. The winner is chosen on
validation data: a finalist whose mean over other seeds is better than that of the default by more than the
spread over seeds. Beside these means stands the test split, at which the search looks once, at its end, for
the run of the winner and that of the default. A search that is there already is gone on with, and not done
again. `--quick` has two sets, few trials and few epochs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from results import Figure, add_arguments, print_table, write_results
from strangers import below, digits

import convscope
from convscope import SearchResult

SETS: dict[str, Callable[[Path, Path], Path]] = {
    "digits of 8x8": digits(8),
    "SyntheticControl": below("ucr2018/SyntheticControl"),
    "mutag": below("mutag"),
    "PowerCons": below("ucr2018/PowerCons"),
    "DistalPhalanxOutlineCorrect": below("ucr2018/DistalPhalanxOutlineCorrect"),
    "MelbournePedestrian": below("ucr2018/MelbournePedestrian"),
    "TREC": below("sentences/TREC.train.all"),
    "sms-spam": below("sms-spam"),
    "spoken digits": below("fsdd/recordings"),
    "vesselmnist3d": below("vesselmnist3d/vesselmnist3d.npz"),
}
"""Where each data set is, below the folder of all data or made below that of the runs."""
QUICK = ("SyntheticControl", "mutag")
TARGET = 6
"""Sets of ten whose winner should be another than the default."""


def searched(name: str, path: Path, asked: argparse.Namespace) -> SearchResult:
    """The finished search of a data set."""
    place = "-".join([name.replace(" ", "-"), *(["quick"] if asked.quick else []), str(asked.seed)])
    folder = asked.runs / "search" / place
    print(f"{name}: {folder}", flush=True)
    if (folder / "search.json").exists():
        return convscope.search(resume=folder)
    few = {"trials": 4, "finalists": 1, "seeds": 2, "epochs": 3} if asked.quick else {"trials": asked.trials}
    return convscope.search(path, out=folder, seed=asked.seed, **few)


def figures_of(name: str, found: SearchResult) -> list[Figure]:
    """Validation over other seeds, and the test split, of winner and default."""
    better = "lower" if found.falls else "higher"
    figures = [
        Figure(f"{name}: {found.measure}, {whose}", each.mean, f"mean of {len(each.repeats)}", better=better)
        for whose, each in (("default", found.trials[0]), ("winner", found.winner))
        if each.mean is not None
    ]
    figures += [
        Figure(f"{name}: test {found.test_metric}, {whose}", found.test[whose], "") for whose in found.test
    ]
    won = float(not found.keeps_default)
    return [*figures, Figure(f"{name}: another than the default wins", won, "yes = 1")]


def main() -> None:
    """Prints and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", help="names of data sets")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    names = asked.only or (QUICK if asked.quick else list(SETS))
    figures: list[Figure] = []
    wins = better = 0
    for name in names:
        path = SETS[name](asked.data, asked.runs)
        if not path.exists():
            print(f"{name}: {path} is missing", flush=True)
            continue
        found = searched(name, path, asked)
        print(f"{name}: {found.to_line()}", flush=True)
        figures += figures_of(name, found)
        wins += not found.keeps_default
        better += found.test["winner"] > found.test["default"]
        target = TARGET if len(names) == len(SETS) else None
        ends = [Figure("sets whose winner is another than the default", wins, f"of {len(names)}", target)]
        ends += [Figure("sets whose winner is ahead on the test split", better, f"of {len(names)}")]
        write_results(asked.json, [*figures, *ends], [asked.seed])
    print_table([*figures, *ends])


if __name__ == "__main__":
    main()
