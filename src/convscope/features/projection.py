"""Features on a plane, by PCA, t-SNE or UMAP: each sample a point with its label and the model's answer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from convscope.errors import BackendError, UsageError, install_command, unknown_name
from convscope.features.results import Result
from convscope.features.rows import check_at_least, gather, slices, some_rows
from convscope.features.table import Features
from convscope.types import Progress, Say, no_progress, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Method = Literal["pca", "tsne", "umap"]
METHODS: tuple[Method, ...] = get_args(Method)
Color = Literal["label", "prediction", "mistake", "split"]
COLORS: tuple[Color, ...] = get_args(Color)

MOST = 10_000
"""Samples that t-SNE and UMAP place, that PCA is fitted to, and that are drawn."""
BEFORE = 50
"""Principal components that t-SNE and UMAP work on (van der Maaten and Hinton 2008 take 30)."""
LEAST = 5
NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
UNKNOWN = "not known"
RIGHT, WRONG = "right", "mistake"
_TEXTS = {"label": "label", "prediction": "prediction", "mistake": "mistake or not", "split": "split"}


@dataclass(frozen=True, eq=False)
class Projection(Result):
    """Samples as points of a plane.

    Args:
        features: Whose samples they are.
        layer: By the features of which layer.
        method: `pca`, `tsne` or `umap`.
        rows: Which samples, rising, shape (n,), int64.
        points: Shape (n, 2), float32.
        explained: For PCA the shares of the variance along the two axes.
        notes: What was decided or should be known, one line each.
        color: What points are colored by, unless `draw` is told otherwise.
        seed: Chose what is drawn of more than `MOST`.
    """

    heading = "Samples on a plane"
    table_too = True

    features: Features = field(repr=False)
    layer: str
    method: Method
    rows: npt.NDArray[np.int64] = field(repr=False)
    points: npt.NDArray[np.float32] = field(repr=False)
    explained: tuple[float, float] | None
    notes: tuple[str, ...]
    color: Color = "label"
    seed: int = 0

    @property
    def title(self) -> str:
        """In words."""
        return f"{NAMES[self.method]} of {self.layer} of {self.features.manifest.model['name']}"

    @property
    def mistakes(self) -> npt.NDArray[np.bool_]:
        """Whether the model's answer is another than the label, where both are known; shape (n,)."""
        columns = self.features.columns()
        return np.array([_state(columns.labels[i], columns.predictions[i]) == WRONG for i in self.rows], bool)

    def groups(self, color: Color) -> list[str]:
        """The group of each sample, of that kind; those without one are `not known`."""
        columns = self.features.columns()
        if color == "mistake":
            return [_state(columns.labels[i], columns.predictions[i]) for i in self.rows]
        of = {"label": columns.labels, "prediction": columns.predictions, "split": columns.splits}[color]
        return [UNKNOWN if of[i] is None else str(of[i]) for i in self.rows]

    def draw(self, theme: str = "light", color: Color | None = None) -> Figure:
        """The points, at most `MOST` of them, mistakes with a ring.

        Args:
            theme: `light` or `dark`.
            color: What they are colored by: `label`, `prediction`, `mistake` or `split`.
        """
        from convscope.lenses.figures.scatter import draw_scatter

        color = check_color(color or self.color)
        drawn = np.searchsorted(self.rows, some_rows(self.rows, MOST, self.seed))
        found = [self.groups(color)[i] for i in drawn]
        names = sorted(set(found), key=lambda name: (name in (UNKNOWN, RIGHT), name))
        place_of = {name: place for place, name in enumerate(names)}
        mistakes = self.mistakes[drawn]
        lead = [f"Each point is a sample, colored by {_TEXTS[color]}"]
        if color != "mistake" and mistakes.any():
            lead.append("rings: the model's answer is not the label")
        if self.method != "pca":
            lead.append("near points have similar features; far distances and sizes of groups say little")
        if len(drawn) < len(self.rows):
            lead.append(f"{len(drawn):,} of {len(self.rows):,} samples are drawn")
        shares = self.explained
        words = ("first", "second")
        axes = tuple(
            f"{word} component, {share:.0%} of the variance"
            for word, share in zip(words, shares or (), strict=False)
        )
        return draw_scatter(
            self.points[drawn],
            np.array([place_of[name] for name in found], np.int64),
            names,
            marked=mistakes if color != "mistake" else None,
            axes=(axes[0], axes[1]) if axes else ("", ""),
            theme=theme,
            title=self.title,
            lead="; ".join(lead) + ".",
            plain=frozenset({UNKNOWN, RIGHT}),
        )

    def to_rows(self) -> Iterator[Sequence[object]]:
        """One row for each sample: id, path, label, prediction, x, y."""
        columns = self.features.columns()
        yield ("id", "path", "label", "prediction", "x", "y")
        for row, (x, y) in zip(self.rows.tolist(), self.points.tolist(), strict=True):
            label, prediction = columns.labels[row], columns.predictions[row]
            yield row, columns.paths[row], label, prediction, f"{x:.6g}", f"{y:.6g}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "layer": self.layer,
            "method": self.method,
            "seed": self.seed,
            "explained": None if self.explained is None else list(self.explained),
            "notes": list(self.notes),
            "ids": self.rows.tolist(),
            "points": self.points.tolist(),
        }


