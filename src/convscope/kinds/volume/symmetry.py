"""Whether mirrored and turned volumes keep their classes, found by a quick first model of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split
from convscope.kinds.volume.representation import as_volumes
from convscope.kinds.volume.resampling import resampled

SIDE = 8
"""Side to which volumes are reduced for the first model, in voxels."""
MOST_LEARNED = 1500
MOST_ASKED = 600
FEWEST_ASKED = 30
LOST = 0.1
"""Share of what the model knows that a change may cost."""

Changes = dict[str, Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]]
MIRRORED: Changes = {axis: lambda v, at=at: np.flip(v, at) for at, axis in enumerate("xyz", 1)}  # type: ignore[misc]
TURNED: Changes = {
    "x": lambda v: np.rot90(v, 1, (2, 3)),
    "y": lambda v: np.rot90(v, 1, (1, 3)),
    "z": lambda v: np.rot90(v, 1, (1, 2)),
}


@dataclass(frozen=True)
class Symmetry:
    """Changes that keep the classes of volumes.

    Args:
        flip: Axes along which they may be mirrored.
        turn: Axes about which they may be turned by quarters.
        lines: Why, for the decisions.
    """

    flip: tuple[str, ...]
    turn: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FirstModel:
    """A linear model that learned two thirds of the train volumes in small, and is asked about the others.

    Args:
        asked: The volumes that it is asked about, shape (volumes, SIDE, SIDE, SIDE).
        labels: Their classes.
        answer: From volumes to classes.
        chance: Mean of the recalls of a model that knows nothing.
    """

    asked: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    answer: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int64]]
    chance: float

    def known(self, volumes: npt.NDArray[np.float32]) -> tuple[float, npt.NDArray[np.float64]]:
        """The mean over classes of the share that it knows, and what each volume adds to it."""
        right = self.answer(volumes) == self.labels
        counts = np.bincount(self.labels)
        weights = 1 / (counts[self.labels] * np.count_nonzero(counts))
        return float((right * weights).sum()), right * weights


def symmetry_of(train: Split, classes: int, seed: int) -> Symmetry:
    """Finds which changes keep the classes.

    Scans whose sides are known are mirrored from left to right alone, and never turned by quarters. Arrays
    of no known direction may be mirrored along all axes and turned about all. A linear discriminant analysis
    is asked about volumes as they are and changed; where it knows changed ones clearly less, they are not
    used. Where it knows no more than chance, directions say nothing that it could lose, and changes are used
    for arrays without directions.

    Args:
        train: Volumes with labels.
        classes: The number of class names.
        seed: Chooses the volumes.
    """
    facts = as_volumes(train).facts
    spaced = any(fact.spaced for fact in facts)
    sides = np.array([fact.shape for fact in facts])
    planes = {"x": (1, 2), "y": (0, 2), "z": (0, 1)}
    square = [axis for axis, (one, two) in planes.items() if (sides[:, one] == sides[:, two]).all()]
    model = _first_model(train, classes, seed)
    flip, said = _kept(model, "flip_axes", "mirrored along", "x" if spaced else "xyz", MIRRORED, spaced)
    if spaced or not square:
        return Symmetry(flip, (), (said,))
    turn, also = _kept(model, "turn_axes", "turned by a quarter about", square, TURNED, spaced)
    return Symmetry(flip, turn, (said, also))


def _kept(
    model: FirstModel | None, option: str, said: str, axes: Sequence[str], changes: Changes, spaced: bool
) -> tuple[tuple[str, ...], str]:
    """The axes whose change costs the first model nothing, and why."""
    if model is None:
        few = "the train volumes are too few to tell whether changed ones keep their classes"
        return (), f"{option}: none, because {few}"
    plain, each = model.known(model.asked)
    if plain - model.chance < 2 * float(np.std(each) * np.sqrt(len(each))):
        kept = () if spaced else tuple(axes)
        by_chance = f"a first linear model knows {plain:.0%} of the classes, about as many as by chance"
        return kept, f"{option}: {', '.join(kept) or 'none'}, because {by_chance}"
    kept, figures = (), [f"{plain:.0%} of the classes"]
    for axis in axes:
        share, other = model.known(changes[axis](model.asked))
        spread = float(np.std(each - other) * np.sqrt(len(each)))
        if plain - share <= max(LOST * (plain - model.chance), 2 * spread):
            kept = (*kept, axis)
        figures.append(f"{share:.0%} {said} {axis}")
    shares = ", ".join(figures)
    return kept, f"{option}: {', '.join(kept) or 'none'}, because a first linear model knows {shares}"


def _first_model(train: Split, classes: int, seed: int) -> FirstModel | None:
    """The model; None where volumes are too few."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    order = np.random.default_rng(seed).permutation(len(train))[: MOST_LEARNED + MOST_ASKED]
    asked, learned = np.split(order, [min(len(order) // 3, MOST_ASKED)])
    if len(asked) < FEWEST_ASKED or len(np.unique(train.labels[learned])) < 2:
        return None
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=_even(train.labels[learned]))
    with np.errstate(all="ignore"):
        model.fit(_small(train, learned).reshape(len(learned), -1), train.labels[learned])

    def answer(volumes: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = model.predict(volumes.reshape(len(volumes), -1))
        return found

    return FirstModel(_small(train, asked), train.labels[asked], answer, 1 / classes)


def _even(labels: npt.NDArray[np.int64]) -> list[float]:
    """Classes count alike, however many volumes each has."""
    count = len(np.unique(labels))
    return [1 / count] * count


def _small(train: Split, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Volumes of SIDE voxels along each axis and one channel, each of zero mean and unit variance."""
    made = np.empty((len(rows), SIDE, SIDE, SIDE), np.float32)
    for place, row in enumerate(rows.tolist()):
        values = train.samples.load(row).values
        mean = values.mean(axis=3, dtype=np.float32)
        made[place] = resampled(mean, mean.shape, (SIDE,) * 3, (SIDE,) * 3)
    made -= made.mean(axis=(1, 2, 3), keepdims=True)
    made /= np.maximum(made.std(axis=(1, 2, 3), keepdims=True), 1e-6)
    return made
