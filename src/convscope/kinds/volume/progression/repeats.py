"""How much measures differ where nothing changed: scans measured against themselves, moved and with noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from convscope.errors import DataError
from convscope.kinds.volume.progression.change import growth, halfway, on_one_scale
from convscope.kinds.volume.progression.measuring import Mask, Measurer
from convscope.kinds.volume.progression.registration import align
from convscope.kinds.volume.progression.visits import Subject
from convscope.kinds.volume.volume import Affine, Volume
from convscope.types import Progress

MOVED, TURNED = 2.0, 3.0
"""How far a scan is moved and turned at most, in mm and degrees."""
FEWEST = 3
"""Degrees of freedom without which residuals tell no error."""


def repeated(volume: Volume, mask: Mask, rng: np.random.Generator) -> tuple[Volume, Volume, Mask]:
    """A scan as if it had been taken twice: moved, turned, each time with as much noise as it has.

    Both are interpolated, so that both are as sharp.

    Args:
        volume: The scan; its first channel counts.
        mask: Its labels, shape (x, y, z).
        rng: Draws moves and noise.

    Returns:
        Both, and the labels of the first.
    """
    values = volume.values[..., 0].astype(np.float32)
    noise, taken, labels = noise_of(values), [], mask
    for number in range(2):
        move = random_move(volume, rng)
        index = np.linalg.inv(volume.affine) @ np.linalg.inv(move) @ volume.affine
        matrix, offset = index[:3, :3], index[:3, 3]
        again = affine_transform(values, matrix, offset, order=3, mode="nearest")
        taken.append(again + rng.normal(0, noise, values.shape).astype(np.float32))
        if not number:
            labels = affine_transform(mask, matrix, offset, order=0, mode="nearest")
    first, second = (volume.with_values(each[..., None]) for each in taken)
    return first, second, labels


def random_move(volume: Volume, rng: np.random.Generator) -> Affine:
    """A small rigid move about the middle of a scan, in mm, shape (4, 4)."""
    middle = (volume.affine @ np.append((np.array(volume.shape) - 1) / 2, 1.0))[:3]
    move = np.eye(4)
    move[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-TURNED, TURNED, 3), degrees=True).as_matrix()
    move[:3, 3] = middle + rng.uniform(-MOVED, MOVED, 3) - move[:3, :3] @ middle
    return move


def noise_of(values: npt.NDArray[Any]) -> float:
    """Standard deviation of the noise of a scan, from second differences along its first axis."""
    bent = np.diff(values.astype(np.float32), n=2, axis=0)
    return float(np.median(np.abs(bent - np.median(bent))) / 0.6745 / np.sqrt(6)) if bent.size else 0.0


def measured_again(
    measurer: Measurer, subjects: Sequence[Subject], count: int, seed: int, progress: Progress
) -> list[float]:
    """What registration measures where nothing changed, in percent, one number for each structure.

    Args:
        measurer: Tells the masks of the first scans.
        subjects: Whose first scans are measured against themselves.
        count: How many of them, evenly chosen.
        seed: Of moves and noise.
        progress: Receives how many are done.
    """
    found: list[float] = []
    chosen = np.unique(np.linspace(0, len(subjects) - 1, min(count, len(subjects))).astype(int)).tolist()
    for done, row in enumerate(chosen, 1):
        subject = subjects[row]
        mask = measurer.mask_of(subject, 0)
        if mask is not None:
            found += _again(subject.scan(0), mask, measurer.affine, np.random.default_rng([seed, row]))
        progress(done, len(chosen), "measuring repeats")
    return found


def _again(scan: Volume, mask: Mask, affine: bool, rng: np.random.Generator) -> list[float]:
    first, second, labels_of_first = repeated(scan, mask, rng)
    try:
        alignment = align(first, second, affine=affine)
    except DataError:
        return []
    half = on_one_scale(halfway(first, second, alignment))
    labels = sorted(set(np.unique(labels_of_first).tolist()) - {0})
    return [100 * (factor - 1) for factor in growth(half, first, labels_of_first, labels, alignment)]


def residual_error(
    courses: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
) -> float | None:
    """Standard deviation of a difference of two volumes without a change, in percent of the first.

    Args:
        courses: Years and volumes of subjects; those with three visits and more tell how far volumes lie from
            a line.

    Returns:
        None where they are too few.
    """
    squares, freedom = 0.0, 0
    for years, volumes in courses:
        if len(years) < 3 or not volumes[0] > 0 or not np.isfinite(volumes).all():
            continue
        apart = years - years.mean()
        spread = float(np.square(apart).sum())
        shares = 100 * volumes / volumes[0]
        slope = float((apart * shares).sum() / spread) if spread > 0 else 0.0
        squares += float(np.square(shares - shares.mean() - slope * apart).sum())
        freedom += len(years) - (2 if spread > 0 else 1)
    return float(np.sqrt(2 * squares / freedom)) if freedom >= FEWEST else None
