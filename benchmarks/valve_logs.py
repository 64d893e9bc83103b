"""Made-up logs of a pump that drives water through two valves, in the form of public test-bed logs.

Nothing in them was measured. Eight sensors with their usual noise: two vibrations, a current, a pressure in
coarse steps, two temperatures that drift, a voltage, and a flow in whole steps that drifts a little. Each log
has one fault of some hundred rows behind a beginning that is normal: a valve that closes in part, a leak, a
rotor out of balance, air in the water, or water that is too warm. Faults differ in strength, and begin and
end within some rows.
"""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

SENSORS = (
    *("Accelerometer1RMS", "Accelerometer2RMS", "Current", "Pressure", "Temperature", "Thermocouple"),
    *("Voltage", "Volume Flow RateRMS"),
)
USUAL = np.array([0.0267, 0.0400, 1.0, 0.05, 73.5, 25.8, 230.0, 32.0])
NOISE = np.array([0.0003, 0.0007, 0.3, 0.25, 0.1, 0.007, 11.0, 0.45])
WANDER = np.array([0.00005, 0.0001, 0.02, 0.0, 0.025, 0.004, 0.2, 0.008])
"""How far a sensor drifts from row to row."""
FAULTS = {
    "valve": np.array([-3.0, -2.0, 0.3, 1.0, 0.0, 0.0, 0.0, -8.0]),
    "leak": np.array([0.8, 0.5, -0.4, -1.5, 0.0, 0.0, 0.0, -4.0]),
    "rotor": np.array([6.0, 5.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.0]),
    "air": np.array([2.0, 3.0, -0.8, 0.5, 0.0, 0.0, 0.0, -3.0]),
    "warm": np.array([0.0, 0.0, 0.0, 0.0, 60.0, 50.0, 0.0, 0.0]),
}
"""By how many times its noise each sensor is moved by a fault of strength 1."""
ROUGHER = {"air": 2.0, "rotor": 1.5}
"""By how much noise of vibrations grows."""


def made_log(fault: str | None, rng: np.random.Generator, rows: int = 1150) -> tuple[np.ndarray, np.ndarray]:
    """Values of the sensors, shape (rows, 8), and whether each row is part of the fault, shape (rows,).

    Args:
        fault: One of `FAULTS`; None for a log without one.
        rng: Draws noise, drift, strength and place.
        rows: How long it is.
    """
    slow = np.cumsum(rng.normal(0, WANDER, (rows, len(USUAL))), axis=0) * 0.5
    pull = 0.999 ** np.arange(rows)[:, None]
    values = (
        USUAL + NOISE * rng.normal(size=(rows, len(USUAL))) + slow * pull + slow.mean(axis=0) * (1 - pull)
    )
    marks = np.zeros(rows, bool)
    if fault is not None:
        start, long = int(rng.integers(520, 620)), int(rng.integers(250, 420))
        ramp = int(rng.integers(10, 60))
        marks[start : start + long] = True
        strength = rng.uniform(0.25, 1.2)
        at = np.arange(rows)
        share = np.clip(np.minimum((at - start) / ramp, (start + long + ramp - at) / ramp), 0, 1)
        values += share[:, None] * strength * FAULTS[fault] * NOISE
        rough = 1 + share * strength * (ROUGHER.get(fault, 1.0) - 1)
        values[:, :2] += (rough - 1)[:, None] * NOISE[:2] * rng.normal(size=(rows, 2))
    values[:, 3] = np.round((values[:, 3] - 0.0547) / 0.3279) * 0.3279 + 0.0547
    values[:, 7] = np.round(values[:, 7])
    return values, marks


def write_log(path: Path, values: np.ndarray, marks: np.ndarray) -> Path:
    """Writes a log as a table of `;`, with the columns `anomaly` and `changepoint`; returns the path."""
    changes = np.zeros(len(marks), bool)
    for edge in np.flatnonzero(np.diff(marks.astype(int))):
        changes[edge + 1 : edge + 3] = True
    begun = datetime(2024, 3, 9, 10, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["datetime", *SENSORS, "anomaly", "changepoint"])
        for row, cells in enumerate(values):
            time = (begun + timedelta(seconds=row)).strftime("%Y-%m-%d %H:%M:%S")
            writer.writerow(
                [time, *(f"{cell:.6g}" for cell in cells), float(marks[row]), float(changes[row])]
            )
    return path


def write_logs(folder: Path, count: int = 35, seed: int = 0) -> Path:
    """Logs with all kinds of faults in turn, below the folders `valve` and `other`; returns the folder."""
    for number in range(count):
        fault = list(FAULTS)[number % len(FAULTS)] if number % 2 else "valve"
        rng = np.random.default_rng([seed, number])
        write_log(
            folder / ("valve" if fault == "valve" else "other") / f"{number}.csv", *made_log(fault, rng)
        )
    return folder
