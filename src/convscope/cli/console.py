"""What the commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from convscope.features.neighbours import Neighbours
    from convscope.features.probe import Probe
    from convscope.kinds.contract.recipe import Metrics, Prediction
    from convscope.scope.describe.explanation import Explanation
    from convscope.workflows.inspect.inspection import Inspection
    from convscope.workflows.predict import Predictions

AFTER_SECONDS = 2.0
WIDEST_TEXT = 110

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def start_backend() -> None:
    """Imports Keras and its backend without the lines that TensorFlow's native code prints by itself.

    Raises:
        BackendError: No Keras backend is installed.
    """
    from convscope.backend import prepare_backend

    prepare_backend()
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import keras

            keras.ops.zeros(1)
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def say(line: str) -> None:
    """Prints one line for people, on standard error."""
    _err.print(line, markup=False, soft_wrap=True)


class Bar:
    """A progress bar with an estimate, shown for what takes longer than two seconds."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeRemainingColumn(),
            console=_err,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._started = time.monotonic()
        self._shown = False

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Draws the standing of `what`; the part before a comma names the work."""
        work = what.partition(",")[0]
        if work not in self._tasks:
            for task in self._tasks.values():
                self._bar.remove_task(task)
            self._tasks = {work: self._bar.add_task(what, total=total, count="")}
        self._bar.update(
            self._tasks[work], completed=done, total=total, description=what, count=_count(done, total)
        )
        if not self._shown and time.monotonic() - self._started > AFTER_SECONDS:
            self._shown = True
            self._bar.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._bar.stop()


def _count(done: int, total: int | None) -> str:
    """How many of how many, or as much of it as is known."""
    if total is None:
        return f"{done:.0f}" if done else ""
    return f"{done:.0f}/{total:.0f}"


def print_json(content: Any) -> None:
    """Prints plain values as JSON."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def print_judgement(judgement: Metrics) -> None:
    """Prints the figures of a split: each class or type, then the whole."""
    headings, rows = judgement.to_table()
    if rows:
        table = Table(headings[0], *headings[1:], box=None)
        for column in table.columns[1:]:
            column.justify = "right"
        for name, *figures in rows:
            table.add_row(_plain(name), *figures)
        _out.print(table)
    _out.print(_plain(judgement.to_line()), soft_wrap=True)


def print_predictions(predictions: Predictions, form: str) -> None:
    """Prints answers as a table, CSV or JSON Lines, and what was skipped as a count."""
    {"table": _table, "csv": _csv, "jsonl": _jsonl}[form](predictions)
    for skipped in predictions.skipped[:5]:
        say(f"Skipped {skipped.path}: {skipped.reason}")
    if len(predictions.skipped) > 5:
        say(f"Skipped {len(predictions.skipped)} files in all.")


def print_followed(answers: Iterable[Prediction], form: str) -> None:
    """Prints each answer to a stream on a line of its own, at once."""
    writer = None
    for answer in answers:
        if form == "jsonl":
            sys.stdout.write(json.dumps(answer.to_json(), ensure_ascii=False) + "\n")
        elif form == "csv":
            row = answer.to_row()
            if writer is None:
                writer = csv.DictWriter(sys.stdout, list(row))
                writer.writeheader()
            writer.writerow(row)
        else:
            cells = answer.to_cells()
            sys.stdout.write("  ".join(_plain(cell) for cell in cells.values()).rstrip() + "\n")
        sys.stdout.flush()


def print_explanation(explanation: Explanation, form: str, out: Path | None) -> None:
    """Prints an explanation as text, Markdown, HTML or JSON, or writes it to a file."""
    from convscope.files import written_whole
    from convscope.lenses.pages import explanation as lens

    if form == "json":
        text = json.dumps(explanation.to_json(), indent=2, ensure_ascii=False) + "\n"
    elif form == "text":
        text = lens.as_text(explanation, width=min(_out.width, WIDEST_TEXT))
    else:
        text = {"markdown": lens.as_markdown, "html": lens.as_html}[form](explanation)
    if out is None:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        return
    with written_whole(out) as part:
        part.write_text(text, "utf-8")
    say(f"Wrote {out}.")


