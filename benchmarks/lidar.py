"""Street scenes as a scanner of 64 beams would see them, in the form of KITTI.

    python benchmarks/lidar.py FOLDER [--frames 2000] [--seed 0]

Rays are cast from 1.73 m above the ground against cars, pedestrians and cyclists made of boxes and cylinders,
and against walls, poles, trunks, bushes and bins; the nearest hit is measured with noise, and some rays come
back empty. Written are `velodyne`, `label_2`, `calib` and `ImageSets`, with how far each object is hidden and
cut off, so that everything that reads KITTI reads it. The scenes are simpler than streets are: what is
measured on them says that a network, its losses and its metrics work, and nothing of a real street.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from convscope.kinds.points.detection.boxes import inside, overlaps_above
from convscope.kinds.points.detection.calibration import Calibration
from convscope.kinds.points.detection.labels import kitti_lines

HEIGHT = 1.73
BEAMS, LOWEST, HIGHEST = 64, -24.8, 2.0
"""Beams of the scanner, and the angles of the first and the last above the horizon, in degrees."""
SIDEWARDS, STEP = 42.0, 0.18
FARTHEST, NOISE, LOST = 80.0, 0.02, 0.06
SIZES = {
    "Car": ((3.9, 1.65, 1.53), (0.4, 0.1, 0.13)),
    "Van": ((5.1, 1.9, 2.2), (0.4, 0.1, 0.2)),
    "Pedestrian": ((0.85, 0.66, 1.76), (0.15, 0.1, 0.1)),
    "Cyclist": ((1.76, 0.6, 1.74), (0.1, 0.08, 0.09)),
}
"""Mean and deviation of length, width and height in meters, about those of KITTI."""
SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
PROJECTION = np.array([[721.54, 0, 609.56, 44.857], [0, 721.54, 172.854, 0.21638], [0, 0, 1, 0.002746]])
MOVED = np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.08], [1, 0, 0, -0.27], [0, 0, 0, 1]])
CAMERA = Calibration(MOVED, PROJECTION)
CALIBRATION = "\n".join(
    [
        "P2: " + " ".join(f"{value:.12e}" for value in PROJECTION.ravel()),
        "R0_rect: " + " ".join(f"{value:.12e}" for value in np.eye(3).ravel()),
        "Tr_velo_to_cam: " + " ".join(f"{value:.12e}" for value in MOVED[:3].ravel()),
    ]
)


@dataclass
class Shapes:
    """Boxes and upright cylinders that rays may hit, each part of an object.

    Args:
        boxes: As boxes in space, (7,) each.
        cylinders: x, y, z of the middle, radius and height.
        owners: The number of the object of each box, then of each cylinder.
        bright: The reflectance of each, likewise.
    """

    boxes: list[np.ndarray] = field(default_factory=list)
    cylinders: list[np.ndarray] = field(default_factory=list)
    box_of: list[tuple[int, float]] = field(default_factory=list)
    cylinder_of: list[tuple[int, float]] = field(default_factory=list)

    def box(
        self, owner: int, bright: float, at: np.ndarray, sides: tuple[float, ...], heading: float
    ) -> None:
        """Adds a box."""
        self.boxes.append(np.array([*at, *sides, heading]))
        self.box_of.append((owner, bright))

    def cylinder(self, owner: int, bright: float, at: np.ndarray, radius: float, high: float) -> None:
        """Adds a cylinder."""
        self.cylinders.append(np.array([*at, radius, high]))
        self.cylinder_of.append((owner, bright))


def rays() -> np.ndarray:
    """The directions of all rays, shape (rays, 3), of length 1."""
    up = np.radians(np.linspace(LOWEST, HIGHEST, BEAMS))
    around = np.radians(np.arange(-SIDEWARDS, SIDEWARDS, STEP))
    up, around = (each.ravel() for each in np.meshgrid(up, around, indexing="ij"))
    return np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], axis=1)


def _window(ways: np.ndarray, at: np.ndarray, reach: float) -> np.ndarray:
    """The rays that may come near a place."""
    far = float(np.hypot(at[0], at[1]))
    if far <= reach:
        return np.arange(len(ways))
    away = np.abs(np.arctan2(ways[:, 1], ways[:, 0]) - np.arctan2(at[1], at[0]))
    return np.flatnonzero(np.minimum(away, 2 * np.pi - away) <= np.arcsin(reach / far) + 1e-3)


def hit_box(ways: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rays hit a box, and at what distance."""
    some = _window(ways, box, float(np.hypot(box[3], box[4])) / 2)
    turn = np.array([[np.cos(box[6]), -np.sin(box[6]), 0], [np.sin(box[6]), np.cos(box[6]), 0], [0, 0, 1]])
    way, start = ways[some] @ turn, -box[:3] @ turn
    way = np.where(np.abs(way) < 1e-9, 1e-9, way)
    first, second = (-box[3:6] / 2 - start) / way, (box[3:6] / 2 - start) / way
    near, far = np.minimum(first, second).max(axis=1), np.maximum(first, second).min(axis=1)
    hit = (near <= far) & (near > 0)
    return some[hit], near[hit]


