"""What the commands print of their results, on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from convscope.cli.console import STDOUT, harmless, json_text, plain, print_json, say
from convscope.csv_text import csv_text, safe_cell

if TYPE_CHECKING:
    from convscope.features.neighbors import Neighbors
    from convscope.features.probe import Probe
    from convscope.kinds.contract.recipe import Metrics, Prediction
    from convscope.scope.describe.explanation import Explanation
    from convscope.workflows.inspect.inspection import Inspection
    from convscope.workflows.predict import Predictions
    from convscope.workflows.search.results import SearchResult

WIDEST_TEXT = 110
WIDEST_TABLE = 10_000
UNBROKEN = 32
"""Characters up to which a cell, such as a time, stays in one line."""


def print_metrics(metrics: Metrics) -> None:
    """Prints the metrics of a split: each class or type, then all samples."""
    headings, rows = metrics.to_table()
    if rows:
        table = Table(*(Column(plain(name)) for name in headings), box=None)
        for column in table.columns[1:]:
            column.justify = "right"
        for row in rows:
            table.add_row(*map(plain, row))
        _print_table(table)
    STDOUT.print(plain(metrics.to_line()), soft_wrap=True)


def print_predictions(predictions: Predictions, form: str, *, safe_csv: bool = True) -> None:
    """Prints predictions as a table, CSV or JSON Lines, and what was skipped as a count."""
    if form == "csv":
        _csv(predictions, safe_csv)
    else:
        {"table": _table, "jsonl": _jsonl}[form](predictions)
    for skipped in predictions.skipped[:5]:
        say(f"Skipped {skipped.path}: {skipped.reason}")
    if len(predictions.skipped) > 5:
        say(f"Skipped {len(predictions.skipped)} files in all.")


def print_stream(predictions: Iterable[Prediction], form: str, *, safe_csv: bool = True) -> None:
    """Prints each prediction for a stream on a line of its own, at once."""
    named = False
    for prediction in predictions:
        if form == "jsonl":
            sys.stdout.write(json_text(prediction.to_json()) + "\n")
        elif form == "csv":
            row = prediction.to_row()
            lines = [list(row.values())] if named else [list(row), list(row.values())]
            if safe_csv and not named:
                _say_changed(lines)
            sys.stdout.write(csv_text(lines, safe=safe_csv, newline="\r\n"))
            named = True
        else:
            cells = prediction.to_cells()
            sys.stdout.write("  ".join(map(harmless, cells.values())).rstrip() + "\n")
        sys.stdout.flush()


def print_explanation(explanation: Explanation, form: str, out: Path | None) -> None:
    """Prints an explanation as text, Markdown, HTML or JSON, or writes it to a file."""
    from convscope.files import written_whole
    from convscope.lenses.pages import explanation as lens

    if form == "json":
        text = json_text(explanation.to_json(), indent=2) + "\n"
    elif form == "text":
        text = lens.as_text(explanation, width=min(STDOUT.width, WIDEST_TEXT))
    else:
        text = {"markdown": lens.as_markdown, "html": lens.as_html}[form](explanation)
    if out is None:
        sys.stdout.write("\n".join(map(harmless, text.rstrip("\n").split("\n"))) + "\n")
        return
    with written_whole(out) as part:
        part.write_text(text, "utf-8")
    say(f"Wrote {out}.")


def print_colored(seen: Inspection) -> None:
    """Prints texts with their words colored by attribution, in a terminal."""
    if not STDOUT.is_terminal:
        return
    for picture in seen.pictures:
        for heading, text in picture.terminal() if picture.terminal is not None else ():
            STDOUT.print(Text(harmless(heading), "bold"), text)


def print_neighbors(found: Neighbors, form: str, *, safe_csv: bool = True) -> None:
    """Prints the nearest samples as a table, CSV or JSON Lines."""
    if form == "csv":
        if safe_csv:
            _say_changed(found.to_rows())
        sys.stdout.write(found.to_csv(safe=safe_csv))
        return
    if form == "jsonl":
        for line in found.to_json():
            sys.stdout.write(json_text(line) + "\n")
        return
    for query, near in zip(found.queries, found.found, strict=True):
        facts = [("", query.label), ("predicted ", query.prediction if query.id is None else None)]
        facts_line = harmless(", ".join(f"{word}{name}" for word, name in facts if name is not None))
        heading = Text(harmless(query.name), "bold")
        STDOUT.print(heading.append(f"  {facts_line}" if facts_line else "", "not bold"), soft_wrap=True)
        table = Table("id", "distance", "label", "prediction", "sample", box=None)
        table.columns[0].justify = table.columns[1].justify = "right"
        table.columns[4].overflow = "fold"
        for each in near:
            names = (plain(each.label or ""), plain(each.prediction or ""), plain(each.path))
            table.add_row(str(each.id), f"{each.distance:.4g}", *names)
        _print_table(table)


def print_probe(found: Probe, form: str) -> None:
    """Prints the accuracy of each layer as a table or JSON."""
    if form == "json":
        print_json(found.to_json())
        return
    table = Table("layer", "features", "accuracy", "95% interval", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    table.columns[0].overflow = "fold"
    for each in found.layers:
        interval = f"{each.low:.1%} to {each.high:.1%}"
        table.add_row(plain(each.layer), f"{each.values:,}", f"{each.accuracy:.1%}", interval)
    _print_table(table)
    own = "" if found.model is None else f"the model itself {found.model:.1%}, "
    STDOUT.print(
        f"{own}the most frequent class {found.baseline:.1%}, on {found.samples[2]:,} test samples",
        soft_wrap=True,
    )
    STDOUT.print(plain(found.finding), soft_wrap=True)


def print_search(found: SearchResult) -> None:
    """Prints the trials, the best first, and who won."""
    headings, rows = found.to_table()
    table = Table(*headings, box=None)
    for column in table.columns[:3]:
        column.justify = "right"
    table.columns[-1].overflow = "fold"
    for row in rows:
        table.add_row(*map(plain, row))
    _print_table(table)
    STDOUT.print(plain(found.to_line()), soft_wrap=True)


def _print_table(table: Table) -> None:
    """Prints a table; where no terminal has a width, as wide as it is, so that nothing in it is cut."""
    width = STDOUT.width if STDOUT.is_terminal else WIDEST_TABLE
    Console(file=STDOUT.file, highlight=False, width=width).print(table)


def _table(predictions: Predictions) -> None:
    cells = [row.to_cells() for row in predictions.rows]
    table = Table(*(Column(plain(name)) for name in (cells[0] if cells else ())), box=None)
    for column, name in zip(table.columns, cells[0] if cells else (), strict=True):
        column.overflow = "fold"  # a path that is cut short names no file
        column.no_wrap = max(len(each.get(name, "")) for each in cells) <= UNBROKEN
    for each in cells:
        table.add_row(*(plain(text) for text in each.values()))
    _print_table(table)


def _csv(predictions: Predictions, safe: bool) -> None:
    rows = [row.to_row() for row in predictions.rows]
    names = list(rows[0]) if rows else ["sample", "label"]
    lines = [names, *([row[name] for name in names] for row in rows)]
    if safe:
        _say_changed(lines)
    sys.stdout.write(csv_text(lines, safe=safe, newline="\r\n"))


def _say_changed(rows: Iterable[Sequence[object]]) -> None:
    """Names the texts that stand differently in the CSV, which others that are joined with it may not."""
    cells = (cell for row in rows for cell in row if isinstance(cell, str))
    changed = list(dict.fromkeys(cell for cell in cells if safe_cell(cell) != cell))
    if not changed:
        return
    shown = ", ".join(repr(cell[:40]) for cell in changed[:3])
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    say(
        f"Warning: {shown}{more} would be formulas or commands, so the CSV has {safe_cell(changed[0][:40])!r}"
        " and the like; --no-safe-csv leaves them as they are."
    )


def _jsonl(predictions: Predictions) -> None:
    for row in predictions.rows:
        sys.stdout.write(json_text(row.to_json()) + "\n")
