"""A linear probe for each layer: how well a straight line between its features tells the classes apart."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.data.stratify import carve
from convscope.errors import UsageError
from convscope.features.results import Result
from convscope.features.rows import gather, some_rows
from convscope.features.table import Features
from convscope.types import SPLITS, Progress, Say, no_progress, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Inverse strengths of regularization (scikit-learn's C) that the validation split chooses from."""
STEPS = 500
"""Of the solver, for each strength."""
MOST = 50_000
"""Train samples at most, drawn by the seed."""
FRACTIONS = {"test": 0.2, "validation": 0.2}
"""Carved out, of each class, where the features have no splits."""
FIELDS = ("layer", "values", "accuracy", "low", "high", "validation_accuracy", "strength", "converged")


@dataclass(frozen=True)
class LayerProbe:
    """What a linear classifier reaches on one layer's features.

    Args:
        layer: Its path.
        values: How many features a sample has.
        accuracy: Share of the test samples that are told right.
        low: Lower end of its 95 % interval.
        high: Upper end.
        validation_accuracy: On the split that chose the strength.
        strength: scikit-learn's C.
        converged: Whether the solver came to its end.
    """

    layer: str
    values: int
    accuracy: float
    low: float
    high: float
    validation_accuracy: float
    strength: float
    converged: bool


@dataclass(frozen=True, eq=False)
class Probe(Result):
    """Probes of several layers of one model, on the same samples.

    Args:
        features: Whose they are.
        layers: In the model's order.
        classes: How many class names the train samples have.
        samples: Train, validation and test samples.
        baseline: Accuracy on test of always predicting the most frequent class of train.
        model: Accuracy on test of the model's own predictions, or None.
        notes: What was decided or should be known, one line each.
        seed: For what is drawn at random.
    """

    heading = "Accuracy by depth"

    features: Features = field(repr=False)
    layers: tuple[LayerProbe, ...]
    classes: int
    samples: tuple[int, int, int]
    baseline: float
    model: float | None
    notes: tuple[str, ...]
    seed: int = 0

    @property
    def title(self) -> str:
        """In words."""
        return f"Linear probes of {self.features.manifest.model['name']}"

    @property
    def best(self) -> LayerProbe:
        """The layer of the highest accuracy, the first of several."""
        return max(self.layers, key=lambda each: each.accuracy)

    @property
    def separable(self) -> LayerProbe | None:
        """The first layer from which on all reach the interval of the best; None where later ones fall."""
        first = None
        for each in reversed(self.layers):
            if each.accuracy < self.best.low:
                break
            first = each
        reached = first is not None and self.layers.index(first) <= self.layers.index(self.best)
        return first if reached else None

    @property
    def finding(self) -> str:
        """Which layer separates the classes best, and from which on all do so as well, in a sentence."""
        first, best = self.separable, self.best
        said = f"The best of {len(self.layers)} layers is {best.layer} with {best.accuracy:.1%}"
        if best.low <= self.baseline:
            return f"{said}, no better than the most frequent class ({self.baseline:.1%})."
        if first is None or first.layer == best.layer:
            return f"{said}."
        return f"{said}; from {first.layer} ({first.accuracy:.1%}) on, all are within its interval."

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "layers": [asdict(each) for each in self.layers],
            "classes": self.classes,
            "samples": dict(zip(SPLITS, self.samples, strict=True)),
            "baseline": self.baseline,
            "model": self.model,
            "separable_from": None if self.separable is None else self.separable.layer,
            "best": self.best.layer,
            "seed": self.seed,
            "notes": list(self.notes),
        }

    def to_rows(self) -> Iterator[Sequence[object]]:
        """One row for each layer, the names of `FIELDS` first."""
        yield FIELDS
        yield from ([asdict(each)[name] for name in FIELDS] for each in self.layers)

    def draw(self, theme: str = "light") -> Figure:
        """Accuracy by depth, with the baseline and the model's own accuracy.

        Args:
            theme: `light` or `dark`.
        """
        from convscope.lenses.figures.depth import Level, draw_depth

        noted = self.separable or self.best
        levels = [
            Level(each.layer, each.accuracy, each.low, each.high, f"{each.values:,}", each == noted)
            for each in self.layers
        ]
        lines = [("the most frequent class", self.baseline)]
        if self.model is not None:
            lines.append(("the model itself", self.model))
        lead = (
            f"Accuracy of a linear classifier on the features of each layer, from the input at the top; "
            f"{self.samples[2]:,} test samples of {self.classes} classes; lines are 95% intervals. "
            f"{self.finding}"
        )
        return draw_depth(
            levels, lines, theme=theme, title=self.title, lead=lead, what="accuracy on test", noted="features"
        )