def hit_cylinder(ways: np.ndarray, cylinder: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rays hit the side of an upright cylinder, and at what distance."""
    some = _window(ways, cylinder, float(cylinder[3]))
    way = ways[some]
    flat = np.square(way[:, :2]).sum(axis=1)
    along = way[:, :2] @ cylinder[:2] / flat
    room = along**2 - (np.square(cylinder[:2]).sum() - cylinder[3] ** 2) / flat
    near = along - np.sqrt(np.maximum(room, 0))
    hit = (room > 0) & (near > 0) & (np.abs(near * way[:, 2] - cylinder[2]) <= cylinder[4] / 2)
    return some[hit], near[hit]


def build(shapes: Shapes, owner: int, name: str, box: np.ndarray, rng: np.random.Generator):
    """The parts of an object within its box."""
    length, width, high = box[3:6]
    heading, floor = box[6], box[2] - high / 2
    front = np.array([np.cos(heading), np.sin(heading), 0.0])
    side = np.array([-np.sin(heading), np.cos(heading), 0.0])
    ground = np.array([box[0], box[1], floor])
    bright = float(rng.uniform(0.1, 0.6))

    def at(along: float, across: float, up: float) -> np.ndarray:
        return ground + along * front + across * side + np.array([0, 0, up])

    if name in ("Car", "Van"):
        low, top = 0.2, (0.6 if name == "Car" else 0.5) * high
        shapes.box(owner, bright, at(0, 0, (low + top) / 2), (length, width, top - low), heading)
        cabin = (0.58 if name == "Car" else 0.8) * length
        back = -(0.08 if name == "Car" else 0.1) * length
        shapes.box(owner, bright, at(back, 0, (top + high) / 2), (cabin, 0.88 * width, high - top), heading)
        for along in (-0.3, 0.3):
            shapes.box(owner, 0.05, at(along * length, 0, 0.16), (0.6, 0.96 * width, 0.32), heading)
    elif name == "Pedestrian":
        stride = float(rng.uniform(0.3, 1.0)) * (length - 0.2) / 2
        for sign in (-1, 1):
            leg = at(sign * stride, sign * 0.08, 0.24 * high)
            shapes.cylinder(owner, bright, leg, 0.09, 0.48 * high)
            arm = at(-sign * stride * 0.8, sign * (width / 2 - 0.06), 0.62 * high)
            shapes.cylinder(owner, bright, arm, 0.06, 0.32 * high)
        shapes.cylinder(owner, bright, at(0, 0, 0.66 * high), 0.19, 0.38 * high)
        shapes.cylinder(owner, 0.3, at(0.02, 0, 0.925 * high), 0.1, 0.15 * high)
    else:
        for along in (-1, 1):
            wheel = at(along * (length / 2 - 0.33), 0, 0.33)
            shapes.box(owner, 0.1, wheel, (0.66, 0.05, 0.66), heading)
        shapes.box(owner, bright, at(0, 0, 0.55), (length * 0.6, 0.06, 0.2), heading)
        shapes.box(owner, 0.2, at(0.25 * length, 0, 1.0), (0.06, width, 0.06), heading)
        for sign in (-1, 1):
            shapes.cylinder(owner, bright, at(0.02, sign * 0.12, 0.6), 0.08, 0.7)
        shapes.cylinder(owner, bright, at(-0.08, 0, 0.72 * high), 0.19, 0.32 * high)
        shapes.cylinder(owner, 0.3, at(0.08, 0, 0.925 * high), 0.1, 0.15 * high)


@dataclass
class Scene:
    """One frame: its objects and what else there is."""

    rng: np.random.Generator
    slope: np.ndarray
    road: float
    boxes: list[np.ndarray] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    taken: list[np.ndarray] = field(default_factory=list)
    shapes: Shapes = field(default_factory=Shapes)

    def floor(self, x: float, y: float) -> float:
        """The height of the ground."""
        return -HEIGHT + float(self.slope @ (x, y))

    def place(self, name: str) -> None:
        """Puts an object where there is room, if that is found soon."""
        rng = self.rng
        mean, spread = SIZES[name]
        sides = np.maximum(rng.normal(mean, spread), np.array(mean) * 0.6)
        for _ in range(20):
            x, y, heading = self._spot(name)
            if not (3 < x < 70) or abs(np.arctan2(y, x)) > np.radians(SIDEWARDS):
                continue
            box = np.array([x, y, self.floor(x, y) + sides[2] / 2, *sides, heading])
            if self.free(box):
                self.boxes.append(box)
                self.names.append(name)
                build(self.shapes, len(self.boxes), name, box, rng)
                return

    def _spot(self, name: str) -> tuple[float, float, float]:
        """In a lane along the road, across it, or anywhere."""
        rng = self.rng
        far = float(rng.uniform(5, 65) if name in ("Car", "Van") else rng.uniform(4, 50))
        kind = rng.random()
        if name == "Pedestrian" or kind < 0.25:
            around = np.radians(rng.uniform(-40, 40))
            heading = rng.uniform(-np.pi, np.pi)
            if name != "Pedestrian" and kind < 0.15:
                heading = self.road + rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, 0.1)
            return far * np.cos(around), far * np.sin(around), float(heading)
        lane = float(rng.choice([-9.0, -6.0, -2.0, 2.0, 6.0, 9.0]) + rng.normal(0, 0.4))
        x = far * np.cos(self.road) - lane * np.sin(self.road)
        y = far * np.sin(self.road) + lane * np.cos(self.road)
        turned = np.pi if lane > 0 else 0.0
        return x, y, float(self.road + turned + rng.normal(0, 0.05))

    def free(self, box: np.ndarray) -> bool:
        """Takes the place of a box where nothing else is."""
        grown = box.copy()
        grown[3:5] += 0.4
        if self.taken and overlaps_above(grown[None], np.stack(self.taken)).max() > 0:
            return False
        self.taken.append(box)
        return True

    def clutter(self) -> None:
        """What is no object: walls, poles, trunks, bushes and bins."""
        rng = self.rng
        for lane in (-1, 1):
            if rng.random() < 0.7:
                self._walls(lane * float(rng.uniform(12, 22)))
        for _ in range(int(rng.integers(6, 18))):
            around, far = np.radians(rng.uniform(-41, 41)), float(rng.uniform(5, 60))
            x, y = far * np.cos(around), far * np.sin(around)
            kind, bright = rng.random(), float(rng.uniform(0.05, 0.5))
            radius, high = 0.0, 0.0
            if kind < 0.4:
                radius, high = rng.uniform(0.05, 0.15), rng.uniform(2.0, 6)
            elif kind < 0.6:
                radius, high = rng.uniform(0.15, 0.4), rng.uniform(3.0, 6)
            elif kind < 0.8:
                radius, high = rng.uniform(0.4, 1.2), rng.uniform(0.6, 2.0)
            wide, high = (2 * radius, high) if radius else (rng.uniform(0.4, 1.2), rng.uniform(0.7, 1.6))
            heading = float(rng.uniform(-np.pi, np.pi))
            middle = self.floor(x, y) + high / 2
            if not self.free(np.array([x, y, middle, wide, wide, high, heading])):
                continue
            at = np.array([x, y, middle])
            if radius:
                self.shapes.cylinder(0, bright, at, radius, high)
            else:
                self.shapes.box(0, bright, at, (wide, wide * rng.uniform(0.6, 1), high), heading)

    def _walls(self, lane: float) -> None:
        """Fronts of houses along the road with gaps."""
        along = float(self.rng.uniform(0, 15))
        while along < 70:
            long, high = float(self.rng.uniform(8, 25)), float(self.rng.uniform(1.5, 8))
            middle = along + long / 2
            x = middle * np.cos(self.road) - lane * np.sin(self.road)
            y = middle * np.sin(self.road) + lane * np.cos(self.road)
            box = np.array([x, y, self.floor(x, y) + high / 2, long, 0.4, high, self.road])
            if self.free(box):
                self.shapes.box(0, float(self.rng.uniform(0.1, 0.5)), box[:3], tuple(box[3:6]), self.road)
            along += long + float(self.rng.uniform(1, 15))


def simulate(seed: int, number: int, ways: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """A sweep as rows of x, y, z and reflectance, and the lines of its labels."""
    rng = np.random.default_rng([seed, number])
    scene = Scene(rng, rng.normal(0, 0.008, 2), float(rng.normal(0, 0.12)))
    for name, most in (("Car", 12), ("Van", 1), ("Pedestrian", 7), ("Cyclist", 5)):
        for _ in range(int(rng.integers(0, most + 1))):
            scene.place(name)
    scene.clutter()
    return cast(scene, ways)


def cast(scene: Scene, ways: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """What rays measure of a scene, and the labels of its objects."""
    rng, shapes = scene.rng, scene.shapes
    down = scene.slope[0] * ways[:, 0] + scene.slope[1] * ways[:, 1] - ways[:, 2]
    nearest = np.where(down > 1e-6, HEIGHT / np.maximum(down, 1e-6), np.inf)
    owner, bright = np.zeros(len(ways), int), np.full(len(ways), float(rng.uniform(0.1, 0.3)))
    reached = np.zeros((len(scene.boxes) + 1, len(ways)), bool)
    parts = [(hit_box, shape, of) for shape, of in zip(shapes.boxes, shapes.box_of, strict=True)]
    parts += [(hit_cylinder, s, of) for s, of in zip(shapes.cylinders, shapes.cylinder_of, strict=True)]
    for hit, shape, (mine, reflectance) in parts:
        some, far = hit(ways, shape)
        reached[mine, some] = True
        near = far < nearest[some]
        nearest[some[near]], owner[some[near]], bright[some[near]] = far[near], mine, reflectance
    seen = np.isfinite(nearest) & (nearest < FARTHEST)
    seen &= rng.random(len(ways)) > LOST + 0.3 * np.square(nearest.clip(0, FARTHEST) / FARTHEST)
    distance = nearest[seen] + rng.normal(0, NOISE, int(seen.sum()))
    values = np.empty((len(distance), 4), np.float32)
    values[:, :3] = ways[seen] * distance[:, None]
    values[:, 3] = np.clip(bright[seen] + rng.normal(0, 0.04, len(distance)), 0, 1)
    return values, _labels(scene, owner, reached, values)


def _labels(scene: Scene, owner: np.ndarray, reached: np.ndarray, values: np.ndarray) -> list[str]:
    """The objects in the picture, with how far each is hidden."""
    if not scene.boxes:
        return []
    boxes = np.stack(scene.boxes)
    frames, outside = CAMERA.frames(boxes)
    counts = inside(boxes, values[:, :3].astype(np.float64)).sum(axis=1)
    shown = (frames[:, 2] > frames[:, 0]) & (frames[:, 3] > frames[:, 1]) & (outside < 0.9) & (counts > 0)
    hidden = []
    for row in range(len(boxes)):
        own = reached[row + 1].sum()
        share = (owner[reached[row + 1]] == row + 1).sum() / own if own else 0.0
        hidden.append(0 if share > 0.8 else 1 if share > 0.45 else 2 if share > 0.1 else 3)
    rows = np.flatnonzero(shown)
    names = [scene.names[row] for row in rows]
    return kitti_lines(boxes[rows], names, CAMERA, hidden=[hidden[row] for row in rows])


def write_frames(folder: Path, frames: int, seed: int = 0) -> Path:
    """Writes a data set, unless it is there; returns its folder."""
    done = folder / "complete"
    if done.exists():
        return folder
    training, ways = folder / "training", rays()
    for name in ("velodyne", "label_2", "calib"):
        (training / name).mkdir(parents=True, exist_ok=True)
    for number in range(frames):
        values, lines = simulate(seed, number, ways)
        values.tofile(training / "velodyne" / f"{number:06d}.bin")
        (training / "label_2" / f"{number:06d}.txt").write_text("".join(f"{line}\n" for line in lines))
        (training / "calib" / f"{number:06d}.txt").write_text(CALIBRATION + "\n")
    (folder / "ImageSets").mkdir(exist_ok=True)
    first = 0
    for split, share in SHARES.items():
        behind = frames if split == "test" else first + round(share * frames)
        names = [f"{number:06d}\n" for number in range(first, behind)]
        (folder / "ImageSets" / f"{split}.txt").write_text("".join(names))
        first = behind
    done.touch()
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(write_frames(given.folder, given.frames, given.seed))


if __name__ == "__main__":
    main()
