"""Risk from tables of visits: OASIS-2, folds by subject, beside age alone and brain volume alone.

    python benchmarks/volume_risk.py --data FOLDER [--runs FOLDER] [--json FILE]

FOLDER holds `oasis_longitudinal.csv`. What is foretold is a CDR above 0 of people in whom it is 0. It happens
to fifteen of 85 people, so that intervals are wide and little can be claimed. Each of five folds is judged by
a model that saw none of its people, and visits are compared within a fold: a fold in which it happens to more
people leaves fewer to learn from, so that its model foretells less for all, and comparing models with one
another would count against each of them. Defaults of the recipe, nothing chosen on this data but the columns
that are left out: those of identity, and nothing that tells the future.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results

from convscope import api
from convscope.kinds.volume.progression.hazards import Landmarks, ranked
from convscope.kinds.volume.progression.reader import read_visits
from convscope.run import Run
from convscope.types import no_progress
from convscope.workflows.predict import Predictor

FOLDS = 5
ALONE = {"Age": "age", "nWBV": "brain volume"}


def judged(folder: Path, data: Path) -> tuple[Landmarks, dict[str, np.ndarray], float]:
    """What happened after the visits of a run's test subjects, and what ranks them."""
    predictor = Predictor(Run(folder), say=lambda text: None)
    whole = read_visits(data, event="CDR>0", seed=None).test.samples
    rows = [
        row.partition(",")[0]
        for row in (folder / "splits.csv").read_text().splitlines()[1:]
        if ",test," in row
    ]
    tested = whole.take(np.array([i for i in range(len(whole)) if whole.name(i) in rows], np.int64))
    risks = predictor.recipe.predict(predictor.fitted, tested, no_progress)
    scores = {"model": risks.foretold, **dict(risks.columns)}
    return risks.marks, scores, risks.horizon


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    table, folder = given.data / "oasis_longitudinal.csv", given.runs / "oasis-risk"
    if not folder.exists():
        settings = {"epochs": 5, "resamples": 5} if given.quick else {}
        api.train(
            table,
            recipe="volume-progression",
            event="CDR>0",
            folds=FOLDS,
            out=folder,
            say=lambda text: None,
            **settings,
        )
    parts = [judged(folder / f"fold-{number}", table) for number in range(1, FOLDS + 1)]
    counts = np.cumsum([0, *(int(marks.subject.max()) + 1 for marks, _, _ in parts)])
    moved = [
        replace(marks, subject=marks.subject + start)
        for (marks, _, _), start in zip(parts, counts[:-1], strict=True)
    ]
    names = ("subject", "visit", "free", "seen", "happened")
    marks = Landmarks(*(np.concatenate([getattr(each, name) for each in moved]) for name in names))
    models = np.repeat(np.arange(FOLDS), [len(each) for each in moved])
    horizon = float(np.median([horizon for _, _, horizon in parts]))
    figures = [
        Figure("people at risk", float(len(np.unique(marks.subject))), "people"),
        Figure("people whom it happened to", float(len(np.unique(marks.subject[marks.happened]))), "people"),
        Figure("visits judged", float(len(marks)), "visits"),
        Figure("horizon", horizon, "years"),
    ]
    for key, said in {"model": "model", **{name: f"{word} alone" for name, word in ALONE.items()}}.items():
        scores = np.concatenate([each[key] for _, each, _ in parts])
        found = ranked(said, scores, marks, horizon, models=models)
        for what, value, ends in (
            ("concordance", found.concordance, found.concordance_interval),
            ("AUC", found.auc, found.auc_interval),
        ):
            low, high = ends or (0.0, 1.0)
            figures.append(Figure(f"{what}, {said}", float(value or 0.5), ""))
            figures.append(Figure(f"{what}, {said}, 95 % interval from", low, ""))
            figures.append(Figure(f"{what}, {said}, 95 % interval to", high, ""))
    print_table(figures)
    write_results(given.json, figures, [0])


if __name__ == "__main__":
    main()