def probe(
    features: Features,
    *,
    layers: Sequence[str] = (),
    seed: int = 0,
    most: int = MOST,
    progress: Progress = no_progress,
    say: Say = silent,
) -> Probe:
    """Trains a linear classifier on the features of each layer.

    After Alain and Bengio (2016), "Understanding intermediate layers using linear classifier probes".
    Features are brought to mean 0 and variance 1 on the train samples; then comes logistic regression, whose
    strength of regularization the validation split chooses. Test samples take no part in either.

    Args:
        features: With labels.
        layers: Paths, ends of paths or patterns such as `block*`; by default all.
        seed: For what is drawn at random: splits that the features do not have, and train samples.
        most: Train samples at most.
        progress: Receives how much is done.
        say: Receives what was decided.

    Returns:
        A probe for each layer, in the model's order.

    Raises:
        UsageError: An unknown layer, features without labels, or too few samples of too few classes.
        DataError: A file is damaged.
    """
    paths = chosen_layers(features, layers)
    parts, codes, notes = _divided(features, seed, most)
    train, validation, test = parts
    for note in notes:
        say(note)
    frequent = np.bincount(codes[train]).argmax()
    found = []
    for done, path in enumerate(paths):
        progress(done, len(paths), f"probing, {path}")
        sets = [(gather(features, path, rows), codes[rows]) for rows in parts]
        found.append(_probed(path, sets, seed))
    unfinished = [each.layer for each in found if not each.converged]
    if unfinished:
        notes.append(f"the solver stopped after {STEPS} steps at {', '.join(unfinished)}")
        say(f"Warning: {notes[-1]}.")
    return Probe(
        features,
        tuple(found),
        len(np.unique(codes[train])),
        (len(train), len(validation), len(test)),
        float(np.mean(codes[test] == frequent)),
        _of_model(features, test),
        tuple(notes),
        seed,
    )


def chosen_layers(features: Features, names: Sequence[str]) -> list[str]:
    """Layers of features by path, end of a path or pattern, in the model's order; all for no name.

    Raises:
        UsageError: Nothing has that name.
    """
    if not names:
        return list(features.layers)
    wanted: set[str] = set()
    for name in names:
        matching = [path for path in features.layers if fnmatchcase(path, name)]
        wanted |= set(matching) or {features.find(name).layer}
    return [path for path in features.layers if path in wanted]


def interval(right: int, samples: int) -> tuple[float, float]:
    """The 95 % interval of a share that was counted (Wilson 1927).

    Args:
        right: How many were counted.
        samples: Of how many, at least 1.

    Returns:
        Its ends, within 0 to 1.

    Example:
        >>> tuple(round(end, 3) for end in interval(9, 10))
        (0.596, 0.982)
    """
    z = 1.959964
    share = right / samples
    centre = (share + z**2 / (2 * samples)) / (1 + z**2 / samples)
    half = z * np.sqrt(share * (1 - share) / samples + z**2 / (4 * samples**2)) / (1 + z**2 / samples)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _divided(
    features: Features, seed: int, most: int
) -> tuple[tuple[npt.NDArray[np.int64], ...], npt.NDArray[np.int64], list[str]]:
    """Rows of train, validation and test, the class of every row, and how they came to be."""
    columns = features.columns()
    codes = columns.codes(features.class_names)
    known = np.flatnonzero(codes >= 0)
    if not len(known):
        raise UsageError(f"{features.path} has no labels.", "Extract features of a data set with labels.")
    number: dict[str, int] = {name: place for place, name in enumerate(SPLITS)}
    split = np.array([number.get(str(name), -1) for name in columns.splits], np.int8)
    there = [int(np.sum(split[known] == place)) for place in range(len(SPLITS))]
    notes: list[str] = []
    if not (there[0] and there[2]):
        split[known] = carve(codes[known], known, FRACTIONS, seed)  # type: ignore[arg-type]
        notes.append(
            f"no train or no test split: splits of all {len(known):,} samples drawn with seed {seed}"
        )
    elif not there[1]:
        train = known[split[known] == 0]
        split[train] = carve(codes[train], train, {"validation": FRACTIONS["validation"]}, seed)
        notes.append(f"validation split drawn from train with seed {seed}")
    parts = [known[split[known] == place] for place in range(len(SPLITS))]
    chosen = some_rows(parts[0], most, seed)
    if len(chosen) < len(parts[0]):
        notes.append(f"trained on {len(chosen):,} of {len(parts[0]):,} train samples")
    parts[0] = chosen
    empty = [name for name, rows in zip(SPLITS, parts, strict=True) if not len(rows)]
    if empty or len(np.unique(codes[parts[0]])) < 2:
        what = f"no {empty[0]} samples" if empty else "train samples of one class only"
        raise UsageError(f"{features.path} has {what}.", "Each split needs samples of at least two classes.")
    return tuple(parts), codes, notes


def _probed(
    path: str, sets: Sequence[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]], seed: int
) -> LayerProbe:
    """Fits with rising C, each from the weights of the one before, and keeps the best on validation."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(_finite(sets[0][0]))
    (train, train_codes), (validation, validation_codes), (test, test_codes) = [
        (scaler.transform(_finite(values)), codes) for values, codes in sets
    ]
    model = LogisticRegression(max_iter=STEPS, warm_start=True, random_state=seed)
    best: tuple[float, float, bool, int] | None = None
    for strength in STRENGTHS:
        model.set_params(C=strength)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # `converged` says so
            model.fit(train, train_codes)
        reached = float(model.score(validation, validation_codes))
        if best is None or reached > best[0]:
            right = int(np.sum(model.predict(test) == test_codes))
            best = (reached, strength, bool(np.max(model.n_iter_) < STEPS), right)
    assert best is not None
    low, high = interval(best[3], len(test_codes))
    return LayerProbe(path, train.shape[1], best[3] / len(test_codes), low, high, best[0], best[1], best[2])


def _finite(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Values with 0 for what is not finite: a feature that overflows tells a linear classifier nothing."""
    return np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _of_model(features: Features, rows: npt.NDArray[np.int64]) -> float | None:
    """The model's own accuracy, where it predicts these classes."""
    columns = features.columns()
    pairs = [(columns.labels[row], columns.predictions[row]) for row in rows]
    names = features.manifest.prediction_names or ()
    if not set(features.class_names) <= set(names) or any(answer is None for _, answer in pairs):
        return None
    return float(np.mean([label == answer for label, answer in pairs]))