def project(
    features: Features,
    *,
    layer: str | None = None,
    method: Method = "pca",
    color: Color = "label",
    seed: int = 0,
    most: int = MOST,
    progress: Progress = no_progress,
    say: Say = silent,
) -> Projection:
    """Places samples on a plane by their features.

    PCA shows the two directions of largest variance. t-SNE (van der Maaten and Hinton 2008) and UMAP
    (McInnes, Healy and Melville 2018) keep neighbors together; they work on the first 50 principal
    components and on at most `most` samples, drawn by the seed.

    Args:
        features: What was extracted.
        layer: By which layer; by default the last.
        method: `pca`, `tsne` or `umap`.
        color: What points are colored by: `label`, `prediction`, `mistake` or `split`.
        seed: For what is drawn at random; the same one gives the same points.
        most: Samples that t-SNE and UMAP place and that PCA is fitted to; PCA places all.
        progress: Receives how much is done.
        say: Receives what was decided.

    Raises:
        UsageError: An unknown layer, method or color, or fewer than 5 samples.
        BackendError: UMAP is not installed.
        DataError: A file is damaged.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    check_color(color)
    check_at_least("The number of samples to place", most, LEAST)
    if method == "umap":
        say(
            "UMAP is compiled first, which takes half a minute, and several on a busy machine, whatever the"
            " number of samples; --method tsne takes seconds"
        )
        progress(0, None, "compiling UMAP")
        _umap()
    column, said = features.chosen(layer)
    rows, notes = _usable(features, column.layer)
    if len(rows) < LEAST:
        raise UsageError(
            f"{features.path} has {len(rows)} samples, expected at least {LEAST}.",
            "Extract more of them.",
        )
    chosen = some_rows(rows, most, seed)
    values = gather(features, column.layer, chosen)
    if len(chosen) < len(rows):
        what = "fitted to" if method == "pca" else "of"
        notes.append(
            f"{NAMES[method]} {what} {len(chosen):,} of {len(rows):,} samples, drawn with seed {seed}"
        )
    for note in filter(None, (said, *notes)):
        say(note)
    progress(0, None, NAMES[method])
    if method == "pca":
        fitted, explained = _pca(values, 2, seed)
        points = _placed_by(fitted, features, column.layer, rows)
    else:
        rows, explained, points = chosen, None, _embedded(values, method, seed)
    points = np.ascontiguousarray(points, np.float32)
    return Projection(features, column.layer, method, rows, points, explained, tuple(notes), color, seed)


def placed_on_plane(
    values: npt.NDArray[np.float32], method: Method, seed: int = 0
) -> tuple[npt.NDArray[np.float32], tuple[float, float] | None]:
    """Places rows of finite values on a plane, all of them.

    Args:
        values: (samples, values), at least 5 samples.
        method: `pca`, `tsne` or `umap`.
        seed: For what is drawn at random.

    Returns:
        Points (samples, 2), float32; and for PCA the shares of the variance along the two axes.

    Raises:
        UsageError: Fewer samples, or an unknown method.
        BackendError: UMAP is not installed.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    check_at_least("The number of samples to place", len(values), LEAST)
    if method != "pca":
        return np.ascontiguousarray(_embedded(values, method, seed), np.float32), None
    fitted, explained = _pca(values, 2, seed)
    wide = np.pad(values, ((0, 0), (0, max(0, 2 - values.shape[1]))))
    return np.ascontiguousarray(fitted.transform(wide), np.float32), explained


