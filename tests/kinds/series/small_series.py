"""Small made-up series for recipes of series, and a training of a few seconds on each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

WEAR_COLUMNS = ("unit", "cycle", "heat", "shake", "still")


def write_wear(folder, seed=0, units=40):
    """Histories of units whose heat rises and whose shaking falls towards their end."""
    folder.mkdir(parents=True)
    rng, lines = np.random.default_rng(seed), [",".join(WEAR_COLUMNS)]
    for unit in range(1, units + 1):
        life = int(rng.integers(25, 45))
        wear = np.exp((np.arange(1, life + 1) - life) / 12)
        heat, shake = wear + rng.normal(0, 0.02, life), -2 * wear + rng.normal(0, 0.04, life)
        lines += [f"{unit},{t + 1},{heat[t]:.4f},{shake[t]:.4f},7" for t in range(life)]
    path = folder / "wear.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_watched(folder, seed=0, rows=2000):
    """Two sensors of a machine, hour by hour, with two marked anomalies in the second half."""
    folder.mkdir(parents=True)
    rng, at = np.random.default_rng(seed), np.arange(rows)
    flow = np.sin(at / 4) + rng.normal(0, 0.05, rows)
    heat = np.cos(at / 4) + 3 + rng.normal(0, 0.05, rows)
    flow[1420:1426] += 2.5
    heat[1700:1740] += 1.5
    marks = ((at >= 1415) & (at < 1435)) | ((at >= 1698) & (at < 1750))
    start = np.datetime64("2026-01-01T00:00")
    lines = ["time,flow,heat,anomaly"]
    lines += [
        f"{start + np.timedelta64(row, 'h')},{flow[row]:.4f},{heat[row]:.4f},{int(marks[row])}" for row in at
    ]
    path = folder / "watched.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_hours(folder, seed=0, rows=900):
    """Two sensors with a day of 12 hours and a level that drifts, hour by hour."""
    folder.mkdir(parents=True)
    rng, at = np.random.default_rng(seed), np.arange(rows)
    flow = np.sin(2 * np.pi * at / 12) + rng.normal(0, 0.1, rows)
    heat = 3 + np.cos(2 * np.pi * at / 12) + 0.002 * at + rng.normal(0, 0.1, rows)
    start = np.datetime64("2026-01-01T00:00")
    lines = ["time,flow,heat"]
    lines += [f"{start + np.timedelta64(row, 'h')},{flow[row]:.4f},{heat[row]:.4f}" for row in at]
    path = folder / "hours.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_pitches(folder, seed=0, count=96):
    """Waves and how fast each is."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, lines = np.random.default_rng(seed), ["target," + ",".join(f"t{place}" for place in range(24))]
    for _ in range(count):
        pitch = rng.uniform(0.2, 1.2)
        wave = np.sin(pitch * np.arange(24) + rng.uniform(0, 6)) + rng.normal(0, 0.05, 24)
        lines.append(f"{10 * pitch:.3f}," + ",".join(f"{value:.3f}" for value in wave))
    path = folder / "pitches.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def write_waves(folder, seed=0, count=120):
    """Quick, slow and square waves of two variables, minute by minute, in a long table with splits."""
    folder.mkdir(parents=True)
    rng, lines = np.random.default_rng(seed), ["series,time,flow,heat,split,label"]
    start = np.datetime64("2026-01-01T00:00")
    for number in range(count):
        label = ("quick", "slow", "square")[number % 3]
        phase = rng.uniform(0, 6) + np.arange(24) / (1 if label == "quick" else 3)
        wave = np.sign(np.sin(phase)) if label == "square" else np.sin(phase)
        flow, heat = wave + rng.normal(0, 0.1, 24), rng.normal(0, 1, 24)
        split = ("train", "train", "validation", "test")[number // 3 % 4]
        lines += [
            f"w{number},{start + np.timedelta64(at, 'm')},{flow[at]:.4f},{heat[at]:.4f},{split},{label}"
            for at in range(24)
        ]
    path = folder / "waves.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@dataclass(frozen=True)
class SeriesCase:
    """A recipe with data for it.

    Args:
        recipe: Its name.
        reason: Why it is chosen for the data; empty where it is chosen by the settings.
        write: Writes the data below a folder, drawn with a seed, and gives the path to train on.
        settings: A training of a few seconds.
        holds: Whether the figures of a judgement are those of a model that learned.
        files: What a run of it holds besides what every run does.
        ask: From the data to the paths that are asked about.
        numbers: The numbers of an answer.
        parts: How many samples the data has for each that is asked about.
    """

    recipe: str
    reason: str
    write: Callable[..., Path]
    settings: dict[str, Any]
    holds: Callable[[dict[str, Any]], bool]
    files: frozenset[str] = frozenset()
    ask: Callable[[Path], list[Path]] = lambda path: [path]
    numbers: Callable[[Any], list[float]] = field(default=lambda row: [])
    parts: int = 1


def beats(judged, other):
    """Whether forecasts of the model are better than others, over all variables."""
    mase = {each["forecast"]: each["mase"] for each in judged["errors"] if not each["variable"]}
    return mase["model"] < mase[other]


SETTINGS = {"precision": "float32", "batch_size": 32, "learning_rate": 1e-2, "epochs": 3}

CASES = {
    case.recipe: case
    for case in (
        SeriesCase(
            recipe="series-classification",
            reason="waves.csv has series beside the column 'label'",
            write=write_waves,
            settings={
                **SETTINGS,
                "epochs": 6,
                "batch_size": 8,
                "options": {"depth": 1, "kernel_sizes": [8, 4], "filters": 8, "bottleneck": 4},
            },
            holds=lambda judged: judged["accuracy"] > 0.8,
            numbers=lambda row: list(row.probabilities.values()),
        ),
        SeriesCase(
            recipe="series-regression",
            reason="pitches.csv has series beside the column 'target', which holds numbers to predict",
            write=write_pitches,
            settings={
                **SETTINGS,
                "epochs": 8,
                "batch_size": 8,
                "options": {"depth": 1, "kernel_sizes": [8, 4], "filters": 8, "bottleneck": 4},
            },
            holds=lambda judged: judged["r2"] > 0.3,
            numbers=lambda row: [row.value],
        ),
        SeriesCase(
            recipe="series-forecasting",
            reason="",
            write=write_hours,
            settings={
                **SETTINGS,
                "recipe": "series-forecasting",
                "options": {"window": 24, "horizon": 6, "filters": 8},
            },
            holds=lambda judged: beats(judged, "naive") and judged["coverage"] > 0.7,
            files=frozenset({"calibration.json"}),
            numbers=lambda row: [*row.values.values(), *row.low.values(), *row.high.values()],
            parts=3,
        ),
        SeriesCase(
            recipe="series-anomaly",
            reason="watched.csv has the columns 'time' and 'anomaly'",
            write=write_watched,
            settings={**SETTINGS, "options": {"window": 32, "filters": 8}},
            holds=lambda judged: judged["recall"] == 1.0 and judged["false_per_thousand"] < 10,
            files=frozenset({"calibration.json"}),
            numbers=lambda row: [row.score, *row.shares.values()],
            parts=3,
        ),
        SeriesCase(
            recipe="series-remaining-life",
            reason="wear.csv has the column 'unit' and another one of its cycles or remaining life",
            write=write_wear,
            settings={
                **SETTINGS,
                "options": {
                    "window": 12,
                    "cap": 25,
                    "pool": 3,
                    "filters": 4,
                    "units": 8,
                    "members": 2,
                    "coverage": 0.8,
                },
            },
            holds=lambda judged: judged["rmse"] < 5 and judged["coverage"] >= 0.5 and judged["width"] < 20,
            files=frozenset({"calibration.json"}),
            numbers=lambda row: [row.life, row.low, row.high or 25.0],
        ),
    )
}
