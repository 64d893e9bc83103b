"""One self-contained HTML page about a run: what it learned from, how well, and where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convscope.errors import RunError
from convscope.files import written_whole
from convscope.lenses.pages import pages
from convscope.lenses.pages.explanation_rows import rows
from convscope.lenses.pages.report_texts import Score, cards_of, cut_text, metrics_of, pieces_of, titled
from convscope.lenses.pages.templates import add_filters, find_template
from convscope.lenses.sheet import charts
from convscope.lenses.views.plain import PLAIN
from convscope.types import Skipped

if TYPE_CHECKING:
    from jinja2 import Template

    from convscope.lenses.pages.pages import LazyFigure
    from convscope.lenses.views.view import ViewFactory
    from convscope.scope.describe.explanation import Explanation

SHOWN_SKIPPED = 200
SHOWN_CONFUSIONS = 10
SHOWN_ROWS = 12
SHOWN_PICTURES = 8
ALL_PICTURES = 800


@dataclass(frozen=True)
class Marked:
    """A text with names on parts of it.

    Args:
        text: The text.
        spans: First character, the one behind the last, and the name of each part; none overlaps another.
    """

    text: str
    spans: Sequence[tuple[int, int, str]] = ()


@dataclass(frozen=True)
class Mistake:
    """A sample that was taken for another class, or answered with another text or other marks.

    Args:
        shown: The sample as it was read, or a text. Empty where `told` says it all.
        name: Where it came from, such as the file.
        true: Its class name; empty where it has none.
        predicted: The class name it was given; empty where there is none.
        probability: Probability of the predicted class, in [0, 1]; None where there is none.
        details: More about it, by heading, such as the reference and the answer of a translation.
    """

    shown: object
    name: str
    true: str = ""
    predicted: str = ""
    probability: float | None = None
    details: Sequence[tuple[str, str | Marked]] = ()


@dataclass(frozen=True)
class FoundTable:
    """A table of what was found.

    Args:
        caption: Stands above it; may be empty.
        headings: Of its columns.
        rows: Cells as they are written.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Finding:
    """A section of the report on data that are described, not predicted.

    Args:
        key: Its anchor on the page, one word.
        title: Its heading.
        text: What it says.
        pictures: Stand first.
        tables: Stand below.
    """

    key: str
    title: str
    text: str
    pictures: Sequence[LazyFigure] = ()
    tables: Sequence[FoundTable] = ()


@dataclass(frozen=True)
class ReportContent:
    """Everything that the report says, as plain values.

    Args:
        title: Name of the run.
        recipe: Name of the recipe.
        architecture: Name of the architecture.
        class_names: The classes, in the order of the labels.
        counts: Samples per split name and class name.
        history: One row per epoch: `epoch`, `learning_rate`, `seconds`, `loss` and any metrics, each with its
            `val_` pair; keys may be missing.
        kept: Position of the epoch in `history` whose weights are kept; None if that is not known.
        kept_by: By what it was chosen, such as "the lowest validation loss".
        metrics: The metrics of the test split by name; None if there are none. Those of a
            classifier hold `confusion` and `reliability`; `classes` is a list of `name`, `precision`,
            `recall`, `f1` and `support`.
        calibration: What the temperature of a classifier changed on the test split: `temperature`,
            `validation_samples`, `error_before`; None where there is none.
        mistakes: The most confident mistakes, worst first.
        samples: Per class name some of its samples, each as in `Mistake`.
        settings: Every setting of the run by name.
        versions: Version by package name.
        machine: What the run was made on.
        decisions: Automatic decisions with their reasons, one line each.
        warnings: What the user should know, one line each.
        skipped: What the reader left out.
        explanation: The model explained.
        pictures: Feature maps of a few samples.
        answered: What it answers to a few test samples, where that is drawn.
        findings: Sections of their own, where the samples are described and nothing is predicted; there
            are no splits then, and `counts` has one entry.
        counted: What `counts` counts.
        scores: The figures at the top of the page; by default all numbers of `metrics`.
        views: How samples are drawn.
    """

    title: str
    recipe: str
    architecture: str
    class_names: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]
    history: Sequence[Mapping[str, Any]] = ()
    kept: int | None = None
    kept_by: str = ""
    metrics: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    mistakes: Sequence[Mistake] = ()
    samples: Sequence[tuple[str, Sequence[object]]] = ()
    settings: Mapping[str, object] | None = None
    versions: Mapping[str, str] | None = None
    machine: Mapping[str, str] | None = None
    decisions: Sequence[str] = ()
    warnings: Sequence[str] = ()
    skipped: Sequence[Skipped] = ()
    explanation: Explanation | None = None
    pictures: Sequence[LazyFigure] = ()
    counted: str = "samples"
    scores: Sequence[Score] = ()
    answered: Sequence[LazyFigure] = ()
    findings: Sequence[Finding] = ()
    views: ViewFactory = PLAIN


