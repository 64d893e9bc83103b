"""Small scans with boxes: crates and posts on a floor, in the forms that boxes come in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from convscope.kinds.points.detection.boxes import SpaceBox, SpaceBoxes
from convscope.kinds.points.detection.calibration import Calibration
from convscope.kinds.points.detection.labels import kitti_lines

NAMES = ("crate", "post")
MOVED = np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.08], [1, 0, 0, -0.27], [0, 0, 0, 1]])
PROJECTION = np.array([[721.54, 0, 609.56, 44.857], [0, 721.54, 172.854, 0.21638], [0, 0, 1, 0.002746]])
CAMERA = Calibration(MOVED, PROJECTION)
CALIBRATION = "\n".join(
    [
        "P2: " + " ".join(map(str, PROJECTION.ravel())),
        "R0_rect: " + " ".join(map(str, np.eye(3).ravel())),
        "Tr_velo_to_cam: " + " ".join(map(str, MOVED[:3].ravel())),
        "",
    ]
)


def boxes(seed: int, count: int = 4) -> SpaceBoxes:
    """Boxes that stand on the floor at z = 0, apart from each other, in front of a scanner."""
    rng, made = np.random.default_rng(seed), []
    for spot in rng.permutation(12)[:count].tolist():
        number = int(rng.integers(2))
        sides = (2.4, 1.2, 1.0) if number == 0 else (0.6, 0.6, 2.0)
        sides = tuple(float(side * rng.uniform(0.85, 1.15)) for side in sides)
        x, y = 8 + 4 * (spot // 3) + rng.uniform(-0.5, 0.5), -4 + 4 * (spot % 3) + rng.uniform(-0.5, 0.5)
        heading = float(rng.uniform(-np.pi, np.pi))
        made.append(SpaceBox((x, y, sides[2] / 2, *sides, heading), number))
    return SpaceBoxes.of(made)


def scan(found: SpaceBoxes, seed: int, each: int = 120) -> np.ndarray:
    """Points on the sides of boxes and on the floor, float32 (points, 4)."""
    rng = np.random.default_rng([seed, 1])
    parts = [np.column_stack([rng.uniform(4, 24, 600), rng.uniform(-7, 7, 600), np.zeros(600)])]
    for box in found.values:
        spots = rng.uniform(-0.5, 0.5, (each, 3))
        axis = rng.integers(0, 3, each)
        spots[np.arange(each), axis] = rng.choice([-0.49, 0.49], each)
        spots *= box[3:6]
        turn = np.array([[np.cos(box[6]), -np.sin(box[6])], [np.sin(box[6]), np.cos(box[6])]])
        spots[:, :2] = spots[:, :2] @ turn.T
        parts.append(spots + box[:3])
    places = np.concatenate(parts)
    return np.column_stack([places, rng.uniform(0, 1, len(places))]).astype(np.float32)


def write_table(folder: Path, count: int = 12, name: str = "boxes.csv") -> Path:
    """Clouds as rows of float32, and a row for each box; the last cloud has none."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for at in range(count):
        found = boxes(at, 4 if at < count - 1 else 0)
        scan(found, at).tofile(folder / f"{at:02d}.bin")
        for box, number in zip(found.values.tolist(), found.classes.tolist(), strict=True):
            sides = zip(("x", "y", "z", "length", "width", "height", "heading"), box, strict=True)
            rows.append({"cloud": f"{at:02d}.bin", "class": NAMES[number], **dict(sides)})
        if not len(found):
            rows.append({"cloud": f"{at:02d}.bin"})
    if name.endswith(".json"):
        (folder / name).write_text(json.dumps(rows))
        return folder
    heads = list(rows[0])
    lines = [",".join(heads), *(",".join(str(row.get(head, "")) for head in heads) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def write_kitti(folder: Path, count: int = 10, names: tuple[str, ...] = ("Car", "Pedestrian")) -> Path:
    """Frames as KITTI has them, the first eight of them in train."""
    training = folder / "training"
    for part in ("velodyne", "label_2", "calib"):
        (training / part).mkdir(parents=True, exist_ok=True)
    for at in range(count):
        found = boxes(at)
        scan(found, at).tofile(training / "velodyne" / f"{at:06d}.bin")
        named = [names[number] for number in found.classes]
        lines = kitti_lines(found.values, named, CAMERA, hidden=[0] * len(found))
        lines.append("DontCare -1 -1 -10 500.0 160.0 560.0 190.0 -1 -1 -1 -1000 -1000 -1000 -10")
        (training / "label_2" / f"{at:06d}.txt").write_text("\n".join(lines) + "\n")
        (training / "calib" / f"{at:06d}.txt").write_text(CALIBRATION)
    lists = folder / "ImageSets"
    lists.mkdir(exist_ok=True)
    (lists / "train.txt").write_text("".join(f"{at:06d}\n" for at in range(min(8, count))))
    (lists / "val.txt").write_text("".join(f"{at:06d}\n" for at in range(8, count)))
    return folder
