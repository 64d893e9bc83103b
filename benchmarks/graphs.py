"""What plain `convscope train` reaches on graphs, by the protocols of the literature.

    python benchmarks/graphs.py [--data FOLDER] [--runs FOLDER] [--only NAME ...] [--json FILE] [--quick]
                                [--peers PYTHON]

| name | data | protocol |
|---|---|---|
| cora-nodes | Cora | split of Planetoid, 10 seeds of weights |
| photo-nodes | Amazon Photo | Shchur et al. (2018): largest component, 20 and 30 of a class, 20 splits |
| cora-links | Cora | 85/5/10 % of the links (Kipf 2016), hard negatives (Li et al. 2023), 10 splits |
| (nci1,proteins,imdb)-graphs | TU | 10 folds, 1 or 3 drawings, epochs chosen on a tenth of the rest |

Each figure is the mean over seeds; its standard deviation and baselines on the same nodes stand beside it.
The splits are named by a hash. A run that is there already is not trained again, so that an interrupted
benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from scipy.sparse import csr_array

from convscope import api
from convscope.kinds.graph.batching import wiring_of
from convscope.kinds.graph.link_prediction.metrics import LinkScores, link_scores
from convscope.kinds.graph.link_prediction.negatives import Likeness, hard_negatives
from convscope.kinds.graph.link_prediction.reader import LinkSamples, read_links
from convscope.kinds.graph.link_prediction.recipe import CHOSEN_BY, HARD
from convscope.run import Run
from convscope.types import SPLITS

QUICK_SEEDS = 2
QUICK_EPOCHS = 30


@dataclass(frozen=True)
class Line:
    """One data set with the protocol that it is measured by.

    Args:
        name: What `--only` calls it.
        path: Below the folder of all data.
        protocol: For people.
        options: Of `train`.
        metric: Of the test split.
        target: What its mean should reach, in percent.
        seeds: How many.
    """

    name: str
    path: str
    protocol: str
    options: Mapping[str, Any]
    metric: str
    target: float
    seeds: int


LINES = (
    Line(
        "cora-nodes",
        "cora",
        "Planetoid's split, 10 seeds",
        {"recipe": "node-classification"},
        "accuracy",
        82.0,
        10,
    ),
    Line(
        "photo-nodes",
        "amazon-photo",
        "20 and 30 of a class, largest component, 20 splits",
        {"recipe": "node-classification", "options": {"protocol": "shchur"}},
        "accuracy",
        91.5,
        20,
    ),
)


def trained(path: Path, folder: Path, seed: int, options: Mapping[str, Any]) -> Run:
    """The finished run with this seed, trained if it is not there."""
    if (folder / "run.json").exists():
        run = Run(folder)
        return run if run.record()["status"] == "complete" else api.train(resume=folder, verbose=0)
    return api.train(path, out=folder, seed=seed, verbose=0, **options)


def split_hash(runs: list[Run]) -> str:
    """Of which node is in which split, over all runs."""
    total = sha256()
    for run in runs:
        total.update((run.folder / "splits.csv").read_bytes())
    return total.hexdigest()[:16]


def measured(line: Line, given: argparse.Namespace) -> list[Figure]:
    """The figure of a line and of its baselines, means over seeds."""
    path = given.data / line.path
    if not path.exists():
        print(f"{line.name}: {path} is missing", flush=True)
        return []
    options = {**line.options, **({"epochs": QUICK_EPOCHS} if given.quick else {})}
    runs: list[Run] = []
    for seed in range(QUICK_SEEDS if given.quick else line.seeds):
        run = trained(path, given.runs / f"{line.name}-{seed}", seed, options)
        runs.append(run)
        judged = run.metrics()["test"]
        said = ", ".join(f"{each['name']} {each['accuracy']:.2%}" for each in judged.get("baselines", ()))
        print(f"{line.name}, seed {seed}: {judged[line.metric]:.2%} ({said})", flush=True)
    found = [100 * run.metrics()["test"][line.metric] for run in runs]
    print(f"{line.name}: {line.protocol}; hash of the splits {split_hash(runs)}", flush=True)
    named = f"{line.name}: {runs[0].record()['architecture']}, {line.metric}, {line.protocol}"
    figures = [
        Figure(named, statistics.mean(found), "%", None if given.quick else line.target),
        Figure(f"{line.name}: standard deviation over {len(found)} runs", statistics.pstdev(found), "%"),
    ]
    names = [each["name"] for each in runs[0].metrics()["test"].get("baselines", ())]
    for place, name in enumerate(names):
        values = [100 * run.metrics()["test"]["baselines"][place]["accuracy"] for run in runs]
        figures.append(Figure(f"{line.name}: {name}", statistics.mean(values), "%"))
    return figures


LINKS = "cora-links"
LINK_TARGETS = {"auc": 92.0, "average_precision": 93.0}
LINK_SEEDS = range(100, 110)
"""Splits that no setting was chosen on."""
PEER = "GCN of PyTorch Geometric, its sizes chosen by validation"
FOLDED = {
    "nci1-graphs": ("nci1", 80.0, 1),
    "proteins-graphs": ("proteins", 75.0, 3),
    "imdb-graphs": ("imdb-binary", 71.0, 3),
}
"""Data, target, and how often folds are drawn: few graphs leave one drawing to chance."""
FOLDS = 10
QUICK_FOLDS = 2


def peer_scores(python: Path, path: Path, folder: Path, seed: int) -> LinkScores:
    """What PyTorch Geometric reaches on the same links and negatives.

    Args:
        python: An interpreter that has it.
        path: The data.
        folder: Where what it is given and its scores are kept.
        seed: Of the split and of its weights.
    """
    splits = read_links(path, seed=seed)
    parts = {name: as_links(splits[name].samples) for name in SPLITS}
    graph, known = parts["train"].graph, parts["test"].known
    links = {name: part.pairs[splits[name].labels == 1] for name, part in parts.items()}
    hard, chosen = (
        hard_negatives(Likeness(graph), links[name], known, count)
        for name, count in (("test", HARD), ("validation", CHOSEN_BY))
    )
    file = folder / f"{LINKS}-{seed}.npz"
    if not file.with_suffix(".scores.npy").exists():
        values = csr_array(graph.features, dtype=np.float32).toarray()
        np.savez(
            file,
            features=values / np.maximum(values.sum(axis=1, keepdims=True), 1),
            edges=np.stack(wiring_of(graph).adjacency.nonzero()),
            links=links["train"],
            chosen=links["validation"],
            chosen_hard=chosen,
            asked=np.concatenate([parts["test"].pairs, hard.reshape(-1, 2)]),
            seed=seed,
        )
        script = Path(__file__).with_name("graph_link_peers.py")
        subprocess.run([python, script, file], check=True)
    scores = np.load(file.with_suffix(".scores.npy"), allow_pickle=False)
    pairs = len(parts["test"])
    return link_scores(PEER, splits.test.labels == 1, scores[:pairs], scores[pairs:].reshape(hard.shape[:2]))


def as_links(samples: object) -> LinkSamples:
    """Samples that are pairs."""
    assert isinstance(samples, LinkSamples)
    return samples


def measured_links(given: argparse.Namespace) -> list[Figure]:
    """What links are predicted, means over splits, beside what is scored without a model and by a peer."""
    seeds = LINK_SEEDS[: QUICK_SEEDS if given.quick else None]
    path = given.data / "cora"
    options = {"recipe": "link-prediction", **({"epochs": QUICK_EPOCHS} if given.quick else {})}
    runs = [trained(path, given.runs / f"{LINKS}-{seed}", seed, options) for seed in seeds]
    judged = [run.metrics()["test"] for run in runs]
    rows = [[LinkScores.from_json(each) for each in (one["model"], *one["beside"])] for one in judged]
    if given.peers is not None:
        for row, seed in zip(rows, seeds, strict=True):
            row.append(peer_scores(given.peers, path, given.runs, seed))
    print(f"{LINKS}: hash of the splits {split_hash(runs)}", flush=True)
    figures = []
    for name in ("auc", "average_precision", "mrr"):
        values = 100 * np.array([[getattr(each, name) for each in row] for row in rows])
        mean = values.mean(axis=0)
        target = LINK_TARGETS.get(name, float(mean[1:].max()))
        spread = f"{len(runs)} splits, seeds from {seeds[0]}, standard deviation {values[:, 0].std():.2f}"
        said = f"{LINKS}: {name}, {spread}"
        figures.append(Figure(said, float(mean[0]), "%", None if given.quick else target))
        figures += [
            Figure(f"{LINKS}: {name} of {each.name}", float(value), "%")
            for each, value in zip(rows[0][1:], mean[1:], strict=True)
        ]
    return figures


def folds_of(place: Path, folder: Path, seed: int, given: argparse.Namespace) -> Any:
    """One drawing of folds, all trained; what is there already is not trained again."""
    if (folder / "folds.json").exists():
        return api.train(resume=folder, verbose=0)
    options: dict[str, Any] = {"epochs": QUICK_EPOCHS} if given.quick else {}
    folds = QUICK_FOLDS if given.quick else FOLDS
    return api.train(
        place, out=folder, recipe="graph-classification", folds=folds, seed=seed, verbose=0, **options
    )


def measured_folds(name: str, given: argparse.Namespace) -> list[Figure]:
    """The accuracy over folds, beside that of a classifier without edges; means over drawings."""
    place, target, drawings = FOLDED[name]
    means, spreads, plain = [], [], []
    for seed in range(1 if given.quick else drawings):
        found = folds_of(given.data / place, given.runs / (f"{name}-{seed}" if seed else name), seed, given)
        print(
            f"{name}, seed {seed}: {found.to_line()}; hash of the folds {split_hash(list(found.runs))}",
            flush=True,
        )
        values = [100 * value for value in found.figures["accuracy"]]
        means.append(statistics.mean(values))
        spreads.append(statistics.pstdev(values))
        plain.append(100 * statistics.mean(found.figures["accuracy_without_edges"]))
    what = f"{len(values)} folds" + (f", drawn {drawings} times" if len(means) > 1 else "")
    return [
        Figure(f"{name}: accuracy, {what}", statistics.mean(means), "%", None if given.quick else target),
        Figure(f"{name}: standard deviation over folds", statistics.mean(spreads), "%"),
        Figure(f"{name}: logistic regression without edges", statistics.mean(plain), "%"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--peers", type=Path, help="interpreter that has PyTorch Geometric, to compare links")
    parser.add_argument("--only", nargs="*", default=[], help="names of lines")
    given = parser.parse_args()
    figures: list[Figure] = []
    for line in LINES:
        if not given.only or line.name in given.only:
            figures += measured(line, given)
            write_results(given.json, figures, list(range(max(each.seeds for each in LINES))))
    for name, measure in (
        (LINKS, measured_links),
        *((name, partial(measured_folds, name)) for name in FOLDED),
    ):
        if not given.only or name in given.only:
            figures += measure(given)
            write_results(given.json, figures, [*LINK_SEEDS])
    if figures:
        print_table(figures)


if __name__ == "__main__":
    main()