def write_report(path: Path, content: ReportContent) -> None:
    """Writes the report as one HTML file that needs no network, and replaces an older one at once.

    Args:
        path: The file to write.
        content: What to say. The same content gives the same bytes.

    Raises:
        RunError: If the file cannot be written.
    """
    page = render_report(content).encode("utf-8", "backslashreplace")
    try:
        with written_whole(path) as part:
            part.write_bytes(page)
    except OSError as error:
        raise RunError(
            f"The report {path} cannot be written: {error.strerror}.", "Check the folder and its free space."
        ) from error


def render_report(content: ReportContent) -> str:
    """Returns the page that `write_report` writes; every name in it is escaped."""
    from markupsafe import Markup

    classified = content.metrics if "confusion" in (content.metrics or {}) else None
    drawn: dict[str, str] = {}
    curves = {name: charts.curve(content.history, name, content.kept) for name in metrics_of(content.history)}
    if classified:
        drawn["confusion"] = charts.confusion(classified["confusion"], content.class_names)
        drawn["reliability"] = charts.reliability(classified["reliability"])
    return _template().render(
        content=content,
        charts={name: Markup(chart) for name, chart in drawn.items()},  # noqa: S704 - names escaped there
        curves={name: Markup(chart) for name, chart in curves.items()},  # noqa: S704
        classified=classified,
        classes=_by_class(content),
        cards=cards_of(content),
        kinds=_kinds(content),
        total=_total(content),
        seconds=sum(float(row.get("seconds") or 0) for row in content.history),
        headline=_headline(classified) if classified else None,
        scores=_weakest_first(content.metrics or {}),
        confusions=_confusions(classified["confusion"], content.class_names) if classified else [],
        thumbnail=lambda shown, label: Markup(content.views.of_sample(shown).markup(label)),  # noqa: S704
        layers=rows(content.explanation) if content.explanation else [],
        drawn=[pages.drawn(picture) for picture in content.pictures],
        answered=[pages.drawn(picture) for picture in content.answered],
        found=[[pages.drawn(picture) for picture in each.pictures] for each in content.findings],
        shown_rows=SHOWN_ROWS,
        shown_skipped=SHOWN_SKIPPED,
    )


@cache
def _template() -> Template:
    add_filters(
        share=lambda value: f"{value:.1%}",
        count=lambda value: f"{value:,}",
        duration=_duration,
        pieces=pieces_of,
        cut=cut_text,
        titled=titled,
    )
    return find_template("report.html.j2")


def _total(content: ReportContent) -> int:
    """How many there are of what is counted: of all classes, or, beside other things, of it alone."""
    alone = any(content.counted in of_split for of_split in content.counts.values())
    return sum(
        number
        for of_split in content.counts.values()
        for name, number in of_split.items()
        if name == content.counted or not alone
    )


def _by_class(content: ReportContent) -> list[dict[str, Any]]:
    pictures = dict(content.samples)
    names = content.class_names or tuple(
        dict.fromkeys(name for row in content.counts.values() for name in row)
    )
    shown = int(np.clip(ALL_PICTURES // max(len(names), 1), 1, SHOWN_PICTURES))
    return [
        {
            "name": name,
            "counts": (row := [int(of_split.get(name, 0)) for of_split in content.counts.values()])[
                : 0 if len(content.counts) == 1 else None
            ],
            "total": sum(row),
            "pictures": list(pictures.get(name, ()))[:shown],
        }
        for name in names
    ]


def _kinds(content: ReportContent) -> dict[str, int]:
    """A number from 0 to 4 for each name that marks carry, for its color."""
    marked = [text for each in content.mistakes for _, text in each.details if isinstance(text, Marked)]
    names = sorted({name for text in marked for _, _, name in text.spans})
    return {name: i % 5 for i, name in enumerate(names)}


def _headline(classified: Mapping[str, Any]) -> dict[str, Any]:
    """The accuracy with its 95 % interval (Wilson, 1927) and what the largest class alone would give."""
    n, share, z = classified["samples"], classified["accuracy"], 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    largest = max(classified["classes"], key=lambda scores: scores["support"])
    return {
        "interval": (max(middle - half, 0.0), min(middle + half, 1.0)),
        "largest": largest["name"],
        "largest_share": largest["support"] / n,
    }


def _weakest_first(classified: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = [row for row in classified.get("classes", ()) if isinstance(row, Mapping) and "f1" in row]
    return sorted(rows, key=lambda scores: (scores["support"] == 0, scores["f1"]))


def _confusions(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> list[dict[str, Any]]:
    counts = np.array(matrix, np.int64)
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    worst = np.argsort(-counts, axis=None, kind="stable")[:SHOWN_CONFUSIONS]
    return [
        {
            "true": names[true],
            "predicted": names[predicted],
            "count": int(counts[true, predicted]),
            "share": counts[true, predicted] / totals[true],
        }
        for true, predicted in zip(*np.unravel_index(worst, counts.shape), strict=True)
        if counts[true, predicted]
    ]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