def _embedded(values: npt.NDArray[np.float32], method: Method, seed: int) -> npt.NDArray[np.float32]:
    """Points by t-SNE or UMAP, of principal components where there are many values."""
    if values.shape[1] > BEFORE and len(values) > BEFORE:
        values = _pca(values, BEFORE, seed)[0].transform(values)
    points: npt.NDArray[np.float32] = (_tsne if method == "tsne" else _by_umap)(values, seed)
    return points


def check_color(color: str) -> Color:
    """The color, if there is one of that name.

    Raises:
        UsageError: There is none.
    """
    for known in COLORS:
        if known == color:
            return known
    raise unknown_name("color", color, COLORS)


def _usable(features: Features, layer: str) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Rows whose features are all finite."""
    good = [
        start + np.flatnonzero(np.isfinite(block).all(axis=1)) for start, block in slices(features, layer)
    ]
    rows = np.concatenate([np.empty(0, np.int64), *good]).astype(np.int64)
    lost = len(features) - len(rows)
    return rows, [f"{lost:,} samples left out: some of their features are not finite"] if lost else []


def _pca(values: npt.NDArray[np.float32], components: int, seed: int) -> tuple[Any, tuple[float, float]]:
    """Fitted components, at most as many as there are; a second axis of nothing where there is one value."""
    from sklearn.decomposition import PCA

    if values.shape[1] < 2:
        values = np.pad(values, ((0, 0), (0, 2 - values.shape[1])))
    fitted = PCA(min(components, *values.shape), random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "invalid value encountered", RuntimeWarning
        )  # all samples are equal
        fitted.fit(values)
    shares = np.nan_to_num(fitted.explained_variance_ratio_)
    return fitted, (float(shares[0]), float(shares[1]))


def _placed_by(
    fitted: Any, features: Features, layer: str, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """All usable rows, some at a time."""
    points = np.empty((len(rows), 2), np.float32)
    done = 0
    for start, block in slices(features, layer):
        end = int(np.searchsorted(rows, start + len(block)))
        part = block[rows[done:end] - start]
        if len(part):
            wide = np.pad(part, ((0, 0), (0, max(0, 2 - part.shape[1]))))
            points[done:end] = fitted.transform(wide)
        done = end
    return points


def _tsne(values: npt.NDArray[np.float32], seed: int) -> Any:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(values) - 1) / 3)
    start = "pca" if values.shape[1] >= 2 else "random"
    return TSNE(2, perplexity=perplexity, init=start, random_state=seed).fit_transform(values)


def _by_umap(values: npt.NDArray[np.float32], seed: int) -> Any:
    # With a spectral start a handful of samples fails in the eigensolver; one job is what a seed needs.
    start = "spectral" if len(values) > 50 else "random"
    made = _umap()(n_neighbors=min(15, len(values) - 1), init=start, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what was just decided, and from its compiler
        return made.fit_transform(values)


def _umap() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its parametric variant, which is not used
            from umap import UMAP
    except ImportError as error:
        raise BackendError(
            "UMAP is not installed.", f"Install it: {install_command('features')}. Or use --method tsne."
        ) from error
    return UMAP


def _state(label: str | None, prediction: str | None) -> str:
    if label is None or prediction is None:
        return UNKNOWN
    return RIGHT if label == prediction else WRONG
