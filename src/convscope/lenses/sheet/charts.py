"""Training curves, confusion and reliability as SVG that lives inside a page and takes its colors from it.

Every chart is drawn once, in stand-in colors that become CSS custom properties (`--ink`, `--first`, ...), so
that one drawing is right in light and in dark mode. Text stays text, in the font of the page.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, RULE, FIRST, SECOND, GROUND, ON_HEAT = (f"#01020{i}" for i in range(7))
_ROLES = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    FIRST: "first",
    SECOND: "second",
    GROUND: "ground",
    ON_HEAT: "on-heat",
}
_HEAT = (0, 91, 150)  # what an image shows at full strength; the page brightens it in dark mode
_HEAT_POWER = 0.6  # below one, so that rare confusions show beside a full diagonal
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "convscope",
    "svg.fonttype": "none",
    "font.size": 12,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$x$"
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "grid.color": RULE,
    "grid.linewidth": 1,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
}

_WIDEST = 900
_LOW_IS_GOOD = ("loss", "perplexity", "error", "rmse", "mse", "mae")

Matrix = Sequence[Sequence[int]]


def curve(history: Sequence[Mapping[str, Any]], metric: str, kept: int | None = None) -> str:
    """Draws a metric of the train and the validation split over the epochs, with one epoch marked.

    Args:
        history: One row per epoch with `epoch`, `metric` and, if there was validation, `val_` + `metric`.
        metric: Such as `accuracy` or `f1`, highest is best, shown in percent where all lie within 0 and 1;
            of losses, perplexities and errors the lowest is best.
        kept: Position of the epoch that is marked; by default that of the best validation.

    Returns:
        An inline `<svg>` element.
    """
    epochs = _column(history, "epoch")
    series = [
        (label, color, width, _column(history, key))
        for label, key, color, width in (
            ("train", metric, SECOND, 1.5),
            ("validation", f"val_{metric}", FIRST, 2.5),
        )
        if any(key in row for row in history)
    ]

    lowest = any(word in metric for word in _LOW_IS_GOOD)
    finite = [value for *_, values in series for value in values if np.isfinite(value)]
    share = not lowest and all(0 <= value <= 1 for value in finite)

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0.115, 0.13, 0.68, 0.82))
        marker = "o" if len(epochs) == 1 else ""
        for _, color, width, values in series:
            axes.plot(epochs, values, color=color, linewidth=width, marker=marker, markersize=5)
        if share:
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        _whole_epochs(axes, epochs)
        if metric == "loss":
            axes.set_ylim(bottom=0)
        if series and series[-1][0] == "validation":
            if kept is None:
                _mark_best(axes, epochs, series[-1][3], lowest=lowest)
            else:
                _mark(axes, epochs[kept], series[-1][3][kept])
        _name_ends(axes, epochs, series)

    return _svg(draw, 460, 280, f"{metric} of the train and the validation split over {len(epochs)} epochs")


def _heat(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Shares from 0 to 1 as one color that covers the more, shape (rows, columns, 4)."""
    picture = np.zeros((*shares.shape, 4), np.uint8)
    picture[..., :3] = _HEAT
    picture[..., 3] = np.rint(255 * shares**_HEAT_POWER)
    return picture