def print_coloured(seen: Inspection) -> None:
    """Prints texts with their words coloured by what speaks for and against an answer, where it was asked."""
    if not _out.is_terminal:
        return
    for picture in seen.pictures:
        for heading, text in picture.terminal() if picture.terminal is not None else ():
            _out.print(f"[bold]{heading}[/bold]", text)


def print_recipes() -> None:
    """Prints every recipe with what it reads and its architectures."""
    from convscope.kinds.registry import architectures, recipe_specs

    for recipe in recipe_specs().values():
        _out.print(f"[bold]{recipe.name}[/bold]  ({recipe.task})")
        _out.print("  reads")
        for line in recipe.reads:
            _out.print(f"    {line}", markup=False)
        _out.print("  architectures")
        for name in recipe.architectures:
            summary = architectures()[name].summary
            default = " (default)" if name == recipe.architectures[0] else ""
            _out.print(f"    {name:<14}{summary}{default}", markup=False, soft_wrap=True)
    _out.print("[bold]kernel banks[/bold]  (features without training)")
    for name, architecture in architectures().items():
        if architecture.is_bank:
            _out.print(f"    {name:<30}{architecture.summary}", markup=False, soft_wrap=True)


def print_neighbours(found: Neighbours, form: str) -> None:
    """Prints the nearest samples as a table, CSV or JSON Lines."""
    if form == "csv":
        sys.stdout.write(found.to_csv())
        return
    if form == "jsonl":
        for line in found.to_json():
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        return
    for query, near in zip(found.queries, found.found, strict=True):
        facts = [("", query.label), ("predicted ", query.prediction if query.id is None else None)]
        said = ", ".join(f"{word}{_plain(name)}" for word, name in facts if name is not None)
        _out.print(f"[bold]{_plain(query.name)}[/bold]{f'  {said}' if said else ''}", soft_wrap=True)
        table = Table("id", "distance", "label", "answer", "sample", box=None)
        table.columns[0].justify = table.columns[1].justify = "right"
        table.columns[4].overflow = "fold"
        for each in near:
            names = (_plain(each.label or ""), _plain(each.prediction or ""), _plain(each.path))
            table.add_row(str(each.id), f"{each.distance:.4g}", *names)
        _out.print(table)


def print_probe(found: Probe, form: str) -> None:
    """Prints what each layer reaches as a table or JSON."""
    if form == "json":
        print_json(found.to_json())
        return
    table = Table("layer", "features", "accuracy", "95% interval", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    table.columns[0].overflow = "fold"
    for each in found.layers:
        reach = f"{each.low:.1%} to {each.high:.1%}"
        table.add_row(_plain(each.layer), f"{each.values:,}", f"{each.accuracy:.1%}", reach)
    _out.print(table)
    own = "" if found.model is None else f"the model itself {found.model:.1%}, "
    _out.print(
        f"{own}the most frequent class {found.baseline:.1%}, on {found.samples[2]:,} test samples",
        soft_wrap=True,
    )
    _out.print(_plain(found.finding), soft_wrap=True)


def _table(predictions: Predictions) -> None:
    cells = [row.to_cells() for row in predictions.rows]
    table = Table(*(cells[0] if cells else ()), box=None)
    for column in table.columns:
        column.overflow = "fold"  # a path that is cut short names no file
    for each in cells:
        table.add_row(*(_plain(text) for text in each.values()))
    _out.print(table)


def _csv(predictions: Predictions) -> None:
    rows = [row.to_row() for row in predictions.rows]
    writer = csv.DictWriter(sys.stdout, list(rows[0]) if rows else ["sample", "label"])
    writer.writeheader()
    writer.writerows(rows)


def _jsonl(predictions: Predictions) -> None:
    for row in predictions.rows:
        sys.stdout.write(json.dumps(row.to_json(), ensure_ascii=False) + "\n")


def _plain(text: str) -> str:
    """Text from outside, safe to print: no markup, no control characters."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown.replace("[", "\\[")
