"""Logs of a pump with one fault each: rows are told normal or not, one detector learned from the first rows.

    python benchmarks/valves.py [--data FOLDER] [--runs FOLDER] [--seeds 0 1] [--quick]

FOLDER holds logs as tables with a column `anomaly`, at any depth, such as the folders `valve1`, `valve2` and
`other` of the Skoltech Anomaly Benchmark (Katser and Kozitsin 2020). Without it logs are made up (by
`valve_logs.py`), and the figures say how the detector does on data of that form, not on the benchmark. The
protocol is the usual one: the first 400 rows of each log are normal and learned from, the others are told row
by row, and rows of all logs are counted together. Published for a convolutional auto-encoder on the
benchmark: F1 0.78, false alarms 13.6 %, missed 28.0 %.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from valve_logs import made_log, write_log, write_logs

from convscope import api

ROWS = 400
"""Rows at the beginning of each log that are normal."""
LOGS = 35
"""Logs that are made up."""


def judged(data: Path, folder: Path, seed: int) -> dict[str, float]:
    """F1 and rates in percent of one training, on all rows behind the first."""
    if folder.exists():
        run = api.train(resume=folder)
    else:
        options = {"train_rows": ROWS}
        run = api.train(data, recipe="series-anomaly", out=folder, seed=seed, options=options)
    return run.metrics()["test"]


def normal_rate(run: Path, folder: Path, seed: int) -> float:
    """Alarmed rows of logs without a fault that the run has not seen, in percent."""
    for number in range(5):
        write_log(folder / f"{number}.csv", *made_log(None, np.random.default_rng([seed, 1000 + number])))
    rows = [row.to_json() for row in api.predict(run, [folder], every=True).rows]
    return 100 * statistics.mean(row["alarm"] for row in rows if row["row"] > ROWS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/valves"))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    found, rates = [], []
    for seed in given.seeds:
        data = given.data
        if data is None:
            data = write_logs(given.runs / f"logs-{seed}", 10 if given.quick else LOGS, seed)
        found.append(judged(data, given.runs / f"run-{seed}", seed))
        if given.data is None:
            rates.append(normal_rate(given.runs / f"run-{seed}", given.runs / f"normal-{seed}", seed))
    of = "made-up logs" if given.data is None else "logs as given"

    def mean(name: str, times: float = 1.0) -> float:
        return times * statistics.mean(each[name] for each in found)

    figures = [
        Figure(f"F1 of rows, {of}", mean("row_f1"), "", 0.75),
        Figure(f"false alarms among normal rows, {of}", mean("false_alarm_rate", 100), "%", 15, "lower"),
        Figure(f"missed anomalous rows, {of}", mean("missed_alarm_rate", 100), "%", None, "lower"),
    ]
    if rates:
        name = "alarmed rows of made-up logs that drift and have no fault"
        figures.append(Figure(name, statistics.mean(rates), "%", None, "lower"))
    print_table(figures)
    write_results(given.json, figures, given.seeds)


if __name__ == "__main__":
    main()