def confusion(matrix: Matrix, class_names: Sequence[str]) -> str:
    """Draws which class was taken for which, colored by the share of the true class.

    Cells show the share and the count up to 12 classes; where not every class name fits, every second, third
    ... is written.

    Args:
        matrix: Counts, `matrix[true][predicted]`, k rows of k.
        class_names: The k names.

    Returns:
        An inline `<svg>` element.
    """
    counts = np.asarray(matrix, np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = len(class_names)
    names = [_short(name) for name in class_names]
    font = 12.0 if size <= 30 else 10.0
    longest = 0.58 * font * max(map(len, names))
    left = 42 + longest
    cell = float(np.clip((_WIDEST - left - 12) / size, 1, 84 if size <= 4 else 64))
    tilt = 0 if longest < cell else 90
    top = 42 + (longest if tilt else font)
    width, height = left + cell * size + 12, top + cell * size + 12

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((left / width, 12 / height, cell * size / width, cell * size / height))
        axes.imshow(_heat(shares), interpolation="none", aspect="auto")
        axes.grid(False)
        axes.spines[:].set_visible(True)
        ticks = np.arange(0, size, int(np.ceil(1.1 * font / cell)))
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xticks(ticks, [names[i] for i in ticks], rotation=tilt, fontsize=font)
        axes.set_yticks(ticks, [names[i] for i in ticks], fontsize=font)
        axes.tick_params(colors=INK)
        axes.set_xlabel("predicted", labelpad=10)
        axes.set_ylabel("true", labelpad=8)
        if size <= 12:
            _write_cells(axes, counts, shares)

    right = int(np.trace(counts))
    return _svg(
        draw,
        width,
        height,
        f"confusion matrix of {size} classes: {right} of {int(counts.sum())} on the diagonal",
    )


def reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    """Draws accuracy against confidence, and below it how many predictions stand behind each bar.

    Args:
        bins: Dicts with `lower`, `upper`, `count`, `confidence` and `accuracy`, by rising confidence.

    Returns:
        An inline `<svg>` element.
    """
    filled = [each for each in bins if each["count"]]
    middles = [(each["lower"] + each["upper"]) / 2 for each in filled]
    wide = [0.88 * (each["upper"] - each["lower"]) for each in filled]

    def draw(figure: Figure) -> None:
        above = figure.add_axes((0.125, 0.36, 0.825, 0.6))
        above.bar(middles, [each["accuracy"] for each in filled], wide, color=FIRST, alpha=0.5, linewidth=0)
        above.plot([0, 1], [0, 1], color=INK, linewidth=1.25, linestyle=(0, (4, 3)))
        above.plot(
            [each["confidence"] for each in filled],
            [each["accuracy"] for each in filled],
            "o",
            color=GROUND,
            markeredgecolor=INK,
            markersize=6,
            markeredgewidth=1.5,
        )
        above.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy", yticks=np.linspace(0, 1, 6))
        above.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        above.set_xticks(np.linspace(0, 1, 6), [""] * 6)
        below = figure.add_axes((0.125, 0.115, 0.825, 0.19))
        below.bar(middles, [each["count"] for each in filled], wide, color=MUTED, linewidth=0)
        below.set(xlim=(0, 1), xlabel="confidence", ylabel="samples", xticks=np.linspace(0, 1, 6))
        below.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        top = max((int(each["count"]) for each in filled), default=1)
        below.set_yticks([top], [f"{top:,}"])

    return _svg(draw, 460, 420, "reliability diagram: accuracy over confidence, with the samples per bin")


def _column(history: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [float(row[key]) if row.get(key) not in (None, "") else float("nan") for row in history]


def _whole_epochs(axes: Axes, epochs: Sequence[float]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_xlim(min(epochs, default=0) - 0.5, max(epochs, default=1) + 0.5)


def _mark_best(axes: Axes, epochs: Sequence[float], values: Sequence[float], *, lowest: bool) -> None:
    if not np.isfinite(values).any():
        return
    best = int(np.nanargmin(values) if lowest else np.nanargmax(values))
    _mark(axes, epochs[best], values[best])


def _mark(axes: Axes, epoch: float, value: float) -> None:
    """A ring; nothing where the value is not known."""
    axes.plot(
        epoch,
        value,
        "o",
        color=GROUND,
        markeredgecolor=FIRST,
        markersize=8,
        markeredgewidth=2.5,
        clip_on=False,
        zorder=5,
    )


def _name_ends(
    axes: Axes, epochs: Sequence[float], series: Sequence[tuple[str, str, float, Sequence[float]]]
) -> None:
    """Writes each name where its line ends, moved apart where two lines end together."""
    bottom, top = axes.get_ylim()
    gap = 0.13 * (top - bottom)
    ends = [
        (values[last[-1]], label, color)
        for label, color, _, values in series
        if len(last := np.flatnonzero(np.isfinite(values)))
    ]
    ends.sort()
    middle = sum(value for value, _, _ in ends) / max(len(ends), 1)
    if len(ends) == 2 and ends[1][0] - ends[0][0] < gap:
        middle = float(np.clip(middle, bottom + gap / 2, top - gap / 2))
        ends = [(middle - gap / 2, *ends[0][1:]), (middle + gap / 2, *ends[1][1:])]
    for value, label, color in ends:
        axes.annotate(
            label,
            (epochs[-1], value),
            xytext=(10, 0),
            textcoords="offset points",
            color=color,
            va="center",
            annotation_clip=False,
        )


def _write_cells(axes: Axes, counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> None:
    for (row, column), share in np.ndenumerate(shares):
        color = ON_HEAT if share**_HEAT_POWER > 0.72 else INK
        if not counts[row, column]:
            continue
        shown = f"{share:.0%}" if share >= 0.005 else "<1%"
        axes.text(column, row - 0.1, shown, color=color, ha="center", va="center", fontsize=13)
        axes.text(
            column,
            row + 0.22,
            f"{counts[row, column]:,}",
            color=color,
            ha="center",
            va="center",
            fontsize=10,
        )


def _short(name: str, longest: int = 22) -> str:
    """A name that any font can lay out on one line."""
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return printable if len(printable) <= longest else printable[: longest - 1] + "…"


def _svg(draw: Callable[[Figure], None], width: float, height: float, label: str) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # Names may need glyphs that the layout font lacks; the page's own font draws them.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        figure.patch.set_visible(False)
        draw(figure)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return _for_page(drawn.getvalue(), width, height, label)


def _for_page(drawn: str, width: float, height: float, label: str) -> str:
    """Turns a stand-alone SVG document into an element of an HTML page."""
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    mark = re.sub(r"\W+", "-", label)[:24]

    def adapt(tag: re.Match[str]) -> str:
        text = tag[0] if "<g" not in tag[0] else re.sub(r' id="[^"]*"', "", tag[0])
        text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
        text = re.sub(r'(?<=\bid=")|(?<=href="#)|(?<=url\(#)', f"{mark}-", text)
        for stand_in, role in _ROLES.items():
            text = text.replace(stand_in, f"var(--{role})")
        return text

    # Only tags are rewritten: between them stand names, which stay as they are.
    body = re.sub(r"<[^>]+>", adapt, body)
    return (
        f'<svg class="chart" role="img" aria-label="{escape(label)}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" style="--natural: {width:g}px">{body.strip()}\n'
    )
