"""A small real run of each kind: data as its tests make it, and a training of a few seconds."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import made_boxes
import made_clouds
import made_films
import made_masks
import made_streets
import made_volumes
import numpy as np
import small_graphs
import small_series
import small_sounds
import small_texts
from PIL import Image
from sklearn.datasets import load_digits

LEAST = 1e-3
"""Score of boxes that count."""
ONCE: Mapping[str, Any] = {"precision": "float32", "epochs": 1, "batch_size": 8, "averaging": 0.0}


@dataclass(frozen=True)
class SmallRun:
    """Data and a training of a few seconds on it.

    Args:
        kind: The kind of the data.
        write: Writes the data below a folder, and gives the path to train on.
        settings: Of the training.
        boxes: Whether boxes count however unsure they are, as one epoch makes none that is sure.
    """

    kind: str
    write: Callable[[Path], Path]
    settings: Mapping[str, Any] = field(default_factory=dict)
    boxes: bool = False

    def train(self, folder: Path) -> Path:
        """Trains below a folder, and gives that of the run."""
        import convscope

        run = convscope.train(self.write(folder / "data"), out=folder / "run", **self.settings).folder
        if self.boxes:
            path = run / "calibration.json"
            found = json.loads(path.read_text())
            path.write_text(json.dumps({**found, "thresholds": [LEAST] * len(found["thresholds"])}))
        return run


def write_karate(folder: Path) -> Path:
    """Zachary's karate club as two tables; who shakes whose hand says on whose side each is."""
    graph = small_graphs.karate()
    folder.mkdir(parents=True)
    rows = [[graph.names[node] for node in edge] for edge in graph.edges.tolist()]
    _write_table(folder / "edges.csv", [["source", "target"], *rows])
    degrees = np.bincount(graph.edges.ravel(), minlength=len(graph.names))
    people = zip(graph.names, degrees.tolist(), graph.labels, strict=True)
    _write_table(folder / "nodes.csv", [["id", "hands", "label"], *(list(person) for person in people)])
    return folder


def _write_table(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def write_rings(folder: Path, count: int = 24) -> Path:
    """Rings and stars of differing sizes, in the form of TU."""
    folder.mkdir(parents=True)
    rng, edges, members, labels = np.random.default_rng(0), [], [], []
    for number in range(1, count + 1):
        nodes, first = int(rng.integers(5, 12)), len(members) + 1
        ring = number % 2
        pairs = [(at, (at + 1) % nodes) if ring else (0, at) for at in range(0 if ring else 1, nodes)]
        edges += [f"{first + a}, {first + b}\n{first + b}, {first + a}\n" for a, b in pairs]
        members += [f"{number}\n"] * nodes
        labels.append(f"{ring}\n")
    for name, lines in (("A", edges), ("graph_indicator", members), ("graph_labels", labels)):
        (folder / f"RINGS_{name}.txt").write_text("".join(lines))
    return folder


def write_digits(folder: Path, each: int = 60) -> Path:
    """Handwritten zeros, ones and sevens of those that come with scikit-learn, 16x16, a folder of each."""
    found = load_digits()
    for digit in (0, 1, 7):
        (folder / str(digit)).mkdir(parents=True)
        for row in np.flatnonzero(found.target == digit)[:each]:
            picture = Image.fromarray(np.clip(found.images[row] * 16, 0, 255).astype(np.uint8))
            picture.resize((16, 16), Image.Resampling.BICUBIC).save(folder / str(digit) / f"{row}.png")
    return folder


def _in_folder(write: Callable[[Path, int], Path], count: int) -> Callable[[Path], Path]:
    def written(folder: Path) -> Path:
        folder.mkdir(parents=True)
        return write(folder, count)

    return written


def _sounds(folder: Path) -> Path:
    return small_sounds.write_sounds(folder, count=12)


TEXTS = small_texts.CASES["text-classification"]
SERIES = small_series.CASES["series-classification"]
RUNS: Mapping[str, SmallRun] = {
    "digits": SmallRun(
        "image",
        write_digits,
        {
            "architecture": "padded_cnn",
            "epochs": 6,
            "batch_size": 16,
            "learning_rate": 5e-3,
            "precision": "float32",
        },
    ),
    "image-detection": SmallRun(
        "image", _in_folder(made_boxes.write_coco, 16), {**ONCE, "options": {"width": 8}}, boxes=True
    ),
    "image-segmentation": SmallRun(
        "image", made_masks.write_pairs, {**ONCE, "options": {"width": 8, "depth": 2}}
    ),
    "text": SmallRun("text", TEXTS.write, {**TEXTS.settings, **ONCE}),
    "tagging": SmallRun(
        "text",
        small_texts.CASES["text-tagging"].write,
        {**small_texts.CASES["text-tagging"].settings, **ONCE},
    ),
    "series": SmallRun("series", SERIES.write, {**SERIES.settings, **ONCE}),
    "audio": SmallRun("audio", _sounds, {**small_sounds.SETTINGS, **ONCE}),
    "nodes": SmallRun(
        "graph", write_karate, {"recipe": "node-classification", "architecture": "gcn", "epochs": 12}
    ),
    "graphs": SmallRun("graph", write_rings, ONCE),
    "volume-segmentation": SmallRun(
        "volume", made_volumes.write_masked, {**ONCE, "options": {"width": 4, "depth": 2, "block": (8, 8, 8)}}
    ),
    "volume": SmallRun("volume", made_volumes.write_scans, {**ONCE, "options": {"width": 4}}),
    "video": SmallRun(
        "video",
        made_films.write_films,
        {**ONCE, "options": {"width": 4, "frames": 6, "side": 32, "flip": False, "windows": 2}},
    ),
    "points": SmallRun(
        "points",
        lambda folder: made_clouds.write_clouds(folder, intensity=True),
        {**ONCE, "options": {"width": 4, "points": 64, "neighborhood": 6}},
    ),
    "points-detection": SmallRun(
        "points",
        lambda folder: made_streets.write_table(folder, 12),
        {**ONCE, "recipe": "points-detection", "points": 1024, "width": 16},
        boxes=True,
    ),
}
"""By name."""
SLOW = (
    *("image-detection", "image-segmentation", "tagging", "graphs", "volume-segmentation"),
    "points-detection",
)
"""Further tasks of kinds that another run has already."""
SAMPLE = "1"
"""Of each run, that is looked at."""
